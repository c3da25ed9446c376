// IPPO and MAPPO (de Witt et al. 2020, Yu et al. 2022; docs/algorithms/ppo.md): recurrent actors
// pi_i and a separate recurrent critic v_i, which reads the agent's own observation (IPPO) or the
// state as well (MAPPO). Once per batch, with the parameters that played it: advantages A by GAE,
// normalised over active rows, and targets y of the critic. Then `epochs` passes over whole
// episodes, in each an Adam step of either network per minibatch:
//   L_actor  = -mean min(rho A, clip(rho, 1 - eps, 1 + eps) A) - c_H mean H(pi)      active rows
//   L_critic = c_v mean max(h(y - v), h(y - v_clip))                                 valid rows
//   rho = pi(u) / pi_old(u)     v_clip = v_old + clip(v - v_old, -eps_v, eps_v)     h: Huber's loss
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "learners/algorithms/gradient_groups.hpp"
#include "learners/algorithms/ppo_batch.hpp"
#include "learners/algorithms/ppo_chunk.hpp"
#include "learners/base/metrics.hpp"
#include "learners/config.hpp"
#include "learners/nets/optimizer.hpp"
#include "learners/network.hpp"

namespace credo {

/// Of one step; what belongs to the whole batch is the same in all its steps.
struct PpoStats {
  double loss = 0.0;       ///< L_actor
  double grad_norm = 0.0;  ///< of the actor, before clipping
  double policy_loss = 0.0;
  double critic_loss = 0.0;       ///< L_critic
  double critic_grad_norm = 0.0;  ///< before clipping
  double value_loss = 0.0;        ///< before value_coef
  double policy_entropy = 0.0;    ///< nats
  double clip_fraction = 0.0;     ///< of active rows: |rho - 1| > clip
  double approx_kl = 0.0;         ///< mean of rho - 1 - ln rho
  double value_clip_fraction = 0.0;
  double advantage_mean = 0.0, advantage_std = 0.0;  ///< before normalisation
  double value_mean = 0.0, value_std = 0.0;          ///< the normaliser's, after the batch
  double explained_variance = 0.0;
};

/// Its numbers as they are logged.
const std::vector<UpdateMetric<PpoStats>>& ppo_metrics();

class PpoLearner {
 public:
  PpoLearner(const EnvShape& shape, const TrainConfig& config);

  /// A batch: begin, then all epochs. on_step: told the numbers of every step; may be empty.
  /// Errors: DivergedError.
  template <class OnStep>
  void learn(std::span<const EpisodeView> episodes, const OnStep& on_step,
             PpoTrace* trace = nullptr) {
    begin(episodes);
    finish_targets();
    for (int epoch = 0; epoch < config_.ppo.epochs; ++epoch) {
      plan_epoch(epoch);
      for (int part = 0; part < config_.ppo.minibatches; ++part) on_step(step(part, trace));
    }
    ++batches_;
  }

  // The parts of it, for checks.
  /// Starts a batch and computes the old log-probabilities and values.
  void begin(std::span<const EpisodeView> episodes);
  /// Advantages and targets; the normaliser takes in the returns.
  const PpoTargetStats& finish_targets();
  /// Deals the episodes out to the minibatches of an epoch.
  void plan_epoch(int epoch);
  /// An optimiser step of actor and critic on a minibatch.
  PpoStats step(int part, PpoTrace* trace = nullptr);
  PpoBatch& batch() { return batch_; }
  const PpoBatch& batch() const { return batch_; }
  ValueNorm& value_norm() { return norm_; }
  const Optimizer& actor_optimizer() const { return actor_optimizer_; }
  const Optimizer& critic_optimizer() const { return critic_optimizer_; }
  /// Episodes of a minibatch, longest first.
  std::span<const int> places(int part) const;

  const Network& network() const { return network_; }
  std::span<float> params() { return params_; }
  std::span<const float> params() const { return params_; }
  std::int64_t steps() const { return steps_; }

  std::uint64_t hash(std::uint64_t hash) const;
  void save(ByteWriter& out) const;
  void load(ByteReader& in);

 private:
  void plan(std::span<const int> places);
  PpoContext context() const;

  EnvShape shape_;
  TrainConfig config_;
  Network network_;
  FloatArray params_, grad_;
  Optimizer actor_optimizer_, critic_optimizer_;
  ValueNorm norm_;
  std::int64_t batches_ = 0;
  std::int64_t steps_ = 0;

  // Of the batch at hand.
  PpoBatch batch_;
  PpoTargetStats targets_;
  AgentNetwork::Transposed actor_weights_, critic_weights_;
  std::vector<int> order_;  // batch positions, longest episode first
  std::vector<int> dealt_;  // those of the minibatches one after the other, each longest first
  std::vector<Chunk> chunks_;
  GradientGroups groups_;
  std::vector<PpoSums> sums_;  // of the groups
};

}  // namespace credo
