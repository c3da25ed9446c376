// Where the time of a run goes: a stopwatch that is always in exactly one part of the work.
#pragma once

#include <array>
#include <chrono>

namespace credo::suite {

enum class RunPart { kOther, kRollout, kReplay, kUpdate, kEvaluation, kCheckpoint };
inline constexpr std::array<const char*, 6> kRunPartNames = {"other",  "rollout",    "replay",
                                                             "update", "evaluation", "checkpoint"};

class RunTiming {
 public:
  /// What follows belongs to `part`.
  void enter(RunPart part) {
    const auto now = std::chrono::steady_clock::now();
    seconds_[static_cast<std::size_t>(part_)] +=
        std::chrono::duration<double>(now - since_).count();
    part_ = part;
    since_ = now;
  }
  double seconds(RunPart part) const { return seconds_[static_cast<std::size_t>(part)]; }
  double total() const {
    double sum = 0.0;
    for (const double s : seconds_) sum += s;
    return sum;
  }

 private:
  std::array<double, kRunPartNames.size()> seconds_{};
  RunPart part_ = RunPart::kOther;
  std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
};

}  // namespace credo::suite
