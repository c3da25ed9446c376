#include "suite/run/recorded_run.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <system_error>

#include "suite/common/files.hpp"
#include "suite/common/json.hpp"
#include "suite/common/safe_path.hpp"
#include "suite/common/text.hpp"
#include "suite/common/toml_reader.hpp"
#include "suite/run/run_files.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRecordsSchema = "credo.runs";
constexpr int kRecordsVersion = 1;
constexpr std::string_view kSeed = "run.seed";

// Values of config.toml by dotted key, as TOML.
using Settings = std::map<std::string, std::string>;

Settings settings_of(const RecordedRun& run) {
  Settings settings;
  for (const Setting& setting :
       read_toml(run.config, (run.folder / std::string(kConfig)).string()).settings)
    if (setting.key != kSeed) settings[setting.key] = toml_value(setting.value);
  return settings;
}

// A configuration with these values; RunConfig::to_toml restores the order and the comments.
std::string config_text(const Settings& settings, std::uint64_t seed) {
  std::map<std::string, std::string> sections;
  for (const auto& [key, value] : settings) {
    const std::size_t dot = key.find('.');
    if (dot == std::string::npos) throw UserError(fmt::format("no section: '{}'", one_line(key)));
    sections[key.substr(0, dot)] +=
        fmt::format("{} = {}\n", toml_string(key.substr(dot + 1)), value);
  }
  sections["run"] += fmt::format("seed = {}\n", seed);
  std::string text;
  for (const auto& [name, lines] : sections)
    text += fmt::format("[{}]\n{}", toml_string(name), lines);
  return text;
}

// Entries of `all` that `shared` does not hold with the same value.
Settings difference(const Settings& all, const Settings& shared) {
  Settings rest;
  for (const auto& [key, value] : all) {
    const auto found = shared.find(key);
    if (found == shared.end() || found->second != value) rest.emplace(key, value);
  }
  return rest;
}

void keep_common(Settings& shared, const Settings& other) {
  std::erase_if(shared, [&](const auto& entry) {
    const auto found = other.find(entry.first);
    return found == other.end() || found->second != entry.second;
  });
}

}  // namespace

std::string RecordedRun::cell() const { return cell_name(names, seed); }

RecordedRun recorded_run(const fs::path& folder, const Manifest& manifest) {
  return {.folder = folder,
          .names = manifest.names,
          .env = manifest.env,
          .algorithm = manifest.algorithm,
          .seed = manifest.seed,
          .config = checked_config_text(folder, manifest),
          .sha256 = manifest.sha256};
}

std::vector<RecordedRun> finished_runs(const std::vector<fs::path>& folders) {
  std::vector<RecordedRun> runs;
  for (const fs::path& folder : folders) {
    const Manifest manifest = read_manifest(folder);
    if (manifest.status == RunStatus::kDone) runs.push_back(recorded_run(folder, manifest));
  }
  return runs;
}

std::string run_records_json(const std::vector<const RecordedRun*>& runs) {
  struct Row {
    Settings settings;
    std::vector<const RecordedRun*> runs;
  };
  std::vector<Row> rows;
  for (const RecordedRun* run : runs) {
    Settings settings = settings_of(*run);
    const auto same = [&](const Row& row) {
      const RunNames& names = row.runs.front()->names;
      return names.task == run->names.task && names.algorithm == run->names.algorithm &&
             row.settings == settings;
    };
    // The runs of a row follow each other in every result set.
    if (rows.empty() || !same(rows.back())) rows.push_back({std::move(settings), {}});
    rows.back().runs.push_back(run);
  }
  Settings shared = rows.empty() ? Settings{} : rows.front().settings;
  for (const Row& row : rows) keep_common(shared, row.settings);

  Json out;
  out["schema"] = kRecordsSchema;
  out["schema_version"] = kRecordsVersion;
  out["settings"] = shared;
  out["rows"] = Json::array();
  for (const Row& row : rows) {
    Json entry;
    entry["task"] = row.runs.front()->names.task;
    entry["algorithm"] = row.runs.front()->names.algorithm;
    entry["settings"] = difference(row.settings, shared);
    for (const RecordedRun* run : row.runs)
      entry["runs"].push_back({{"seed", run->seed}, {"sha256", run->sha256}});
    out["rows"].push_back(std::move(entry));
  }
  return out.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::vector<RecordedRun> read_run_records(const fs::path& folder) {
  const fs::path path = folder_file(folder, kRunRecords);
  std::error_code error;
  if (!fs::exists(path, error)) return {};
  const std::string text = as_user_error([&] { return read_text(path, kLargestDocument); });
  try {
    const auto in = Json::parse(text);
    if (in.at("schema").get<std::string>() != kRecordsSchema)
      throw UserError(fmt::format("schema is not '{}'", kRecordsSchema));
    const auto shared = in.at("settings").get<Settings>();
    std::vector<RecordedRun> runs;
    for (const Json& row : in.at("rows")) {
      RecordedRun run;
      run.folder = folder;
      run.has_files = false;
      run.names = {row.at("task").get<std::string>(), row.at("algorithm").get<std::string>()};
      for (const std::string& name : {run.names.task, run.names.algorithm})
        check_path_name(name, "a row");
      auto settings = row.at("settings").get<Settings>();
      settings.insert(shared.begin(), shared.end());
      for (const Setting& setting : read_toml(config_text(settings, 0), "a row").settings) {
        if (setting.key == "run.env") run.env = to_text(setting.value);
        if (setting.key == "run.algorithm") run.algorithm = to_text(setting.value);
      }
      for (const Json& each : row.at("runs")) {
        run.seed = each.at("seed").get<std::uint64_t>();
        run.config = config_text(settings, run.seed);
        run.sha256 = each.at("sha256").get<std::map<std::string, std::string>>();
        for (const auto& [name, hash] : run.sha256) check_path_name(name, "sha256");
        runs.push_back(run);
      }
    }
    return runs;
  } catch (const nlohmann::json::exception& problem) {
    throw UserError(fmt::format("{}: damaged: {}", path.string(), one_line(problem.what())));
  } catch (const UserError& problem) {
    throw UserError(fmt::format("{}: damaged: {}", path.string(), one_line(problem.what())));
  }
}

}  // namespace credo::suite
