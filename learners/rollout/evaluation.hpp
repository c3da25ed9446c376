// Evaluation: greedy (or fixed-policy) episodes on their own random streams; exactly as many as
// requested, with every episode's result. Results depend on (policy, seed, episode index) only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "envs/core/env.hpp"
#include "learners/base/safetensors.hpp"
#include "learners/rollout/episode_streams.hpp"
#include "learners/rollout/fixed_policy.hpp"

namespace credo {

struct TrainConfig;

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

/// Episodes [first, first + count) of a policy without weights. Parallel over episodes.
Evaluation evaluate_fixed_policy(const Env& prototype, const FixedPolicy& policy, int count,
                                 std::uint64_t seed, std::int64_t first = 0);
/// The same by name; open_loop searches its plan with the same seed.
/// Errors: UserError for an unknown policy name, or a scripted policy the environment lacks.
Evaluation evaluate_fixed_policy(const Env& prototype, const std::string& policy, int count,
                                 std::uint64_t seed, std::int64_t first = 0);

/// The random streams of evaluation episode `index`: the environment's and the policy's.
EpisodeStreams evaluation_streams(std::uint64_t seed, std::int64_t index);

/// Greedy episodes with a trained agent network (and mixer, for the credits).
/// Errors: UserError when the weights do not fit the environment or the configuration.
Evaluation evaluate_weights(const Env& prototype, const TrainConfig& config,
                            const TensorFile& weights, int count, std::uint64_t seed,
                            std::int64_t first = 0);

/// Checks that the weights fit. Errors: UserError naming `label` and the tensor that is missing,
/// unknown or of another shape.
void check_weights(const EnvSpec& spec, const TrainConfig& config, const TensorFile& weights,
                   const std::string& label);

}  // namespace credo
