#include "learners/algorithms/coma.hpp"

#include <algorithm>
#include <cmath>

#include "learners/algorithms/returns.hpp"
#include "learners/algorithms/training.hpp"
#include "learners/base/index.hpp"
#include "learners/kernels/kernels.hpp"
#include "learners/nets/critic_input.hpp"
#include "learners/nets/sequence.hpp"
#include "learners/rollout/policy.hpp"

namespace credo {

ComaLearner::ComaLearner(const EnvShape& shape, const TrainConfig& config)
    : shape_(shape),
      config_(config),
      network_(shape, config),
      params_(network_.layout.size()),
      grad_(network_.layout.size()),
      actor_optimizer_(config.optimizer, network_.critic_begin),
      critic_optimizer_(with_lr(config.optimizer, config.coma.critic_lr),
                        network_.layout.size() - network_.critic_begin) {
  network_.layout.initialise(config.seed, params_);
  target_ = params_;
}

ComaStats ComaLearner::update(std::span<const EpisodeView> episodes, double epsilon,
                              std::span<Stream> streams, ComaTrace* trace) {
  scratch_.reset();
  if (config_.learner.standardise_rewards) take_in_rewards(episodes);
  order_longest_first(
      episodes.size(), [&](int e) { return episodes[sz(e)].length; }, order_);
  batch_ = PackedViews(shape_, episodes, order_, scratch_);
  steps_ = 0;
  for (const EpisodeView& v : episodes) steps_ += v.length;
  forward_agents(epsilon);
  draw_bootstrap(streams);
  compute_targets();
  ComaStats stats;
  stats.steps = steps_;
  const int last = slots() - 2;
  if (trace != nullptr) trace->critic_grads.assign(sz(last + 1), {});
  for (int t = last; t >= 0; --t) critic_step(t, stats, trace);
  stats.critic_loss /= last + 1;
  stats.critic_grad_norm /= last + 1;
  actor_step(epsilon, stats);
  if (trace != nullptr) record(*trace);
  if (config_.learner.target_tau == 0.0 &&
      critic_steps_ - last_target_sync_ >= config_.learner.target_update_interval) {
    target_ = params_;
    last_target_sync_ = critic_steps_;
  }
  ++updates_;
  return stats;
}

void ComaLearner::take_in_rewards(std::span<const EpisodeView> episodes) {
  rewards_.clear();
  for (const EpisodeView& v : episodes)
    for (int t = 0; t < v.length; ++t) rewards_.push_back(v.rewards[t * v.reward_stride]);
  reward_scale_.update(rewards_);
}

void ComaLearner::forward_agents(double epsilon) {
  const std::size_t values = sz(rows()) * sz(shape_.n_actions);
  obs_ = block_storage(batch_.rows(), shape_.obs_dim, scratch_);
  pass_ = forward_sequence(
      network_.agent, params_.data(), batch_.rows(), obs_,
      [&](int block, float* out) { batch_.read_obs(block, out); }, scratch_);
  softmax_ = scratch_.floats(values);
  pi_ = scratch_.floats(values);
  floored_softmax(rows(), shape_.n_actions, pass_.q, batch_.avail(), static_cast<float>(epsilon),
                  softmax_, pi_);
}

// The value of the slot after a time limit is that of an action the policy would have taken there.
void ComaLearner::draw_bootstrap(std::span<Stream> streams) {
  for (int e = 0; e < batch_.count(); ++e) {
    if (view(e).terminated) continue;
    const int first = row(e, view(e).length);
    for (int i = 0; i < shape_.n_agents; ++i)
      batch_.actions()[first + i] =
          draw_action({pi_ + at(first + i, shape_.n_actions), sz(shape_.n_actions)},
                      streams[sz(batch_.place(e))]);
  }
}

// Input of agent i: state, its observation, the other agents' actions, everybody's actions in the
// slot before (none in slot 0), its index.
Mlp::Pass ComaLearner::forward_critic(const float* params, int t, int count, MlpInput& in) {
  const int n = shape_.n_agents;
  const int dense = critic_dense(shape_);
  const int n_hot = critic_hot(shape_, t == 0);
  float* x = slot_scratch_.floats(sz(count * n) * sz(dense));
  int* hot = slot_scratch_.take<int>(sz(count * n) * sz(n_hot));
  for (int e = 0; e < count; ++e) {
    const EpisodeView& v = view(e);
    write_critic_input(
        shape_, t == 0, v.state + t * v.state_stride, v.obs + t * v.obs_stride,
        [&](int agent) { return action(e, t, agent); },
        [&](int agent) { return action(e, t - 1, agent); }, x + at(e * n, dense),
        hot + at(e * n, n_hot));
  }
  in = {.rows = count * n, .x = x, .ld = dense, .hot = hot, .n_hot = n_hot};
  return network_.action_critic->forward(params, in, slot_scratch_);
}

void ComaLearner::compute_targets() {
  const int n = shape_.n_agents;
  const PackedRows& packed = batch_.rows();
  float* next = scratch_.floats(sz(rows()));  // Q' of the actions taken; slot 0 unused
  for (int t = 1; t < slots(); ++t) {
    slot_scratch_.reset();
    MlpInput in;
    const int count = packed.live[sz(t)];
    const Mlp::Pass pass = forward_critic(target_.data(), t, count, in);
    for (int r = 0; r < count * n; ++r) {
      const int to = packed.first_row(t) + r;
      next[to] = pass.out[at(r, shape_.n_actions) + batch_.actions()[to]];
    }
  }
  targets_ = scratch_.floats(sz(rows()));
  const ReturnSettings settings{.gamma = static_cast<float>(config_.learner.gamma),
                                .lambda = static_cast<float>(config_.learner.td_lambda)};
  for (int e = 0; e < batch_.count(); ++e) {
    const EpisodeView& v = view(e);
    for (int i = 0; i < n; ++i)
      lambda_returns(
          settings, v.length, v.terminated,
          [&](int t) { return reward_scale_.apply(v.rewards[t * v.reward_stride]); },
          [&](int t) { return next[row(e, t + 1) + i]; },
          [&](int t, float target) { targets_[row(e, t) + i] = target; });
  }
  q_ = scratch_.floats(sz(rows()) * sz(shape_.n_actions));
}

void ComaLearner::critic_step(int t, ComaStats& stats, ComaTrace* trace) {
  const int n_actions = shape_.n_actions;
  const int count = batch_.rows().live[sz(t + 1)];  // episodes that took a step in slot t
  const int rows = count * shape_.n_agents;
  const int first = batch_.rows().first_row(t);
  const int* actions = batch_.actions();
  slot_scratch_.reset();
  MlpInput in;
  const Mlp::Pass pass = forward_critic(params_.data(), t, count, in);
  std::copy_n(pass.out, at(rows, n_actions), q_ + at(first, n_actions));

  float* d_out = slot_scratch_.zeros(sz(rows) * sz(n_actions));
  const float scale = 2.0F / static_cast<float>(rows);
  double loss = 0.0;
  for (int r = 0; r < rows; ++r) {
    const std::ptrdiff_t taken = at(r, n_actions) + actions[first + r];
    const float delta = pass.out[taken] - targets_[first + r];
    d_out[taken] = scale * delta;
    const double d = delta;
    loss += d * d;
    stats.td_error_abs += std::abs(d);
    stats.q_taken_mean += pass.out[taken];
    stats.target_mean += targets_[first + r];
  }
  loss /= rows;
  const std::span<float> grad = of_critic(grad_);
  std::fill(grad.begin(), grad.end(), 0.0F);
  network_.action_critic->prepare_backward(params_.data());
  network_.action_critic->backward(in, pass, d_out, {}, grad_.data(), slot_scratch_);
  const double norm = gradient_norm(grad);
  check_finite(updates_, "critic", loss, norm);
  if (trace != nullptr) trace->critic_grads[sz(t)].assign(grad_.begin(), grad_.end());
  critic_optimizer_.step(of_critic(params_), grad, clip_factor(config_.optimizer, norm));
  ++critic_steps_;
  if (config_.learner.target_tau > 0.0)
    kernels().blend(of_critic(target_).data(), static_cast<float>(config_.learner.target_tau),
                    of_critic(params_).data(), grad.size());
  stats.critic_loss += loss;
  stats.critic_grad_norm += norm;
}

void ComaLearner::actor_step(double epsilon, ComaStats& stats) {
  const int n = shape_.n_agents;
  const int n_actions = shape_.n_actions;
  const auto rows = sz(batch_.rows().rows);
  const int* actions = batch_.actions();
  const double values = static_cast<double>(steps_) * n;
  advantages_ = scratch_.zeros(rows);
  float* weight = scratch_.zeros(rows);
  float* taken = scratch_.floats(rows);
  for (std::size_t r = 0; r < rows; ++r) taken[r] = 1.0F;
  for (int e = 0; e < batch_.count(); ++e)
    for (int t = 0; t < view(e).length; ++t)
      for (int r = row(e, t); r < row(e, t) + n; ++r) {
        const float* q = q_ + at(r, n_actions);
        const float* pi = pi_ + at(r, n_actions);
        float baseline = 0.0F;
        for (int a = 0; a < n_actions; ++a) baseline += pi[a] * q[a];
        advantages_[r] = q[actions[r]] - baseline;
        weight[r] = -advantages_[r] / static_cast<float>(values);
        taken[r] = pi[actions[r]];
        stats.advantage_mean += advantages_[r];
        stats.pi_max += *std::max_element(pi, pi + n_actions);
      }
  kernels().log(taken, taken, rows);
  for (std::size_t r = 0; r < rows; ++r) {
    const double advantage = advantages_[r];
    stats.loss -= advantage * taken[r] / values;
  }
  for (double* mean : {&stats.advantage_mean, &stats.pi_max, &stats.td_error_abs,
                       &stats.q_taken_mean, &stats.target_mean})
    *mean /= values;

  float* d_logits = scratch_.floats(rows * sz(n_actions));
  floored_softmax_backward(batch_.rows().rows, n_actions, softmax_, batch_.avail(),
                           static_cast<float>(epsilon), actions, weight, d_logits);
  const std::span<float> grad = of_agents(grad_);
  std::fill(grad.begin(), grad.end(), 0.0F);
  network_.agent.transpose(params_.data(), transposed_);
  backward_sequence(
      network_.agent, transposed_, batch_.rows(), pass_, obs_,
      [&](int block, float* out) { batch_.read_obs(block, out); }, {.d_all = d_logits},
      grad_.data(), scratch_);
  stats.grad_norm = gradient_norm(grad);
  check_finite(updates_, "actor", stats.loss, stats.grad_norm);
  actor_optimizer_.step(of_agents(params_), grad, clip_factor(config_.optimizer, stats.grad_norm));
}

void ComaLearner::record(ComaTrace& trace) const {
  const int n = shape_.n_agents;
  const int n_actions = shape_.n_actions;
  trace.slots = slots();
  const std::size_t values = sz(batch_.count()) * sz(trace.slots - 1) * sz(n);
  trace.targets.assign(values, 0.0F);
  trace.advantages = trace.targets;
  trace.q.assign(values * sz(n_actions), 0.0F);
  trace.pi = trace.q;
  trace.bootstrap.assign(sz(batch_.count()) * sz(n), 0);
  for (int e = 0; e < batch_.count(); ++e) {
    const int place = batch_.place(e);
    for (int t = 0; t < view(e).length; ++t) {
      const int from = row(e, t);
      const int to = (place * (trace.slots - 1) + t) * n;
      std::copy_n(targets_ + from, n, trace.targets.data() + to);
      std::copy_n(advantages_ + from, n, trace.advantages.data() + to);
      std::copy_n(q_ + at(from, n_actions), n * n_actions, trace.q.data() + at(to, n_actions));
      std::copy_n(pi_ + at(from, n_actions), n * n_actions, trace.pi.data() + at(to, n_actions));
    }
    for (int i = 0; i < n; ++i) trace.bootstrap[sz(place * n + i)] = action(e, view(e).length, i);
  }
}

std::uint64_t ComaLearner::hash(std::uint64_t hash) const {
  for (const std::span<const float> values :
       {std::span<const float>(params_), std::span<const float>(target_),
        actor_optimizer_.exp_avg(), actor_optimizer_.square_avg(), critic_optimizer_.exp_avg(),
        critic_optimizer_.square_avg()})
    hash = hash_floats(hash, values);
  return hash_reward_scale(hash, reward_scale_);
}

void ComaLearner::save(ByteWriter& out) const {
  out.put_tag("coma");
  out.put(updates_);
  out.put(critic_steps_);
  out.put(last_target_sync_);
  out.put_span(std::span<const float>(params_));
  out.put_span(std::span<const float>(target_));
  actor_optimizer_.save(out);
  critic_optimizer_.save(out);
  if (config_.learner.standardise_rewards) reward_scale_.save(out);
}

void ComaLearner::load(ByteReader& in) {
  in.expect_tag("coma");
  for (std::int64_t* x : {&updates_, &critic_steps_, &last_target_sync_})
    *x = in.get<std::int64_t>();
  in.get_span(std::span<float>(params_));
  in.get_span(std::span<float>(target_));
  actor_optimizer_.load(in);
  critic_optimizer_.load(in);
  if (config_.learner.standardise_rewards) reward_scale_.load(in);
}

// The table's order is that of the saved state.
const std::vector<UpdateMetric<ComaStats>>& coma_metrics() {
  static const std::vector<UpdateMetric<ComaStats>> kMetrics = {
      {{"loss", 4, "loss of the learner; of the actor where there is one"}, &ComaStats::loss},
      {{"grad_norm", 3, "gradient norm before clipping; of the actor where there is one"},
       &ComaStats::grad_norm},
      {{"critic_loss", 4, "loss of the critic"}, &ComaStats::critic_loss, 1},
      {{"critic_grad_norm", 3, "gradient norm of the critic before clipping"},
       &ComaStats::critic_grad_norm,
       1},
      {{"td_error_abs", 3, "mean size of the TD error"}, &ComaStats::td_error_abs},
      {{"q_taken_mean", 3, "mean value of the actions taken"}, &ComaStats::q_taken_mean},
      {{"target_mean", 3, "mean regression target"}, &ComaStats::target_mean},
      {{"advantage_mean", 3, "mean advantage of the actions taken"}, &ComaStats::advantage_mean, 1},
      {{"pi_max", 3, "mean probability of the likeliest action"}, &ComaStats::pi_max, 1},
  };
  return kMetrics;
}

namespace {

class ComaTraining final : public Training {
 public:
  ComaTraining(const EnvShape& shape, const TrainConfig& config)
      : shape_(shape), seed_(config.seed), learner_(shape, config) {}

  const Network& network() const override { return learner_.network(); }
  std::span<const float> params() const override { return learner_.params(); }
  Behaviour behaviour(double epsilon) const override {
    return {.epsilon = epsilon, .sample = true};
  }
  std::int64_t updates() const override { return learner_.updates(); }
  std::uint64_t hash(std::uint64_t hash) const override { return learner_.hash(hash); }

  void start_from(const TensorFile& weights, const std::string& label) override {
    const std::span<float> params = learner_.params();
    learner_.network().layout.from_tensors(weights, label, params);
    std::copy(params.begin(), params.end(), learner_.target().begin());
  }

  void learn(const Played& played) override {
    played.enter(Phase::kUpdate);
    views_.clear();
    streams_.clear();
    const int count = played.rollout.count();
    for (int e = 0; e < count; ++e) {
      views_.push_back(played.rollout.episode(e));
      streams_.emplace_back(seed_, purpose("bootstrap"), 0,
                            static_cast<std::uint64_t>(played.episodes - count + e));
    }
    ComaTrace trace;
    const ComaStats stats =
        learner_.update(views_, played.epsilon, streams_, watch_ ? &trace : nullptr);
    if (watch_) report(played.epsilon, stats, std::move(trace));
    window_.add(stats);
  }

  void take_metrics(Metrics& metrics) override {
    for (const int group : {0, 1}) window_.append(group, metrics);
    window_.clear();
  }

  void save(ByteWriter& out) const override {
    out.put_tag("coma_training");
    window_.save(out);
    learner_.save(out);
  }
  void load(ByteReader& in) override {
    in.expect_tag("coma_training");
    window_.load(in);
    learner_.load(in);
  }

 private:
  void report(double epsilon, const ComaStats& stats, ComaTrace trace) const {
    UpdateRecord record;
    record.epsilon = epsilon;
    record.slots = trace.slots;
    for (const EpisodeView& v : views_) record.episodes.push_back(plain_episode(shape_, v));
    record.choices["bootstrap"] = std::move(trace.bootstrap);
    record.losses = {{"loss", stats.loss}, {"critic_loss", stats.critic_loss}};
    record.values = {{"targets", std::move(trace.targets)},
                     {"advantages", std::move(trace.advantages)},
                     {"critic_q", std::move(trace.q)},
                     {"pi", std::move(trace.pi)}};
    // Critic steps begin with the last slot; then comes the actor's.
    record.gradients.assign(trace.critic_grads.rbegin(), trace.critic_grads.rend());
    const auto critic = static_cast<std::ptrdiff_t>(network().critic_begin);
    for (std::vector<float>& g : record.gradients) std::fill(g.begin(), g.begin() + critic, 0.0F);
    record.gradients.emplace_back(learner_.gradient().begin(), learner_.gradient().end());
    std::fill(record.gradients.back().begin() + critic, record.gradients.back().end(), 0.0F);
    record.params = learner_.params();
    watch_(record);
  }

  EnvShape shape_;
  std::uint64_t seed_;
  ComaLearner learner_;
  UpdateMeans<ComaStats> window_{coma_metrics()};
  std::vector<EpisodeView> views_;
  std::vector<Stream> streams_;
};

}  // namespace

std::unique_ptr<Training> make_coma_training(const EnvShape& shape, const TrainConfig& config) {
  return std::make_unique<ComaTraining>(shape, config);
}

}  // namespace credo
