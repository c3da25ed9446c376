#include "suite/common/memory.hpp"

#include <fmt/format.h>
#include <optional>
#include <sstream>
#include <sys/resource.h>
#include <system_error>

#include "suite/common/files.hpp"
#include "suite/common/text.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kNone = std::numeric_limits<std::uint64_t>::max();

std::string text_or_nothing(const fs::path& path) {
  try {
    return read_text(path, kLargestManifest);
  } catch (const FileError&) {
    return "";
  }
}

// A file that holds one number; nothing for "max" and for what is not there.
std::optional<std::uint64_t> number_in(const fs::path& path) {
  std::istringstream text(text_or_nothing(path));
  std::string word;
  text >> word;
  const auto value = parse_int(word);
  if (!value || *value < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*value);
}

// The number after `name` at the beginning of a line.
std::optional<std::uint64_t> field_in(const std::string& text, std::string_view name) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string first;
    std::int64_t value = 0;
    if (words >> first >> value && first == name && value >= 0)
      return static_cast<std::uint64_t>(value);
  }
  return std::nullopt;
}

std::uint64_t left_of(std::uint64_t limit, std::uint64_t used) {
  return limit > used ? limit - used : 0;
}

void limit_to(AvailableMemory& found, std::uint64_t bytes, const std::string& why) {
  if (bytes >= found.bytes) return;
  found.bytes = bytes;
  found.limit = why;
}

struct CgroupFiles {
  const char* limit;
  const char* used;
  const char* cache;  ///< in memory.stat: pages that can be dropped
};
constexpr CgroupFiles kVersion2 = {"memory.max", "memory.current", "inactive_file"};
constexpr CgroupFiles kVersion1 = {"memory.limit_in_bytes", "memory.usage_in_bytes",
                                   "total_inactive_file"};

// From the process's group up to the root of the tree.
void limit_to_cgroup(AvailableMemory& found, const fs::path& mount, const fs::path& group,
                     const CgroupFiles& files) {
  for (fs::path at = group;; at = at.parent_path()) {
    const fs::path folder = mount / at.relative_path();
    const auto limit = number_in(folder / files.limit);
    // Version 1 says "none" with a number of almost 2^63.
    if (limit && *limit < kNone / 4) {
      const std::uint64_t used = number_in(folder / files.used).value_or(0);
      const std::uint64_t cache =
          field_in(text_or_nothing(folder / "memory.stat"), files.cache).value_or(0);
      limit_to(found, left_of(*limit, left_of(used, cache)),
               fmt::format("the memory limit of its control group, {} MiB", *limit >> 20U));
    }
    if (!at.has_relative_path()) break;
  }
}

void limit_to_cgroups(AvailableMemory& found, const fs::path& root) {
  std::istringstream lines(text_or_nothing(root / "proc/self/cgroup"));
  for (std::string line; std::getline(lines, line);) {
    // HIERARCHY:CONTROLLERS:PATH
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = fmt::format(",{},", line.substr(first + 1, second - first - 1));
    const fs::path group = line.substr(second + 1);
    if (controllers == ",,") {
      limit_to_cgroup(found, root / "sys/fs/cgroup", group, kVersion2);
      limit_to_cgroup(found, root / "sys/fs/cgroup/unified", group, kVersion2);
    } else if (controllers.find(",memory,") != std::string::npos) {
      limit_to_cgroup(found, root / "sys/fs/cgroup/memory", group, kVersion1);
    }
  }
}

template <typename Resource>
std::uint64_t soft_limit(Resource resource) {
  struct rlimit limit = {};
  if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kNone;
  return limit.rlim_cur;
}

}  // namespace

AvailableMemory available_memory(const fs::path& root, const ProcessLimits& limits) {
  AvailableMemory found;
  constexpr std::uint64_t kKibi = 1024;
  const std::string machine = text_or_nothing(root / "proc/meminfo");
  if (const auto free = field_in(machine, "MemAvailable:"))
    limit_to(found, (*free + field_in(machine, "SwapFree:").value_or(0)) * kKibi,
             "available RAM and swap");
  limit_to_cgroups(found, root);
  const std::string process = text_or_nothing(root / "proc/self/status");
  const auto used = [&](std::string_view name) {
    return field_in(process, name).value_or(0) * kKibi;
  };
  if (limits.address_space != kNone)
    limit_to(
        found, left_of(limits.address_space, used("VmSize:")),
        fmt::format("its limit of address space (ulimit -v), {} MiB", limits.address_space >> 20U));
  if (limits.data != kNone)
    limit_to(found, left_of(limits.data, used("VmData:")),
             fmt::format("its limit of data (ulimit -d), {} MiB", limits.data >> 20U));
  return found;
}

AvailableMemory available_memory() {
  return available_memory(
      "/", {.address_space = soft_limit(RLIMIT_AS), .data = soft_limit(RLIMIT_DATA)});
}

}  // namespace credo::suite
