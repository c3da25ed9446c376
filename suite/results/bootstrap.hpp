// Intervals and tests by resampling, fast enough for every row of every table: 50,000 resamples of
// a table of scores take milliseconds. Resampling is that of rliable (Agarwal et al. 2021): runs
// are drawn again within each task, and every task has the same weight (statistics.hpp). All draws
// come from Philox streams, so the same scores give the same bits everywhere.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "suite/results/statistics.hpp"

namespace credo::suite {

// Numbers of resamples, as marl-eval uses them.
inline constexpr int kAggregateRepetitions = 50000;
inline constexpr int kCurveRepetitions = 5000;
inline constexpr int kProfileRepetitions = 2000;
inline constexpr int kImprovementRepetitions = 2000;

/// A value with its interval, where there are enough values for one (has_interval).
struct Estimate {
  double value = 0.0;
  std::optional<Interval> interval;
};

/// Scores of one algorithm as they are, or a resample of them.
class ScoreDraw;
double iqm_of(const ScoreDraw& draw);
double median_of_task_means_of(const ScoreDraw& draw);
double mean_of_task_means_of(const ScoreDraw& draw);
double optimality_gap_of(const ScoreDraw& draw);

/// A statistic over all tasks, declared once: tables, CSV, JSON, the report page and
/// docs/file-formats.md go by this table.
struct AggregateStatistic {
  std::string_view key;    ///< in CSV and JSON, with KEY_ci_low and KEY_ci_high in CSV
  std::string_view title;  ///< of the column in tables
  std::string_view page;   ///< key in the data of the report page
  double (*of)(const ScoreDraw&);
  std::string_view note;  ///< as docs/file-formats.md has it
};

inline constexpr auto kAggregateStatistics = std::to_array<AggregateStatistic>({
    {"iqm", "IQM [95% CI]", "iqm", iqm_of, "interquartile mean"},
    {"median", "median", "median", median_of_task_means_of, "median over tasks of the task means"},
    {"mean", "mean", "mean", mean_of_task_means_of, "mean over tasks of the task means"},
    {"optimality_gap", "optimality gap", "gap", optimality_gap_of, "1 - mean of min(score, 1)"},
});

/// By kAggregateStatistics.
using AggregateScores = std::array<Estimate, kAggregateStatistics.size()>;

/// Place of a statistic in that table; a wrong key does not compile.
consteval std::size_t aggregate_statistic(std::string_view key) {
  for (std::size_t i = 0; i < kAggregateStatistics.size(); ++i)
    if (kAggregateStatistics[i].key == key) return i;
  throw "no such statistic";
}

/// Statistics over all runs of all tasks. Errors, here and below: Error on empty input or values
/// that are not finite.
AggregateScores aggregate_scores(const ScoreTable& scores,
                                 const BootstrapOptions& options = {kAggregateRepetitions});
/// Only the interquartile mean.
Estimate estimate_iqm(const ScoreTable& scores,
                      const BootstrapOptions& options = {kAggregateRepetitions});

/// P(x > y), with both algorithms' runs drawn again independently.
Estimate estimate_improvement(const ScoreTable& x, const ScoreTable& y,
                              const BootstrapOptions& options = {kImprovementRepetitions});

/// Share of runs with a score above each tau, mean over tasks; a pointwise interval each.
std::vector<Estimate> performance_profile(const ScoreTable& scores, std::span<const double> taus,
                                          const BootstrapOptions& options = {kProfileRepetitions});

/// Interquartile mean at each of several moments, scores[moment][task][run]; a resample draws the
/// same runs at every moment. Errors: also when moments differ in their runs.
std::vector<Estimate> efficiency_curve(const std::vector<ScoreTable>& scores,
                                       const BootstrapOptions& options = {kCurveRepetitions});

/// Two-sided paired sign-flip permutation test of "the mean difference is 0": the chance, when
/// every difference is as likely with either sign, of a mean at least as far from 0. Exact up to 20
/// differences, above that from 50,000 random flips (and then at least 1 / 50,001).
double sign_flip_p_value(std::span<const double> differences, std::uint64_t seed = 0);
/// The same for the mean over tasks of the mean difference: differences[task][pair].
double sign_flip_p_value(const ScoreTable& differences, std::uint64_t seed = 0);
/// The smallest value that the test can give for so many pairs: 1, 1/2, 1/4, ... for 1, 2, 3, ...
double smallest_sign_flip_p(std::size_t n_pairs);

/// The mean of paired differences with a percentile bootstrap interval over the pairs within each
/// task: differences[task][pair].
Estimate estimate_mean_difference(const ScoreTable& differences,
                                  const BootstrapOptions& options = {kAggregateRepetitions});

}  // namespace credo::suite
