#include "suite/bench/run_benchmark.hpp"

#include <fmt/format.h>

#include "envs/core/error.hpp"
#include "suite/common/temporary_folder.hpp"
#include "suite/run/runner.hpp"

namespace credo::suite {

std::vector<std::string> run_benchmark_envs() {
  return {"skirmish/3m", "skirmish/2s3z", "stag_hunt/8x8"};
}

void keep_evaluations_short(RunRequest& request) {
  const std::vector<std::string> settings = {"evaluation.interval=100000000",
                                             "evaluation.episodes=1", "run.absolute_factor=0"};
  request.sets.insert(request.sets.begin(), settings.begin(), settings.end());
}

std::optional<RunBenchmarkRow> benchmark_run(const RunConfig& config, int threads) {
  const TemporaryFolder folder("credo_bench");
  RunOptions options;
  options.threads = threads;
  const auto path = folder.path() / "run";
  const RunOutcome outcome = start_run(config, path, options);
  if (outcome.end == RunEnd::kStopped) return std::nullopt;
  if (outcome.end != RunEnd::kDone)
    throw Error(fmt::format("bench run: {} with {}: {}", config.env_id(), config.algorithm(),
                            outcome.reason));
  return RunBenchmarkRow{.env = config.env_id(),
                         .algorithm = config.algorithm(),
                         .profile = config.profile(),
                         .threads = threads,
                         .steps = outcome.steps_here,
                         .updates = read_manifest(path).updates,
                         .steps_per_s = training_steps_per_second(outcome),
                         .timing = outcome.timing};
}

}  // namespace credo::suite
