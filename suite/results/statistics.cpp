#include "suite/results/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "envs/core/error.hpp"

namespace credo::suite {
namespace {

void check_values(std::span<const double> values) {
  CREDO_CHECK(!values.empty(), "a statistic needs at least one value");
  for (const double value : values)
    CREDO_CHECK(std::isfinite(value), "a statistic needs finite values");
}

std::vector<double> sorted(std::span<const double> values) {
  std::vector<double> copy(values.begin(), values.end());
  std::sort(copy.begin(), copy.end());
  return copy;
}

std::vector<double> task_means(const ScoreTable& scores) {
  std::vector<double> means;
  for (const auto& task : scores) means.push_back(mean(task));
  return means;
}

double squared_deviations(std::span<const double> values) {
  const double centre = mean(values);
  double sum = 0.0;
  for (const double value : values) sum += (value - centre) * (value - centre);
  return sum;
}

}  // namespace

double mean(std::span<const double> values) {
  check_values(values);
  double sum = 0.0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

std::optional<double> sample_std(std::span<const double> values) {
  const double sum = squared_deviations(values);
  if (values.size() == 1) return std::nullopt;
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

std::optional<double> standard_error(std::span<const double> values) {
  const auto deviation = sample_std(values);
  if (!deviation) return std::nullopt;
  return *deviation / std::sqrt(static_cast<double>(values.size()));
}

double median(std::span<const double> values) { return percentile(values, 50.0); }

double percentile(std::span<const double> values, double percent) {
  check_values(values);
  CREDO_CHECK(percent >= 0.0 && percent <= 100.0, "a percentile lies in [0, 100]");
  const std::vector<double> order = sorted(values);
  const double at = percent / 100.0 * static_cast<double>(order.size() - 1);
  const double below = std::floor(at);
  const auto index = static_cast<std::size_t>(below);
  if (index + 1 >= order.size()) return order.back();
  return order[index] + (at - below) * (order[index + 1] - order[index]);
}

double trimmed_mean(std::span<const double> values, double fraction) {
  check_values(values);
  CREDO_CHECK(fraction >= 0.0 && fraction < 0.5, "a trimmed fraction lies in [0, 0.5)");
  const std::vector<double> order = sorted(values);
  const auto cut = static_cast<std::size_t>(fraction * static_cast<double>(order.size()));
  return mean(std::span(order).subspan(cut, order.size() - 2 * cut));
}

double interquartile_mean(std::span<const double> values) { return trimmed_mean(values, 0.25); }

std::vector<std::int64_t> task_weights(const ScoreTable& scores) {
  constexpr std::int64_t kMost = std::int64_t{1} << 40;  // sums of weights stay exact as double
  CREDO_CHECK(!scores.empty(), "a statistic needs at least one task");
  std::int64_t multiple = 1;
  for (const auto& task : scores) {
    check_values(task);
    multiple = std::lcm(multiple, static_cast<std::int64_t>(task.size()));
    CREDO_CHECK(multiple <= kMost, "the tasks' numbers of runs differ too much to be weighed");
  }
  std::vector<std::int64_t> weights;
  for (const auto& task : scores)
    weights.push_back(multiple / static_cast<std::int64_t>(task.size()));
  return weights;
}

// In quarters of a weight, so that a quarter of the whole is a whole number.
double interquartile_mean(const ScoreTable& scores) {
  const auto weights = task_weights(scores);
  std::vector<std::pair<double, std::int64_t>> order;
  std::int64_t total = 0;
  bool is_even = true;
  for (std::size_t task = 0; task < scores.size(); ++task) {
    for (const double score : scores[task]) order.emplace_back(score, weights[task]);
    total += weights[task] * static_cast<std::int64_t>(scores[task].size());
    is_even = is_even && weights[task] == 1;
  }
  std::sort(order.begin(), order.end());
  const std::int64_t cut = is_even ? total / 4 * 4 : total;
  const std::int64_t end = 4 * total - cut;
  std::int64_t seen = 0;
  double sum = 0.0;
  for (const auto& [score, weight] : order) {
    const std::int64_t part = std::min(seen + 4 * weight, end) - std::max(seen, cut);
    seen += 4 * weight;
    if (part > 0) sum += static_cast<double>(part) / 4.0 * score;
  }
  return sum / (static_cast<double>(end - cut) / 4.0);
}

double median_of_task_means(const ScoreTable& scores) { return median(task_means(scores)); }

double mean_of_task_means(const ScoreTable& scores) { return mean(task_means(scores)); }

double optimality_gap(const ScoreTable& scores, double gamma) {
  const auto weights = task_weights(scores);
  double sum = 0.0;
  std::int64_t total = 0;
  for (std::size_t task = 0; task < scores.size(); ++task)
    for (const double score : scores[task]) {
      sum += static_cast<double>(weights[task]) * std::min(score, gamma);
      total += weights[task];
    }
  return gamma - sum / static_cast<double>(total);
}

bool has_interval(const ScoreTable& scores) {
  return std::all_of(scores.begin(), scores.end(),
                     [](const auto& task) { return task.size() >= kFewestForInterval; });
}

double probability_of_improvement(const ScoreTable& x, const ScoreTable& y) {
  CREDO_CHECK(x.size() == y.size(), "both algorithms need the same tasks");
  std::vector<double> per_task;
  for (std::size_t task = 0; task < x.size(); ++task) {
    check_values(x[task]);
    check_values(y[task]);
    double wins = 0.0;
    for (const double a : x[task])
      for (const double b : y[task]) wins += a > b ? 1.0 : a == b ? 0.5 : 0.0;
    per_task.push_back(wins / static_cast<double>(x[task].size() * y[task].size()));
  }
  return mean(per_task);
}

}  // namespace credo::suite
