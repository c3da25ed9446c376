#include "learners/trainer.hpp"

#include <algorithm>
#include <optional>
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

}  // namespace

struct Trainer::Impl {
  Impl(const Env& prototype, const TrainConfig& train_config)
      : config(train_config),
        shape(shape_of(prototype.spec())),
        training(make_training(shape, config)),
        rollout(prototype, config.n_envs, true),
        evaluator(prototype) {}

  /// A number of the training log that does not come from the updates.
  struct Metric {
    MetricInfo info;
    std::function<std::optional<double>(const Impl&)> value;
  };
  static const std::vector<Metric>& own_metrics();

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
    streams.push_back({.env = Stream(config.seed, purpose("env"), 0, episode),
                       .policy = Stream(config.seed, purpose("exploration"), 0, episode)});
  }
  rollout.play(training->network(), training->params().data(), training->behaviour(epsilon),
               streams);
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
    training->learn({.rollout = rollout, .epsilon = epsilon, .episodes = episodes, .hook = hook});
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

const std::vector<Trainer::Impl::Metric>& Trainer::Impl::own_metrics() {
  const auto per_episode = [](const Impl& i, double sum) -> std::optional<double> {
    if (i.window.episodes == 0) return std::nullopt;
    return sum / static_cast<double>(i.window.episodes);
  };
  static const std::vector<Metric> kMetrics = {
      {{"episode", 0, "training episodes so far"},
       [](const Impl& i) { return std::optional(static_cast<double>(i.episodes)); }},
      {{"update", 0, "optimiser steps so far"},
       [](const Impl& i) { return std::optional(static_cast<double>(i.training->updates())); }},
      {{"epsilon", 3, "probability of a random action"},
       [](const Impl& i) -> std::optional<double> {
         if (i.config.learner.kind == LearnerKind::kPpo) return std::nullopt;
         return epsilon_at(i.config.exploration, i.t_env);
       }},
      {{"return_mean", 3, "mean return of the training episodes"},
       [=](const Impl& i) { return per_episode(i, i.window.returns); }},
      {{"ep_length_mean", 1, "mean length of the training episodes, in steps"},
       [=](const Impl& i) { return per_episode(i, i.window.lengths); }},
      {{"win_rate", 3, "share of the training episodes won, where the environment has wins"},
       [=](const Impl& i) {
         return i.rollout.env(0).won().has_value()
                    ? per_episode(i, static_cast<double>(i.window.wins))
                    : std::nullopt;
       }},
      {{"updates_per_env_step", 4, "optimiser steps per environment step"},
       [](const Impl& i) -> std::optional<double> {
         if (i.window.episodes == 0) return std::nullopt;
         return static_cast<double>(i.training->updates() - i.window.updates_before) /
                i.window.lengths;
       }},
  };
  return kMetrics;
}

std::vector<MetricInfo> train_metrics() {
  std::vector<MetricInfo> list;
  for (const auto& metric : Trainer::Impl::own_metrics()) list.push_back(metric.info);
  for (const MetricInfo& info : update_metrics()) {
    const auto known = std::find_if(list.begin(), list.end(), [&](const MetricInfo& other) {
      return std::string_view(other.name) == info.name;
    });
    if (known == list.end()) list.push_back(info);
  }
  return list;
}

Metrics Trainer::take_train_metrics() {
  Impl& i = *impl_;
  Metrics metrics;
  for (const auto& metric : Impl::own_metrics())
    if (const auto value = metric.value(i)) metrics.emplace_back(metric.info.name, *value);
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

std::uint64_t Trainer::state_hash() const {
  const std::int64_t counters[] = {impl_->t_env, impl_->episodes, updates()};
  return XXH64(counters, sizeof(counters), impl_->training->hash(0));
}

void Trainer::save(const ByteSink& sink, ReplayContent content) const {
  const Impl& i = *impl_;
  ByteWriter out;
  out.put_tag("trainer");
  for (const std::int64_t x : {i.t_env, i.episodes, i.evaluations, i.evaluation_marks, i.log_marks})
    out.put(x);
  out.put(i.window);
  i.training->save(out);
  sink(out.take());
  if (const ReplayBuffer* replay = i.training->replay()) replay->save(sink, content);
  out.put_tag("end");
  sink(out.take());
}

std::vector<ReplayPart> Trainer::replay_parts() const {
  const ReplayBuffer* replay = impl_->training->replay();
  return replay ? replay->parts() : std::vector<ReplayPart>{};
}

void Trainer::save_part(const ReplayPart& part, const ByteSink& sink) const {
  const ReplayBuffer* replay = impl_->training->replay();
  CREDO_CHECK(replay != nullptr, "there is no replay");
  replay->save_part(part, sink);
}

void Trainer::load(ByteReader& in) {
  Impl& i = *impl_;
  in.expect_tag("trainer");
  for (std::int64_t* x : {&i.t_env, &i.episodes, &i.evaluations, &i.evaluation_marks, &i.log_marks})
    *x = in.get<std::int64_t>();
  i.window = in.get<Window>();
  i.training->load(in);
  if (ReplayBuffer* replay = i.training->replay()) replay->load(in);
  in.expect_tag("end");
  CREDO_CHECK(in.at_end(), "saved state has trailing bytes");
}

std::vector<ReplayPart> Trainer::missing_parts() const {
  const ReplayBuffer* replay = impl_->training->replay();
  return replay ? replay->missing_parts() : std::vector<ReplayPart>{};
}

void Trainer::load_part(const ReplayPart& part, ByteReader& in) {
  ReplayBuffer* replay = impl_->training->replay();
  CREDO_CHECK(replay != nullptr, "there is no replay");
  replay->load_part(part, in);
}

}  // namespace credo
