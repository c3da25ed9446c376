// Normalised value targets (Yu et al. 2022, section 5.1; docs/algorithms/ppo.md): a critic learns
// (R - mean) / deviation of the returns R, whose moments are those of all batches so far:
//   m <- beta m + (1 - beta) mean(R)    q <- beta q + (1 - beta) mean(R^2)    w <- beta w + (1 - beta)
//   mean = m / w                        deviation = sqrt(max(q / w - mean^2, 0.01))
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "envs/core/bytes.hpp"

namespace credo {

class ValueNorm {
 public:
  explicit ValueNorm(double beta) : beta_(beta) {}

  /// Takes in a batch by the means of its returns and of their squares.
  void update(double mean, double mean_square) {
    mean_ = beta_ * mean_ + (1.0 - beta_) * mean;
    mean_square_ = beta_ * mean_square_ + (1.0 - beta_) * mean_square;
    weight_ = beta_ * weight_ + (1.0 - beta_);
  }

  /// 0 and 1 before the first batch.
  double mean() const { return weight_ > 0.0 ? mean_ / weight_ : 0.0; }
  double deviation() const {
    if (weight_ <= 0.0) return 1.0;
    const double mu = mean();
    return std::sqrt(std::max(mean_square_ / weight_ - mu * mu, kSmallestVariance));
  }

  /// The running sums m, q and w.
  struct Sums {
    double mean = 0.0, mean_square = 0.0, weight = 0.0;
  };
  Sums sums() const { return {.mean = mean_, .mean_square = mean_square_, .weight = weight_}; }
  void set(const Sums& sums) {
    mean_ = sums.mean;
    mean_square_ = sums.mean_square;
    weight_ = sums.weight;
  }

  void save(ByteWriter& out) const {
    out.put_tag("value_norm");
    for (const double x : {mean_, mean_square_, weight_}) out.put(x);
  }
  void load(ByteReader& in) {
    in.expect_tag("value_norm");
    for (double* x : {&mean_, &mean_square_, &weight_}) *x = in.get<double>();
  }

 private:
  static constexpr double kSmallestVariance = 0.01;

  double beta_;
  double mean_ = 0.0, mean_square_ = 0.0, weight_ = 0.0;
};

}  // namespace credo
