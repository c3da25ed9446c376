// The hot loops of the learner, compiled once per instruction set and chosen at run time.
//
// Same bits everywhere (docs/numerics.md): every output element of a product is ONE chain of fused
// multiply-adds in ascending k, so neither the vector width, the tile shape nor the number of rows
// handled together changes a bit. Vectors run across outputs. The only sums vectorised inside are
// `dot`-like ones over a short axis, which use 16 fixed partial sums combined in a fixed tree.
// exp, tanh, sigmoid and log are our own polynomials with explicit FMA (error at most 2 ulp).
// The scalar table is the definition; the others must equal it bit for bit (tests/learners).
#pragma once

#include <cstddef>
#include <cstdint>

namespace credo {

/// Memory that will be read soon and is not in the caches. Products that are given one fetch it
/// into the second-level cache while they compute, a cache line every few steps of their inner
/// loops.
struct Ahead {
  struct Range {
    const std::uint8_t* next = nullptr;
    const std::uint8_t* end = nullptr;
  };
  static constexpr int kMaxRanges = 8;
  Range ranges[kMaxRanges];
  int count = 0;

  /// Ranges beyond kMaxRanges are ignored.
  void add(const std::uint8_t* begin, std::size_t bytes) {
    if (count < kMaxRanges && bytes > 0) ranges[count++] = {begin, begin + bytes};
  }
};

/// C[m,n] = (accumulate ? C : bias or 0) + A[m,k] * B[k,n].
/// Element A(i,p) is a[i * a_row + p * a_col]; B and C are row-major with leading dimensions.
struct Gemm {
  int m = 0;
  int n = 0;
  int k = 0;
  const float* a = nullptr;
  std::ptrdiff_t a_row = 0;
  std::ptrdiff_t a_col = 1;
  const float* b = nullptr;
  std::ptrdiff_t ldb = 0;
  float* c = nullptr;
  std::ptrdiff_t ldc = 0;
  const float* bias = nullptr;  ///< [n], added first in every chain; ignored when accumulating
  bool accumulate = false;
  /// What is stored: the first `relu` columns as max(C, 0); with `positive` [m,n], C where that is
  /// above 0 and 0 elsewhere (the derivative of a ReLU whose output it is).
  int relu = 0;
  const float* positive = nullptr;
  std::ptrdiff_t ld_positive = 0;
  Ahead* ahead = nullptr;  ///< fetched meanwhile; changes no result
};

constexpr int kMaxMixingEmbed = 512;

/// QMIX mixing of `rows` samples with n agents and embedding e (docs/algorithms/qmix.md).
/// a1, a2: hypernetwork outputs before abs. a1, b1 and a2 may be column slices of wider arrays:
/// their rows are *_ld floats apart.
struct QmixForward {
  int rows = 0;
  int n_agents = 0;
  int embed = 0;  ///< at most kMaxMixingEmbed
  std::ptrdiff_t a1_ld = 0;
  std::ptrdiff_t b1_ld = 0;
  std::ptrdiff_t a2_ld = 0;
  const float* q = nullptr;    ///< [rows, n]
  const float* a1 = nullptr;   ///< [rows, n*e], agent-major
  const float* b1 = nullptr;   ///< [rows, e]
  const float* a2 = nullptr;   ///< [rows, e]
  const float* v = nullptr;    ///< [rows]
  float* hidden = nullptr;     ///< out [rows, e]: ELU(z)
  float* slope = nullptr;      ///< out [rows, e]: ELU'(z), 1 for z >= 0, exp(z) below
  float* q_tot = nullptr;      ///< out [rows]
  float* credits = nullptr;    ///< out [rows, n]: exact dQ_tot/dq_i; may be null
  float* published = nullptr;  ///< out [rows, n]: credits with slope exp(ELU(z)); may be null
};

struct QmixBackward {
  QmixForward forward;              ///< the same arrays, filled by the forward pass
  const float* d_q_tot = nullptr;   ///< [rows]
  const float* d_credit = nullptr;  ///< [rows, n] gradient of the entropy term; null: none
  bool published_slope = false;     ///< which credits d_credit belongs to
  bool detach_agents = true;        ///< true: the entropy term sends nothing into d_q
  float* d_a1 = nullptr;            ///< out [rows, n*e], rows forward.a1_ld apart
  float* d_b1 = nullptr;            ///< out [rows, e], rows forward.b1_ld apart
  float* d_a2 = nullptr;            ///< out [rows, e], rows forward.a2_ld apart
  float* d_q = nullptr;             ///< out [rows, n]
};

struct AdamStep {
  float lr, beta1, beta2, eps;
  float correction1;  ///< 1 - beta1^t
  float correction2;  ///< sqrt(1 - beta2^t)
};

struct KernelTable {
  const char* name;

  void (*gemm)(const Gemm& g);
  /// out[j] += sum over rows of x[r, j], rows ascending. x: [rows, n], leading dimension ld.
  void (*column_sum)(int rows, int n, const float* x, std::ptrdiff_t ld, float* out);
  void (*add)(float* y, const float* x, std::size_t n);  ///< y += x
  /// y = fma(a, x, (1 - a) y): part `a` of the way from y to x; x itself when a is 1.
  void (*blend)(float* y, float a, const float* x, std::size_t n);
  /// Backward of a ReLU whose output is y: d = d where y is above 0, and 0 elsewhere.
  void (*relu_backward)(float* d, const float* y, std::size_t n);

  void (*exp)(const float* x, float* y, std::size_t n);
  void (*log)(const float* x, float* y, std::size_t n);  ///< x positive and normal
  void (*sigmoid)(const float* x, float* y, std::size_t n);

  /// GRU gates, PyTorch's convention. gi, gh: [rows, 3h] pre-activations (r, z, n) of input and
  /// hidden parts, biases included. gates: out [rows, 4h] = r, z, n, m with m = gh_n.
  void (*gru_forward)(int rows, int h, const float* gi, const float* gh, const float* h_prev,
                      float* gates, float* h_next);
  /// d_gates: out [rows, 4h], rows ld floats apart = gradients of the pre-activations r, z, n
  /// (input side) and m.
  /// d_h_prev: += the direct path dh * z. d_bias: [4h] += column sums of d_gates, rows ascending.
  void (*gru_backward)(int rows, int h, const float* gates, const float* h_prev, const float* d_h,
                       float* d_gates, std::ptrdiff_t ld, float* d_h_prev, float* d_bias);

  /// y[row] = max(0, y[row] + w[first[row]] + w[second[row]]), w: rows of h floats. An index of
  /// `first` below 0 adds nothing; either array may be null.
  void (*embed_relu)(int rows, int h, const float* w, const int* first, const int* second,
                     float* y);
  /// out[index[row]] += x[row], rows of n floats, ascending; an index below 0 is left out.
  void (*scatter_add)(int rows, int n, const float* x, const int* index, float* out);
  /// Backward of the chosen outputs of a linear layer. w, d_w: [outputs, h];
  /// d_hidden[row] = d_q[row] * w[action[row]], d_w[action[row]] += d_q[row] * hidden[row].
  void (*chosen_backward)(int rows, int h, const float* d_q, const int* action, const float* w,
                          const float* hidden, float* d_hidden, float* d_w);

  /// First of the allowed indices at which q[n] is largest; 0 when none is allowed. Bit `first + i`
  /// of the little-endian bit string `allowed` stands for i. NaN counts as smaller than any number.
  int (*best_allowed)(int n, const float* q, const std::uint8_t* allowed, int first);

  void (*qmix_forward)(const QmixForward& f);
  void (*qmix_backward)(const QmixBackward& b);

  /// p -= lr * g / (sqrt(v) + eps), v = alpha v + (1 - alpha) g^2, g scaled by grad_scale first.
  void (*rmsprop)(std::size_t n, float* p, const float* g, float* v, float grad_scale, float lr,
                  float alpha, float eps);
  void (*adam)(std::size_t n, float* p, const float* g, float* m, float* v, float grad_scale,
               const AdamStep& step);

  /// Independent FMA chains and nothing else: the machine's peak, for benchmarks. Each iteration is
  /// `peak_flops` floating-point operations.
  float (*fma_peak)(std::size_t iterations);
  int peak_flops;
};

/// The table in use (learners/base/isa.hpp selects it).
const KernelTable& kernels();

}  // namespace credo
