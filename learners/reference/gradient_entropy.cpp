// Gradient entropy regularisation (Zhao et al. 2022; docs/algorithms/qmix_gre.md): of the credits
// g_i = dQ_tot/dq_i
//   p_i = (g_i + 1e-8) / sum_j (g_j + 1e-8)
//   H   = -sum_i p_i ln p_i / ln n                in [0, 1]; 1: equal credit
// The loss is L_TD + lambda mean H. One agent has no entropy: 0.
#include <cmath>

#include "learners/reference/mixers.hpp"

namespace credo::reference {

Var normalised_entropy(const Var& credits) {
  if (credits.cols() == 1) return credits.tape().constant(0.0);
  const Var p = normalise_rows(credits + 1e-8);
  return (-1.0 / std::log(static_cast<double>(credits.cols()))) * sum(p * log(p));
}

}  // namespace credo::reference
