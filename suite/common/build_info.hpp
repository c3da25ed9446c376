// What built this program and what runs it; for --version and manifests only.
#pragma once

#include <string>

namespace credo::suite {

struct BuildInfo {
  std::string version;   ///< "0.1.0"
  std::string commit;    ///< git commit, "-dirty" when the tree had changes, or "unknown"
  std::string compiler;  ///< "GNU 12.2.0"
  std::string flags;     ///< compiler flags of this build
};
const BuildInfo& build_info();

struct MachineInfo {
  std::string host;
  std::string cpu;
  int cores = 0;
};
MachineInfo machine_info();

/// Programs that ran or waited to run during the last minute, on average; negative when unknown.
double load_average();

/// UTC, "2030-01-31T12:00:00Z".
std::string utc_now();

/// Several lines for --version.
std::string version_text();

}  // namespace credo::suite
