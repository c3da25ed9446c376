// Speed of whole runs: environment steps per second, and where the time goes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "suite/run/config.hpp"
#include "suite/run/run_timing.hpp"

namespace credo::suite {

struct RunBenchmarkRow {
  std::string env, algorithm, profile;
  int threads = 1;
  std::int64_t steps = 0, updates = 0;
  double steps_per_s = 0.0;  ///< of training, checkpoints included, evaluations not
  RunTiming timing;
};

/// What `credo bench run` measures when nothing is named.
std::vector<std::string> run_benchmark_envs();

/// The settings of such a run: one evaluation of one episode before and after training, no absolute
/// metric. They stand before those of the request, which win.
void keep_evaluations_short(RunRequest& request);

/// Trains once in a folder of its own, which is removed. Runs in the caller's arena of `threads`
/// threads. nullopt: stopped by a signal. Errors: UserError for a run that cannot start, Error for
/// one that fails.
std::optional<RunBenchmarkRow> benchmark_run(const RunConfig& config, int threads);

}  // namespace credo::suite
