// Where the time of a run goes: a stopwatch that is always in exactly one part of the work.
#pragma once

#include <array>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

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

/// Names as in --json ("other_s", "rollout_s", ...) and seconds.
inline std::vector<std::pair<std::string, double>> timing_parts(const RunTiming& timing) {
  std::vector<std::pair<std::string, double>> parts;
  for (std::size_t i = 0; i < kRunPartNames.size(); ++i)
    parts.emplace_back(std::string(kRunPartNames[i]) + "_s",
                       timing.seconds(static_cast<RunPart>(i)));
  return parts;
}

}  // namespace credo::suite
