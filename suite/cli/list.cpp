#include <algorithm>
#include <fmt/format.h>

#include "envs/core/error.hpp"
#include "envs/core/registry.hpp"
#include "suite/cli/cli.hpp"
#include "suite/common/builtin_files.hpp"
#include "suite/common/json.hpp"
#include "suite/plan/suite_file.hpp"

namespace credo::suite {
namespace {

std::string list_environments(bool as_json) {
  Json rows = Json::array();
  std::string text;
  std::size_t id_width = 4;
  for (const std::string& id : list_envs()) id_width = std::max(id_width, id.size());
  if (!as_json)
    text = fmt::format("{:<{}}  agents  actions  obs_dim  state_dim  limit  description\n", "id",
                       id_width);
  for (const std::string& id : list_envs()) {
    const auto env = make_env(id);
    const EnvSpec& spec = env->spec();
    rows.push_back(Json{{"id", id},
                        {"n_agents", spec.n_agents},
                        {"n_actions", spec.n_actions},
                        {"obs_dim", spec.obs_dim},
                        {"state_dim", spec.state_dim},
                        {"episode_limit", spec.episode_limit},
                        {"help", spec.help}});
    text +=
        fmt::format("{:<{}}  {:>6}  {:>7}  {:>7}  {:>9}  {:>5}  {}\n", id, id_width, spec.n_agents,
                    spec.n_actions, spec.obs_dim, spec.state_dim, spec.episode_limit, spec.help);
  }
  return as_json ? json_text(rows) : text;
}

std::string list_algorithms(bool as_json) {
  Json rows = Json::array();
  std::string text;
  for (const std::string& name : algorithm_names()) {
    rows.push_back(
        Json{{"name", name}, {"learns", !is_fixed_policy(name)}, {"help", algorithm_help(name)}});
    text += fmt::format("{:<16}  {}\n", name, algorithm_help(name));
  }
  return as_json ? json_text(rows) : text;
}

std::string list_profiles(bool as_json) {
  Json rows = Json::array();
  std::string text;
  for (const std::string& name : builtin_names("profiles")) {
    const Overlay profile = find_profile(name);
    rows.push_back(Json{{"name", name}, {"help", profile.help}});
    text += fmt::format("{:<16}  {}\n", name, profile.help);
  }
  return as_json ? json_text(rows) : text;
}

std::string list_suites(bool as_json) {
  Json rows = Json::array();
  std::string text;
  for (const std::string& name : builtin_names("suites")) {
    const SuiteSpec suite = load_suite(name);
    const std::size_t cells = suite.n_cells();
    rows.push_back(Json{{"name", name},
                        {"help", suite.help},
                        {"envs", suite.envs},
                        {"algs", suite.algorithms},
                        {"seeds", suite.seeds},
                        {"profile", suite.profile},
                        {"cells", cells}});
    text += fmt::format("{:<16}  {} ({} environments x {} algorithms x {} seeds = {} cells)\n",
                        name, suite.help, suite.envs.size(), suite.algorithms.size(),
                        suite.seeds.size(), cells);
  }
  return as_json ? json_text(rows) : text;
}

int run_list(const Arguments& arguments) {
  const std::string what = arguments.positional.empty() ? "envs" : arguments.positional.front();
  const std::vector<std::string> allowed = {"envs", "algs", "profiles", "suites"};
  if (what == "envs") {
    print_out(list_environments(arguments.json()));
  } else if (what == "algs") {
    print_out(list_algorithms(arguments.json()));
  } else if (what == "profiles") {
    print_out(list_profiles(arguments.json()));
  } else if (what == "suites") {
    print_out(list_suites(arguments.json()));
  } else {
    throw UserError(unknown_name_message("list", what, allowed));
  }
  return kExitOk;
}

}  // namespace

Command list_command() {
  Command command;
  command.name = "list";
  command.arguments = "envs|algs|profiles|suites [--json]";
  command.help = "list environments, algorithms, profiles or suites";
  command.details = "examples:\n  credo list envs\n  credo list algs --json\n";
  command.options = {json_option()};
  command.most_positional = 1;
  command.run = run_list;
  command.needs_arena = false;
  return command;
}

}  // namespace credo::suite
