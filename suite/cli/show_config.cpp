#include "suite/cli/cli.hpp"

namespace credo::suite {
namespace {

int run_show_config(const Arguments& arguments) {
  print_out(RunConfig::resolve(make_request(arguments)).to_toml());
  return kExitOk;
}

}  // namespace

Command show_config_command() {
  Command command;
  command.name = "show-config";
  command.arguments = "--env ENV --alg ALG [OPTIONS]";
  command.help =
      "print the effective configuration a run would have, as TOML: every setting with an effect";
  command.details = "example:\n  credo show-config --env switch/2 --alg qmix --profile fast\n";
  command.options = request_options();
  command.options.push_back(init_weights_option());
  command.run = run_show_config;
  command.needs_arena = false;
  return command;
}

}  // namespace credo::suite
