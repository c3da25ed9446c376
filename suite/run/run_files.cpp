#include "suite/run/run_files.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <sstream>
#include <system_error>

#include "learners/base/safetensors.hpp"
#include "suite/common/files.hpp"
#include "suite/common/hashing.hpp"
#include "suite/common/safe_path.hpp"
#include "suite/common/text.hpp"
#include "suite/run/checkpoint.hpp"
#include "suite/run/run_directory.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kBest = "best";
constexpr std::string_view kWeightsEnding = ".safetensors";
constexpr std::string_view kStateEnding = ".state";
constexpr std::string_view kPartStem = "replay_";
constexpr std::string_view kPartEnding = ".part";

std::optional<std::int64_t> step_of(std::string_view stem) {
  constexpr std::string_view kStem = "step_";
  if (!stem.starts_with(kStem)) return std::nullopt;
  const auto t_env = parse_int(stem.substr(kStem.size()));
  return t_env && *t_env >= 0 ? t_env : std::nullopt;
}

// Content of `latest`: "step_<t> <XXH64 of the weights>".
struct Latest {
  std::int64_t t_env = 0;
  std::string weights_hash;
};

std::optional<Latest> read_latest(const fs::path& directory) {
  const fs::path path = run_file(directory, kLatest);
  std::error_code error;
  if (!fs::exists(path, error)) return std::nullopt;
  std::istringstream text(read_text(path, kLargestManifest));
  std::string stem;
  Latest latest;
  text >> stem >> latest.weights_hash;
  const auto t_env = step_of(stem);
  if (!t_env || latest.weights_hash.size() != 16)
    throw UserError(fmt::format("{}: damaged; expected 'step_<t> <hash>'", path.string()));
  latest.t_env = *t_env;
  return latest;
}

// The step a caller means: `name`, or the newest.
std::optional<Latest> choose(const fs::path& directory, const std::string& name) {
  if (name.empty()) {
    const bool is_done = read_manifest(directory).status == RunStatus::kDone;
    if (!is_done)
      if (const auto latest = read_latest(directory)) return latest;
    // The process may have been killed before `latest` named the final weights, or the first
    // checkpoint; and a run that has lost that file has not lost its progress.
    std::error_code error;
    auto all = list_checkpoints(directory);
    if (!is_done)
      std::erase_if(all, [&](const CheckpointName& c) { return !fs::exists(c.state, error); });
    return all.empty() ? std::nullopt : std::optional(Latest{all.back().t_env, ""});
  }
  const auto t_env = step_of(name);
  const auto all = list_checkpoints(directory);
  if (!t_env || std::none_of(all.begin(), all.end(),
                             [&](const CheckpointName& c) { return c.t_env == *t_env; })) {
    std::vector<std::string> names;
    for (const CheckpointName& checkpoint : all) names.push_back(checkpoint_stem(checkpoint.t_env));
    names.emplace_back(kBest);
    throw UserError("--checkpoint: " + unknown_name_message("checkpoint", name, names));
  }
  return Latest{*t_env, ""};
}

// The weights of a finished run against its manifest, kept and best ones of another against the
// newest state.
bool is_as_recorded(const fs::path& directory, const std::string& name,
                    std::span<const std::byte> weights) {
  const Manifest manifest = read_manifest(directory);
  if (const auto hash = manifest.sha256.find(name); hash != manifest.sha256.end())
    return sha256_hex(weights) == hash->second;
  const auto newest = find_checkpoint(directory);
  std::error_code error;
  if (!newest || !fs::exists(newest->state, error)) return true;
  const CheckpointHeader state =
      decode_checkpoint_header(read_bytes(newest->state), newest->state.string());
  if (name != kBestWeights)
    return std::all_of(state.kept.begin(), state.kept.end(), [&](const KeptWeights& kept) {
      return weights_name(kept.t_env) != name || kept.hash == xxh64(weights);
    });
  return std::equal(weights.begin(), weights.end(), state.best.begin(), state.best.end()) ||
         is_of_later_step(weights, state.t_env);
}

}  // namespace

fs::path run_file(const fs::path& directory, std::string_view name) {
  return folder_file(directory, name);
}

std::string checkpoint_stem(std::int64_t t_env) { return fmt::format("step_{}", t_env); }

std::string weights_name(std::int64_t t_env) {
  return fmt::format("{}/{}{}", kCheckpoints, checkpoint_stem(t_env), kWeightsEnding);
}

CheckpointName checkpoint_at(const fs::path& directory, std::int64_t t_env) {
  const std::string state =
      fmt::format("{}/{}{}", kCheckpoints, checkpoint_stem(t_env), kStateEnding);
  return {t_env, run_file(directory, weights_name(t_env)), run_file(directory, state)};
}

std::string part_name(std::uint64_t first) {
  return fmt::format("{}/{}{}{}", kCheckpoints, kPartStem, first, kPartEnding);
}

std::optional<std::uint64_t> part_of_file(const std::string& name) {
  std::string_view digits = name;
  if (!digits.starts_with(kPartStem) || !digits.ends_with(kPartEnding)) return std::nullopt;
  digits.remove_prefix(kPartStem.size());
  digits.remove_suffix(std::min(digits.size(), kPartEnding.size()));
  const auto first = parse_int(digits);
  if (!first || *first < 1) return std::nullopt;
  return static_cast<std::uint64_t>(*first);
}

bool is_checkpoint_file(const std::string& name) {
  if (part_of_file(name)) return true;
  const fs::path file(name);
  const bool is_ours = file.extension() == kWeightsEnding || file.extension() == kStateEnding;
  return is_ours && step_of(file.stem().string()).has_value();
}

std::string latest_text(std::int64_t t_env, std::uint64_t weights_hash) {
  return fmt::format("{} {}\n", checkpoint_stem(t_env), hex64(weights_hash));
}

std::vector<CheckpointName> list_checkpoints(const fs::path& directory) {
  std::vector<CheckpointName> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(run_file(directory, kCheckpoints), error)) {
    if (entry.path().extension() != kWeightsEnding) continue;
    if (const auto t_env = step_of(entry.path().stem().string()))
      found.push_back(checkpoint_at(directory, *t_env));
  }
  std::sort(found.begin(), found.end(),
            [](const CheckpointName& a, const CheckpointName& b) { return a.t_env < b.t_env; });
  return found;
}

std::optional<CheckpointName> find_checkpoint(const fs::path& directory, const std::string& name) {
  const auto chosen = choose(directory, name);
  if (!chosen) return std::nullopt;
  return checkpoint_at(directory, chosen->t_env);
}

WeightsFile load_weights(const fs::path& directory, const std::string& name) {
  const auto damaged = [](const fs::path& path) {
    return UserError(
        fmt::format("{}: damaged weights: the checksum does not match", path.string()));
  };
  return as_user_error([&] {
    if (name == kBest) {
      const fs::path path = run_file(directory, kBestWeights);
      WeightsFile weights{path, read_bytes(path)};
      if (!is_as_recorded(directory, std::string(kBestWeights), weights.bytes)) throw damaged(path);
      return weights;
    }
    const auto chosen = choose(directory, name);
    if (!chosen) throw UserError(fmt::format("{} has no checkpoint yet", directory.string()));
    const CheckpointName files = checkpoint_at(directory, chosen->t_env);
    WeightsFile weights{files.weights, read_bytes(files.weights)};
    std::string expected = chosen->weights_hash;
    std::error_code error;
    if (expected.empty() && fs::exists(files.state, error))
      expected = hex64(
          decode_checkpoint_header(read_bytes(files.state), files.state.string()).weights_hash);
    if ((!expected.empty() && hex64(xxh64(weights.bytes)) != expected) ||
        !is_as_recorded(directory, weights_name(chosen->t_env), weights.bytes))
      throw damaged(files.weights);
    return weights;
  });
}

bool is_of_later_step(std::span<const std::byte> weights, std::int64_t t_env) {
  try {
    const TensorFile file = parse_safetensors(weights, "");
    const auto found = file.metadata.find("t_env");
    const auto step = found == file.metadata.end() ? std::nullopt : parse_int(found->second);
    return step && *step > t_env;
  } catch (const UserError&) {
    return false;
  }
}

}  // namespace credo::suite
