// RMSprop and Adam as PyTorch computes them (eps outside the root), after clipping by the global
// norm: g is scaled by min(1, clip / (|g| + 1e-6)).
//   RMSprop  v = alpha v + (1 - alpha) g^2                  p -= lr g / (sqrt(v) + eps)
//   Adam     m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2
//            p -= lr (m / (1 - b1^k)) / (sqrt(v / (1 - b2^k)) + eps)       k-th step
#pragma once

#include <cstddef>
#include <vector>

#include "learners/config.hpp"

namespace credo::reference {

class StepOptimizer {
 public:
  /// Of parameters [first, first + count) of a flat array.
  StepOptimizer(const OptimizerConfig& config, std::size_t first, std::size_t count);

  /// One step. tolerance: per entry, how far another learner's gradient may be from this one; the
  /// deviation of the step that follows from it is added to params_tolerance. All arrays are whole
  /// flat arrays.
  void step(const std::vector<double>& gradient, const std::vector<double>& tolerance,
            std::vector<double>& params, std::vector<double>& params_tolerance);

 private:
  /// A running mean and how far it may be off.
  struct Mean {
    double value = 0.0;
    double tolerance = 0.0;
    void add(double decay, double x, double x_tolerance) {
      value = decay * value + (1.0 - decay) * x;
      tolerance = decay * tolerance + (1.0 - decay) * x_tolerance;
    }
  };

  OptimizerConfig config_;
  std::size_t first_;
  int steps_ = 0;
  std::vector<Mean> mean_;  // Adam only
  std::vector<Mean> square_;
};

}  // namespace credo::reference
