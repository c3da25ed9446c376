#include "suite/common/progress.hpp"

#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <vector>

#include "envs/core/error.hpp"

namespace credo::suite {
namespace {

constexpr std::chrono::milliseconds kBarInterval{200};
constexpr std::chrono::seconds kPlainInterval{15};

std::size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1) return size.ws_col - 1U;
  return 79;
}

// Dim text unless the user asked for none (https://no-color.org).
bool has_colour() {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return (no_colour == nullptr || *no_colour == '\0') &&
         !(terminal != nullptr && std::string_view(terminal) == "dumb") &&
         ::isatty(STDERR_FILENO) == 1;
}

}  // namespace

void write_stderr(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stderr) == text.size()) std::fflush(stderr);
  std::clearerr(stderr);
}

ProgressMode parse_progress_mode(std::string_view text) {
  if (text == "auto") return ProgressMode::kAuto;
  if (text == "bar") return ProgressMode::kBar;
  if (text == "plain") return ProgressMode::kPlain;
  if (text == "none") return ProgressMode::kNone;
  const std::vector<std::string> allowed = {"auto", "bar", "plain", "none"};
  throw UserError(unknown_name_message("--progress", text, allowed));
}

Progress::Progress(ProgressMode mode) : mode_(mode) {
  if (mode_ == ProgressMode::kAuto)
    mode_ = ::isatty(STDERR_FILENO) == 1 ? ProgressMode::kBar : ProgressMode::kPlain;
  last_ = Clock::now();
}

void Progress::update(const std::string& line) {
  if (mode_ == ProgressMode::kNone) return;
  const std::lock_guard guard(mutex_);
  const auto now = Clock::now();
  if (mode_ == ProgressMode::kBar) {
    if (has_shown_ && now - last_ < kBarInterval) return;
    const bool colour = has_colour();
    write_stderr(fmt::format("\r\033[K{}{}{}", colour ? "\033[2m" : "",
                             line.substr(0, terminal_width()), colour ? "\033[0m" : ""));
    has_bar_ = true;
  } else {
    // Nothing for short jobs: the first plain line comes after one interval.
    if (now - last_ < kPlainInterval) return;
    write_stderr(line + "\n");
  }
  has_shown_ = true;
  last_ = now;
}

void Progress::note(const std::string& line) {
  if (mode_ == ProgressMode::kNone) return;
  const std::lock_guard guard(mutex_);
  erase_bar();
  write_stderr(line + "\n");
}

void Progress::clear() {
  const std::lock_guard guard(mutex_);
  erase_bar();
}

void Progress::erase_bar() {
  if (!has_bar_) return;
  write_stderr("\r\033[K");
  has_bar_ = false;
}

std::string duration_text(double seconds) {
  const auto total = static_cast<std::int64_t>(seconds < 0 ? 0 : seconds + 0.5);
  if (total < 3600) return fmt::format("{}:{:02}", total / 60, total % 60);
  return fmt::format("{}:{:02}:{:02}", total / 3600, total / 60 % 60, total % 60);
}

std::string eta_text(double done, double total, double elapsed_s) {
  if (done <= 0.0) return "?";
  return duration_text(elapsed_s * (total - done) / done);
}

}  // namespace credo::suite
