// The data of the HTML report (docs/report.md): what page/*.js draws.
#pragma once

#include "suite/common/json.hpp"
#include "suite/report/html_report.hpp"

namespace credo::suite {

/// Errors: UserError naming the file.
Json page_data(const ResultSet& set, const Report& report, const HtmlOptions& options);

}  // namespace credo::suite
