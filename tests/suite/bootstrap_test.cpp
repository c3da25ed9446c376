// The fast statistics against the plain ones, against an independent program
// (statistics_vectors.py), and against answers known in closed form.
#include "suite/results/bootstrap.hpp"

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <fstream>
#include <nlohmann/json.hpp>

#include "envs/core/error.hpp"
#include "envs/core/random.hpp"
#include "suite/plan/bounds.hpp"
#include "suite/results/marl_eval.hpp"
#include "tests/suite/plain_bootstrap.hpp"
#include "tests/suite/results_support.hpp"

using namespace credo::suite;

namespace {

ScoreTable random_scores(credo::Stream& stream, std::size_t n_tasks, std::size_t n_runs) {
  ScoreTable scores(n_tasks, std::vector<double>(n_runs));
  for (auto& task : scores)
    for (double& score : task) score = stream.uniform() * 1.5 - 0.2;
  return scores;
}

}  // namespace

TEST_CASE("the fast bootstrap has the bits of the plain one") {
  credo::Stream stream(1, credo::purpose("bootstrap test"));
  const BootstrapOptions options{.repetitions = 300};
  std::vector<ScoreTable> tables;
  for (const auto& [n_tasks, n_runs] : {std::pair{1, 3}, {1, 8}, {4, 5}, {3, 7}})
    tables.push_back(
        random_scores(stream, static_cast<std::size_t>(n_tasks), static_cast<std::size_t>(n_runs)));
  tables.push_back(random_scores(stream, 4, 6));  // 6, 4, 2 and 5 runs, some of them equal
  tables.back()[1].resize(4);
  tables.back()[2] = {0.25, 0.25};
  tables.back()[3] = {0.25, -1.0, 0.25, 2.0, 0.7};
  for (const ScoreTable& scores : tables) {
    const AggregateScores fast = aggregate_scores(scores, options);
    const auto check = [&](const Estimate& estimate, const auto& statistic) {
      const Interval plain = credo::suite::testing::bootstrap_interval(scores, statistic, options);
      CHECK(estimate.value == statistic(scores));
      REQUIRE(estimate.interval);
      CHECK(estimate.interval->low == plain.low);
      CHECK(estimate.interval->high == plain.high);
    };
    check(fast[aggregate_statistic("iqm")],
          [](const ScoreTable& s) { return interquartile_mean(s); });
    check(fast[aggregate_statistic("median")],
          [](const ScoreTable& s) { return median_of_task_means(s); });
    check(fast[aggregate_statistic("mean")],
          [](const ScoreTable& s) { return mean_of_task_means(s); });
    check(fast[aggregate_statistic("optimality_gap")],
          [](const ScoreTable& s) { return optimality_gap(s); });
    CHECK(estimate_iqm(scores, options).interval->low ==
          fast[aggregate_statistic("iqm")].interval->low);
  }
}

TEST_CASE("statistics agree with an independent program") {
  std::ifstream file(CREDO_SOURCE_DIR "/tests/suite/statistics_vectors.json");
  REQUIRE(file.good());
  const auto vectors = nlohmann::json::parse(file);
  REQUIRE(vectors.at("cases").size() == 7);
  for (const auto& c : vectors.at("cases")) {
    const auto x = c.at("x").get<ScoreTable>();
    const auto y = c.at("y").get<ScoreTable>();
    const AggregateScores scores = aggregate_scores(x, {.repetitions = 20000});
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const std::string key(kAggregateStatistics[i].key);
      CHECK(scores[i].value == doctest::Approx(c.at(key).get<double>()).epsilon(1e-12));
    }
    CHECK(estimate_improvement(x, y, {.repetitions = 10}).value ==
          doctest::Approx(c.at("improvement").get<double>()).epsilon(1e-12));
    const auto taus = c.at("taus").get<std::vector<double>>();
    const auto profile = performance_profile(x, taus, {.repetitions = 10});
    for (std::size_t t = 0; t < taus.size(); ++t)
      CHECK(profile[t].value == doctest::Approx(c.at("profile")[t].get<double>()).epsilon(1e-12));
    // Other random numbers: intervals agree up to the noise of 20,000 resamples.
    for (int side = 0; side < 2; ++side) {
      const auto at = static_cast<std::size_t>(side);
      const auto ends = [at](const Interval& i) { return at == 0 ? i.low : i.high; };
      CHECK(std::fabs(ends(*scores[aggregate_statistic("iqm")].interval) -
                      c.at("iqm_ci")[at].get<double>()) < 0.015);
      CHECK(std::fabs(ends(*scores[aggregate_statistic("mean")].interval) -
                      c.at("mean_ci")[at].get<double>()) < 0.015);
    }
    if (c.at("sign_flip").is_null()) continue;
    std::vector<double> differences;
    for (std::size_t task = 0; task < x.size(); ++task)
      for (std::size_t run = 0; run < x[task].size(); ++run)
        differences.push_back(x[task][run] - y[task][run]);
    CHECK(sign_flip_p_value(differences) ==
          doctest::Approx(c.at("sign_flip").get<double>()).epsilon(1e-12));
  }
}

TEST_CASE("the sign-flip test in closed form") {
  CHECK(sign_flip_p_value(std::vector<double>{1, 2, 3, 4, 5}) == 2.0 / 32.0);
  CHECK(sign_flip_p_value(std::vector<double>{-1, -2, -3}) == 2.0 / 8.0);
  CHECK(sign_flip_p_value(std::vector<double>{0, 0, 0}) == 1.0);
  CHECK(sign_flip_p_value(std::vector<double>{1, -1}) == 1.0);
  const std::vector<double> many(30, 0.1);  // above the exact limit: chance 2^-29
  CHECK(sign_flip_p_value(many) == 1.0 / 50001.0);
  CHECK_THROWS_AS(sign_flip_p_value(std::vector<double>{}), credo::Error);
}

TEST_CASE("the test over tasks weighs them alike, and says what it can reach") {
  // Means of 1 and -1 per task cancel, though three of the four differences are positive.
  CHECK(sign_flip_p_value(ScoreTable{{1, 1, 1}, {-1}}) == 1.0);
  // Weighted 1 1 1 3: |sum| >= 6 for all signs equal, 2 of 16.
  CHECK(sign_flip_p_value(ScoreTable{{1, 1, 1}, {1}}) == 2.0 / 16.0);
  CHECK(sign_flip_p_value(ScoreTable{{1, 2}, {3, 4}}) ==
        sign_flip_p_value(std::vector<double>{1, 2, 3, 4}));
  CHECK(smallest_sign_flip_p(0) == 1.0);
  for (std::size_t n = 1; n <= 8; ++n)
    CHECK(smallest_sign_flip_p(n) == sign_flip_p_value(std::vector<double>(n, 1.0)));
  CHECK(smallest_sign_flip_p(30) == 1.0 / 50001.0);
}

TEST_CASE("one run on a task gives values without intervals") {
  const ScoreTable lonely = {{1, 2, 3}, {4}};
  const ScoreTable fine = {{1, 2, 3}, {4, 5}};
  const AggregateScores scores = aggregate_scores(lonely);
  CHECK(scores[aggregate_statistic("mean")].value == 3.0);
  for (const Estimate& estimate : scores) CHECK(!estimate.interval);
  CHECK(!estimate_iqm({{7}}).interval);
  CHECK(estimate_iqm({{7, 7}}).interval);
  CHECK(!estimate_improvement(lonely, fine).interval);
  CHECK(!estimate_improvement(fine, lonely).interval);
  CHECK(estimate_improvement(fine, fine).interval);
  CHECK(!estimate_mean_difference({{0.5}}).interval);
  CHECK(!performance_profile(lonely, std::vector<double>{0.0}).front().interval);
  CHECK(!efficiency_curve({lonely, lonely}).front().interval);
  // The share above 2.5: a third of one task, all of the other.
  CHECK(performance_profile(fine, std::vector<double>{2.5}).front().value ==
        doctest::Approx(2.0 / 3.0).epsilon(1e-15));
}

TEST_CASE("intervals and curves keep to their bounds") {
  credo::Stream stream(2, credo::purpose("bootstrap test"));
  const std::vector<double> taus = {-1, 0, 0.2, 0.5, 0.9, 2};
  for (int trial = 0; trial < 10; ++trial) {
    const ScoreTable x = random_scores(stream, 3, 5);
    const ScoreTable y = random_scores(stream, 3, 4);
    ScoreTable shuffled = x;
    for (auto& task : shuffled) stream.shuffle(std::span<double>(task));
    CHECK(aggregate_scores(x, {.repetitions = 1}).front().value ==
          aggregate_scores(shuffled, {.repetitions = 1}).front().value);
    const auto profile = performance_profile(x, taus, {.repetitions = 200});
    CHECK(profile.front().value == 1.0);
    CHECK(profile.back().value == 0.0);
    for (std::size_t t = 1; t < profile.size(); ++t)
      CHECK(profile[t].value <= profile[t - 1].value);
    const Estimate xy = estimate_improvement(x, y, {.repetitions = 200});
    const Estimate yx = estimate_improvement(y, x, {.repetitions = 200});
    CHECK(xy.value + yx.value == doctest::Approx(1.0).epsilon(1e-12));
    CHECK(xy.interval->low >= 0.0);
    CHECK(xy.interval->high <= 1.0);
    CHECK(xy.interval->low <= xy.interval->high);
    const auto curve = efficiency_curve({x, shuffled}, {.repetitions = 200});
    CHECK(curve[0].value == curve[1].value);
  }
  CHECK_THROWS_AS(efficiency_curve({{{1, 2}}, {{1}}}), credo::Error);
  CHECK_THROWS_AS(aggregate_scores({}), credo::Error);
}

TEST_CASE("every published bound belongs to an environment and normalises to 0 and 1") {
  CHECK(published_bounds().size() > 60);
  for (const Bounds& bounds : published_bounds()) {
    CHECK(bounds.normalise(bounds.random) == 0.0);
    CHECK(bounds.normalise(bounds.best) == 1.0);
    CHECK(!bounds.random_source.empty());
    CHECK(!bounds.best_source.empty());
  }
  CHECK(find_bounds("predator_prey/5x5", "limit=25")->best == 9.942);
  CHECK(find_bounds("predator_prey/5x5", "limit=26") == nullptr);
}
