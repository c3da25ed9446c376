#include "learners/nets/mlp.hpp"

#include <fmt/format.h>

#include "envs/core/error.hpp"
#include "learners/base/index.hpp"
#include "learners/nets/products.hpp"

namespace credo {

Mlp::Mlp(ParamLayout& layout, const std::string& name, const std::vector<int>& widths, int dense)
    : dense_(dense) {
  const std::size_t n = widths.size() - 1;
  CREDO_CHECK(n >= 1 && n <= sz(kMaxLayers), "unsupported number of layers");
  for (std::size_t i = 0; i < n; ++i)
    layers_.push_back(layout.add_linear(n == 1 ? name : fmt::format("{}.{}", name, 2 * i),
                                        widths[i], widths[i + 1]));
  transposed_.resize(n);
}

Linear Mlp::dense_part() const {
  Linear part = layers_.front();
  part.in = dense_;
  return part;
}

// A one-hot input is the addition of its weight row.
Mlp::Pass Mlp::forward(const float* params, const MlpInput& in, Scratch& scratch) const {
  const KernelTable& k = kernels();
  Pass pass;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const Linear& layer = layers_[i];
    const std::size_t count = sz(in.rows) * sz(layer.out);
    float* y = scratch.floats(count);
    const int relu = i + 1 < layers_.size() ? layer.out : 0;
    if (i == 0) {
      forward_product(dense_part(), params, in.rows, in.x, in.ld, y, layer.out,
                      in.n_hot == 0 ? relu : 0);
      for (int row = 0; row < in.rows; ++row)
        for (int j = 0; j < in.n_hot; ++j)
          k.add(y + at(row, layer.out),
                params + layer.weight + at(in.hot[at(row, in.n_hot) + j], layer.ld), sz(layer.out));
      if (in.n_hot > 0 && relu > 0) k.embed_relu(in.rows, layer.out, nullptr, nullptr, nullptr, y);
    } else {
      forward_product(layer, params, in.rows, pass.out, layer.in, y, layer.out, relu);
    }
    pass.y[i] = pass.out = y;
  }
  return pass;
}

void Mlp::prepare_backward(const float* params) {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    transposed_[i].resize(sz(layers_[i].in) * sz(layers_[i].out));
    transpose_weight(layers_[i], params, transposed_[i].data());
  }
}

void Mlp::backward(const MlpInput& in, const Pass& pass, const float* d_out,
                   const InputGradient& to, float* grad, Scratch& scratch) const {
  const KernelTable& k = kernels();
  const int rows = in.rows;
  const float* d_y = d_out;
  for (std::size_t i = layers_.size() - 1; i > 0; --i) {
    const Linear& layer = layers_[i];
    const float* x = pass.y[i - 1];
    weight_gradient(layer, rows, x, layer.in, d_y, layer.out, grad);
    float* d_x = scratch.floats(sz(rows) * sz(layer.in));
    input_gradient(rows, layer.in, layer.out, d_y, layer.out, transposed_[i].data(), d_x, layer.in,
                   x);
    d_y = d_x;
  }
  const Linear& first = layers_.front();
  weight_gradient(dense_part(), rows, in.x, in.ld, d_y, first.out, grad);
  for (int row = 0; row < rows; ++row)
    for (int j = 0; j < in.n_hot; ++j)
      k.add(grad + first.weight + at(in.hot[at(row, in.n_hot) + j], first.ld),
            d_y + at(row, first.out), sz(first.out));
  if (to.d_x == nullptr) return;
  k.gemm({.m = rows,
          .n = to.count,
          .k = first.out,
          .a = d_y,
          .a_row = first.out,
          .b = transposed_.front().data() + to.first,
          .ldb = first.in,
          .c = to.d_x,
          .ldc = to.count});
}

}  // namespace credo
