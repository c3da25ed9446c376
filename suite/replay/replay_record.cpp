#include "suite/replay/replay_record.hpp"

#include <fmt/format.h>

#include "learners/network.hpp"
#include "learners/rollout/evaluation.hpp"
#include "learners/rollout/rollout.hpp"
#include "suite/common/build_info.hpp"
#include "suite/run/inputs.hpp"

namespace credo::suite {
namespace {

ReplayLog start_log(const Env& prototype, const std::string& policy, std::uint64_t seed) {
  const EnvSpec& spec = prototype.spec();
  ReplayLog log;
  log.env = spec.id;
  for (const ParamSpec& param : spec.params) log.params.emplace_back(param.name, param.value);
  for (const auto& [key, contents] : spec.inputs)
    for (const auto& [name, text] : contents)
      log.params.emplace_back(
          fmt::format("{}/{}{}{}", kInputsFolder, key, name.empty() ? "" : "/", name), text);
  log.policy = policy;
  log.seed = seed;
  log.version = build_info().version + " " + build_info().commit;
  log.n_agents = spec.n_agents;
  log.n_actions = spec.n_actions;
  return log;
}

}  // namespace

ReplayLog record_fixed_policy(const Env& prototype, const FixedPolicy& policy, int episodes,
                              std::uint64_t seed) {
  ReplayLog log = start_log(prototype, policy.name, seed);
  const auto env = prototype.clone();
  FixedPlayer player(*env, policy);
  std::vector<int> actions(static_cast<std::size_t>(log.n_agents));
  for (int k = 0; k < episodes; ++k) {
    LoggedEpisode episode;
    episode.index = k;
    EpisodeStreams streams = evaluation_streams(seed, k);
    env->reset(streams.env);
    player.reset();
    while (!env->done()) {
      streams.policy.seek(static_cast<std::uint64_t>(env->t()));
      player.act(*env, streams.policy, actions);
      episode.actions.insert(episode.actions.end(), actions.begin(), actions.end());
      const StepResult result = env->step(actions);
      episode.episode_return += result.reward;
      episode.terminated = result.terminated;
    }
    episode.length = env->t();
    episode.won = env->won();
    log.episodes.push_back(std::move(episode));
  }
  return log;
}

ReplayLog record_weights(const Env& prototype, const RunConfig& config, const TensorFile& weights,
                         int episodes, std::uint64_t seed) {
  ReplayLog log = start_log(prototype, config.algorithm(), seed);
  const EnvSpec& spec = prototype.spec();
  const Network network(shape_of(spec), config.train_config());
  std::vector<float> params(network.layout.size());
  network.layout.from_tensors(weights, "weights", params);
  Rollout rollout(prototype, 1, false);
  for (int k = 0; k < episodes; ++k) {
    std::vector<EpisodeStreams> streams = {evaluation_streams(seed, k)};
    rollout.play(network, params.data(), {}, streams);
    const EpisodeView view = rollout.episode(0);
    LoggedEpisode episode;
    episode.index = k;
    for (int t = 0; t < view.length; ++t) {
      const int* row = view.actions + t * view.action_stride;
      episode.actions.insert(episode.actions.end(), row, row + spec.n_agents);
    }
    episode.length = view.length;
    episode.terminated = view.terminated;
    episode.episode_return = rollout.episode_return(0);
    episode.won = rollout.env(0).won();
    log.episodes.push_back(std::move(episode));
  }
  return log;
}

}  // namespace credo::suite
