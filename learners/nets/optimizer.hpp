// RMSprop and Adam on a flat parameter array, with PyTorch's formulas (eps outside the root).
#pragma once

#include <span>
#include <vector>

#include "envs/core/bytes.hpp"
#include "learners/base/float_array.hpp"
#include "learners/config.hpp"

namespace credo {

class Optimizer {
 public:
  Optimizer(const OptimizerConfig& config, std::size_t n);

  /// One step with gradient grad_scale * grad.
  void step(std::span<float> params, std::span<const float> grad, float grad_scale);

  /// RMSprop: the running mean of squares. Adam: first moment, then second.
  std::span<const float> square_avg() const { return second_; }
  std::span<const float> exp_avg() const { return first_; }

  void save(ByteWriter& out) const;
  void load(ByteReader& in);

 private:
  OptimizerConfig config_;
  FloatArray first_;  // Adam only
  FloatArray second_;
  double beta1_power_ = 1.0;  // beta^t by repeated multiplication: no libm in promised bits
  double beta2_power_ = 1.0;
};

/// The same optimiser with another learning rate.
inline OptimizerConfig with_lr(OptimizerConfig config, double lr) {
  config.lr = lr;
  return config;
}

/// Factor that brings a gradient of this norm down to grad_norm_clip; 1 where it is smaller.
float clip_factor(const OptimizerConfig& config, double norm);

/// Euclidean norm, summed in double over fixed blocks: the same bits however work is split.
double gradient_norm(std::span<const float> grad);

}  // namespace credo
