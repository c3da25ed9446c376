// What runs came to: read from run directories, summed up per environment and algorithm, shown as
// Markdown, CSV or JSON tables.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "suite/statistics.hpp"

namespace credo::suite {

/// One run, as far as it got.
struct RunResult {
  std::string task;       ///< the environment's id, with swept values
  std::string env;        ///< without them
  std::string algorithm;  ///< with swept values
  std::string profile;
  std::uint64_t seed = 0;
  std::string status;  ///< of the manifest, or "missing"
  std::string reason;
  std::int64_t env_steps = 0;
  std::int64_t episodes = 0;
  std::int64_t updates = 0;
  std::string commit;
  double wall_s = 0.0;
  int final_episodes = 0;  ///< evaluation episodes behind the numbers below
  std::optional<double> return_mean, return_std, length_mean, win_rate, entropy_mean;
  /// (t_env, test_return_mean, entropy_mean) of every evaluation.
  struct Point {
    std::int64_t t_env = 0;
    double return_mean = 0.0;
    std::optional<double> entropy_mean;
  };
  std::vector<Point> curve;
};

/// Errors: UserError naming the file.
RunResult read_run_result(const std::filesystem::path& directory);

/// Run directories at or below `path`, sorted by path.
std::vector<std::filesystem::path> find_runs(const std::filesystem::path& path);

/// Into the order of `credo list`: by task, algorithm, seed; unknown names come last.
void sort_results(std::vector<RunResult>& results);

/// A row of a table: one algorithm on one task.
struct SummaryRow {
  std::string task;
  std::string algorithm;
  std::vector<std::uint64_t> seeds;  ///< that finished
  int n_planned = 0;
  std::optional<double> return_mean;
  std::optional<double> return_iqm;
  std::optional<Interval> iqm_interval;
  std::optional<double> entropy_mean;
  std::optional<double> win_rate;
  std::string status;  ///< "done", or e.g. "2/3 done, 1 diverged"
};

/// Groups by task and algorithm, in order of first appearance.
/// `bootstrap` numbers depend on the scores alone.
std::vector<SummaryRow> summarize(const std::vector<RunResult>& results);

/// Footnotes (e.g. what "noop" plays where there is no such action).
struct TableNotes {
  std::vector<std::pair<std::string, std::string>> by_task;  ///< (task, sentence)
  std::vector<std::string> footer;                           ///< lines under everything
};

/// One table per task.
std::string markdown_tables(const std::vector<SummaryRow>& rows, const TableNotes& notes);
/// One line per row of the tables.
std::string summary_csv(const std::vector<SummaryRow>& rows);
std::string summary_json(const std::vector<SummaryRow>& rows);
/// One line per run; no clocks, so equal runs give equal bytes.
std::string results_csv(const std::vector<RunResult>& results);
/// One line per evaluation of every run.
std::string curves_csv(const std::vector<RunResult>& results);

/// A CSV field, quoted where RFC 4180 asks for it.
std::string csv_field(std::string_view text);

/// What noop plays in `env` when it has no action that does nothing; "" when it has one.
std::string noop_note(const std::string& env);

}  // namespace credo::suite
