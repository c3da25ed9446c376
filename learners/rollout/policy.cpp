#include "learners/rollout/policy.hpp"

#include <algorithm>

#include "learners/kernels/kernels.hpp"

namespace credo {

int greedy_action(int n, const float* q, const std::uint8_t* avail) {
  int best = -1;
  for (int a = 0; a < n; ++a)
    if (avail[a] != 0 && (best < 0 || q[a] > q[best])) best = a;
  return best;
}

void floored_softmax(int rows, int n, const float* logits, const std::uint8_t* avail, float epsilon,
                     float* softmax, float* pi) {
  for (std::ptrdiff_t row = 0; row < rows; ++row) {
    const float* z = logits + row * n;
    const float largest = *std::max_element(z, z + n);
    for (int a = 0; a < n; ++a) softmax[row * n + a] = z[a] - largest;
  }
  kernels().exp(softmax, softmax, static_cast<std::size_t>(rows) * static_cast<std::size_t>(n));
  const float floor = epsilon / static_cast<float>(n);
  for (std::ptrdiff_t row = 0; row < rows; ++row) {
    float* p = softmax + row * n;
    float* out = pi + row * n;
    const std::uint8_t* allowed = avail + row * n;
    float sum = 0.0F;
    for (int a = 0; a < n; ++a) sum += p[a];
    float total = 0.0F;
    for (int a = 0; a < n; ++a) {
      p[a] /= sum;
      out[a] = allowed[a] != 0 ? (1.0F - epsilon) * p[a] + floor : 0.0F;
      total += out[a];
    }
    for (int a = 0; a < n; ++a) out[a] = allowed[a] != 0 ? out[a] / total : 0.0F;
  }
}

// With f and Z = sum of f over available actions, log pi_u = log f_u - log Z. Its derivative by f_a
// is g_a = [a = u] / f_u - [a available] / Z, and df_a/dz_b = (1 - epsilon) p_a ([a = b] - p_b).
void floored_softmax_backward(int rows, int n, const float* softmax, const std::uint8_t* avail,
                              float epsilon, const int* action, const float* weight,
                              float* d_logits) {
  const float floor = epsilon / static_cast<float>(n);
  for (std::ptrdiff_t row = 0; row < rows; ++row) {
    const float* p = softmax + row * n;
    const std::uint8_t* allowed = avail + row * n;
    float* d = d_logits + row * n;
    const auto f = [&](int a) { return (1.0F - epsilon) * p[a] + floor; };
    float total = 0.0F;
    for (int a = 0; a < n; ++a)
      if (allowed[a] != 0) total += f(a);
    float mean = 0.0F;  // sum_a g_a p_a
    for (int a = 0; a < n; ++a) {
      d[a] = (a == action[row] ? 1.0F / f(a) : 0.0F) - (allowed[a] != 0 ? 1.0F / total : 0.0F);
      mean += d[a] * p[a];
    }
    const float scale = weight[row] * (1.0F - epsilon);
    for (int a = 0; a < n; ++a) d[a] = scale * p[a] * (d[a] - mean);
  }
}

// log pi_a = z_a - max - ln sum e^(z - max): taken directly, it is finite however small pi_a is.
void masked_softmax(int rows, int n, const float* logits, const std::uint8_t* avail, float* log_pi,
                    float* pi) {
  for (std::ptrdiff_t row = 0; row < rows; ++row) {
    const float* z = logits + row * n;
    const std::uint8_t* allowed = avail + row * n;
    float* shifted = log_pi + row * n;
    const int best = std::max(0, greedy_action(n, z, allowed));
    for (int a = 0; a < n; ++a) shifted[a] = allowed[a] != 0 ? z[a] - z[best] : 0.0F;
  }
  kernels().exp(log_pi, pi, static_cast<std::size_t>(rows) * static_cast<std::size_t>(n));
  for (std::ptrdiff_t row = 0; row < rows; ++row) {
    const std::uint8_t* allowed = avail + row * n;
    float* p = pi + row * n;
    float sum = 0.0F;
    for (int a = 0; a < n; ++a) {
      if (allowed[a] == 0) p[a] = 0.0F;
      sum += p[a];
    }
    float log_sum = 0.0F;
    kernels().log(&sum, &log_sum, 1);
    for (int a = 0; a < n; ++a) {
      p[a] /= sum;
      log_pi[row * n + a] -= log_sum;
    }
  }
}

// Rounding may leave the sum of the probabilities below the draw: then it is the last possible one.
int draw_action(std::span<const float> pi, Stream& stream) {
  double left = stream.uniform();
  int last = 0;
  for (std::size_t a = 0; a < pi.size(); ++a) {
    if (pi[a] == 0.0F) continue;
    last = static_cast<int>(a);
    left -= static_cast<double>(pi[a]);
    if (left < 0.0) break;
  }
  return last;
}

}  // namespace credo
