// What tables and the report page show: rows, scores over all tasks, comparisons and footnotes.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "suite/results/summary.hpp"

namespace credo::suite {

/// Footnotes (e.g. what "noop" plays where there is no such action).
struct TableNotes {
  std::vector<std::pair<std::string, std::string>> by_task;  ///< (task, sentence)
  std::vector<std::string> footer;                           ///< protocol, seeds, budget, program
};
/// `rows` are those of the set.
TableNotes make_notes(const ResultSet& set, const std::vector<SummaryRow>& rows);

/// What noop plays in `env` when it has no action that does nothing; "" when it has one.
std::string noop_note(const std::string& env);

/// Which rows have too few runs for an interval, or for one to be trusted; "" when none has.
std::string few_values_note(const std::vector<SummaryRow>& rows);

/// Everything below, computed once.
struct Report {
  std::string suite;  ///< "" when there is none
  std::vector<SummaryRow> rows;
  NormalisedScores scores;
  std::vector<AggregateRow> aggregates;
  std::vector<PairRow> pairs;  ///< every algorithm against the baseline
  TableNotes notes;
};

/// `baseline` = "" chooses qmix where it is there; no pairs without it.
/// Errors: UserError for a baseline that has no aggregate scores.
Report make_report(const ResultSet& set, const std::string& baseline = "");

/// What a report shows: everything, or the scores over all tasks alone.
enum class ReportPart { kAll, kAggregate };

}  // namespace credo::suite
