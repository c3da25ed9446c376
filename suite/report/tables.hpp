// Tables as Markdown, CSV and JSON, from a report and nothing else. LaTeX: latex.hpp.
#pragma once

#include <string>
#include <vector>

#include "suite/report/report.hpp"

namespace credo::suite {

/// One table per task, then one over all tasks, then the footer.
std::string markdown_report(const Report& report, ReportPart part = ReportPart::kAll);
std::string markdown_tables(const std::vector<SummaryRow>& rows, const TableNotes& notes);
/// One line per row of the tables; every statistic of row_statistics.hpp.
std::vector<std::string> summary_columns();
std::string summary_csv(const std::vector<SummaryRow>& rows);
std::string summary_json(const std::vector<SummaryRow>& rows);
/// One line per algorithm over all tasks; every statistic of bootstrap.hpp.
std::vector<std::string> aggregate_columns();
std::string aggregate_csv(const Report& report);
std::string aggregate_json(const Report& report);

}  // namespace credo::suite
