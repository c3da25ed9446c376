// The progress of a suite, read from its cells' folders and Slurm's queue. Writes nothing.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "suite/batch/slurm_submit.hpp"
#include "suite/plan/plan.hpp"
#include "suite/run/run_status.hpp"

namespace credo::suite {

/// Failed, interrupted or missing.
bool is_to_submit(RunStatus status);

struct CellReport {
  const Cell* cell = nullptr;
  RunStatus status = RunStatus::kMissing;
  std::string note;  ///< reason of a failure, owner, or progress
};

/// In the order of the plan. Without a queue no cell is kQueued.
/// Errors: UserError when a cell's folder holds a run of another configuration.
std::vector<CellReport> inspect_cells(const std::filesystem::path& out,
                                      const std::vector<Cell>& cells,
                                      const std::vector<OldSubmission>& submissions,
                                      const std::optional<Queue>& queue);

/// The sbatch calls that resubmit unfinished cells with existing scripts: every cell through the
/// newest submission that holds it, each element once.
std::vector<std::string> resubmit_commands(const std::filesystem::path& out,
                                           const std::vector<CellReport>& reports,
                                           const std::vector<OldSubmission>& submissions,
                                           std::size_t max_array_size);
/// The call that writes the tables again; there must be a submission.
std::string tables_command(const std::filesystem::path& out,
                           const std::vector<OldSubmission>& submissions);

}  // namespace credo::suite
