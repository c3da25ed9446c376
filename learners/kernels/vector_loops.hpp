// What the kernels of this folder share: loops over vectors of V, and how they are unrolled.
#pragma once

#include <cstddef>

#if defined(__clang__)
#define CREDO_UNROLL _Pragma("clang loop unroll(full)")
#define CREDO_UNROLL_4 _Pragma("clang loop unroll_count(4)")
#else
#define CREDO_UNROLL _Pragma("GCC unroll 16")
#define CREDO_UNROLL_4 _Pragma("GCC unroll 4")
#endif
// Bodies of loops over vectors: once with whole vectors, once with what is left over, so that the
// common case tests no lane count.
#define CREDO_INLINE __attribute__((always_inline))

namespace credo {
namespace {

template <class V>
struct VectorLoops {
  using F = typename V::F;
  static constexpr int W = V::kWidth;

  /// Runs body(i, n): whole vectors with n == W, then one partial with n < W.
  template <class Body>
  CREDO_INLINE static void for_vectors(std::size_t n, const Body& body) {
    std::size_t i = 0;
    for (; i + W <= n; i += W) body(i, W);
    if constexpr (W > 1) {
      if (i < n) body(i, static_cast<int>(n - i));
    }
  }
  CREDO_INLINE static F get(const float* p, int n) { return n == W ? V::load(p) : V::load_n(p, n); }
  CREDO_INLINE static void put(float* p, F x, int n) {
    if (n == W)
      V::store(p, x);
    else
      V::store_n(p, x, n);
  }
};

}  // namespace
}  // namespace credo
