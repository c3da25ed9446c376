#include "learners/algorithms/ppo.hpp"

#include <algorithm>

#include "envs/core/random.hpp"
#include "learners/algorithms/training.hpp"
#include "learners/base/index.hpp"

namespace credo {

PpoLearner::PpoLearner(const EnvShape& shape, const TrainConfig& config)
    : shape_(shape),
      config_(config),
      network_(shape, config),
      params_(network_.layout.size()),
      grad_(network_.layout.size()),
      actor_optimizer_(config.optimizer, network_.critic_begin),
      critic_optimizer_(with_lr(config.optimizer, config.ppo.critic_lr),
                        network_.layout.size() - network_.critic_begin),
      norm_(config.ppo.value_norm_beta),
      batch_(shape, config),
      groups_(network_.layout.size()) {
  network_.layout.initialise(config.seed, params_);
}

void PpoLearner::begin(std::span<const EpisodeView> episodes) {
  batch_.take(episodes);
  order_longest_first(
      episodes.size(), [&](int e) { return batch_.view(e).length; }, order_);
  plan(order_);
  const PpoContext context = this->context();
  groups_.each(chunks_.size(), [&](std::size_t c, std::size_t, Scratch& scratch) {
    PpoChunk(context, std::span(order_).subspan(sz(chunks_[c].first), sz(chunks_[c].count)),
             scratch)
        .evaluate(batch_);
  });
}

const PpoTargetStats& PpoLearner::finish_targets() {
  targets_ = batch_.compute_targets(norm_);
  return targets_;
}

// With one minibatch the order plays no part. Parts differ by at most one episode.
void PpoLearner::plan_epoch(int epoch) {
  dealt_ = order_;
  const int parts = config_.ppo.minibatches;
  if (parts == 1) return;
  Stream stream(config_.seed, purpose("ppo"), static_cast<std::uint64_t>(batches_),
                static_cast<std::uint64_t>(epoch));
  for (std::size_t i = dealt_.size() - 1; i > 0; --i)
    std::swap(dealt_[i], dealt_[stream.below(static_cast<std::uint32_t>(i + 1))]);
  for (int part = 0; part < parts; ++part) {
    const std::span<const int> of_part = places(part);
    const auto begin = dealt_.begin() + (of_part.data() - dealt_.data());
    std::sort(begin, begin + static_cast<std::ptrdiff_t>(of_part.size()), [&](int a, int b) {
      const int difference = batch_.view(a).length - batch_.view(b).length;
      return difference != 0 ? difference > 0 : a < b;
    });
  }
}

std::span<const int> PpoLearner::places(int part) const {
  const std::size_t parts = sz(config_.ppo.minibatches);
  const std::size_t begin = dealt_.size() * sz(part) / parts;
  return std::span(dealt_).subspan(begin, dealt_.size() * sz(part + 1) / parts - begin);
}

void PpoLearner::plan(std::span<const int> places) {
  plan_chunks(
      static_cast<int>(places.size()),
      [&](int i) { return batch_.slots(places[sz(i)]) * shape_.n_agents; }, chunks_);
}

PpoContext PpoLearner::context() const {
  return {.shape = shape_,
          .config = config_,
          .network = network_,
          .params = params_.data(),
          .actor_weights = actor_weights_,
          .critic_weights = critic_weights_,
          .batch = batch_};
}

PpoStats PpoLearner::step(int part, PpoTrace* trace) {
  const std::span<const int> episodes = places(part);
  plan(episodes);
  network_.agent.transpose(params_.data(), actor_weights_);
  network_.value_critic->transpose(params_.data(), critic_weights_);
  PpoContext context = this->context();
  context.trace = trace;
  for (const int e : episodes) {
    const std::size_t end = batch_.row(e, batch_.view(e).length);
    for (std::size_t r = batch_.row(e, 0); r < end; ++r) {
      context.valid += 1.0;
      context.active += batch_.has_choice(r) ? 1.0 : 0.0;
    }
  }
  if (trace != nullptr) {
    trace->logits.assign(batch_.rows() * sz(shape_.n_actions), 0.0F);
    for (std::vector<float>* values :
         {&trace->critic_out, &trace->log_probs, &trace->ratio, &trace->entropy})
      values->assign(batch_.rows(), 0.0F);
  }
  sums_.assign(GradientGroups::count(chunks_.size()), {});
  groups_.run(
      chunks_.size(),
      [&](std::size_t c, std::size_t group, float* grad, Scratch& scratch) {
        PpoChunk(context, episodes.subspan(sz(chunks_[c].first), sz(chunks_[c].count)), scratch)
            .run(grad, sums_[group]);
      },
      grad_);
  if (trace != nullptr) trace->gradient.assign(grad_.begin(), grad_.end());
  PpoSums sums;
  for (const PpoSums& group : sums_) sums.add(group);

  PpoStats stats{.advantage_mean = targets_.advantage_mean,
                 .advantage_std = targets_.advantage_std,
                 .value_mean = norm_.mean(),
                 .value_std = norm_.deviation(),
                 .explained_variance = targets_.explained_variance};
  if (context.active > 0.0) {
    stats.policy_loss = -sums.surrogate / context.active;
    stats.policy_entropy = sums.entropy / context.active;
    stats.clip_fraction = sums.clipped / context.active;
    stats.approx_kl = sums.kl / context.active;
  }
  stats.loss = stats.policy_loss - config_.ppo.entropy * stats.policy_entropy;
  stats.value_loss = sums.value_loss / context.valid;
  stats.critic_loss = config_.ppo.value_coef * stats.value_loss;
  stats.value_clip_fraction = sums.value_clipped / context.valid;
  const std::span<float> actor = std::span(grad_).first(network_.critic_begin);
  const std::span<float> critic = std::span(grad_).subspan(network_.critic_begin);
  stats.grad_norm = gradient_norm(actor);
  stats.critic_grad_norm = gradient_norm(critic);
  check_finite(steps_, "actor", stats.loss, stats.grad_norm);
  check_finite(steps_, "critic", stats.critic_loss, stats.critic_grad_norm);
  const std::span<float> params = params_;
  if (context.active > 0.0)
    actor_optimizer_.step(params.first(network_.critic_begin), actor,
                          clip_factor(config_.optimizer, stats.grad_norm));
  critic_optimizer_.step(params.subspan(network_.critic_begin), critic,
                         clip_factor(config_.optimizer, stats.critic_grad_norm));
  ++steps_;
  return stats;
}

std::uint64_t PpoLearner::hash(std::uint64_t hash) const {
  for (const std::span<const float> values :
       {std::span<const float>(params_), actor_optimizer_.exp_avg(), actor_optimizer_.square_avg(),
        critic_optimizer_.exp_avg(), critic_optimizer_.square_avg()})
    hash = hash_floats(hash, values);
  const ValueNorm::Sums sums = norm_.sums();
  const double moments[] = {sums.mean, sums.mean_square, sums.weight};
  return hash_doubles(hash, moments);
}

void PpoLearner::save(ByteWriter& out) const {
  out.put_tag("ppo");
  out.put(batches_);
  out.put(steps_);
  out.put_span(std::span<const float>(params_));
  actor_optimizer_.save(out);
  critic_optimizer_.save(out);
  norm_.save(out);
}

void PpoLearner::load(ByteReader& in) {
  in.expect_tag("ppo");
  batches_ = in.get<std::int64_t>();
  steps_ = in.get<std::int64_t>();
  in.get_span(std::span<float>(params_));
  actor_optimizer_.load(in);
  critic_optimizer_.load(in);
  norm_.load(in);
}

// The table's order is that of the saved state.
const std::vector<UpdateMetric<PpoStats>>& ppo_metrics() {
  using S = PpoStats;
  static const std::vector<UpdateMetric<S>> kMetrics = {
      {{"loss", 4, "loss of the learner; of the actor where there is one"}, &S::loss},
      {{"grad_norm", 3, "gradient norm before clipping; of the actor where there is one"},
       &S::grad_norm},
      {{"policy_loss", 4, "PPO: clipped objective, before the entropy bonus"}, &S::policy_loss},
      {{"policy_entropy", 3, "PPO: mean entropy of the policies, in nats"}, &S::policy_entropy},
      {{"approx_kl", 4, "PPO: divergence of the policy from the one that played"}, &S::approx_kl},
      {{"clip_fraction", 3, "PPO: share of probability ratios beyond the clip"}, &S::clip_fraction},
      {{"critic_loss", 4, "loss of the critic"}, &S::critic_loss},
      {{"critic_grad_norm", 3, "gradient norm of the critic before clipping"},
       &S::critic_grad_norm},
      {{"value_clip_fraction", 3, "PPO: share of values that moved beyond the clip"},
       &S::value_clip_fraction},
      {{"explained_variance", 3, "PPO: share of the returns' variance that the values explain"},
       &S::explained_variance},
      {{"advantage_mean", 3, "mean advantage of the actions taken"}, &S::advantage_mean},
      {{"advantage_std", 3, "PPO: deviation of the advantages before normalisation"},
       &S::advantage_std},
      {{"value_norm_mean", 3, "PPO: mean of the returns so far"}, &S::value_mean},
      {{"value_norm_std", 3, "PPO: deviation of the returns so far"}, &S::value_std},
  };
  return kMetrics;
}

namespace {

class PpoTraining final : public Training {
 public:
  PpoTraining(const EnvShape& shape, const TrainConfig& config) : learner_(shape, config) {}

  const Network& network() const override { return learner_.network(); }
  std::span<const float> params() const override { return learner_.params(); }
  Behaviour behaviour(double) const override { return {.sample = true}; }
  std::int64_t updates() const override { return learner_.steps(); }
  std::uint64_t hash(std::uint64_t hash) const override { return learner_.hash(hash); }

  void start_from(const TensorFile& weights, const std::string& label) override {
    learner_.network().layout.from_tensors(weights, label, learner_.params());
  }

  void learn(const Played& played) override {
    played.enter(Phase::kUpdate);
    views_.clear();
    for (int e = 0; e < played.rollout.count(); ++e) views_.push_back(played.rollout.episode(e));
    learner_.learn(views_, [&](const PpoStats& stats) { window_.add(stats); });
  }

  void take_metrics(Metrics& metrics) override {
    window_.append(0, metrics);
    window_.clear();
  }

  void save(ByteWriter& out) const override {
    out.put_tag("ppo_training");
    window_.save(out);
    learner_.save(out);
  }
  void load(ByteReader& in) override {
    in.expect_tag("ppo_training");
    window_.load(in);
    learner_.load(in);
  }

 private:
  PpoLearner learner_;
  UpdateMeans<PpoStats> window_{ppo_metrics()};
  std::vector<EpisodeView> views_;
};

}  // namespace

std::unique_ptr<Training> make_ppo_training(const EnvShape& shape, const TrainConfig& config) {
  return std::make_unique<PpoTraining>(shape, config);
}

}  // namespace credo
