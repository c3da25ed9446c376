#include "learners/trainer.hpp"

#include <algorithm>
#include <cmath>
#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>

#include "learners/evaluator.hpp"
#include "learners/q_learner.hpp"
#include "learners/replay/replay_buffer.hpp"
#include "learners/rollout.hpp"

namespace credo {

namespace {

EnvShape shape_of(const EnvSpec& spec) {
  return {.n_agents = spec.n_agents,
          .n_actions = spec.n_actions,
          .obs_dim = spec.obs_dim,
          .state_dim = spec.state_dim};
}

double epsilon_at(const ExplorationConfig& c, std::int64_t t_env) {
  const double done = static_cast<double>(t_env) / static_cast<double>(c.epsilon_anneal_steps);
  return done >= 1.0 ? c.epsilon_finish
                     : c.epsilon_start - (c.epsilon_start - c.epsilon_finish) * done;
}

/// Sums since the last record; part of the saved state, so that a resumed run logs the same.
struct Window {
  std::int64_t episodes = 0;
  std::int64_t wins = 0;
  std::int64_t updates = 0;
  double returns = 0.0, lengths = 0.0;
  double loss = 0.0, td_loss = 0.0, entropy_loss = 0.0, grad_norm = 0.0, td_error_abs = 0.0;
  double q_taken = 0.0, target = 0.0, entropy = 0.0;
  double central_loss = 0.0, td_weight = 0.0, opt_loss = 0.0, nopt_loss = 0.0;
};

}  // namespace

struct Trainer::Impl {
  Impl(const Env& prototype, const TrainConfig& train_config)
      : config(train_config),
        shape(shape_of(prototype.spec())),
        learner(shape, config),
        replay(shape, config.replay_capacity),
        rollout(prototype, config.n_envs, true),
        evaluator(prototype),
        credit_window(static_cast<std::size_t>(shape.n_agents)),
        batch(static_cast<std::size_t>(config.learner.batch_size)) {}

  void play_episodes();
  void run_updates();
  void update_once();
  /// Multiples of `interval` passed so far, counting 0.
  std::int64_t marks(std::int64_t interval) const { return t_env / interval + 1; }

  TrainConfig config;
  EnvShape shape;
  QLearner learner;
  ReplayBuffer replay;
  Rollout rollout;
  Evaluator evaluator;

  std::int64_t t_env = 0;
  std::int64_t episodes = 0;
  std::int64_t updates = 0;
  std::int64_t last_target_sync = 0;  // in episodes
  double owed_updates = 0.0;
  std::int64_t evaluations = 0;
  std::int64_t evaluation_marks = 0;
  std::int64_t log_marks = 1;
  Window window;
  std::vector<double> credit_window;

  std::vector<EpisodeStreams> streams;
  std::vector<const Episode*> batch;
};

Trainer::Trainer(const Env& prototype, const TrainConfig& config)
    : impl_(std::make_unique<Impl>(prototype, config)) {}
Trainer::~Trainer() = default;

std::int64_t Trainer::t_env() const { return impl_->t_env; }
std::int64_t Trainer::episodes() const { return impl_->episodes; }
std::int64_t Trainer::updates() const { return impl_->updates; }
bool Trainer::finished() const { return impl_->t_env >= impl_->config.t_max; }

void Trainer::iterate() {
  impl_->play_episodes();
  impl_->run_updates();
}

// Epsilon is that of the batch's first step, as in PyMARL's runners.
void Trainer::Impl::play_episodes() {
  const double epsilon = epsilon_at(config.exploration, t_env);
  streams.clear();
  for (int e = 0; e < config.n_envs; ++e) {
    const auto episode = static_cast<std::uint64_t>(episodes + e);
    streams.push_back({Stream(config.seed, purpose("env"), 0, episode),
                       Stream(config.seed, purpose("exploration"), 0, episode)});
  }
  rollout.play(learner.network(), learner.params().data(), epsilon, streams);
  for (int e = 0; e < config.n_envs; ++e) {
    const EpisodeView view = rollout.episode(e);
    replay.add(view);
    t_env += view.length;
    ++episodes;
    ++window.episodes;
    window.returns += rollout.episode_return(e);
    window.lengths += view.length;
    if (rollout.env(e).won().value_or(false)) ++window.wins;
  }
}

// Updates are owed per episode played; those that fall before the replay holds a batch are skipped,
// as in PyMARL.
void Trainer::Impl::run_updates() {
  const auto in_batch = static_cast<double>(config.n_envs);
  if (replay.size() < config.learner.batch_size) return;
  owed_updates += config.updates_per_episode * in_batch;
  while (owed_updates >= 1.0) {
    owed_updates -= 1.0;
    update_once();
  }
  if (episodes - last_target_sync >= config.learner.target_update_interval) {
    learner.sync_target();
    last_target_sync = episodes;
  }
}

void Trainer::Impl::update_once() {
  Stream stream(config.seed, purpose("replay"), 0, static_cast<std::uint64_t>(updates));
  replay.sample(stream, batch);
  const UpdateStats& stats = learner.compute_gradient(batch);
  if (!std::isfinite(stats.loss) || !std::isfinite(stats.grad_norm))
    throw DivergedError(fmt::format("update {} (t_env {}): loss {}, gradient norm {}", updates,
                                    t_env, stats.loss, stats.grad_norm));
  learner.apply_gradient(stats);
  ++updates;
  ++window.updates;
  window.loss += stats.loss;
  window.td_loss += stats.td_loss;
  window.entropy_loss += stats.entropy_loss;
  window.grad_norm += stats.grad_norm;
  window.td_error_abs += stats.td_error_abs;
  window.q_taken += stats.q_taken_mean;
  window.target += stats.target_mean;
  window.entropy += stats.entropy_mean;
  window.central_loss += stats.central_loss;
  window.td_weight += stats.td_weight_mean;
  window.opt_loss += stats.opt_loss;
  window.nopt_loss += stats.nopt_loss;
  for (std::size_t i = 0; i < stats.credit_mean.size(); ++i)
    credit_window[i] += stats.credit_mean[i];
}

bool Trainer::evaluation_due() const {
  return impl_->marks(impl_->config.evaluation_interval) > impl_->evaluation_marks;
}

Evaluation Trainer::evaluate() {
  Impl& i = *impl_;
  const int count = i.config.evaluation_episodes;
  Evaluation evaluation = i.evaluator.run(i.learner.network(), i.learner.params().data(), count,
                                          i.config.seed, i.evaluations * count);
  ++i.evaluations;
  i.evaluation_marks = i.marks(i.config.evaluation_interval);
  return evaluation;
}

bool Trainer::log_due() const {
  return impl_->marks(impl_->config.log_interval) > impl_->log_marks;
}

Metrics Trainer::take_train_metrics() {
  Impl& i = *impl_;
  const Window& w = i.window;
  Metrics metrics;
  metrics.emplace_back("episode", static_cast<double>(i.episodes));
  metrics.emplace_back("update", static_cast<double>(i.updates));
  metrics.emplace_back("epsilon", epsilon_at(i.config.exploration, i.t_env));
  if (w.episodes > 0) {
    const auto n = static_cast<double>(w.episodes);
    metrics.emplace_back("return_mean", w.returns / n);
    metrics.emplace_back("ep_length_mean", w.lengths / n);
    if (i.rollout.env(0).won().has_value())
      metrics.emplace_back("win_rate", static_cast<double>(w.wins) / n);
    metrics.emplace_back("updates_per_env_step", static_cast<double>(w.updates) / w.lengths);
  }
  if (w.updates > 0) {
    const auto n = static_cast<double>(w.updates);
    metrics.emplace_back("loss", w.loss / n);
    metrics.emplace_back("td_loss", w.td_loss / n);
    metrics.emplace_back("grad_norm", w.grad_norm / n);
    metrics.emplace_back("td_error_abs", w.td_error_abs / n);
    metrics.emplace_back("q_taken_mean", w.q_taken / n);
    metrics.emplace_back("target_mean", w.target / n);
    if (i.learner.network().central != nullptr) {
      metrics.emplace_back("central_loss", w.central_loss / n);
      metrics.emplace_back("td_weight_mean", w.td_weight / n);
    }
    if (i.config.mixer.kind == MixerKind::kQtran) {
      metrics.emplace_back("opt_loss", w.opt_loss / n);
      metrics.emplace_back("nopt_loss", w.nopt_loss / n);
    }
    if (i.learner.network().mixer->has_credits()) {
      if (i.config.entropy.enabled) metrics.emplace_back("entropy_loss", w.entropy_loss / n);
      if (i.shape.n_agents > 1) metrics.emplace_back("entropy_mean", w.entropy / n);
      for (std::size_t a = 0; a < i.credit_window.size(); ++a)
        metrics.emplace_back(fmt::format("credit_{}", a), i.credit_window[a] / n);
    }
  }
  i.window = {};
  std::fill(i.credit_window.begin(), i.credit_window.end(), 0.0);
  i.log_marks = i.marks(i.config.log_interval);
  return metrics;
}

TensorFile Trainer::weights() const {
  TensorFile file;
  const ParamLayout& layout = impl_->learner.network().layout;
  layout.to_tensors(impl_->learner.params(), file);
  file.metadata["format"] = "credo-weights-1";
  file.metadata["t_env"] = fmt::format("{}", impl_->t_env);
  file.metadata["n_agents"] = fmt::format("{}", impl_->shape.n_agents);
  file.metadata["n_actions"] = fmt::format("{}", impl_->shape.n_actions);
  return file;
}

std::uint64_t Trainer::state_hash() const {
  const auto add = [](std::uint64_t hash, std::span<const float> values) {
    return XXH64(values.data(), values.size_bytes(), hash);
  };
  const QLearner& learner = impl_->learner;
  std::uint64_t hash = 0;
  hash = add(hash, learner.params());
  hash = add(hash, learner.target());
  hash = add(hash, learner.optimizer().exp_avg());
  hash = add(hash, learner.optimizer().square_avg());
  const std::int64_t counters[] = {impl_->t_env, impl_->episodes, impl_->updates};
  return XXH64(counters, sizeof(counters), hash);
}

void Trainer::save(ByteWriter& out) const {
  const Impl& i = *impl_;
  out.put_tag("trainer");
  for (const std::int64_t x : {i.t_env, i.episodes, i.updates, i.last_target_sync, i.evaluations,
                               i.evaluation_marks, i.log_marks})
    out.put(x);
  out.put(i.owed_updates);
  out.put(i.window);
  out.put_vector(i.credit_window);
  i.learner.save(out);
  i.replay.save(out);
  out.put_tag("end");
}

void Trainer::load(ByteReader& in) {
  Impl& i = *impl_;
  in.expect_tag("trainer");
  for (std::int64_t* x : {&i.t_env, &i.episodes, &i.updates, &i.last_target_sync, &i.evaluations,
                          &i.evaluation_marks, &i.log_marks})
    *x = in.get<std::int64_t>();
  i.owed_updates = in.get<double>();
  i.window = in.get<Window>();
  in.get_span(std::span<double>(i.credit_window));
  i.learner.load(in);
  i.replay.load(in);
  in.expect_tag("end");
  CREDO_CHECK(in.at_end(), "saved state has trailing bytes");
}

}  // namespace credo
