#include <algorithm>
#include <fmt/format.h>

#include "envs/core/registry.hpp"
#include "learners/algorithm_table.hpp"
#include "suite/cli/cli.hpp"
#include "suite/common/builtin_files.hpp"
#include "suite/common/json.hpp"
#include "suite/plan/suite_file.hpp"

namespace credo::suite {
namespace {

// Rows below a header, in columns as wide as their longest text.
std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i)
      text += fmt::format("{:<{}}  ", row[i], widths[i]);
    text += row.back() + "\n";
  }
  return text;
}

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
  std::vector<std::vector<std::string>> lines = {{"name", "family", "paper", "description"}};
  for (const std::string& name : algorithm_names()) {
    const bool learns = !is_fixed_policy(name);
    const std::string family = learns ? find_algorithm(name).family : "fixed policy";
    const std::string paper = learns ? find_algorithm(name).paper : "";
    rows.push_back(Json{{"name", name},
                        {"learns", learns},
                        {"family", family},
                        {"paper", learns ? Json(paper) : Json(nullptr)},
                        {"help", algorithm_help(name)}});
    lines.push_back({name, family, paper.empty() ? "-" : paper, algorithm_help(name)});
  }
  return as_json ? json_text(rows) : table(lines);
}

std::string list_profiles(bool as_json) {
  Json rows = Json::array();
  std::vector<std::vector<std::string>> lines = {{"name", "description"}};
  for (const std::string& name : builtin_names("profiles")) {
    const Overlay profile = find_profile(name);
    rows.push_back(Json{{"name", name}, {"help", profile.help}});
    lines.push_back({name, profile.help});
  }
  return as_json ? json_text(rows) : table(lines);
}

std::string list_suites(bool as_json) {
  Json rows = Json::array();
  std::vector<std::vector<std::string>> lines = {
      {"name", "envs", "algs", "seeds", "cells", "profile", "description"}};
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
    lines.push_back({name, fmt::format("{}", suite.envs.size()),
                     fmt::format("{}", suite.algorithms.size()),
                     fmt::format("{}", suite.seeds.size()), fmt::format("{}", cells), suite.profile,
                     suite.help});
  }
  return as_json ? json_text(rows) : table(lines);
}

int run_list(const Arguments& arguments) {
  const std::string what = arguments.positional.empty() ? "envs" : arguments.positional.front();
  print_out(what == "algs"       ? list_algorithms(arguments.json())
            : what == "profiles" ? list_profiles(arguments.json())
            : what == "suites"   ? list_suites(arguments.json())
                                 : list_environments(arguments.json()));
  return kExitOk;
}

}  // namespace

Command list_command() {
  Command command;
  command.name = "list";
  command.arguments = "[envs|algs|profiles|suites] [--json]";
  command.help = "list environments (the default), algorithms, profiles or suites";
  command.examples = {"credo list envs", "credo list algs --json"};
  command.positional = {"envs|algs|profiles|suites"};
  command.options = {json_option()};
  command.run = run_list;
  command.needs_arena = false;
  return command;
}

}  // namespace credo::suite
