#include "suite/batch/publish.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "learners/base/isa.hpp"
#include "suite/common/build_info.hpp"
#include "suite/common/files.hpp"
#include "suite/common/hashing.hpp"
#include "suite/common/text.hpp"
#include "suite/report/tables.hpp"
#include "suite/results/credit_results.hpp"
#include "suite/results/suite_manifest.hpp"
#include "suite/results/training_results.hpp"
#include "suite/run/manifest_fields.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;

SuiteManifest begun(const PublishNotes& notes) {
  return {.status = notes.status,
          .suite = notes.suite,
          .command = notes.command,
          .started = notes.started};
}

}  // namespace

std::string publish_status(const ResultSet& set) {
  const bool done = std::all_of(set.runs.begin(), set.runs.end(), [](const RunResult& run) {
    return run.status == RunStatus::kDone;
  });
  return done ? "done" : "incomplete";
}

void write_running_manifest(const fs::path& folder, const PublishNotes& notes) {
  write_suite_manifest(folder, begun(notes));
}

void publish(const fs::path& folder, const std::vector<PlannedCell>& plan, const ResultSet& set,
             const Report& report, const PublishNotes& notes) {
  write_file(folder / "plan.csv", plan_csv(plan));
  write_file(folder / "tables.md",
             fmt::format("# Suite {}\n\n{}", notes.suite, markdown_report(report)));
  write_file(folder / "results.csv", results_csv(set));
  write_file(folder / "curves.csv", curves_csv(set));
  std::vector<std::string> files = {"plan.csv", "tables.md", "results.csv", "curves.csv"};
  if (has_training(set)) {
    files.emplace_back("training.csv");
    write_file(folder / files.back(), training_csv(set));
  }
  if (has_credits(set)) {
    files.emplace_back("credits.csv");
    write_file(folder / files.back(), credits_csv(set));
  }
  std::vector<const RecordedRun*> records;
  for (const RunResult& run : set.runs)
    if (run.record) records.push_back(&*run.record);
  if (!records.empty()) {
    files.emplace_back(kRunRecords);
    write_file(folder / files.back(), run_records_json(records));
  }
  if (!set.bounds.empty()) {
    files.emplace_back("bounds.toml");
    write_file(folder / files.back(), given_bounds_toml(set.bounds));
  }

  SuiteManifest out = begun(notes);
  std::vector<std::string> profiles;
  for (const RunResult& run : set.runs) {
    out.cells_wall_s += run.wall_s;
    add_once(profiles, run.profile);
    if (std::find(out.seeds.begin(), out.seeds.end(), run.seed) == out.seeds.end())
      out.seeds.push_back(run.seed);
    if (run.status == RunStatus::kDone) ++out.cells_done;
    if (run.status == RunStatus::kFailed || run.status == RunStatus::kDiverged) ++out.cells_failed;
  }
  out.profile = joined(profiles);
  out.cells = set.runs.size();
  out.ended = utc_now();
  out.wall_s = notes.wall_s;
  out.jobs = notes.jobs;
  out.threads = notes.threads;
  out.isa = current_isa();
  record_program(out);
  out.commit = joined(set.commits());
  for (const std::string& name : files) out.sha256[name] = sha256_hex_of_file(folder / name);
  write_suite_manifest(folder, out);
}

}  // namespace credo::suite
