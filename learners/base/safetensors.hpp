// Weight files in the safetensors layout (u64 header length, JSON header, raw little-endian data),
// with PyTorch parameter names and shapes, so NumPy, PyTorch and JAX read and write them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace credo {

/// One tensor, C order. dtype is a safetensors name: "F32", "F64", "I64", "U8".
struct Tensor {
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> data;

  std::size_t size() const;  ///< number of elements; 1 for shape []
  /// Typed view. Errors: Error when T is not the tensor's dtype.
  template <typename T>
  std::span<const T> as() const;

  static Tensor f32(std::vector<std::int64_t> shape, std::span<const float> values);
};

struct TensorFile {
  std::map<std::string, Tensor> tensors;        ///< sorted by name
  std::map<std::string, std::string> metadata;  ///< "__metadata__"
};

/// Errors: UserError naming `label` (the file) when the bytes are not a valid safetensors file, or
/// its header is larger than 1 MiB.
TensorFile parse_safetensors(std::span<const std::byte> bytes, const std::string& label);
TensorFile read_safetensors(const std::string& path);

/// Deterministic: the same tensors give the same bytes.
std::vector<std::byte> serialize_safetensors(const TensorFile& file);

}  // namespace credo
