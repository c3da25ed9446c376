#include "suite/batch/suite_status.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>

#include "suite/common/external_command.hpp"
#include "suite/common/text.hpp"
#include "suite/run/directory_lock.hpp"
#include "suite/run/integrity.hpp"
#include "suite/run/run_directory.hpp"
#include "suite/run/runner.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;

std::string steps_text(const fs::path& folder, const Cell& cell) {
  return fmt::format("at step {} of {}", with_thousands(steps_saved(folder)),
                     with_thousands(budget(cell.config)));
}

CellReport inspect_cell(const fs::path& out, const Cell& cell) {
  const fs::path folder = out / cell.folder;
  CellReport report{.cell = &cell, .status = cell_status(folder, cell.config), .note = ""};
  switch (report.status) {
    case RunStatus::kRunning:
      if (const auto owner = live_owner(folder)) report.note = owner->text();
      break;
    case RunStatus::kDiverged:
    case RunStatus::kFailed:
      report.note = read_manifest(folder).reason;
      break;
    case RunStatus::kInterrupted:
      report.note = steps_text(folder, cell);
      break;
    default:
      break;
  }
  return report;
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

bool is_to_submit(RunStatus status) {
  return status == RunStatus::kFailed || status == RunStatus::kInterrupted ||
         status == RunStatus::kMissing;
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
      report.status = RunStatus::kQueued;
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
