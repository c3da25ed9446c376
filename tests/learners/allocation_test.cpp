// In the long run playing, storing and learning allocate nothing: this program counts every
// allocation of its own thread. oneTBB's own pools do not come through operator new.
#include <doctest/doctest.h>
#include <vector>

#include "learners/algorithms/q_learner.hpp"
#include "learners/replay/replay_buffer.hpp"
#include "learners/rollout/rollout.hpp"
#include "tests/allocation_counter.hpp"
#include "tests/learners/training.hpp"

namespace {

constexpr int kEnvs = 4;
constexpr int kCapacity = 32;
constexpr int kBatch = 8;

/// An algorithm's settings, as they are or with EPyMARL's: soft targets, standardised rewards,
/// agents without recurrence, weights of their own.
credo::TrainConfig config_of(const std::string& algorithm, bool epymarl) {
  credo::TrainConfig config = learner_tests::algorithm_config(algorithm);
  config.n_envs = kEnvs;
  config.agent.recurrent = !epymarl;
  config.agent.shared = !epymarl;
  config.learner.target_tau = epymarl ? 0.01 : 0.0;
  config.learner.standardise_rewards = epymarl;
  return config;
}

/// Rounds of playing kEnvs episodes, storing them and one update; allocations of the last rounds.
std::size_t allocations_of_value_learner(const credo::TrainConfig& config) {
  const auto env = learner_tests::short_env("predator_prey/5x5", 12);
  credo::Rollout rollout(*env, kEnvs, true);
  credo::QLearner learner(rollout.shape(), config);
  credo::ReplayBuffer replay(rollout.shape(), kCapacity);
  std::vector<credo::EpisodeStreams> streams;
  std::vector<const credo::Episode*> batch(kBatch);
  std::size_t counted = 0;
  for (std::uint64_t round = 0; round < 120; ++round) {
    const std::size_t before = n_allocations;
    streams.clear();
    for (std::uint64_t e = 0; e < kEnvs; ++e)
      streams.push_back({credo::Stream(0, credo::purpose("env"), 0, round * kEnvs + e),
                         credo::Stream(0, credo::purpose("exploration"), 0, round * kEnvs + e)});
    rollout.play(learner.network(), learner.params().data(), {.epsilon = 0.5}, streams);
    const std::size_t played = n_allocations - before;
    // A slot of the replay grows to the longest episode it has held: not counted.
    for (int e = 0; e < kEnvs; ++e) replay.add(rollout.episode(e));
    if (replay.size() < kBatch) continue;
    const std::size_t stored = n_allocations;
    credo::Stream stream(0, credo::purpose("replay"), 0, round);
    replay.sample(stream, batch);
    learner.apply_gradient(learner.compute_gradient(batch));
    if (config.learner.target_tau > 0.0)
      learner.blend_target();
    else if (round % 10 == 0)
      learner.sync_target();
    if (round >= 60) counted += played + (n_allocations - stored);
  }
  return counted;
}

/// Whole iterations of a trainer: what learns on policy stores nothing.
std::size_t allocations_of_trainer(const credo::TrainConfig& config) {
  const auto env = learner_tests::short_env("predator_prey/5x5", 12);
  credo::Trainer trainer(*env, config);
  for (int i = 0; i < 60; ++i) trainer.iterate();
  const std::size_t before = n_allocations;
  for (int i = 0; i < 60; ++i) trainer.iterate();
  return n_allocations - before;
}

}  // namespace

TEST_SUITE("allocation") {
  TEST_CASE("the allocation counter counts") {
    const std::size_t before = n_allocations;
    const std::vector<int> values(1000);
    credo::Scratch scratch;
    scratch.floats(100);
    CHECK(values.size() == 1000);
    CHECK(n_allocations >= before + 2);
  }

  TEST_CASE("playing and learning allocate nothing in the long run") {
    for (const credo::Algorithm& algorithm : credo::learning_algorithms()) {
      for (const bool epymarl : {false, true}) {
        CAPTURE(algorithm.name);
        CAPTURE(epymarl);
        const credo::TrainConfig config = config_of(algorithm.name, epymarl);
        const bool on_policy = config.learner.kind != credo::LearnerKind::kQLearning;
        std::size_t allocations = 0;
        learner_tests::with_threads(1, [&] {
          allocations =
              on_policy ? allocations_of_trainer(config) : allocations_of_value_learner(config);
        });
        CHECK(allocations == 0);
      }
    }
  }
}
