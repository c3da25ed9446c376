#include "learners/nets/optimizer.hpp"

#include <algorithm>
#include <cmath>

#include "learners/kernels/kernels.hpp"

namespace credo {

Optimizer::Optimizer(const OptimizerConfig& config, std::size_t n)
    : config_(config), first_(config.kind == OptimizerKind::kAdam ? n : 0), second_(n) {}

void Optimizer::step(std::span<float> params, std::span<const float> grad, float grad_scale) {
  if (config_.kind == OptimizerKind::kRmsprop) {
    kernels().rmsprop(params.size(), params.data(), grad.data(), second_.data(), grad_scale,
                      static_cast<float>(config_.lr), static_cast<float>(config_.rmsprop_alpha),
                      static_cast<float>(config_.rmsprop_eps));
    return;
  }
  beta1_power_ *= config_.adam_beta1;
  beta2_power_ *= config_.adam_beta2;
  const AdamStep step{.lr = static_cast<float>(config_.lr),
                      .beta1 = static_cast<float>(config_.adam_beta1),
                      .beta2 = static_cast<float>(config_.adam_beta2),
                      .eps = static_cast<float>(config_.adam_eps),
                      .correction1 = static_cast<float>(1.0 - beta1_power_),
                      .correction2 = static_cast<float>(std::sqrt(1.0 - beta2_power_))};
  kernels().adam(params.size(), params.data(), grad.data(), first_.data(), second_.data(),
                 grad_scale, step);
}

void Optimizer::save(ByteWriter& out) const {
  out.put_tag("optimizer");
  out.put_span(std::span<const float>(first_));
  out.put_span(std::span<const float>(second_));
  out.put(beta1_power_);
  out.put(beta2_power_);
}

void Optimizer::load(ByteReader& in) {
  in.expect_tag("optimizer");
  in.get_span(std::span<float>(first_));
  in.get_span(std::span<float>(second_));
  beta1_power_ = in.get<double>();
  beta2_power_ = in.get<double>();
}

float clip_factor(const OptimizerConfig& config, double norm) {
  return static_cast<float>(std::min(1.0, config.grad_norm_clip / (norm + 1e-6)));
}

double gradient_norm(std::span<const float> grad) {
  constexpr std::size_t kLanes = 8;
  double lane[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= grad.size(); i += kLanes)
    for (std::size_t j = 0; j < kLanes; ++j) {
      const double g = grad[i + j];
      lane[j] += g * g;
    }
  for (std::size_t j = 0; i < grad.size(); ++i, ++j) {
    const double g = grad[i];
    lane[j] += g * g;
  }
  return std::sqrt(((lane[0] + lane[1]) + (lane[2] + lane[3])) +
                   ((lane[4] + lane[5]) + (lane[6] + lane[7])));
}

}  // namespace credo
