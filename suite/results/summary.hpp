// Numbers for tables: a row per task and algorithm, and scores over all tasks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "suite/results/bootstrap.hpp"
#include "suite/results/result_set.hpp"
#include "suite/results/row_statistics.hpp"

namespace credo::suite {

Measure measure_of(const ResultSet& set, std::string_view task);

/// A row of a table: one algorithm on one task. A run's score is the task's measure in its
/// evaluation after training, or in that of its best policy (absolute).
struct SummaryRow {
  std::string task;
  std::string algorithm;
  std::vector<std::uint64_t> seeds;  ///< that finished
  int n_planned = 0;
  Measure measure = Measure::kReturn;
  RowValues values{};  ///< by kRowStatistics
  bool is_done = false;
  std::string status;  ///< "done", or e.g. "2/3 done, 1 diverged"

  const std::optional<Estimate>& iqm() const { return values[kRowIqm]; }
};

/// Rows by task and algorithm in the order of the set.
std::vector<SummaryRow> summarize(const ResultSet& set);

enum class ScoreKind { kFinal, kAbsolute };

/// The score of a run; nullopt when it did not finish (or has no absolute metric).
std::optional<double> score_of(const RunResult& run, ScoreKind kind);

/// Normalised scores of several tasks: scores[task][run], runs by seed.
struct NormalisedScores {
  std::vector<std::string> tasks;  ///< with bounds and finished runs of all algorithms
  std::vector<Bounds> bounds;      ///< of the tasks
  /// (task, source) of bounds that are not in the published table
  std::vector<std::pair<std::string, std::string>> own_bounds;
  std::vector<std::pair<std::string, std::string>> left_out;  ///< (task or algorithm, why)
  struct Algorithm {
    std::string name;
    ScoreTable scores;
    std::vector<std::vector<std::uint64_t>> seeds;  ///< of the same shape
  };
  std::vector<Algorithm> algorithms;
};
/// `bounds_of`: the set whose random play and bounds count; null: `set` itself.
NormalisedScores normalised_scores(const ResultSet& set, ScoreKind kind = ScoreKind::kFinal,
                                   const ResultSet* bounds_of = nullptr);

/// One line of the table over all tasks.
struct AggregateRow {
  std::string algorithm;
  std::size_t n_runs = 0;
  AggregateScores scores;
};
std::vector<AggregateRow> aggregate(const NormalisedScores& scores);

/// Two algorithms compared over the tasks they share.
struct PairRow {
  std::string x, y;
  Estimate improvement;                ///< P(x > y)
  std::optional<Estimate> difference;  ///< mean of x - y over seeds both have, then over tasks
  std::optional<double> p_value;       ///< sign-flip test of those differences
  std::size_t n_pairs = 0;
};
PairRow compare_pair(const NormalisedScores::Algorithm& x, const NormalisedScores::Algorithm& y);

/// Normalised scores during training, at `n_moments` equal parts of every run's budget: the last
/// evaluation up to then. moments[m] has the shape of the algorithm's scores. Fixed policies stay
/// where they are.
std::vector<ScoreTable> scores_over_training(const ResultSet& set, const NormalisedScores& scores,
                                             const std::string& algorithm, int n_moments);

}  // namespace credo::suite
