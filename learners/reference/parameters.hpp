// The parameters of a learner in double precision: by name and in the shapes of PyTorch, and as one
// flat array for optimisers.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "learners/nets/parameters.hpp"
#include "learners/reference/tape.hpp"

namespace credo::reference {

class Parameters {
 public:
  Parameters(const ParamLayout& layout, std::span<const float> values);

  struct Tensor {
    std::string name;
    Index rows = 0;  ///< outputs; 1 for a vector
    Index cols = 0;
    std::size_t first = 0;  ///< in flat()
    std::size_t size() const { return static_cast<std::size_t>(rows * cols); }
  };
  /// In the order of the layout.
  const std::vector<Tensor>& tensors() const { return tensors_; }
  /// Errors: Error for an unknown name.
  const Tensor& tensor(const std::string& name) const;
  bool has(const std::string& name) const { return places_.contains(name); }

  /// A weight is [out, in], a bias [1, out].
  Matrix matrix(const std::string& name) const;
  /// Every tensor in C order, one after the other.
  std::vector<double>& flat() { return flat_; }
  const std::vector<double>& flat() const { return flat_; }

 private:
  std::vector<Tensor> tensors_;
  std::map<std::string, std::size_t> places_;
  std::vector<double> flat_;
};

/// Floats in a layout's order of storage, in the order of Parameters::flat().
std::vector<double> flat_values(const ParamLayout& layout, std::span<const float> values);

/// Parameters as values on a tape, each added on first use.
class Weights {
 public:
  /// trained: their gradient is wanted.
  Weights(Tape& tape, const Parameters& parameters, bool trained)
      : tape_(tape), parameters_(parameters), trained_(trained) {}

  Tape& tape() const { return tape_; }
  const Parameters& parameters() const { return parameters_; }
  bool has(const std::string& name) const { return parameters_.has(name); }
  Var operator()(const std::string& name) const;
  /// name.weight and name.bias (if there is one) applied to every row of x.
  Var linear(const std::string& name, const Var& x) const;
  /// Linear layers name.0, name.2, ... with ReLU between them; or the one layer `name`.
  Var mlp(const std::string& name, const Var& x) const;

  /// After Tape::backward: adds the gradient, in the order of Parameters::flat().
  void add_gradient(std::vector<double>& to) const;

 private:
  Tape& tape_;
  const Parameters& parameters_;
  bool trained_;
  mutable std::map<std::string, Var> vars_;
};

}  // namespace credo::reference
