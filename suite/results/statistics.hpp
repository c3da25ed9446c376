// Statistics over runs, with the definitions of rliable (Agarwal et al., "Deep reinforcement
// learning at the edge of the statistical precipice", NeurIPS 2021), computed the same everywhere:
// sums run in index order.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace credo::suite {

/// Errors of all functions: Error on an empty input or a value that is not finite.

double mean(std::span<const double> values);
/// Sample standard deviation (divides by n - 1); nullopt for a single value.
std::optional<double> sample_std(std::span<const double> values);
/// sample_std / sqrt(n).
std::optional<double> standard_error(std::span<const double> values);
double median(std::span<const double> values);
/// numpy.percentile with linear interpolation; percent in [0, 100].
double percentile(std::span<const double> values, double percent);

/// Mean after cutting floor(fraction * n) values at each end (scipy.stats.trim_mean).
double trimmed_mean(std::span<const double> values, double fraction);
/// Interquartile mean: trimmed_mean(values, 0.25).
double interquartile_mean(std::span<const double> values);

/// Scores of one algorithm: scores[task][run].
using ScoreTable = std::vector<std::vector<double>>;

/// What a run of each task counts, as whole numbers: the least common multiple of the numbers of
/// runs over the task's own. So every task weighs the same, and with equal numbers of runs all
/// are 1. Errors: also when that multiple is astronomically large.
std::vector<std::int64_t> task_weights(const ScoreTable& scores);

/// Interquartile mean over all runs of all tasks, every task with the same weight: a run of task t
/// weighs 1 / (n_tasks * n_runs(t)). With equal numbers of runs that is rliable's, which cuts
/// floor(n / 4) whole runs at each end; else a quarter of the weight is cut at each end, and a run
/// at the border counts in part.
double interquartile_mean(const ScoreTable& scores);
/// Median and mean of the per-task means.
double median_of_task_means(const ScoreTable& scores);
double mean_of_task_means(const ScoreTable& scores);
/// gamma - mean(min(score, gamma)) over all runs of all tasks, weighted likewise.
double optimality_gap(const ScoreTable& scores, double gamma = 1.0);
/// Mean over tasks of the Mann-Whitney U / (n_x n_y): the chance that a run of x beats one of y,
/// ties counting half. Errors: Error when the numbers of tasks differ.
double probability_of_improvement(const ScoreTable& x, const ScoreTable& y);

struct Interval {
  double low = 0.0;
  double high = 0.0;
};

/// Fewer values than this have no interval: resampling one value gives that value.
inline constexpr std::size_t kFewestForInterval = 2;
/// Fewer values than this give intervals that are far too narrow (docs/protocol.md).
inline constexpr std::size_t kFewValues = 5;

/// Whether runs can be resampled: every task needs kFewestForInterval of them.
bool has_interval(const ScoreTable& scores);

struct BootstrapOptions {
  int repetitions = 50000;
  double confidence = 0.95;
  std::uint64_t seed = 0;
};

}  // namespace credo::suite
