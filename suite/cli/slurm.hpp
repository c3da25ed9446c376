// The parts of `credo suite` for a suite that many processes work on.
#pragma once

#include <string>
#include <vector>

#include "suite/batch/suite_run.hpp"
#include "suite/cli/cli.hpp"
#include "suite/plan/plan.hpp"

namespace credo::suite {

/// --slurm and what goes with it, --status, --element and --stage.
std::vector<Option> slurm_options();

/// Errors: UserError for options that do not go together.
void check_slurm_options(const Arguments& arguments);

/// `credo suite NAME --slurm`.
int run_slurm(const Arguments& arguments, const SuiteSpec& spec, const std::vector<Cell>& cells);
/// `credo suite NAME --status`.
int run_status(const Arguments& arguments, const std::vector<Cell>& cells);

/// Leaves the cells of --element; runs them side by side on the element's threads.
void apply_element(const Arguments& arguments, std::vector<Cell>& cells, SuiteOptions& options);
/// Errors: UserError.
SuiteStage stage_of(const Arguments& arguments);

}  // namespace credo::suite
