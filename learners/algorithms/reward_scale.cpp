#include "learners/algorithms/reward_scale.hpp"

#include <cmath>

namespace credo {

void RewardScale::update(std::span<const float> rewards) {
  if (rewards.empty()) return;
  const auto n = static_cast<double>(rewards.size());
  double sum = 0.0;
  for (const float r : rewards) sum += r;
  const double mean = sum / n;
  double squares = 0.0;
  for (const float r : rewards) squares += (r - mean) * (r - mean);
  const double variance = n > 1.0 ? squares / (n - 1.0) : 0.0;

  const double total = count_ + n;
  const double delta = mean - mean_;
  variance_ = (variance_ * count_ + variance * n + delta * delta * count_ * n / total) / total;
  mean_ += delta * n / total;
  count_ = total;
  deviation_ = std::sqrt(variance_);
}

void RewardScale::save(ByteWriter& out) const {
  out.put_tag("reward_scale");
  for (const double x : {mean_, variance_, count_}) out.put(x);
}

void RewardScale::load(ByteReader& in) {
  in.expect_tag("reward_scale");
  for (double* x : {&mean_, &variance_, &count_}) *x = in.get<double>();
  deviation_ = std::sqrt(variance_);
}

}  // namespace credo
