#include "suite/common/temporary_folder.hpp"

#include <cerrno>
#include <cstdlib>
#include <fmt/format.h>
#include <string>
#include <system_error>

#include "envs/core/error.hpp"

namespace credo::suite {

namespace fs = std::filesystem;

TemporaryFolder::TemporaryFolder(std::string_view prefix) {
  std::error_code error;
  const fs::path below = fs::temp_directory_path(error);
  if (error) {
    const char* given = std::getenv("TMPDIR");
    throw UserError(fmt::format("no folder for temporary files (TMPDIR={}): {}",
                                given == nullptr ? "" : given, error.message()));
  }
  std::string name = (below / fmt::format("{}_XXXXXX", prefix)).string();
  if (::mkdtemp(name.data()) == nullptr)
    throw UserError(
        fmt::format("cannot create {}: {}", name, std::generic_category().message(errno)));
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace credo::suite
