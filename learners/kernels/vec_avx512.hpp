// Sixteen lanes of AVX-512. Included only by translation units compiled for it.
#pragma once

#include <immintrin.h>

namespace credo {
namespace {

struct VecAvx512 {
  using F = __m512;
  using I = __m512i;
  using M = __mmask16;
  static constexpr int kWidth = 16;

  static M lanes(int n) { return static_cast<M>((1U << n) - 1U); }
  static F load(const float* p) { return _mm512_loadu_ps(p); }
  static F load_n(const float* p, int n) { return _mm512_maskz_loadu_ps(lanes(n), p); }
  static void store(float* p, F x) { _mm512_storeu_ps(p, x); }
  static void store_n(float* p, F x, int n) { _mm512_mask_storeu_ps(p, lanes(n), x); }
  static F set1(float x) { return _mm512_set1_ps(x); }
  static F add(F a, F b) { return _mm512_add_ps(a, b); }
  static F sub(F a, F b) { return _mm512_sub_ps(a, b); }
  static F mul(F a, F b) { return _mm512_mul_ps(a, b); }
  static F div(F a, F b) { return _mm512_div_ps(a, b); }
  static F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
  static F fnma(F a, F b, F c) { return _mm512_fnmadd_ps(a, b, c); }  // -(a b) + c
  static F fnms(F a, F b, F c) { return _mm512_fnmsub_ps(a, b, c); }  // -(a b) - c
  static F sqrt(F a) { return _mm512_sqrt_ps(a); }
  static F max(F a, F b) { return _mm512_max_ps(a, b); }
  static F min(F a, F b) { return _mm512_min_ps(a, b); }
  static M lt(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
  static M gt(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ); }
  static M mask(unsigned bits) { return static_cast<M>(bits); }
  static unsigned equal(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
  static float largest(F a) { return _mm512_reduce_max_ps(a); }
  static F select(M m, F a, F b) { return _mm512_mask_blend_ps(m, b, a); }
  /// p * 2^n for an integral n in [-150, 150] and p in [1/2, 2], rounded once.
  static F scale(F p, F n) { return _mm512_scalef_ps(p, n); }
  static I bits(F a) { return _mm512_castps_si512(a); }
  static F from_bits(I a) { return _mm512_castsi512_ps(a); }
  static F to_float(I a) { return _mm512_cvtepi32_ps(a); }
  static I iset1(int a) { return _mm512_set1_epi32(a); }
  static I iadd(I a, I b) { return _mm512_add_epi32(a, b); }
  static I isub(I a, I b) { return _mm512_sub_epi32(a, b); }
  static I iand(I a, I b) { return _mm512_and_si512(a, b); }
  static I ior(I a, I b) { return _mm512_or_si512(a, b); }
  /// Sum of 16 lanes as a tree over halves: 8, 4, 2, 1.
  static float tree_sum(const F* part) {
    const __m256 eight =
        _mm256_add_ps(_mm512_castps512_ps256(part[0]), _mm512_extractf32x8_ps(part[0], 1));
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }
  template <int kShift>
  static I sra(I a) {
    return _mm512_srai_epi32(a, kShift);
  }
  template <int kShift>
  static I shl(I a) {
    return _mm512_slli_epi32(a, kShift);
  }
};

}  // namespace
}  // namespace credo
