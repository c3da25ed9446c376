// Runs a plan: cells side by side, finished ones skipped, interrupted ones resumed, and tables at
// the end. One failed cell does not stop the others. Several processes may work on one folder, each
// on its part (--only, --shard): the folder is locked only while its tables are written, each cell
// while it runs, and the tables cover everything that was ever planned there.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "suite/common/progress.hpp"
#include "suite/plan/plan.hpp"
#include "suite/report/report.hpp"
#include "suite/results/result_set.hpp"

namespace credo::suite {

/// A part of the work, when several processes share it.
enum class SuiteStage {
  kAll,
  kCells,  ///< run cells, write no tables; other processes may run other cells
  kTables  ///< tables over what has run; run nothing
};

struct SuiteOptions {
  std::filesystem::path out;
  int jobs = 1;
  int threads = 1;           ///< per cell; used when jobs is 1
  std::string command = {};  ///< for the manifest
  bool verify = true;        ///< check finished cells against their manifests
  bool allow_mixed = false;  ///< accept runs of another program or other settings
  SuiteStage stage = SuiteStage::kAll;
};

/// Errors: UserError when the folder belongs to a run or to another suite.
void check_suite_folder(const std::filesystem::path& folder, const std::string& suite);

struct SuiteOutcome {
  ResultSet set;  ///< everything planned in the folder
  Report report;
  std::string tables;  ///< Markdown
  // Of the cells asked for:
  int n_done = 0;
  int n_failed = 0;             ///< failed or diverged
  int n_busy = 0;               ///< left to another process that runs them
  int n_credits_failed = 0;     ///< measurements of credits that failed, or are left to others
  std::string credits_problem;  ///< of the first that failed
  bool stopped = false;
  std::string taken_over;  ///< why this process must stop, "" when it need not
};

/// Records the plan before anything runs: plan.csv, and a manifest where there is none.
/// Errors: UserError as for run_suite.
void begin_suite(const SuiteSpec& spec, const std::vector<Cell>& cells,
                 const SuiteOptions& options);

/// Writes runs/, plan.csv, tables.md, results.csv, curves.csv, credits.csv (where credits were
/// measured) and manifest.json below `options.out`. Errors: UserError before anything starts
/// (another configuration in a cell's folder, runs of another program or with other settings,
/// credits that cannot be measured, a folder that is not writable), ChangedError when the files of a finished cell have changed;
/// FileError when the tables cannot be written.
SuiteOutcome run_suite(const SuiteSpec& spec, const std::vector<Cell>& cells,
                       const SuiteOptions& options, Progress& progress);

}  // namespace credo::suite
