// One-lane "vector": the portable definition of what every kernel computes.
// Included only by the kernel translation units.
#pragma once

namespace credo {
namespace {

struct VecScalar {
  using F = float;
  using I = int;
  using M = bool;
  static constexpr int kWidth = 1;

  static F load(const float* p) { return *p; }
  static F load_n(const float* p, int) { return *p; }
  static void store(float* p, F x) { *p = x; }
  static void store_n(float* p, F x, int) { *p = x; }
  static F set1(float x) { return x; }
  static F add(F a, F b) { return a + b; }
  static F sub(F a, F b) { return a - b; }
  static F mul(F a, F b) { return a * b; }
  static F div(F a, F b) { return a / b; }
  static F fma(F a, F b, F c) { return __builtin_fmaf(a, b, c); }
  static F fnma(F a, F b, F c) { return __builtin_fmaf(-a, b, c); }   // -(a b) + c
  static F fnms(F a, F b, F c) { return __builtin_fmaf(-a, b, -c); }  // -(a b) - c
  static F sqrt(F a) { return __builtin_sqrtf(a); }
  static F max(F a, F b) { return a > b ? a : b; }  // b when either is NaN, as x86 does
  static F min(F a, F b) { return a < b ? a : b; }
  static M lt(F a, F b) { return a < b; }
  static M gt(F a, F b) { return a > b; }
  static M mask(unsigned bits) { return bits != 0; }
  static unsigned equal(F a, F b) { return a == b ? 1U : 0U; }
  static float largest(F a) { return a; }
  static F select(M m, F a, F b) { return m ? a : b; }
  /// p * 2^n for an integral n in [-150, 150] and p in [1/2, 2]: two exact-or-last steps, so the
  /// product is rounded once.
  static F scale(F p, F n) {
    const int e = static_cast<int>(n == n ? n : 0.0F);
    const int half = e >> 1;
    const float first = __builtin_bit_cast(float, (half + 127) << 23);
    const float second = __builtin_bit_cast(float, (e - half + 127) << 23);
    return p * first * second;
  }
  static I bits(F a) { return __builtin_bit_cast(int, a); }
  static F from_bits(I a) { return __builtin_bit_cast(float, a); }
  static F to_float(I a) { return static_cast<float>(a); }
  static I iset1(int a) { return a; }
  static I iadd(I a, I b) {
    return static_cast<I>(static_cast<unsigned>(a) + static_cast<unsigned>(b));
  }
  static I isub(I a, I b) {
    return static_cast<I>(static_cast<unsigned>(a) - static_cast<unsigned>(b));
  }
  static I iand(I a, I b) { return a & b; }
  static I ior(I a, I b) { return a | b; }
  /// Sum of 16 lanes as a tree over halves: 8, 4, 2, 1.
  static float tree_sum(const F* part) {
    float lane[8];
    for (int i = 0; i < 8; ++i) lane[i] = part[i] + part[i + 8];
    for (int half = 4; half > 0; half /= 2)
      for (int i = 0; i < half; ++i) lane[i] += lane[i + half];
    return lane[0];
  }
  template <int kShift>
  static I sra(I a) {
    return a >> kShift;
  }
  template <int kShift>
  static I shl(I a) {
    return static_cast<I>(static_cast<unsigned>(a) << kShift);
  }
};

}  // namespace
}  // namespace credo
