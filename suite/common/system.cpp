#include "suite/common/system.hpp"

#include <array>
#include <chrono>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <string_view>
#include <sys/random.h>
#include <system_error>
#include <unistd.h>
#if defined(__APPLE__)
#include <fcntl.h>
#include <sys/sysctl.h>
#endif

namespace credo::suite {
namespace {

std::uint64_t process_and_time() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()) ^
         (static_cast<std::uint64_t>(::getpid()) << 40U);
}

#if defined(__APPLE__)
std::string system_text(const char* name) {
  std::array<char, 256> text{};
  std::size_t size = text.size() - 1;
  return ::sysctlbyname(name, text.data(), &size, nullptr, 0) == 0 ? text.data() : "";
}
#else
std::string first_line(const char* path) {
  std::string line;
  std::ifstream file(path);
  std::getline(file, line);
  return line;
}
#endif

}  // namespace

#if defined(__APPLE__)

// Some file systems know no F_FULLFSYNC.
int sync_descriptor(int descriptor) {
  return ::fcntl(descriptor, F_FULLFSYNC) == 0 ? 0 : ::fsync(descriptor);
}

std::uint64_t random_token() {
  std::uint64_t value = 0;
  return ::getentropy(&value, sizeof value) == 0 ? value : process_and_time();
}

std::string system_identity() { return system_text("kern.bootsessionuuid"); }

std::string cpu_name() {
  const std::string name = system_text("machdep.cpu.brand_string");
  return name.empty() ? "unknown" : name;
}

#else

int sync_descriptor(int descriptor) { return ::fsync(descriptor); }

std::uint64_t random_token() {
  std::uint64_t value = 0;
  return ::getrandom(&value, sizeof value, 0) == static_cast<ssize_t>(sizeof value)
             ? value
             : process_and_time();
}

std::string system_identity() {
  std::error_code error;
  return first_line("/proc/sys/kernel/random/boot_id") + " " +
         std::filesystem::read_symlink("/proc/self/ns/pid", error).string();
}

// ARM processors give numbers instead of a name.
std::string cpu_name() {
  std::string implementer, part;
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    const std::size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    const std::string_view key = std::string_view(line).substr(0, line.find_first_of("\t:"));
    const std::string value = line.substr(colon + 2);
    if (key == "model name") return value;
    if (key == "CPU implementer") implementer = value;
    if (key == "CPU part") part = value;
  }
  return part.empty() ? "unknown" : fmt::format("ARM implementer {} part {}", implementer, part);
}

#endif

}  // namespace credo::suite
