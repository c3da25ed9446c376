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

  /// e^x: x = n ln 2 + r, a degree-6 polynomial in r, then two exact scalings by powers of two so
  /// that results in the subnormal range are rounded once. NaN stays NaN; overflow gives +inf.
  static F exp(F x) {
    x = V::max(V::set1(-104.0F), x);  // second operand when NaN
    x = V::min(V::set1(89.0F), x);
    const F magic = V::set1(12582912.0F);  // 1.5 * 2^23: rounds to an integer in the low bits
    const F shifted = V::fma(x, V::set1(0x1.715476p+0F), magic);
    const F n = V::sub(shifted, magic);
    const I exponent = V::isub(V::bits(shifted), V::bits(magic));
    F r = V::fma(n, V::set1(-0x1.62e400p-1F), x);
    r = V::fma(n, V::set1(-0x1.7f7d1cp-20F), r);
    F p = V::set1(0x1.6a21acp-10F);
    p = V::fma(p, r, V::set1(0x1.123b6ap-7F));
    p = V::fma(p, r, V::set1(0x1.5558fap-5F));
    p = V::fma(p, r, V::set1(0x1.555490p-3F));
    p = V::fma(p, r, V::set1(0x1.fffffcp-2F));
    p = V::fma(V::mul(r, r), p, r);
    p = V::add(p, V::set1(1.0F));
    const I half = V::template sra<1>(exponent);
    const I rest = V::isub(exponent, half);
    const I bias = V::iset1(127);
    p = V::mul(p, V::from_bits(V::template shl<23>(V::iadd(half, bias))));
    return V::mul(p, V::from_bits(V::template shl<23>(V::iadd(rest, bias))));
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

  /// Odd polynomial below 0.625, 1 - 2 / (e^2|x| + 1) above.
  static F tanh(F x) {
    const F a = abs(x);
    const F s = V::mul(x, x);
    F p = V::set1(0x1.16b058p-9F);
    p = V::fma(p, s, V::set1(-0x1.0b5f50p-7F));
    p = V::fma(p, s, V::set1(0x1.636de4p-6F));
    p = V::fma(p, s, V::set1(-0x1.b9ebf4p-5F));
    p = V::fma(p, s, V::set1(0x1.11105ap-3F));
    p = V::fma(p, s, V::set1(-0x1.555554p-2F));
    const F small = V::fma(V::mul(x, s), p, x);
    const F e = exp(V::add(a, a));
    const F large = V::sub(V::set1(1.0F), V::div(V::set1(2.0F), V::add(e, V::set1(1.0F))));
    return V::select(V::lt(a, V::set1(0.625F)), small, copy_sign(large, x));
  }
};

}  // namespace
}  // namespace credo
