#include "learners/reference/parameters.hpp"

#include "envs/core/error.hpp"

namespace credo::reference {

std::vector<double> flat_values(const ParamLayout& layout, std::span<const float> values) {
  std::vector<double> flat;
  for (const auto& entry : layout.entries())
    for (const float x : layout.extract(entry, values)) flat.push_back(x);
  return flat;
}

Parameters::Parameters(const ParamLayout& layout, std::span<const float> values)
    : flat_(flat_values(layout, values)) {
  std::size_t first = 0;
  for (const auto& entry : layout.entries()) {
    const bool is_vector = entry.in == 0;
    places_[entry.name] = tensors_.size();
    tensors_.push_back({.name = entry.name,
                        .rows = is_vector ? 1 : entry.out,
                        .cols = is_vector ? entry.out : entry.in,
                        .first = first});
    first += tensors_.back().size();
  }
}

const Parameters::Tensor& Parameters::tensor(const std::string& name) const {
  const auto found = places_.find(name);
  if (found == places_.end()) throw Error("no parameter " + name);
  return tensors_[found->second];
}

Matrix Parameters::matrix(const std::string& name) const {
  const Tensor& t = tensor(name);
  return Eigen::Map<const Matrix>(flat_.data() + t.first, t.rows, t.cols);
}

Var Weights::operator()(const std::string& name) const {
  Var& var = vars_[name];
  if (var.empty()) {
    Matrix value = parameters_.matrix(name);
    var = trained_ ? tape_.parameter(std::move(value)) : tape_.constant(std::move(value));
  }
  return var;
}

Var Weights::linear(const std::string& name, const Var& x) const {
  const std::string bias = name + ".bias";
  return reference::linear(x, (*this)(name + ".weight"), has(bias) ? (*this)(bias) : Var());
}

Var Weights::mlp(const std::string& name, const Var& x) const {
  if (has(name + ".weight")) return linear(name, x);
  const auto layer = [&](int i) { return name + "." + std::to_string(i); };
  Var y = linear(layer(0), x);
  for (int i = 2; has(layer(i) + ".weight"); i += 2) y = linear(layer(i), relu(y));
  return y;
}

void Weights::add_gradient(std::vector<double>& to) const {
  for (const auto& [name, var] : vars_) {
    const Parameters::Tensor& t = parameters_.tensor(name);
    Eigen::Map<Matrix>(to.data() + t.first, t.rows, t.cols) += tape_.gradient(var);
  }
}

}  // namespace credo::reference
