#include "suite/run/integrity.hpp"

#include <fmt/format.h>
#include <system_error>

#include "suite/common/files.hpp"
#include "suite/common/hashing.hpp"
#include "suite/common/safe_path.hpp"
#include "suite/common/toml_reader.hpp"

namespace credo::suite {

namespace fs = std::filesystem;

namespace {

// " (learner.gamma = 0.5, not 0.99)": the first setting in which a recorded configuration differs.
std::string first_difference(const fs::path& recorded, const RunConfig& config) {
  const auto values = [](const std::string& text, const std::string& label) {
    std::map<std::string, std::string> found;
    for (const Setting& setting : read_toml(text, label).settings)
      found[setting.key] = to_text(setting.value);
    return found;
  };
  try {
    const auto old_values = values(read_text(recorded), recorded.string());
    const auto new_values = values(config.to_toml(), "");
    const auto value = [](const auto& found, const std::string& key) {
      const auto at = found.find(key);
      return at == found.end() ? "not set" : at->second;
    };
    std::map<std::string, std::string> all = old_values;
    all.insert(new_values.begin(), new_values.end());
    for (const auto& [key, unused] : all) {
      const std::string before = value(old_values, key);
      const std::string now = value(new_values, key);
      if (before == now) continue;
      constexpr std::string_view kInputs = "inputs.";
      if (key.starts_with(kInputs))
        return fmt::format(" (the content of {} was different)", key.substr(kInputs.size()));
      return fmt::format(" ({} = {}, now {})", key, before, now);
    }
  } catch (const Error&) {
    return "";  // that it is another one is known all the same
  }
  return "";
}

}  // namespace

std::vector<std::string> changed_files(const fs::path& directory,
                                       const std::map<std::string, std::string>& recorded) {
  std::vector<std::string> changed;
  const std::string where = (directory / kManifest).string() + ": sha256";
  for (const auto& [name, hash] : recorded) {
    const fs::path path = path_below(directory, name, where);
    std::error_code error;
    if (!fs::exists(path, error)) {
      changed.push_back(fmt::format("{}: missing", path.string()));
      continue;
    }
    try {
      if (sha256_hex_of_file(path) != hash)
        changed.push_back(fmt::format("{}: changed since it was recorded", path.string()));
    } catch (const FileError& problem) {
      changed.push_back(fmt::format("{}: {}", path.string(), problem.what()));
    }
  }
  return changed;
}

std::vector<std::string> changed_files(const fs::path& directory, const Manifest& manifest) {
  std::vector<std::string> changed = changed_files(directory, manifest.sha256);
  const auto config = manifest.sha256.find(std::string(kConfig));
  if (config == manifest.sha256.end() || config->second != manifest.run_id)
    changed.push_back(
        fmt::format("{}: run_id is not the SHA-256 of config.toml", directory.string()));
  return changed;
}

void require_unchanged(const std::vector<std::string>& changed) {
  if (changed.empty()) return;
  const std::string more =
      changed.size() > 1 ? fmt::format(" (and {} more)", changed.size() - 1) : "";
  throw ChangedError(fmt::format("{}{}; `credo verify` lists what changed, --no-verify accepts it",
                                 changed.front(), more));
}

RunStatus status_now(const fs::path& directory, const Manifest& manifest) {
  if (manifest.status != RunStatus::kRunning) return manifest.status;
  return live_owner(directory) ? RunStatus::kRunning : RunStatus::kInterrupted;
}

RunStatus cell_status(const fs::path& folder, const RunConfig& config) {
  std::error_code error;
  const bool is_held = fs::is_directory(folder, error) && live_owner(folder).has_value();
  if (!holds_run(folder)) return is_held ? RunStatus::kRunning : RunStatus::kMissing;
  const Manifest manifest = read_manifest(folder);
  if (manifest.run_id != config.id())
    throw UserError(fmt::format(
        "{} holds a run of another configuration{}; use another --out, or remove that folder",
        folder.string(), first_difference(folder / kConfig, config)));
  return status_now(folder, manifest);
}

std::int64_t steps_saved(const fs::path& directory) {
  try {
    const auto newest = find_checkpoint(directory);
    return newest ? newest->t_env : 0;
  } catch (const Error&) {
    return 0;  // a damaged `latest`: resume says so
  }
}

std::string interrupted_text(const fs::path& directory, std::int64_t t_max) {
  return fmt::format("interrupted at step {}{}; `credo resume {}`", steps_saved(directory),
                     t_max > 0 ? fmt::format(" of {}", t_max) : "", directory.string());
}

}  // namespace credo::suite
