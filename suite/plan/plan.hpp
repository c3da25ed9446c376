// A plan is the list of a suite's cells: each a complete configuration, a name and a folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "suite/plan/suite_file.hpp"
#include "suite/run/run_directory.hpp"

namespace credo::suite {

struct Cell {
  RunConfig config;
  RunNames names;                ///< "switch/2@limit=50", "qmix"
  std::string name;              ///< "switch/2@limit=50/qmix/seed_0"
  std::filesystem::path folder;  ///< below the suite's output folder: "runs/<name>"
  int task_rank = 0;             ///< place of the task in the suite, and of the algorithm in it:
  int algorithm_rank = 0;        ///< the order of tables, whatever part of a suite has run
  std::vector<CellCredits> credits{};  ///< what is measured after it has run
};

/// Part `index` of `count`, counted from 0.
struct Shard {
  std::size_t index = 0;
  std::size_t count = 1;
};
/// "2/8". Errors: UserError naming `option`.
Shard parse_shard(std::string_view option, std::string_view text);

struct PlanOptions {
  std::optional<std::vector<std::uint64_t>> seeds;  ///< instead of the suite's
  std::vector<std::string> only;                    ///< a cell must match one; empty = all
  Shard shard;
  std::optional<std::string> profile;
  std::optional<std::int64_t> t_max;
  std::vector<std::string> sets;
};

/// Cells in the order of the tables: by task, algorithm, seed. A pattern of `only` is for
/// "TASK/ALG/seed_N", "TASK/ALG", "TASK", "ALG" or "seed_N"; names with and without their swept
/// values match. Shards take the cells left by `only` in turn, so that together they cover the
/// plan without overlap. Everything is checked before anything runs.
/// Variants of an algorithm that differ only in settings without effect on it are merged. Errors:
/// UserError, also for a set or a sweep without effect anywhere, and for a sweep whose tasks are
/// identical for a learner.
std::vector<Cell> make_plan(const SuiteSpec& spec, const PlanOptions& options);

}  // namespace credo::suite
