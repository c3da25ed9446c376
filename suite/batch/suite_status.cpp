#include "suite/batch/suite_status.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <map>
#include <set>
#include <utility>

#include "suite/common/external_command.hpp"
#include "suite/common/text.hpp"
#include "suite/run/directory_lock.hpp"
#include "suite/run/integrity.hpp"
#include "suite/run/run_directory.hpp"
#include "suite/run/runner.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::pair<CellStatus, std::string_view>, 7> kNames = {
    {{CellStatus::kDone, "done"},
     {CellStatus::kDiverged, "diverged"},
     {CellStatus::kRunning, "running"},
     {CellStatus::kQueued, "queued"},
     {CellStatus::kFailed, "failed"},
     {CellStatus::kInterrupted, "interrupted"},
     {CellStatus::kMissing, "missing"}}};

std::string steps_text(const fs::path& folder, const Cell& cell) {
  return fmt::format("at step {} of {}", with_thousands(steps_saved(folder)),
                     with_thousands(budget(cell.config)));
}

CellReport inspect_cell(const fs::path& out, const Cell& cell) {
  const fs::path folder = out / cell.folder;
  std::error_code error;
  CellReport report{&cell, CellStatus::kMissing, ""};
  const auto owner = fs::is_directory(folder, error) ? live_owner(folder) : std::nullopt;
  if (owner) {
    report.status = CellStatus::kRunning;
    report.note = owner->text();
  }
  if (!holds_run(folder)) return report;
  const Manifest manifest = read_manifest(folder);
  if (manifest.run_id != cell.config.id())
    throw UserError(fmt::format(
        "{} holds a run of another configuration; use another --out, or remove that folder",
        folder.string()));
  if (owner && manifest.status == RunStatus::kRunning) return report;
  switch (manifest.status) {
    case RunStatus::kDone:
      return {&cell, CellStatus::kDone, ""};
    case RunStatus::kDiverged:
      return {&cell, CellStatus::kDiverged, manifest.reason};
    case RunStatus::kFailed:
      return {&cell, CellStatus::kFailed, manifest.reason};
    default:
      return {&cell, CellStatus::kInterrupted, steps_text(folder, cell)};
  }
}

// The cells of elements that Slurm holds, and in which job.
std::map<std::string, std::string> queued_cells(const std::vector<OldSubmission>& submissions,
                                                const Queue& queue) {
  std::map<std::string, std::string> found;
  for (const OldSubmission& submission : submissions)
    for (const auto& [job, part] : submission.arrays) {
      const auto held = queue.find(job);
      if (held == queue.end()) continue;
      for (const auto& [index, state] : held->second) {
        const std::size_t element = part.first + index;
        if (index >= part.count || element >= submission.elements.size()) continue;
        for (const std::string& cell : submission.elements[element])
          found[cell] = fmt::format("job {}_{}, {}", job, index, state);
      }
    }
  return found;
}

}  // namespace

std::string_view status_name(CellStatus status) {
  for (const auto& [value, name] : kNames)
    if (value == status) return name;
  return "missing";
}

bool is_to_submit(CellStatus status) {
  return status == CellStatus::kFailed || status == CellStatus::kInterrupted ||
         status == CellStatus::kMissing;
}

std::vector<CellReport> inspect_cells(const fs::path& out, const std::vector<Cell>& cells,
                                      const std::vector<OldSubmission>& submissions,
                                      const std::optional<Queue>& queue) {
  const auto queued = queued_cells(submissions, queue.value_or(Queue{}));
  std::vector<CellReport> reports;
  for (const Cell& cell : cells) {
    CellReport report = inspect_cell(out, cell);
    const auto held = queued.find(cell.name);
    if (is_to_submit(report.status) && held != queued.end()) {
      report.status = CellStatus::kQueued;
      report.note = held->second;
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

std::vector<std::string> resubmit_commands(const fs::path& out,
                                           const std::vector<CellReport>& reports,
                                           const std::vector<OldSubmission>& submissions,
                                           std::size_t max_array_size) {
  std::map<std::string, std::pair<int, std::size_t>> place;
  for (const OldSubmission& submission : submissions)
    for (std::size_t i = 0; i < submission.elements.size(); ++i)
      for (const std::string& cell : submission.elements[i]) place[cell] = {submission.number, i};
  std::map<std::pair<int, std::size_t>, std::set<std::uint64_t>> indices;  // by script and first
  for (const CellReport& report : reports) {
    const auto found = place.find(report.cell->name);
    if (!is_to_submit(report.status) || found == place.end()) continue;
    const auto [number, element] = found->second;
    const std::size_t first = element / max_array_size * max_array_size;
    indices[{number, first}].insert(element - first);
  }
  std::vector<std::string> commands;
  for (const auto& [where, elements] : indices) {
    const fs::path path = out / "slurm" / fmt::format("{}", where.first) / "array.sh";
    std::vector<std::string> words = {
        "sbatch", "--array=" + seed_list_text({elements.begin(), elements.end()}), path.string()};
    if (where.second > 0) words.push_back(fmt::format("{}", where.second));
    commands.push_back(shell_line(words));
  }
  return commands;
}

std::string tables_command(const fs::path& out, const std::vector<OldSubmission>& submissions) {
  const fs::path folder = out / "slurm" / fmt::format("{}", submissions.back().number);
  return shell_line({"sbatch", (folder / "report.sh").string()});
}

}  // namespace credo::suite
