// QMIX mixing, forward and backward, over a vector type V (docs/algorithms/qmix.md). Included by
// kernels_impl.hpp only.
#pragma once

#include "learners/kernels/functions.hpp"
#include "learners/kernels/kernels.hpp"
#include "learners/kernels/vector_loops.hpp"

namespace credo {
namespace {

template <class V>
struct QmixKernels : VectorLoops<V> {
  using Loops = VectorLoops<V>;
  using Loops::for_vectors;
  using Loops::get;
  using Loops::put;
  using Loops::W;
  using typename Loops::F;
  using Fn = Functions<V>;

  // Sums over the embedding: 16 partial sums (lane = index mod 16), combined in a fixed tree.
  struct Lanes16 {
    static constexpr int kParts = 16 / W;
    F part[kParts];
    Lanes16() {
      CREDO_UNROLL
      for (int v = 0; v < kParts; ++v) part[v] = V::set1(0.0F);
    }
    void fma_abs(const float* a, const float* b, int n) {  // n <= 16
      CREDO_UNROLL
      for (int v = 0; v < kParts; ++v) {
        const int live = n - v * W;
        if (live >= W)
          part[v] = V::fma(Fn::abs(V::load(a + v * W)), V::load(b + v * W), part[v]);
        else if (live > 0)
          part[v] =
              V::fma(Fn::abs(V::load_n(a + v * W, live)), V::load_n(b + v * W, live), part[v]);
      }
    }
    float total() const { return V::tree_sum(part); }
  };
  /// Sum of |a_i| b_i.
  static float dot_abs(const float* a, const float* b, int n) {
    Lanes16 sum;
    for (int i = 0; i < n; i += 16) sum.fma_abs(a + i, b + i, n - i < 16 ? n - i : 16);
    return sum.total();
  }

  static void forward(const QmixForward& f) {
    const int n = f.n_agents;
    const int e = f.embed;
    float weight[kMaxMixingEmbed];
    float weight_published[kMaxMixingEmbed];
    for (int row = 0; row < f.rows; ++row) {
      const float* q = f.q + static_cast<std::ptrdiff_t>(row) * n;
      const float* a1 = f.a1 + row * f.a1_ld;
      const float* b1 = f.b1 + row * f.b1_ld;
      const float* a2 = f.a2 + row * f.a2_ld;
      float* hidden = f.hidden + static_cast<std::ptrdiff_t>(row) * e;
      float* slope = f.slope + static_cast<std::ptrdiff_t>(row) * e;
      for_vectors(static_cast<std::size_t>(e), [&](std::size_t j, int l) CREDO_INLINE {
        F z = get(b1 + j, l);
        for (int i = 0; i < n; ++i) z = V::fma(V::set1(q[i]), Fn::abs(get(a1 + i * e + j, l)), z);
        const F zero = V::set1(0.0F);
        const F one = V::set1(1.0F);
        const auto below = V::lt(z, zero);
        const F decay = Fn::exp(V::min(zero, z));
        const F elu = V::select(below, V::sub(decay, one), z);
        const F phi = V::select(below, decay, one);
        const F w2 = Fn::abs(get(a2 + j, l));
        put(hidden + j, elu, l);
        put(slope + j, phi, l);
        put(weight + j, V::mul(phi, w2), l);
        if (f.published != nullptr) {
          const F phi_published = V::select(below, Fn::exp(V::min(zero, elu)), one);
          put(weight_published + j, V::mul(phi_published, w2), l);
        }
      });
      f.q_tot[row] = f.v[row] + dot_abs(a2, hidden, e);
      for (int i = 0; i < n; ++i) {
        const std::ptrdiff_t out = static_cast<std::ptrdiff_t>(row) * n + i;
        if (f.credits != nullptr) f.credits[out] = dot_abs(a1 + i * e, weight, e);
        if (f.published != nullptr) f.published[out] = dot_abs(a1 + i * e, weight_published, e);
      }
    }
  }

  /// x with the sign of a; 0 where a is 0 (the derivative of |a|).
  static F times_sign(F x, F a) {
    const F zero = V::set1(0.0F);
    return V::select(V::gt(a, zero), x, V::select(V::lt(a, zero), V::sub(zero, x), zero));
  }

  static void backward(const QmixBackward& b) {
    const QmixForward& f = b.forward;
    const int n = f.n_agents;
    const int e = f.embed;
    float to_agents[kMaxMixingEmbed];
    for (int row = 0; row < f.rows; ++row) {
      const float* q = f.q + static_cast<std::ptrdiff_t>(row) * n;
      const float* a1 = f.a1 + row * f.a1_ld;
      const float* a2 = f.a2 + row * f.a2_ld;
      const float* hidden = f.hidden + static_cast<std::ptrdiff_t>(row) * e;
      const float* slope = f.slope + static_cast<std::ptrdiff_t>(row) * e;
      const float* d_credit =
          b.d_credit == nullptr ? nullptr : b.d_credit + static_cast<std::ptrdiff_t>(row) * n;
      float* d_a1 = b.d_a1 + row * f.a1_ld;
      float* d_b1 = b.d_b1 + row * f.b1_ld;
      float* d_a2 = b.d_a2 + row * f.a2_ld;
      const F delta = V::set1(b.d_q_tot[row]);
      for_vectors(static_cast<std::size_t>(e), [&](std::size_t j, int l) CREDO_INLINE {
        const F zero = V::set1(0.0F);
        const F one = V::set1(1.0F);
        const F elu = get(hidden + j, l);
        const F phi = get(slope + j, l);
        const F raw2 = get(a2 + j, l);
        const F w2 = Fn::abs(raw2);
        const F d_td = V::mul(V::mul(delta, phi), w2);  // gradient of z from the TD error
        F d_z = d_td;
        F d_w2 = V::mul(delta, elu);
        F credit_weight = zero;  // slope of the credit formula times w2
        if (d_credit != nullptr) {
          F u = zero;  // U_k = sum_i G_i W1[i,k]
          for (int i = 0; i < n; ++i)
            u = V::fma(V::set1(d_credit[i]), Fn::abs(get(a1 + i * e + j, l)), u);
          const auto below = V::lt(elu, zero);
          // Exact: slope exp(z), derivative exp(z). Published: slope exp(ELU(z)), derivative
          // exp(ELU(z)) exp(z). Both are 1 and 0 for z >= 0.
          F credit_slope = phi;
          F credit_curve = V::select(below, phi, zero);
          if (b.published_slope) {
            credit_slope = V::select(below, Fn::exp(V::min(zero, elu)), one);
            credit_curve = V::select(below, V::mul(credit_slope, phi), zero);
          }
          d_w2 = V::fma(credit_slope, u, d_w2);
          d_z = V::fma(V::mul(u, credit_curve), w2, d_td);
          credit_weight = V::mul(credit_slope, w2);
        }
        put(d_b1 + j, d_z, l);
        put(d_a2 + j, times_sign(d_w2, raw2), l);
        put(to_agents + j, b.detach_agents ? d_td : d_z, l);
        for (int i = 0; i < n; ++i) {
          F d_w1 = V::mul(V::set1(q[i]), d_z);
          if (d_credit != nullptr) d_w1 = V::fma(V::set1(d_credit[i]), credit_weight, d_w1);
          put(d_a1 + i * e + j, times_sign(d_w1, get(a1 + i * e + j, l)), l);
        }
      });
      for (int i = 0; i < n; ++i)
        b.d_q[static_cast<std::ptrdiff_t>(row) * n + i] = dot_abs(a1 + i * e, to_agents, e);
    }
  }
};

}  // namespace
}  // namespace credo
