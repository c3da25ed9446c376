#include "suite/credits/gauge_twin.hpp"

#include <fmt/format.h>
#include <string>
#include <vector>

#include "envs/core/error.hpp"
#include "learners/base/index.hpp"

namespace credo::suite {
namespace {

constexpr float kOff = -1e6F;    // a ReLU below is 0 whatever else it reads
constexpr float kShut = 200.0F;  // a sigmoid of it is 1 in single precision, of its negative 0
constexpr float kOne = 20.0F;    // tanh of it is 1

// A matrix [rows, columns] of a weights file, or a vector of `rows`.
struct Matrix {
  std::size_t rows = 0, columns = 1;
  std::vector<float> values;
  bool is_vector = false;

  Matrix(std::size_t n_rows, std::size_t n_columns)
      : rows(n_rows), columns(n_columns), values(n_rows * n_columns, 0.0F) {}
  explicit Matrix(const Tensor& tensor)
      : rows(static_cast<std::size_t>(tensor.shape.front())),
        columns(tensor.shape.size() > 1 ? static_cast<std::size_t>(tensor.shape[1]) : 1),
        is_vector(tensor.shape.size() == 1) {
    const auto all = tensor.as<float>();
    values.assign(all.begin(), all.end());
  }
  static Matrix vector(std::size_t n_rows) {
    Matrix one(n_rows, 1);
    one.is_vector = true;
    return one;
  }
  float& at(std::size_t row, std::size_t column = 0) { return values[row * columns + column]; }
  float at(std::size_t row, std::size_t column = 0) const { return values[row * columns + column]; }
  Tensor tensor() const {
    std::vector<std::int64_t> shape = {static_cast<std::int64_t>(rows)};
    if (!is_vector) shape.push_back(static_cast<std::int64_t>(columns));
    return Tensor::f32(shape, values);
  }
};

// Hidden units of the twin, in both hidden layers: for each agent a copy of the h units, then for each
// agent the unit that is 1 for it.
class TwinWriter {
 public:
  TwinWriter(const EnvShape& shape, const TrainConfig& config, const TensorFile& weights,
             std::span<const double> scales)
      : old_(weights),
        scales_(scales),
        n_(sz(shape.n_agents)),
        h_(sz(config.agent.hidden_dim)),
        wide_(n_ * (h_ + 1)),
        first_id_(sz(shape.obs_dim) + (config.agent.obs_last_action ? sz(shape.n_actions) : 0)) {
    out_ = weights;
  }

  TensorFile write(bool recurrent) {
    write_first_layer();
    if (recurrent)
      write_gru();
    else
      write_second_layer();
    write_last_layer();
    scale_rows();
    return std::move(out_);
  }

 private:
  Matrix old(const std::string& name) const { return Matrix(old_.tensors.at(name)); }
  void put(const std::string& name, const Matrix& matrix) { out_.tensors[name] = matrix.tensor(); }
  std::size_t unit(std::size_t agent, std::size_t k) const { return agent * h_ + k; }
  std::size_t flag(std::size_t agent) const { return n_ * h_ + agent; }

  void write_first_layer() {
    const Matrix weight = old("agent.fc1.weight");
    const Matrix bias = old("agent.fc1.bias");
    Matrix wide(wide_, weight.columns);
    Matrix wide_bias = Matrix::vector(wide_);
    for (std::size_t agent = 0; agent < n_; ++agent) {
      for (std::size_t k = 0; k < h_; ++k) {
        for (std::size_t c = 0; c < weight.columns; ++c)
          wide.at(unit(agent, k), c) = weight.at(k, c);
        for (std::size_t other = 0; other < n_; ++other)
          if (other != agent) wide.at(unit(agent, k), first_id_ + other) = kOff;
        wide_bias.at(unit(agent, k)) = bias.at(k);
      }
      wide.at(flag(agent), first_id_ + agent) = 1.0F;
    }
    put("agent.fc1.weight", wide);
    put("agent.fc1.bias", wide_bias);
  }

  // Each agent's block of a hidden-to-hidden matrix, for one of its `gates` parts.
  Matrix blocks(const Matrix& weight, std::size_t gates) const {
    Matrix wide(gates * wide_, wide_);
    for (std::size_t gate = 0; gate < gates; ++gate)
      for (std::size_t agent = 0; agent < n_; ++agent)
        for (std::size_t k = 0; k < h_; ++k)
          for (std::size_t c = 0; c < h_; ++c)
            wide.at(gate * wide_ + unit(agent, k), unit(agent, c)) = weight.at(gate * h_ + k, c);
    return wide;
  }
  Matrix block_bias(const Matrix& bias, std::size_t gates) const {
    Matrix wide = Matrix::vector(gates * wide_);
    for (std::size_t gate = 0; gate < gates; ++gate)
      for (std::size_t agent = 0; agent < n_; ++agent)
        for (std::size_t k = 0; k < h_; ++k)
          wide.at(gate * wide_ + unit(agent, k)) = bias.at(gate * h_ + k);
    return wide;
  }

  // Gates r, z, n of h' = (1 - z) n + z h: with z = 1 a unit keeps its first state, 0.
  void write_gru() {
    constexpr std::size_t kUpdate = 1, kNew = 2, kGates = 3;
    Matrix in = blocks(old("agent.rnn.weight_ih"), kGates);
    Matrix in_bias = block_bias(old("agent.rnn.bias_ih"), kGates);
    for (std::size_t agent = 0; agent < n_; ++agent) {
      for (std::size_t other = 0; other < n_; ++other) {
        if (other == agent) continue;
        for (std::size_t k = 0; k < h_; ++k)
          in.at(kUpdate * wide_ + unit(agent, k), flag(other)) = kShut;
        in.at(kUpdate * wide_ + flag(agent), flag(other)) = kShut;
      }
      in.at(kUpdate * wide_ + flag(agent), flag(agent)) = -kShut;
      in_bias.at(kNew * wide_ + flag(agent)) = kOne;
    }
    put("agent.rnn.weight_ih", in);
    put("agent.rnn.bias_ih", in_bias);
    put("agent.rnn.weight_hh", blocks(old("agent.rnn.weight_hh"), kGates));
    put("agent.rnn.bias_hh", block_bias(old("agent.rnn.bias_hh"), kGates));
  }

  void write_second_layer() {
    Matrix weight = blocks(old("agent.rnn.weight"), 1);
    for (std::size_t agent = 0; agent < n_; ++agent) {
      for (std::size_t other = 0; other < n_; ++other)
        if (other != agent)
          for (std::size_t k = 0; k < h_; ++k) weight.at(unit(agent, k), flag(other)) = kOff;
      weight.at(flag(agent), flag(agent)) = 1.0F;
    }
    put("agent.rnn.weight", weight);
    put("agent.rnn.bias", block_bias(old("agent.rnn.bias"), 1));
  }

  void write_last_layer() {
    const Matrix weight = old("agent.fc2.weight");
    const Matrix bias = old("agent.fc2.bias");
    Matrix wide(weight.rows, wide_);
    for (std::size_t agent = 0; agent < n_; ++agent) {
      const auto scale = static_cast<float>(scales_[agent]);
      for (std::size_t a = 0; a < weight.rows; ++a) {
        for (std::size_t k = 0; k < h_; ++k) wide.at(a, unit(agent, k)) = weight.at(a, k) / scale;
        wide.at(a, flag(agent)) = bias.at(a) / scale;
      }
    }
    put("agent.fc2.weight", wide);
    put("agent.fc2.bias", Matrix::vector(weight.rows));
  }

  // W1 [n_agents, embed] comes out of the last layer of its hypernetwork, agent by agent.
  void scale_rows() {
    const std::string layer =
        old_.tensors.contains("mixer.hyper_w_1.2.weight") ? "mixer.hyper_w_1.2" : "mixer.hyper_w_1";
    for (const char* part : {".weight", ".bias"}) {
      Matrix matrix = old(layer + part);
      const std::size_t embed = matrix.rows / n_;
      for (std::size_t row = 0; row < matrix.rows; ++row)
        for (std::size_t c = 0; c < matrix.columns; ++c)
          matrix.at(row, c) *= static_cast<float>(scales_[row / embed]);
      put(layer + part, matrix);
    }
  }

  const TensorFile& old_;
  TensorFile out_;
  std::span<const double> scales_;
  std::size_t n_, h_, wide_, first_id_;
};

}  // namespace

GaugeTwin gauge_twin(const EnvShape& shape, const TrainConfig& config, const TensorFile& weights,
                     std::span<const double> scales) {
  if (config.learner.kind != LearnerKind::kQLearning || config.mixer.type != "qmix")
    throw UserError("--twin needs the mixer qmix, whose first layer has a row for each agent");
  if (config.mixer.wqmix.weighting != Weighting::kNone)
    throw UserError("--twin: weighted QMIX has a second network, whose values have other scales");
  if (!config.agent.shared)
    throw UserError("--twin needs agent.shared = true: it widens the network all agents share");
  if (!config.agent.obs_agent_id)
    throw UserError(
        "--twin needs agent.obs_agent_id = true: agents that are not told who they are "
        "cannot have different scales");
  GaugeTwin twin;
  twin.config = config;
  twin.config.agent.hidden_dim = shape.n_agents * (config.agent.hidden_dim + 1);
  twin.weights = TwinWriter(shape, config, weights, scales).write(config.agent.recurrent);
  return twin;
}

}  // namespace credo::suite
