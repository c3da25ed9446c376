// A run is what its parts say: the same loop written out by hand, with its schedules spelt out,
// leads to the same bits. And what the parts hand on: how episodes end, which streams evaluations
// draw from.
#include "learners/trainer.hpp"

#include <doctest/doctest.h>
#include <set>

#include "learners/algorithms/q_learner.hpp"
#include "learners/replay/replay_buffer.hpp"
#include "learners/rollout/rollout.hpp"
#include "tests/learners/training.hpp"

namespace {

using credo::Evaluation;
using credo::TrainConfig;
using credo::Trainer;
using learner_tests::short_env;
using learner_tests::sz;

TrainConfig small_config(const std::string& algorithm) {
  TrainConfig c = learner_tests::algorithm_config(algorithm);
  c.seed = 11;
  c.n_envs = 3;
  c.updates_per_episode = 0.5;
  c.replay_capacity = 24;
  c.learner.batch_size = 6;
  c.learner.target_update_interval = 9;
  c.agent.hidden_dim = 9;
  c.mixer.embed_dim = 5;
  c.mixer.hypernet_embed = 6;
  c.exploration = {.epsilon_start = 0.9, .epsilon_finish = 0.2, .epsilon_anneal_steps = 120};
  c.evaluation_interval = 1'000'000;
  c.evaluation_episodes = 5;
  c.t_max = 1'000'000;
  return c;
}

/// Epsilon falls in a straight line over the first epsilon_anneal_steps steps.
double epsilon_by_hand(const TrainConfig& c, std::int64_t t_env) {
  const auto& e = c.exploration;
  if (t_env >= e.epsilon_anneal_steps) return e.epsilon_finish;
  const double part = static_cast<double>(t_env) / static_cast<double>(e.epsilon_anneal_steps);
  return e.epsilon_start - (e.epsilon_start - e.epsilon_finish) * part;
}

/// Compares every iteration's online weights with those of a loop over the learner's parts.
void check_by_hand(const TrainConfig& c, int iterations) {
  const auto env = short_env("predator_prey/5x5", 8);
  Trainer trainer(*env, c);
  credo::Rollout rollout(*env, c.n_envs, false);
  credo::QLearner learner(rollout.shape(), c);
  credo::ReplayBuffer replay(rollout.shape(), c.replay_capacity);
  std::vector<const credo::Episode*> batch(sz(c.learner.batch_size));
  std::int64_t t_env = 0;
  std::int64_t episodes = 0;
  std::int64_t updates = 0;
  std::int64_t copied_at = 0;
  int copies = 0;
  double owed = 0.0;
  for (int i = 0; i < iterations; ++i) {
    CAPTURE(i);
    std::vector<credo::EpisodeStreams> streams;
    for (int e = 0; e < c.n_envs; ++e) {
      const auto episode = static_cast<std::uint64_t>(episodes + e);
      streams.push_back({credo::Stream(c.seed, credo::purpose("env"), 0, episode),
                         credo::Stream(c.seed, credo::purpose("exploration"), 0, episode)});
    }
    rollout.play(learner.network(), learner.params().data(), {.epsilon = epsilon_by_hand(c, t_env)},
                 streams);
    for (int e = 0; e < c.n_envs; ++e) {
      t_env += rollout.episode(e).length;
      replay.add(rollout.episode(e));
    }
    episodes += c.n_envs;
    if (replay.size() >= c.learner.batch_size) {
      for (owed += c.updates_per_episode * c.n_envs; owed >= 1.0; owed -= 1.0, ++updates) {
        credo::Stream stream(c.seed, credo::purpose("replay"), 0,
                             static_cast<std::uint64_t>(updates));
        replay.sample(stream, batch);
        learner.apply_gradient(learner.compute_gradient(batch));
        if (c.learner.target_tau > 0.0) learner.blend_target();
      }
      // As soon as `interval` episodes have been played since the last copy.
      if (c.learner.target_tau == 0.0 && episodes >= copied_at + c.learner.target_update_interval) {
        learner.sync_target();
        copied_at = episodes;
        ++copies;
      }
    }
    trainer.iterate();
    REQUIRE(trainer.t_env() == t_env);
    REQUIRE(trainer.updates() == updates);
    credo::TensorFile by_hand;
    learner.network().layout.to_tensors(learner.params(), by_hand);
    const credo::TensorFile weights = trainer.weights();
    for (const auto& [name, tensor] : by_hand.tensors)
      REQUIRE(learner_tests::same_bits(tensor.as<float>(), weights.tensors.at(name).as<float>()));
  }
  CHECK(t_env > 2 * c.exploration.epsilon_anneal_steps);
  CHECK(updates > 20);
  CHECK((copies > 3 || c.learner.target_tau > 0.0));
}

double metric(const credo::Metrics& metrics, const std::string& name) {
  for (const auto& [key, value] : metrics)
    if (key == name) return value;
  FAIL("no metric " << name);
  return 0.0;
}

TEST_SUITE("trainer") {
  TEST_CASE("the same loop by hand: exploration, updates owed, target copies at an interval") {
    check_by_hand(small_config("qmix"), 30);
    TrainConfig c = small_config("vdn");
    c.learner.target_update_interval = 7;  // not a multiple of the environments
    check_by_hand(c, 30);
  }

  TEST_CASE("the same loop by hand: soft targets and standardised rewards") {
    TrainConfig c = small_config("qmix");
    c.agent.recurrent = false;
    c.learner.target_tau = 0.1;
    c.learner.standardise_rewards = true;
    check_by_hand(c, 30);
  }

  TEST_CASE("epsilon is logged as it is used: from start to finish, then constant") {
    const auto env = short_env("predator_prey/5x5", 8);
    TrainConfig c = small_config("vdn");
    c.learner.batch_size = 20;
    Trainer trainer(*env, c);
    CHECK(metric(trainer.take_train_metrics(), "epsilon") == 0.9);
    bool between = false;
    while (trainer.t_env() < 300) {
      trainer.iterate();
      const double epsilon = metric(trainer.take_train_metrics(), "epsilon");
      CHECK(epsilon == doctest::Approx(epsilon_by_hand(c, trainer.t_env())).epsilon(1e-14));
      between = between || (epsilon > 0.2 && epsilon < 0.9);
      if (trainer.t_env() >= 120) CHECK(epsilon == 0.2);
    }
    CHECK(between);
  }

  TEST_CASE("an episode remembers whether it terminated or was cut, also in the replay") {
    for (const bool limit_is_terminal : {false, true}) {
      CAPTURE(limit_is_terminal);
      credo::Params params = credo::env_params("predator_prey/5x5");
      params.set("limit", std::int64_t{3});
      params.set("limit_is_terminal", limit_is_terminal);
      const auto env = credo::make_env("predator_prey/5x5", params);
      credo::Rollout rollout(*env, 6, false);
      const credo::QLearner learner(rollout.shape(), small_config("vdn"));
      std::vector<credo::EpisodeStreams> streams;
      for (std::uint64_t e = 0; e < 6; ++e)
        streams.push_back({credo::Stream(1, credo::purpose("env"), 0, e),
                           credo::Stream(1, credo::purpose("exploration"), 0, e)});
      rollout.play(learner.network(), learner.params().data(), {.epsilon = 1.0}, streams);
      credo::ReplayBuffer replay(rollout.shape(), 6);
      int cut = 0;
      for (int e = 0; e < 6; ++e) {
        replay.add(rollout.episode(e));
        if (rollout.episode(e).length < 3) continue;
        ++cut;
        CHECK(rollout.episode(e).terminated == limit_is_terminal);
      }
      CHECK(cut > 0);
      const std::vector<std::byte> bytes = learner_tests::saved(replay);
      credo::ReplayBuffer loaded(rollout.shape(), 6);
      credo::ByteReader in(bytes);
      loaded.load(in);
      std::vector<const credo::Episode*> kept(6), again(6);
      credo::Stream stream(1, credo::purpose("replay"));
      replay.sample(stream, kept);
      loaded.sample(stream, again);
      for (int e = 0; e < 6; ++e) {
        CHECK(kept[sz(e)]->terminated() == rollout.episode(e).terminated);
        CHECK(again[sz(e)]->terminated() == rollout.episode(e).terminated);
      }
    }
  }

  TEST_CASE("evaluation episodes draw from streams of their own, no two alike") {
    std::set<std::uint32_t> first_draws;
    std::size_t streams = 0;
    const auto add = [&](credo::Stream stream) {
      first_draws.insert(stream.bits32());
      ++streams;
    };
    for (const std::uint64_t seed : {0U, 1U})
      for (std::int64_t index = 0; index < 20; ++index) {
        const auto episode = static_cast<std::uint64_t>(index);
        add(credo::evaluation_streams(seed, index).env);
        add(credo::evaluation_streams(seed, index).policy);
        add(credo::Stream(seed, credo::purpose("env"), 0, episode));
        add(credo::Stream(seed, credo::purpose("exploration"), 0, episode));
      }
    CHECK(first_draws.size() == streams);
  }

  TEST_CASE("one evaluation after the other plays new episodes, those of their indices") {
    const auto env = short_env("stag_hunt/8x8", 10);
    const TrainConfig c = small_config("vdn");
    Trainer trainer(*env, c);
    std::set<double> starts;
    for (std::int64_t first : {0, 5, 10}) {
      trainer.iterate();
      const Evaluation evaluation = trainer.evaluate();
      REQUIRE(evaluation.episodes.size() == 5);
      // Played by hand, one episode of the five at a time.
      credo::Rollout rollout(*env, 1, false);
      const credo::QLearner learner(rollout.shape(), c);
      std::vector<float> params(learner.params().size());
      learner.network().layout.from_tensors(trainer.weights(), "weights", params);
      for (std::size_t i = 0; i < 5; ++i) {
        CHECK(evaluation.episodes[i].index == first + static_cast<std::int64_t>(i));
        std::vector<credo::EpisodeStreams> streams = {
            credo::evaluation_streams(c.seed, first + static_cast<std::int64_t>(i))};
        rollout.play(learner.network(), params.data(), {}, streams);
        CHECK(evaluation.episodes[i].episode_return == rollout.episode_return(0));
        CHECK(evaluation.episodes[i].length == rollout.episode(0).length);
        // The environment starts as the index says.
        const auto start = env->clone();
        start->reset(credo::evaluation_streams(c.seed, evaluation.episodes[i].index).env);
        std::vector<float> state(sz(env->spec().state_dim));
        start->write_state(state);
        double sum = 0.0;
        for (std::size_t k = 0; k < state.size(); ++k) sum += state[k] * static_cast<double>(k + 1);
        starts.insert(sum);
      }
    }
    CHECK(starts.size() > 12);  // of fifteen
  }
}

}  // namespace
