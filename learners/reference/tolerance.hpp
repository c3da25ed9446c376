// How closely single precision matches double precision. Rounding a number to float changes it by
// up to 6e-8 of its size; a learner sums hundreds of rounded products through a few dozen layers and
// slots, and each update passes its deviation on to the next. Two independent programs in
// float deviate from double by up to 4e-7 of the largest gradient and 1.2e-6 of values in three
// updates (tests/golden/README.md); these tolerances leave room for longer runs.
#pragma once

#include <vector>

#include "learners/reference/parameters.hpp"

namespace credo::reference {

/// Values and losses: of the largest magnitude of their kind in an update, or of 1.
inline constexpr double kValueTolerance = 5e-5;
/// Gradients: of the tensor's largest entry, and of the largest entry of all.
inline constexpr double kGradientOfTensor = 1e-3;
inline constexpr double kGradientOfAll = 5e-6;
/// Inputs of ReLU, |x| and min(0, x) closer to 0 than this may be on either side.
inline constexpr double kKinkBand = 2e-6;

/// Per entry. gradient: of the tensors in [first, last) of Parameters::tensors(), zero elsewhere.
std::vector<double> gradient_tolerance(const Parameters& parameters,
                                       const std::vector<double>& gradient);

}  // namespace credo::reference
