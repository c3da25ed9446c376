// Linear layers with ReLU between them (PyTorch's nn.Sequential), as the mixers use them.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "learners/base/scratch.hpp"
#include "learners/nets/parameters.hpp"

namespace credo {

/// Input rows: `dense` columns of numbers, then one-hot columns given by the indices of their ones.
struct MlpInput {
  int rows = 0;
  const float* x = nullptr;  ///< [rows, dense], rows `ld` floats apart
  std::ptrdiff_t ld = 0;
  const int* hot = nullptr;  ///< [rows, n_hot] input columns that are 1; null: none
  int n_hot = 0;
};

class Mlp {
 public:
  static constexpr int kMaxLayers = 4;

  /// Results of a forward pass, in the Scratch it was given.
  struct Pass {
    std::array<float*, kMaxLayers> y{};  ///< outputs of each layer, after ReLU except for the last
    float* out = nullptr;                ///< the last of them [rows, widths.back()]
  };
  /// Where the gradient of input columns [first, first + count) goes: d_x [rows, count].
  struct InputGradient {
    float* d_x = nullptr;
    int first = 0;
    int count = 0;
  };

  /// widths: input, hidden layers, output. The input's first `dense` columns are numbers, the rest
  /// one-hot. Parameters: name.0, name.2, ... or, with one layer, name.
  Mlp(ParamLayout& layout, const std::string& name, const std::vector<int>& widths, int dense);

  Pass forward(const float* params, const MlpInput& in, Scratch& scratch) const;

  /// Once per update, before any backward of that update.
  void prepare_backward(const float* params);
  /// d_out [rows, output]; adds to grad.
  void backward(const MlpInput& in, const Pass& pass, const float* d_out, const InputGradient& to,
                float* grad, Scratch& scratch) const;

 private:
  Linear dense_part() const;

  int dense_;
  std::vector<Linear> layers_;
  std::vector<FloatArray> transposed_;
};

}  // namespace credo
