// Runs a plan: cells side by side, finished ones skipped, interrupted ones resumed, and tables at
// the end. One failed cell does not stop the others.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "suite/plan.hpp"
#include "suite/progress.hpp"
#include "suite/results.hpp"

namespace credo::suite {

/// A part of the work, when several processes share it.
enum class SuiteStage {
  kAll,
  kCells,  ///< run cells, write no tables; other processes may be at other cells
  kTables  ///< tables over what has run; run nothing
};

struct SuiteOptions {
  std::filesystem::path out;
  int jobs = 1;
  int threads = 1;           ///< per cell; used when jobs is 1
  std::string command = {};  ///< for the manifest
  SuiteStage stage = SuiteStage::kAll;
};

/// A folder that belongs to a run or to another suite is left alone. Errors: UserError.
void check_suite_folder(const std::filesystem::path& folder, const std::string& suite);

struct SuiteOutcome {
  std::vector<RunResult> results;  ///< in the order of the plan
  std::vector<SummaryRow> rows;
  std::string tables;  ///< Markdown
  int n_done = 0;
  int n_failed = 0;  ///< failed or diverged
  int n_busy = 0;    ///< left to another process that is at them
  bool stopped = false;
  std::string taken_over;  ///< why this process must not go on, "" when it may
};

/// Writes runs/, tables.md, results.csv, curves.csv and manifest.json below `options.out`.
/// Errors: UserError before anything starts (another configuration in a cell's folder, the folder
/// in use or not writable); FileError when the tables cannot be written.
SuiteOutcome run_suite(const SuiteSpec& spec, const std::vector<Cell>& cells,
                       const SuiteOptions& options, Progress& progress);

}  // namespace credo::suite
