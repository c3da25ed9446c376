#include "learners/trainer.hpp"

#include <algorithm>
#include <cmath>
#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>

#include "learners/algorithms/training.hpp"
#include "learners/rollout/evaluator.hpp"
#include "learners/rollout/rollout.hpp"

namespace credo {

namespace {

double epsilon_at(const ExplorationConfig& c, std::int64_t t_env) {
  const double done = static_cast<double>(t_env) / static_cast<double>(c.epsilon_anneal_steps);
  return done >= 1.0 ? c.epsilon_finish
                     : c.epsilon_start - (c.epsilon_start - c.epsilon_finish) * done;
}

/// Sums since the last record; part of the saved state, so that a resumed run logs the same.
struct Window {
  std::int64_t episodes = 0;
  std::int64_t wins = 0;
  std::int64_t updates_before = 0;  ///< updates at the last record
  double returns = 0.0, lengths = 0.0;
};

std::unique_ptr<Training> make_training(const EnvShape& shape, const TrainConfig& config) {
  return config.learner.kind == LearnerKind::kComa ? make_coma_training(shape, config)
                                                   : make_value_training(shape, config);
}

}  // namespace

struct Trainer::Impl {
  Impl(const Env& prototype, const TrainConfig& train_config)
      : config(train_config),
        shape(shape_of(prototype.spec())),
        training(make_training(shape, config)),
        rollout(prototype, config.n_envs, true),
        evaluator(prototype) {}

  void iterate();
  /// Multiples of `interval` passed so far, counting 0.
  std::int64_t marks(std::int64_t interval) const { return t_env / interval + 1; }

  TrainConfig config;
  EnvShape shape;
  std::unique_ptr<Training> training;
  Rollout rollout;
  Evaluator evaluator;

  std::int64_t t_env = 0;
  std::int64_t episodes = 0;
  std::int64_t evaluations = 0;
  std::int64_t evaluation_marks = 0;
  std::int64_t log_marks = 1;
  Window window;
  std::vector<EpisodeStreams> streams;
  PhaseHook hook;
};

Trainer::Trainer(const Env& prototype, const TrainConfig& config)
    : impl_(std::make_unique<Impl>(prototype, config)) {}
Trainer::~Trainer() = default;

void Trainer::start_from(const TensorFile& weights, const std::string& label) {
  CREDO_CHECK(impl_->t_env == 0, "start_from: training has begun");
  impl_->training->start_from(weights, label);
}

std::int64_t Trainer::t_env() const { return impl_->t_env; }
std::int64_t Trainer::episodes() const { return impl_->episodes; }
std::int64_t Trainer::updates() const { return impl_->training->updates(); }
bool Trainer::finished() const { return impl_->t_env >= impl_->config.t_max; }

void Trainer::on_phase(PhaseHook hook) { impl_->hook = std::move(hook); }
void Trainer::on_update(UpdateWatch watch) { impl_->training->watch(std::move(watch)); }
void Trainer::iterate() { impl_->iterate(); }
const Network& Trainer::network() const { return impl_->training->network(); }
std::span<const float> Trainer::params() const { return impl_->training->params(); }

// Epsilon is that of the batch's first step, as in PyMARL's runners.
void Trainer::Impl::iterate() {
  const double epsilon = epsilon_at(config.exploration, t_env);
  if (hook) hook(Phase::kRollout);
  streams.clear();
  for (int e = 0; e < config.n_envs; ++e) {
    const auto episode = static_cast<std::uint64_t>(episodes + e);
    streams.push_back({Stream(config.seed, purpose("env"), 0, episode),
                       Stream(config.seed, purpose("exploration"), 0, episode)});
  }
  rollout.play(training->network(), training->params().data(),
               {.epsilon = epsilon, .sample = training->samples_actions()}, streams);
  for (int e = 0; e < config.n_envs; ++e) {
    const int length = rollout.episode(e).length;
    t_env += length;
    ++episodes;
    ++window.episodes;
    window.returns += rollout.episode_return(e);
    window.lengths += length;
    if (rollout.env(e).won().value_or(false)) ++window.wins;
  }
  try {
    training->learn({rollout, epsilon, episodes, hook});
  } catch (const DivergedError& error) {
    throw DivergedError(fmt::format("{} (t_env {})", error.what(), t_env));
  }
}

bool Trainer::evaluation_due() const {
  return impl_->marks(impl_->config.evaluation_interval) > impl_->evaluation_marks;
}

Evaluation Trainer::evaluate() {
  Impl& i = *impl_;
  const int count = i.config.evaluation_episodes;
  Evaluation evaluation = i.evaluator.run(i.training->network(), i.training->params().data(), count,
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
  metrics.emplace_back("update", static_cast<double>(updates()));
  metrics.emplace_back("epsilon", epsilon_at(i.config.exploration, i.t_env));
  if (w.episodes > 0) {
    const auto n = static_cast<double>(w.episodes);
    metrics.emplace_back("return_mean", w.returns / n);
    metrics.emplace_back("ep_length_mean", w.lengths / n);
    if (i.rollout.env(0).won().has_value())
      metrics.emplace_back("win_rate", static_cast<double>(w.wins) / n);
    metrics.emplace_back("updates_per_env_step",
                         static_cast<double>(updates() - w.updates_before) / w.lengths);
  }
  i.training->take_metrics(metrics);
  i.window = {.updates_before = updates()};
  i.log_marks = i.marks(i.config.log_interval);
  return metrics;
}

TensorFile Trainer::weights() const {
  TensorFile file;
  impl_->training->network().layout.to_tensors(impl_->training->params(), file);
  file.metadata["format"] = "credo-weights-1";
  file.metadata["t_env"] = fmt::format("{}", impl_->t_env);
  file.metadata["n_agents"] = fmt::format("{}", impl_->shape.n_agents);
  file.metadata["n_actions"] = fmt::format("{}", impl_->shape.n_actions);
  return file;
}

std::uint64_t hash_floats(std::uint64_t hash, std::span<const float> values) {
  return XXH64(values.data(), values.size_bytes(), hash);
}

std::uint64_t hash_reward_scale(std::uint64_t hash, const RewardScale& scale) {
  const double moments[] = {scale.mean(), scale.variance(), scale.count()};
  return XXH64(moments, sizeof(moments), hash);
}

void check_finite(std::int64_t update, const char* what, double loss, double grad_norm) {
  if (!std::isfinite(loss) || !std::isfinite(grad_norm))
    throw DivergedError(
        fmt::format("update {}, {}: loss {}, gradient norm {}", update, what, loss, grad_norm));
}

std::uint64_t Trainer::state_hash() const {
  const std::int64_t counters[] = {impl_->t_env, impl_->episodes, updates()};
  return XXH64(counters, sizeof(counters), impl_->training->hash(0));
}

void Trainer::save(ByteWriter& out) const {
  const Impl& i = *impl_;
  out.put_tag("trainer");
  for (const std::int64_t x : {i.t_env, i.episodes, i.evaluations, i.evaluation_marks, i.log_marks})
    out.put(x);
  out.put(i.window);
  i.training->save(out);
  out.put_tag("end");
}

void Trainer::load(ByteReader& in) {
  Impl& i = *impl_;
  in.expect_tag("trainer");
  for (std::int64_t* x : {&i.t_env, &i.episodes, &i.evaluations, &i.evaluation_marks, &i.log_marks})
    *x = in.get<std::int64_t>();
  i.window = in.get<Window>();
  i.training->load(in);
  in.expect_tag("end");
  CREDO_CHECK(in.at_end(), "saved state has trailing bytes");
}

}  // namespace credo
