// Where the runs of a report page come from.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "suite/common/json.hpp"
#include "suite/report/html_report.hpp"

namespace credo::suite {

/// The machine and program of each, its configuration, its replays.
/// Fills in `machines`, `lines` and, in each run of `cells`, `machine`, `config` and `files`.
class RunOrigins {
 public:
  explicit RunOrigins(const HtmlOptions& options) : options_(options) {}

  /// Adds the facts of `runs` to their JSON, `cell["runs"]`, in the same order.
  void describe(const std::vector<const RunResult*>& runs, Json& cell);

  const Json& machines() const { return machines_; }
  const Json& lines() const { return lines_; }
  /// "AMD EPYC, 2 cores", of run folders or else of the suite's manifests.
  std::vector<std::string> processors() const;
  std::vector<std::string> compilers() const;

 private:
  Json config_lines(const RunResult& run);
  Json replays(const RunResult& run) const;
  std::vector<std::string> facts(const char* key) const;

  const HtmlOptions& options_;
  Json machines_ = Json::array();
  Json lines_ = Json::array();
  std::map<std::string, std::size_t> line_ids_;
};

}  // namespace credo::suite
