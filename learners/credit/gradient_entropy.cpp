#include "learners/credit/gradient_entropy.hpp"

#include <algorithm>

#include "learners/kernels/kernels.hpp"

namespace credo {

void gradient_entropy(int rows, int n, const float* credits, float* entropy, float scale,
                      float* d_credit, Scratch& scratch) {
  constexpr float kEpsilon = 1e-8F;
  if (n == 1) {
    std::fill(entropy, entropy + rows, 0.0F);
    if (d_credit != nullptr) std::fill(d_credit, d_credit + rows, 0.0F);
    return;
  }
  const auto count = static_cast<std::size_t>(rows) * static_cast<std::size_t>(n);
  float* p = scratch.floats(count);
  float* log_p = scratch.floats(count);
  float* total = scratch.floats(static_cast<std::size_t>(rows));
  float log_n = 0.0F;
  const float agents = static_cast<float>(n);
  kernels().log(&agents, &log_n, 1);

  for (int row = 0; row < rows; ++row) {
    const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(row) * n;
    float sum = 0.0F;
    for (int i = 0; i < n; ++i) sum += credits[at + i] + kEpsilon;
    total[row] = sum;
    // The smallest normal float keeps the logarithm finite where a share underflows.
    for (int i = 0; i < n; ++i) p[at + i] = std::max((credits[at + i] + kEpsilon) / sum, 1.2e-38F);
  }
  kernels().log(p, log_p, count);
  for (int row = 0; row < rows; ++row) {
    const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(row) * n;
    float h = 0.0F;
    for (int i = 0; i < n; ++i) h -= p[at + i] * log_p[at + i];
    entropy[row] = h / log_n;
    if (d_credit == nullptr) continue;
    // dH/ds_i = -(ln p_i + h) / (sum ln n), and ds_i/dg_i = 1 since credits are never negative.
    const float factor = -scale / (total[row] * log_n);
    for (int i = 0; i < n; ++i) d_credit[at + i] = factor * (log_p[at + i] + h);
  }
}

}  // namespace credo
