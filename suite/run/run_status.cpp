#include "suite/run/run_status.hpp"

namespace credo::suite {

std::string_view status_name(RunStatus status) {
  switch (status) {
    case RunStatus::kDone:
      return "done";
    case RunStatus::kDiverged:
      return "diverged";
    case RunStatus::kRunning:
      return "running";
    case RunStatus::kQueued:
      return "queued";
    case RunStatus::kFailed:
      return "failed";
    case RunStatus::kInterrupted:
      return "interrupted";
    default:
      return "missing";
  }
}

std::optional<RunStatus> find_status(std::string_view name) {
  for (const RunStatus status : kAllStatuses)
    if (status_name(status) == name) return status;
  return std::nullopt;
}

bool is_finished(RunStatus status) {
  return status == RunStatus::kDone || status == RunStatus::kDiverged;
}

bool is_recorded(RunStatus status) {
  return status != RunStatus::kQueued && status != RunStatus::kMissing;
}

}  // namespace credo::suite
