// manifest.json of a folder of tables: what ran, when and with what, and the hashes of the tables
// (docs/file-formats.md). Its only writer and its only reader.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace credo::suite {

inline constexpr std::string_view kSuiteSchema = "credo.suite";
inline constexpr std::string_view kMatrixSchema = "credo.matrix_tables";

/// Clocks and machines stand here alone. A suite that has begun knows the first group only.
struct SuiteManifest {
  std::string schema = std::string(kSuiteSchema);
  std::string status{};  ///< "running", "done" or "incomplete"
  std::string suite{};
  std::string command{};
  std::string started{};

  std::string profile{};
  std::vector<std::uint64_t> seeds{};
  std::size_t cells = 0, cells_done = 0, cells_failed = 0;
  std::string ended{};  ///< "" while it runs
  double wall_s = 0.0, cells_wall_s = 0.0;
  int jobs = 1, threads = 1;
  std::string isa{}, version{}, commit{}, compiler{}, flags{}, cpu{};
  int cores = 0;
  std::map<std::string, std::string> sha256{};  ///< of the files beside it
};

/// Replaces `folder`/manifest.json. Errors: FileError.
void write_suite_manifest(const std::filesystem::path& folder, const SuiteManifest& manifest);

/// That of a folder of tables, of a suite or of the matrix games; nullopt without a manifest, or
/// for that of something else. Fields an older version did not write are empty.
/// Errors: UserError naming the file when it cannot be read.
std::optional<SuiteManifest> read_suite_manifest(const std::filesystem::path& folder);

/// Folders at or below `path` with such a manifest, sorted.
std::vector<std::filesystem::path> find_tables(const std::filesystem::path& path);

/// Name of the suite whose folder this is, "" when it is none. Errors: UserError when damaged.
std::string suite_of_folder(const std::filesystem::path& folder);

}  // namespace credo::suite
