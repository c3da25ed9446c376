// Gradient entropy (Zhao et al. 2022, arXiv:2202.04427; spec of the formulas in docs/algorithms).
// Credits g_i = dQ_tot/dq_i of n agents give p_i = (g_i + 1e-8) / sum_j (g_j + 1e-8) and the
// normalised entropy H = -sum_i p_i ln p_i / ln n in [0, 1]. H = 1: all agents get equal credit.
// For one agent ln n = 0: H is not defined, reported as 0 with no gradient.
#pragma once

#include "learners/base/scratch.hpp"

namespace credo {

/// entropy[rows] from credits [rows, n]; when d_credit is not null also
/// d_credit[rows, n] = scale * dH/dg_i.
void gradient_entropy(int rows, int n, const float* credits, float* entropy, float scale,
                      float* d_credit, Scratch& scratch);

}  // namespace credo
