// golden_check FILE...: repeats the three updates of a golden file (format and tolerances:
// tests/golden/README.md) with Credo's own learner and compares every quantity the file holds.
// One row per quantity; exit 1 when any is out of tolerance, 2 when a file cannot be used.
#include <fmt/format.h>
#include <string>
#include <vector>

#include "learners/base/isa.hpp"
#include "suite/tools/golden_file.hpp"

namespace credo {
namespace {

bool check(const std::string& path) {
  GoldenFile file(path);
  fmt::print("{} ({}, {} kernels)\n", path, file.meta().text("variant"), current_isa());
  const std::string& variant = file.meta().text("variant");
  return variant == "ippo" || variant == "mappo" ? check_ppo(file) : check_value_learner(file);
}

int run(int argc, char** argv) {
  std::vector<std::string> paths;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg == "--help" || arg == "-h") {
      fmt::print(
          "usage: golden_check [--isa auto|scalar|avx2|avx512] FILE...\n"
          "Repeats the three updates of each golden file and compares every quantity.\n"
          "Exit: 0 all within tolerance, 1 some are not, 2 a file cannot be used.\n"
          "Example: build/golden_check tests/golden/*.safetensors\n");
      return 0;
    }
    if (arg == "--isa") {
      if (++i == argc) throw UserError("--isa needs a value");
      select_isa(argv[i]);
    } else if (arg.starts_with("--")) {
      throw UserError(fmt::format("unknown option '{}'; allowed: --isa, --help", arg));
    } else {
      paths.push_back(arg);
    }
  }
  if (paths.empty()) throw UserError("no golden file given; see --help");
  bool ok = true;
  for (const std::string& path : paths) ok = check(path) && ok;
  return ok ? 0 : 1;
}

}  // namespace
}  // namespace credo

int main(int argc, char** argv) {
  try {
    return credo::run(argc, argv);
  } catch (const credo::UserError& e) {
    fmt::print(stderr, "golden_check: error: {}\n", e.what());
    return 2;
  } catch (const std::exception& e) {
    fmt::print(stderr, "golden_check: error: {}\n", e.what());
    return 1;
  }
}
