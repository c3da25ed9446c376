// credo_fuzz --target=NAME [libFuzzer's options] [corpora]; credo_fuzz --list prints the names.
#include <cstdlib>
#include <iostream>
#include <string>

#include "tests/fuzz/targets.hpp"

namespace {

credo::fuzz::Target chosen{};

std::vector<credo::fuzz::Target> all_targets() {
  std::vector<credo::fuzz::Target> all = credo::fuzz::env_targets();
  for (const auto& more : {credo::fuzz::learner_targets(), credo::fuzz::suite_targets()})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(const int* argc, char*** argv) {
  constexpr std::string_view kOption = "--target=";
  for (int i = 1; i < *argc; ++i) {
    const std::string_view argument = (*argv)[i];
    if (argument == "--list") {
      for (const auto& target : all_targets()) std::cout << target.name << '\n';
      std::exit(0);
    }
    if (!argument.starts_with(kOption)) continue;
    for (const auto& target : all_targets())
      if (target.name == argument.substr(kOption.size())) chosen = target;
  }
  if (chosen.read != nullptr) return 0;
  std::cerr << "credo_fuzz: --target=NAME is needed; --list prints the names\n";
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chosen.read({data, size});
  return 0;
}
