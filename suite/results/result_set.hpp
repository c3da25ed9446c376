// Results as a typed set in memory: tasks × algorithms × seeds, with every evaluation. Everything
// that shows results (tables, exports, report pages, comparisons) reads this instead of files.
//
//   const ResultSet set = load_results({"runs/standard"}, {});
//   for (const std::string& task : set.tasks)
//     for (const RunResult* run : set.of(task, "qmix")) use(run->final, run->evaluations);
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "suite/credits/credits_record.hpp"
#include "suite/plan/bounds.hpp"
#include "suite/run/evaluation_metrics.hpp"
#include "suite/run/metrics.hpp"
#include "suite/run/recorded_run.hpp"
#include "suite/run/training_metrics.hpp"

namespace credo::suite {

/// One evaluation: means over its episodes.
struct EvaluationPoint {
  std::int64_t t_env = 0;
  int episodes = 0;
  EvaluationValues values{};    ///< by kEvaluationMetrics
  std::vector<double> credits;  ///< mean credit of each agent; empty without a mixer

  double return_mean() const { return values[kReturnMetric].value_or(0.0); }
  bool operator==(const EvaluationPoint&) const = default;
};

/// Training since the evaluation before: means over the logged updates, by kTrainingMetrics.
struct TrainingPoint {
  std::int64_t t_env = 0;    ///< of the evaluation
  std::int64_t updates = 0;  ///< how many were logged
  TrainingValues values{};
};

/// One run, as far as it got.
struct RunResult {
  RunNames names;  ///< task and algorithm as in tables
  std::string env;
  std::string env_settings;    ///< its parameters that differ from the defaults
  std::string base_algorithm;  ///< without swept values
  std::string profile;
  std::uint64_t seed = 0;
  RunStatus status = RunStatus::kMissing;
  std::string reason;
  std::string run_id;       ///< identity of the configuration
  std::string settings_id;  ///< the same without the seed
  std::string commit;
  std::int64_t t_max = 0;  ///< budget in environment steps; 0 for policies that do not search
  std::int64_t env_steps = 0, episodes = 0, updates = 0;
  double wall_s = 0.0;
  std::vector<EvaluationPoint> evaluations;  ///< during training, by t_env; then the final one
  std::vector<TrainingPoint> training;       ///< of algorithms with a mixer (training_results.hpp)
  std::optional<EvaluationPoint> final;      ///< of a finished run: after training
  std::optional<EvaluationPoint> absolute;   ///< of the best policy again; t_env: of that policy
  std::vector<CreditsRecord> credits;        ///< what was measured of them (`credo credits`)
  std::filesystem::path folder;              ///< of the run; empty when only tables are there
  std::optional<RecordedRun> record;         ///< of a finished run, unless tables lack it
};

/// Evaluation episodes of a run by evaluation, in the order of `evaluations`; the episodes of
/// `absolute` come last. Empty without a run folder. Errors: UserError, also for a file without the
/// column `event` (older versions) and for episodes that belong to no evaluation of the run.
struct EpisodeRow {
  std::int64_t t_env = 0;
  std::string event;  ///< "eval", "final" or "absolute"
  std::int64_t index = 0;
  double episode_return = 0.0;
  int length = 0;
  std::optional<bool> won;
};
std::vector<std::vector<EpisodeRow>> read_episodes(const RunResult& run);

/// Losses, epsilon and the other training metrics of a run, as logged; empty without a run folder.
/// Errors: UserError.
std::vector<MetricsEvent> read_train_metrics(const RunResult& run);

/// Reads one run folder. Runs of environments or algorithms that this program does not have are
/// read too, with every parameter of the environment in env_settings. Errors: UserError naming the
/// file; with `verify` ChangedError when a finished run is not what its manifest recorded.
RunResult read_run_result(const std::filesystem::path& directory, bool verify = true);

/// Run directories at or below `path`, sorted by path.
std::vector<std::filesystem::path> find_runs(const std::filesystem::path& path);

struct ResultSet {
  std::string suite;               ///< name; "" when the runs belong to no suite, or to several
  std::vector<RunResult> runs;     ///< by task, algorithm, seed in the order of tables
  std::vector<std::string> tasks;  ///< in the order of tables
  std::vector<std::string> algorithms;
  std::vector<GivenBounds> bounds;  ///< of the suites, from bounds.toml of their folders

  std::vector<const RunResult*> of(std::string_view task, std::string_view algorithm) const;
  std::vector<std::string> commits() const;
  /// Environments and algorithms of the runs that this program does not have.
  std::vector<std::string> unknown_names() const;
};

struct LoadOptions {
  bool allow_mixed = false;
  bool verify = true;  ///< compare files with their recorded hashes; Errors: ChangedError
};

/// Suite folders (whole ones, shards, or only their tables), run folders, or folders of run
/// folders, merged. A run that is there twice counts once if both are equal, in every evaluation
/// and score. Errors: UserError for unreadable files, for a run that is there twice with different
/// results, and, unless mixing is allowed, for runs of different programs and for runs of one task
/// and algorithm whose settings differ in more than the seed.
ResultSet load_results(const std::vector<std::filesystem::path>& directories,
                       const LoadOptions& options);

}  // namespace credo::suite
