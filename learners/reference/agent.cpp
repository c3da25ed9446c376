#include "learners/reference/agent.hpp"

#include <fmt/format.h>

namespace credo::reference {

Matrix input_of(const AgentConfig& config, const PlainEpisode& e, int slot) {
  const Index n = e.shape.n_agents;
  const Index n_actions = config.obs_last_action ? e.shape.n_actions : 0;
  const bool agent_id = config.obs_agent_id && config.shared;
  Matrix in = Matrix::Zero(n, e.shape.obs_dim + n_actions + (agent_id ? n : 0));
  in.leftCols(e.shape.obs_dim) = obs_of(e, slot);
  for (int i = 0; i < e.shape.n_agents; ++i) {
    if (config.obs_last_action && slot > 0) in(i, e.shape.obs_dim + e.action(slot - 1, i)) = 1.0;
    if (agent_id) in(i, e.shape.obs_dim + n_actions + i) = 1.0;
  }
  return in;
}

namespace {

Var gru(const Weights& w, const std::string& name, const Var& x, const Var& h) {
  const Var in = linear(x, w(name + ".weight_ih"), w(name + ".bias_ih"));
  const Var back = linear(h, w(name + ".weight_hh"), w(name + ".bias_hh"));
  const Index width = h.cols();
  const Var r = sigmoid(columns(in, 0, width) + columns(back, 0, width));
  const Var z = sigmoid(columns(in, width, width) + columns(back, width, width));
  const Var candidate = tanh(columns(in, 2 * width, width) + r * columns(back, 2 * width, width));
  return candidate + z * (h - candidate);
}

/// One set of weights; a row per agent that has them.
std::vector<AgentSlot> unroll_set(const Weights& w, const std::string& prefix,
                                  const AgentConfig& config, const std::vector<Matrix>& inputs) {
  Var h = w.tape().constant(Matrix::Zero(inputs.front().rows(), config.hidden_dim));
  std::vector<AgentSlot> slots;
  for (const Matrix& in : inputs) {
    const Var x = relu(w.linear(prefix + "fc1", w.tape().constant(in)));
    h = config.recurrent ? gru(w, prefix + "rnn", x, h) : relu(w.linear(prefix + "rnn", x));
    slots.push_back({.q = w.linear(prefix + "fc2", h), .hidden = h});
  }
  return slots;
}

/// The rows of both; `a` may be empty.
Var below(const Var& a, const Var& b) {
  return a.empty() ? b : transpose(join(transpose(a), transpose(b)));
}

}  // namespace

std::vector<AgentSlot> unroll(const Weights& w, const std::string& prefix,
                              const AgentConfig& config, const PlainEpisode& e) {
  std::vector<Matrix> inputs;
  for (int t = 0; t <= e.length; ++t) inputs.push_back(input_of(config, e, t));
  return unroll(w, prefix, config, inputs);
}

std::vector<AgentSlot> unroll(const Weights& w, const std::string& prefix,
                              const AgentConfig& config, const std::vector<Matrix>& inputs) {
  if (config.shared) return unroll_set(w, prefix, config, inputs);
  std::vector<AgentSlot> slots(inputs.size());
  for (Index agent = 0; agent < inputs.front().rows(); ++agent) {
    std::vector<Matrix> own;
    for (const Matrix& in : inputs) own.emplace_back(in.row(agent));
    const auto of_agent = unroll_set(w, fmt::format("{}{}.", prefix, agent), config, own);
    for (std::size_t t = 0; t < slots.size(); ++t) {
      slots[t].q = below(slots[t].q, of_agent[t].q);
      slots[t].hidden = below(slots[t].hidden, of_agent[t].hidden);
    }
  }
  return slots;
}

Matrix obs_of(const PlainEpisode& e, int slot) {
  using Floats = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Index n = e.shape.n_agents;
  return Eigen::Map<const Floats>(e.obs.data() + slot * n * e.shape.obs_dim, n, e.shape.obs_dim)
      .cast<double>();
}

Matrix state_of(const PlainEpisode& e, int slot) {
  return Eigen::Map<const Eigen::RowVectorXf>(e.state.data() + at(slot, e.shape.state_dim),
                                              e.shape.state_dim)
      .cast<double>();
}

std::vector<int> actions_of(const PlainEpisode& e, int slot) {
  const auto first = e.actions.begin() + at(slot, e.shape.n_agents);
  return {first, first + e.shape.n_agents};
}

}  // namespace credo::reference
