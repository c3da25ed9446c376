// IPPO and MAPPO (de Witt et al. 2020, Yu et al. 2022; docs/algorithms/ppo.md) on one batch of
// episodes. With the parameters that played it:
//   V(t)     = sigma v_old(t) + mu              mu, sigma: running moments of the returns
//   delta(t) = r(t) + gamma V(t+1) - V(t)       V after a true end: 0; after a time limit: kept
//   A(t)     = sum_k (gamma lambda)^k delta(t+k)                                    GAE
//   R(t)     = A(t) + V(t),   y = (R - mu') / sigma'                 moments with this batch's R
//   A_hat    = (A - mean) / (deviation + 1e-5)                       over active rows
// A row (slot t < L, agent) is active if its agent has at least two available actions. Then
//   rho      = pi(u) / pi_old(u),  pi: softmax over available actions of the agents' outputs
//   L_actor  = -mean min(rho A_hat, clip(rho, 1 - eps, 1 + eps) A_hat) - c_H mean H(pi)   active
//   L_critic = c_v mean max(h(y - v), h(y - v_clip)),  v_clip = v_old + clip(v - v_old, +-eps_v)
// h is Huber's loss. The critic reads what the agents read; MAPPO's the state before it, zeros in
// its place for agents with one available action (death masking).
#pragma once

#include <vector>

#include "learners/reference/agent.hpp"

namespace credo::reference {

/// Running moments of the returns: m, q and w decay by beta; mu = m / w.
struct ReturnMoments {
  double mean = 0.0, mean_square = 0.0, weight = 0.0;
  double mu() const;
  double sigma() const;  ///< sqrt(max(q / w - mu^2, 0.01)); 1 before the first batch
  void add(double beta, double batch_mean, double batch_mean_square);
};

class PpoLoss {
 public:
  /// old: the parameters that played. The moments take in the batch's returns.
  PpoLoss(const EnvShape& shape, const TrainConfig& config,
          const std::vector<PlainEpisode>& episodes, const Parameters& old, ReturnMoments& moments);

  struct Losses {
    double policy = 0.0, entropy = 0.0, actor = 0.0, critic = 0.0;
  };
  /// Of these episodes of the batch. gradient: added to; or null. flip_within: as Tape's.
  Losses losses(const Parameters& parameters, const std::vector<int>& places,
                std::vector<double>* gradient = nullptr, double flip_within = 0.0) const;
  /// Smallest distance from a kink so far.
  double margin() const { return margin_; }

  /// Of every slot 0..L of every episode, one row per agent; zeros where nothing is defined.
  struct Rows {
    std::vector<double> old_log_probs, old_values, advantages, norm_advantages, targets;
  };
  const Rows& rows() const { return rows_; }

 private:
  struct Policy {
    Var log_prob;  // [1, n_agents] of the actions taken
    Var entropy;   // [1, n_agents]
  };
  Policy policy(const Weights& weights, const PlainEpisode& e, int slot, const Var& logits) const;
  std::vector<AgentSlot> critic(const Weights& weights, const PlainEpisode& e) const;
  Matrix available(const PlainEpisode& e, int slot) const;
  Matrix active(const PlainEpisode& e, int slot) const;  ///< [1, n_agents] 0 or 1
  Matrix at_row(const std::vector<double>& rows, std::size_t episode, int slot) const;
  std::vector<double>::iterator row(std::vector<double>& rows, std::size_t episode, int slot) const;
  void estimate_advantages(std::size_t episode, double mu, double sigma,
                           std::vector<double>& returns);

  EnvShape shape_;
  TrainConfig config_;
  std::vector<PlainEpisode> episodes_;
  std::vector<std::size_t> first_slot_;
  Rows rows_;
  mutable double margin_ = std::numeric_limits<double>::infinity();
};

}  // namespace credo::reference
