#include "learners/reference/tape.hpp"

#include <algorithm>
#include <cmath>

#include "envs/core/error.hpp"

namespace credo::reference {

namespace {

bool is_scalar(const Var& x) { return x.rows() == 1 && x.cols() == 1; }

/// `x` in the shape of `like`.
Matrix spread(const Var& x, const Matrix& like) {
  if (is_scalar(x)) return Matrix::Constant(like.rows(), like.cols(), x.scalar());
  CREDO_CHECK(x.rows() == like.rows() && x.cols() == like.cols(), "shapes differ");
  return x.value();
}

/// Sends a gradient of `to` spread over another shape.
void send_spread(const Var& to, const Matrix& d) {
  to.tape().send(to, is_scalar(to) ? Matrix(Matrix::Constant(1, 1, d.sum())) : d);
}

template <class Value, class Gradients>
Var elementwise(const Var& a, const Var& b, const Value& value, const Gradients& gradients) {
  const Matrix& like = is_scalar(a) ? b.value() : a.value();
  return a.tape().record(
      value(spread(a, like), spread(b, like)), {a, b},
      [a, b, gradients](const Matrix& d) { gradients(d, spread(a, d), spread(b, d)); });
}

/// A function of every element with this slope.
Var elementwise(const Var& x, Matrix value, Matrix slope) {
  return x.tape().record(std::move(value), {x}, [x, slope = std::move(slope)](const Matrix& d) {
    x.tape().send(x, d.cwiseProduct(slope));
  });
}

/// below and above: slopes on the two sides of 0; at_zero: there.
Var kinked(const Var& x, Matrix value, double below, double at_zero, double above) {
  x.tape().note_kink(x);
  const double band = x.tape().flip_within();
  return elementwise(x, std::move(value), x.value().unaryExpr([=](double v) {
    if (std::abs(v) < band) return v > 0.0 ? below : above;
    return v > 0.0 ? above : v < 0.0 ? below : at_zero;
  }));
}

}  // namespace

const Matrix& Var::value() const { return tape_->node(*this).value; }

Var Tape::push(Matrix value, bool trained, Backward back) {
  Var x;
  x.tape_ = this;
  x.index_ = nodes_.size();
  nodes_.push_back({std::move(value), {}, trained, std::move(back)});
  return x;
}

Var Tape::constant(Matrix value) { return push(std::move(value), false, {}); }
Var Tape::parameter(Matrix value) { return push(std::move(value), true, {}); }

void Tape::send(const Var& to, const Matrix& gradient) {
  Node& node = nodes_[to.index_];
  if (!node.trained) return;
  if (node.gradient.size() == 0)
    node.gradient = gradient;
  else
    node.gradient += gradient;
}

void Tape::backward(const Var& loss) {
  CREDO_CHECK(is_scalar(loss), "backward() starts from a 1 x 1 value");
  send(loss, Matrix::Ones(1, 1));
  for (auto node = nodes_.rbegin(); node != nodes_.rend(); ++node)
    if (node->back && node->gradient.size() > 0) node->back(node->gradient);
}

Matrix Tape::gradient(const Var& of) const {
  const Node& n = node(of);
  return n.gradient.size() > 0 ? n.gradient : Matrix(Matrix::Zero(n.value.rows(), n.value.cols()));
}

void Tape::note_kink(const Var& x) {
  if (is_trained(x) && x.value().size() > 0)
    margin_ = std::min(margin_, x.value().cwiseAbs().minCoeff());
}

Matrix Tape::hold(const Matrix& value) {
  if (held_ == nullptr) return value;
  if (!held_->recorded) held_->values.push_back(value);
  CREDO_CHECK(next_held_ < held_->values.size(), "the loss asks for other constants than before");
  return held_->values[next_held_++];
}

Var operator+(const Var& a, const Var& b) {
  return elementwise(
      a, b, [](const Matrix& x, const Matrix& y) -> Matrix { return x + y; },
      [a, b](const Matrix& d, const Matrix&, const Matrix&) {
        send_spread(a, d);
        send_spread(b, d);
      });
}

Var operator-(const Var& a, const Var& b) {
  return elementwise(
      a, b, [](const Matrix& x, const Matrix& y) -> Matrix { return x - y; },
      [a, b](const Matrix& d, const Matrix&, const Matrix&) {
        send_spread(a, d);
        send_spread(b, -d);
      });
}

Var operator*(const Var& a, const Var& b) {
  return elementwise(
      a, b, [](const Matrix& x, const Matrix& y) -> Matrix { return x.cwiseProduct(y); },
      [a, b](const Matrix& d, const Matrix& x, const Matrix& y) {
        send_spread(a, d.cwiseProduct(y));
        send_spread(b, d.cwiseProduct(x));
      });
}

Var operator/(const Var& a, const Var& b) {
  return elementwise(
      a, b, [](const Matrix& x, const Matrix& y) -> Matrix { return x.cwiseQuotient(y); },
      [a, b](const Matrix& d, const Matrix& x, const Matrix& y) {
        const Matrix to_a = d.cwiseQuotient(y);
        send_spread(a, to_a);
        send_spread(b, -to_a.cwiseProduct(x).cwiseQuotient(y));
      });
}

Var operator+(const Var& a, double b) {
  return a.tape().record(a.value().array() + b, {a}, [a](const Matrix& d) { a.tape().send(a, d); });
}

Var operator*(double a, const Var& b) {
  return b.tape().record(a * b.value(), {b}, [a, b](const Matrix& d) { b.tape().send(b, a * d); });
}

Var matmul(const Var& a, const Var& b) {
  return a.tape().record(a.value() * b.value(), {a, b}, [a, b](const Matrix& d) {
    if (a.tape().is_trained(a)) a.tape().send(a, d * b.value().transpose());
    if (b.tape().is_trained(b)) b.tape().send(b, a.value().transpose() * d);
  });
}

Var linear(const Var& x, const Var& weight, const Var& bias) {
  Matrix y = x.value() * weight.value().transpose();
  const bool has_bias = !bias.empty();
  if (has_bias) y.rowwise() += bias.value().row(0);
  return x.tape().record(std::move(y), {x, weight, has_bias ? bias : weight},
                         [x, weight, bias](const Matrix& d) {
                           Tape& tape = x.tape();
                           if (tape.is_trained(x)) tape.send(x, d * weight.value());
                           if (tape.is_trained(weight))
                             tape.send(weight, d.transpose() * x.value());
                           if (!bias.empty()) tape.send(bias, d.colwise().sum());
                         });
}

Var relu(const Var& x) { return kinked(x, x.value().cwiseMax(0.0), 0.0, 0.0, 1.0); }
Var abs(const Var& x) { return kinked(x, x.value().cwiseAbs(), -1.0, 0.0, 1.0); }
Var min0(const Var& x) { return kinked(x, x.value().cwiseMin(0.0), 1.0, 0.0, 0.0); }

Var sigmoid(const Var& x) {
  const Matrix y = (1.0 + (-x.value().array()).exp()).inverse();
  return elementwise(x, y, y.array() * (1.0 - y.array()));
}

Var tanh(const Var& x) {
  const Matrix y = x.value().array().tanh();
  return elementwise(x, y, 1.0 - y.array().square());
}

Var exp(const Var& x) {
  const Matrix y = x.value().array().exp();
  return elementwise(x, y, y);
}

Var log(const Var& x) {
  return elementwise(x, x.value().array().log(), x.value().array().inverse());
}

Var elu(const Var& x) {
  x.tape().note_kink(x);
  return elementwise(x, x.value().unaryExpr([](double v) { return v >= 0.0 ? v : std::expm1(v); }),
                     x.value().unaryExpr([](double v) { return v >= 0.0 ? 1.0 : std::exp(v); }));
}

Var elu_slope(const Var& x) {
  x.tape().note_kink(x);
  return elementwise(x, x.value().unaryExpr([](double v) { return v >= 0.0 ? 1.0 : std::exp(v); }),
                     x.value().unaryExpr([](double v) { return v >= 0.0 ? 0.0 : std::exp(v); }));
}

Var sum(const Var& x) {
  return x.tape().record(Matrix::Constant(1, 1, x.value().sum()), {x}, [x](const Matrix& d) {
    x.tape().send(x, Matrix::Constant(x.rows(), x.cols(), d(0, 0)));
  });
}

Var normalise_rows(const Var& x) {
  const Eigen::VectorXd total = x.value().rowwise().sum();
  Matrix y = total.cwiseInverse().asDiagonal() * x.value();
  return x.tape().record(y, {x}, [x, y, total](const Matrix& d) {
    const Eigen::VectorXd mean = d.cwiseProduct(y).rowwise().sum();
    x.tape().send(x, total.cwiseInverse().asDiagonal() * Matrix(d.colwise() - mean));
  });
}

// Less the largest element, which changes nothing but keeps e^x finite.
Var softmax_rows(const Var& x) {
  const Eigen::VectorXd largest = x.value().rowwise().maxCoeff();
  Matrix y = (x.value().colwise() - largest).array().exp();
  const Eigen::VectorXd total = y.rowwise().sum();
  y = total.cwiseInverse().asDiagonal() * y;
  return x.tape().record(y, {x}, [x, y](const Matrix& d) {
    const Eigen::VectorXd mean = d.cwiseProduct(y).rowwise().sum();
    x.tape().send(x, y.cwiseProduct(Matrix(d.colwise() - mean)));
  });
}

Var transpose(const Var& x) {
  return x.tape().record(x.value().transpose(), {x},
                         [x](const Matrix& d) { x.tape().send(x, d.transpose()); });
}

Var reshape(const Var& x, Index rows, Index cols) {
  CREDO_CHECK(rows * cols == x.value().size(), "shapes differ");
  return x.tape().record(Eigen::Map<const Matrix>(x.value().data(), rows, cols), {x},
                         [x](const Matrix& d) {
                           x.tape().send(x, Eigen::Map<const Matrix>(d.data(), x.rows(), x.cols()));
                         });
}

Var join(const Var& a, const Var& b) {
  Matrix y(a.rows(), a.cols() + b.cols());
  y << a.value(), b.value();
  return a.tape().record(std::move(y), {a, b}, [a, b](const Matrix& d) {
    a.tape().send(a, d.leftCols(a.cols()));
    b.tape().send(b, d.rightCols(b.cols()));
  });
}

Var columns(const Var& x, Index first, Index count) {
  return x.tape().record(x.value().middleCols(first, count), {x},
                         [x, first, count](const Matrix& d) {
                           Matrix to = Matrix::Zero(x.rows(), x.cols());
                           to.middleCols(first, count) = d;
                           x.tape().send(x, to);
                         });
}

Var row(const Var& x, Index i) {
  return x.tape().record(x.value().row(i), {x}, [x, i](const Matrix& d) {
    Matrix to = Matrix::Zero(x.rows(), x.cols());
    to.row(i) = d.row(0);
    x.tape().send(x, to);
  });
}

Var pick(const Var& x, const std::vector<int>& columns) {
  Matrix y(1, x.rows());
  for (Index i = 0; i < x.rows(); ++i) y(0, i) = x.value()(i, columns[static_cast<std::size_t>(i)]);
  return x.tape().record(std::move(y), {x}, [x, columns](const Matrix& d) {
    Matrix to = Matrix::Zero(x.rows(), x.cols());
    for (Index i = 0; i < x.rows(); ++i) to(i, columns[static_cast<std::size_t>(i)]) = d(0, i);
    x.tape().send(x, to);
  });
}

Var stop(const Var& x) { return x.tape().constant(x.tape().hold(x.value())); }

}  // namespace credo::reference
