// Trains an algorithm and its double-precision reference (learners/reference) side by side: from
// the same weights, on the same episodes; compares every value, loss and gradient of every update,
// and the weights after it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "envs/core/env.hpp"
#include "learners/config.hpp"

namespace credo::suite {

/// One tensor. Of all its entries and updates the one that is furthest off, as part of what it may
/// be off.
struct CheckRow {
  std::string kind{};  ///< loss, value, gradient or weight
  std::string name{};
  std::int64_t entries = 0;  ///< of one update
  double largest = 0.0;      ///< magnitude in the reference
  double deviation = 0.0;
  double tolerance = 0.0;
  std::int64_t update = 0;  ///< where, counted from 1

  bool ok() const { return deviation <= tolerance; }  // false for NaN
};

struct LearnerCheck {
  std::vector<CheckRow> rows;  ///< losses, values, gradients, weights
  std::int64_t updates = 0;
  std::int64_t episodes = 0;  ///< played
  std::int64_t env_steps = 0;
  std::int64_t ties = 0;  ///< choices between equal values that the reference took over

  bool ok() const;
  /// The row that comes closest to its tolerance, or exceeds it most.
  const CheckRow& worst() const;
};

struct CheckOptions {
  std::int64_t updates = 10;
  /// Settings of the reference where they are not those of the learner; for tests.
  const TrainConfig* reference = nullptr;
};

/// Errors: DivergedError; Error when the two learners compute different things.
LearnerCheck check_learner(const Env& env, const TrainConfig& config, const CheckOptions& options);

}  // namespace credo::suite
