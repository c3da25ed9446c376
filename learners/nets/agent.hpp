// The agent network all agents share (DRQN; algorithms.md section 1): fc1, ReLU, GRU cell, fc2.
// Input of agent a at step t: obs, one-hot of its action at t-1 (none at t = 0), one-hot of a.
//
// Training runs on packed sequences: episodes sorted by length, longest first, so that at slot t
// the live episodes are the first live[t]; their rows follow those of slot t-1. No padded row
// exists.
#pragma once

#include <span>
#include <vector>

#include "learners/config.hpp"
#include "learners/nets/parameters.hpp"
#include "learners/scratch.hpp"

namespace credo {

/// Sizes of the environment a network is built for.
struct EnvShape {
  int n_agents = 0;
  int n_actions = 0;
  int obs_dim = 0;
  int state_dim = 0;
};

/// Rows of a packed batch: slot t holds live[t] * n_agents rows starting at first_row(t), ordered
/// by (episode, agent).
struct PackedRows {
  int n_agents = 0;
  int rows = 0;
  std::span<const int> live;         ///< [slots], non-increasing
  std::span<const int> slot_row;     ///< [slots], first row of each slot
  const float* obs = nullptr;        ///< [rows, obs_dim]
  const int* last_action = nullptr;  ///< [rows], -1 where there is none
};

/// What a forward pass leaves behind; storage belongs to the Scratch it was given.
struct AgentPass {
  float* hidden1 = nullptr;  ///< [rows, h] after fc1 and ReLU
  float* gates = nullptr;    ///< [rows, 4h]; null when not kept
  float* h_prev = nullptr;   ///< [rows, h] GRU input state
  float* h = nullptr;        ///< [rows, h] GRU output state
  float* q = nullptr;        ///< [rows, n_actions]
};

class AgentNetwork {
 public:
  /// Adds prefix + "fc1.weight", "rnn.weight_ih", ... to the layout.
  AgentNetwork(ParamLayout& layout, const std::string& prefix, const EnvShape& shape,
               const AgentConfig& config);

  int hidden_dim() const { return hidden_; }
  int n_actions() const { return n_actions_; }

  /// Q-values of all rows, hidden state zero before slot 0. `keep` stores what backward needs.
  AgentPass forward(const float* params, const PackedRows& in, bool keep, Scratch& scratch) const;

  /// Weights in the layout the input-gradient products need; made once per update.
  struct Transposed {
    std::vector<float> weight_ih, weight_hh, fc2;
  };
  void transpose(const float* params, Transposed& out) const;

  /// Adds to `grad`. d_q: gradient of the chosen action's value for each row (0: none), whose
  /// action is action[row].
  void backward(const Transposed& weights, const PackedRows& in, const AgentPass& pass,
                const int* action, const float* d_q, float* grad, Scratch& scratch) const;

  /// One acting step for `rows` agents: obs [rows, obs_dim], agent ids row % n_agents; h
  /// [rows, hidden] is read and replaced; q [rows, n_actions] is written.
  void act(const float* params, int rows, const float* obs, const int* last_action, float* h,
           float* q, Scratch& scratch) const;

 private:
  void first_layer(const float* params, int rows, const float* obs, const int* last_action,
                   float* out) const;
  int action_row(int action) const { return obs_dim_ + action; }
  int agent_row(int agent) const { return obs_dim_ + (last_action_ ? n_actions_ : 0) + agent; }

  int n_agents_;
  int n_actions_;
  int obs_dim_;
  int hidden_;
  bool last_action_;
  bool agent_id_;
  Linear fc1_;
  Linear ih_;
  Linear hh_;
  Linear fc2_;
};

}  // namespace credo
