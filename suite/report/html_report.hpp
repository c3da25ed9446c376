// The report as one HTML page that needs no network: tables, figures and a page per cell, drawn by
// the scripts in page/ from JSON inside the page. Equal results give equal
// bytes.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "suite/report/report.hpp"

namespace credo::suite {

struct HtmlOptions {
  std::vector<std::filesystem::path> sources;  ///< the folders the results came from
  std::filesystem::path folder;  ///< where the page will stand; links to replays start there
};

/// Errors: UserError naming the file when a run's manifest or configuration cannot be read.
std::string html_report(const ResultSet& set, const Report& report, const HtmlOptions& options);

}  // namespace credo::suite
