// Tables as Markdown, CSV, JSON and LaTeX, from rows and nothing else.
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
TableNotes make_notes(const ResultSet& set);

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

/// One table per task, then one over all tasks, then the footer.
std::string markdown_report(const Report& report, ReportPart part = ReportPart::kAll);
/// The same for LaTeX with the packages booktabs and graphicx, no wider than the text of an
/// article: algorithms x tasks, one table per task, and the scores over all tasks. Tables that
/// would be too wide are cut into parts. Labels are tab:SUITE:overview, tab:SUITE:TASK and
/// tab:SUITE:all (without SUITE: where there is none; other characters than letters, digits, '.'
/// and ':' become '-').
std::string latex_report(const Report& report, ReportPart part = ReportPart::kAll);

std::string markdown_tables(const std::vector<SummaryRow>& rows, const TableNotes& notes);
/// One line per row of the tables.
std::string summary_csv(const std::vector<SummaryRow>& rows);
std::string summary_json(const std::vector<SummaryRow>& rows);
/// One line per algorithm over all tasks.
std::string aggregate_csv(const Report& report);
std::string aggregate_json(const Report& report);

}  // namespace credo::suite
