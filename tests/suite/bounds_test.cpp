// Bounds of tasks: published, declared, measured, given by a suite.
#include <cmath>
#include <doctest/doctest.h>

#include "envs/core/registry.hpp"
#include "suite/common/files.hpp"
#include "suite/plan/plan.hpp"
#include "suite/plan/suite_file.hpp"
#include "suite/report/table_text.hpp"
#include "suite/report/tables.hpp"
#include "suite/results/task_bounds.hpp"
#include "suite/run/config.hpp"
#include "tests/suite/results_support.hpp"
#include "tests/suite/support.hpp"

using namespace credo;
using namespace credo::suite;
using namespace credo::suite::testing;

namespace {

RunResult with_settings(RunResult run, const std::string& settings) {
  run.env_settings = settings;
  run.names.task += "@" + settings;
  return run;
}

std::vector<GivenBounds> given(const std::string& text) {
  return parse_given_bounds(text, "bounds.toml");
}

const std::string kSuite =
    "envs = [\"two_step\", \"hallway\"]\nalgs = [\"random\", \"scripted\"]\n"
    "[when.\"hallway\".sweep]\n\"env.lengths\" = [\"3,3\", \"9,9\"]\n";

}  // namespace

TEST_CASE("what environments declare agrees with the published table") {
  int n_random = 0;
  int n_best = 0;
  for (const Bounds& bounds : published_bounds()) {
    CAPTURE(bounds.env);
    CAPTURE(bounds.env_settings);
    Params params = env_params(bounds.env);
    if (!bounds.env_settings.empty()) {
      const std::size_t equals = bounds.env_settings.find('=');
      params.set_text(bounds.env_settings.substr(0, equals),
                      bounds.env_settings.substr(equals + 1));
    }
    CHECK(env_settings_text(bounds.env, params) == bounds.env_settings);
    const auto env = make_env(bounds.env, params);
    const EnvSpec& spec = env->spec();
    // The table has three digits after the point.
    if (spec.random_return) {
      CHECK(std::abs(*spec.random_return - bounds.random) < 1e-3);
      ++n_random;
    }
    if (spec.best_return) {
      CHECK(std::abs(*spec.best_return - bounds.best) < 1e-3);
      ++n_best;
    }
    if (spec.return_bound) CHECK(bounds.best <= *spec.return_bound + 1e-3);
  }
  CHECK(n_random > 15);
  CHECK(n_best > 8);
}

TEST_CASE("a task without published bounds gets those its environment declares") {
  // Ten corridors nobody published anything about; random play is measured by its row.
  auto set =
      made_set({with_settings(made_run("hallway", "random", 0, 0.25), "lengths=5,5"),
                with_settings(made_run("hallway", "random", 1, 0.75), "lengths=5,5"),
                with_settings(made_run("hallway", "qmix", 0, 5.25), "lengths=5,5"),
                made_run("two_step", "random", 0, 99.0), made_run("two_step", "qmix", 0, 8.0)});
  const TaskBounds own = task_bounds(set, set.tasks[0]);
  REQUIRE(own.bounds.has_value());
  CHECK(!own.is_published);
  CHECK(own.bounds->random == 0.5);
  CHECK(own.bounds->random_source == "measured, 64 episodes");
  CHECK(own.bounds->best == 10.0);
  CHECK(own.bounds->best_source == "declared by the environment");
  // Published numbers depend on no result.
  const TaskBounds published = task_bounds(set, "two_step");
  CHECK(published.is_published);
  CHECK(published.bounds->random == 4.75);
  CHECK(*published.bounds == *find_bounds("two_step", ""));

  const NormalisedScores scores = normalised_scores(set);
  CHECK(scores.tasks.size() == 2);
  CHECK(scores.left_out.empty());
  REQUIRE(scores.own_bounds.size() == 1);
  CHECK(scores.algorithms.at(1).scores == ScoreTable{{0.5}, {1.0}});
  const std::vector<std::string> notes = aggregate_notes(make_report(set));
  CHECK(contains(notes.back(),
                 "Bounds that are not published: hallway@lengths=5,5 (0 at 0.5, measured, 64 "
                 "episodes; 1 at 10, declared by the environment)"));

  // Declared ones need no row of random play.
  auto exact = made_set({with_settings(made_run("switch_riddle", "qmix", 0, 1.0), "n_agents=5")});
  const auto riddle = task_bounds(exact, exact.tasks[0]).bounds;
  REQUIRE(riddle.has_value());
  CHECK(riddle->random < 0.0);
  CHECK(riddle->random_source == "declared by the environment");
}

TEST_CASE("a task without bounds says why") {
  const auto why = [](const ResultSet& set) { return task_bounds(set, set.tasks[0]).why_not; };
  CHECK(contains(why(made_set({with_settings(made_run("hallway", "qmix", 0, 1.0), "lengths=5,5")})),
                 "no finished run of `random` measures it"));
  CHECK(contains(why(made_set({made_run("no/such_env", "random", 0, 1.0)})),
                 "this program does not have the environment"));
  CHECK(contains(why(made_set({with_settings(made_run("matrix/custom", "random", 0, 1.0),
                                             "payoff_file=no such/file.toml")})),
                 "no such/file.toml"));
  CHECK(contains(why(made_set({with_settings(made_run("skirmish/2s3z", "random", 0, 1.0),
                                             "reward_only_positive=false")})),
                 "the environment declares none"));
  CHECK(contains(
      why(made_set({with_settings(made_run("hallway", "random", 0, 11.0), "lengths=5,5")})),
      "its best return 10 is not above that of random play, 11"));
  const auto set = made_set(
      {made_run("two_step", "random", 0, 4.0), made_run("two_step", "qmix", 0, 8.0),
       made_run("no/such_env", "random", 0, 1.0), made_run("no/such_env", "qmix", 0, 1.0)});
  const NormalisedScores scores = normalised_scores(set);
  CHECK(scores.tasks == std::vector<std::string>{"two_step"});
  REQUIRE(scores.left_out.size() == 1);
  CHECK(scores.left_out[0].first == "no/such_env");
}

TEST_CASE("bounds of a suite win, number by number") {
  auto set = made_set({made_run("two_step", "random", 0, 4.0), made_run("two_step", "qmix", 0, 7.0),
                       made_run("no/such_env", "random", 0, 1.0),
                       made_run("no/such_env", "qmix", 0, 2.0)});
  set.bounds = given(
      "[\"two_step\"]\nbest = 9\nbest_source = \"a guess\"\n"
      "[\"no/such_env\"]\nrandom = 1.5\nbest = 3.5\n");
  const auto two_step = task_bounds(set, "two_step");
  CHECK(two_step.bounds->random == 4.75);  // still the published one
  CHECK(two_step.bounds->best == 9.0);
  CHECK(two_step.bounds->best_source == "a guess");
  CHECK(!two_step.is_published);
  const auto foreign = task_bounds(set, "no/such_env");
  REQUIRE(foreign.bounds.has_value());
  CHECK(foreign.bounds->normalise(2.0) == 0.25);
  CHECK(foreign.bounds->random_source == "the suite");
  CHECK(normalised_scores(set).tasks.size() == 2);
  // Written and read back, they are the same.
  CHECK(given_bounds_toml(given(given_bounds_toml(set.bounds))) == given_bounds_toml(set.bounds));
  auto joined = set.bounds;
  join_given_bounds(joined, set.bounds);
  CHECK(joined.size() == 2);
  CHECK(
      contains(user_error([&] { join_given_bounds(joined, given("[\"two_step\"]\nbest = 10\n")); }),
               "give different bounds for two_step"));
}

TEST_CASE("bounds in suite files are checked") {
  const auto parse = [](const std::string& more) {
    return parse_suite(kSuite + more, "mine.toml", "mine");
  };
  const SuiteSpec spec = parse(
      "[bounds.\"hallway lengths=3,3\"]\nrandom = 0.5\n"
      "[bounds.\"two_step\"]\nbest = 8\nbest_source = \"exact\"\n");
  REQUIRE(spec.bounds.size() == 2);
  CHECK(spec.bounds[0].env == "hallway");
  CHECK(spec.bounds[0].env_settings == "lengths=3,3");
  CHECK(!spec.bounds[0].best.has_value());
  CHECK(make_plan(spec, {}).size() == 18);
  // Settings stand in their canonical form: defaults go, the order is the environment's.
  CHECK(parse("[bounds.\"two_step limit=2\"]\nbest = 8\n").bounds[0].env_settings.empty());
  CHECK(parse("[bounds.\"hallway limit=5 lengths=3,3\"]\nbest = 8\n").bounds[0].env_settings ==
        "lengths=3,3 limit=5");
  CHECK(parse("[bounds.\"hallway limit=13 lengths=3,3\"]\nbest = 8\n").bounds[0].env_settings ==
        "lengths=3,3");

  const auto error = [&](const std::string& more) { return user_error([&] { parse(more); }); };
  CHECK(contains(error("[bounds.\"two_stp\"]\nbest = 8\n"), "mine.toml:6: "));
  CHECK(contains(error("[bounds.\"two_stp\"]\nbest = 8\n"), "did you mean 'two_step'"));
  CHECK(contains(error("[bounds.\"switch/2\"]\nbest = 8\n"), "environment of this suite"));
  CHECK(contains(error("[bounds.\"two_step\"]\nbset = 8\n"), "did you mean 'best'"));
  CHECK(contains(error("[bounds.\"two_step\"]\nbest = \"8\"\n"), "not a number"));
  CHECK(contains(error("[bounds.\"two_step\"]\nbest = nan\n"), "not a number"));
  CHECK(contains(error("[bounds.\"two_step\"]\nbest = 1\nrandom = 2\n"), "greater than random"));
  CHECK(
      contains(error("[bounds.\"two_step\"]\nbest_source = \"x\"\n"), "give random, best or both"));
  CHECK(
      contains(error("[bounds.\"hallway lenths=3,3\"]\nbest = 8\n"), "did you mean 'env.lengths'"));
  CHECK(contains(error("[bounds.\"hallway lengths\"]\nbest = 8\n"), "expected NAME=VALUE"));
  CHECK(contains(user_error([] { parse_suite("bounds.best = 8\n" + kSuite, "mine.toml", "mine"); }),
                 "mine.toml:1: bounds.best: write it into a section [bounds.\"ENVIRONMENT\"]"));
  CHECK(contains(
      user_error([&] { make_plan(parse("[bounds.\"hallway lengths=3,4\"]\nbest = 8\n"), {}); }),
      "task of this suite 'hallway lengths=3,4'; did you mean 'hallway lengths=3,3'"));
}
