// Gradients three ways: the learner's, the reference's, and central differences of the reference's
// loss.
#pragma once

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <vector>

#include "learners/reference/parameters.hpp"
#include "tests/learners/support.hpp"

namespace learner_tests {

using credo::reference::Parameters;

/// Central differences of loss() with respect to every parameter.
template <class Loss>
std::vector<double> numeric_gradient(Parameters& params, const Loss& loss) {
  constexpr double kStep = 1e-5;
  std::vector<double> gradient;
  for (double& x : params.flat()) {
    const double at = x;
    x = at + kStep;
    const double above = loss();
    x = at - kStep;
    gradient.push_back((above - loss()) / (2.0 * kStep));
    x = at;
  }
  return gradient;
}

inline double largest_of(const std::vector<double>& values) {
  double largest = 0.0;
  for (const double x : values) largest = std::max(largest, std::abs(x));
  return largest;
}

inline double norm_of(const std::vector<double>& values) {
  double squares = 0.0;
  for (const double x : values) squares += x * x;
  return std::sqrt(squares);
}

/// What reference and differences say of one gradient agrees.
inline void check_same_gradient(const std::vector<double>& reference,
                                const std::vector<double>& numeric) {
  REQUIRE(reference.size() == numeric.size());
  const double largest = largest_of(numeric);
  double worst = 0.0;
  for (std::size_t i = 0; i < numeric.size(); ++i)
    worst = std::max(worst, std::abs(reference[i] - numeric[i]));
  CHECK(worst <= 1e-6 * largest + 1e-10);
}

/// Tensors whose name begins with `prefix`. got: in the layout's order of storage.
inline void check_close(const credo::ParamLayout& layout, std::span<const float> got,
                        const std::vector<double>& want, const std::string& prefix = "") {
  const double largest = largest_of(want);
  REQUIRE(largest > 1e-4);
  std::size_t at = 0;
  for (const auto& entry : layout.entries()) {
    double of_tensor = 0.0;
    double worst = 0.0;
    for (const float g : layout.extract(entry, got)) {
      if (entry.name.starts_with(prefix)) {
        worst = std::max(worst, std::abs(g - want[at]));
        of_tensor = std::max(of_tensor, std::abs(want[at]));
      }
      ++at;
    }
    CAPTURE(entry.name);
    CHECK(worst <= 5e-6 * largest + 1e-9);
    CHECK(worst <= 1e-3 * of_tensor + 2e-7 * largest + 1e-9);
  }
}

inline double worst_difference(const credo::ParamLayout& layout, std::span<const float> got,
                               const Parameters& want) {
  const std::vector<double> flat = credo::reference::flat_values(layout, got);
  double worst = 0.0;
  for (std::size_t i = 0; i < flat.size(); ++i)
    worst = std::max(worst, std::abs(flat[i] - want.flat()[i]));
  return worst;
}

}  // namespace learner_tests
