#include "suite/run/run_names.hpp"

#include <fmt/format.h>

#include "suite/common/safe_path.hpp"
#include "suite/common/text.hpp"

namespace credo::suite {

std::string seed_name(std::uint64_t seed) { return fmt::format("seed_{}", seed); }

std::string cell_name(const RunNames& names, std::uint64_t seed) {
  return fmt::format("{}/{}/{}", names.task, names.algorithm, seed_name(seed));
}

std::filesystem::path cell_folder(const RunNames& names, std::uint64_t seed) {
  const std::string name = cell_name(names, seed);
  check_path_name(name, "a cell");
  return std::filesystem::path("runs") / name;
}

bool is_meant(std::string_view pattern, const RunNames& names, const RunNames& plain,
              std::uint64_t seed) {
  if (glob_match(pattern, seed_name(seed))) return true;
  for (const std::string& task : {names.task, plain.task})
    for (const std::string& algorithm : {names.algorithm, plain.algorithm})
      for (const std::string& text :
           {task, algorithm, task + "/" + algorithm, cell_name({task, algorithm}, seed)})
        if (glob_match(pattern, text)) return true;
  return false;
}

}  // namespace credo::suite
