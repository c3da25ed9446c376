// What became of a run, or of a cell of a suite.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace credo::suite {

/// A manifest says running, interrupted (stopped with a checkpoint saved), failed, diverged or
/// done. A killed run still says running; status_now (integrity.hpp) tells the two apart.
enum class RunStatus {
  kDone,
  kDiverged,  ///< finished as well: the same again would end the same way
  kRunning,
  kQueued,  ///< not begun; Slurm holds it
  kFailed,
  kInterrupted,
  kMissing  ///< never begun
};

/// "done", "diverged", ...
std::string_view status_name(RunStatus status);
std::optional<RunStatus> find_status(std::string_view name);
/// All, in the order above.
constexpr std::array<RunStatus, 7> kAllStatuses = {
    RunStatus::kDone,   RunStatus::kDiverged,    RunStatus::kRunning, RunStatus::kQueued,
    RunStatus::kFailed, RunStatus::kInterrupted, RunStatus::kMissing};

/// Nothing is left to do: done or diverged.
bool is_finished(RunStatus status);
/// Could a manifest say this?
bool is_recorded(RunStatus status);

}  // namespace credo::suite
