// Tables for LaTeX with booktabs.
#pragma once

#include <string>

#include "suite/report/report.hpp"

namespace credo::suite {

/// A report for LaTeX with the packages booktabs and graphicx, no wider than the text of an
/// article: algorithms x tasks, one table per task, and the scores over all tasks. Tables that
/// would be too wide are cut into parts. Labels are tab:SUITE:overview, tab:SUITE:TASK and
/// tab:SUITE:all (without SUITE: where there is none; other characters than letters, digits, '.'
/// and ':' become '-').
std::string latex_report(const Report& report, ReportPart part = ReportPart::kAll);

}  // namespace credo::suite
