// Finished runs as they can be repeated: their configuration, and the hashes of what they wrote. A
// published folder of tables keeps them in runs.json (docs/file-formats.md), without the runs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "suite/run/run_directory.hpp"

namespace credo::suite {

inline constexpr std::string_view kRunRecords = "runs.json";

struct RecordedRun {
  std::filesystem::path folder;  ///< of the run; of the tables when only its record is there
  bool has_files = true;         ///< folder is that of the run
  RunNames names;
  std::string env, algorithm;
  std::uint64_t seed = 0;
  std::string config;                         ///< text of config.toml, or one that means the same
  std::map<std::string, std::string> sha256;  ///< by file, as in the run's manifest

  std::string cell() const;  ///< "TASK/ALG/seed_N"
};

/// The record of a finished run. Errors: UserError for a changed configuration.
RecordedRun recorded_run(const std::filesystem::path& folder, const Manifest& manifest);

/// The finished runs among `folders`, in order. Errors: UserError for damaged files.
std::vector<RecordedRun> finished_runs(const std::vector<std::filesystem::path>& folders);

/// Content of runs.json: settings that all runs share stand there once, those of a row once a row.
std::string run_records_json(const std::vector<const RecordedRun*>& runs);

/// The records beside published tables, in the order of the file; empty without one.
/// Errors: UserError naming the file when it is damaged or holds an unsafe name.
std::vector<RecordedRun> read_run_records(const std::filesystem::path& folder);

}  // namespace credo::suite
