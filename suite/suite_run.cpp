#include "suite/suite_run.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fmt/format.h>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <numeric>
#include <oneapi/tbb/task_arena.h>
#include <thread>

#include "learners/isa.hpp"
#include "suite/build_info.hpp"
#include "suite/hashing.hpp"
#include "suite/runner.hpp"
#include "suite/signals.hpp"
#include "suite/text.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

enum class CellState { kNew, kResume, kFinished };

CellState inspect(const fs::path& folder, const RunConfig& config) {
  if (!holds_run(folder)) return CellState::kNew;
  const Manifest manifest = read_manifest(folder);
  if (manifest.run_id != config.id())
    throw UserError(fmt::format(
        "{} holds a run of another configuration; use another --out, or remove that folder",
        folder.string()));
  const bool finished =
      manifest.status == RunStatus::kDone || manifest.status == RunStatus::kDiverged;
  return finished ? CellState::kFinished : CellState::kResume;
}

}  // namespace

void check_suite_folder(const fs::path& folder, const std::string& suite) {
  const fs::path path = folder / "manifest.json";
  std::error_code error;
  if (!fs::exists(path, error)) return;
  std::string owner;
  try {
    const auto json = nlohmann::json::parse(read_text(path));
    if (json.value("schema", "") == "credo.suite") owner = json.value("suite", "");
  } catch (const nlohmann::json::exception&) {
    owner.clear();
  }
  if (owner != suite)
    throw UserError(
        fmt::format("{} is not of suite '{}'; use another --out", path.string(), suite));
}

namespace {

class SuiteRun {
 public:
  SuiteRun(const std::vector<Cell>& cells, const SuiteOptions& options, Progress& progress)
      : cells_(cells), options_(options), progress_(progress), started_(Clock::now()) {
    for (const Cell& cell : cells_) {
      states_.push_back(inspect(options_.out / cell.folder, cell.config));
      total_steps_ += steps_of(cell);
      if (states_.back() == CellState::kFinished) skipped_steps_ += steps_of(cell);
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
    const auto n_finished = std::count(states_.begin(), states_.end(), CellState::kFinished);
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
  int n_busy() const { return n_busy_; }
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
      if (states_[cell] == CellState::kFinished) continue;
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
      // Another process may have been at it since.
      const CellState state = inspect(folder, cell.config);
      if (state == CellState::kFinished) {
        ++n_ended_;
        return;
      }
      outcome = state == CellState::kNew ? start_run(cell.config, folder, run_options)
                                         : resume_run(folder, run_options);
    } catch (const InUseError& error) {
      ++n_busy_;
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
  std::vector<CellState> states_;
  std::vector<std::size_t> order_;
  std::vector<std::int64_t> reached_;
  std::map<std::size_t, std::string> refusals_;
  std::int64_t total_steps_ = 0;
  std::int64_t skipped_steps_ = 0;
  std::mutex mutex_;
  std::atomic<std::size_t> next_{0};
  std::atomic<int> n_ended_{0};
  std::atomic<int> n_busy_{0};
  std::atomic<bool> stopped_{false};
  std::atomic<bool> is_taken_over_{false};
  std::string taken_over_;
};

// What the runs themselves recorded: a suite may have gone on with a newer program.
std::string commits_of(const std::vector<RunResult>& results) {
  std::vector<std::string> commits;
  for (const RunResult& result : results)
    if (!result.commit.empty() &&
        std::find(commits.begin(), commits.end(), result.commit) == commits.end())
      commits.push_back(result.commit);
  std::string text;
  for (const std::string& commit : commits) text += (text.empty() ? "" : ", ") + commit;
  return text;
}

TableNotes make_notes(const SuiteSpec& spec, const std::vector<Cell>& cells,
                      const std::string& commits) {
  TableNotes notes;
  std::vector<std::string> budgets;
  std::vector<std::string> noted;
  std::vector<std::uint64_t> seeds;
  int episodes = 0;
  std::string profile;
  std::string search;
  for (const Cell& cell : cells) {
    const RunConfig& config = cell.config;
    profile = config.profile();
    episodes = config.train_params().integer32("evaluation.episodes");
    if (std::find(seeds.begin(), seeds.end(), config.seed()) == seeds.end())
      seeds.push_back(config.seed());
    if (config.algorithm() == "noop") {
      if (const std::string note = noop_note(config.env_id()); !note.empty())
        notes.by_task.emplace_back(cell.names.task, note);
    }
    if (config.algorithm() == "open_loop")
      search = fmt::format("open_loop: the best plan of a search of at most {} environment steps.",
                           with_thousands(budget(config)));
    if (!config.is_learning()) continue;
    const std::string text = fmt::format("{} {}", cell.names.task, with_thousands(budget(config)));
    if (std::find(budgets.begin(), budgets.end(), text) == budgets.end()) budgets.push_back(text);
  }
  // A note applies once to a table, however many seeds there are.
  notes.by_task.erase(std::unique(notes.by_task.begin(), notes.by_task.end()), notes.by_task.end());
  std::string all_budgets;
  for (const std::string& text : budgets) all_budgets += (all_budgets.empty() ? "" : ", ") + text;
  notes.footer = {
      fmt::format("Suite {}, profile {}, seeds {}, commit {}.", spec.name, profile,
                  seed_list_text(seeds), commits),
      fmt::format("Training budget in environment steps: {}.",
                  all_budgets.empty() ? "none" : all_budgets),
      fmt::format("Mean return: {} greedy episodes after training, averaged over seeds (no "
                  "checkpoint is picked by its score).",
                  episodes),
      "IQM: interquartile mean over seeds with a 95% percentile bootstrap interval (50,000 "
      "resamples of the seeds).",
      "H: normalised entropy of the agents' credits dQ_tot/dQ_i in the same episodes; 1 = equal "
      "credit.",
  };
  if (!search.empty()) notes.footer.insert(notes.footer.begin() + 2, search);
  return notes;
}

std::string suite_manifest(const SuiteSpec& spec, const SuiteOptions& options,
                           const SuiteOutcome& outcome, const std::vector<Cell>& cells,
                           const std::string& started, double wall_s) {
  using Json = nlohmann::ordered_json;
  const BuildInfo& build = build_info();
  const MachineInfo machine = machine_info();
  std::vector<std::uint64_t> seeds;
  for (const Cell& cell : cells)
    if (std::find(seeds.begin(), seeds.end(), cell.config.seed()) == seeds.end())
      seeds.push_back(cell.config.seed());
  double cells_wall_s = 0.0;
  for (const RunResult& result : outcome.results) cells_wall_s += result.wall_s;
  Json out;
  out["schema"] = "credo.suite";
  out["schema_version"] = 1;
  out["status"] = outcome.stopped                                              ? "stopped"
                  : outcome.n_done == static_cast<int>(outcome.results.size()) ? "done"
                                                                               : "incomplete";
  out["suite"] = spec.name;
  out["command"] = options.command;
  out["profile"] = cells.front().config.profile();
  out["seeds"] = seeds;
  out["cells"] = cells.size();
  out["cells_done"] = outcome.n_done;
  out["cells_failed"] = outcome.n_failed;
  out["started"] = started;
  out["ended"] = utc_now();
  out["wall_s"] = wall_s;
  out["cells_wall_s"] = cells_wall_s;
  out["jobs"] = options.jobs;
  out["threads"] = options.threads;
  out["isa"] = current_isa();
  out["version"] = build.version;
  out["commit"] = commits_of(outcome.results);
  out["compiler"] = build.compiler;
  out["flags"] = build.flags;
  out["cpu"] = machine.cpu;
  out["cores"] = machine.cores;
  for (const char* name : {"tables.md", "results.csv", "curves.csv"})
    out["sha256"][name] = sha256_hex_of_file(options.out / name);
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

SuiteOutcome run_suite(const SuiteSpec& spec, const std::vector<Cell>& cells,
                       const SuiteOptions& options, Progress& progress) {
  const auto began = Clock::now();
  const std::string started = utc_now();
  std::unique_ptr<DirectoryLock> lock;
  try {
    check_suite_folder(options.out, spec.name);
    make_directories(options.out);
    if (options.stage != SuiteStage::kCells) lock = std::make_unique<DirectoryLock>(options.out);
  } catch (const FileError& error) {
    throw UserError(error.what());
  }
  SuiteRun suite(cells, options, progress);
  if (options.stage != SuiteStage::kTables) suite.run();

  SuiteOutcome outcome;
  outcome.stopped = suite.stopped();
  outcome.n_busy = suite.n_busy();
  outcome.taken_over = suite.taken_over();
  if (options.stage == SuiteStage::kCells) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const fs::path folder = options.out / cells[i].folder;
      const auto status = holds_run(folder) ? read_manifest(folder).status : RunStatus::kRunning;
      if (status == RunStatus::kDone) ++outcome.n_done;
      if (!suite.refusal(i).empty() || status == RunStatus::kFailed ||
          status == RunStatus::kDiverged)
        ++outcome.n_failed;
    }
    return outcome;
  }
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const Cell& cell = cells[i];
    RunResult result;
    result.task = cell.names.task;
    result.env = cell.config.env_id();
    result.algorithm = cell.names.algorithm;
    result.seed = cell.config.seed();
    result.profile = cell.config.profile();
    result.status = "missing";
    if (holds_run(options.out / cell.folder)) result = read_run_result(options.out / cell.folder);
    if (!suite.refusal(i).empty()) {
      result.status = "failed";
      result.reason = suite.refusal(i);
    }
    if (result.status == "done") ++outcome.n_done;
    if (result.status == "failed" || result.status == "diverged") ++outcome.n_failed;
    outcome.results.push_back(std::move(result));
  }
  outcome.rows = summarize(outcome.results);
  outcome.tables =
      markdown_tables(outcome.rows, make_notes(spec, cells, commits_of(outcome.results)));
  if (outcome.stopped || !outcome.taken_over.empty()) return outcome;
  write_file(options.out / "tables.md", fmt::format("# Suite {}\n\n{}", spec.name, outcome.tables));
  write_file(options.out / "results.csv", results_csv(outcome.results));
  write_file(options.out / "curves.csv", curves_csv(outcome.results));
  const std::chrono::duration<double> elapsed = Clock::now() - began;
  write_file(options.out / "manifest.json",
             suite_manifest(spec, options, outcome, cells, started, elapsed.count()));
  return outcome;
}

}  // namespace credo::suite
