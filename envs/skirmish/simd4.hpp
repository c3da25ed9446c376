// Four floats at a time. SSE2 (the x86-64 baseline), NEON (that of aarch64) or plain C++: the same
// IEEE operations in each, so the same bits.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace credo::skirmish {

#if defined(__SSE2__)

struct F4 {
  __m128 v;

  static F4 load(const float* p) { return {_mm_loadu_ps(p)}; }
  static F4 splat(float f) { return {_mm_set1_ps(f)}; }
  void store(float* p) const { _mm_storeu_ps(p, v); }
};

inline F4 operator+(F4 a, F4 b) { return {_mm_add_ps(a.v, b.v)}; }
inline F4 operator-(F4 a, F4 b) { return {_mm_sub_ps(a.v, b.v)}; }
inline F4 operator*(F4 a, F4 b) { return {_mm_mul_ps(a.v, b.v)}; }
inline F4 operator&(F4 a, F4 b) { return {_mm_and_ps(a.v, b.v)}; }
inline F4 operator/(F4 a, F4 b) { return {_mm_div_ps(a.v, b.v)}; }
inline F4 sqrt4(F4 a) { return {_mm_sqrt_ps(a.v)}; }
/// Lanes of a where the mask is set, of b elsewhere.
inline F4 select4(F4 mask, F4 a, F4 b) {
  return {_mm_or_ps(_mm_and_ps(mask.v, a.v), _mm_andnot_ps(mask.v, b.v))};
}
inline F4 min4(F4 a, F4 b) { return {_mm_min_ps(a.v, b.v)}; }
inline F4 less(F4 a, F4 b) { return {_mm_cmplt_ps(a.v, b.v)}; }
inline F4 less_equal(F4 a, F4 b) { return {_mm_cmple_ps(a.v, b.v)}; }
inline F4 operator|(F4 a, F4 b) { return {_mm_or_ps(a.v, b.v)}; }
inline F4 operator^(F4 a, F4 b) { return {_mm_xor_ps(a.v, b.v)}; }
inline F4 differ(F4 a, F4 b) { return {_mm_cmpneq_ps(a.v, b.v)}; }
/// One bit per lane whose mask is set.
inline unsigned bits4(F4 mask) { return static_cast<unsigned>(_mm_movemask_ps(mask.v)); }
/// Rounds towards zero; out: four numbers.
inline void truncate4(F4 a, std::int32_t* out) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_cvttps_epi32(a.v));
}
inline void transpose4(F4& a, F4& b, F4& c, F4& d) { _MM_TRANSPOSE4_PS(a.v, b.v, c.v, d.v); }

/// All lanes set if `on`.
inline F4 mask4(bool on) { return {_mm_castsi128_ps(_mm_set1_epi32(on ? -1 : 0))}; }

#elif defined(__aarch64__)

struct F4 {
  float32x4_t v;

  static F4 load(const float* p) { return {vld1q_f32(p)}; }
  static F4 splat(float f) { return {vdupq_n_f32(f)}; }
  void store(float* p) const { vst1q_f32(p, v); }
  uint32x4_t mask() const { return vreinterpretq_u32_f32(v); }
  static F4 from(uint32x4_t mask) { return {vreinterpretq_f32_u32(mask)}; }
};

inline F4 operator+(F4 a, F4 b) { return {vaddq_f32(a.v, b.v)}; }
inline F4 operator-(F4 a, F4 b) { return {vsubq_f32(a.v, b.v)}; }
inline F4 operator*(F4 a, F4 b) { return {vmulq_f32(a.v, b.v)}; }
inline F4 operator&(F4 a, F4 b) { return F4::from(vandq_u32(a.mask(), b.mask())); }
inline F4 operator|(F4 a, F4 b) { return F4::from(vorrq_u32(a.mask(), b.mask())); }
inline F4 operator^(F4 a, F4 b) { return F4::from(veorq_u32(a.mask(), b.mask())); }
inline F4 operator/(F4 a, F4 b) { return {vdivq_f32(a.v, b.v)}; }
inline F4 sqrt4(F4 a) { return {vsqrtq_f32(a.v)}; }
inline F4 select4(F4 mask, F4 a, F4 b) { return {vbslq_f32(mask.mask(), a.v, b.v)}; }
inline F4 less(F4 a, F4 b) { return F4::from(vcltq_f32(a.v, b.v)); }
inline F4 less_equal(F4 a, F4 b) { return F4::from(vcleq_f32(a.v, b.v)); }
inline F4 differ(F4 a, F4 b) { return F4::from(vmvnq_u32(vceqq_f32(a.v, b.v))); }
// Not vminq_f32, which treats NaN and signed zeros differently from x86.
inline F4 min4(F4 a, F4 b) { return select4(less(a, b), a, b); }
inline unsigned bits4(F4 mask) {
  const uint32x4_t lane = {1, 2, 4, 8};
  const int32x4_t set = vshrq_n_s32(vreinterpretq_s32_f32(mask.v), 31);
  return vaddvq_u32(vandq_u32(vreinterpretq_u32_s32(set), lane));
}
inline void truncate4(F4 a, std::int32_t* out) { vst1q_s32(out, vcvtq_s32_f32(a.v)); }
inline void transpose4(F4& a, F4& b, F4& c, F4& d) {
  const float32x4x2_t ab = vtrnq_f32(a.v, b.v);
  const float32x4x2_t cd = vtrnq_f32(c.v, d.v);
  a.v = vcombine_f32(vget_low_f32(ab.val[0]), vget_low_f32(cd.val[0]));
  b.v = vcombine_f32(vget_low_f32(ab.val[1]), vget_low_f32(cd.val[1]));
  c.v = vcombine_f32(vget_high_f32(ab.val[0]), vget_high_f32(cd.val[0]));
  d.v = vcombine_f32(vget_high_f32(ab.val[1]), vget_high_f32(cd.val[1]));
}
inline F4 mask4(bool on) { return F4::from(vdupq_n_u32(on ? 0xFFFFFFFFU : 0U)); }

#else

struct F4 {
  float v[4];

  static F4 load(const float* p) {
    F4 r;
    std::memcpy(r.v, p, sizeof(r.v));
    return r;
  }
  static F4 splat(float f) { return {{f, f, f, f}}; }
  void store(float* p) const { std::memcpy(p, v, sizeof(v)); }
};

namespace detail {
inline float lane_of(unsigned bits) {
  float lane;
  std::memcpy(&lane, &bits, sizeof(lane));
  return lane;
}
inline float mask_lane(bool on) { return lane_of(on ? 0xFFFFFFFFU : 0U); }
inline unsigned lane_bits(float lane) {
  unsigned bits;
  std::memcpy(&bits, &lane, sizeof(bits));
  return bits;
}
template <typename Op>
F4 map2(F4 a, F4 b, Op op) {
  F4 r;
  for (int k = 0; k < 4; ++k) r.v[k] = op(a.v[k], b.v[k]);
  return r;
}
}  // namespace detail

inline F4 operator+(F4 a, F4 b) {
  return detail::map2(a, b, [](float x, float y) { return x + y; });
}
inline F4 operator-(F4 a, F4 b) {
  return detail::map2(a, b, [](float x, float y) { return x - y; });
}
inline F4 operator*(F4 a, F4 b) {
  return detail::map2(a, b, [](float x, float y) { return x * y; });
}
inline F4 operator&(F4 a, F4 b) {
  return detail::map2(a, b, [](float x, float y) {
    return detail::lane_of(detail::lane_bits(x) & detail::lane_bits(y));
  });
}
inline F4 operator|(F4 a, F4 b) {
  return detail::map2(a, b, [](float x, float y) {
    return detail::lane_of(detail::lane_bits(x) | detail::lane_bits(y));
  });
}
inline F4 operator^(F4 a, F4 b) {
  return detail::map2(a, b, [](float x, float y) {
    return detail::lane_of(detail::lane_bits(x) ^ detail::lane_bits(y));
  });
}
inline F4 operator/(F4 a, F4 b) {
  return detail::map2(a, b, [](float x, float y) { return x / y; });
}
inline F4 select4(F4 mask, F4 a, F4 b) {
  F4 r;
  for (int k = 0; k < 4; ++k) r.v[k] = detail::lane_bits(mask.v[k]) != 0 ? a.v[k] : b.v[k];
  return r;
}
inline F4 sqrt4(F4 a) {
  return detail::map2(a, a, [](float x, float) { return std::sqrt(x); });
}
inline F4 min4(F4 a, F4 b) {
  return detail::map2(a, b, [](float x, float y) { return x < y ? x : y; });
}
inline F4 less(F4 a, F4 b) {
  return detail::map2(a, b, [](float x, float y) { return detail::mask_lane(x < y); });
}
inline F4 less_equal(F4 a, F4 b) {
  return detail::map2(a, b, [](float x, float y) { return detail::mask_lane(x <= y); });
}
inline F4 differ(F4 a, F4 b) {
  return detail::map2(a, b, [](float x, float y) { return detail::mask_lane(x != y); });
}
inline unsigned bits4(F4 mask) {
  unsigned bits = 0;
  for (unsigned k = 0; k < 4; ++k) bits |= (detail::lane_bits(mask.v[k]) >> 31U) << k;
  return bits;
}
inline void truncate4(F4 a, std::int32_t* out) {
  for (int k = 0; k < 4; ++k) out[k] = static_cast<std::int32_t>(a.v[k]);
}
inline void transpose4(F4& a, F4& b, F4& c, F4& d) {
  F4* const rows[4] = {&a, &b, &c, &d};
  for (int i = 0; i < 4; ++i) {
    for (int j = i + 1; j < 4; ++j) {
      const float kept = rows[i]->v[j];
      rows[i]->v[j] = rows[j]->v[i];
      rows[j]->v[i] = kept;
    }
  }
}
inline F4 mask4(bool on) { return F4::splat(detail::mask_lane(on)); }

#endif

}  // namespace credo::skirmish
