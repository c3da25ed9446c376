#include <fmt/format.h>

#include "envs/core/registry.hpp"
#include "suite/cli/cli.hpp"
#include "suite/common/json.hpp"
#include "suite/replay/episode_text.hpp"

namespace credo::suite {
namespace {

Json param_json(const ParamSpec& spec, const ParamValue& default_value) {
  const auto value_json = [](const ParamValue& value) {
    return std::visit([](const auto& held) { return Json(held); }, value);
  };
  Json json;
  json["name"] = "env." + spec.name;
  json["type"] = spec.type_name();
  json["default"] = value_json(default_value);
  json["value"] = value_json(spec.value);
  if (spec.type_name() == "int" || spec.type_name() == "float") {
    json["low"] = spec.low;
    json["high"] = spec.high;
  }
  if (!spec.choices.empty()) json["choices"] = spec.choices;
  json["help"] = spec.help;
  return json;
}

Json features_json(const std::vector<Feature>& features) {
  Json list = Json::array();
  for (std::size_t i = 0; i < features.size(); ++i)
    list.push_back(Json{{"index", i},
                        {"name", features[i].name},
                        {"low", features[i].low},
                        {"high", features[i].high}});
  return list;
}

std::string describe_json(const EnvSpec& spec, const Params& defaults) {
  Json json;
  json["id"] = spec.id;
  json["help"] = spec.help;
  json["n_agents"] = spec.n_agents;
  json["n_actions"] = spec.n_actions;
  json["obs_dim"] = spec.obs_dim;
  json["state_dim"] = spec.state_dim;
  json["unit_dim"] = spec.unit_dim;
  json["episode_limit"] = spec.episode_limit;
  json["limit_is_terminal"] = spec.limit_is_terminal;
  json["reward_low"] = spec.reward_low;
  json["reward_high"] = spec.reward_high;
  json["return_bound"] = json_or_null(spec.return_bound);
  json["random_return"] = json_or_null(spec.random_return);
  json["best_return"] = json_or_null(spec.best_return);
  json["is_stochastic"] = spec.is_stochastic;
  json["noop_action"] = spec.noop_action ? Json(*spec.noop_action) : Json(nullptr);
  json["params"] = Json::array();
  for (const ParamSpec& param : spec.params)
    json["params"].push_back(param_json(param, defaults.value(param.name)));
  json["actions"] = Json::array();
  for (std::size_t i = 0; i < spec.action_names.size(); ++i)
    json["actions"].push_back(Json{{"index", i}, {"name", spec.action_names[i]}});
  json["scripted"] = Json::array();
  for (const ScriptedInfo& policy : spec.scripted)
    json["scripted"].push_back(Json{{"name", policy.name}, {"help", policy.help}});
  json["obs_features"] = features_json(spec.obs_features);
  json["state_features"] = features_json(spec.state_features);
  return json_text(json);
}

std::string features_text(std::string_view title, const std::vector<Feature>& features) {
  std::string text = fmt::format("\n{} ({} numbers):\n", title, features.size());
  for (std::size_t i = 0; i < features.size(); ++i)
    text += fmt::format("  {:>4}  {:<32}  [{}, {}]\n", i, features[i].name, features[i].low,
                        features[i].high);
  return text;
}

std::string describe_text(const EnvSpec& spec, const Params& defaults) {
  std::string text = fmt::format("{}: {}\n\n", spec.id, spec.help);
  text += fmt::format("agents {}, actions {}, obs_dim {}, state_dim {}\n", spec.n_agents,
                      spec.n_actions, spec.obs_dim, spec.state_dim);
  text += fmt::format("episode limit {} steps; reaching it {}\n", spec.episode_limit,
                      spec.limit_is_terminal ? "ends the task (no bootstrap)"
                                             : "cuts the episode (the target bootstraps)");
  text += fmt::format("reward of a step in [{}, {}]", shown_number(spec.reward_low),
                      shown_number(spec.reward_high));
  if (spec.return_bound)
    text += fmt::format(", return of an episode at most {}", shown_number(*spec.return_bound));
  text += fmt::format("; {}\n", spec.is_stochastic ? "stochastic" : "deterministic");
  const auto best = spec.best_return ? spec.best_return : spec.return_bound;
  text += fmt::format(
      "tables over tasks: score 0 at {}, 1 at {}\n",
      spec.random_return ? shown_number(*spec.random_return) : "the return of random play",
      best ? shown_number(*best) : "nothing the environment declares");
  text += "\nparameters (--set env.NAME=VALUE):\n";
  for (const ParamSpec& param : spec.params)
    text += fmt::format("  env.{:<24}  {} (default {}; {} {})\n", param.name, param.help,
                        to_text(defaults.value(param.name)), param.type_name(), param.range_text());
  text += "\nactions:\n";
  for (std::size_t i = 0; i < spec.action_names.size(); ++i)
    text += fmt::format("  {:>4}  {}{}\n", i, spec.action_names[i],
                        spec.noop_action == static_cast<int>(i) ? " (does nothing)" : "");
  if (!spec.scripted.empty()) text += "\nscripted policies:\n";
  for (const ScriptedInfo& policy : spec.scripted)
    text += fmt::format("  {:<24}  {}\n", policy.name, policy.help);
  return text + features_text("observation of an agent", spec.obs_features) +
         features_text("state", spec.state_features);
}

int run_describe(const Arguments& arguments) {
  const std::string& id = arguments.single("ENV");
  const auto env = make_env(id, env_params_with_sets(id, arguments.list("set")));
  // Beside the values in force: some defaults follow other parameters.
  const Params defaults = env_defaults(id, env_params_with_sets(id, arguments.list("set")));
  print_out(arguments.json() ? describe_json(env->spec(), defaults)
                             : describe_text(env->spec(), defaults));
  return kExitOk;
}

}  // namespace

Command describe_command() {
  Command command;
  command.name = "describe";
  command.arguments = "ENV [--set env.KEY=VALUE]... [--json]";
  command.help = "show an environment's parameters, actions and every observation feature";
  command.examples = {"credo describe predator_prey/5x5", "credo describe stag_hunt/8x8 --json"};
  command.positional = {"ENV"};
  command.options = {{"set", "env.KEY=VALUE", "one parameter; repeat for more", true},
                     json_option()};
  command.run = run_describe;
  command.needs_arena = false;
  return command;
}

}  // namespace credo::suite
