// Intervals and tests by resampling, fast enough for every row of every table: 50,000 resamples of
// a table of scores take milliseconds. Resampling is that of rliable (Agarwal et al. 2021): runs
// are drawn again within each task, and every task has the same weight (statistics.hpp). All draws
// come from Philox streams, so the same scores give the same bits everywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
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

struct AggregateScores {
  Estimate iqm, median, mean, optimality_gap;
};

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
