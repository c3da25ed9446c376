// Where every parameter lives. A network's parameters are one flat float array; gradients, target
// networks and optimiser state are arrays of the same layout. Matrices are stored [in][out], the
// transpose of PyTorch's, so that a forward product needs no packing and the weights of a one-hot
// input are contiguous rows. Layers that read the same input may share one wide matrix, each
// layer a slice of its columns. Files always hold PyTorch's names and shapes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "learners/base/float_array.hpp"
#include "learners/base/safetensors.hpp"

namespace credo {

/// y = x W + b on a slice of the flat array: W(i, j) at weight + i * ld + j, b(j) at bias + j.
struct Linear {
  std::size_t weight = 0;
  std::size_t bias = 0;
  int in = 0;
  int out = 0;
  int ld = 0;
};

class ParamLayout {
 public:
  struct Entry {
    std::string name;
    int out = 0;  ///< PyTorch's first dimension
    int in = 0;   ///< PyTorch's second dimension; 0 for a vector
    std::size_t offset = 0;
    int ld = 0;
    float init_bound = 0.0F;  ///< initial values are uniform in [-bound, bound]
  };

  /// name.weight [out, in] and name.bias [out], PyTorch's default initialisation U(+-1/sqrt(in)).
  Linear add_linear(const std::string& name, int in, int out);
  /// The same with explicit names and bound (GRU: weight_ih with bias_ih, bound 1/sqrt(hidden)).
  Linear add_linear(const std::string& weight_name, const std::string& bias_name, int in, int out,
                    float init_bound);
  /// name.weight within gain / sqrt(in) and name.bias 0.
  Linear add_unbiased(const std::string& name, int in, int out, double gain);
  /// A weight [out, in] without a bias.
  Linear add_weight(const std::string& name, int in, int out);
  /// Layers reading the same input, side by side in one matrix. Returns the whole as one Linear;
  /// parts are at weight + first column, bias + first column.
  Linear add_fused(const std::vector<std::string>& names, int in, const std::vector<int>& outs);

  std::size_t size() const { return size_; }  ///< floats, padding included
  const std::vector<Entry>& entries() const { return entries_; }

  /// Draws initial values; entry i uses stream (seed, "init", i), PyTorch's element order.
  void initialise(std::uint64_t seed, std::span<float> params) const;

  void to_tensors(std::span<const float> params, TensorFile& file) const;
  /// Errors: UserError naming `label` and the tensor that is missing or of another shape or type.
  void from_tensors(const TensorFile& file, const std::string& label,
                    std::span<float> params) const;

  /// PyTorch-ordered copy of one entry, and back.
  std::vector<float> extract(const Entry& entry, std::span<const float> params) const;
  void insert(const Entry& entry, std::span<const float> values, std::span<float> params) const;

 private:
  std::size_t reserve(std::size_t n);
  void add_entries(const std::string& weight_name, const std::string& bias_name,
                   const Linear& layer, float init_bound);

  std::vector<Entry> entries_;
  std::size_t size_ = 0;
};

/// Transposes W of `layer` into out [out, in] (PyTorch's layout), for products with dy.
void transpose_weight(const Linear& layer, const float* params, float* out);

}  // namespace credo
