#include "learners/rollout/open_loop.hpp"

#include <doctest/doctest.h>

#include "envs/core/registry.hpp"
#include "learners/rollout/evaluation.hpp"
#include "tests/learners/training.hpp"

using namespace credo;
using learner_tests::with_threads;

namespace {

double blind_return(const std::string& id, std::int64_t budget) {
  const auto env = make_env(id);
  const FixedPolicy policy = make_fixed_policy(*env, "open_loop", 3, {.budget = budget});
  return evaluate_fixed_policy(*env, policy, 2, 4).return_mean();
}

}  // namespace

TEST_CASE("an open-loop plan solves what needs no observations") {
  CHECK(blind_return("two_step", 2000) == 8.0);
  CHECK(blind_return("matrix/climbing", 2000) == 11.0);
  CHECK(blind_return("matrix/penalty-100", 2000) == 10.0);
  CHECK(blind_return("matrix/climbing-25", 50000) == 275.0);
}

TEST_CASE("battles with fixed starts can be won blindly") {
  Params params = env_params("skirmish/3m");
  params.set("spawn_jitter", 0.0);
  const auto env = make_env("skirmish/3m", params);
  const FixedPolicy policy = make_fixed_policy(*env, "open_loop", 1, {.budget = 200000});
  const Evaluation blind = evaluate_fixed_policy(*env, policy, 100, 1);
  const Evaluation random = evaluate_fixed_policy(*env, "random", 100, 1);
  CHECK(blind.win_rate().value() > 0.8);
  CHECK(random.win_rate().value() < 0.1);
  // A search on its own episodes cannot have seen those of the evaluation.
  CHECK(policy.search->episodes > 1000);
}

TEST_CASE("a search gives the same plan on any number of threads and keeps to its budget") {
  for (const char* id : {"skirmish/2s3z", "predator_prey/5x5", "two_step"}) {
    const auto env = make_env(id);
    OpenLoopSearch first;
    for (const int threads : {1, 2, 4}) {
      OpenLoopSearch search;
      with_threads(threads, [&] { search = search_open_loop(*env, 7, {.budget = 20000}); });
      CHECK(search.env_steps <= 20000);
      CHECK(search.env_steps > 10000);
      if (threads == 1) first = search;
      CHECK(search.plan.actions == first.plan.actions);
      CHECK(search.plan.fallback == first.plan.fallback);
      CHECK(search.return_mean == first.return_mean);
      CHECK(search.env_steps == first.env_steps);
    }
    if (env->spec().is_stochastic)
      CHECK(search_open_loop(*env, 8, {.budget = 20000}).plan.actions != first.plan.actions);
  }
}

TEST_CASE("the smallest budgets") {
  const auto env = make_env("skirmish/3m");  // limit 60
  for (const std::int64_t budget : {60, 61, 240, 1000}) {
    const OpenLoopSearch search = search_open_loop(*env, 1, {.budget = budget});
    CHECK(search.env_steps <= budget);
    CHECK(search.episodes >= 1);
  }
  CHECK_THROWS_AS(search_open_loop(*env, 1, {.budget = 59}), UserError);
}

TEST_CASE("a search stops when told") {
  const auto env = make_env("skirmish/3m");
  int asked = 0;
  const OpenLoopSearch search = search_open_loop(
      *env, 1, {.budget = 100000, .keep_going = [&](std::int64_t) { return ++asked < 3; }});
  CHECK(search.stopped);
  CHECK(asked == 3);
  CHECK(search.env_steps < 50000);
}

TEST_CASE("a plan falls back on its order of preference and repeats its last step") {
  const OpenLoopPlan plan{.n_agents = 2,
                          .n_actions = 3,
                          .length = 2,
                          .actions = {0, 1, 2, 2},
                          .fallback = {2, 1, 0, 0, 2, 1}};
  std::vector<int> actions(2);
  const std::vector<std::uint8_t> all(6, 1);
  plan.act(0, all, actions);
  CHECK(actions == std::vector<int>{0, 1});
  plan.act(5, all, actions);
  CHECK(actions == std::vector<int>{2, 2});
  const std::vector<std::uint8_t> some = {0, 1, 0, 0, 0, 1};
  plan.act(0, some, actions);
  CHECK(actions == std::vector<int>{1, 2});
}
