// Standardised rewards (EPyMARL's standardise_rewards; docs/algorithms/iql.md): targets see
// (r - mean) / deviation. The running moments are those of its RunningMeanStd: they begin at mean 0
// and variance 1 with a weight of 1e-4 steps, and every batch adds its mean and its unbiased
// variance before it is learnt from. EPyMARL also counts the zeros that pad short episodes; here
// only steps that were taken count.
#pragma once

#include <span>

#include "envs/core/bytes.hpp"

namespace credo {

class RewardScale {
 public:
  /// Takes in a batch's rewards, one per step. The order decides rounding: callers keep it fixed.
  void update(std::span<const float> rewards);
  /// The reward itself before the first update.
  float apply(float reward) const {
    return static_cast<float>((static_cast<double>(reward) - mean_) / deviation_);
  }

  double mean() const { return mean_; }
  double variance() const { return variance_; }
  double count() const { return count_; }  ///< steps so far

  void save(ByteWriter& out) const;
  void load(ByteReader& in);

 private:
  double mean_ = 0.0;
  double variance_ = 1.0;
  double deviation_ = 1.0;
  double count_ = 1e-4;
};

}  // namespace credo
