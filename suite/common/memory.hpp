// Memory that this process may still use, from everything that limits it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>

namespace credo::suite {

struct AvailableMemory {
  std::uint64_t bytes = std::numeric_limits<std::uint64_t>::max();
  std::string limit{};  ///< what gives that number: "RAM and swap", "the cgroup's limit of ..."
};

/// Limits of a process as getrlimit gives them; the largest number = none.
struct ProcessLimits {
  std::uint64_t address_space = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t data = std::numeric_limits<std::uint64_t>::max();
};

/// The smallest of: available RAM and free swap (/proc/meminfo); what is left of the limits of its
/// cgroup and of those above it, version 2 or 1, page cache that can be dropped counting as free;
/// what is left of its resource limits. What cannot be read limits nothing. `root` is where /proc
/// and /sys are.
AvailableMemory available_memory(const std::filesystem::path& root, const ProcessLimits& limits);
/// Of this process, now.
AvailableMemory available_memory();

}  // namespace credo::suite
