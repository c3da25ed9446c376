// The tape's operations: each one's gradient against central differences, and known values.
#include "learners/reference/tape.hpp"

#include <doctest/doctest.h>

#include "learners/reference/optimizer.hpp"
#include "tests/learners/support.hpp"

namespace {

using credo::reference::Held;
using credo::reference::Index;
using credo::reference::Matrix;
using credo::reference::Tape;
using credo::reference::Var;
using learner_tests::Draw;

Matrix random_matrix(Draw& draw, Index rows, Index cols, float low = -1.0F) {
  Matrix m(rows, cols);
  for (double& x : m.reshaped()) x = draw.real(low, 1.0F);
  return m;
}

/// Differentiates a weighted sum of f(inputs) with respect to every element of every input.
template <class Function>
void check_operation(const char* name, std::vector<Matrix> inputs, const Function& f) {
  CAPTURE(name);
  const auto value = [&](Tape& tape, std::vector<Var>& vars) {
    for (const Matrix& m : inputs) vars.push_back(tape.parameter(m));
    const Var y = f(vars);
    Draw draw("weights of outputs");
    return sum(y * tape.constant(random_matrix(draw, y.rows(), y.cols())));
  };
  Tape tape;
  std::vector<Var> vars;
  tape.backward(value(tape, vars));
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const Matrix gradient = tape.gradient(vars[k]);
    for (Index i = 0; i < inputs[k].size(); ++i) {
      double& x = inputs[k].data()[i];
      const double at = x;
      const auto moved = [&](double to) {
        x = to;
        Tape other;
        std::vector<Var> others;
        return value(other, others).scalar();
      };
      constexpr double kStep = 1e-6;
      const double slope = (moved(at + kStep) - moved(at - kStep)) / (2.0 * kStep);
      x = at;
      CHECK(gradient.data()[i] == doctest::Approx(slope).epsilon(1e-6));
    }
  }
}

TEST_SUITE("tape") {
  TEST_CASE("the gradient of every operation is its derivative") {
    Draw draw("tape");
    const Matrix a = random_matrix(draw, 3, 4);
    const Matrix b = random_matrix(draw, 3, 4, 0.2F);
    const Matrix c = random_matrix(draw, 4, 2);
    const Matrix one = random_matrix(draw, 1, 1, 0.5F);
    const Matrix weight = random_matrix(draw, 5, 4);
    const Matrix bias = random_matrix(draw, 1, 5);
    using Vars = std::vector<Var>;
    check_operation("+", {a, b}, [](const Vars& x) { return x[0] + x[1]; });
    check_operation("-", {a, b}, [](const Vars& x) { return x[0] - x[1]; });
    check_operation("*", {a, b}, [](const Vars& x) { return x[0] * x[1]; });
    check_operation("/", {a, b}, [](const Vars& x) { return x[0] / x[1]; });
    check_operation("number on the left", {one, b},
                    [](const Vars& x) { return x[0] * x[1] + x[0] / x[1] + (x[0] - x[1]); });
    check_operation("number on the right", {a, one},
                    [](const Vars& x) { return x[0] * x[1] + x[0] / x[1] + (x[0] + x[1]); });
    check_operation("constants", {a}, [](const Vars& x) { return 3.0 * x[0] - 2.0; });
    check_operation("used twice", {a}, [](const Vars& x) { return square(x[0]) + x[0] * x[0]; });
    check_operation("matmul", {a, c}, [](const Vars& x) { return matmul(x[0], x[1]); });
    check_operation("linear", {a, weight, bias},
                    [](const Vars& x) { return linear(x[0], x[1], x[2]); });
    check_operation("linear without bias", {a, weight},
                    [](const Vars& x) { return linear(x[0], x[1], Var()); });
    check_operation("relu", {a}, [](const Vars& x) { return relu(x[0]); });
    check_operation("abs", {a}, [](const Vars& x) { return abs(x[0]); });
    check_operation("min0", {a}, [](const Vars& x) { return min0(x[0]); });
    check_operation("minimum", {a, b}, [](const Vars& x) { return minimum(x[0], x[1]); });
    check_operation("maximum", {a, b}, [](const Vars& x) { return maximum(x[0], x[1]); });
    check_operation("clamp", {a}, [](const Vars& x) { return clamp(x[0], -0.4, 0.3); });
    check_operation("sigmoid", {a}, [](const Vars& x) { return sigmoid(x[0]); });
    check_operation("tanh", {a}, [](const Vars& x) { return tanh(x[0]); });
    check_operation("exp", {a}, [](const Vars& x) { return exp(x[0]); });
    check_operation("log", {b}, [](const Vars& x) { return log(x[0]); });
    check_operation("elu", {a}, [](const Vars& x) { return elu(x[0]); });
    check_operation("elu_slope", {a}, [](const Vars& x) { return elu_slope(x[0]); });
    check_operation("sum", {a}, [](const Vars& x) { return sum(x[0]); });
    check_operation("normalise_rows", {b}, [](const Vars& x) { return normalise_rows(x[0]); });
    check_operation("softmax_rows", {a}, [](const Vars& x) { return softmax_rows(x[0]); });
    check_operation("transpose", {a}, [](const Vars& x) { return transpose(x[0]); });
    check_operation("reshape", {a}, [](const Vars& x) { return reshape(x[0], 6, 2); });
    check_operation("join", {a, b}, [](const Vars& x) { return join(x[0], x[1]); });
    check_operation("columns", {a}, [](const Vars& x) { return columns(x[0], 1, 2); });
    check_operation("row", {a}, [](const Vars& x) { return row(x[0], 2); });
    check_operation("pick", {a}, [](const Vars& x) { return pick(x[0], {3, 0, 2}); });
  }

  TEST_CASE("nothing goes through stop, and its value can be held") {
    Held held;
    const auto loss = [&](double at) {
      Tape tape(&held);
      const Var x = tape.parameter(Matrix::Constant(1, 1, at));
      const Var y = x * stop(square(x));
      tape.backward(y);
      return std::pair(y.scalar(), tape.gradient(x)(0, 0));
    };
    CHECK(loss(3.0) == std::pair(27.0, 9.0));
    CHECK(loss(4.0) == std::pair(36.0, 9.0));
  }

  TEST_CASE("slopes near a kink can be taken from the other side") {
    for (const double band : {0.0, 1e-3}) {
      Tape tape(nullptr, band);
      Matrix at(1, 3);
      at << 1e-4, -1e-4, 0.5;
      const Var x = tape.parameter(at);
      tape.backward(sum(relu(x)));
      Matrix want(1, 3);
      want << (band > 0.0 ? 0.0 : 1.0), (band > 0.0 ? 1.0 : 0.0), 1.0;
      CHECK(tape.gradient(x) == want);
      CHECK(tape.margin() == 1e-4);
    }
  }

  TEST_CASE("a tolerance of the gradient becomes that of the step") {
    using credo::reference::StepOptimizer;
    credo::OptimizerConfig config;
    config.grad_norm_clip = 1e9;
    for (const auto kind : {credo::OptimizerKind::kRmsprop, credo::OptimizerKind::kAdam}) {
      config.kind = kind;
      Draw draw("steps");
      for (int trial = 0; trial < 50; ++trial) {
        // Two learners whose gradients differ by less than the tolerance stay within theirs.
        StepOptimizer one(config, 0, 1), other(config, 0, 1);
        std::vector<double> x = {0.0}, y = {0.0}, tolerance = {0.0}, unused = {0.0};
        for (int step = 0; step < 5; ++step) {
          const double off = std::abs(draw.real(-1e-3F, 1e-3F));
          const double g = draw.chance(0.3) ? 0.0 : draw.real(-0.1F, 0.1F);
          one.step({g}, {off}, x, tolerance);
          other.step({g + off * draw.real(-1.0F, 1.0F)}, {0.0}, y, unused);
          CHECK(std::abs(x[0] - y[0]) <= tolerance[0] * (1.0 + 1e-9));
        }
        CHECK(unused[0] == 0.0);
      }
    }
  }
}

}  // namespace
