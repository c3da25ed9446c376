// exp, log, tanh and sigmoid for any vector type of this folder: the same operations in the same
// order on every instruction set, hence the same bits. Coefficients are our own minimax fits
// (Lawson iteration in double, rounded to float). Measured over the float range: exp 1.0, log 1.0,
// tanh 1.7, sigmoid 2.0 ulp at most (tests/learners/functions_test.cpp holds the limit of 2).
#pragma once

namespace credo {
namespace {

template <class V>
struct Functions {
  using F = typename V::F;
  using I = typename V::I;

  static F abs(F x) { return V::from_bits(V::iand(V::bits(x), V::iset1(0x7fffffff))); }
  /// Magnitude of x with the sign of s.
  static F copy_sign(F x, F s) {
    return V::from_bits(V::ior(V::iand(V::bits(x), V::iset1(0x7fffffff)),
                               V::iand(V::bits(s), V::iset1(static_cast<int>(0x80000000U)))));
  }

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

  /// 1 / (1 + e^-x), written with e^-|x| so that nothing overflows.
  static F sigmoid(F x) {
    const F e = exp(V::sub(V::set1(0.0F), abs(x)));
    const F top = V::select(V::lt(x, V::set1(0.0F)), e, V::set1(1.0F));
    return V::div(top, V::add(V::set1(1.0F), e));
  }

  /// Two sigmoids for one division: 1/a = b / (a b). Half an ulp or so less accurate than sigmoid.
  static void sigmoid2(F x, F y, F& sigmoid_x, F& sigmoid_y) {
    const F zero = V::set1(0.0F);
    const F one = V::set1(1.0F);
    const F ex = exp(V::sub(zero, abs(x)));
    const F ey = exp(V::sub(zero, abs(y)));
    const F a = V::add(one, ex);
    const F b = V::add(one, ey);
    const F inverse = V::div(one, V::mul(a, b));
    sigmoid_x = V::mul(V::select(V::lt(x, zero), ex, one), V::mul(b, inverse));
    sigmoid_y = V::mul(V::select(V::lt(y, zero), ey, one), V::mul(a, inverse));
  }

  /// t / (t + 2) with t = e^2|x| - 1 = 2^n (e^r - 1) + (2^n - 1), accurate also near 0.
  static F tanh(F x) {
    const F a = V::min(V::set1(10.0F), abs(x));  // 1 - tanh(10) is below half an ulp
    F n, r;
    reduce(V::add(a, a), n, r);
    const F two_n = V::scale(V::set1(1.0F), n);
    const F t = V::fma(expm1_reduced(r), two_n, V::sub(two_n, V::set1(1.0F)));
    return copy_sign(V::div(t, V::add(t, V::set1(2.0F))), x);
  }
};

}  // namespace
}  // namespace credo
