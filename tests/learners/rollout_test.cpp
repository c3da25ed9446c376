// What is stored of an episode that the time limit ends.
#include "learners/rollout/rollout.hpp"

#include <doctest/doctest.h>
#include <vector>

#include "envs/core/registry.hpp"
#include "learners/algorithms/q_learner.hpp"
#include "learners/replay/replay_buffer.hpp"
#include "tests/learners/training.hpp"

TEST_CASE("a battle's limit is stored as a true end, so that no value is bootstrapped there") {
  for (const bool default_limit : {true, false}) {
    credo::Params params = credo::env_params("skirmish/2s_vs_1sc");
    params.set("limit", std::int64_t{4});  // too short for anybody to die
    if (!default_limit) params.set("limit_is_terminal", false);
    const auto env = credo::make_env("skirmish/2s_vs_1sc", params);
    credo::Rollout rollout(*env, 1, false);
    const credo::QLearner learner(rollout.shape(), learner_tests::algorithm_config("qmix"));
    std::vector<credo::EpisodeStreams> streams = {
        {credo::Stream(1, credo::purpose("env")), credo::Stream(1, credo::purpose("exploration"))}};
    rollout.play(learner.network(), learner.params().data(), {.epsilon = 1.0}, streams);
    CHECK(rollout.episode(0).length == 4);
    CHECK(rollout.episode(0).terminated == default_limit);
    credo::ReplayBuffer replay(rollout.shape(), 2);
    replay.add(rollout.episode(0));
    std::vector<const credo::Episode*> batch(1);
    credo::Stream draw(1, credo::purpose("replay"));
    replay.sample(draw, batch);
    CHECK(batch[0]->terminated() == default_limit);
  }
}
