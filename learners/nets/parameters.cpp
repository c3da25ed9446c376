#include "learners/nets/parameters.hpp"

#include <cmath>
#include <fmt/format.h>

#include "envs/core/error.hpp"
#include "envs/core/random.hpp"

namespace credo {

namespace {

float default_bound(int in) { return static_cast<float>(1.0 / std::sqrt(static_cast<double>(in))); }

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t d : shape) text += (text.empty() ? "" : ", ") + std::to_string(d);
  return text;
}

}  // namespace

std::size_t ParamLayout::reserve(std::size_t n) {
  constexpr std::size_t kAlign = 16;  // floats: one cache line
  const std::size_t offset = size_;
  size_ += (n + kAlign - 1) / kAlign * kAlign;
  return offset;
}

void ParamLayout::add_entries(const std::string& weight_name, const std::string& bias_name,
                              const Linear& layer, float init_bound) {
  entries_.push_back({.name = weight_name,
                      .out = layer.out,
                      .in = layer.in,
                      .offset = layer.weight,
                      .ld = layer.ld,
                      .init_bound = init_bound});
  entries_.push_back(
      {.name = bias_name, .out = layer.out, .offset = layer.bias, .init_bound = init_bound});
}

Linear ParamLayout::add_linear(const std::string& weight_name, const std::string& bias_name, int in,
                               int out, float init_bound) {
  Linear layer{.in = in, .out = out, .ld = out};
  layer.weight = reserve(static_cast<std::size_t>(in) * static_cast<std::size_t>(out));
  layer.bias = reserve(static_cast<std::size_t>(out));
  add_entries(weight_name, bias_name, layer, init_bound);
  return layer;
}

Linear ParamLayout::add_linear(const std::string& name, int in, int out) {
  return add_linear(name + ".weight", name + ".bias", in, out, default_bound(in));
}

Linear ParamLayout::add_unbiased(const std::string& name, int in, int out, double gain) {
  const auto bound = static_cast<float>(gain / std::sqrt(static_cast<double>(in)));
  const Linear layer = add_linear(name + ".weight", name + ".bias", in, out, bound);
  entries_.back().init_bound = 0.0F;
  return layer;
}

Linear ParamLayout::add_weight(const std::string& name, int in, int out) {
  Linear layer{.in = in, .out = out, .ld = out};
  layer.weight = reserve(static_cast<std::size_t>(in) * static_cast<std::size_t>(out));
  entries_.push_back({name, out, in, layer.weight, out, default_bound(in)});
  return layer;
}

Linear ParamLayout::add_fused(const std::vector<std::string>& names, int in,
                              const std::vector<int>& outs) {
  int total = 0;
  for (const int out : outs) total += out;
  Linear layer{.in = in, .out = total, .ld = total};
  layer.weight = reserve(static_cast<std::size_t>(in) * static_cast<std::size_t>(total));
  layer.bias = reserve(static_cast<std::size_t>(total));
  std::size_t column = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Linear part{.weight = layer.weight + column,
                      .bias = layer.bias + column,
                      .in = in,
                      .out = outs[i],
                      .ld = total};
    add_entries(names[i] + ".weight", names[i] + ".bias", part, default_bound(in));
    column += static_cast<std::size_t>(outs[i]);
  }
  return layer;
}

std::vector<float> ParamLayout::extract(const Entry& entry, std::span<const float> params) const {
  std::vector<float> values;
  const int in = entry.in == 0 ? 1 : entry.in;
  values.reserve(static_cast<std::size_t>(in) * static_cast<std::size_t>(entry.out));
  for (int o = 0; o < entry.out; ++o)
    for (int i = 0; i < in; ++i)
      values.push_back(params[entry.offset + static_cast<std::size_t>(i * entry.ld + o)]);
  return values;
}

void ParamLayout::insert(const Entry& entry, std::span<const float> values,
                         std::span<float> params) const {
  const int in = entry.in == 0 ? 1 : entry.in;
  std::size_t k = 0;
  for (int o = 0; o < entry.out; ++o)
    for (int i = 0; i < in; ++i)
      params[entry.offset + static_cast<std::size_t>(i * entry.ld + o)] = values[k++];
}

void ParamLayout::initialise(std::uint64_t seed, std::span<float> params) const {
  for (std::size_t index = 0; index < entries_.size(); ++index) {
    const Entry& e = entries_[index];
    Stream stream(seed, purpose("init"), index);
    std::vector<float> values(static_cast<std::size_t>(e.out) *
                              static_cast<std::size_t>(e.in == 0 ? 1 : e.in));
    for (float& v : values)
      v = e.init_bound == 0.0F ? 0.0F : e.init_bound * (2.0F * stream.uniform_float() - 1.0F);
    insert(e, values, params);
  }
}

void ParamLayout::to_tensors(std::span<const float> params, TensorFile& file) const {
  for (const Entry& e : entries_) {
    std::vector<std::int64_t> shape = {e.out};
    if (e.in != 0) shape.push_back(e.in);
    file.tensors[e.name] = Tensor::f32(std::move(shape), extract(e, params));
  }
}

void ParamLayout::from_tensors(const TensorFile& file, const std::string& label,
                               std::span<float> params) const {
  for (const Entry& e : entries_) {
    const auto found = file.tensors.find(e.name);
    if (found == file.tensors.end())
      throw UserError(fmt::format("{}: no tensor '{}': these weights belong to another network",
                                  label, e.name));
    const Tensor& tensor = found->second;
    std::vector<std::int64_t> shape = {e.out};
    if (e.in != 0) shape.push_back(e.in);
    if (tensor.dtype != "F32" || tensor.shape != shape)
      throw UserError(
          fmt::format("{}: tensor '{}' is {} [{}], "
                      "this environment and configuration need F32 [{}]",
                      label, e.name, tensor.dtype, shape_text(tensor.shape), shape_text(shape)));
    insert(e, tensor.as<float>(), params);
  }
  for (const auto& [name, tensor] : file.tensors) {
    bool known = false;
    for (const Entry& e : entries_) known = known || e.name == name;
    if (!known)
      throw UserError(fmt::format("{}: tensor '{}' is not part of this network", label, name));
  }
}

void transpose_weight(const Linear& layer, const float* params, float* out) {
  for (int o = 0; o < layer.out; ++o)
    for (int i = 0; i < layer.in; ++i)
      out[o * layer.in + i] = params[layer.weight + static_cast<std::size_t>(i * layer.ld + o)];
}

}  // namespace credo
