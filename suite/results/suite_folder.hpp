// The files of a suite folder (docs/file-formats.md):
//   plan.csv       what was planned, one cell a line, before anything ran
//   results.csv    one line per run        curves.csv  one line per evaluation of every run
//   training.csv   what training updates logged of credits, where there is a mixer
//   credits.csv    measures of credits, where there are some
//   tables.md      tables                  manifest.json  what ran, when, with what
//   runs.json      configuration and hashes of every finished run
// With runs/ they are all of it; without, they are the compact form kept in a repository.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "suite/plan/plan.hpp"
#include "suite/results/result_set.hpp"

namespace credo::suite {

/// A line of plan.csv.
struct PlannedCell {
  RunNames names;
  std::string env, base_algorithm;
  std::string env_settings;  ///< RunConfig::env_settings
  std::uint64_t seed = 0;
  std::string profile;
  std::int64_t t_max = 0;
  int task_rank = 0, algorithm_rank = 0;
  std::string settings_id, run_id;
};

/// Columns of plan.csv, results.csv and curves.csv, in order.
std::vector<std::string> plan_columns();
std::vector<std::string> results_columns();
std::vector<std::string> curves_columns();

PlannedCell planned(const Cell& cell);
std::string plan_csv(const std::vector<PlannedCell>& cells);
std::vector<PlannedCell> parse_plan_csv(std::string_view text, const std::string& label);

/// Cells of both, those of `added` where both have one, in the order of tables.
std::vector<PlannedCell> join_plans(std::vector<PlannedCell> old_plan,
                                    const std::vector<PlannedCell>& added);

/// One line per run; no clocks, so equal runs give equal bytes.
std::string results_csv(const ResultSet& set);
/// One line per evaluation of every run.
std::string curves_csv(const ResultSet& set);

/// Every planned cell of a suite folder with its result, from runs/ or else from the tables.
/// Errors: UserError naming the file.
struct FolderRun {
  RunResult run;
  int task_rank = 0, algorithm_rank = 0;
};
/// With `verify`, finished runs and tables must be what was recorded of them; Errors: ChangedError.
std::vector<FolderRun> read_suite_folder(const std::filesystem::path& folder, bool verify = true);

}  // namespace credo::suite
