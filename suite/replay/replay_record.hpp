// Records episodes into a replay log: those `credo eval` would play with the same seed.
#pragma once

#include <cstdint>

#include "learners/base/safetensors.hpp"
#include "learners/rollout/fixed_policy.hpp"
#include "suite/replay/replay_log.hpp"
#include "suite/run/config.hpp"

namespace credo::suite {

ReplayLog record_fixed_policy(const Env& prototype, const FixedPolicy& policy, int episodes,
                              std::uint64_t seed);

/// Greedy episodes. Errors: UserError when the weights do not fit.
ReplayLog record_weights(const Env& prototype, const RunConfig& config, const TensorFile& weights,
                         int episodes, std::uint64_t seed);

}  // namespace credo::suite
