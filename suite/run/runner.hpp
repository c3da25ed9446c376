// One run from configuration to finished run directory. Drives the Trainer, writes its events,
// keeps checkpoints, stops on signals. Runs in the caller's oneTBB arena.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "envs/core/env.hpp"
#include "learners/rollout/evaluation.hpp"
#include "suite/run/config.hpp"
#include "suite/run/run_directory.hpp"
#include "suite/run/run_timing.hpp"

namespace credo::suite {

struct RunProgress {
  std::int64_t t_env = 0;
  std::int64_t t_max = 0;
  std::int64_t t_start = 0;           ///< where this process took over
  std::optional<double> last_return;  ///< of the latest evaluation
};

struct RunOptions {
  RunNames names = {};                                  ///< empty = those of the configuration
  int threads = 1;                                      ///< for the manifest only
  std::function<void(const RunProgress&)> on_progress;  ///< may be empty
  std::string checkpoint;                               ///< resume from this one, "" = newest
};

enum class RunEnd { kDone, kFailed, kDiverged, kStopped, kAlreadyDone, kTakenOver };

struct RunOutcome {
  RunEnd end = RunEnd::kDone;
  std::string reason;
  std::int64_t t_env = 0;
  std::optional<Evaluation> final_evaluation;  ///< when end is kDone
  std::optional<Evaluation> absolute;          ///< likewise, unless it is switched off
  std::string note;                            ///< what was mended before a resume, or ""
  RunTiming timing;                            ///< of this process
  std::int64_t steps_here = 0;                 ///< training steps of this process
};

/// The environment of a configuration. Errors: UserError.
std::unique_ptr<Env> make_run_env(const RunConfig& config);

/// Checks what can be checked before anything is written: environment, policy, hyperparameters.
/// Errors: UserError.
void check_run(const RunConfig& config);

/// Errors: UserError before the run starts; afterwards the outcome says what happened.
RunOutcome start_run(const RunConfig& config, const std::filesystem::path& directory,
                     const RunOptions& options);
RunOutcome resume_run(const std::filesystem::path& directory, const RunOptions& options);

/// Environment steps a run trains (or open_loop searches) for; 0 for the other fixed policies.
std::int64_t budget(const RunConfig& config);

/// Environment steps of this process per second of its time, evaluations left out.
double training_steps_per_second(const RunOutcome& outcome);

/// 0 done, 1 failed, diverged or taken over by another process, 75 stopped.
int exit_code(RunEnd end);

}  // namespace credo::suite
