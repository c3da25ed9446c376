// The cells of tables as text, shared by the formats.
#pragma once

#include <string>
#include <vector>

#include "suite/report/tables.hpp"

namespace credo::suite {

/// "–" for a value that is not there; never "-0.00".
std::string shown(const std::optional<double>& value, int digits);
/// "0.81 [0.78, 0.84]".
std::string shown(const Estimate& estimate, int digits);

struct TaskTable {
  std::string task;
  std::vector<std::vector<std::string>> cells;  ///< header and rows
};
std::vector<TaskTable> task_tables(const std::vector<SummaryRow>& rows);

/// Header and one row per algorithm over all tasks, with the pairs where there are some.
std::vector<std::vector<std::string>> aggregate_grid(const Report& report);
std::vector<std::string> aggregate_notes(const Report& report);

}  // namespace credo::suite
