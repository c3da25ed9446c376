#include "suite/common/build_info.hpp"

#include <array>
#include <chrono>
#include <cstdlib>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/version.h>
#include <unistd.h>
#include <zstd.h>

#include "suite/common/commit.hpp"
#include "suite/common/system.hpp"

namespace credo::suite {

const BuildInfo& build_info() {
  static const BuildInfo info{CREDO_VERSION, CREDO_COMMIT, CREDO_COMPILER, CREDO_FLAGS};
  return info;
}

MachineInfo machine_info() {
  MachineInfo machine;
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) == 0) machine.host = name.data();
  machine.cores = tbb::info::default_concurrency();
  machine.cpu = cpu_name();
  return machine;
}

double load_average() {
  double load = -1.0;
  return ::getloadavg(&load, 1) == 1 ? load : -1.0;
}

std::string utc_now() {
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now));
}

std::string version_text() {
  const BuildInfo& info = build_info();
  return fmt::format(
      "credo {}\ncommit   {}\ncompiler {}\nflags    {}\nlibraries oneTBB {}.{}, fmt {}, zstd {}\n",
      info.version, info.commit, info.compiler, info.flags, TBB_VERSION_MAJOR, TBB_VERSION_MINOR,
      FMT_VERSION, ZSTD_versionString());
}

}  // namespace credo::suite
