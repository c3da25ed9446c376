#include "suite/batch/suite_run.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fmt/format.h>
#include <map>
#include <mutex>
#include <numeric>
#include <oneapi/tbb/task_arena.h>
#include <set>
#include <thread>

#include "suite/batch/credits_run.hpp"
#include "suite/batch/publish.hpp"
#include "suite/common/build_info.hpp"
#include "suite/common/files.hpp"
#include "suite/common/safe_path.hpp"
#include "suite/common/signals.hpp"
#include "suite/common/text.hpp"
#include "suite/report/tables.hpp"
#include "suite/results/suite_manifest.hpp"
#include "suite/run/directory_lock.hpp"
#include "suite/run/integrity.hpp"
#include "suite/run/run_directory.hpp"
#include "suite/run/runner.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// Files of a finished cell must be what its manifest recorded.
void tidy_finished_cell(const fs::path& folder, RunStatus status, bool verify) {
  if (verify && status == RunStatus::kDone)
    require_unchanged(changed_files(folder, read_manifest(folder)));
  RunDirectory::tidy_finished(folder);
}

}  // namespace

void check_suite_folder(const fs::path& folder, const std::string& suite) {
  const auto manifest = read_suite_manifest(folder);
  const bool is_ours =
      manifest ? manifest->schema == kSuiteSchema && manifest->suite == suite : !holds_run(folder);
  if (!is_ours)
    throw UserError(fmt::format("{} is not of suite '{}'; use another --out",
                                (folder / kManifest).string(), suite));
}

namespace {

class SuiteRun {
 public:
  SuiteRun(const std::vector<Cell>& cells, const SuiteOptions& options, Progress& progress)
      : cells_(cells), options_(options), progress_(progress), started_(Clock::now()) {
    for (const Cell& cell : cells_) {
      const fs::path folder = options_.out / cell.folder;
      states_.push_back(cell_status(folder, cell.config));
      total_steps_ += steps_of(cell);
      if (!is_finished(states_.back())) continue;
      skipped_steps_ += steps_of(cell);
      tidy_finished_cell(folder, states_.back(), options_.verify);
    }
    reached_.assign(cells_.size(), 0);
    // Long cells first, so that none starts when the other workers are already idle.
    order_.resize(cells_.size());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::stable_sort(order_.begin(), order_.end(), [this](std::size_t a, std::size_t b) {
      return steps_of(cells_[a]) > steps_of(cells_[b]);
    });
  }

  void run() {
    const auto n_finished = std::count_if(states_.begin(), states_.end(), is_finished);
    n_ended_ = static_cast<int>(n_finished);
    if (n_finished > 0)
      progress_.note(fmt::format("{} of {} cells are already finished", n_finished, cells_.size()));
    std::vector<std::thread> workers;
    for (int i = 1; i < options_.jobs; ++i) workers.emplace_back([this] { work(); });
    work();
    for (std::thread& worker : workers) worker.join();
    progress_.clear();
  }

  bool stopped() const { return stopped_; }
  /// Another process was at this cell.
  bool is_busy(std::size_t cell) const { return busy_.contains(cell); }
  const std::string& taken_over() const { return taken_over_; }
  /// Why a cell could not even start, by index; "" elsewhere.
  std::string refusal(std::size_t cell) const {
    const auto found = refusals_.find(cell);
    return found == refusals_.end() ? "" : found->second;
  }

 private:
  // A fixed policy costs something too; a small number keeps it in the estimate.
  static std::int64_t steps_of(const Cell& cell) {
    return std::max<std::int64_t>(budget(cell.config), 500);
  }

  void work() {
    tbb::task_arena arena(options_.jobs > 1 ? 1 : options_.threads);
    for (;;) {
      const std::size_t next = next_.fetch_add(1);
      if (next >= order_.size()) break;
      const std::size_t cell = order_[next];
      if (is_finished(states_[cell])) continue;
      if (is_taken_over_) break;
      if (stop_requested()) {
        stopped_ = true;
        break;
      }
      arena.execute([&] { run_cell(cell); });
    }
  }

  void run_cell(std::size_t index) {
    const Cell& cell = cells_[index];
    const fs::path folder = options_.out / cell.folder;
    RunOptions run_options;
    run_options.names = cell.names;
    run_options.threads = options_.jobs > 1 ? 1 : options_.threads;
    run_options.on_progress = [&](const RunProgress& run) { show(index, run.t_env); };
    const auto began = Clock::now();
    RunOutcome outcome;
    try {
      // Another process may have run it since.
      const RunStatus status = cell_status(folder, cell.config);
      if (is_finished(status)) {
        tidy_finished_cell(folder, status, options_.verify);
        ++n_ended_;
        return;
      }
      outcome = holds_run(folder) ? resume_run(folder, run_options)
                                  : start_run(cell.config, folder, run_options);
    } catch (const InUseError& error) {
      const std::lock_guard guard(mutex_);
      busy_.insert(index);
      progress_.note(fmt::format("{}: left alone: {}", cell.name, error.what()));
      return;
    } catch (const std::exception& error) {
      outcome.end = RunEnd::kFailed;
      outcome.reason = error.what();
      const std::lock_guard guard(mutex_);
      refusals_[index] = one_line(error.what());
    }
    if (outcome.end == RunEnd::kStopped) {
      stopped_ = true;
      return;
    }
    if (outcome.end == RunEnd::kTakenOver) {
      const std::lock_guard guard(mutex_);
      taken_over_ = outcome.reason;
      is_taken_over_ = true;
      return;
    }
    const std::chrono::duration<double> elapsed = Clock::now() - began;
    const int ended = ++n_ended_;
    std::string text = fmt::format("[{}/{}] {}  ", ended, cells_.size(), cell.name);
    if (outcome.final_evaluation) {
      text += fmt::format("return {:.2f}", outcome.final_evaluation->return_mean());
      if (const auto entropy = outcome.final_evaluation->entropy_mean)
        text += fmt::format("  H {:.4f}", *entropy);
      text += fmt::format("  {:.1f} s", elapsed.count());
    } else {
      text += fmt::format("{}: {}", outcome.end == RunEnd::kDiverged ? "diverged" : "failed",
                          one_line(outcome.reason));
    }
    progress_.note(text);
    show(index, steps_of(cell));
  }

  void show(std::size_t index, std::int64_t t_env) {
    const std::lock_guard guard(mutex_);
    reached_[index] = std::min(t_env, steps_of(cells_[index]));
    const auto here = std::accumulate(reached_.begin(), reached_.end(), std::int64_t{0});
    const std::chrono::duration<double> elapsed = Clock::now() - started_;
    const auto left = static_cast<double>(total_steps_ - skipped_steps_);
    progress_.update(fmt::format(
        "{}/{} cells  {}/{} steps  {:.0f} steps/s  ETA {}", n_ended_.load(), cells_.size(),
        with_thousands(skipped_steps_ + here), with_thousands(total_steps_),
        static_cast<double>(here) / std::max(elapsed.count(), 1e-9),
        eta_text(static_cast<double>(here), left, elapsed.count())));
  }

  const std::vector<Cell>& cells_;
  const SuiteOptions& options_;
  Progress& progress_;
  Clock::time_point started_;
  std::vector<RunStatus> states_;
  std::vector<std::size_t> order_;
  std::vector<std::int64_t> reached_;
  std::map<std::size_t, std::string> refusals_;
  std::set<std::size_t> busy_;
  std::int64_t total_steps_ = 0;
  std::int64_t skipped_steps_ = 0;
  std::mutex mutex_;
  std::atomic<std::size_t> next_{0};
  std::atomic<int> n_ended_{0};
  std::atomic<bool> stopped_{false};
  std::atomic<bool> is_taken_over_{false};
  std::string taken_over_;
};

std::unique_ptr<DirectoryLock> lock_when_free(const fs::path& folder) {
  constexpr int kTries = 1200;  // longer than a lock takes to count as stale
  constexpr auto kPause = std::chrono::milliseconds(100);
  for (int i = 1;; ++i) {
    try {
      return std::make_unique<DirectoryLock>(folder);
    } catch (const InUseError&) {
      if (i == kTries) throw;
      std::this_thread::sleep_for(kPause);
    }
  }
}

std::vector<PlannedCell> read_plan(const fs::path& folder) {
  const fs::path path = folder_file(folder, "plan.csv");
  std::error_code error;
  if (!fs::exists(path, error)) return {};
  return parse_plan_csv(read_text(path), path.string());
}

// Runs that would stand in one row must have the same settings, and all must come from one program.
void check_mixed(const fs::path& out, const std::vector<PlannedCell>& old_plan,
                 const std::vector<PlannedCell>& plan) {
  std::map<std::pair<std::string, std::string>, const PlannedCell*> first;
  const std::string& commit = build_info().commit;
  for (const PlannedCell& cell : join_plans(old_plan, plan)) {
    const fs::path folder = out / cell_folder(cell.names, cell.seed);
    if (!holds_run(folder)) continue;
    if (const std::string other = read_manifest(folder).commit; other != commit)
      throw UserError(
          fmt::format("{} was run by another program (commit {}, this is {}); use another --out, "
                      "or --allow-mixed to continue anyway",
                      folder.string(), other, commit));
  }
  for (const PlannedCell& cell : plan)
    first.try_emplace({cell.names.task, cell.names.algorithm}, &cell);
  for (const PlannedCell& cell : old_plan) {
    const auto same = first.find({cell.names.task, cell.names.algorithm});
    if (same == first.end() || same->second->settings_id == cell.settings_id) continue;
    throw UserError(
        fmt::format("{} was planned with another configuration than {}; use another --out, or "
                    "--allow-mixed to continue anyway",
                    (out / cell_folder(cell.names, cell.seed)).string(),
                    cell_folder(same->second->names, same->second->seed).string()));
  }
}

bool stands_there(const fs::path& out, const std::vector<PlannedCell>& old_plan,
                  const std::vector<PlannedCell>& plan) {
  std::error_code error;
  return fs::exists(out / kManifest, error) &&
         plan_csv(join_plans(old_plan, plan)) == plan_csv(old_plan);
}

PublishNotes start_notes(const SuiteSpec& spec, const SuiteOptions& options) {
  return {.suite = spec.name,
          .status = "running",
          .command = options.command,
          .started = utc_now(),
          .jobs = options.jobs,
          .threads = options.threads};
}

void begin(const SuiteSpec& spec, const std::vector<Cell>& cells, const SuiteOptions& options,
           const PublishNotes& notes) {
  as_user_error([&] {
    std::vector<PlannedCell> plan;
    for (const Cell& cell : cells) plan.push_back(planned(cell));
    // The many elements of an array find their plan there, and need not queue up for the lock.
    if (options.stage == SuiteStage::kCells &&
        stands_there(options.out, read_plan(options.out), plan)) {
      if (!options.allow_mixed) check_mixed(options.out, {}, plan);
      return;
    }
    make_directories(options.out);
    const auto lock = lock_when_free(options.out);
    const auto old_plan = read_plan(options.out);
    if (!options.allow_mixed) check_mixed(options.out, old_plan, plan);
    write_file(options.out / "plan.csv", plan_csv(join_plans(old_plan, plan)));
    if (!spec.bounds.empty())
      write_file(options.out / "bounds.toml", given_bounds_toml(spec.bounds));
    std::error_code error;
    if (!fs::exists(options.out / kManifest, error)) write_running_manifest(options.out, notes);
  });
}

SuiteOutcome cells_outcome(const std::vector<Cell>& cells, const SuiteOptions& options,
                           const SuiteRun& suite) {
  SuiteOutcome outcome;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const RunStatus status = cell_status(options.out / cells[i].folder, cells[i].config);
    if (suite.is_busy(i)) ++outcome.n_busy;
    if (status == RunStatus::kDone) ++outcome.n_done;
    if (!suite.refusal(i).empty() || status == RunStatus::kFailed || status == RunStatus::kDiverged)
      ++outcome.n_failed;
  }
  return outcome;
}

// Everything planned in the folder, with what became of the cells asked for.
SuiteOutcome folder_outcome(const std::vector<Cell>& cells, const SuiteOptions& options,
                            const SuiteRun& suite) {
  SuiteOutcome outcome;
  outcome.set = load_results({options.out}, {.allow_mixed = true, .verify = options.verify});
  std::map<fs::path, RunResult*> by_folder;
  for (RunResult& run : outcome.set.runs) by_folder[cell_folder(run.names, run.seed)] = &run;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    RunResult& result = *by_folder.at(cells[i].folder);
    if (!suite.refusal(i).empty()) {
      result.status = RunStatus::kFailed;
      result.reason = suite.refusal(i);
    }
    if (suite.is_busy(i)) ++outcome.n_busy;
    if (result.status == RunStatus::kDone) ++outcome.n_done;
    if (result.status == RunStatus::kFailed || result.status == RunStatus::kDiverged)
      ++outcome.n_failed;
  }
  outcome.report = make_report(outcome.set);
  outcome.tables = markdown_report(outcome.report);
  return outcome;
}

}  // namespace

void begin_suite(const SuiteSpec& spec, const std::vector<Cell>& cells,
                 const SuiteOptions& options) {
  check_suite_folder(options.out, spec.name);
  check_credits(cells);
  begin(spec, cells, options, start_notes(spec, options));
}

SuiteOutcome run_suite(const SuiteSpec& spec, const std::vector<Cell>& cells,
                       const SuiteOptions& options, Progress& progress) {
  const auto began = Clock::now();
  PublishNotes notes = start_notes(spec, options);
  check_suite_folder(options.out, spec.name);
  check_credits(cells);
  SuiteRun suite(cells, options, progress);
  begin(spec, cells, options, notes);
  CreditsRunOutcome credits;
  if (options.stage != SuiteStage::kTables) {
    suite.run();
    if (!suite.stopped() && suite.taken_over().empty())
      credits = measure_credits(
          cells, {.out = options.out, .jobs = options.jobs, .threads = options.threads}, progress);
  }

  const bool has_tables = options.stage != SuiteStage::kCells;
  const auto lock = has_tables ? lock_when_free(options.out) : nullptr;
  SuiteOutcome outcome =
      has_tables ? folder_outcome(cells, options, suite) : cells_outcome(cells, options, suite);
  outcome.stopped = suite.stopped() || credits.stopped;
  outcome.n_credits_failed = credits.n_failed + credits.n_busy;
  outcome.credits_problem = credits.problem;
  outcome.taken_over = suite.taken_over();
  if (!has_tables || outcome.stopped || !outcome.taken_over.empty()) return outcome;
  const std::chrono::duration<double> elapsed = Clock::now() - began;
  notes.wall_s = elapsed.count();
  notes.status = publish_status(outcome.set);
  publish(options.out, read_plan(options.out), outcome.set, outcome.report, notes);
  return outcome;
}

}  // namespace credo::suite
