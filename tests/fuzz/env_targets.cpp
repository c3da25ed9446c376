// Data files of battles, and environments from an id and parameters.
#include "envs/core/registry.hpp"
#include "envs/skirmish/data.hpp"
#include "envs/skirmish/terrain.hpp"
#include "tests/fuzz/targets.hpp"

namespace credo::fuzz {
namespace {

void read_map(Input input) {
  may_refuse([&] { skirmish::parse_map("m", text_of(input), "m.toml", FileSource()); });
}

void read_units(Input input) {
  may_refuse([&] { skirmish::parse_profile("p", text_of(input), "p.toml"); });
}

void read_terrain(Input input) {
  may_refuse([&] {
    const skirmish::Terrain terrain(skirmish::parse_terrain("t", text_of(input), "t.toml"));
    terrain.open(0, 0);
  });
}

// "ID", then lines "KEY=VALUE".
void make_environment(Input input) {
  const std::string text = text_of(input);
  may_refuse([&] {
    std::size_t end = std::min(text.find('\n'), text.size());
    const std::string id = text.substr(0, end);
    Params params = env_params(id);
    while (end < text.size()) {
      const std::size_t begin = end + 1;
      end = std::min(text.find('\n', begin), text.size());
      const std::string line = text.substr(begin, end - begin);
      const std::size_t sign = line.find('=');
      // Names of files are another matter: the reader of one opens what it is told to.
      if (sign == std::string::npos || line.find_first_of("/.") < sign) continue;
      const std::string key = line.substr(0, sign);
      if (key == "payoff_file" || key == "data_dir") continue;
      params.set_text(key, line.substr(sign + 1));
    }
    make_env(id, params)->reset(Stream(1, purpose("env"), 0, 0));
  });
}

}  // namespace

std::vector<Target> env_targets() {
  return {{"map", read_map},
          {"units", read_units},
          {"terrain", read_terrain},
          {"environment", make_environment}};
}

}  // namespace credo::fuzz
