// Value-based training: a replay buffer, updates at a fixed ratio to the episodes played, and
// target networks copied at fixed intervals or blended after every update. Serves every mixer.
#include <algorithm>
#include <fmt/format.h>

#include "learners/algorithms/q_learner.hpp"
#include "learners/algorithms/training.hpp"

namespace credo {

namespace {

/// Groups of numbers, in the order in which they are logged.
enum Group { kAlways, kCentral, kConstraints, kEntropyTerm, kCredits, kPenalty, kOwnRate };

}  // namespace

// The table's order is that of the saved state.
const std::vector<UpdateMetric<UpdateStats>>& value_metrics() {
  using S = UpdateStats;
  static const std::vector<UpdateMetric<S>> kMetrics = {
      {{"loss", 4, "loss of the learner; of the actor where there is one"}, &S::loss},
      {{"td_loss", 4, "mean (weighted) squared TD error, before learner.loss_scale"}, &S::td_loss},
      {{"entropy_loss", 4, "gre.lambda times the mean H that is part of the loss"},
       &S::entropy_loss,
       kEntropyTerm},
      {{"gre_lambda", 5, "weight of H in the loss"}, &S::gre_lambda, kEntropyTerm},
      {{"grad_norm", 3, "gradient norm before clipping; of the actor where there is one"},
       &S::grad_norm},
      {{"td_error_abs", 3, "mean size of the TD error"}, &S::td_error_abs},
      {{"q_taken_mean", 3, "mean value of the actions taken"}, &S::q_taken_mean},
      {{"target_mean", 3, "mean regression target"}, &S::target_mean},
      {{"entropy_mean", 3, "mean H of the exact credits"}, &S::entropy_mean, kCredits},
      {{"credit_share_max", 3, "mean over steps of the largest share of the credit"},
       &S::largest_share,
       kCredits},
      {{"contribution_entropy", 3,
        "mean H of |credit times (value of the action - mean value of the available ones)|"},
       &S::contribution_entropy,
       kCredits},
      {{"central_loss", 4, "weighted QMIX: mean squared error of the unrestricted value"},
       &S::central_loss,
       kCentral},
      {{"td_weight_mean", 3, "weighted QMIX: mean weight of the errors"},
       &S::td_weight_mean,
       kCentral},
      {{"opt_loss", 4, "QTRAN: loss at the greedy actions, before its coefficient"},
       &S::opt_loss,
       kConstraints},
      {{"nopt_loss", 4, "QTRAN: loss at the taken actions, before its coefficient"},
       &S::nopt_loss,
       kConstraints},
      {{"attention_penalty", 4, "Qatten: mean of sum over heads of the mean square logit"},
       &S::penalty,
       kPenalty},
      {{"mixer_grad_norm", 3, "SHAQ: norm of the mixer's gradient before clipping"},
       &S::mixer_grad_norm,
       kOwnRate},
      {{"alpha_mean", 3, "SHAQ: mean alpha of agents that did not act greedily"},
       &S::alpha_mean,
       kOwnRate},
  };
  return kMetrics;
}

const std::vector<MetricInfo>& gradient_norm_metrics() {
  static const std::vector<MetricInfo> kMetrics = {
      {"td_grad_norm", 3, "gradient norm of the loss without gre.lambda H, on a batch of its own"},
      {"entropy_grad_norm", 3, "gradient norm of gre.lambda H, on the same batch"},
      {"entropy_grad_ratio", 4, "the latter divided by the former"},
  };
  return kMetrics;
}

namespace {

class ValueTraining final : public Training {
 public:
  ValueTraining(const EnvShape& shape, const TrainConfig& config)
      : shape_(shape),
        config_(config),
        learner_(shape, config),
        replay_(shape, config.replay_capacity),
        credit_window_(static_cast<std::size_t>(shape.n_agents)),
        batch_(static_cast<std::size_t>(config.learner.batch_size)) {}

  const Network& network() const override { return learner_.network(); }
  std::span<const float> params() const override { return learner_.params(); }
  Behaviour behaviour(double epsilon) const override { return {.epsilon = epsilon}; }
  std::int64_t updates() const override { return updates_; }

  // Updates are owed per episode played; those that fall before the replay holds a batch are
  // skipped, as in PyMARL.
  void learn(const Played& played) override {
    played.enter(Phase::kReplay);
    for (int e = 0; e < played.rollout.count(); ++e) replay_.add(played.rollout.episode(e));
    played.enter(Phase::kUpdate);
    if (replay_.size() < config_.learner.batch_size) return;
    owed_ += config_.updates_per_episode * static_cast<double>(config_.n_envs);
    while (owed_ >= 1.0) {
      owed_ -= 1.0;
      update_once();
    }
    if (config_.learner.target_tau > 0.0) return;  // blended after every update
    if (played.episodes - last_target_sync_ >= config_.learner.target_update_interval) {
      learner_.sync_target();
      last_target_sync_ = played.episodes;
    }
  }

  void start_from(const TensorFile& weights, const std::string& label) override {
    learner_.network().layout.from_tensors(weights, label, learner_.params());
    learner_.sync_target();
  }

  void take_metrics(Metrics& metrics) override;

  std::uint64_t hash(std::uint64_t hash) const override {
    hash = hash_floats(hash, learner_.params());
    hash = hash_floats(hash, learner_.target());
    hash = hash_floats(hash, learner_.optimizer().exp_avg());
    hash = hash_floats(hash, learner_.optimizer().square_avg());
    if (const Optimizer* own = learner_.mixer_optimizer()) {
      hash = hash_floats(hash, own->exp_avg());
      hash = hash_floats(hash, own->square_avg());
    }
    return hash_reward_scale(hash, learner_.reward_scale());
  }

  void save(ByteWriter& out) const override {
    out.put_tag("value_training");
    out.put(updates_);
    out.put(last_target_sync_);
    out.put(owed_);
    window_.save(out);
    out.put_vector(credit_window_);
    learner_.save(out);
  }

  void load(ByteReader& in) override {
    in.expect_tag("value_training");
    updates_ = in.get<std::int64_t>();
    last_target_sync_ = in.get<std::int64_t>();
    owed_ = in.get<double>();
    window_.load(in);
    in.get_span(std::span<double>(credit_window_));
    learner_.load(in);
  }

  ReplayBuffer* replay() override { return &replay_; }

 private:
  void update_once() {
    Stream stream(config_.seed, purpose("replay"), 0, static_cast<std::uint64_t>(updates_));
    replay_.sample(stream, batch_);
    UpdateTrace trace;
    if (watch_)
      for (const Episode* e : batch_) trace.slots = std::max(trace.slots, e->slots());
    const UpdateStats& stats = learner_.compute_gradient(
        batch_, watch_ ? &trace : nullptr, 1.0F, {.update = static_cast<std::uint64_t>(updates_)});
    check_finite(updates_, "learner", stats.loss, stats.grad_norm);
    learner_.apply_gradient(stats);
    if (config_.learner.target_tau > 0.0) learner_.blend_target();
    ++updates_;
    if (watch_) report(stats, std::move(trace));
    window_.add(stats);
    for (std::size_t i = 0; i < stats.credit_mean.size(); ++i)
      credit_window_[i] += stats.credit_mean[i];
  }

  void report(const UpdateStats& stats, UpdateTrace trace) const;
  void measure_gradients(Metrics& metrics);

  EnvShape shape_;
  TrainConfig config_;
  QLearner learner_;
  ReplayBuffer replay_;
  std::int64_t updates_ = 0;
  std::int64_t last_target_sync_ = 0;  // in episodes
  double owed_ = 0.0;
  UpdateMeans<UpdateStats> window_{value_metrics()};
  std::vector<double> credit_window_;
  std::vector<const Episode*> batch_;
};

void ValueTraining::report(const UpdateStats& stats, UpdateTrace trace) const {
  UpdateRecord record;
  record.slots = trace.slots;
  for (const Episode* e : batch_) record.episodes.push_back(plain_episode(shape_, *e));
  record.choices["greedy_actions"] = std::move(trace.greedy_actions);
  record.losses = {{"loss", stats.loss}, {"td_loss", stats.td_loss}};
  record.values = {{"agent_qs", std::move(trace.agent_qs)},
                   {"target_agent_qs", std::move(trace.target_agent_qs)},
                   {"q_taken", std::move(trace.q_taken)},
                   {"q_tot", std::move(trace.q_tot)},
                   {"target_q_tot", std::move(trace.target_q_tot)},
                   {"targets", std::move(trace.targets)}};
  if (network().mixer->has_credits()) {
    record.values["credits_exact"] = std::move(trace.credits_exact);
    record.values["credits_published"] = std::move(trace.credits_published);
    record.values["entropy"] = std::move(trace.entropy);
  }
  if (config_.entropy.enabled) {
    record.losses["entropy_in_loss"] = stats.entropy_in_loss;
    record.losses["entropy_loss"] = stats.entropy_loss;
  }
  if (network().central != nullptr) {
    record.losses["central_loss"] = stats.central_loss;
    record.values["central_q_tot"] = std::move(trace.central_q_tot);
    record.values["td_weights"] = std::move(trace.td_weights);
  }
  if (network().mixer->has_constraints()) {
    record.losses["opt_loss"] = stats.opt_loss;
    record.losses["nopt_loss"] = stats.nopt_loss;
    record.values["state_v"] = std::move(trace.state_v);
    record.values["best_q_tot"] = std::move(trace.best_q_tot);
  }
  if (network().mixer->heads() > 0) {
    record.losses["attention_penalty"] = stats.penalty;
    record.values["attention"] = std::move(trace.attention);
    record.values["head_weights"] = std::move(trace.head_weights);
  }
  if (network().mixer->needs().orders > 0) record.choices["orders"] = std::move(trace.orders);
  record.gradients = {{learner_.gradient().begin(), learner_.gradient().end()}};
  record.params = learner_.params();
  watch_(record);
}

// On a batch that no update draws, and from nothing but the saved state: a resumed run logs the same.
void ValueTraining::measure_gradients(Metrics& metrics) {
  Stream stream(config_.seed, purpose("gradient_norms"), 0, static_cast<std::uint64_t>(updates_));
  replay_.sample(stream, batch_);
  const GradientNorms norms = learner_.gradient_norms(batch_);
  const double values[] = {norms.td, norms.entropy,
                           norms.td > 0.0 ? norms.entropy / norms.td : 0.0};
  for (std::size_t i = 0; i < std::size(values); ++i)
    metrics.emplace_back(gradient_norm_metrics()[i].name, values[i]);
}

void ValueTraining::take_metrics(Metrics& metrics) {
  const Mixer& mixer = *network().mixer;
  window_.append(kAlways, metrics);
  if (network().central != nullptr) window_.append(kCentral, metrics);
  if (mixer.has_constraints()) window_.append(kConstraints, metrics);
  if (mixer.heads() > 0) window_.append(kPenalty, metrics);
  if (mixer.learning_rate()) window_.append(kOwnRate, metrics);
  if (mixer.has_credits()) {
    if (config_.entropy.enabled) {
      window_.append(kEntropyTerm, metrics);
      if (window_.updates() > 0 && shape_.n_agents > 1) measure_gradients(metrics);
    }
    if (shape_.n_agents > 1) window_.append(kCredits, metrics);
    for (std::size_t a = 0; a < credit_window_.size() && window_.updates() > 0; ++a)
      metrics.emplace_back(fmt::format("credit_{}", a),
                           credit_window_[a] / static_cast<double>(window_.updates()));
  }
  window_.clear();
  std::fill(credit_window_.begin(), credit_window_.end(), 0.0);
}

}  // namespace

std::unique_ptr<Training> make_value_training(const EnvShape& shape, const TrainConfig& config) {
  return std::make_unique<ValueTraining>(shape, config);
}

}  // namespace credo
