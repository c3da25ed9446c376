// `credo suite --dry-run`: what a plan will take before anything starts.
#pragma once

#include <filesystem>
#include <vector>

#include "suite/batch/suite_run.hpp"
#include "suite/cli/cli.hpp"
#include "suite/plan/plan.hpp"

namespace credo::suite {

/// Prints every cell with its steps, estimated time and memory, and what all of them take with
/// `options.jobs`. Cells finished below `out` ("" = none) take nothing. Returns the exit code.
int show_plan(const Arguments& arguments, const std::vector<Cell>& cells,
              const SuiteOptions& options, const std::filesystem::path& out);

}  // namespace credo::suite
