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

// One-hot inputs are additions of weight rows: the same chain as the dense product, since adding
// 0 * w changes nothing.
void AgentNetwork::first_layer(const float* params, int rows, const float* obs,
                               const int* last_action, float* out) const {
  const KernelTable& k = kernels();
  Linear obs_part = fc1_;
  obs_part.in = obs_dim_;
  forward_product(obs_part, params, rows, obs, obs_dim_, out, hidden_);
  const float* w = params + fc1_.weight;
  for (int row = 0; row < rows; ++row) {
    float* y = out + at(row, hidden_);
    if (last_action_ && last_action[row] >= 0)
      k.add(y, w + at(action_row(last_action[row]), hidden_), sz(hidden_));
    if (agent_id_) k.add(y, w + at(agent_row(row % n_agents_), hidden_), sz(hidden_));
  }
  k.relu(out, sz(rows) * sz(hidden_));
}

AgentPass AgentNetwork::forward(const float* params, const PackedRows& in, bool keep,
                                Scratch& scratch) const {
  const KernelTable& k = kernels();
  const int h = hidden_;
  const int first_rows = in.live[0] * in.n_agents;
  AgentPass pass;
  pass.hidden1 = scratch.floats(sz(in.rows) * sz(h));
  pass.h = scratch.floats(sz(in.rows) * sz(h));
  pass.h_prev = scratch.floats(sz(in.rows) * sz(h));
  pass.q = scratch.floats(sz(in.rows) * sz(n_actions_));
  float* gi = scratch.floats(sz(in.rows) * sz(3 * h));
  float* gh = scratch.floats(sz(first_rows) * sz(3 * h));
  float* gates = scratch.floats(sz(keep ? in.rows : first_rows) * sz(4 * h));
  if (keep) pass.gates = gates;

  first_layer(params, in.rows, in.obs, in.last_action, pass.hidden1);
  forward_product(ih_, params, in.rows, pass.hidden1, h, gi, 3 * h);

  std::memset(pass.h_prev, 0, sz(first_rows) * sz(h) * sizeof(float));
  const int slots = static_cast<int>(in.live.size());
  for (int t = 0; t < slots; ++t) {
    const int row = in.slot_row[sz(t)];
    const int rows = in.live[sz(t)] * in.n_agents;
    forward_product(hh_, params, rows, pass.h_prev + at(row, h), h, gh, 3 * h);
    k.gru_forward(rows, h, gi + at(row, 3 * h), gh, pass.h_prev + at(row, h),
                  keep ? gates + at(row, 4 * h) : gates, pass.h + at(row, h));
    if (t + 1 < slots) {
      const int next_rows = in.live[sz(t + 1)] * in.n_agents;
      std::memcpy(pass.h_prev + at(in.slot_row[sz(t + 1)], h), pass.h + at(row, h),
                  sz(next_rows) * sz(h) * sizeof(float));
    }
  }
  forward_product(fc2_, params, in.rows, pass.h, h, pass.q, n_actions_);
  return pass;
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
  float* d_h = scratch.zeros(sz(in.rows) * sz(h));
  float* d_gates = scratch.floats(sz(in.rows) * sz(4 * h));
  float* d_hidden1 = scratch.floats(sz(in.rows) * sz(h));

  // fc2 sees one non-zero output gradient per row.
  float* d_fc2 = scratch.zeros(sz(n_actions_) * sz(h));  // [n_actions, h]
  for (int row = 0; row < in.rows; ++row) {
    const float d = d_q[row];
    if (d == 0.0F) continue;
    const int a = action[row];
    k.axpy(d_h + at(row, h), d, weights.fc2.data() + at(a, h), sz(h));
    k.axpy(d_fc2 + at(a, h), d, pass.h + at(row, h), sz(h));
    grad[fc2_.bias + sz(a)] += d;
  }
  for (int i = 0; i < h; ++i)
    for (int a = 0; a < n_actions_; ++a)
      grad[fc2_.weight + sz(i * fc2_.ld + a)] += d_fc2[at(a, h) + i];

  float* d_h_prev = scratch.floats(sz(in.live[0] * in.n_agents) * sz(h));
  for (int t = static_cast<int>(in.live.size()) - 1; t >= 0; --t) {
    const int row = in.slot_row[sz(t)];
    const int rows = in.live[sz(t)] * in.n_agents;
    // The state before slot 0 is a constant: its gradient goes nowhere.
    float* target = t > 0 ? d_h + at(in.slot_row[sz(t - 1)], h) : d_h_prev;
    if (t == 0) std::memset(d_h_prev, 0, sz(rows) * sz(h) * sizeof(float));
    k.gru_backward(rows, h, pass.gates + at(row, 4 * h), pass.h_prev + at(row, h), d_h + at(row, h),
                   d_gates + at(row, 4 * h), target);
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
  weight_gradient(ih_, in.rows, pass.hidden1, h, d_gates, 4 * h, grad);

  Linear rz = hh_;
  rz.out = 2 * h;
  weight_gradient(rz, in.rows, pass.h_prev, h, d_gates, 4 * h, grad);
  Linear candidate = hh_;
  candidate.out = h;
  candidate.weight += sz(2 * h);
  candidate.bias += sz(2 * h);
  weight_gradient(candidate, in.rows, pass.h_prev, h, d_gates + 3 * h, 4 * h, grad);

  Linear obs_part = fc1_;
  obs_part.in = obs_dim_;
  weight_gradient(obs_part, in.rows, in.obs, obs_dim_, d_hidden1, h, grad);
  float* d_w = grad + fc1_.weight;
  for (int row = 0; row < in.rows; ++row) {
    const float* d = d_hidden1 + at(row, h);
    if (last_action_ && in.last_action[row] >= 0)
      k.add(d_w + at(action_row(in.last_action[row]), h), d, sz(h));
    if (agent_id_) k.add(d_w + at(agent_row(row % n_agents_), h), d, sz(h));
  }
}

void AgentNetwork::act(const float* params, int rows, const float* obs, const int* last_action,
                       float* h, float* q, Scratch& scratch) const {
  float* hidden1 = scratch.floats(sz(rows) * sz(hidden_));
  float* gi = scratch.floats(sz(rows) * sz(3 * hidden_));
  float* gh = scratch.floats(sz(rows) * sz(3 * hidden_));
  float* gates = scratch.floats(sz(rows) * sz(4 * hidden_));
  first_layer(params, rows, obs, last_action, hidden1);
  forward_product(ih_, params, rows, hidden1, hidden_, gi, 3 * hidden_);
  forward_product(hh_, params, rows, h, hidden_, gh, 3 * hidden_);
  kernels().gru_forward(rows, hidden_, gi, gh, h, gates, h);
  forward_product(fc2_, params, rows, h, hidden_, q, n_actions_);
}

}  // namespace credo
