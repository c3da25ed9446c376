// exp, log, tanh and sigmoid for any vector type of this folder: the same operations in the same
// order on every instruction set, hence the same bits. Coefficients are our own minimax fits
// (Lawson iteration in double, rounded to float). Largest error over all floats, in ulp:
//   exp 1.01   log 0.87   tanh 1.50   sigmoid 1.70     (tests/learners/functions_test.cpp: below 2)
#pragma once

namespace credo {
namespace {

template <class V>
struct Functions {
  using F = typename V::F;
  using I = typename V::I;

  static F abs(F x) { return V::from_bits(V::iand(V::bits(x), V::iset1(0x7fffffff))); }
  static I sign_bit() { return V::iset1(static_cast<int>(0x80000000U)); }

  /// x = n ln 2 + r with n an integer and |r| <= ln 2 / 2 (NaN: n and r are NaN).
  static void reduce(F x, F& n, F& r) {
    const F magic = V::set1(12582912.0F);  // 1.5 * 2^23: rounds to an integer in the low bits
    n = V::sub(V::fma(x, V::set1(0x1.715476p+0F), magic), magic);
    r = V::fma(n, V::set1(-0x1.62e400p-1F), x);
    r = V::fma(n, V::set1(-0x1.7f7d1cp-20F), r);
  }
  /// e^r - 1 for |r| <= ln 2 / 2.
  static F expm1_reduced(F r) {
    F p = V::set1(0x1.6a21acp-10F);
    p = V::fma(p, r, V::set1(0x1.123b6ap-7F));
    p = V::fma(p, r, V::set1(0x1.5558fap-5F));
    p = V::fma(p, r, V::set1(0x1.555490p-3F));
    p = V::fma(p, r, V::set1(0x1.fffffcp-2F));
    return V::fma(V::mul(r, r), p, r);
  }

  /// e^x. The scaling by 2^n rounds once, also in the subnormal range. Overflow gives +inf.
  static F exp(F x) {
    x = V::max(V::set1(-104.0F), x);  // second operand when NaN
    x = V::min(V::set1(89.0F), x);
    F n, r;
    reduce(x, n, r);
    return V::scale(V::add(expm1_reduced(r), V::set1(1.0F)), n);
  }

  /// ln x for positive normal x: x = 2^e m with m in [sqrt(1/2), sqrt(2)).
  static F log(F x) {
    const I bits = V::bits(x);
    // Subtracting the bits of sqrt(1/2) makes the exponent field change exactly at that mantissa.
    const I offset = V::isub(bits, V::iset1(0x3f3504f3));
    const I exponent = V::template sra<23>(offset);
    const F m = V::from_bits(V::isub(bits, V::template shl<23>(exponent)));
    const F f = V::sub(m, V::set1(1.0F));
    F p = V::set1(-0x1.392f3cp-4F);
    p = V::fma(p, f, V::set1(0x1.05b75ep-3F));
    p = V::fma(p, f, V::set1(-0x1.0d9a3ep-3F));
    p = V::fma(p, f, V::set1(0x1.22cf4cp-3F));
    p = V::fma(p, f, V::set1(-0x1.546f2ap-3F));
    p = V::fma(p, f, V::set1(0x1.99a060p-3F));
    p = V::fma(p, f, V::set1(-0x1.000232p-2F));
    p = V::fma(p, f, V::set1(0x1.555554p-2F));
    const F e = V::to_float(exponent);
    const F f2 = V::mul(f, f);
    F low = V::mul(e, V::set1(0x1.7f7d1cp-20F));
    low = V::fma(V::mul(f2, f), p, low);
    low = V::fma(f2, V::set1(-0.5F), low);
    return V::fma(e, V::set1(0x1.62e400p-1F), V::add(f, low));
  }

  /// 1 / (1 + e^-x). With e^-x = 2^n (1 + v) and p = 2^-|n|: 1 / (1 + p (1 + v)) for n <= 0 and
  /// p / (1 + (p + v)) for n > 0: nothing overflows and only the denominator is rounded before the
  /// division. The range reduction is that of -x, with the sign inside its multiply-adds: in a GRU
  /// the length of this chain is what costs.
  static F sigmoid(F x) {
    const F zero = V::set1(0.0F);
    const F one = V::set1(1.0F);
    const F magic = V::set1(12582912.0F);
    x = V::min(V::set1(104.0F), V::max(V::set1(-104.0F), x));
    const F n = V::sub(V::fnma(x, V::set1(0x1.715476p+0F), magic), magic);
    const F r = V::fma(n, V::set1(-0x1.7f7d1cp-20F), V::fnms(n, V::set1(0x1.62e400p-1F), x));
    const F v = expm1_reduced(r);
    const F p = V::scale(one, V::from_bits(V::ior(V::bits(n), sign_bit())));
    const auto positive = V::gt(n, zero);
    const F sum = V::select(positive, V::add(one, V::add(p, v)), V::fma(v, p, V::add(one, p)));
    return V::div(V::select(positive, p, one), sum);
  }

  /// Odd polynomial below 0.625; above, t / (t + 2) with
  /// t = e^2|x| - 1 = 2^n (e^r - 1) + (2^n - 1).
  static F tanh(F x) {
    const F s = V::mul(x, x);
    F p = V::set1(0x1.16b058p-9F);
    p = V::fma(p, s, V::set1(-0x1.0b5f50p-7F));
    p = V::fma(p, s, V::set1(0x1.636de4p-6F));
    p = V::fma(p, s, V::set1(-0x1.b9ebf4p-5F));
    p = V::fma(p, s, V::set1(0x1.11105ap-3F));
    p = V::fma(p, s, V::set1(-0x1.555554p-2F));
    const F small = V::fma(V::mul(x, s), p, x);
    const F a = V::min(V::set1(10.0F), abs(x));  // 1 - tanh(10) is below half an ulp
    const F magic = V::set1(12582912.0F);
    const F n = V::sub(V::fma(a, V::set1(0x1.715476p+1F), magic), magic);  // of 2 a
    const F r =
        V::fma(n, V::set1(-0x1.7f7d1cp-20F), V::fma(n, V::set1(-0x1.62e400p-1F), V::add(a, a)));
    const F two_n = V::scale(V::set1(1.0F), n);
    const F t = V::fma(expm1_reduced(r), two_n, V::sub(two_n, V::set1(1.0F)));
    const F large = V::div(t, V::add(t, V::set1(2.0F)));  // not negative
    const F signed_large = V::from_bits(V::ior(V::bits(large), V::iand(V::bits(x), sign_bit())));
    return V::select(V::lt(a, V::set1(0.625F)), small, signed_large);
  }
};

}  // namespace
}  // namespace credo
