// COMA (Foerster et al. 2018; docs/algorithms/coma.md) on one batch of episodes:
//   f_i(a)   = (1 - epsilon) softmax(z_i)(a) + epsilon / A         z_i: output of the agent network
//   pi_i(a)  = f_i(a) / sum_b f_i(b) over available b              0 for unavailable ones
//   Q_i(t,.) = critic([s, o_i, u_-i(t), u(t-1), onehot(i)])
//   A_i(t)   = Q_i(t, u_i) - sum_a pi_i(a) Q_i(t, a)               no gradient
//   L_actor  = -sum_t sum_i A_i(t) log pi_i(u_i(t)) / (N n)
//   y_i      = lambda-returns (returns.hpp) of the target critic's Q'_i(t+1, u_i(t+1))
//   L_critic(t) = sum_i (Q_i(t, u_i) - y_i(t))^2 / (n live(t))     one step per slot, last first
#pragma once

#include <vector>

#include "learners/reference/agent.hpp"
#include "learners/reference/returns.hpp"

namespace credo::reference {

class ComaLoss {
 public:
  /// bootstrap: [episodes, n_agents] the actions in slot L where a time limit cut an episode.
  ComaLoss(const EnvShape& shape, const TrainConfig& config,
           const std::vector<PlainEpisode>& episodes, const std::vector<int>& bootstrap,
           double epsilon, const RewardMoments& moments = {});

  /// [episode][t], a matrix per step.
  using PerStep = std::vector<std::vector<Matrix>>;

  const std::vector<PlainEpisode>& episodes() const { return episodes_; }
  int longest() const { return longest_; }
  std::vector<int> actions(std::size_t episode, int slot) const;

  /// The critic's values of all actions, a row per agent.
  Var critic(const Weights& weights, std::size_t episode, int slot) const;
  PerStep critic_values(const Parameters& parameters) const;  ///< [n_agents, n_actions]
  PerStep targets(const Parameters& target) const;            ///< [1, n_agents]
  /// gradient: added to, in the order of Parameters::flat(); or null. flip_within: as Tape's.
  double critic_loss(const Parameters& parameters, int slot, const PerStep& targets,
                     std::vector<double>* gradient = nullptr, double flip_within = 0.0) const;

  PerStep policies(const Parameters& parameters) const;                 ///< [n_agents, n_actions]
  PerStep advantages(const PerStep& policies, const PerStep& q) const;  ///< [1, n_agents]
  double actor_loss(const Parameters& parameters, const PerStep& advantages,
                    std::vector<double>* gradient = nullptr, double flip_within = 0.0) const;

  /// Smallest distance from a kink so far.
  double margin() const { return margin_; }

 private:
  std::vector<Var> policy(const Weights& weights, std::size_t episode) const;

  EnvShape shape_;
  TrainConfig config_;
  std::vector<PlainEpisode> episodes_;
  std::vector<int> bootstrap_;
  double epsilon_;
  RewardMoments moments_;
  int longest_ = 0;
  double steps_ = 0.0;
  mutable double margin_ = std::numeric_limits<double>::infinity();
};

}  // namespace credo::reference
