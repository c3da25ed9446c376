// The network of the agents (DRQN; docs/algorithms/iql.md): fc1, ReLU, GRU cell, fc2. Or, without
// recurrence: fc1, ReLU, a linear layer, ReLU, fc2 (EPyMARL's rnn_agent.py, use_rnn False, which
// keeps the name "rnn" for the layer).
// Input of agent a at step t: obs, one-hot of its action at t-1 (none at t = 0), one-hot of a.
// All agents share the weights, or every agent has its own (and no one-hot of a). The rows of one
// agent lie n_agents apart, so that its products step over those of the others.
//
// Training runs on packed sequences: episodes sorted by length, longest first, so that at slot t
// the live episodes are the first live[t]; their rows follow those of slot t-1. No padded row
// exists.
#pragma once

#include <span>
#include <vector>

#include "learners/base/env_shape.hpp"
#include "learners/base/packed_rows.hpp"
#include "learners/base/scratch.hpp"
#include "learners/config.hpp"
#include "learners/kernels/kernels.hpp"
#include "learners/nets/parameters.hpp"

namespace credo {

/// The last layer.
struct AgentHead {
  int outputs = 0;    ///< n_actions, or 1 where the network is a critic
  double gain = 0.0;  ///< initial weights within gain / sqrt(width), biases 0; 0: PyTorch's default
};

/// Results of a forward pass; storage belongs to the Scratch it was given.
struct AgentPass {
  bool keep = false;         ///< the arrays below hold all rows, as backward needs them
  float* hidden1 = nullptr;  ///< after fc1 and ReLU [h]
  /// What fc2 reads [h]: GRU output states, the state before the first row precedes them; or the
  /// second layer after ReLU.
  float* h = nullptr;
  // Of the GRU:
  float* gates = nullptr;  ///< [4h]
  float* gi = nullptr;     ///< one block: input side of the gates [3h]
  float* gh = nullptr;     ///< one slot: hidden side of the gates [3h]
  float* q = nullptr;      ///< [rows, outputs], always of all rows
};

/// Gradient of a pass's outputs, all rows: of the chosen action's value and, where the loss uses
/// the greedy action as well, of a second one; or of all values.
struct AgentGradient {
  const int* action = nullptr;  ///< [rows]
  const float* d_q = nullptr;   ///< [rows] gradient of the value of `action`
  const int* second_action = nullptr;
  const float* d_second = nullptr;  ///< null: no second action
  const float* d_all = nullptr;     ///< [rows, outputs], in place of the above; null: none
  const float* d_h = nullptr;       ///< [rows, h] of AgentPass::h, beyond fc2; null: none
};

/// The agent network works through a batch in blocks of slots (PackedRows::blocks): what one layer
/// writes is still in cache when the next one reads it, and observations are needed for one block
/// at a time only.
class AgentNetwork {
 public:
  /// Adds prefix + "fc1.weight", "rnn.weight_ih" (or "rnn.weight"), ... to the layout; with weights
  /// of their own prefix + "0.fc1.weight", ..., "1.fc1.weight", ...
  AgentNetwork(ParamLayout& layout, const std::string& prefix, const EnvShape& shape,
               const AgentConfig& config, const AgentHead& head);

  int hidden_dim() const { return hidden_; }
  int outputs() const { return outputs_; }

  /// Storage for a pass over `in`; GRU state zero before slot 0.
  AgentPass begin(const PackedRows& in, bool keep, Scratch& scratch) const;
  /// Blocks in ascending order. obs: [rows of the block, obs_dim].
  void forward_block(const float* params, const PackedRows& in, AgentPass& pass, int block,
                     const float* obs, Scratch& scratch) const;

  /// Weights in the layout the input-gradient products need, one set after the other; made once per
  /// update.
  struct Transposed {
    FloatArray weight_ih, weight_hh, fc2;
  };
  void transpose(const float* params, Transposed& out) const;

  /// Gradients between blocks.
  struct Backward {
    float* d_h = nullptr;  ///< [block_rows, h]
    float* d_hidden1 = nullptr;
    // Of the GRU:
    float* d_gates = nullptr;  ///< [block_rows, 4h]
    float* carry = nullptr;    ///< gradient of the state that enters the later block's first slot
    int carry_rows = 0;
    float* d_bias = nullptr;  ///< [sets, 4h]: r, z, n, m
    float* d_fc2 = nullptr;   ///< [sets, outputs, h]
  };
  Backward begin_backward(const PackedRows& in, Scratch& scratch) const;
  /// Blocks in descending order. Adds to grad.
  void backward_block(const Transposed& weights, const PackedRows& in, const AgentPass& pass,
                      int block, const float* obs, const AgentGradient& d, Backward& back,
                      float* grad, Scratch& scratch) const;
  /// After block 0: adds what was summed over all blocks.
  void end_backward(const Backward& back, float* grad) const;

  /// One acting step for `rows` agents: obs [rows, obs_dim], agent ids row % n_agents; h
  /// [rows, hidden] is read (by a GRU) and replaced; q [rows, outputs] is written.
  void act(const float* params, int rows, const float* obs, const int* last_action, float* h,
           float* q, Scratch& scratch) const;

 private:
  /// One set of weights.
  struct Layers {
    Linear fc1;  ///< `in` counts the observation alone; rows for one-hot inputs follow
    Linear ih;   ///< input side of the GRU, or the second layer
    Linear hh;   ///< the GRU's hidden side; empty without recurrence
    Linear fc2;
  };

  int sets() const { return static_cast<int>(layers_.size()); }
  /// y = b + x W of `layer`, each row with its agent's weights.
  void product(Linear Layers::*layer, const float* params, int rows, const float* x, int ldx,
               float* y, int ldy, int relu = 0, Ahead* ahead = nullptr) const;
  /// dx = dy * transposed weights of `layer`, likewise (input_gradient).
  void product_backward(Linear Layers::*layer, const FloatArray& transposed, int rows,
                        const float* dy, int ldy, float* dx, const float* x,
                        Ahead* ahead = nullptr) const;
  /// The gradient of `layer`'s weights; its bias too with `bias`.
  void add_gradient(Linear Layers::*layer, int rows, const float* x, int ldx, const float* dy,
                    int ldy, bool bias, float* grad, Ahead* ahead = nullptr) const;
  /// Runs of rows with the same weights: body(set, first row, rows).
  template <class Body>
  void for_runs(int rows, const Body& body) const {
    if (sets() == 1) return body(0, 0, rows);
    for (int row = 0; row < rows; ++row) body(row % n_agents_, row, 1);
  }

  void first_layer(const float* params, int rows, const float* obs, const int* last_action,
                   float* out, Scratch& scratch) const;
  /// Rows of fc1's matrix that the one-hot inputs of each row select; null where there are none.
  void one_hot_rows(int rows, const int* last_action, Scratch& scratch, int*& action_rows,
                    int*& agent_rows) const;
  /// The GRU over a block of slots: states (all of the pass, or one block) from hidden1.
  void unroll(const float* params, const PackedRows& in, AgentPass& pass, int block,
              const float* hidden1, float* states) const;
  /// Backward pass of that: gate gradients of the block from back.d_h.
  void unroll_backward(const Transposed& weights, const PackedRows& in, const AgentPass& pass,
                       int block, Backward& back, float* grad) const;
  /// Gradient of what fc2 reads from that of the block's outputs: back.d_h of the block.
  void output_gradient(const Transposed& weights, const AgentPass& pass, int base, int rows,
                       const AgentGradient& d, Backward& back, float* grad, Scratch& scratch) const;
  /// GRU input state of slot t's rows, in a pass that keeps all rows.
  const float* previous_state(const AgentPass& pass, const PackedRows& in, int t) const;
  void hidden_weight_gradient(const PackedRows& in, const AgentPass& pass, int block,
                              const float* d_gates, float* grad) const;

  int n_agents_;
  int n_actions_;  // of the one-hot last action
  int outputs_;
  int obs_dim_;
  int hidden_;
  bool recurrent_;
  bool last_action_;
  bool agent_id_;
  std::vector<Layers> layers_;  // one set that all agents share, or one per agent
};

}  // namespace credo
