// The statistics of a row of a table (one algorithm on one task), each declared once. Markdown,
// LaTeX, CSV, JSON, the report page, footnotes and docs/file-formats.md go by this table: a new
// statistic is one line of it.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "suite/results/bootstrap.hpp"
#include "suite/results/credit_results.hpp"
#include "suite/results/result_set.hpp"
#include "suite/results/training_results.hpp"

namespace credo::suite {

/// What counts on a task: the share of episodes won where its environment has wins, else the mean
/// return. Every table and figure of single tasks uses this; only scores over all tasks and paired
/// comparisons are of returns, for which there are bounds.
enum class Measure { kReturn, kWinRate };

/// "return" or "win_rate".
std::string_view measure_name(Measure measure);
/// Its place in kEvaluationMetrics.
constexpr std::size_t metric_of(Measure measure) {
  return measure == Measure::kWinRate ? kWinMetric : kReturnMetric;
}

/// The runs of a row.
struct RowRuns {
  std::vector<const RunResult*> runs;
  Measure measure = Measure::kReturn;

  /// A metric (its place in kEvaluationMetrics) after training, of the runs that have it.
  std::vector<double> finals(std::size_t metric) const;
  /// The same of their best weights.
  std::vector<double> absolutes(std::size_t metric) const;
  /// A metric (its place in kTrainingMetrics) over training, of the runs that have it.
  std::vector<double> training(std::size_t metric) const;
  /// A number of the credits measured after training, of the runs that have it.
  std::vector<double> credits(std::optional<double> (*of)(const CreditsRecord&)) const;
};

/// When a statistic is a column of Markdown and LaTeX tables. CSV and JSON have all of them.
enum class Shown {
  kAlways,
  kWhereThere,  ///< where some row of the table has it
  kBesideWins,  ///< where wins count, after the other columns
  kNever
};

struct RowStatistic {
  std::string_view key;        ///< in CSV and JSON
  std::string_view title;      ///< of the column in tables
  std::string_view win_title;  ///< the same where wins count; "" = title
  std::string_view page;       ///< key in the data of the report page, "" = not there
  Shown shown;
  int digits;         ///< decimals in tables; kMeasureDigits = those of the measure
  bool has_interval;  ///< with a bootstrap interval: KEY_ci_low and KEY_ci_high in CSV
  MetricRange range;
  std::optional<Estimate> (*of)(const RowRuns&);
  /// Below tables, "" = nothing; {episodes} and {absolute_episodes} are those of evaluations.
  std::string_view footnote;
  std::string_view note;  ///< as docs/file-formats.md has it
};

inline constexpr int kMeasureDigits = -1;

std::optional<Estimate> mean_if_any(const std::vector<double>& values);
std::optional<Estimate> iqm_if_any(const std::vector<double>& values);
/// The mean with its bootstrap interval.
std::optional<Estimate> interval_if_any(const std::vector<double>& values);

inline constexpr auto kRowStatistics = std::to_array<RowStatistic>({
    {"mean", "mean return", "win rate", "mean", Shown::kAlways, kMeasureDigits, false,
     MetricRange::kAny,
     [](const RowRuns& r) { return mean_if_any(r.finals(metric_of(r.measure))); },
     "Mean return, or win rate where the environment has wins: {episodes} greedy episodes with the "
     "weights after training, averaged over seeds.",
     "mean over seeds of the measure after training"},
    {"iqm", "IQM [95% CI]", "", "iqm", Shown::kAlways, kMeasureDigits, true, MetricRange::kAny,
     [](const RowRuns& r) { return iqm_if_any(r.finals(metric_of(r.measure))); },
     "IQM: interquartile mean of the same over seeds with a 95% percentile bootstrap interval "
     "(50,000 resamples of the seeds).",
     "interquartile mean of the same"},
    {"absolute_mean", "absolute", "", "abs", Shown::kWhereThere, kMeasureDigits, false,
     MetricRange::kAny,
     [](const RowRuns& r) { return mean_if_any(r.absolutes(metric_of(r.measure))); },
     "Absolute: the weights with the highest mean return among a run's evaluations (those before "
     "and after training included, the first of equals), played over {absolute_episodes} new "
     "episodes; averaged over seeds.",
     "mean over seeds of the measure of the best weights"},
    {"return_mean", "mean return", "", "ret", Shown::kBesideWins, 2, false, MetricRange::kAny,
     [](const RowRuns& r) { return mean_if_any(r.finals(kReturnMetric)); }, "",
     "mean return after training"},
    {"win_rate", "", "", "", Shown::kNever, 3, false, MetricRange::kAny,
     [](const RowRuns& r) { return mean_if_any(r.finals(kWinMetric)); }, "",
     "share won after training"},
    {"entropy_mean", "H", "", "dev", Shown::kAlways, 4, false, MetricRange::kNearOne,
     [](const RowRuns& r) { return mean_if_any(r.finals(kEntropyMetric)); },
     "H: normalised entropy of the agents' credits dQ_tot/dQ_i in the same episodes after "
     "training; "
     "1 = equal credit.",
     "mean normalised entropy H of the credits after training"},
    {"training_entropy", "training H [95% CI]", "", "train_h", Shown::kWhereThere, 3, true,
     MetricRange::kShare,
     [](const RowRuns& r) { return interval_if_any(r.training(training_metric("batch_entropy"))); },
     "Training H: the same entropy on the minibatches of training, mean over all logged updates and "
     "then over seeds, with a 95% percentile bootstrap interval.",
     "mean over seeds of H on the minibatches, over the whole training"},
    {"training_contribution_entropy", "H of contributions", "", "train_hc", Shown::kNever, 3, false,
     MetricRange::kShare,
     [](const RowRuns& r) {
       return mean_if_any(r.training(training_metric("contribution_entropy")));
     },
     "", "the same of the contributions g_i (q_i(a_i) - mean of q_i)"},
    {"credit_agreement", "credit A [95% CI]", "", "agree", Shown::kWhereThere, 2, true,
     MetricRange::kAny,
     [](const RowRuns& r) { return interval_if_any(r.credits(credit_agreement)); },
     "Credit A: agreement of the learner's credits with true contributions, agreeing less opposing "
     "pairs of agents over the pairs that the truth decides (docs/credits.md); mean over seeds with "
     "a 95% percentile bootstrap interval.",
     "mean over seeds of the agreement of learned credits with true contributions"},
    {"true_entropy", "true H", "", "true_h", Shown::kWhereThere, 3, false, MetricRange::kShare,
     [](const RowRuns& r) { return mean_if_any(r.credits(true_entropy)); },
     "True H: normalised entropy of the agents' true contributions |phi| to the same policy's return.",
     "mean normalised entropy of the true contributions"},
});

using RowValues = std::array<std::optional<Estimate>, kRowStatistics.size()>;

/// Place of a statistic in that table; a wrong key does not compile.
consteval std::size_t row_statistic(std::string_view key) {
  for (std::size_t i = 0; i < kRowStatistics.size(); ++i)
    if (kRowStatistics[i].key == key) return i;
  throw "no such statistic";
}
inline constexpr std::size_t kRowIqm = row_statistic("iqm");

}  // namespace credo::suite
