// The value-based learner: one update serves every mixer.
//
//   y_t = r_t + gamma (1 - terminated_t) Q_target(s_{t+1}, u*)
//   L   = scale * sum_t (Q_tot - y_t)^2 / N  +  lambda * sum_t H_t / N
// u* is the greedy joint action: of the online network with double Q, else of the target network.
// H_t is the normalised entropy of the credits and N the number of valid steps in the batch.
// With TD(lambda) y_t is the lambda-return of tests/golden/README.md, with learner.n_step the n-step
// return (returns.hpp). A time limit bootstraps, a termination does not. Episodes of a batch are processed in fixed chunks whose boundaries depend
// on the episodes alone; each group of chunks adds into a gradient of its own and the groups are
// summed in a fixed tree, so bits do not depend on the number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "learners/algorithms/gradient_groups.hpp"
#include "learners/algorithms/reward_scale.hpp"
#include "learners/algorithms/target_values.hpp"
#include "learners/base/metrics.hpp"
#include "learners/config.hpp"
#include "learners/nets/optimizer.hpp"
#include "learners/network.hpp"
#include "learners/replay/episode.hpp"

namespace credo {

struct UpdateStats {
  double td_loss = 0.0;       ///< mean (weighted) squared TD error, before loss_scale
  double entropy_loss = 0.0;  ///< lambda * mean H of the credits in the loss
  double loss = 0.0;
  double grad_norm = 0.0;  ///< before clipping; of the agents where the mixer has a norm of its own
  double mixer_grad_norm = 0.0;  ///< SHAQ: before clipping
  double penalty = 0.0;          ///< Qatten: mean of sum over heads of the mean square logit
  double alpha_mean = 0.0;       ///< SHAQ: of the agents that did not act greedily; 1 without any
  double central_loss = 0.0;     ///< weighted QMIX: mean squared error of the central value
  double td_weight_mean = 1.0;
  double opt_loss = 0.0;      ///< QTRAN: before its coefficient
  double nopt_loss = 0.0;     ///< QTRAN: before its coefficient
  double td_error_abs = 0.0;  ///< mean |Q_tot - y|
  double q_taken_mean = 0.0;
  double target_mean = 0.0;
  double entropy_in_loss = 0.0;       ///< mean H of the credits in the loss
  double gre_lambda = 0.0;            ///< weight that this update gave it
  double entropy_mean = 0.0;          ///< mean H of the exact credits; 0 when the mixer has none
  double largest_share = 0.0;         ///< mean over steps of the largest p_i
  double contribution_entropy = 0.0;  ///< mean H of |g_i (q_i(u_i) - mean of q_i)|
  std::vector<double> credit_mean;    ///< [n_agents]
  std::int64_t steps = 0;             ///< N
};

/// Its numbers as they are logged.
const std::vector<UpdateMetric<UpdateStats>>& value_metrics();
/// What is measured where a record is written, with gradient entropy in the loss.
const std::vector<MetricInfo>& gradient_norm_metrics();

/// Everything an update computes, padded to [batch, slots, ...] in the batch's order; for checks.
struct UpdateTrace {
  int slots = 0;  ///< set by the caller: row length of the padded arrays
  std::vector<float> agent_qs, target_agent_qs;         ///< [B, slots, n, A]
  std::vector<int> greedy_actions;                      ///< [B, slots, n] online argmax
  std::vector<float> q_taken;                           ///< [B, slots-1, n]
  std::vector<float> q_tot, target_q_tot, targets;      ///< [B, slots-1, outputs]
  std::vector<float> credits_exact, credits_published;  ///< [B, slots-1, n]
  std::vector<float> entropy;  ///< [B, slots-1] of the credits that enter the loss (exact without)
  std::vector<float> td_weights, central_q_tot;  ///< [B, slots-1] weighted QMIX
  std::vector<float> state_v, best_q_tot;        ///< [B, slots-1] QTRAN
  std::vector<float> attention;                  ///< [B, slots-1, heads, n] Qatten
  std::vector<float> head_weights;               ///< [B, slots-1, heads] Qatten
  std::vector<float> alpha;                      ///< [B, slots-1, n] SHAQ, of all agents
  std::vector<int> orders;                       ///< [B, slots-1, M, n] SHAQ
};

/// Sums over the steps of a part of the batch; aligned, since threads write to neighbouring ones.
struct alignas(64) UpdateSums {
  double td = 0.0, central = 0.0, opt = 0.0, nopt = 0.0, entropy_in_loss = 0.0, penalty = 0.0;
  double alpha = 0.0;
  std::int64_t alphas = 0;
  double td_abs = 0.0, q = 0.0, target = 0.0, weight = 0.0, entropy = 0.0;
  double largest_share = 0.0, contribution_entropy = 0.0;
  std::vector<double> credit;

  void clear(int n_agents);
  void add(const UpdateSums& other);
};

/// Norms of the parts of a gradient.
struct GradientNorms {
  double td = 0.0;
  double entropy = 0.0;  ///< of lambda H
};

/// Where a mixer's random orders of the agents come from (MixerNeeds::orders).
struct OrderSource {
  std::uint64_t update = 0;      ///< drawn for this update; or
  std::span<const int> given{};  ///< [steps of the batch in its order, orders, n_agents]
};

class QLearner {
 public:
  QLearner(const EnvShape& shape, const TrainConfig& config);

  /// Gradient of the loss on a batch, left in gradient(). td_weight 0 leaves only the entropy term.
  /// With learner.standardise_rewards the batch's rewards enter the running moments first.
  /// The result is valid until the next call: an update allocates nothing in the long run.
  const UpdateStats& compute_gradient(std::span<const Episode* const> batch,
                                      UpdateTrace* trace = nullptr, float td_weight = 1.0F,
                                      const OrderSource& orders = {});
  /// The same for each part of the loss alone; parameters stay, gradient() is overwritten.
  GradientNorms gradient_norms(std::span<const Episode* const> batch);
  /// Clips by global norm and takes an optimiser step, then adjusts lambda where gre.target_entropy
  /// is set; neither for a batch without a valid step.
  void apply_gradient(const UpdateStats& stats);
  /// Copies the online networks into the target networks.
  void sync_target();
  /// Moves the target networks by learner.target_tau of the way to the online networks.
  void blend_target();

  const Network& network() const { return network_; }
  std::span<float> params() { return params_; }
  std::span<const float> params() const { return params_; }
  /// Mutable access discards the cached values of the target network.
  std::span<float> target();
  std::span<const float> target() const { return target_; }
  std::span<const float> gradient() const { return grad_; }
  const Optimizer& optimizer() const { return optimizer_; }
  /// Of the mixer, where it has a learning rate of its own; else null.
  const Optimizer* mixer_optimizer() const { return mixer_optimizer_.get(); }
  const RewardScale& reward_scale() const { return reward_scale_; }
  double gre_lambda() const { return gre_lambda_; }

  void save(ByteWriter& out) const;
  void load(ByteReader& in);

 private:
  void take_in_rewards(std::span<const Episode* const> batch);
  void differentiate(std::span<const Episode* const> batch, UpdateTrace* trace, float td_weight,
                     const OrderSource& orders);
  bool holds_entropy() const;
  void clear_trace(std::size_t batch, UpdateTrace& trace) const;
  void make_statistics(std::int64_t steps, float td_weight);

  EnvShape shape_;
  TrainConfig config_;
  Network network_;
  FloatArray params_;
  FloatArray target_;
  FloatArray grad_;
  std::size_t mixer_begin_;  // where parameters with a learning rate of their own begin
  Optimizer optimizer_;      // of the others
  std::unique_ptr<Optimizer> mixer_optimizer_;
  RewardScale reward_scale_;
  double gre_lambda_;            // weight of H in the next loss
  double gre_multiplier_ = 0.0;  // the part of it that accumulates, with gre.target_entropy
  AgentNetwork::Transposed transposed_, central_transposed_;
  std::vector<float> rewards_;            // of the batch, where they are standardised
  std::vector<int> order_;                // batch positions, longest episode first
  std::vector<std::int64_t> first_step_;  // of each episode among the batch's steps
  std::vector<Chunk> chunks_;
  TargetValues target_values_;         // of the agents; of the central ones in weighted QMIX
  TargetValues traced_target_values_;  // of the agents of weighted QMIX, for a trace
  GradientGroups groups_;
  std::vector<UpdateSums> group_sums_;
  UpdateSums sums_;
  UpdateStats stats_;
};

}  // namespace credo
