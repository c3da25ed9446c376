// A second learner, written for clarity in double precision with Eigen and independent of the
// kernels: agents, mixers, targets and loss for one set of parameters. Gradient tests differentiate
// its loss numerically and compare.
#pragma once

#include <Eigen/Dense>
#include <vector>

#include "learners/algorithms/q_learner.hpp"
#include "tests/learners/episodes.hpp"

namespace learner_tests {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXd;

/// Parameters in double, one flat array in the layout's order of entries, PyTorch element order.
class DoubleParams {
 public:
  DoubleParams(const credo::ParamLayout& layout, std::span<const float> params);

  std::vector<double>& flat() { return flat_; }
  const std::vector<double>& flat() const { return flat_; }
  Matrix matrix(const std::string& name) const;
  Vector vector(const std::string& name) const;
  bool has(const std::string& name) const;

 private:
  const credo::ParamLayout::Entry& entry(const std::string& name, std::size_t& at) const;

  const credo::ParamLayout* layout_;
  std::vector<double> flat_;
};

/// A mixer's outputs at one step.
struct Mixed {
  Vector q_tot;    // [outputs]
  Vector credits;  // [n_agents]; empty when the mixer has none
};

/// lambda-returns by their definition, a weighted sum of n-step returns.
/// next_values[t]: value of slot t + 1; a terminated episode does not bootstrap.
std::vector<double> lambda_returns(const std::vector<double>& rewards,
                                   const std::vector<double>& next_values, bool terminated,
                                   double gamma, double lambda);

/// Mean and deviation of standardised rewards once these batches have been learnt from, in closed
/// form: the prior counts as 1e-4 steps of mean 0 and variance 1, a batch's own spread as its
/// unbiased variance.
struct RewardMoments {
  double mean = 0.0;
  double deviation = 1.0;
};
RewardMoments reward_moments(const std::vector<std::vector<double>>& batches);
/// The rewards of all steps of a batch, and those of one episode as the targets see them.
std::vector<double> all_rewards(const std::vector<PlainEpisode>& episodes);
std::vector<double> scaled_rewards(const PlainEpisode& episode, const RewardMoments& moments);

/// One agent's recurrent state and values, step by step; without recurrence the state is the second
/// layer's output. Prefix: "agent." or "central_agent.".
class AgentStep {
 public:
  AgentStep(const DoubleParams& params, const std::string& prefix);
  Eigen::Index hidden_dim() const { return w2_.cols(); }
  /// Replaces h and returns the values. kink: told about every ReLU's input.
  template <class Kink>
  Vector operator()(const Vector& input, Vector& h, const Kink& kink) const {
    const Vector before = w1_ * input + b1_;
    kink(before);
    h = recurrent_ ? gru(before.cwiseMax(0.0), h) : second(before.cwiseMax(0.0));
    if (!recurrent_) {
      kink(h);
      h = h.cwiseMax(0.0);
    }
    return w2_ * h + b2_;
  }

 private:
  Vector gru(const Vector& x, const Vector& h) const;
  Vector second(const Vector& x) const { return w_ih_ * x + b_ih_; }

  bool recurrent_;
  Matrix w1_, w_ih_, w_hh_, w2_;
  Vector b1_, b_ih_, b_hh_, b2_;
};

/// -sum p ln p / ln n with p = (g + 1e-8) / sum (g + 1e-8).
double normalised_entropy(const Vector& credits);

class Reference {
 public:
  /// Targets, greedy actions and (for the detached entropy term) agent values are those of `params`
  /// and `target`; they stay fixed while the loss is differentiated. Rewards are standardised by
  /// `moments`; by those of the episodes themselves if the configuration asks for it and there are
  /// none.
  Reference(const credo::EnvShape& shape, const credo::TrainConfig& config,
            const DoubleParams& params, const DoubleParams& target,
            const std::vector<PlainEpisode>& episodes, const RewardMoments& moments = {});

  double loss(const DoubleParams& params, double td_weight = 1.0) const;

  /// Smallest distance of anything from a kink: ReLU, ELU and |x| inputs, gaps between the best
  /// available actions.
  double margin() const { return margin_; }

  /// [slots] of [n_agents, n_actions].
  std::vector<Matrix> agent_values(const DoubleParams& params, const PlainEpisode& episode) const;
  Mixed mix(const DoubleParams& params, const Vector& q, const Vector& state,
            credo::EluDerivative derivative) const;

 private:
  std::vector<Vector> taken_values(const DoubleParams& params, const PlainEpisode& e) const;
  Vector state(const PlainEpisode& e, int slot) const;
  /// hyper(s) with one or two layers.
  Vector hyper(const DoubleParams& params, const std::string& name, const Vector& s) const;
  int greedy(const PlainEpisode& e, int slot, int agent, const Matrix& values);
  /// Records distances from zero while margins are being measured.
  void near_kink(const Vector& x) const;

  credo::EnvShape shape_;
  credo::TrainConfig config_;
  const std::vector<PlainEpisode>* episodes_;
  std::vector<std::vector<Vector>> targets_;  // [episode][t][outputs]
  std::vector<std::vector<Vector>> base_q_;   // [episode][t][n_agents]
  int steps_ = 0;
  mutable bool measuring_ = false;
  mutable double margin_ = 1e9;
};

}  // namespace learner_tests
