// What every mixer computes at one step, written as its formula. One file per mixer; the fast ones
// are in learners/mixers.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "learners/config.hpp"
#include "learners/reference/parameters.hpp"

namespace credo::reference {

/// One step of an episode. Values of agents stand in rows, [1, n_agents].
struct Step {
  Var q{};                     ///< of the actions taken
  Var q_greedy{};              ///< of the greedy actions
  std::vector<int> actions{};  ///< taken
  std::vector<int> greedy{};
  Var hidden{};  ///< [n_agents, hidden_dim] of the agent network
  Var state{};   ///< [1, state_dim]
  Var units{};  ///< a row per agent: its block of the state, or its observation (EnvSpec::unit_dim)
  std::vector<int> orders{};  ///< [orders, n_agents] permutations of the agents, SHAQ
  int n_actions = 0;
};

struct Mixed {
  Var q_tot{};      ///< [1, 1], or one value per agent where they learn independently
  Var credits{};    ///< [1, n_agents] dQ_tot/dq_i; empty where there are none
  Var published{};  ///< the same with the published derivative of ELU (docs/algorithms/qmix_gre.md)
  Var regularised{};  ///< the credits that the entropy term reads
  Var penalty{};      ///< a term of the loss; empty elsewhere
  Var opt_error{};    ///< QTRAN's two errors; empty elsewhere
  Var nopt_error{};
  /// Further quantities of the step, by name.
  std::vector<std::pair<std::string, Matrix>> shown{};
};

/// The mixer of a configuration. Parameters: "mixer.*".
Mixed mix(const Weights& weights, const TrainConfig& config, const Step& step);

/// Of the target networks, at the slot after a step.
Mixed mix_target(const Weights& weights, const TrainConfig& config, const Step& step);

Mixed mix_iql(const Weights& weights, const TrainConfig& config, const Step& step);
Mixed mix_vdn(const Weights& weights, const TrainConfig& config, const Step& step);
Mixed mix_qmix(const Weights& weights, const TrainConfig& config, const Step& step);
Mixed mix_qmix_simple(const Weights& weights, const TrainConfig& config, const Step& step);
Mixed mix_qtran(const Weights& weights, const TrainConfig& config, const Step& step);
Mixed mix_qatten(const Weights& weights, const TrainConfig& config, const Step& step);
Mixed mix_shaq(const Weights& weights, const TrainConfig& config, const Step& step);
/// Of the target networks.
Mixed mix_shaq_target(const Weights& weights, const TrainConfig& config, const Step& step);
Mixed mix_qplex(const Weights& weights, const TrainConfig& config, const Step& step);

/// Weighted QMIX's unrestricted value of the second agents' values q (wqmix.cpp).
Var central_value(const Weights& weights, const Var& state, const Var& q);

/// H of credits (gradient_entropy.cpp), 1 x 1.
Var normalised_entropy(const Var& credits);

}  // namespace credo::reference
