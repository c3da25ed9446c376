// A folder of this process below the system's one for temporary files, removed with everything in
// it at the end.
#pragma once

#include <filesystem>
#include <string_view>

namespace credo::suite {

class TemporaryFolder {
 public:
  /// Its name begins with `prefix`. Errors: UserError naming the folder and the reason.
  explicit TemporaryFolder(std::string_view prefix);
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace credo::suite
