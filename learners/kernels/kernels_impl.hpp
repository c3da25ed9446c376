// The kernels, written once over a vector type V. Each translation unit that includes this file is
// compiled for one instruction set; everything sits in an unnamed namespace and uses no standard
// library code, so no function built for a newer instruction set can leak into the rest.
#pragma once

#include "learners/kernels/functions.hpp"
#include "learners/kernels/kernels.hpp"
#include "learners/kernels/qmix_kernels.hpp"
#include "learners/kernels/vector_loops.hpp"

namespace credo {
namespace {

template <class V>
struct Kernels : VectorLoops<V> {
  using Loops = VectorLoops<V>;
  using Loops::for_vectors;
  using Loops::get;
  using Loops::put;
  using Loops::W;
  using typename Loops::F;
  using Fn = Functions<V>;

  // ---------------------------------------------------------------- products
  static constexpr int kLine = 64;       // bytes of a cache line
  static constexpr int kFetchSteps = 4;  // steps of k per line fetched ahead
  /// The next `lines` lines to prefetch; those past the end of a range are of no use.
  static const std::uint8_t* take(Ahead& ahead, int lines) {
    Ahead::Range& range = ahead.ranges[ahead.count - 1];
    const std::uint8_t* next = range.next;
    range.next += static_cast<std::ptrdiff_t>(lines) * kLine;
    if (range.next >= range.end) --ahead.count;
    return next;
  }

  // One register tile: kRows x (kVectors * W) outputs, all of k. `tail` columns are live in the
  // last vector when kMasked.
  template <int kRows, int kVectors, bool kMasked, bool kFetch = false>
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
    int p = k0;
    const auto step = [&]() CREDO_INLINE {
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
    };
    if constexpr (kFetch) {
      const std::uint8_t* ahead = take(*g.ahead, (k1 - k0) / kFetchSteps);
      for (; p + kFetchSteps <= k1; p += kFetchSteps) {
        __builtin_prefetch(ahead, 0, 2);
        ahead += kLine;
        CREDO_UNROLL
        for (int i = 0; i < kFetchSteps; ++i) step();
      }
    }
    CREDO_UNROLL_4
    for (; p < k1; ++p) step();
    if (g.relu > column) {
      CREDO_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        const F floor = relu_floor(g.relu - column - v * W);
        CREDO_UNROLL
        for (int i = 0; i < kRows; ++i) sum[i][v] = V::max(floor, sum[i][v]);  // keeps NaN
      }
    }
    if (g.positive != nullptr) {
      const F zero = V::set1(0.0F);
      const float* y = g.positive + row * g.ld_positive + column;
      CREDO_UNROLL
      for (int i = 0; i < kRows; ++i) {
        CREDO_UNROLL
        for (int v = 0; v < kVectors; ++v)
          sum[i][v] = V::select(V::gt(load(y + i * g.ld_positive, v), zero), sum[i][v], zero);
      }
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

  /// 0 in the first `lanes` lanes, minus infinity in the others.
  static F relu_floor(int lanes) {
    constexpr float kNone = -__builtin_inff();
    static constexpr float kSteps[32] = {0.0F,  0.0F,  0.0F,  0.0F,  0.0F,  0.0F,  0.0F,  0.0F,
                                         0.0F,  0.0F,  0.0F,  0.0F,  0.0F,  0.0F,  0.0F,  0.0F,
                                         kNone, kNone, kNone, kNone, kNone, kNone, kNone, kNone,
                                         kNone, kNone, kNone, kNone, kNone, kNone, kNone, kNone};
    return V::load(kSteps + 16 - (lanes < 0 ? 0 : lanes < 16 ? lanes : 16));
  }

  template <int kRows, int kVectors, bool kMasked, bool kFetch = false>
  static void some_rows(const Gemm& g, int row, int rows, int column, int k0, int k1, bool first,
                        int tail) {
    if (rows == kRows) {
      tile<kRows, kVectors, kMasked, kFetch>(g, row, column, k0, k1, first, tail);
    } else if constexpr (kRows > 1) {
      some_rows<kRows - 1, kVectors, kMasked, kFetch>(g, row, rows, column, k0, k1, first, tail);
    }
  }

  // Rows are dealt evenly over the tiles: 8 rows run as 4 + 4, not as 6 + 2.
  template <int kRows, int kVectors, bool kMasked>
  static void column_panel(const Gemm& g, int column, int k0, int k1, bool first, int tail) {
    if (g.m == 0) return;
    const int tiles = (g.m + kRows - 1) / kRows;
    const int base = g.m / tiles;
    const int larger = g.m % tiles;
    int row = 0;
    for (int i = 0; i < tiles; ++i) {
      const int rows = base + (i < larger ? 1 : 0);
      if constexpr (kVectors == kMaxVectors && kVectors > 1 && !kMasked) {
        if (g.ahead != nullptr && g.ahead->count > 0) {
          some_rows<kRows, kVectors, kMasked, true>(g, row, rows, column, k0, k1, first, tail);
          row += rows;
          continue;
        }
      }
      some_rows<kRows, kVectors, kMasked>(g, row, rows, column, k0, k1, first, tail);
      row += rows;
    }
  }

  /// Rows per tile for a tile of kVectors vectors: fills the register file (16 registers of eight
  /// lanes, 32 of four or sixteen).
  static constexpr int tile_rows(int vectors) {
    if (W == 1) return 4;
    if (W == 8) return vectors == 2 ? 6 : 10;
    return vectors == 4 ? 6 : vectors == 3 ? 8 : vectors == 2 ? 12 : 14;
  }
  static constexpr int kMaxVectors = W == 16 || W == 4 ? 4 : W == 8 ? 2 : 1;

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
    // Blocks of rows keep A in the second-level cache while the column panels pass over it; blocks
    // of k keep the slice of B under a panel in the first. A chain stored and reloaded is the same
    // chain.
    constexpr int kRowBlock = 96;
    constexpr int kBlock = 128;
    const int k_blocks = g.k > kBlock ? (g.k + kBlock - 1) / kBlock : 1;
    const int k_step = (g.k + k_blocks - 1) / k_blocks;
    constexpr int kPanel = kMaxVectors * W;
    Gemm block = g;
    for (int row = 0; row < g.m; row += kRowBlock) {
      block.m = g.m - row < kRowBlock ? g.m - row : kRowBlock;
      block.a = g.a + row * g.a_row;
      block.c = g.c + row * g.ldc;
      int k0 = 0;
      do {
        const int k1 = g.k - k0 > k_step ? k0 + k_step : g.k;
        block.relu = k1 == g.k ? g.relu : 0;
        block.positive =
            k1 == g.k && g.positive != nullptr ? g.positive + row * g.ld_positive : nullptr;
        int column = 0;
        if constexpr (W == 16) {
          // Seven or eight rows in one tile: every weight is loaded once.
          if ((block.m == 7 || block.m == 8) && g.n % 48 == 0)
            for (; column < g.n; column += 48)
              column_panel<8, 3, false>(block, column, k0, k1, k0 == 0, 0);
        }
        for (; column + kPanel <= g.n; column += kPanel)
          column_panel<tile_rows(kMaxVectors), kMaxVectors, false>(block, column, k0, k1, k0 == 0,
                                                                   0);
        if (column < g.n) last_panel<kMaxVectors>(block, column, k0, k1, k0 == 0);
        k0 = k1;
      } while (k0 < g.k);
    }
  }

  // ---------------------------------------------------------------- elementwise
  static void column_sum(int rows, int n, const float* x, std::ptrdiff_t ld, float* out) {
    if (rows == 0) return;  // x may be null then
    for_vectors(static_cast<std::size_t>(n), [=](std::size_t j, int lanes) CREDO_INLINE {
      F sum = get(out + j, lanes);
      const float* p = x + j;
      for (int r = 0; r < rows; ++r, p += ld) sum = V::add(sum, get(p, lanes));
      put(out + j, sum, lanes);
    });
  }
  static void add(float* y, const float* x, std::size_t n) {
    for_vectors(n, [=](std::size_t i, int lanes) CREDO_INLINE {
      put(y + i, V::add(get(y + i, lanes), get(x + i, lanes)), lanes);
    });
  }
  static void blend(float* y, float a, const float* x, std::size_t n) {
    const float rest = 1.0F - a;
    for_vectors(n, [=](std::size_t i, int lanes) CREDO_INLINE {
      const F kept = V::mul(V::set1(rest), get(y + i, lanes));
      put(y + i, V::fma(V::set1(a), get(x + i, lanes), kept), lanes);
    });
  }
  static void relu_backward(float* d, const float* y, std::size_t n) {
    for_vectors(n, [=](std::size_t i, int lanes) CREDO_INLINE {
      const F zero = V::set1(0.0F);
      put(d + i, V::select(V::gt(get(y + i, lanes), zero), get(d + i, lanes), zero), lanes);
    });
  }
  static void exp(const float* x, float* y, std::size_t n) {
    for_vectors(n,
                [=](std::size_t i, int l) CREDO_INLINE { put(y + i, Fn::exp(get(x + i, l)), l); });
  }
  static void log(const float* x, float* y, std::size_t n) {
    for_vectors(n,
                [=](std::size_t i, int l) CREDO_INLINE { put(y + i, Fn::log(get(x + i, l)), l); });
  }
  static void sigmoid(const float* x, float* y, std::size_t n) {
    for_vectors(
        n, [=](std::size_t i, int l) CREDO_INLINE { put(y + i, Fn::sigmoid(get(x + i, l)), l); });
  }

  // ---------------------------------------------------------------- GRU gates
  // Two passes over a row: the candidate waits for the reset gate, and one long chain of dependent
  // instructions per vector would fill the processor's window.
  static void gru_forward(int rows, int h, const float* gi, const float* gh, const float* h_prev,
                          float* gates, float* h_next) {
    for (int row = 0; row < rows; ++row) {
      for_vectors(static_cast<std::size_t>(2 * h), [=](std::size_t j, int l) CREDO_INLINE {
        put(gates + j, Fn::sigmoid(V::add(get(gi + j, l), get(gh + j, l))), l);
      });
      for_vectors(static_cast<std::size_t>(h), [=](std::size_t j, int l) CREDO_INLINE {
        const F m = get(gh + 2 * h + j, l);
        const F n = Fn::tanh(V::fma(get(gates + j, l), m, get(gi + 2 * h + j, l)));
        put(gates + 2 * h + j, n, l);
        put(gates + 3 * h + j, m, l);
        // (1 - z) n + z h  =  n + z (h - n)
        put(h_next + j, V::fma(get(gates + h + j, l), V::sub(get(h_prev + j, l), n), n), l);
      });
      gi += 3 * h;
      gh += 3 * h;
      h_prev += h;
      gates += 4 * h;
      h_next += h;
    }
  }

  /// Columns [j, j + kVectors * W) of gru_backward, the last vector with `lanes` lanes.
  template <int kVectors>
  CREDO_INLINE static void gru_backward_columns(int rows, int h, std::ptrdiff_t j, int lanes,
                                                const float* gates, const float* h_prev,
                                                const float* d_h, float* d_gates, std::ptrdiff_t ld,
                                                float* d_h_prev, float* d_bias) {
    const F one = V::set1(1.0F);
    const auto live = [lanes](int v) CREDO_INLINE { return v == kVectors - 1 ? lanes : W; };
    F sum[4][kVectors];
    CREDO_UNROLL
    for (int i = 0; i < 4; ++i) {
      CREDO_UNROLL
      for (int v = 0; v < kVectors; ++v) sum[i][v] = get(d_bias + i * h + j + v * W, live(v));
    }
    std::ptrdiff_t at = j;
    const float* gate = gates + j;
    float* out = d_gates + j;
    for (int row = 0; row < rows; ++row, gate += 4 * h, out += ld, at += h) {
      CREDO_UNROLL
      for (int v = 0; v < kVectors; ++v) {
        const int c = v * W;
        const int l = live(v);
        const F r = get(gate + c, l);
        const F z = get(gate + h + c, l);
        const F n = get(gate + 2 * h + c, l);
        const F m = get(gate + 3 * h + c, l);
        const F d = get(d_h + at + c, l);
        const F one_minus_z = V::sub(one, z);
        const F d_an = V::mul(V::mul(d, one_minus_z), V::sub(one, V::mul(n, n)));
        const F d_m = V::mul(d_an, r);
        const F d_ar = V::mul(V::mul(d_m, m), V::sub(one, r));
        const F d_az =
            V::mul(V::mul(d, V::sub(get(h_prev + at + c, l), n)), V::mul(z, one_minus_z));
        put(out + c, d_ar, l);
        put(out + h + c, d_az, l);
        put(out + 2 * h + c, d_an, l);
        put(out + 3 * h + c, d_m, l);
        put(d_h_prev + at + c, V::fma(d, z, get(d_h_prev + at + c, l)), l);
        sum[0][v] = V::add(sum[0][v], d_ar);
        sum[1][v] = V::add(sum[1][v], d_az);
        sum[2][v] = V::add(sum[2][v], d_an);
        sum[3][v] = V::add(sum[3][v], d_m);
      }
    }
    CREDO_UNROLL
    for (int i = 0; i < 4; ++i) {
      CREDO_UNROLL
      for (int v = 0; v < kVectors; ++v) put(d_bias + i * h + j + v * W, sum[i][v], live(v));
    }
  }
  // As many columns side by side as the registers hold sums of: a row is then read and written line
  // after line.
  static void gru_backward(int rows, int h, const float* gates, const float* h_prev,
                           const float* d_h, float* d_gates, std::ptrdiff_t ld, float* d_h_prev,
                           float* d_bias) {
    constexpr int kWide = W == 16 ? 4 : 1;
    std::ptrdiff_t j = 0;
    for (; j + kWide * W <= h; j += kWide * W)
      gru_backward_columns<kWide>(rows, h, j, W, gates, h_prev, d_h, d_gates, ld, d_h_prev, d_bias);
    for (; j < h; j += W)
      gru_backward_columns<1>(rows, h, j, h - j < W ? static_cast<int>(h - j) : W, gates, h_prev,
                              d_h, d_gates, ld, d_h_prev, d_bias);
  }

  // ---------------------------------------------------------------- rows by index
  static void embed_relu(int rows, int h, const float* w, const int* first, const int* second,
                         float* y) {
    for (int row = 0; row < rows; ++row, y += h) {
      const float* a = first != nullptr && first[row] >= 0 ? w + first[row] * h : nullptr;
      const float* b = second != nullptr ? w + second[row] * h : nullptr;
      for_vectors(static_cast<std::size_t>(h), [=](std::size_t j, int l) CREDO_INLINE {
        F sum = get(y + j, l);
        if (a != nullptr) sum = V::add(sum, get(a + j, l));
        if (b != nullptr) sum = V::add(sum, get(b + j, l));
        put(y + j, V::max(V::set1(0.0F), sum), l);  // keeps NaN
      });
    }
  }
  static void scatter_add(int rows, int n, const float* x, const int* index, float* out) {
    for (int row = 0; row < rows; ++row, x += n) {
      if (index[row] < 0) continue;
      float* y = out + static_cast<std::ptrdiff_t>(index[row]) * n;
      for_vectors(static_cast<std::size_t>(n), [=](std::size_t j, int l) CREDO_INLINE {
        put(y + j, V::add(get(y + j, l), get(x + j, l)), l);
      });
    }
  }
  static void chosen_backward(int rows, int h, const float* d_q, const int* action, const float* w,
                              const float* hidden, float* d_hidden, float* d_w) {
    for (int row = 0; row < rows; ++row, hidden += h, d_hidden += h) {
      const F d = V::set1(d_q[row]);
      const float* weight = w + static_cast<std::ptrdiff_t>(action[row]) * h;
      float* grad = d_w + static_cast<std::ptrdiff_t>(action[row]) * h;
      for_vectors(static_cast<std::size_t>(h), [=](std::size_t j, int l) CREDO_INLINE {
        put(d_hidden + j, V::mul(d, get(weight + j, l)), l);
        put(grad + j, V::fma(d, get(hidden + j, l), get(grad + j, l)), l);
      });
    }
  }

  /// `count` (at most 16) bits of a bit string, reading no byte that holds none of them.
  static unsigned take_bits(const std::uint8_t* bits, int first, int count) {
    const std::uint8_t* p = bits + first / 8;
    const int shift = first % 8;
    unsigned word = p[0];
    if (shift + count > 8) word |= static_cast<unsigned>(p[1]) << 8U;
    if (shift + count > 16) word |= static_cast<unsigned>(p[2]) << 16U;
    return word >> shift & ((1U << count) - 1U);
  }
  static int best_allowed(int n, const float* q, const std::uint8_t* allowed, int first) {
    const F none = V::set1(-__builtin_inff());
    F top = none;
    int usable = -1;
    for (int i = 0; i < n; i += W) {
      const int lanes = n - i < W ? n - i : W;
      const unsigned bits = take_bits(allowed, first + i, lanes);
      if (usable < 0 && bits != 0) usable = i + __builtin_ctz(bits);
      top = V::max(V::select(V::mask(bits), get(q + i, lanes), none), top);
    }
    const F best = V::set1(V::largest(top));
    for (int i = 0; i < n; i += W) {
      const int lanes = n - i < W ? n - i : W;
      const unsigned at = V::equal(get(q + i, lanes), best) & take_bits(allowed, first + i, lanes);
      if (at != 0) return i + __builtin_ctz(at);
    }
    return usable < 0 ? 0 : usable;
  }

  // ---------------------------------------------------------------- machine peak
  static float fma_peak(std::size_t iterations) {
    constexpr int kChains = W == 1 ? 8 : 12;
    F chain[kChains];
    CREDO_UNROLL
    for (int i = 0; i < kChains; ++i) chain[i] = V::set1(static_cast<float>(i));
    const F a = V::set1(0.5F);
    const F b = V::set1(1.0F);
    for (std::size_t n = 0; n < iterations; ++n) {
      CREDO_UNROLL
      for (int i = 0; i < kChains; ++i) chain[i] = V::fma(chain[i], a, b);
    }
    float lane[16] = {};
    for (int i = 0; i < kChains; ++i) V::store(lane, V::add(V::load(lane), chain[i]));
    return lane[0];
  }
  static constexpr int kPeakFlops = 2 * W * (W == 1 ? 8 : 12);

  // ---------------------------------------------------------------- optimisers
  static void rmsprop(std::size_t n, float* p, const float* g, float* v, float grad_scale, float lr,
                      float alpha, float eps) {
    const F rest = V::set1(1.0F - alpha);
    for_vectors(n, [=](std::size_t i, int l) CREDO_INLINE {
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
    for_vectors(n, [=, &s](std::size_t i, int l) CREDO_INLINE {
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
    return {name,
            gemm,
            column_sum,
            add,
            blend,
            relu_backward,
            exp,
            log,
            sigmoid,
            gru_forward,
            gru_backward,
            embed_relu,
            scatter_add,
            chosen_backward,
            best_allowed,
            QmixKernels<V>::forward,
            QmixKernels<V>::backward,
            rmsprop,
            adam,
            fma_peak,
            kPeakFlops};
  }
};

}  // namespace
}  // namespace credo
