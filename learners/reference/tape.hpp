// Formulas on matrices of doubles, and their gradients. A tape records the operations that made a
// value; backward() walks them in reverse (reverse-mode differentiation), so that an algorithm is
// written as its formulas alone. Conventions are PyTorch's: * and / work element by element,
// matmul is the matrix product, rows are samples, and a 1 x 1 matrix goes with any shape.
#pragma once

#include <Eigen/Dense>
#include <deque>
#include <functional>
#include <limits>
#include <vector>

namespace credo::reference {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Eigen::Index;

class Tape;

/// A value on a tape; as cheap to copy as a pointer.
class Var {
 public:
  Var() = default;
  bool empty() const { return tape_ == nullptr; }
  const Matrix& value() const;
  double scalar() const { return value()(0, 0); }
  Index rows() const { return value().rows(); }
  Index cols() const { return value().cols(); }
  Tape& tape() const { return *tape_; }

 private:
  friend class Tape;
  Tape* tape_ = nullptr;
  std::size_t index_ = 0;
};

/// The values of stop() in the order in which a loss asks for them: recorded by the first
/// evaluation, repeated by later ones. So a loss with constants in it can be differentiated
/// numerically.
struct Held {
  std::vector<Matrix> values;
  bool recorded = false;
};

class Tape {
 public:
  /// flip_within: inputs of ReLU, |x| and min(0, x) this close to 0 get the slope of the other
  /// side; 0: none do.
  explicit Tape(Held* held = nullptr, double flip_within = 0.0)
      : held_(held), flip_within_(flip_within) {}
  ~Tape() {
    if (held_ != nullptr) held_->recorded = true;
  }
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  Var constant(Matrix value);
  Var constant(double value) { return constant(Matrix::Constant(1, 1, value)); }
  /// A value whose gradient is wanted.
  Var parameter(Matrix value);

  /// Adds the gradient of a 1 x 1 value to that of everything it was made of.
  void backward(const Var& loss);
  /// Zeros where the loss does not depend on it.
  Matrix gradient(const Var& of) const;

  /// Smallest distance from a kink (ReLU, ELU, |x|, min(0, x)) of an input that a parameter has a
  /// part in.
  double margin() const { return margin_; }

  // For operations.
  using Backward = std::function<void(const Matrix& d)>;
  /// A value made of `inputs`; back is told the value's gradient and sends it on.
  template <class Back>
  Var record(Matrix value, std::initializer_list<Var> inputs, const Back& back) {
    bool trained = false;
    for (const Var& input : inputs) trained = trained || is_trained(input);
    return push(std::move(value), trained, trained ? Backward(back) : Backward());
  }
  void send(const Var& to, const Matrix& gradient);
  bool is_trained(const Var& x) const { return node(x).trained; }
  /// Notes how near x is to 0.
  void note_kink(const Var& x);
  double flip_within() const { return flip_within_; }
  Matrix hold(const Matrix& value);

 private:
  friend class Var;
  struct Node {
    Matrix value;
    Matrix gradient;
    bool trained = false;
    Backward back;
  };
  Var push(Matrix value, bool trained, Backward back);
  const Node& node(const Var& x) const { return nodes_[x.index_]; }

  std::deque<Node> nodes_;
  Held* held_;
  std::size_t next_held_ = 0;
  double flip_within_;
  double margin_ = std::numeric_limits<double>::infinity();
};

Var operator+(const Var& a, const Var& b);
Var operator-(const Var& a, const Var& b);
Var operator*(const Var& a, const Var& b);
Var operator/(const Var& a, const Var& b);
Var operator+(const Var& a, double b);
Var operator*(double a, const Var& b);
inline Var operator-(const Var& a, double b) { return a + -b; }

Var matmul(const Var& a, const Var& b);
/// x W^T + b for every row of x. weight: [out, in]; bias: [1, out], or empty.
Var linear(const Var& x, const Var& weight, const Var& bias);

Var relu(const Var& x);
Var abs(const Var& x);
/// min(0, x)
Var min0(const Var& x);
Var sigmoid(const Var& x);
Var tanh(const Var& x);
Var exp(const Var& x);
Var log(const Var& x);
inline Var square(const Var& x) { return x * x; }
inline Var minimum(const Var& a, const Var& b) { return a - relu(a - b); }
inline Var maximum(const Var& a, const Var& b) { return a + relu(b - a); }
inline Var clamp(const Var& x, double low, double high) {
  return relu(x - low) - relu(x - high) + low;
}
/// x for x >= 0, e^x - 1 below.
Var elu(const Var& x);
/// Its derivative: 1 for x >= 0, e^x below.
Var elu_slope(const Var& x);

/// Of all elements, 1 x 1.
Var sum(const Var& x);
/// Every row divided by its sum.
Var normalise_rows(const Var& x);
Var softmax_rows(const Var& x);

Var transpose(const Var& x);
Var reshape(const Var& x, Index rows, Index cols);
/// [a, b]: columns side by side.
Var join(const Var& a, const Var& b);
Var columns(const Var& x, Index first, Index count);
Var row(const Var& x, Index i);
/// Of every row i the element columns[i], as one row.
Var pick(const Var& x, const std::vector<int>& columns);

/// The same value as a constant: no gradient goes through.
Var stop(const Var& x);

}  // namespace credo::reference
