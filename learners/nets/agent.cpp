#include "learners/nets/agent.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "learners/base/index.hpp"
#include "learners/kernels/kernels.hpp"
#include "learners/nets/products.hpp"

namespace credo {

namespace {

// Rows of gate gradients lie an odd number of cache lines apart: at 4h the lines of a column panel
// would share a quarter of the first-level cache.
int gates_ld(int h) { return 4 * h + 16; }

}  // namespace

AgentNetwork::AgentNetwork(ParamLayout& layout, const std::string& prefix, const EnvShape& shape,
                           const AgentConfig& config, const AgentHead& head)
    : n_agents_(shape.n_agents),
      n_actions_(shape.n_actions),
      outputs_(head.outputs),
      obs_dim_(shape.obs_dim),
      hidden_(config.hidden_dim),
      recurrent_(config.recurrent),
      last_action_(config.obs_last_action),
      agent_id_(config.obs_agent_id) {
  const int in = obs_dim_ + (last_action_ ? n_actions_ : 0) + (agent_id_ ? n_agents_ : 0);
  fc1_ = layout.add_linear(prefix + "fc1", in, hidden_);
  if (recurrent_) {
    const float bound = static_cast<float>(1.0 / std::sqrt(static_cast<double>(hidden_)));
    const std::string rnn = prefix + "rnn.";
    ih_ = layout.add_linear(rnn + "weight_ih", rnn + "bias_ih", hidden_, 3 * hidden_, bound);
    hh_ = layout.add_linear(rnn + "weight_hh", rnn + "bias_hh", hidden_, 3 * hidden_, bound);
  } else {
    ih_ = layout.add_linear(prefix + "rnn", hidden_, hidden_);
  }
  const std::string fc2 = prefix + "fc2";
  fc2_ = head.gain == 0.0 ? layout.add_linear(fc2, hidden_, outputs_)
                          : layout.add_unbiased(fc2, hidden_, outputs_, head.gain);
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

AgentPass AgentNetwork::begin(const PackedRows& in, bool keep, Scratch& scratch) const {
  const std::size_t h = sz(hidden_);
  const std::size_t first_rows = sz(in.slot_rows(0));
  const std::size_t rows = sz(keep ? in.rows : in.block_rows);
  AgentPass pass;
  pass.keep = keep;
  pass.hidden1 = scratch.floats(rows * h);
  pass.q = scratch.floats(sz(in.rows) * sz(outputs_));
  if (!recurrent_) {
    pass.h = scratch.floats(rows * h);
    return pass;
  }
  pass.gates = scratch.floats((keep ? rows : first_rows) * 4 * h);
  float* state = scratch.floats((first_rows + rows) * h);
  std::memset(state, 0, first_rows * h * sizeof(float));
  pass.h = state + first_rows * h;
  pass.gi = scratch.floats(sz(in.block_rows) * 3 * h);
  pass.gh = scratch.floats(first_rows * 3 * h);
  return pass;
}

void AgentNetwork::forward_block(const float* params, const PackedRows& in, AgentPass& pass,
                                 int block, const float* obs, Scratch& scratch) const {
  const int h = hidden_;
  const int base = in.first_row(in.block_begin(block));
  const int rows = in.rows_of(block);
  float* hidden1 = pass.keep ? pass.hidden1 + at(base, h) : pass.hidden1;
  float* states = pass.keep ? pass.h + at(base, h) : pass.h;
  first_layer(params, rows, obs, in.last_action + base, hidden1, scratch);
  if (recurrent_)
    unroll(params, in, pass, block, hidden1, states);
  else
    forward_product(ih_, params, rows, hidden1, h, states, h, h, in.ahead);
  forward_product(fc2_, params, rows, states, h, pass.q + at(base, outputs_), outputs_);
  const int end = in.block_begin(block + 1);
  if (recurrent_ && !pass.keep && end < in.slots())  // what the next block starts from
    std::memcpy(pass.h - at(in.slot_rows(0), h), states + at(in.first_row(end - 1) - base, h),
                sz(in.slot_rows(end)) * sz(h) * sizeof(float));
}

// The live episodes of a slot are the first ones of the slot before it, so the states they start
// from are that slot's first rows. Without `keep` the state before the block precedes pass.h.
void AgentNetwork::unroll(const float* params, const PackedRows& in, AgentPass& pass, int block,
                          const float* hidden1, float* states) const {
  const int h = hidden_;
  const int begin = in.block_begin(block);
  const int base = in.first_row(begin);
  forward_product(ih_, params, in.rows_of(block), hidden1, h, pass.gi, 3 * h, 0, in.ahead);
  const float* h_prev =
      pass.keep ? previous_state(pass, in, begin) : pass.h - at(in.slot_rows(0), h);
  for (int t = begin; t < in.block_begin(block + 1); ++t) {
    const int row = in.first_row(t) - base;
    const int slot_rows = in.slot_rows(t);
    float* gates = pass.keep ? pass.gates + at(base + row, 4 * h) : pass.gates;
    if (t > 0) {
      forward_product(hh_, params, slot_rows, h_prev, h, pass.gh, 3 * h, 0, in.ahead);
    } else {  // of a zero state nothing but the bias is left
      for (int i = 0; i < slot_rows; ++i)
        std::memcpy(pass.gh + at(i, 3 * h), params + hh_.bias, sz(3 * h) * sizeof(float));
    }
    kernels().gru_forward(slot_rows, h, pass.gi + at(row, 3 * h), pass.gh, h_prev, gates,
                          states + at(row, h));
    h_prev = states + at(row, h);
  }
}

const float* AgentNetwork::previous_state(const AgentPass& pass, const PackedRows& in,
                                          int t) const {
  return pass.h + at(t > 0 ? in.first_row(t - 1) : -in.slot_rows(0), hidden_);
}

void AgentNetwork::transpose(const float* params, Transposed& out) const {
  out.weight_ih.resize(sz(ih_.in) * sz(ih_.out));
  out.weight_hh.resize(sz(hh_.in) * sz(hh_.out));
  out.fc2.resize(sz(fc2_.in) * sz(fc2_.out));
  transpose_weight(ih_, params, out.weight_ih.data());
  transpose_weight(hh_, params, out.weight_hh.data());
  transpose_weight(fc2_, params, out.fc2.data());
}

AgentNetwork::Backward AgentNetwork::begin_backward(const PackedRows& in, Scratch& scratch) const {
  const std::size_t h = sz(hidden_);
  Backward back;
  back.d_h = scratch.floats(sz(in.block_rows) * h);
  back.d_hidden1 = scratch.floats(sz(in.block_rows) * h);
  back.d_fc2 = scratch.zeros(sz(outputs_) * h);
  if (!recurrent_) return back;
  back.d_gates = scratch.floats(sz(in.block_rows) * sz(gates_ld(hidden_)));
  back.carry = scratch.floats(sz(in.slot_rows(0)) * h);
  back.d_bias = scratch.zeros(4 * h);
  return back;
}

// fc2 sees one or two output gradients per row, or all.
void AgentNetwork::output_gradient(const Transposed& weights, const AgentPass& pass, int base,
                                   int rows, const AgentGradient& d, Backward& back, float* grad,
                                   Scratch& scratch) const {
  const KernelTable& k = kernels();
  const int h = hidden_;
  const auto chosen = [&](const int* action, const float* d_q, float* d_h) {
    k.chosen_backward(rows, h, d_q + base, action + base, weights.fc2.data(), pass.h + at(base, h),
                      d_h, back.d_fc2);
    for (int row = base; row < base + rows; ++row) grad[fc2_.bias + sz(action[row])] += d_q[row];
  };
  if (d.d_all != nullptr) {
    const float* d_all = d.d_all + at(base, outputs_);
    input_gradient(rows, h, outputs_, d_all, outputs_, weights.fc2.data(), back.d_h, h, nullptr);
    weight_gradient(fc2_, rows, pass.h + at(base, h), h, d_all, outputs_, grad);
  } else {
    chosen(d.action, d.d_q, back.d_h);
  }
  if (d.d_second != nullptr) {
    float* d_h = scratch.floats(sz(rows) * sz(h));
    chosen(d.second_action, d.d_second, d_h);
    k.add(back.d_h, d_h, sz(rows) * sz(h));
  }
  if (d.d_h != nullptr) k.add(back.d_h, d.d_h + at(base, h), sz(rows) * sz(h));
}

void AgentNetwork::backward_block(const Transposed& weights, const PackedRows& in,
                                  const AgentPass& pass, int block, const float* obs,
                                  const AgentGradient& d, Backward& back, float* grad,
                                  Scratch& scratch) const {
  const KernelTable& k = kernels();
  const int h = hidden_;
  const int base = in.first_row(in.block_begin(block));
  const int rows = in.rows_of(block);

  output_gradient(weights, pass, base, rows, d, back, grad, scratch);
  // Of what ih_ computes: columns 0..3h of the gates are (r, z, n).
  const float* d_ih = recurrent_ ? back.d_gates : back.d_h;
  const int ld = recurrent_ ? gates_ld(h) : h;
  if (recurrent_) {
    unroll_backward(weights, in, pass, block, back, grad);
  } else {
    k.relu_backward(back.d_h, pass.h + at(base, h), sz(rows) * sz(h));
    k.column_sum(rows, h, d_ih, ld, grad + ih_.bias);
  }

  const float* hidden1 = pass.hidden1 + at(base, h);
  input_gradient(rows, h, ih_.out, d_ih, ld, weights.weight_ih.data(), back.d_hidden1, h, hidden1,
                 in.ahead);
  weight_gradient_only(ih_, rows, hidden1, h, d_ih, ld, grad, in.ahead);
  Linear obs_part = fc1_;
  obs_part.in = obs_dim_;
  weight_gradient(obs_part, rows, obs, obs_dim_, back.d_hidden1, h, grad, in.ahead);
  int* action_rows = nullptr;
  int* agent_rows = nullptr;
  one_hot_rows(rows, in.last_action + base, scratch, action_rows, agent_rows);
  if (last_action_) k.scatter_add(rows, h, back.d_hidden1, action_rows, grad + fc1_.weight);
  if (agent_id_) k.scatter_add(rows, h, back.d_hidden1, agent_rows, grad + fc1_.weight);
}

void AgentNetwork::unroll_backward(const Transposed& weights, const PackedRows& in,
                                   const AgentPass& pass, int block, Backward& back,
                                   float* grad) const {
  const KernelTable& k = kernels();
  const int h = hidden_;
  const int ld = gates_ld(h);
  const int begin = in.block_begin(block);
  const int end = in.block_begin(block + 1);
  const int base = in.first_row(begin);
  k.add(back.d_h + at(in.first_row(end - 1) - base, h), back.carry, sz(back.carry_rows) * sz(h));

  for (int t = end - 1; t >= begin; --t) {
    const int row = in.first_row(t) - base;
    const int slot_rows = in.slot_rows(t);
    // Gradient of the state before this slot: rows of the slot before, or the next block's carry.
    float* before = back.carry;
    if (t > begin) {
      before = back.d_h + at(in.first_row(t - 1) - base, h);
    } else {
      std::memset(before, 0, sz(slot_rows) * sz(h) * sizeof(float));
      back.carry_rows = slot_rows;
    }
    const float* dg = back.d_gates + at(row, ld);
    k.gru_backward(slot_rows, h, pass.gates + at(base + row, 4 * h), previous_state(pass, in, t),
                   back.d_h + at(row, h), back.d_gates + at(row, ld), ld, before, back.d_bias);
    if (t == 0) break;  // the state before slot 0 is a constant
    // Hidden-side pre-activations are (r, z, m): columns 0..2h and 3h..4h of d_gates.
    accumulate_product(slot_rows, h, 2 * h, dg, ld, weights.weight_hh.data(), h, before, h);
    accumulate_product(slot_rows, h, h, dg + 3 * h, ld, weights.weight_hh.data() + at(2 * h, h), h,
                       before, h);
  }
  hidden_weight_gradient(in, pass, block, back.d_gates, grad);
}

void AgentNetwork::end_backward(const Backward& back, float* grad) const {
  const KernelTable& k = kernels();
  const int h = hidden_;
  for (int i = 0; i < h; ++i)
    for (int a = 0; a < outputs_; ++a)
      grad[fc2_.weight + sz(i * fc2_.ld + a)] += back.d_fc2[at(a, h) + i];
  if (!recurrent_) return;
  k.add(grad + ih_.bias, back.d_bias, sz(3 * h));
  k.add(grad + hh_.bias, back.d_bias, sz(2 * h));
  k.add(grad + hh_.bias + sz(2 * h), back.d_bias + 3 * h, sz(h));
}

// Rows of neighbouring slots and of their previous states are contiguous as long as no episode
// ends: one product for each such stretch. Slot 0 starts from zero and adds nothing.
void AgentNetwork::hidden_weight_gradient(const PackedRows& in, const AgentPass& pass, int block,
                                          const float* d_gates, float* grad) const {
  const int h = hidden_;
  const int ld = gates_ld(h);
  Linear rz = hh_;
  rz.out = 2 * h;
  Linear candidate = hh_;
  candidate.out = h;
  candidate.weight += sz(2 * h);
  const int begin = in.block_begin(block);
  const int end = in.block_begin(block + 1);
  for (int t = std::max(begin, 1); t < end;) {
    const int first = t;
    int rows = 0;
    do {
      rows += in.slot_rows(t);
      ++t;
    } while (t < end && in.slot_rows(t - 1) == in.slot_rows(t - 2));
    const float* x = previous_state(pass, in, first);
    const float* d = d_gates + at(in.first_row(first) - in.first_row(begin), ld);
    weight_gradient_only(rz, rows, x, h, d, ld, grad, in.ahead);
    weight_gradient_only(candidate, rows, x, h, d + 3 * h, ld, grad, in.ahead);
  }
}

void AgentNetwork::act(const float* params, int rows, const float* obs, const int* last_action,
                       float* h, float* q, Scratch& scratch) const {
  float* hidden1 = scratch.floats(sz(rows) * sz(hidden_));
  first_layer(params, rows, obs, last_action, hidden1, scratch);
  if (recurrent_) {
    float* gi = scratch.floats(sz(rows) * sz(3 * hidden_));
    float* gh = scratch.floats(sz(rows) * sz(3 * hidden_));
    float* gates = scratch.floats(sz(rows) * sz(4 * hidden_));
    forward_product(ih_, params, rows, hidden1, hidden_, gi, 3 * hidden_);
    forward_product(hh_, params, rows, h, hidden_, gh, 3 * hidden_);
    kernels().gru_forward(rows, hidden_, gi, gh, h, gates, h);
  } else {
    forward_product(ih_, params, rows, hidden1, hidden_, h, hidden_, hidden_);
  }
  forward_product(fc2_, params, rows, h, hidden_, q, outputs_);
}

}  // namespace credo
