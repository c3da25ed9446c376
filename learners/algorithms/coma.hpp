// COMA (Foerster et al. 2018; docs/algorithms/coma.md). Agents sample from policies pi_i; a critic
// sees everything, and each agent's advantage compares its action with the average over its own
// policy, the other agents' actions unchanged:
//   A_i(t)   = Q_i(t, u_i) - sum_a pi_i(a) Q_i(t, a)          Q_i(t, a) = Q(s, (u_-i, a))
//   L_actor  = -sum_t sum_i A_i(t) log pi_i(u_i) / (N n)      A_i without gradient, N = steps
//   L_critic = sum_i (Q_i(t, u_i) - y_i(t))^2 / (n live(t))   one step per slot t, from the last on
//   y_i(t)   = lambda-returns of the target critic's Q'_i(t+1, u_i(t+1))
// Each batch of episodes is used once, with the parameters it was played with.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "envs/core/random.hpp"
#include "learners/algorithms/reward_scale.hpp"
#include "learners/base/metrics.hpp"
#include "learners/config.hpp"
#include "learners/nets/optimizer.hpp"
#include "learners/network.hpp"
#include "learners/replay/packed_views.hpp"

namespace credo {

struct ComaStats {
  double loss = 0.0;       ///< of the actor
  double grad_norm = 0.0;  ///< of the actor, before clipping
  double advantage_mean = 0.0;
  double pi_max = 0.0;            ///< mean of the largest probability
  double critic_loss = 0.0;       ///< mean over critic steps, as the next
  double critic_grad_norm = 0.0;  ///< before clipping
  double td_error_abs = 0.0;      ///< mean over steps and agents, as the next two
  double q_taken_mean = 0.0;
  double target_mean = 0.0;
  std::int64_t steps = 0;  ///< N
};

/// Its numbers as they are logged.
const std::vector<UpdateMetric<ComaStats>>& coma_metrics();

/// Everything an update computes, padded to [episodes, slots - 1, n_agents, ...]; for checks.
struct ComaTrace {
  int slots = 0;                           ///< of the longest episode
  std::vector<float> targets, advantages;  ///< [.., n]
  std::vector<float> q, pi;                ///< [.., n, A]; q before the critic's step at its slot
  std::vector<int> bootstrap;              ///< [episodes, n] actions in slot L
  std::vector<std::vector<float>>
      critic_grads;  ///< [slots - 1], the layout's order, before clipping
};

class ComaLearner {
 public:
  ComaLearner(const EnvShape& shape, const TrainConfig& config);

  /// Critic steps, each followed by a soft update of the target where learner.target_tau asks for
  /// it, then one actor step. `epsilon`: of the policy that played. `streams`: one per
  /// episode; draws the actions of slot L where a time limit cut the episode.
  /// Errors: DivergedError.
  ComaStats update(std::span<const EpisodeView> episodes, double epsilon, std::span<Stream> streams,
                   ComaTrace* trace = nullptr);

  const Network& network() const { return network_; }
  std::span<float> params() { return params_; }
  std::span<const float> params() const { return params_; }
  std::span<float> target() { return target_; }
  /// After an update: of the actor's loss, where the agents' parameters are.
  std::span<const float> gradient() const { return grad_; }
  std::int64_t updates() const { return updates_; }

  const RewardScale& reward_scale() const { return reward_scale_; }

  std::uint64_t hash(std::uint64_t hash) const;
  void save(ByteWriter& out) const;
  void load(ByteReader& in);

 private:
  const EpisodeView& view(int e) const { return batch_.view(e); }
  int row(int e, int t) const { return batch_.row(e, t); }
  int action(int e, int t, int agent) const { return batch_.actions()[row(e, t) + agent]; }
  int slots() const { return batch_.rows().slots(); }
  int rows() const { return batch_.rows().rows; }
  std::span<float> of_agents(FloatArray& values) const {
    return std::span(values).first(network_.critic_begin);
  }
  std::span<float> of_critic(FloatArray& values) const {
    return std::span(values).subspan(network_.critic_begin);
  }

  void take_in_rewards(std::span<const EpisodeView> episodes);
  void forward_agents(double epsilon);
  void draw_bootstrap(std::span<Stream> streams);
  /// The critic's values of all actions in slot t of the first `count` episodes.
  Mlp::Pass forward_critic(const float* params, int t, int count, MlpInput& in);
  void compute_targets();
  void critic_step(int t, ComaStats& stats, ComaTrace* trace);
  void actor_step(double epsilon, ComaStats& stats);
  void record(ComaTrace& trace) const;

  EnvShape shape_;
  TrainConfig config_;
  Network network_;
  FloatArray params_, target_, grad_;
  Optimizer actor_optimizer_, critic_optimizer_;
  RewardScale reward_scale_;
  std::int64_t updates_ = 0;
  std::int64_t critic_steps_ = 0;
  std::int64_t last_target_sync_ = 0;  // in critic steps

  // Of the update at hand.
  Scratch scratch_, slot_scratch_;
  AgentNetwork::Transposed transposed_;
  std::vector<float> rewards_;  // of all steps, where they are standardised
  std::vector<int> order_;      // batch positions, longest episode first
  PackedViews batch_;           // its actions of slot L are drawn
  float* obs_ = nullptr;        // of one block
  AgentPass pass_;
  std::int64_t steps_ = 0;
  float* softmax_ = nullptr;     // [rows, n_actions]
  float* pi_ = nullptr;          // [rows, n_actions]
  float* q_ = nullptr;           // [rows, n_actions]
  float* targets_ = nullptr;     // [rows]
  float* advantages_ = nullptr;  // [rows]
};

}  // namespace credo
