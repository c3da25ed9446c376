#include "learners/nets/agent.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fmt/format.h>

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
      agent_id_(config.obs_agent_id && config.shared),
      layers_(config.shared ? 1 : sz(n_agents_)) {
  const int in = obs_dim_ + (last_action_ ? n_actions_ : 0) + (agent_id_ ? n_agents_ : 0);
  for (int set = 0; set < sets(); ++set) {
    const std::string name = config.shared ? prefix : fmt::format("{}{}.", prefix, set);
    Layers& l = layers_[sz(set)];
    l.fc1 = layout.add_linear(name + "fc1", in, hidden_);
    l.fc1.in = obs_dim_;
    if (recurrent_) {
      const float bound = static_cast<float>(1.0 / std::sqrt(static_cast<double>(hidden_)));
      const std::string rnn = name + "rnn.";
      l.ih = layout.add_linear(rnn + "weight_ih", rnn + "bias_ih", hidden_, 3 * hidden_, bound);
      l.hh = layout.add_linear(rnn + "weight_hh", rnn + "bias_hh", hidden_, 3 * hidden_, bound);
    } else {
      l.ih = layout.add_linear(name + "rnn", hidden_, hidden_);
    }
    const std::string fc2 = name + "fc2";
    l.fc2 = head.gain == 0.0 ? layout.add_linear(fc2, hidden_, outputs_)
                             : layout.add_unbiased(fc2, hidden_, outputs_, head.gain);
  }
}

void AgentNetwork::product(Linear Layers::*layer, const float* params, int rows, const float* x,
                           int ldx, float* y, int ldy, int relu, Ahead* ahead) const {
  const int n = sets();
  for (int set = 0; set < n; ++set)
    forward_product(layers_[sz(set)].*layer, params, rows / n, x + at(set, ldx), n * ldx,
                    y + at(set, ldy), n * ldy, relu, ahead);
}

void AgentNetwork::product_backward(Linear Layers::*layer, const FloatArray& transposed, int rows,
                                    const float* dy, int ldy, float* dx, const float* x,
                                    Ahead* ahead) const {
  const int n = sets();
  const int h = hidden_;
  for (int set = 0; set < n; ++set) {
    const int out = (layers_[sz(set)].*layer).out;
    input_gradient(rows / n, h, out, dy + at(set, ldy), n * ldy,
                   transposed.data() + sz(set) * sz(h * out), dx + at(set, h), n * h,
                   x == nullptr ? nullptr : x + at(set, h), ahead);
  }
}

void AgentNetwork::add_gradient(Linear Layers::*layer, int rows, const float* x, int ldx,
                                const float* dy, int ldy, bool bias, float* grad,
                                Ahead* ahead) const {
  const int n = sets();
  for (int set = 0; set < n; ++set) {
    const Linear& l = layers_[sz(set)].*layer;
    const float* of_set = dy + at(set, ldy);
    weight_gradient_only(l, rows / n, x + at(set, ldx), n * ldx, of_set, n * ldy, grad, ahead);
    if (bias) kernels().column_sum(rows / n, l.out, of_set, n * ldy, grad + l.bias);
  }
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
  product(&Layers::fc1, params, rows, obs, obs_dim_, out, hidden_);
  int* action_rows = nullptr;
  int* agent_rows = nullptr;
  one_hot_rows(rows, last_action, scratch, action_rows, agent_rows);
  for_runs(rows, [&](int set, int row, int count) {
    kernels().embed_relu(count, hidden_, params + layers_[sz(set)].fc1.weight,
                         action_rows == nullptr ? nullptr : action_rows + row,
                         agent_rows == nullptr ? nullptr : agent_rows + row,
                         out + at(row, hidden_));
  });
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
    product(&Layers::ih, params, rows, hidden1, h, states, h, h, in.ahead);
  product(&Layers::fc2, params, rows, states, h, pass.q + at(base, outputs_), outputs_);
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
  product(&Layers::ih, params, in.rows_of(block), hidden1, h, pass.gi, 3 * h, 0, in.ahead);
  const float* h_prev =
      pass.keep ? previous_state(pass, in, begin) : pass.h - at(in.slot_rows(0), h);
  for (int t = begin; t < in.block_begin(block + 1); ++t) {
    const int row = in.first_row(t) - base;
    const int slot_rows = in.slot_rows(t);
    float* gates = pass.keep ? pass.gates + at(base + row, 4 * h) : pass.gates;
    if (t > 0) {
      product(&Layers::hh, params, slot_rows, h_prev, h, pass.gh, 3 * h, 0, in.ahead);
    } else {  // of a zero state nothing but the bias is left
      for (int i = 0; i < slot_rows; ++i)
        std::memcpy(pass.gh + at(i, 3 * h), params + layers_[sz(i % sets())].hh.bias,
                    sz(3 * h) * sizeof(float));
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
  const auto transpose = [&](Linear Layers::*layer, FloatArray& to) {
    const Linear& first = layers_.front().*layer;
    const std::size_t size = sz(first.in) * sz(first.out);
    to.resize(layers_.size() * size);
    for (std::size_t set = 0; set < layers_.size(); ++set)
      transpose_weight(layers_[set].*layer, params, to.data() + set * size);
  };
  transpose(&Layers::ih, out.weight_ih);
  transpose(&Layers::hh, out.weight_hh);
  transpose(&Layers::fc2, out.fc2);
}

AgentNetwork::Backward AgentNetwork::begin_backward(const PackedRows& in, Scratch& scratch) const {
  const std::size_t h = sz(hidden_);
  Backward back;
  back.d_h = scratch.floats(sz(in.block_rows) * h);
  back.d_hidden1 = scratch.floats(sz(in.block_rows) * h);
  back.d_fc2 = scratch.zeros(layers_.size() * sz(outputs_) * h);
  if (!recurrent_) return back;
  back.d_gates = scratch.floats(sz(in.block_rows) * sz(gates_ld(hidden_)));
  back.carry = scratch.floats(sz(in.slot_rows(0)) * h);
  back.d_bias = scratch.zeros(layers_.size() * 4 * h);
  return back;
}

// fc2 sees one or two output gradients per row, or all.
void AgentNetwork::output_gradient(const Transposed& weights, const AgentPass& pass, int base,
                                   int rows, const AgentGradient& d, Backward& back, float* grad,
                                   Scratch& scratch) const {
  const KernelTable& k = kernels();
  const int h = hidden_;
  const auto chosen = [&](const int* action, const float* d_q, float* d_h) {
    for_runs(rows, [&](int set, int first, int count) {
      const int row = base + first;
      const std::ptrdiff_t fc2 = at(set * outputs_, h);
      k.chosen_backward(count, h, d_q + row, action + row, weights.fc2.data() + fc2,
                        pass.h + at(row, h), d_h + at(first, h), back.d_fc2 + fc2);
      for (int r = row; r < row + count; ++r)
        grad[layers_[sz(set)].fc2.bias + sz(action[r])] += d_q[r];
    });
  };
  if (d.d_all != nullptr) {
    const float* d_all = d.d_all + at(base, outputs_);
    product_backward(&Layers::fc2, weights.fc2, rows, d_all, outputs_, back.d_h, nullptr);
    add_gradient(&Layers::fc2, rows, pass.h + at(base, h), h, d_all, outputs_, true, grad);
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
  // Of what ih computes: columns 0..3h of the gates are (r, z, n).
  const float* d_ih = recurrent_ ? back.d_gates : back.d_h;
  const int ld = recurrent_ ? gates_ld(h) : h;
  if (recurrent_) {
    unroll_backward(weights, in, pass, block, back, grad);
  } else {
    k.relu_backward(back.d_h, pass.h + at(base, h), sz(rows) * sz(h));
  }

  const float* hidden1 = pass.hidden1 + at(base, h);
  product_backward(&Layers::ih, weights.weight_ih, rows, d_ih, ld, back.d_hidden1, hidden1,
                   in.ahead);
  // The GRU's biases have sums of their own.
  add_gradient(&Layers::ih, rows, hidden1, h, d_ih, ld, !recurrent_, grad, in.ahead);
  add_gradient(&Layers::fc1, rows, obs, obs_dim_, back.d_hidden1, h, true, grad, in.ahead);
  int* action_rows = nullptr;
  int* agent_rows = nullptr;
  one_hot_rows(rows, in.last_action + base, scratch, action_rows, agent_rows);
  const auto scatter = [&](const int* index) {
    for_runs(rows, [&](int set, int row, int count) {
      k.scatter_add(count, h, back.d_hidden1 + at(row, h), index + row,
                    grad + layers_[sz(set)].fc1.weight);
    });
  };
  if (last_action_) scatter(action_rows);
  if (agent_id_) scatter(agent_rows);
}

void AgentNetwork::unroll_backward(const Transposed& weights, const PackedRows& in,
                                   const AgentPass& pass, int block, Backward& back,
                                   float* grad) const {
  const KernelTable& k = kernels();
  const int h = hidden_;
  const int ld = gates_ld(h);
  const int n = sets();
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
    const float* h_prev = previous_state(pass, in, t);
    for_runs(slot_rows, [&](int set, int first, int count) {
      const int r = row + first;
      k.gru_backward(count, h, pass.gates + at(base + r, 4 * h), h_prev + at(first, h),
                     back.d_h + at(r, h), back.d_gates + at(r, ld), ld, before + at(first, h),
                     back.d_bias + at(set, 4 * h));
    });
    if (t == 0) break;  // the state before slot 0 is a constant
    // Hidden-side pre-activations are (r, z, m): columns 0..2h and 3h..4h of d_gates.
    for (int set = 0; set < n; ++set) {
      const float* dg = back.d_gates + at(row + set, ld);
      const float* weight = weights.weight_hh.data() + at(set * 3 * h, h);
      float* to = before + at(set, h);
      accumulate_product(slot_rows / n, h, 2 * h, dg, n * ld, weight, h, to, n * h);
      accumulate_product(slot_rows / n, h, h, dg + 3 * h, n * ld, weight + at(2 * h, h), h, to,
                         n * h);
    }
  }
  hidden_weight_gradient(in, pass, block, back.d_gates, grad);
}

void AgentNetwork::end_backward(const Backward& back, float* grad) const {
  const KernelTable& k = kernels();
  const int h = hidden_;
  for (int set = 0; set < sets(); ++set) {
    const Layers& l = layers_[sz(set)];
    const float* d_fc2 = back.d_fc2 + at(set * outputs_, h);
    for (int i = 0; i < h; ++i)
      for (int a = 0; a < outputs_; ++a)
        grad[l.fc2.weight + sz(i * l.fc2.ld + a)] += d_fc2[at(a, h) + i];
    if (!recurrent_) continue;
    const float* d_bias = back.d_bias + at(set, 4 * h);
    k.add(grad + l.ih.bias, d_bias, sz(3 * h));
    k.add(grad + l.hh.bias, d_bias, sz(2 * h));
    k.add(grad + l.hh.bias + sz(2 * h), d_bias + 3 * h, sz(h));
  }
}

// Rows of neighbouring slots and of their previous states are contiguous as long as no episode
// ends: one product for each such stretch. Slot 0 starts from zero and adds nothing.
void AgentNetwork::hidden_weight_gradient(const PackedRows& in, const AgentPass& pass, int block,
                                          const float* d_gates, float* grad) const {
  const int h = hidden_;
  const int ld = gates_ld(h);
  const int n = sets();
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
    for (int set = 0; set < n; ++set) {
      Linear rz = layers_[sz(set)].hh;
      rz.out = 2 * h;
      Linear candidate = layers_[sz(set)].hh;
      candidate.out = h;
      candidate.weight += sz(2 * h);
      const float* states = x + at(set, h);
      const float* of_set = d + at(set, ld);
      weight_gradient_only(rz, rows / n, states, n * h, of_set, n * ld, grad, in.ahead);
      weight_gradient_only(candidate, rows / n, states, n * h, of_set + 3 * h, n * ld, grad,
                           in.ahead);
    }
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
    product(&Layers::ih, params, rows, hidden1, hidden_, gi, 3 * hidden_);
    product(&Layers::hh, params, rows, h, hidden_, gh, 3 * hidden_);
    kernels().gru_forward(rows, hidden_, gi, gh, h, gates, h);
  } else {
    product(&Layers::ih, params, rows, hidden1, hidden_, h, hidden_, hidden_);
  }
  product(&Layers::fc2, params, rows, h, hidden_, q, outputs_);
}

}  // namespace credo
