// Evaluation: greedy (or fixed-policy) episodes on their own random streams; exactly as many as
// asked for, every episode's result kept. Results depend on (policy, seed, episode index) only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "envs/core/env.hpp"
#include "learners/config.hpp"
#include "learners/safetensors.hpp"

namespace credo {

struct EpisodeResult {
  std::int64_t index = 0;  ///< episode counter of the random stream
  double episode_return = 0.0;
  int length = 0;
  std::optional<bool> won;
};

struct Evaluation {
  std::vector<EpisodeResult> episodes;
  /// Credit instrument (learners/credit): mean over steps of the normalised entropy H of the exact
  /// credits dQ_tot/dQ_i, and the mean credit of each agent. Absent for policies without a mixer.
  std::optional<double> entropy_mean;
  std::vector<double> credit_mean;

  double return_mean() const;
  double return_std() const;  ///< population standard deviation over episodes
  double length_mean() const;
  std::optional<double> win_rate() const;
  std::int64_t env_steps() const;
};

/// Policies without weights: "random", "noop", "scripted", "scripted:NAME".
/// "noop" plays spec.noop_action, or the lowest-numbered available action where there is none (or
/// it is not available). Episodes [first, first + count). Parallel over episodes.
/// Errors: UserError for an unknown policy name, or a scripted policy the environment lacks.
Evaluation evaluate_fixed_policy(const Env& prototype, const std::string& policy, int count,
                                 std::uint64_t seed, std::int64_t first = 0);

/// Greedy episodes with a trained agent network (and mixer, for the credits).
/// Errors: UserError when the weights do not fit the environment or the configuration.
Evaluation evaluate_weights(const Env& prototype, const TrainConfig& config,
                            const TensorFile& weights, int count, std::uint64_t seed,
                            std::int64_t first = 0);

/// Names accepted by evaluate_fixed_policy for this environment.
std::vector<std::string> fixed_policies(const EnvSpec& spec);

}  // namespace credo
