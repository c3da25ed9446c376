#include "learners/reference/optimizer.hpp"

#include <algorithm>
#include <cmath>

namespace credo::reference {

StepOptimizer::StepOptimizer(const OptimizerConfig& config, std::size_t first, std::size_t count)
    : config_(config),
      first_(first),
      mean_(config.kind == OptimizerKind::kAdam ? count : 0),
      square_(count) {}

void StepOptimizer::step(const std::vector<double>& gradient, const std::vector<double>& tolerance,
                         std::vector<double>& params, std::vector<double>& params_tolerance) {
  ++steps_;
  const bool adam = config_.kind == OptimizerKind::kAdam;
  const double decay = adam ? config_.adam_beta2 : config_.rmsprop_alpha;
  const double eps = adam ? config_.adam_eps : config_.rmsprop_eps;
  const double correction1 = adam ? 1.0 - std::pow(config_.adam_beta1, steps_) : 1.0;
  const double correction2 = adam ? 1.0 - std::pow(config_.adam_beta2, steps_) : 1.0;
  double norm = 0.0;
  for (std::size_t i = 0; i < square_.size(); ++i)
    norm += gradient[first_ + i] * gradient[first_ + i];
  const double clip = std::min(1.0, config_.grad_norm_clip / (std::sqrt(norm) + 1e-6));

  for (std::size_t i = 0; i < square_.size(); ++i) {
    const double g = clip * gradient[first_ + i];
    const double off = clip * tolerance[first_ + i];
    Mean direction{.value = g, .tolerance = off};
    if (adam) {
      mean_[i].add(config_.adam_beta1, g, off);
      direction = mean_[i];
    }
    square_[i].add(decay, g * g, (2.0 * std::abs(g) + off) * off);
    const auto change = [&](double numerator, double square) {
      return config_.lr * (numerator / correction1) /
             (std::sqrt(std::max(square, 0.0) / correction2) + eps);
    };
    const double moved = change(direction.value, square_[i].value);
    params[first_ + i] -= moved;
    double widest = 0.0;
    for (const double sign : {-1.0, 1.0})
      for (const double side : {-1.0, 1.0})
        widest = std::max(widest, std::abs(change(direction.value + sign * direction.tolerance,
                                                  square_[i].value + side * square_[i].tolerance) -
                                           moved));
    params_tolerance[first_ + i] += widest;
  }
}

}  // namespace credo::reference
