// The loss of every value-based algorithm on one batch of episodes:
//   y_t = r_t + gamma (1 - terminated_t) Q'_tot(s_{t+1}, u*)       or lambda-returns (returns.hpp)
//   u*  = argmax of the online agents' values
//   L   = scale sum_t (Q_tot - y_t)^2 / N + lambda sum_t H_t / N   N: steps of the batch
// with double Q-learning (van Hasselt, Guez and Silver 2016). Q' are the target networks. QTRAN adds
// its two errors; weighted QMIX weighs the errors, takes y from its unrestricted value and adds that
// value's own errors:
//   optimistic (ow): weight 1 where Q_tot < y                                           else w
//   central (cw):    weight 1 where u is greedy or y > Q*'(s, greedy actions)           else w
#pragma once

#include <map>
#include <string>
#include <vector>

#include "learners/reference/agent.hpp"
#include "learners/reference/decisions.hpp"
#include "learners/reference/mixers.hpp"
#include "learners/reference/returns.hpp"

namespace credo::reference {

/// Named arrays, padded to [episodes, slots or slots - 1, ...] with zeros.
using Arrays = std::map<std::string, std::vector<double>>;
using Numbers = std::map<std::string, double>;

/// A batch and what its loss treats as constant: greedy actions, targets, weights of errors and
/// everything inside a stop(). The constructor computes these from its parameters, once.
class QLoss {
 public:
  /// decisions: those of another learner, for values that are equal within rounding; or null.
  /// orders: [episodes, slots - 1, orders, n_agents] drawn permutations of the agents, for SHAQ.
  QLoss(const EnvShape& shape, const TrainConfig& config, const Parameters& online,
        const Parameters& target, const std::vector<PlainEpisode>& episodes,
        const RewardMoments& moments = {}, Decisions* decisions = nullptr,
        const std::vector<int>& orders = {});

  /// td_weight 0 leaves only the entropy term.
  double loss(const Parameters& online, double td_weight = 1.0) const;
  /// In the order of Parameters::flat(). flip_within: as Tape's.
  std::vector<double> gradient(const Parameters& online, double td_weight = 1.0,
                               double flip_within = 0.0) const;

  /// At the constructor's parameters: the loss and its parts, under the learner's names;
  Numbers losses() const;
  /// and agent_qs, target_agent_qs, q_taken, q_tot, target_q_tot, targets, credits_exact, ...
  const Arrays& values() const { return values_; }
  int slots() const { return slots_; }
  /// Smallest distance from a kink, and from a decision that would turn: an argmax or a weight.
  double kink_margin() const { return kink_margin_; }
  double margin() const { return std::min(kink_margin_, decision_margin_); }

  /// Constants of one step.
  struct Fixed {
    std::vector<int> taken, greedy;
    Matrix next;     ///< [1, outputs] the target networks' value of the next slot
    Matrix targets;  ///< [1, outputs]
    double weight = 1.0;
    double central_greedy = 0.0;  ///< cw: value of the greedy actions
    bool all_greedy = false;
  };
  const Fixed& fixed(std::size_t episode, int t) const { return fixed_[episode][sz(t)]; }

 private:
  struct Sums;
  Sums evaluate(const Parameters& online, double td_weight, double flip_within,
                std::vector<double>* gradient, Arrays* values) const;
  void fix(std::size_t episode, const Parameters& online, const Parameters& target,
           const RewardMoments& moments, Decisions* decisions);
  Step step(const Weights& weights, const PlainEpisode& e, int slot, const AgentSlot& agents,
            const std::vector<int>& actions, const std::vector<int>& greedy,
            std::size_t episode) const;
  std::vector<int> greedy(const PlainEpisode& e, int slot, const Matrix& q);
  bool weighted() const { return config_.mixer.wqmix.weighting != Weighting::kNone; }
  void show(const std::string& name, std::size_t episode, int t, const Matrix& value, int slots,
            Arrays& to) const;

  EnvShape shape_;
  TrainConfig config_;
  std::vector<PlainEpisode> episodes_;
  std::vector<std::vector<Fixed>> fixed_;
  mutable std::vector<Held> held_;  // one per episode
  Arrays values_;
  Numbers losses_;
  std::vector<int> orders_;  // [episodes, slots - 1, orders, n_agents]
  int slots_ = 0;
  double steps_ = 0.0;
  mutable double kink_margin_ = std::numeric_limits<double>::infinity();
  double decision_margin_ = std::numeric_limits<double>::infinity();
};

}  // namespace credo::reference
