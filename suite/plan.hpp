// A suite is data: environments × algorithms × seeds with settings, as a TOML file. A plan is its
// list of cells, each a complete configuration and a folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "suite/config.hpp"

namespace credo::suite {

struct SuiteSpec {
  std::string name;
  std::string help;
  std::string profile;
  std::vector<std::string> envs;
  std::vector<std::string> algorithms;
  std::vector<std::uint64_t> seeds;
  Overlay overlay;  ///< settings of every cell, with [when."ENV"] sections
};

/// A suite by name (compiled in) or by path (anything with '/' or ".toml").
/// Errors: UserError with file and line.
SuiteSpec load_suite(const std::string& name_or_path);
SuiteSpec parse_suite(std::string_view text, const std::string& label, const std::string& name);

struct Cell {
  RunConfig config;
  std::string name;              ///< "switch/2/qmix/seed_0"
  std::filesystem::path folder;  ///< below the suite's output folder: "runs/<name>"
};

struct PlanOptions {
  std::optional<std::vector<std::uint64_t>> seeds;  ///< instead of the suite's
  std::string only;                                 ///< "" = all
  std::optional<std::string> profile;
  std::optional<std::int64_t> t_max;
  std::vector<std::string> sets;
};

/// Cells in the order of the tables: by environment, algorithm, seed. `only` is a pattern for
/// "ENV/ALG/seed_N", "ENV/ALG", "ENV" or "ALG". Everything is checked before anything runs.
/// Errors: UserError.
std::vector<Cell> make_plan(const SuiteSpec& spec, const PlanOptions& options);

}  // namespace credo::suite
