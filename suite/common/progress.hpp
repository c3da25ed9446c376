// Progress on stderr: one redrawn line on a terminal, else plain lines at intervals.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace credo::suite {

enum class ProgressMode { kAuto, kBar, kPlain, kNone };

/// Errors: UserError for anything but auto, bar, plain, none.
ProgressMode parse_progress_mode(std::string_view text);

/// Writes to stderr if that is possible. A lost terminal does not end a run.
void write_stderr(std::string_view text);

/// Thread-safe. Never writes a carriage return to anything but a terminal unless told "bar".
class Progress {
 public:
  explicit Progress(ProgressMode mode);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Current progress; shown at a limited rate.
  void update(const std::string& line);
  /// A line that stays (a finished cell, a warning).
  void note(const std::string& line);
  /// Removes the redrawn line.
  void clear();
  bool is_shown() const { return mode_ != ProgressMode::kNone; }

 private:
  using Clock = std::chrono::steady_clock;
  void erase_bar();

  std::mutex mutex_;
  ProgressMode mode_;
  bool has_bar_ = false;
  bool has_shown_ = false;
  Clock::time_point last_;
};

/// "0:42", "12:05", "3:07:00".
std::string duration_text(double seconds);

/// Time left of a job that is `done` of `total` after `elapsed_s`; "?" before anything is done.
std::string eta_text(double done, double total, double elapsed_s);

}  // namespace credo::suite
