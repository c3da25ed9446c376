#include "suite/results/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>

#include "envs/core/error.hpp"
#include "envs/core/random.hpp"
#include "tests/suite/plain_bootstrap.hpp"

using namespace credo::suite;
using credo::suite::testing::bootstrap_interval;

namespace {

const std::vector<double> kEight = {2, 4, 4, 4, 5, 5, 7, 9};

double iqm(const ScoreTable& scores) { return interquartile_mean(scores); }

}  // namespace

TEST_CASE("mean and standard deviations of a known sample") {
  CHECK(mean(kEight) == 5.0);
  CHECK(sample_std(kEight).value() == doctest::Approx(std::sqrt(32.0 / 7.0)));
  CHECK(standard_error(kEight).value() == doctest::Approx(std::sqrt(32.0 / 7.0 / 8.0)));
  CHECK(!sample_std(std::vector<double>{3.0}));  // one value says nothing of spread
  CHECK(!standard_error(std::vector<double>{3.0}));
  CHECK(sample_std(std::vector<double>{1.0, 3.0}).value() == doctest::Approx(std::sqrt(2.0)));
}

TEST_CASE("percentiles interpolate like numpy") {
  const std::vector<double> values = {15, 20, 35, 40, 50};
  CHECK(percentile(values, 0) == 15);
  CHECK(percentile(values, 40) == doctest::Approx(29.0));
  CHECK(percentile(values, 50) == 35);
  CHECK(percentile(values, 97.5) == doctest::Approx(49.0));
  CHECK(percentile(values, 100) == 50);
  CHECK(median(std::vector<double>{4, 1, 3, 2}) == 2.5);
}

TEST_CASE("the interquartile mean cuts floor(n / 4) values at each end") {
  CHECK(interquartile_mean(std::vector<double>{1, 2, 6}) == 3.0);  // n = 3: nothing is cut
  CHECK(interquartile_mean(std::vector<double>{100, 1, 2, -50}) == 1.5);
  CHECK(interquartile_mean(std::vector<double>{0, 1, 2, 3, 1000}) == 2.0);
  CHECK(interquartile_mean(kEight) == 4.5);
  CHECK(iqm({{100, 1}, {2, -50}}) == 1.5);  // pooled over tasks
}

TEST_CASE("tasks weigh the same whatever their numbers of runs") {
  CHECK(task_weights({{1, 2, 3}, {4, 5, 6}}) == std::vector<std::int64_t>{1, 1});
  CHECK(task_weights({{1, 2, 3}, {4, 5}, {6}}) == std::vector<std::int64_t>{2, 3, 6});
  CHECK_THROWS_AS(task_weights({}), credo::Error);
  CHECK_THROWS_AS(task_weights({{1}, {}}), credo::Error);

  // Weights 1/8 (four runs) and 1/4 (two): 0 and 1 fill the lower quarter, 20 the upper.
  CHECK(iqm({{3, 0, 2, 1}, {20, 10}}) == (2.0 / 8 + 3.0 / 8 + 10.0 / 4) / 0.5);
  CHECK(iqm({{20, 10}, {3, 0, 2, 1}}) == 6.25);  // the order of tasks is nothing
  // Weights 1/6 and 1/4: the lower quarter takes 0 and half of 1, the upper 20.
  CHECK(iqm({{0, 1, 2}, {10, 20}}) ==
        doctest::Approx((1.0 / 12 + 2.0 / 6 + 10.0 / 4) / 0.5).epsilon(1e-14));
  // A run at both borders: task 2 has one run, of half the weight.
  CHECK(iqm({{0, 100}, {7}}) == 7.0);
  // Equal runs have one value wherever the border falls among them.
  CHECK(iqm({{5, 5, 5}, {5, 5}}) == doctest::Approx(5.0).epsilon(1e-14));
  // min(score, 1): means 1/2 of the first task, 1 of the second.
  CHECK(optimality_gap({{0, 1, 0, 1}, {3, 3}}) == 0.25);
  // Equal numbers of runs: rliable's estimator, which cuts floor(6 / 4) = 1 run at each end.
  CHECK(iqm({{0, 1, 2}, {3, 4, 100}}) == 2.5);
}

TEST_CASE("an interval needs two runs on every task") {
  CHECK(has_interval({{1, 2}, {3, 4, 5}}));
  CHECK(!has_interval({{1, 2}, {3}}));
}

TEST_CASE("task means, optimality gap, probability of improvement") {
  const ScoreTable x = {{1, 2, 3}, {10, 10, 10}, {0, 0, 3}};
  CHECK(mean_of_task_means(x) == doctest::Approx(13.0 / 3.0));
  CHECK(median_of_task_means(x) == 2.0);
  // min(score, 1): 1 1 1, 1 1 1, 0 0 1 -> mean 7/9
  CHECK(optimality_gap(x) == doctest::Approx(2.0 / 9.0));
  CHECK(probability_of_improvement({{1, 2}}, {{1, 2}}) == 0.5);
  CHECK(probability_of_improvement({{3, 4}}, {{1, 2}}) == 1.0);
  // pairs (1,0) (1,2) (3,0) (3,2): 3 of 4, and a tie
  CHECK(probability_of_improvement({{1, 3}, {5}}, {{0, 2}, {5}}) == doctest::Approx(0.625));
}

TEST_CASE("statistics do not depend on the order of runs") {
  credo::Stream stream(3, credo::purpose("statistics test"));
  for (int trial = 0; trial < 50; ++trial) {
    std::vector<double> values(1 + stream.below(12));
    for (double& value : values) value = stream.below(1000);
    std::vector<double> shuffled = values;
    stream.shuffle(std::span<double>(shuffled));
    CHECK(interquartile_mean(values) == interquartile_mean(shuffled));
    CHECK(percentile(values, 30) == percentile(shuffled, 30));
    const double low = *std::min_element(values.begin(), values.end());
    const double high = *std::max_element(values.begin(), values.end());
    CHECK(interquartile_mean(values) >= low);
    CHECK(interquartile_mean(values) <= high);
  }
}

TEST_CASE("a bootstrap interval is repeatable and lies within the data") {
  const ScoreTable scores = {{1, 4, 2, 8, 5, 7, 3, 3, 9, 6}};
  const Interval first = bootstrap_interval(scores, iqm);
  const Interval second = bootstrap_interval(scores, iqm);
  CHECK(first.low == second.low);
  CHECK(first.high == second.high);
  CHECK(first.low >= 1.0);
  CHECK(first.high <= 9.0);
  CHECK(first.low < iqm(scores));
  CHECK(first.high > iqm(scores));
  const Interval narrow = bootstrap_interval(scores, iqm, {.confidence = 0.5});
  CHECK(narrow.low > first.low);
  CHECK(narrow.high < first.high);
}

TEST_CASE("the bootstrap of a mean agrees with the normal interval") {
  credo::Stream stream(9, credo::purpose("statistics test"));
  std::vector<double> values(400);
  for (double& value : values) value = stream.uniform();
  const auto statistic = [](const ScoreTable& table) { return mean(table.front()); };
  const Interval interval =
      bootstrap_interval(ScoreTable{values}, statistic, {.repetitions = 5000});
  CHECK(interval.high - interval.low ==
        doctest::Approx(2 * 1.96 * standard_error(values).value()).epsilon(0.08));
}

TEST_CASE("the bootstrap is exact for two runs") {
  // Two runs 0 and 1: the resampled mean is 0, 0.5 or 1 with chances 1/4, 1/2, 1/4.
  const auto statistic = [](const ScoreTable& table) { return mean(table.front()); };
  const Interval wide = bootstrap_interval(ScoreTable{{0, 1}}, statistic);
  CHECK(wide.low == 0.0);
  CHECK(wide.high == 1.0);
  const Interval half = bootstrap_interval(ScoreTable{{0, 1}}, statistic, {.confidence = 0.4});
  CHECK(half.low == 0.5);
  CHECK(half.high == 0.5);
}

TEST_CASE("runs are drawn again within their own task") {
  const Interval interval =
      bootstrap_interval(ScoreTable{{1, 1, 1}, {5, 5, 5}}, mean_of_task_means);
  CHECK(interval.low == 3.0);
  CHECK(interval.high == 3.0);
}

TEST_CASE("empty and non-finite input is refused") {
  const std::vector<double> none;
  const std::vector<double> bad = {1.0, std::nan("")};
  CHECK_THROWS_AS(mean(none), credo::Error);
  CHECK_THROWS_AS(interquartile_mean(none), credo::Error);
  CHECK_THROWS_AS(percentile(bad, 50), credo::Error);
  CHECK_THROWS_AS(probability_of_improvement({{1}}, {}), credo::Error);
}
