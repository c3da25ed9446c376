#include <fmt/format.h>
#include <optional>
#include <system_error>

#include "envs/core/error.hpp"
#include "suite/cli/cli.hpp"
#include "suite/common/safe_path.hpp"
#include "suite/common/signals.hpp"
#include "suite/common/temporary_folder.hpp"
#include "suite/common/text.hpp"
#include "suite/credits/credits_folder.hpp"
#include "suite/results/result_set.hpp"
#include "suite/results/suite_manifest.hpp"
#include "suite/run/integrity.hpp"
#include "suite/run/rerun.hpp"
#include "suite/run/run_directory.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;

struct Tally {
  std::size_t checked = 0;
  std::vector<std::string> mismatches;

  void add(std::size_t n_files, const std::vector<std::string>& changed) {
    checked += n_files;
    mismatches.insert(mismatches.end(), changed.begin(), changed.end());
  }
};

// The finished runs below `folders`, and those that tables without their runs keep records of.
std::vector<RecordedRun> repeatable_runs(const std::vector<fs::path>& folders,
                                         const std::vector<fs::path>& tables) {
  std::vector<RecordedRun> runs = finished_runs(folders);
  for (const fs::path& folder : tables) {
    std::error_code error;
    if (fs::is_directory(folder / "runs", error)) continue;
    auto records = read_run_records(folder);
    runs.insert(runs.end(), records.begin(), records.end());
  }
  return runs;
}

// A folder for runs that are compared and thrown away, or kept where the user says.
class Scratch {
 public:
  explicit Scratch(const std::optional<std::string>& kept) {
    if (!kept) {
      own_.emplace("credo_verify");
      path_ = own_->path();
      return;
    }
    path_ = *kept;
    std::error_code error;
    if (fs::exists(path_, error) && !(fs::is_directory(path_, error) && fs::is_empty(path_, error)))
      throw UserError(fmt::format("--scratch: {} is not an empty folder", path_.string()));
  }
  /// For a new run; the same cell of two suites gets two folders.
  fs::path folder_for(const RecordedRun& run, std::size_t index) const {
    const fs::path manifest = run.folder / kManifest;
    fs::path folder = path_below(path_, run.cell(), manifest.string());
    std::error_code error;
    if (fs::exists(folder, error)) folder += fmt::format("_{}", index);
    return folder;
  }
  /// Of what folder_for gave, which this process has made.
  void drop(const fs::path& folder) const {
    std::error_code ignored;
    if (own_) fs::remove_all(folder, ignored);
  }

 private:
  std::optional<TemporaryFolder> own_;
  fs::path path_;
};

// One line per chosen run on stdout. Returns the exit code.
int run_again(const Arguments& arguments, const std::vector<RecordedRun>& runs) {
  const auto chosen = choose_runs(runs, arguments.list("rerun"));
  const Scratch scratch(arguments.text("scratch"));
  install_stop_handlers();
  Progress progress(arguments.progress());
  int n_different = 0;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const RecordedRun& run = chosen[i];
    RunOptions options;
    options.threads = arguments.threads();
    options.on_progress = [&](const RunProgress& now) {
      progress.update(fmt::format("[{}/{}] {}  {}/{} steps", i + 1, chosen.size(), run.cell(),
                                  with_thousands(now.t_env), with_thousands(now.t_max)));
    };
    const fs::path folder = scratch.folder_for(run, i);
    const RerunOutcome outcome = rerun(run, folder, options);
    progress.clear();
    if (outcome.end == RunEnd::kStopped) {
      print_message(arguments, fmt::format("stopped by {} with {} of {} runs compared",
                                           stop_signal_name(), i, chosen.size()));
      return kExitStopped;
    }
    if (outcome.differences.empty()) {
      print_out(fmt::format("equal      {}  {} files\n", run.cell(), outcome.n_files));
    } else {
      ++n_different;
      std::string text;
      for (const std::string& difference : outcome.differences)
        text += (text.empty() ? "" : "; ") + difference;
      print_out(fmt::format("different  {}  {}\n", run.cell(), text));
    }
    scratch.drop(folder);
  }
  print_out(fmt::format("{} runs repeated, {} different\n", chosen.size(), n_different));
  return n_different == 0 ? kExitOk : kExitMismatch;
}

int run_verify(const Arguments& arguments) {
  if (arguments.has("scratch") && !arguments.has("rerun"))
    throw UserError("--scratch can only be used with --rerun");
  const fs::path directory = arguments.single("DIR");
  std::error_code error;
  if (!fs::is_directory(directory, error))
    throw UserError(fmt::format("{} is not a folder", directory.string()));
  Tally tally;
  const auto tables = find_tables(directory);
  for (const fs::path& folder : tables) {
    const auto recorded = read_suite_manifest(folder)->sha256;
    tally.add(recorded.size(), changed_files(folder, recorded));
  }
  const bool is_run = tables.empty() && holds_run(directory);
  const auto runs = is_run ? std::vector<fs::path>{directory} : find_runs(directory);
  if (runs.empty() && tables.empty())
    throw UserError(fmt::format("{} holds neither runs nor tables", directory.string()));
  for (const fs::path& run : runs) {
    const Manifest manifest = read_manifest(run);
    if (manifest.status != RunStatus::kDone) {
      const RunStatus status = status_now(run, manifest);
      const std::string text = status == RunStatus::kInterrupted
                                   ? interrupted_text(run, budget(read_run_config(run)))
                                   : std::string(status_name(status));
      if (is_run)
        throw UserError(fmt::format("{}: the run is {}; only finished runs can be verified",
                                    run.string(), text));
      print_message(arguments, fmt::format("{}: {}, skipped", run.string(), text));
      continue;
    }
    tally.add(manifest.sha256.size(), changed_files(run, manifest));
    std::size_t n_files = 0;
    const auto changed = changed_credits(run_file(run, kCreditsFolder), n_files);
    tally.add(n_files, changed);
  }
  for (const std::string& mismatch : tally.mismatches) print_out("mismatch " + mismatch + "\n");
  print_out(
      fmt::format("{} files checked, {} mismatches\n", tally.checked, tally.mismatches.size()));
  const int repeated =
      arguments.has("rerun") ? run_again(arguments, repeatable_runs(runs, tables)) : kExitOk;
  return tally.mismatches.empty() ? repeated : kExitMismatch;
}

}  // namespace

Command verify_command() {
  Command command;
  command.name = "verify";
  command.arguments = "DIR [--rerun N|PATTERN]...";
  command.help = "check the hashes of tables and finished runs, and optionally repeat some";
  command.details =
      "Hashes the tables, the files and the measured credits of every finished run at or below DIR and compares them with "
      "their manifests; the exit status is 3 when a file changed or is missing.\n\n"
      "--rerun also repeats N runs, spread evenly over all, or the runs that match a pattern "
      "(TASK/ALG/seed_N, TASK/ALG, TASK, ALG or seed_N) from their recorded configuration in a "
      "scratch folder. Configuration, metrics, episodes and weights must agree byte for byte: one "
      "line per run, exit status 3 when any differs. Published folders of tables keep the "
      "configurations and hashes that this needs.";
  command.examples = {"credo verify runs/pp", "credo verify results/quick --rerun 3",
                      "credo verify results/quick --rerun 'two_step/*' --rerun 'qmix*'"};
  command.positional = {"DIR"};
  command.options = {
      {"rerun", "N|PATTERN", "repeat these runs and compare; repeat the option for more", true},
      {"scratch", "DIR", "empty folder for the repeated runs, which are then kept"},
      progress_option()};
  command.run = run_verify;
  return command;
}

}  // namespace credo::suite
