// A suite as Slurm job arrays (docs/slurm.md). A submission is a folder below the suite's:
//   slurm/N/elements.txt   the cells of array element 0, 1, ... one element a line
//   slurm/N/array.sh       runs one element            slurm/N/report.sh   writes the tables
//   slurm/N/jobs.txt       Slurm's job ids             slurm/N/log/        output of the jobs
// Slurm schedules; progress is read from the cells' folders.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "suite/plan/plan.hpp"

namespace credo::suite {

struct SlurmOptions {
  std::vector<std::string> directives;  ///< "--partition=short", ..., for both scripts
  std::optional<std::string> time;      ///< of an element, as Slurm writes it
  int cpus = 1;                         ///< of an element
  std::optional<int> max_parallel;      ///< elements at a time
  std::optional<std::size_t> pack;      ///< cells of an element; else by their training budget
};

/// A time limit as sbatch reads it ("90", "2:30:00", "1-12"), in minutes, rounded up.
/// Errors: UserError naming `option`; also for less than five minutes, since the warning, sent two
/// to three minutes before the end, would arrive at once.
std::int64_t parse_time_limit(std::string_view option, std::string_view text);

/// The names of the cells of every element.
using Elements = std::vector<std::vector<std::string>>;

/// `pack` consecutive cells per element; by default as many as together do not exceed the budget of
/// the longest cell, so that short cells share an element and none takes longer.
Elements pack_cells(const std::vector<const Cell*>& cells, std::optional<std::size_t> pack);

/// Part of the elements in one array: Slurm's indices go from 0 to MaxArraySize - 1.
struct ArrayPart {
  std::size_t first = 0;
  std::size_t count = 0;
};
std::vector<ArrayPart> split_array(std::size_t n_elements, std::size_t max_array_size);

/// What a submission is written from.
struct Submission {
  std::string suite;
  std::filesystem::path out;         ///< absolute
  int number = 1;                    ///< slurm/<number>
  std::vector<std::string> command;  ///< `credo suite NAME ... --out DIR`, absolute paths
  SlurmOptions options;
  Elements elements;

  std::filesystem::path folder() const;
};
std::string elements_text(const Elements& elements);
std::string array_script(const Submission& submission, std::size_t max_array_size);
std::string report_script(const Submission& submission);
/// The words of one sbatch call; `after` are jobs to wait for.
std::vector<std::string> array_command(const Submission& submission, const ArrayPart& part,
                                       const std::string& after);
std::vector<std::string> report_command(const Submission& submission,
                                        const std::vector<std::string>& after);

}  // namespace credo::suite
