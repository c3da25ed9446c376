// Two learners whose values differ by rounding may choose differently where values are equal within
// rounding, and go on with different numbers. A reference that follows another learner takes that
// learner's choice there, and only there.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "learners/base/index.hpp"

namespace credo::reference {

struct Decisions {
  int slots = 0;                      ///< row length of the arrays
  std::vector<int> greedy_actions{};  ///< [episodes, slots, n_agents]
  std::vector<double> td_weights{};   ///< [episodes, slots - 1] weighted QMIX; empty elsewhere
  double tolerance = 0.0;             ///< values this close, relative above 1, count as equal
  int taken = 0;                      ///< how often the other learner's choice was taken

  bool equal(double a, double b) const {
    return std::abs(a - b) <= tolerance * std::max({1.0, std::abs(a), std::abs(b)});
  }
};

}  // namespace credo::reference
