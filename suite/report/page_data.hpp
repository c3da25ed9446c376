// The data of the HTML report (docs/report.md): what page/*.js draws.
#pragma once

#include "suite/common/json.hpp"
#include "suite/report/html_report.hpp"

namespace credo::suite {

/// Errors: UserError naming the file.
Json page_data(const ResultSet& set, const Report& report, const HtmlOptions& options);

/// A value to `digits` significant digits: what a figure can show, in as few bytes.
double rounded(double value, int digits);

}  // namespace credo::suite
