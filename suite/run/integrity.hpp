// Whether the files of a folder are those that were recorded, and the status of a run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "suite/run/run_directory.hpp"

namespace credo::suite {

/// Results differ from what was recorded (exit code 3).
class ChangedError : public UserError {
 public:
  using UserError::UserError;
};

/// Files whose SHA-256 is not the recorded one, one line each: "PATH: changed since it was
/// recorded". Errors: UserError for a name that leads out of `directory`.
std::vector<std::string> changed_files(const std::filesystem::path& directory,
                                       const std::map<std::string, std::string>& recorded);
/// The same for a finished run, whose run_id is that of config.toml.
std::vector<std::string> changed_files(const std::filesystem::path& directory,
                                       const Manifest& manifest);

/// Errors: ChangedError naming the first of `changed`, unless there is none.
void require_unchanged(const std::vector<std::string>& changed);

/// The actual status: a run that is recorded as running, but whose folder no process holds, was
/// interrupted.
RunStatus status_now(const std::filesystem::path& directory, const Manifest& manifest);

/// What became of a cell of a suite, seen from outside likewise: kMissing without a run, kRunning
/// also while a process is about to begin it. Errors: UserError when the folder holds a run of
/// another configuration, with the first setting that differs.
RunStatus cell_status(const std::filesystem::path& folder, const RunConfig& config);

/// Where an interrupted run would resume: the step of its newest checkpoint, 0 without one.
std::int64_t steps_saved(const std::filesystem::path& directory);

/// "interrupted at step N of M; `credo resume DIR`"; "of M" where M, the budget, is above 0.
std::string interrupted_text(const std::filesystem::path& directory, std::int64_t t_max);

}  // namespace credo::suite
