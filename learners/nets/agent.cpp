#include "learners/nets/agent.hpp"

#include <cmath>
#include <cstring>

#include "learners/kernels/kernels.hpp"
#include "learners/nets/products.hpp"

namespace credo {

namespace {

std::size_t sz(int n) { return static_cast<std::size_t>(n); }
std::ptrdiff_t at(int row, int width) { return static_cast<std::ptrdiff_t>(row) * width; }

}  // namespace

AgentNetwork::AgentNetwork(ParamLayout& layout, const std::string& prefix, const EnvShape& shape,
                           const AgentConfig& config)
    : n_agents_(shape.n_agents),
      n_actions_(shape.n_actions),
      obs_dim_(shape.obs_dim),
      hidden_(config.hidden_dim),
      last_action_(config.obs_last_action),
      agent_id_(config.obs_agent_id) {
  const int in = obs_dim_ + (last_action_ ? n_actions_ : 0) + (agent_id_ ? n_agents_ : 0);
  const float gru_bound = static_cast<float>(1.0 / std::sqrt(static_cast<double>(hidden_)));
  fc1_ = layout.add_linear(prefix + "fc1", in, hidden_);
  ih_ = layout.add_linear(prefix + "rnn.weight_ih", prefix + "rnn.bias_ih", hidden_, 3 * hidden_,
                          gru_bound);
  hh_ = layout.add_linear(prefix + "rnn.weight_hh", prefix + "rnn.bias_hh", hidden_, 3 * hidden_,
                          gru_bound);
  fc2_ = layout.add_linear(prefix + "fc2", hidden_, n_actions_);
}

void AgentNetwork::one_hot_rows(int rows, const int* last_action, Scratch& scratch,
                                int*& action_rows, int*& agent_rows) const {
  action_rows = agent_rows = nullptr;
  int offset = obs_dim_;
  if (last_action_) {
    action_rows = scratch.take<int>(sz(rows));
    for (int row = 0; row < rows; ++row)
      action_rows[row] = last_action[row] < 0 ? -1 : offset + last_action[row];
    offset += n_actions_;
  }
  if (agent_id_) {
    agent_rows = scratch.take<int>(sz(rows));
    for (int row = 0; row < rows; row += n_agents_)
      for (int i = 0; i < n_agents_; ++i) agent_rows[row + i] = offset + i;
  }
}

// One-hot inputs are additions of weight rows: the same chain as the dense product, since adding
// 0 * w changes nothing.
void AgentNetwork::first_layer(const float* params, int rows, const float* obs,
                               const int* last_action, float* out, Scratch& scratch) const {
  Linear obs_part = fc1_;
  obs_part.in = obs_dim_;
  forward_product(obs_part, params, rows, obs, obs_dim_, out, hidden_);
  int* action_rows = nullptr;
  int* agent_rows = nullptr;
  one_hot_rows(rows, last_action, scratch, action_rows, agent_rows);
  kernels().embed_relu(rows, hidden_, params + fc1_.weight, action_rows, agent_rows, out);
}

AgentPass AgentNetwork::forward(const float* params, const PackedRows& in, bool keep,
                                Scratch& scratch) const {
  const KernelTable& k = kernels();
  const int h = hidden_;
  const int first_rows = in.live[0] * in.n_agents;
  AgentPass pass;
  pass.hidden1 = scratch.floats(sz(in.rows) * sz(h));
  float* zero_state = scratch.floats(sz(first_rows + in.rows) * sz(h));
  pass.h = zero_state + at(first_rows, h);
  pass.q = scratch.floats(sz(in.rows) * sz(n_actions_));
  float* gi = scratch.floats(sz(in.rows) * sz(3 * h));
  float* gh = scratch.floats(sz(first_rows) * sz(3 * h));
  float* gates = scratch.floats(sz(keep ? in.rows : first_rows) * sz(4 * h));
  if (keep) pass.gates = gates;

  first_layer(params, in.rows, in.obs, in.last_action, pass.hidden1, scratch);
  forward_product(ih_, params, in.rows, pass.hidden1, h, gi, 3 * h);

  std::memset(zero_state, 0, sz(first_rows) * sz(h) * sizeof(float));
  const int slots = static_cast<int>(in.live.size());
  for (int t = 0; t < slots; ++t) {
    const int row = in.slot_row[sz(t)];
    const int rows = in.live[sz(t)] * in.n_agents;
    const float* h_prev = previous_state(pass, in, t);
    forward_product(hh_, params, rows, h_prev, h, gh, 3 * h);
    k.gru_forward(rows, h, gi + at(row, 3 * h), gh, h_prev, keep ? gates + at(row, 4 * h) : gates,
                  pass.h + at(row, h));
  }
  forward_product(fc2_, params, in.rows, pass.h, h, pass.q, n_actions_);
  return pass;
}

// The live episodes of slot t are the first ones of slot t - 1, so their states are its first rows.
const float* AgentNetwork::previous_state(const AgentPass& pass, const PackedRows& in,
                                          int t) const {
  const int row = t > 0 ? in.slot_row[sz(t - 1)] : -in.live[0] * in.n_agents;
  return pass.h + at(row, hidden_);
}

void AgentNetwork::transpose(const float* params, Transposed& out) const {
  out.weight_ih.resize(sz(ih_.in) * sz(ih_.out));
  out.weight_hh.resize(sz(hh_.in) * sz(hh_.out));
  out.fc2.resize(sz(fc2_.in) * sz(fc2_.out));
  transpose_weight(ih_, params, out.weight_ih.data());
  transpose_weight(hh_, params, out.weight_hh.data());
  transpose_weight(fc2_, params, out.fc2.data());
}

void AgentNetwork::backward(const Transposed& weights, const PackedRows& in, const AgentPass& pass,
                            const int* action, const float* d_q, float* grad,
                            Scratch& scratch) const {
  const KernelTable& k = kernels();
  const int h = hidden_;
  float* d_h = scratch.floats(sz(in.rows) * sz(h));
  float* d_gates = scratch.floats(sz(in.rows) * sz(4 * h));
  float* d_hidden1 = scratch.floats(sz(in.rows) * sz(h));

  // fc2 sees one output gradient per row.
  float* d_fc2 = scratch.zeros(sz(n_actions_) * sz(h));  // [n_actions, h]
  k.chosen_backward(in.rows, h, d_q, action, weights.fc2.data(), pass.h, d_h, d_fc2);
  for (int row = 0; row < in.rows; ++row) grad[fc2_.bias + sz(action[row])] += d_q[row];
  for (int i = 0; i < h; ++i)
    for (int a = 0; a < n_actions_; ++a)
      grad[fc2_.weight + sz(i * fc2_.ld + a)] += d_fc2[at(a, h) + i];

  float* d_bias = scratch.zeros(sz(4 * h));  // r, z, n, m
  float* d_h_prev = scratch.floats(sz(in.live[0] * in.n_agents) * sz(h));
  for (int t = static_cast<int>(in.live.size()) - 1; t >= 0; --t) {
    const int row = in.slot_row[sz(t)];
    const int rows = in.live[sz(t)] * in.n_agents;
    // The state before slot 0 is a constant: its gradient goes nowhere.
    float* target = t > 0 ? d_h + at(in.slot_row[sz(t - 1)], h) : d_h_prev;
    if (t == 0) std::memset(d_h_prev, 0, sz(rows) * sz(h) * sizeof(float));
    k.gru_backward(rows, h, pass.gates + at(row, 4 * h), previous_state(pass, in, t),
                   d_h + at(row, h), d_gates + at(row, 4 * h), target, d_bias);
    if (t == 0) break;
    // Hidden-side pre-activations are (r, z, m): columns 0..2h and 3h..4h of d_gates.
    const float* dg = d_gates + at(row, 4 * h);
    accumulate_product(rows, h, 2 * h, dg, 4 * h, weights.weight_hh.data(), h, target, h);
    accumulate_product(rows, h, h, dg + 3 * h, 4 * h, weights.weight_hh.data() + at(2 * h, h), h,
                       target, h);
  }

  // Input side: columns 0..3h are (r, z, n).
  input_gradient(in.rows, h, 3 * h, d_gates, 4 * h, weights.weight_ih.data(), d_hidden1);
  k.relu_backward(d_hidden1, pass.hidden1, sz(in.rows) * sz(h));
  k.add(grad + ih_.bias, d_bias, sz(3 * h));
  k.add(grad + hh_.bias, d_bias, sz(2 * h));
  k.add(grad + hh_.bias + sz(2 * h), d_bias + 3 * h, sz(h));
  weight_gradient_only(ih_, in.rows, pass.hidden1, h, d_gates, 4 * h, grad);
  hidden_weight_gradient(in, pass, d_gates, grad);

  Linear obs_part = fc1_;
  obs_part.in = obs_dim_;
  weight_gradient(obs_part, in.rows, in.obs, obs_dim_, d_hidden1, h, grad);
  int* action_rows = nullptr;
  int* agent_rows = nullptr;
  one_hot_rows(in.rows, in.last_action, scratch, action_rows, agent_rows);
  if (last_action_) k.scatter_add(in.rows, h, d_hidden1, action_rows, grad + fc1_.weight);
  if (agent_id_) k.scatter_add(in.rows, h, d_hidden1, agent_rows, grad + fc1_.weight);
}

// Rows of neighbouring slots and of their previous states are contiguous as long as no episode
// ends: one product for each such stretch. Slot 0 starts from zero and adds nothing.
void AgentNetwork::hidden_weight_gradient(const PackedRows& in, const AgentPass& pass,
                                          const float* d_gates, float* grad) const {
  const int h = hidden_;
  Linear rz = hh_;
  rz.out = 2 * h;
  Linear candidate = hh_;
  candidate.out = h;
  candidate.weight += sz(2 * h);
  const int slots = static_cast<int>(in.live.size());
  for (int t = 1; t < slots;) {
    const int first = t;
    int rows = 0;
    do {
      rows += in.live[sz(t)] * in.n_agents;
      ++t;
    } while (t < slots && in.live[sz(t - 1)] == in.live[sz(t - 2)]);
    const float* x = previous_state(pass, in, first);
    const float* d = d_gates + at(in.slot_row[sz(first)], 4 * h);
    weight_gradient_only(rz, rows, x, h, d, 4 * h, grad);
    weight_gradient_only(candidate, rows, x, h, d + 3 * h, 4 * h, grad);
  }
}

void AgentNetwork::act(const float* params, int rows, const float* obs, const int* last_action,
                       float* h, float* q, Scratch& scratch) const {
  float* hidden1 = scratch.floats(sz(rows) * sz(hidden_));
  float* gi = scratch.floats(sz(rows) * sz(3 * hidden_));
  float* gh = scratch.floats(sz(rows) * sz(3 * hidden_));
  float* gates = scratch.floats(sz(rows) * sz(4 * hidden_));
  first_layer(params, rows, obs, last_action, hidden1, scratch);
  forward_product(ih_, params, rows, hidden1, hidden_, gi, 3 * hidden_);
  forward_product(hh_, params, rows, h, hidden_, gh, 3 * hidden_);
  kernels().gru_forward(rows, hidden_, gi, gh, h, gates, h);
  forward_product(fc2_, params, rows, h, hidden_, q, n_actions_);
}

}  // namespace credo
