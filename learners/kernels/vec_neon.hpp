// Four lanes of NEON (aarch64). Included only by its own translation unit.
#pragma once

#include <arm_neon.h>

namespace credo {
namespace {

struct VecNeon {
  using F = float32x4_t;
  using I = int32x4_t;
  using M = uint32x4_t;
  static constexpr int kWidth = 4;

  static F load(const float* p) { return vld1q_f32(p); }
  /// Lanes from n on are 0; nothing behind p[n - 1] is read.
  static F load_n(const float* p, int n) {
    F x = vdupq_n_f32(0.0F);
    if (n > 0) x = vld1q_lane_f32(p, x, 0);
    if (n > 1) x = vld1q_lane_f32(p + 1, x, 1);
    if (n > 2) x = vld1q_lane_f32(p + 2, x, 2);
    if (n > 3) x = vld1q_lane_f32(p + 3, x, 3);
    return x;
  }
  static void store(float* p, F x) { vst1q_f32(p, x); }
  static void store_n(float* p, F x, int n) {
    if (n > 0) vst1q_lane_f32(p, x, 0);
    if (n > 1) vst1q_lane_f32(p + 1, x, 1);
    if (n > 2) vst1q_lane_f32(p + 2, x, 2);
    if (n > 3) vst1q_lane_f32(p + 3, x, 3);
  }
  static F set1(float x) { return vdupq_n_f32(x); }
  static F add(F a, F b) { return vaddq_f32(a, b); }
  static F sub(F a, F b) { return vsubq_f32(a, b); }
  static F mul(F a, F b) { return vmulq_f32(a, b); }
  static F div(F a, F b) { return vdivq_f32(a, b); }
  static F fma(F a, F b, F c) { return vfmaq_f32(c, a, b); }
  static F fnma(F a, F b, F c) { return vfmsq_f32(c, a, b); }             // -(a b) + c
  static F fnms(F a, F b, F c) { return vfmsq_f32(vnegq_f32(c), a, b); }  // -(a b) - c
  static F sqrt(F a) { return vsqrtq_f32(a); }
  // NEON's own maximum and minimum treat NaN and signed zeros differently from x86.
  static F max(F a, F b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
  static F min(F a, F b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
  static M lt(F a, F b) { return vcltq_f32(a, b); }
  static M gt(F a, F b) { return vcgtq_f32(a, b); }
  static M mask(unsigned bits) {
    const uint32x4_t lane = {1, 2, 4, 8};
    return vtstq_u32(vdupq_n_u32(bits), lane);
  }
  static unsigned equal(F a, F b) {
    const uint32x4_t lane = {1, 2, 4, 8};
    return vaddvq_u32(vandq_u32(vceqq_f32(a, b), lane));
  }
  static float largest(F a) {
    float lane[4];
    vst1q_f32(lane, a);
    const float low = lane[0] > lane[2] ? lane[0] : lane[2];
    const float high = lane[1] > lane[3] ? lane[1] : lane[3];
    return low > high ? low : high;
  }
  static F select(M m, F a, F b) { return vbslq_f32(m, a, b); }
  /// p * 2^n for an integral n in [-150, 150] and p in [1/2, 2]: two exact-or-last steps, so the
  /// product is rounded once.
  static F scale(F p, F n) {
    const I e = vcvtq_s32_f32(n);
    const I half = vshrq_n_s32(e, 1);
    const I bias = vdupq_n_s32(127);
    const I first = vshlq_n_s32(vaddq_s32(half, bias), 23);
    const I second = vshlq_n_s32(vaddq_s32(vsubq_s32(e, half), bias), 23);
    return vmulq_f32(vmulq_f32(p, vreinterpretq_f32_s32(first)), vreinterpretq_f32_s32(second));
  }
  static I bits(F a) { return vreinterpretq_s32_f32(a); }
  static F from_bits(I a) { return vreinterpretq_f32_s32(a); }
  static F to_float(I a) { return vcvtq_f32_s32(a); }
  static I iset1(int a) { return vdupq_n_s32(a); }
  static I iadd(I a, I b) { return vaddq_s32(a, b); }
  static I isub(I a, I b) { return vsubq_s32(a, b); }
  static I iand(I a, I b) { return vandq_s32(a, b); }
  static I ior(I a, I b) { return vorrq_s32(a, b); }
  /// Sum of 16 lanes as a tree over halves: 8, 4, 2, 1.
  static float tree_sum(const F* part) {
    const F four = vaddq_f32(vaddq_f32(part[0], part[2]), vaddq_f32(part[1], part[3]));
    const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
  }
  template <int kShift>
  static I sra(I a) {
    return vshrq_n_s32(a, kShift);
  }
  template <int kShift>
  static I shl(I a) {
    return vshlq_n_s32(a, kShift);
  }
};

}  // namespace
}  // namespace credo
