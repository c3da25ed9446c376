// Shared by the tests of the suite: scratch folders and error messages.
#pragma once

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include "envs/core/error.hpp"
#include "suite/run/checkpoint.hpp"

namespace credo::suite::testing {

/// Settings of suites whose runs take milliseconds.
inline constexpr std::string_view kTinyRuns = R"(
seeds = "0-1"
learner.batch_size = 4
agent.hidden_dim = 5
evaluation.interval = 20
evaluation.episodes = 2
)";

/// A folder that is removed with everything in it.
class ScratchFolder {
 public:
  ScratchFolder() {
    static std::atomic<int> counter{0};
    path_ = std::filesystem::temp_directory_path() /
            ("credo_test_" + std::to_string(::getpid()) + "_" + std::to_string(counter++));
    std::filesystem::create_directories(path_);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// The UserError's message, or "" when none is thrown.
template <typename Action>
std::string user_error(Action&& action) {
  try {
    action();
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

inline void write_raw(const std::filesystem::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

/// A checkpoint file as bytes.
inline std::vector<std::byte> encode_checkpoint(const CheckpointState& state) {
  std::vector<std::byte> bytes;
  write_checkpoint(
      state, [&](const ByteSink& sink) { sink(state.trainer); },
      [&](std::span<const std::byte> piece) {
        bytes.insert(bytes.end(), piece.begin(), piece.end());
      });
  return bytes;
}

}  // namespace credo::suite::testing
