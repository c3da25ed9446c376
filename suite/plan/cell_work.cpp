#include "suite/plan/cell_work.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

#include "learners/network.hpp"
#include "learners/rollout/evaluation.hpp"
#include "learners/trainer.hpp"
#include "suite/run/runner.hpp"

namespace credo::suite {
namespace {

// Episodes of the probe: at least so many, more where they are short.
constexpr int kFewEpisodes = 8;
constexpr int kManyEpisodes = 64;
constexpr std::int64_t kProbeSteps = 2000;

std::size_t saved_bytes(const Trainer& trainer) {
  std::size_t bytes = 0;
  trainer.save([&](std::span<const std::byte> piece) { bytes += piece.size(); });
  return bytes;
}

// A row of a batch meets the weights of one agent, whether or not others have their own.
void count_weights(const EnvShape& shape, const TrainConfig& config, CellWork& work) {
  const auto for_each_tensor = [&](bool shared, const auto& body) {
    TrainConfig c = config;
    c.agent.shared = shared;
    const Network network(shape, c);
    for (const ParamLayout::Entry& e : network.layout.entries())
      body(e.name, static_cast<double>(e.out) * std::max(e.in, 1));
  };
  for_each_tensor(true, [&](const std::string& name, double size) {
    (name.starts_with("agent.") ? work.agent_weights : work.other_weights) += size;
  });
  if (config.agent.shared) return;
  double all = 0.0;
  for_each_tensor(false, [&](const std::string&, double size) { all += size; });
  work.further_weights = std::max(0.0, all - work.agent_weights - work.other_weights);
}

// Training begins with random play (epsilon 1): lengths and stored bytes of episodes come from a
// trainer that has only played.
void probe_learner(const Env& env, TrainConfig config, CellWork& work) {
  config.exploration.epsilon_start = 1.0;
  config.exploration.epsilon_finish = 1.0;
  config.learner.batch_size = std::max(config.learner.batch_size, 2 * kManyEpisodes);
  config.replay_capacity = std::max(config.replay_capacity, config.learner.batch_size);
  config.n_envs = std::min(config.n_envs, kFewEpisodes);
  count_weights(shape_of(env.spec()), config, work);
  Trainer trainer(env, config);
  const std::size_t before = saved_bytes(trainer);
  while (trainer.episodes() < kFewEpisodes ||
         (trainer.episodes() < kManyEpisodes && trainer.t_env() < kProbeSteps))
    trainer.iterate();
  const auto episodes = static_cast<double>(trainer.episodes());
  work.episode_length = static_cast<double>(trainer.t_env()) / episodes;
  work.episode_bytes = static_cast<double>(saved_bytes(trainer) - before) / episodes;
}

void count_training(const RunConfig& config, const Env& env, CellWork& work) {
  const TrainConfig train = config.train_config();
  probe_learner(env, train, work);
  const auto t_max = static_cast<double>(train.t_max);
  work.n_envs = train.n_envs;
  work.batch_size = train.learner.batch_size;
  // Episodes come in batches of n_envs.
  const double batches = std::ceil(t_max / (work.episode_length * train.n_envs));
  work.train_episodes = batches * train.n_envs;
  work.train_steps = work.train_episodes * work.episode_length;
  if (train.learner.kind != LearnerKind::kQLearning) {  // on-policy
    work.batch_size = train.n_envs;                     // learns from the episodes just played
    work.updates = train.learner.kind == LearnerKind::kPpo ? batches * train.ppo.epochs : batches;
  } else {
    const double waiting = std::ceil(static_cast<double>(work.batch_size) / train.n_envs) - 1;
    work.updates =
        std::floor(std::max(0.0, batches - waiting) * train.n_envs * train.updates_per_episode);
    work.replay_episodes =
        std::min(work.train_episodes, static_cast<double>(train.replay_capacity));
  }
  // One at the beginning, one after every batch that passes a multiple of the interval, the last
  // excepted; then the final one.
  const double last_start = (batches - 1) * work.episode_length * train.n_envs;
  const double passed = std::floor(last_start / static_cast<double>(train.evaluation_interval));
  work.evaluations = 1 + std::min(batches, 1 + passed);
  work.checkpoints = std::floor(
      (t_max - 1) / static_cast<double>(config.run_params().integer("run.checkpoint_interval")));
}

}  // namespace

CellWork WorkCounter::count(const RunConfig& config) {
  const auto found = known_.find(config.settings_id());
  if (found != known_.end()) return found->second;
  check_run(config);
  const auto env = make_run_env(config);
  const EnvSpec& spec = env->spec();
  CellWork work;
  work.env = config.env_id();
  work.algorithm = config.algorithm();
  work.is_learning = config.is_learning();
  work.n_agents = spec.n_agents;
  work.episode_limit = spec.episode_limit;
  work.floats_per_step = static_cast<double>(spec.n_agents) * spec.obs_dim + spec.state_dim;
  if (work.is_learning) {
    count_training(config, *env, work);
  } else {
    work.episode_length = evaluate_fixed_policy(*env, "random", kManyEpisodes, 0).length_mean();
    work.evaluations = 1;
    work.train_steps = static_cast<double>(budget(config));
    work.train_episodes = work.train_steps / work.episode_length;
  }
  const auto episodes = static_cast<double>(config.train_params().integer("evaluation.episodes"));
  const auto factor = static_cast<double>(config.absolute_factor());
  work.evaluation_steps = (work.evaluations + factor) * episodes * work.episode_length;
  if (factor > 0) work.evaluations += 1;
  known_.emplace(config.settings_id(), work);
  return work;
}

}  // namespace credo::suite
