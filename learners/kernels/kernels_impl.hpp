// The kernels, written once over a vector type V. Each translation unit that includes this file is
// compiled for one instruction set; everything sits in an unnamed namespace and uses no standard
// library code, so no function built for a newer instruction set can leak into the rest.
#pragma once

#include "learners/kernels/functions.hpp"
#include "learners/kernels/kernels.hpp"

#if defined(__clang__)
#define CREDO_UNROLL _Pragma("clang loop unroll(full)")
#else
#define CREDO_UNROLL _Pragma("GCC unroll 16")
#endif

namespace credo {
namespace {

template <class V>
struct Kernels {
  using F = typename V::F;
  static constexpr int W = V::kWidth;
  using Fn = Functions<V>;

  // ---------------------------------------------------------------- products
  // One register tile: kRows x (kVectors * W) outputs, all of k. `tail` columns are live in the
  // last vector when kMasked.
  template <int kRows, int kVectors, bool kMasked>
  static void tile(const Gemm& g, int row, int column, int k0, int k1, bool first, int tail) {
    F sum[kRows][kVectors];
    float* c = g.c + row * g.ldc + column;
    const auto load = [tail](const float* p, int v) {
      return kMasked && v == kVectors - 1 ? V::load_n(p + v * W, tail) : V::load(p + v * W);
    };
    if (!first || g.accumulate) {
      CREDO_UNROLL
      for (int i = 0; i < kRows; ++i) {
        CREDO_UNROLL
        for (int v = 0; v < kVectors; ++v) sum[i][v] = load(c + i * g.ldc, v);
      }
    } else {
      CREDO_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        const F start = g.bias != nullptr ? load(g.bias + column, v) : V::set1(0.0F);
        CREDO_UNROLL
        for (int i = 0; i < kRows; ++i) sum[i][v] = start;
      }
    }
    const float* a = g.a + row * g.a_row + k0 * g.a_col;
    const float* b = g.b + k0 * g.ldb + column;
    for (int p = k0; p < k1; ++p) {
      F right[kVectors];
      CREDO_UNROLL
      for (int v = 0; v < kVectors; ++v) right[v] = load(b, v);
      CREDO_UNROLL
      for (int i = 0; i < kRows; ++i) {
        const F left = V::set1(a[i * g.a_row]);
        CREDO_UNROLL
        for (int v = 0; v < kVectors; ++v) sum[i][v] = V::fma(left, right[v], sum[i][v]);
      }
      a += g.a_col;
      b += g.ldb;
    }
    CREDO_UNROLL
    for (int i = 0; i < kRows; ++i) {
      CREDO_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        float* out = c + i * g.ldc + v * W;
        if (kMasked && v == kVectors - 1)
          V::store_n(out, sum[i][v], tail);
        else
          V::store(out, sum[i][v]);
      }
    }
  }

  template <int kRows, int kVectors, bool kMasked>
  static void last_rows(const Gemm& g, int row, int rows, int column, int k0, int k1, bool first,
                        int tail) {
    if (rows == kRows) {
      tile<kRows, kVectors, kMasked>(g, row, column, k0, k1, first, tail);
    } else if constexpr (kRows > 1) {
      last_rows<kRows - 1, kVectors, kMasked>(g, row, rows, column, k0, k1, first, tail);
    }
  }

  template <int kRows, int kVectors, bool kMasked>
  static void column_panel(const Gemm& g, int column, int k0, int k1, bool first, int tail) {
    int row = 0;
    for (; row + kRows <= g.m; row += kRows)
      tile<kRows, kVectors, kMasked>(g, row, column, k0, k1, first, tail);
    if constexpr (kRows > 1) {
      if (row < g.m)
        last_rows<kRows - 1, kVectors, kMasked>(g, row, g.m - row, column, k0, k1, first, tail);
    }
  }

  /// Rows per tile for a tile of kVectors vectors: fills the register file.
  static constexpr int tile_rows(int vectors) {
    if (W == 1) return 4;
    if (W == 8) return vectors == 2 ? 6 : 10;
    return vectors == 4 ? 6 : vectors == 3 ? 8 : vectors == 2 ? 12 : 14;
  }
  static constexpr int kMaxVectors = W == 16 ? 4 : W == 8 ? 2 : 1;

  template <int kVectors>
  static void last_panel(const Gemm& g, int column, int k0, int k1, bool first) {
    const int width = g.n - column;  // in ((kVectors-1) * W, kVectors * W] when it fits
    if constexpr (kVectors > 1) {
      if (width <= (kVectors - 1) * W) {
        last_panel<kVectors - 1>(g, column, k0, k1, first);
        return;
      }
    }
    constexpr int kRows = tile_rows(kVectors);
    const int tail = width - (kVectors - 1) * W;
    if (tail == W)
      column_panel<kRows, kVectors, false>(g, column, k0, k1, first, tail);
    else if constexpr (W > 1)
      column_panel<kRows, kVectors, true>(g, column, k0, k1, first, tail);
  }

  static void gemm(const Gemm& g) {
    // k is walked in blocks so that the slice of B under a panel stays in the first-level cache;
    // a chain stored and reloaded is the same chain.
    constexpr int kBlock = 256;
    constexpr int kPanel = kMaxVectors * W;
    int k0 = 0;
    do {
      const int k1 = g.k - k0 > kBlock + kBlock / 2 ? k0 + kBlock : g.k;
      int column = 0;
      for (; column + kPanel <= g.n; column += kPanel)
        column_panel<tile_rows(kMaxVectors), kMaxVectors, false>(g, column, k0, k1, k0 == 0, 0);
      if (column < g.n) last_panel<kMaxVectors>(g, column, k0, k1, k0 == 0);
      k0 = k1;
    } while (k0 < g.k);
  }

  // ---------------------------------------------------------------- elementwise
  /// Runs body(i, n): whole vectors with n == W, then one partial with n < W.
  template <class Body>
  static void for_vectors(std::size_t n, const Body& body) {
    std::size_t i = 0;
    for (; i + W <= n; i += W) body(i, W);
    if constexpr (W > 1) {
      if (i < n) body(i, static_cast<int>(n - i));
    }
  }
  static F get(const float* p, int n) { return n == W ? V::load(p) : V::load_n(p, n); }
  static void put(float* p, F x, int n) {
    if (n == W)
      V::store(p, x);
    else
      V::store_n(p, x, n);
  }

  static void column_sum(int rows, int n, const float* x, std::ptrdiff_t ld, float* out) {
    for_vectors(static_cast<std::size_t>(n), [=](std::size_t j, int lanes) {
      F sum = get(out + j, lanes);
      const float* p = x + j;
      for (int r = 0; r < rows; ++r, p += ld) sum = V::add(sum, get(p, lanes));
      put(out + j, sum, lanes);
    });
  }
  static void axpy(float* y, float a, const float* x, std::size_t n) {
    for_vectors(n, [=](std::size_t i, int lanes) {
      put(y + i, V::fma(V::set1(a), get(x + i, lanes), get(y + i, lanes)), lanes);
    });
  }
  static void add(float* y, const float* x, std::size_t n) {
    for_vectors(n, [=](std::size_t i, int lanes) {
      put(y + i, V::add(get(y + i, lanes), get(x + i, lanes)), lanes);
    });
  }
  static void relu(float* x, std::size_t n) {
    for_vectors(n, [=](std::size_t i, int lanes) {
      put(x + i, V::max(V::set1(0.0F), get(x + i, lanes)), lanes);  // keeps NaN
    });
  }
  static void relu_backward(float* dy, const float* y, std::size_t n) {
    for_vectors(n, [=](std::size_t i, int lanes) {
      const F zero = V::set1(0.0F);
      put(dy + i, V::select(V::gt(get(y + i, lanes), zero), get(dy + i, lanes), zero), lanes);
    });
  }
  static void exp(const float* x, float* y, std::size_t n) {
    for_vectors(n, [=](std::size_t i, int l) { put(y + i, Fn::exp(get(x + i, l)), l); });
  }
  static void log(const float* x, float* y, std::size_t n) {
    for_vectors(n, [=](std::size_t i, int l) { put(y + i, Fn::log(get(x + i, l)), l); });
  }
  static void tanh(const float* x, float* y, std::size_t n) {
    for_vectors(n, [=](std::size_t i, int l) { put(y + i, Fn::tanh(get(x + i, l)), l); });
  }
  static void sigmoid(const float* x, float* y, std::size_t n) {
    for_vectors(n, [=](std::size_t i, int l) { put(y + i, Fn::sigmoid(get(x + i, l)), l); });
  }

  // ---------------------------------------------------------------- GRU gates
  static void gru_forward(int rows, int h, const float* gi, const float* gh, const float* h_prev,
                          float* gates, float* h_next) {
    for (int row = 0; row < rows; ++row) {
      for_vectors(static_cast<std::size_t>(h), [=](std::size_t j, int l) {
        const F r = Fn::sigmoid(V::add(get(gi + j, l), get(gh + j, l)));
        const F z = Fn::sigmoid(V::add(get(gi + h + j, l), get(gh + h + j, l)));
        const F m = get(gh + 2 * h + j, l);
        const F n = Fn::tanh(V::fma(r, m, get(gi + 2 * h + j, l)));
        put(gates + j, r, l);
        put(gates + h + j, z, l);
        put(gates + 2 * h + j, n, l);
        put(gates + 3 * h + j, m, l);
        // (1 - z) n + z h  =  n + z (h - n)
        put(h_next + j, V::fma(z, V::sub(get(h_prev + j, l), n), n), l);
      });
      gi += 3 * h;
      gh += 3 * h;
      h_prev += h;
      gates += 4 * h;
      h_next += h;
    }
  }

  static void gru_backward(int rows, int h, const float* gates, const float* h_prev,
                           const float* d_h, float* d_gates, float* d_h_prev) {
    const F one = V::set1(1.0F);
    for (int row = 0; row < rows; ++row) {
      for_vectors(static_cast<std::size_t>(h), [=](std::size_t j, int l) {
        const F r = get(gates + j, l);
        const F z = get(gates + h + j, l);
        const F n = get(gates + 2 * h + j, l);
        const F m = get(gates + 3 * h + j, l);
        const F d = get(d_h + j, l);
        const F one_minus_z = V::sub(one, z);
        const F d_n = V::mul(d, one_minus_z);
        const F d_an = V::mul(d_n, V::sub(one, V::mul(n, n)));
        const F d_r = V::mul(d_an, m);
        const F d_z = V::mul(d, V::sub(get(h_prev + j, l), n));
        put(d_gates + j, V::mul(d_r, V::mul(r, V::sub(one, r))), l);
        put(d_gates + h + j, V::mul(d_z, V::mul(z, one_minus_z)), l);
        put(d_gates + 2 * h + j, d_an, l);
        put(d_gates + 3 * h + j, V::mul(d_an, r), l);
        put(d_h_prev + j, V::fma(d, z, get(d_h_prev + j, l)), l);
      });
      gates += 4 * h;
      h_prev += h;
      d_h += h;
      d_gates += 4 * h;
      d_h_prev += h;
    }
  }

  // ---------------------------------------------------------------- QMIX
  // Sums over the embedding: 16 partial sums (lane = index mod 16), combined in a fixed tree.
  struct Lanes16 {
    static constexpr int kParts = 16 / W;
    F part[kParts];
    Lanes16() {
      CREDO_UNROLL
      for (int v = 0; v < kParts; ++v) part[v] = V::set1(0.0F);
    }
    void fma(const float* a, const float* b, int n) {  // n <= 16
      CREDO_UNROLL
      for (int v = 0; v < kParts; ++v) {
        const int live = n - v * W;
        if (live >= W)
          part[v] = V::fma(V::load(a + v * W), V::load(b + v * W), part[v]);
        else if (live > 0)
          part[v] = V::fma(V::load_n(a + v * W, live), V::load_n(b + v * W, live), part[v]);
      }
    }
    float total() const {
      float lane[16];
      CREDO_UNROLL
      for (int v = 0; v < kParts; ++v) V::store(lane + v * W, part[v]);
      for (int half = 8; half > 0; half /= 2) {
        for (int i = 0; i < half; ++i) lane[i] += lane[i + half];
      }
      return lane[0];
    }
  };
  static float dot(const float* a, const float* b, int n) {
    Lanes16 sum;
    for (int i = 0; i < n; i += 16) sum.fma(a + i, b + i, n - i < 16 ? n - i : 16);
    return sum.total();
  }
  /// Same with |a|.
  static float dot_abs(const float* a, const float* b, int n) {
    float magnitude[16];
    Lanes16 sum;
    for (int i = 0; i < n; i += 16) {
      const int live = n - i < 16 ? n - i : 16;
      for (int j = 0; j < live; ++j) magnitude[j] = __builtin_fabsf(a[i + j]);
      sum.fma(magnitude, b + i, live);
    }
    return sum.total();
  }

  static void qmix_forward(const QmixForward& f) {
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
      for_vectors(static_cast<std::size_t>(e), [&](std::size_t j, int l) {
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

  static void qmix_backward(const QmixBackward& b) {
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
      for_vectors(static_cast<std::size_t>(e), [&](std::size_t j, int l) {
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

  // ---------------------------------------------------------------- optimisers
  static void rmsprop(std::size_t n, float* p, const float* g, float* v, float grad_scale, float lr,
                      float alpha, float eps) {
    const F rest = V::set1(1.0F - alpha);
    for_vectors(n, [=](std::size_t i, int l) {
      const F grad = V::mul(get(g + i, l), V::set1(grad_scale));
      const F square = V::fma(V::set1(alpha), get(v + i, l), V::mul(rest, V::mul(grad, grad)));
      put(v + i, square, l);
      const F step = V::div(V::mul(V::set1(lr), grad), V::add(V::sqrt(square), V::set1(eps)));
      put(p + i, V::sub(get(p + i, l), step), l);
    });
  }

  static void adam(std::size_t n, float* p, const float* g, float* m, float* v, float grad_scale,
                   const AdamStep& s) {
    const float step_size = s.lr / s.correction1;
    for_vectors(n, [=, &s](std::size_t i, int l) {
      const F grad = V::mul(get(g + i, l), V::set1(grad_scale));
      const F first =
          V::fma(V::set1(s.beta1), get(m + i, l), V::mul(V::set1(1.0F - s.beta1), grad));
      const F second = V::fma(V::set1(s.beta2), get(v + i, l),
                              V::mul(V::set1(1.0F - s.beta2), V::mul(grad, grad)));
      put(m + i, first, l);
      put(v + i, second, l);
      const F root = V::add(V::div(V::sqrt(second), V::set1(s.correction2)), V::set1(s.eps));
      put(p + i, V::sub(get(p + i, l), V::div(V::mul(V::set1(step_size), first), root)), l);
    });
  }

  static constexpr KernelTable table(const char* name) {
    return {name,          gemm,         column_sum,    axpy,    add,     relu,
            relu_backward, exp,          log,           tanh,    sigmoid, gru_forward,
            gru_backward,  qmix_forward, qmix_backward, rmsprop, adam};
  }
};

}  // namespace
}  // namespace credo
