// The network of the agents (DRQN: Hausknecht and Stone 2015; docs/algorithms/iql.md):
//   in(t)  = [ obs(t), onehot(u(t-1)), onehot(agent) ]             u(-1): zeros
//   x      = relu(fc1(in))
//   h(t)   = GRU(x, h(t-1))            h(-1) = 0      or, without recurrence, relu(rnn(x))
//   q(t)   = fc2(h(t))
// with PyTorch's GRU cell: [r, z, n] = weight_ih x + bias_ih, [r', z', n'] = weight_hh h + bias_hh,
//   h' = (1 - z) tanh(n + r n') + z h,  r = sigmoid(r + r'),  z = sigmoid(z + z').
// All agents share the weights; or agent i has those under prefix + "i." and no onehot(agent).
#pragma once

#include <string>
#include <vector>

#include "learners/config.hpp"
#include "learners/reference/parameters.hpp"
#include "learners/replay/plain_episode.hpp"

namespace credo::reference {

/// One slot of an episode; a row per agent.
struct AgentSlot {
  Var q{};       ///< [n_agents, n_actions]
  Var hidden{};  ///< [n_agents, hidden_dim] what fc2 reads
};

/// Slots 0..length. prefix: "agent." or "central_agent.".
std::vector<AgentSlot> unroll(const Weights& weights, const std::string& prefix,
                              const AgentConfig& config, const PlainEpisode& episode);
/// The same network over other inputs, one matrix per slot with a row per agent.
std::vector<AgentSlot> unroll(const Weights& weights, const std::string& prefix,
                              const AgentConfig& config, const std::vector<Matrix>& inputs);

/// in(t), [n_agents, inputs].
Matrix input_of(const AgentConfig& config, const PlainEpisode& episode, int slot);

Matrix obs_of(const PlainEpisode& episode, int slot);    ///< [n_agents, obs_dim]
Matrix state_of(const PlainEpisode& episode, int slot);  ///< [1, state_dim]
std::vector<int> actions_of(const PlainEpisode& episode, int slot);

}  // namespace credo::reference
