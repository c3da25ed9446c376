// What tables, folders and options call a run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace credo::suite {

/// What tables call a run. A suite with sweeps puts the swept values into the names.
struct RunNames {
  std::string task;       ///< "switch/2@limit=50"; else the environment's id
  std::string algorithm;  ///< "qmix_gre@lambda=0.01"; else the algorithm's name
};

/// "seed_N".
std::string seed_name(std::uint64_t seed);
/// "TASK/ALG/seed_N".
std::string cell_name(const RunNames& names, std::uint64_t seed);
/// runs/TASK/ALG/seed_N: where a suite's folder keeps a run. Errors: UserError for a name that
/// leads out of that folder.
std::filesystem::path cell_folder(const RunNames& names, std::uint64_t seed);

/// Does a pattern of --only or --rerun mean this run? `plain` are its names without swept values,
/// which patterns may use too.
bool is_meant(std::string_view pattern, const RunNames& names, const RunNames& plain,
              std::uint64_t seed);
inline constexpr std::string_view kPatternRule =
    "a pattern is matched with TASK/ALG/seed_N, TASK/ALG, TASK, ALG or seed_N";

}  // namespace credo::suite
