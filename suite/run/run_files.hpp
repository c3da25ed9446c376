// Names and paths inside a run folder, and its checkpoints as they stand on disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace credo::suite {

inline constexpr std::string_view kManifest = "manifest.json";
inline constexpr std::string_view kConfig = "config.toml";
inline constexpr std::string_view kMetrics = "metrics.jsonl";
inline constexpr std::string_view kEpisodes = "eval_episodes.csv";
inline constexpr std::string_view kCheckpoints = "checkpoints";
inline constexpr std::string_view kLatest = "checkpoints/latest";
inline constexpr std::string_view kBestWeights = "checkpoints/best.safetensors";

/// The only way to a file of a run: its folder may come from a stranger, and no link in it may lead
/// out of it. Errors: UserError.
std::filesystem::path run_file(const std::filesystem::path& directory, std::string_view name);

/// A checkpoint's files.
struct CheckpointName {
  std::int64_t t_env = 0;
  std::filesystem::path weights, state;
};

std::string checkpoint_stem(std::int64_t t_env);  ///< "step_<t>"
std::string weights_name(std::int64_t t_env);     ///< "checkpoints/step_<t>.safetensors"
CheckpointName checkpoint_at(const std::filesystem::path& directory, std::int64_t t_env);
std::string part_name(std::uint64_t first);  ///< "checkpoints/replay_<first>.part"
/// The first episode of the part whose file name this is; nullopt for other names.
std::optional<std::uint64_t> part_of_file(const std::string& name);
/// Is this a name of a checkpoint's weights or state, or of a part of its replay?
bool is_checkpoint_file(const std::string& name);
/// Content of `latest`.
std::string latest_text(std::int64_t t_env, std::uint64_t weights_hash);

/// All checkpoints of a run, oldest first (those with weights).
std::vector<CheckpointName> list_checkpoints(const std::filesystem::path& directory);

/// The checkpoint a caller means: `name` ("step_<t>"), or the newest: of a finished run the final
/// weights, else the one that `latest` names, which a resume goes on from; nullopt without one.
/// Errors: UserError.
std::optional<CheckpointName> find_checkpoint(const std::filesystem::path& directory,
                                              const std::string& name = "");

/// The weights of the newest checkpoint (or `name`, "step_<t>" or "best"), checked against what was
/// recorded. Errors: UserError.
struct WeightsFile {
  std::filesystem::path path;
  std::vector<std::byte> bytes;
};
WeightsFile load_weights(const std::filesystem::path& directory, const std::string& name = "");

/// Whether these are weights of a step after `t_env`. A process that is killed before its next
/// checkpoint leaves such best weights; the resumed run reaches that step again.
bool is_of_later_step(std::span<const std::byte> weights, std::int64_t t_env);

}  // namespace credo::suite
