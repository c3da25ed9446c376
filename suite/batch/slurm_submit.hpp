// Submissions to Slurm: written and read on disk, and asked of Slurm.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "suite/batch/slurm.hpp"

namespace credo::suite {

/// The cells of "SUBMISSION/ELEMENT" of the suite folder `out`. Errors: UserError.
std::vector<std::string> read_element(const std::filesystem::path& out, std::string_view text);

/// A submission as found on disk.
struct OldSubmission {
  int number = 0;
  Elements elements;
  std::vector<std::pair<std::string, ArrayPart>> arrays;  ///< Slurm's job number, its elements
};
/// All of a suite folder, oldest first. Errors: UserError for damaged files.
std::vector<OldSubmission> read_submissions(const std::filesystem::path& out);

/// MaxArraySize of the cluster; its default, 1001, when it cannot be asked.
std::size_t ask_max_array_size();

/// Elements that Slurm still holds, by job: index and state. nullopt when squeue cannot be asked.
using Queue = std::map<std::string, std::map<std::size_t, std::string>>;
std::optional<Queue> ask_queue();
Queue parse_queue(const std::string& text);

/// Errors: UserError when there is no sbatch here.
void check_sbatch();

/// Writes slurm/<number> (the next free number, stored in `submission`) and submits it;
/// `suite_file` is copied beside the scripts unless empty. Returns lines to tell. Errors:
/// UserError, with what sbatch said; parts that were submitted before stay submitted and recorded.
std::vector<std::string> submit(Submission& submission, const std::filesystem::path& suite_file);

}  // namespace credo::suite
