#include <fmt/format.h>

#include "suite/cli/cli.hpp"
#include "suite/common/toml_reader.hpp"

namespace credo::suite {
namespace {

// What to_toml leaves out, as comments: with both, every setting is shown.
std::string unrecorded(const RunConfig& config) {
  std::vector<std::pair<std::string, std::string>> lines;
  std::size_t width = 0;
  for (const Params* params : {&config.run_params(), &config.train_params()}) {
    for (const ParamSpec& spec : params->specs()) {
      if (config.is_recorded(spec.name)) continue;
      const std::string missing = config.without_effect(spec.name);
      lines.emplace_back(
          fmt::format("{} = {}", spec.name, toml_value(spec.value)),
          missing.empty() ? spec.help + "; recorded only where it is used" : missing);
      width = std::max(width, lines.back().first.size());
    }
  }
  std::string text = "\n# Not recorded, because it changes nothing here:\n";
  for (const auto& line : lines)
    text += fmt::format("# {:<{}}  # {}\n", line.first, width, line.second);
  return lines.empty() ? "" : text;
}

int run_show_config(const Arguments& arguments) {
  const RunConfig config = RunConfig::resolve(make_request(arguments));
  print_out(config.to_toml() + unrecorded(config));
  return kExitOk;
}

}  // namespace

Command show_config_command() {
  Command command;
  command.name = "show-config";
  command.arguments = "--env ENV --alg ALG [OPTIONS]";
  command.help = "print the configuration a run would have, as TOML";
  command.details =
      "First what the run folder's config.toml would hold: every setting that affects the run. "
      "Then, as comments, all other settings with the reason why they are not recorded.";
  command.examples = {"credo show-config --env switch/2 --alg qmix --profile fast"};
  command.options = request_options();
  command.options.push_back(init_weights_option());
  command.run = run_show_config;
  command.needs_arena = false;
  return command;
}

}  // namespace credo::suite
