// Repeats finished runs from their recorded configuration and compares the files byte for byte: a
// check that the results come from this program and configuration.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "suite/run/recorded_run.hpp"
#include "suite/run/runner.hpp"

namespace credo::suite {

/// Those that `choices` ask for: a number means so many, spread evenly over all; anything else is a
/// pattern for TASK/ALG/seed_N, TASK/ALG, TASK, ALG or seed_N. In the order of `runs`, each once.
/// Errors: UserError for a number below 1, and for a pattern that matches nothing.
std::vector<RecordedRun> choose_runs(const std::vector<RecordedRun>& runs,
                                     const std::vector<std::string>& choices);

struct RerunOutcome {
  RunEnd end = RunEnd::kDone;
  int n_files = 0;                       ///< compared
  std::vector<std::string> differences;  ///< "metrics.jsonl: line 12 differs", or why it failed
};

/// Runs it again in `scratch` (a new folder) and compares every file the manifest records:
/// configuration, metrics, episodes, weights; by their hashes where only these were published. Never throws for what the run itself does; a
/// configuration this program refuses is a difference.
RerunOutcome rerun(const RecordedRun& run, const std::filesystem::path& scratch,
                   const RunOptions& options);

}  // namespace credo::suite
