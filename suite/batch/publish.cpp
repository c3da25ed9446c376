#include "suite/batch/publish.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "learners/base/isa.hpp"
#include "suite/common/build_info.hpp"
#include "suite/common/files.hpp"
#include "suite/common/hashing.hpp"
#include "suite/common/json.hpp"
#include "suite/common/text.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;
Json head(const PublishNotes& notes) {
  Json out;
  out["schema"] = "credo.suite";
  out["schema_version"] = 2;
  out["status"] = notes.status;
  out["suite"] = notes.suite;
  out["command"] = notes.command;
  return out;
}

void write_json(const fs::path& path, const Json& json) {
  write_file(path, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace

std::string publish_status(const ResultSet& set) {
  const bool done = std::all_of(set.runs.begin(), set.runs.end(),
                                [](const RunResult& run) { return run.status == "done"; });
  return done ? "done" : "incomplete";
}

void write_running_manifest(const fs::path& folder, const PublishNotes& notes) {
  Json out = head(notes);
  out["started"] = notes.started;
  out["sha256"] = Json::object();
  write_json(folder / "manifest.json", out);
}

void publish(const fs::path& folder, const std::vector<PlannedCell>& plan, const ResultSet& set,
             const Report& report, const PublishNotes& notes) {
  write_file(folder / "plan.csv", plan_csv(plan));
  write_file(folder / "tables.md",
             fmt::format("# Suite {}\n\n{}", notes.suite, markdown_report(report)));
  write_file(folder / "results.csv", results_csv(set));
  write_file(folder / "curves.csv", curves_csv(set));
  std::vector<std::string> files = {"plan.csv", "tables.md", "results.csv", "curves.csv"};
  if (!set.bounds.empty()) {
    files.emplace_back("bounds.toml");
    write_file(folder / files.back(), given_bounds_toml(set.bounds));
  }

  const BuildInfo& build = build_info();
  const MachineInfo machine = machine_info();
  double runs_wall_s = 0.0;
  std::vector<std::string> profiles;
  std::vector<std::uint64_t> seeds;
  const auto count = [&](std::string_view status) {
    return std::count_if(set.runs.begin(), set.runs.end(),
                         [&](const RunResult& run) { return run.status == status; });
  };
  for (const RunResult& run : set.runs) {
    runs_wall_s += run.wall_s;
    if (std::find(profiles.begin(), profiles.end(), run.profile) == profiles.end())
      profiles.push_back(run.profile);
    if (std::find(seeds.begin(), seeds.end(), run.seed) == seeds.end()) seeds.push_back(run.seed);
  }
  Json out = head(notes);
  out["profile"] = joined(profiles);
  out["seeds"] = seeds;
  out["cells"] = set.runs.size();
  out["cells_done"] = count("done");
  out["cells_failed"] = count("failed") + count("diverged");
  out["started"] = notes.started;
  out["ended"] = utc_now();
  out["wall_s"] = notes.wall_s;
  out["cells_wall_s"] = runs_wall_s;
  out["jobs"] = notes.jobs;
  out["threads"] = notes.threads;
  out["isa"] = current_isa();
  out["version"] = build.version;
  out["commit"] = joined(set.commits());
  out["compiler"] = build.compiler;
  out["flags"] = build.flags;
  out["cpu"] = machine.cpu;
  out["cores"] = machine.cores;
  for (const std::string& name : files) out["sha256"][name] = sha256_hex_of_file(folder / name);
  write_json(folder / "manifest.json", out);
}

}  // namespace credo::suite
