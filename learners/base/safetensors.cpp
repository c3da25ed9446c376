#include "learners/base/safetensors.hpp"

#include <cstring>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "envs/core/error.hpp"
#include "envs/core/read_file.hpp"

namespace credo {

namespace {

struct TypeName {
  const char* name;
  std::size_t bytes;
};
constexpr TypeName kTypes[] = {{"F32", 4}, {"F64", 8}, {"I64", 8}, {"U8", 1}};

constexpr std::uint64_t kLargestHeader = 1ULL << 20;

std::size_t element_bytes(const std::string& dtype) {
  for (const TypeName& t : kTypes)
    if (dtype == t.name) return t.bytes;
  return 0;
}

template <typename T>
const char* dtype_of();
template <>
const char* dtype_of<float>() {
  return "F32";
}
template <>
const char* dtype_of<double>() {
  return "F64";
}
template <>
const char* dtype_of<std::int64_t>() {
  return "I64";
}
template <>
const char* dtype_of<std::uint8_t>() {
  return "U8";
}

[[noreturn]] void bad(const std::string& label, const std::string& what) {
  throw UserError(fmt::format("{}: not a valid safetensors file: {}", label, what));
}

Tensor parse_tensor(const std::string& name, const nlohmann::json& entry,
                    std::span<const std::byte> data, const std::string& label) {
  Tensor tensor;
  tensor.dtype = entry.at("dtype").get<std::string>();
  const std::size_t width = element_bytes(tensor.dtype);
  if (width == 0) bad(label, fmt::format("tensor '{}' has unknown dtype", name));
  std::size_t count = 1;
  for (const auto& dim : entry.at("shape")) {
    if (!dim.is_number_unsigned()) bad(label, fmt::format("tensor '{}' has a bad shape", name));
    const auto d = dim.get<std::uint64_t>();
    if (d > data.size() || (d != 0 && count > data.size() / d))
      bad(label, fmt::format("tensor '{}' is larger than the file", name));
    count *= d;
    tensor.shape.push_back(static_cast<std::int64_t>(d));
  }
  const auto& offsets = entry.at("data_offsets");
  if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
      !offsets[1].is_number_unsigned())
    bad(label, fmt::format("tensor '{}' has bad data_offsets", name));
  const auto begin = offsets[0].get<std::uint64_t>();
  const auto end = offsets[1].get<std::uint64_t>();
  if (begin > end || end > data.size() || end - begin != count * width)
    bad(label, fmt::format("tensor '{}' does not match its data", name));
  const auto bytes = data.subspan(begin, end - begin);
  tensor.data.assign(bytes.begin(), bytes.end());
  return tensor;
}

}  // namespace

std::size_t Tensor::size() const {
  std::size_t n = 1;
  for (const std::int64_t d : shape) n *= static_cast<std::size_t>(d);
  return n;
}

template <typename T>
std::span<const T> Tensor::as() const {
  CREDO_CHECK(dtype == dtype_of<T>(), fmt::format("tensor holds {}, not {}", dtype, dtype_of<T>()));
  return {reinterpret_cast<const T*>(data.data()), data.size() / sizeof(T)};
}
template std::span<const float> Tensor::as() const;
template std::span<const double> Tensor::as() const;
template std::span<const std::int64_t> Tensor::as() const;
template std::span<const std::uint8_t> Tensor::as() const;

Tensor Tensor::f32(std::vector<std::int64_t> shape, std::span<const float> values) {
  Tensor tensor;
  tensor.dtype = "F32";
  tensor.shape = std::move(shape);
  const auto bytes = std::as_bytes(values);
  tensor.data.assign(bytes.begin(), bytes.end());
  return tensor;
}

TensorFile parse_safetensors(std::span<const std::byte> bytes, const std::string& label) {
  std::uint64_t header_size = 0;
  if (bytes.size() < sizeof(header_size)) bad(label, "shorter than its header");
  std::memcpy(&header_size, bytes.data(), sizeof(header_size));
  if (header_size > bytes.size() - sizeof(header_size)) bad(label, "truncated header");
  if (header_size > kLargestHeader) bad(label, "its header is larger than 1 MiB");
  const auto* text = reinterpret_cast<const char*>(bytes.data() + sizeof(header_size));
  const auto header = nlohmann::json::parse(text, text + header_size, nullptr, false);
  if (!header.is_object()) bad(label, "header is not a JSON object");
  const auto data = bytes.subspan(sizeof(header_size) + static_cast<std::size_t>(header_size));
  TensorFile file;
  std::size_t used = 0;
  try {
    for (const auto& [name, entry] : header.items()) {
      if (name == "__metadata__") {
        file.metadata = entry.get<std::map<std::string, std::string>>();
        continue;
      }
      Tensor tensor = parse_tensor(name, entry, data, label);
      // Tensors that shared their bytes could be many times as large as the file.
      used += tensor.data.size();
      if (used > data.size()) bad(label, fmt::format("tensor '{}' overlaps another", name));
      file.tensors[name] = std::move(tensor);
    }
  } catch (const nlohmann::json::exception&) {
    bad(label, "malformed header");
  }
  return file;
}

TensorFile read_safetensors(const std::string& path) {
  try {
    return parse_safetensors(read_binary_file(path), path);
  } catch (const FileError& error) {
    throw UserError(error.what());
  }
}

std::vector<std::byte> serialize_safetensors(const TensorFile& file) {
  nlohmann::json header = nlohmann::json::object();
  if (!file.metadata.empty()) header["__metadata__"] = file.metadata;
  std::size_t offset = 0;
  for (const auto& [name, tensor] : file.tensors) {
    header[name] = {{"dtype", tensor.dtype},
                    {"shape", tensor.shape},
                    {"data_offsets", {offset, offset + tensor.data.size()}}};
    offset += tensor.data.size();
  }
  std::string text = header.dump();
  while (text.size() % 8 != 0) text.push_back(' ');
  const std::uint64_t header_size = text.size();
  std::vector<std::byte> out(sizeof(header_size) + text.size());
  std::memcpy(out.data(), &header_size, sizeof(header_size));
  std::memcpy(out.data() + sizeof(header_size), text.data(), text.size());
  out.reserve(out.size() + offset);
  for (const auto& [name, tensor] : file.tensors)
    out.insert(out.end(), tensor.data.begin(), tensor.data.end());
  return out;
}

}  // namespace credo
