// The four products of a linear layer, named. Each output is one FMA chain (see kernels.hpp).
#pragma once

#include "learners/kernels/kernels.hpp"
#include "learners/nets/parameters.hpp"

namespace credo {

/// y[rows, out] = b + x W, the first `relu` columns through a ReLU.
inline void forward_product(const Linear& layer, const float* params, int rows, const float* x,
                            std::ptrdiff_t ldx, float* y, std::ptrdiff_t ldy, int relu = 0,
                            Ahead* ahead = nullptr) {
  kernels().gemm({.m = rows,
                  .n = layer.out,
                  .k = layer.in,
                  .a = x,
                  .a_row = ldx,
                  .b = params + layer.weight,
                  .ldb = layer.ld,
                  .c = y,
                  .ldc = ldy,
                  .bias = params + layer.bias,
                  .relu = relu,
                  .ahead = ahead});
}

/// c[m, n] += a[m, k] * b[k, n].
inline void accumulate_product(int m, int n, int k, const float* a, std::ptrdiff_t lda,
                               const float* b, std::ptrdiff_t ldb, float* c, std::ptrdiff_t ldc) {
  kernels().gemm({.m = m,
                  .n = n,
                  .k = k,
                  .a = a,
                  .a_row = lda,
                  .b = b,
                  .ldb = ldb,
                  .c = c,
                  .ldc = ldc,
                  .accumulate = true});
}

/// dx[rows, in] = dy[rows, out] * transposed[out, in], the gradient of x. Where x is the output of
/// a ReLU, `x` takes it through that as well. dx and x: rows ldx floats apart.
inline void input_gradient(int rows, int in, int out, const float* dy, std::ptrdiff_t ldy,
                           const float* transposed, float* dx, std::ptrdiff_t ldx, const float* x,
                           Ahead* ahead = nullptr) {
  kernels().gemm({.m = rows,
                  .n = in,
                  .k = out,
                  .a = dy,
                  .a_row = ldy,
                  .b = transposed,
                  .ldb = in,
                  .c = dx,
                  .ldc = ldx,
                  .positive = x,
                  .ld_positive = ldx,
                  .ahead = ahead});
}

/// dW += x^T dy, rows ascending.
inline void weight_gradient_only(const Linear& layer, int rows, const float* x, std::ptrdiff_t ldx,
                                 const float* dy, std::ptrdiff_t ldy, float* grad,
                                 Ahead* ahead = nullptr) {
  kernels().gemm({.m = layer.in,
                  .n = layer.out,
                  .k = rows,
                  .a = x,
                  .a_row = 1,
                  .a_col = ldx,
                  .b = dy,
                  .ldb = ldy,
                  .c = grad + layer.weight,
                  .ldc = layer.ld,
                  .accumulate = true,
                  .ahead = ahead});
}

/// The same, and db += column sums of dy.
inline void weight_gradient(const Linear& layer, int rows, const float* x, std::ptrdiff_t ldx,
                            const float* dy, std::ptrdiff_t ldy, float* grad,
                            Ahead* ahead = nullptr) {
  weight_gradient_only(layer, rows, x, ldx, dy, ldy, grad, ahead);
  kernels().column_sum(rows, layer.out, dy, ldy, grad + layer.bias);
}

}  // namespace credo
