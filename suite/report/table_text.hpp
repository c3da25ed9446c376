// The cells of tables as text, shared by the formats.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "suite/report/report.hpp"

namespace credo::suite {

/// "–" for a value that is not there; never "-0.00".
std::string shown(const std::optional<double>& value, int digits);
/// "0.81 [0.78, 0.84]", or "0.81" without an interval.
std::string shown(const Estimate& estimate, int digits);

/// A table as text: one row per algorithm.
struct Column {
  enum class Kind { kName, kSeeds, kNumber, kStatus };
  std::string title;
  Kind kind = Kind::kNumber;

  bool is_left() const { return kind == Kind::kName || kind == Kind::kStatus; }
};
struct Grid {
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;
};

/// Characters on the page, not bytes.
std::size_t text_width(std::string_view text);

struct TaskTable {
  std::string task;
  Grid grid;
  bool is_done = false;  ///< every run of it
};
std::vector<TaskTable> task_tables(const std::vector<SummaryRow>& rows);

/// Are there scores over all tasks to show? With kAll a single task does not need them.
bool shows_aggregate(const Report& report, ReportPart part);
/// One row per algorithm over all tasks, with the pairs where there are some.
Grid aggregate_grid(const Report& report);
/// How those scores are made and what they leave out; what is left out too where there are none.
std::vector<std::string> aggregate_notes(const Report& report, ReportPart part = ReportPart::kAll);
/// The IQM of every algorithm (rows) on every task (columns).
Grid overview_grid(const Report& report);

}  // namespace credo::suite
