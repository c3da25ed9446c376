// A second learner in double precision for QTRAN, QPLEX and weighted QMIX, independent of the
// kernels and of the learner's formulas where they can be written another way.
#pragma once

#include <vector>

#include "tests/learners/reference.hpp"

namespace learner_tests {

/// One step as the losses see it.
struct RivalStep {
  double q_tot = 0.0;
  double central_q_tot = 0.0;                // weighted QMIX
  double state_v = 0.0, best = 0.0;          // QTRAN: V(s), joint value of the greedy actions
  double opt_error = 0.0, nopt_error = 0.0;  // QTRAN
  Vector credits;                            // where they exist
};

class RivalReference {
 public:
  /// What the losses treat as constant is computed from `params` and `target` here, once.
  RivalReference(const credo::EnvShape& shape, const credo::TrainConfig& config,
                 const DoubleParams& params, const DoubleParams& target,
                 const std::vector<PlainEpisode>& episodes);

  double loss(const DoubleParams& params) const;
  /// Smallest distance of anything from a kink, a tie or a decision.
  double margin() const { return margin_; }

  /// Of the parameters this was made with.
  const RivalStep& step(std::size_t episode, int t) const { return base_[episode][sz(t)].step; }
  double next_value(std::size_t episode, int t) const { return base_[episode][sz(t)].next; }
  double target(std::size_t episode, int t) const { return base_[episode][sz(t)].target; }
  double weight(std::size_t episode, int t) const { return base_[episode][sz(t)].weight; }
  /// Joint value of the target central networks at the greedy actions.
  double central_greedy(std::size_t episode, int t) const {
    return base_[episode][sz(t)].central_greedy;
  }
  bool all_greedy(std::size_t episode, int t) const { return base_[episode][sz(t)].all_greedy; }

 private:
  struct Slot {
    Matrix q;       // [n_agents, n_actions]
    Matrix hidden;  // [n_agents, hidden_dim]
  };
  struct Base {
    RivalStep step;
    std::vector<int> greedy;
    Vector advantage;  // QPLEX: stopped w (q - m)
    Vector q_taken;
    double next = 0.0, target = 0.0, weight = 1.0, central_greedy = 0.0;
    bool all_greedy = false;
  };

  std::vector<Slot> agents(const DoubleParams& params, const std::string& prefix,
                           const PlainEpisode& e) const;
  Vector mlp(const DoubleParams& params, const std::string& name, const Vector& x) const;
  Vector state(const PlainEpisode& e, int slot) const;
  Vector select(const Slot& slot, const std::vector<int>& actions) const;
  std::vector<int> best(const PlainEpisode& e, int t, const Slot& slot) const;
  void near_kink(const Vector& x) const;
  void near_kink(double x) const { near_kink(Vector(Vector::Constant(1, x))); }

  /// base: what is held constant; null while that is being computed.
  RivalStep evaluate(const DoubleParams& params, const Vector& s, const Slot& slot,
                     const std::vector<int>& actions, const std::vector<int>& greedy,
                     const Base* base) const;
  double central_value(const DoubleParams& params, const Vector& s, const Vector& q) const;
  double joint_value(const DoubleParams& params, const Vector& s, const Slot& slot,
                     const std::vector<int>& actions) const;
  Vector lambda(const DoubleParams& params, const Vector& s, const std::vector<int>& actions) const;
  double qmix(const DoubleParams& params, const Vector& s, const Vector& q, Vector& credits) const;

  credo::EnvShape shape_;
  credo::TrainConfig config_;
  const std::vector<PlainEpisode>* episodes_;
  std::vector<std::vector<Base>> base_;
  int steps_ = 0;
  mutable bool measuring_ = false;
  mutable double margin_ = 1e9;
};

}  // namespace learner_tests
