// Extending a finished run: the longer run is a new one, in a folder of its own.
#pragma once

#include <cstdint>
#include <filesystem>

#include "suite/run/runner.hpp"

namespace credo::suite {

/// Trains a finished run up to `t_max` environment steps, as a new run in the folder `out` that
/// names the old one as its parent; the old one stays as it is. Nothing in training depends on
/// t_max, so the new run is, to the bit, the one a straight run to `t_max` leaves.
/// Errors: UserError: a run that does not learn, is not finished, kept no state (run.keep_state),
/// was changed since, or has trained for `t_max` steps already; else as start_run.
RunOutcome extend_run(const std::filesystem::path& directory, std::int64_t t_max,
                      const std::filesystem::path& out, const RunOptions& options);

}  // namespace credo::suite
