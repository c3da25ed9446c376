// A replay log: the actions of some episodes. Together with environment and seed they reproduce
// every scene, because environments are deterministic to the bit; the recorded results verify it.
// A few bytes per step. docs/file-formats.md gives the layout.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "envs/core/env.hpp"
#include "envs/core/params.hpp"

namespace credo::suite {

struct LoggedEpisode {
  std::int64_t index = 0;    ///< of the evaluation stream
  std::vector<int> actions;  ///< [length, n_agents]
  double episode_return = 0.0;
  int length = 0;
  bool terminated = false;
  std::optional<bool> won;
};

struct ReplayLog {
  std::string env;
  /// All parameters of the environment, and the files that it read: "inputs/payoff_file",
  /// "inputs/data_dir/maps/m.toml".
  std::vector<std::pair<std::string, ParamValue>> params;
  std::string policy;
  std::uint64_t seed = 0;
  std::string version;  ///< of the program that wrote it
  int n_agents = 0;
  int n_actions = 0;
  std::vector<LoggedEpisode> episodes;
};

inline constexpr std::uint64_t kLargestReplay = 64ULL << 20;  ///< bytes of a file

std::vector<std::byte> encode_replay(const ReplayLog& log);
/// `label` names the file in messages. Errors: UserError (not a log, truncated, damaged, newer, or
/// larger than any that is written).
ReplayLog decode_replay(std::span<const std::byte> bytes, const std::string& label);

/// The environment of a log, with its parameters.
/// Errors: UserError when it does not exist, or has other parameters, agents or actions, here.
std::unique_ptr<Env> make_replay_env(const ReplayLog& log, const std::string& label);

/// An episode's results differ from the recorded ones.
class ReplayMismatch : public Error {
 public:
  using Error::Error;
};

/// Callbacks of a viewer; either may be empty.
struct ReplayWatcher {
  /// At the start (actions empty) and after each step.
  std::function<void(const Env& env, std::span<const int> actions, const StepResult& result)>
      on_step;
  /// Scenes, the start's included; only of environments with a stage.
  SceneWatcher on_scene;
};

/// Simulates a logged episode and returns its outcome, as outcome_name does.
/// Errors: ReplayMismatch when it deviates from the recording.
std::string_view replay_episode(Env& env, const ReplayLog& log, const LoggedEpisode& episode,
                                const ReplayWatcher& watcher, const std::string& label);

}  // namespace credo::suite
