#include "suite/run/config.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fmt/format.h>
#include <limits>

#include "envs/core/error.hpp"
#include "envs/core/registry.hpp"
#include "learners/algorithm_table.hpp"
#include "learners/hyperparameters.hpp"
#include "learners/rollout/fixed_policy.hpp"
#include "suite/common/builtin_files.hpp"
#include "suite/common/files.hpp"
#include "suite/common/hashing.hpp"
#include "suite/common/text.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kEnvPrefix = "env.";
constexpr std::string_view kOpenLoopBudgetKey = "open_loop.budget";
constexpr std::string_view kTensorboardKey = "run.tensorboard";
constexpr std::string_view kInitWeightsKey = "run.init_weights";
constexpr std::string_view kInputsPrefix = "inputs.";
constexpr std::string_view kHeader =
    "# Effective configuration of a Credo run; reload it with --config.\n";

struct IdentityKey {
  std::string_view key;
  std::string_view option;
};
constexpr std::array<IdentityKey, 4> kIdentity = {{{"run.env", "--env"},
                                                   {"run.algorithm", "--alg"},
                                                   {"run.seed", "--seed"},
                                                   {"run.profile", "--profile"}}};

const IdentityKey* find_identity(std::string_view key) {
  for (const IdentityKey& identity : kIdentity)
    if (identity.key == key) return &identity;
  return nullptr;
}

struct FixedPolicy {
  const char* name;
  const char* help;
};
constexpr std::array<FixedPolicy, 4> kFixedPolicies = {
    {{"random", "uniform over the available actions; does not learn"},
     {"noop", "the action that does nothing (else the lowest available one); does not learn"},
     {"scripted", "the environment's own scripted policy (scripted:NAME: another); does not learn"},
     {"open_loop", "the best blind plan of a search; sees only the time step"}}};

// Identity values found in a configuration file.
struct FileIdentity {
  std::optional<std::string> env;
  std::optional<std::string> algorithm;
  std::optional<std::string> profile;
  std::optional<std::uint64_t> seed;
  InputHashes inputs;
};

FileIdentity take_identity(Overlay& file) {
  FileIdentity found;
  std::vector<Setting> rest;
  for (Setting& setting : file.settings) {
    if (setting.key.starts_with(kInputsPrefix)) {
      const std::string name = setting.key.substr(kInputsPrefix.size());
      const auto* hash = std::get_if<std::string>(&setting.value);
      if (hash == nullptr || !is_input_name(name))
        throw UserError(
            fmt::format("{}: {}: not the hash of a file in inputs/", setting.where, setting.key));
      found.inputs[name] = *hash;
      continue;
    }
    if (find_identity(setting.key) == nullptr) {
      rest.push_back(std::move(setting));
      continue;
    }
    if (setting.key == "run.seed") {
      const auto* seed = std::get_if<std::int64_t>(&setting.value);
      if (seed == nullptr || *seed < 0)
        throw UserError(fmt::format("{}: run.seed = '{}'; allowed: an integer in [0, {}]",
                                    setting.where, to_text(setting.value),
                                    std::numeric_limits<std::int64_t>::max()));
      found.seed = static_cast<std::uint64_t>(*seed);
      continue;
    }
    const auto* text = std::get_if<std::string>(&setting.value);
    if (text == nullptr)
      throw UserError(fmt::format("{}: {} = '{}': not of type string", setting.where, setting.key,
                                  to_text(setting.value)));
    if (setting.key == "run.env") found.env = *text;
    if (setting.key == "run.algorithm") found.algorithm = *text;
    if (setting.key == "run.profile") found.profile = *text;
  }
  file.settings = std::move(rest);
  return found;
}

// The value on the command line, else that of the file; they may not contradict each other,
// because a file's other values were written for what it names.
std::optional<std::string> agree(const std::optional<std::string>& asked,
                                 const std::optional<std::string>& in_file, std::string_view option,
                                 std::string_view key, const std::string& label) {
  if (asked && in_file && *asked != *in_file)
    throw UserError(
        fmt::format("{} {} contradicts {} = '{}' in {}", option, *asked, key, *in_file, label));
  return asked ? asked : in_file;
}

bool looks_like_path(const std::string& name) {
  return name.find('/') != std::string::npos || name.ends_with(".toml");
}

}  // namespace

bool is_fixed_policy(std::string_view algorithm) {
  for (const FixedPolicy& policy : kFixedPolicies)
    if (algorithm == policy.name) return true;
  return algorithm.starts_with("scripted:");
}

std::vector<std::string> algorithm_names() {
  std::vector<std::string> names;
  for (const FixedPolicy& policy : kFixedPolicies) names.emplace_back(policy.name);
  for (const Algorithm& algorithm : learning_algorithms()) names.push_back(algorithm.name);
  return names;
}

std::string algorithm_help(const std::string& name) {
  for (const FixedPolicy& policy : kFixedPolicies)
    if (name == policy.name) return policy.help;
  return find_algorithm(name).help;
}

std::vector<ParamSpec> run_params() {
  return {
      ParamSpec::integer("run.checkpoint_interval", 50000, 100, 1000000000,
                         "environment steps between checkpoints"),
      ParamSpec::integer("run.absolute_factor", 10, 0, 100,
                         "episodes of the absolute metric (the best policy so far, played again "
                         "at the end) per evaluation episode; 0 = none"),
      ParamSpec::boolean("run.keep_state", false,
                         "keep the last resumable state of a finished run, not only its weights"),
      ParamSpec::text(std::string(kKeepWeightsKey), "",
                      "weights to keep beside the newest, by commas: steps, percentages of "
                      "run.t_max, evaluations (\"0,25%,50%\")"),
      ParamSpec::boolean(std::string(kTensorboardKey), false,
                         "also write the events of metrics.jsonl as a TensorBoard event file"),
      ParamSpec::path(std::string(kInitWeightsKey),
                      "safetensors file of the weights to begin with, instead of random ones"),
      ParamSpec::integer(std::string(kOpenLoopBudgetKey), kOpenLoopBudget, 1, 1000000000000,
                         "environment steps the search of open_loop may take"),
  };
}

bool Condition::matches(std::string_view env_id, std::string_view algorithm_name) const {
  return glob_match(env, env_id) && glob_match(algorithm, algorithm_name);
}

Condition take_condition(std::string& key, const std::string& where) {
  Condition condition;
  const std::string whole = key;
  const auto take = [&](std::string_view prefix, std::string& glob) {
    if (!key.starts_with(prefix)) return false;
    key.erase(0, prefix.size());
    const std::size_t dot = key.find('.');
    if (dot == std::string::npos)
      throw UserError(
          fmt::format("{}: {}: write [when.\"ENVIRONMENT\"], [alg.\"ALGORITHM\"] or "
                      "[when.\"ENVIRONMENT\".alg.\"ALGORITHM\"] sections of settings",
                      where, whole));
    glob = key.substr(0, dot);
    key.erase(0, dot + 1);
    return true;
  };
  const auto matches_one = [](const std::string& glob, const std::vector<std::string>& names) {
    return std::any_of(names.begin(), names.end(),
                       [&](const std::string& name) { return glob_match(glob, name); });
  };
  take("when.", condition.env);
  condition.of_algorithm = take("alg.", condition.algorithm);
  if (!is_env(condition.env) && !matches_one(condition.env, list_envs()))
    throw UserError(fmt::format("{}: when.\"{}\": no environment matches", where, condition.env));
  if (!is_fixed_policy(condition.algorithm) && !matches_one(condition.algorithm, algorithm_names()))
    throw UserError(
        fmt::format("{}: alg.\"{}\": no algorithm matches", where, condition.algorithm));
  return condition;
}

Overlay make_overlay(TomlSettings file) {
  Overlay overlay;
  overlay.label = file.label;
  for (const SettingList& list : file.lists)
    throw UserError(fmt::format("{}: {}: a list is not allowed here", list.where, list.key));
  for (Setting& setting : file.settings) {
    if (setting.key == "help") {
      if (const auto* text = std::get_if<std::string>(&setting.value)) overlay.help = *text;
      continue;
    }
    const Condition condition = take_condition(setting.key, setting.where);
    if (condition == Condition{}) {
      overlay.settings.push_back(std::move(setting));
      continue;
    }
    auto& sections = overlay.sections;
    auto same = std::find_if(
        sections.begin(), sections.end(),
        [&](const Overlay::Section& section) { return section.condition == condition; });
    if (same == sections.end()) same = sections.insert(same, {condition, {}});
    same->settings.push_back(std::move(setting));
  }
  return overlay;
}

Overlay find_profile(const std::string& name_or_path) {
  if (looks_like_path(name_or_path)) {
    const std::string text =
        as_user_error([&] { return read_text(name_or_path, kLargestDocument); }, "--profile: ");
    return make_overlay(read_toml(text, name_or_path));
  }
  if (const BuiltinFile* file = find_builtin("profiles", name_or_path))
    return make_overlay(read_toml(file->text, file->label));
  throw UserError(unknown_name_message("profile", name_or_path, builtin_names("profiles")));
}

RunConfig RunConfig::resolve(const RunRequest& request) {
  RunConfig config;
  Overlay file;
  FileIdentity in_file;
  if (!request.config_path.empty()) {
    const std::string text = as_user_error(
        [&] { return read_text(request.config_path, kLargestDocument); }, "--config: ");
    file = make_overlay(read_toml(text, request.config_path));
    in_file = take_identity(file);
  }
  // What a run folder's configuration names is beside it.
  const fs::path beside = fs::path(request.config_path).parent_path();
  for (Setting& setting : file.settings)
    if (auto* path = std::get_if<std::string>(&setting.value);
        path != nullptr && !path->empty() && !inputs_of(in_file.inputs, setting.key).empty())
      *path = (beside / *path).string();
  const auto env = agree(request.env, in_file.env, "--env", "run.env", file.label);
  const auto algorithm =
      agree(request.algorithm, in_file.algorithm, "--alg", "run.algorithm", file.label);
  const auto profile =
      agree(request.profile, in_file.profile, "--profile", "run.profile", file.label);
  if (!env) throw UserError("no environment given; use --env ENV (see `credo list envs`)");
  if (!algorithm) throw UserError("no algorithm given; use --alg ALG (see `credo list algs`)");

  config.env_id_ = *env;
  config.env_ = credo::env_params(*env);
  config.algorithm_ = *algorithm;
  if (!is_fixed_policy(*algorithm)) {
    const auto names = algorithm_names();
    if (std::find(names.begin(), names.end(), *algorithm) == names.end())
      throw UserError(unknown_name_message("algorithm", *algorithm, names));
  }
  config.profile_ = profile.value_or(request.fallback_profile);
  config.seed_ = request.seed ? *request.seed : in_file.seed.value_or(0);
  config.run_ = Params(suite::run_params());
  config.train_ = Params(credo::train_params());

  config.apply(find_profile(config.profile_));
  if (config.is_learning()) {
    for (const auto& [key, value] : find_algorithm(config.algorithm_).values)
      config.train_.set(key, value);
  }
  for (const Overlay& overlay : request.overlays) config.apply(overlay);
  config.apply(file);
  if (request.t_max) config.set({"run.t_max", *request.t_max, "--t-max"});
  if (request.init_weights)
    config.set({std::string(kInitWeightsKey), *request.init_weights, "--init-weights"});
  for (const std::string& text : request.sets) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      throw UserError(fmt::format("--set '{}': expected KEY=VALUE", text));
    config.set({text.substr(0, equals), text.substr(equals + 1), "--set", true});
  }
  if (!config.is_learning())
    set_script_params(make_env(config.env_id_, config.env_)->spec(), config.algorithm_,
                      config.env_);
  config.refuse_without_effect(request);
  if (config.is_learning()) {  // contradictions are found here
    config.train_config();
    config.keep_rule();
  }
  config.read_inputs();
  for (const Setting& setting : file.settings) {
    const InputHashes recorded = inputs_of(in_file.inputs, setting.key);
    const ParamSpec* spec = config.find_spec(setting.key);
    if (!recorded.empty() && spec != nullptr && spec->value == setting.value &&
        inputs_of(config.inputs_, setting.key) != recorded)
      throw UserError(fmt::format("{}: {} = '{}': changed since it was recorded", setting.where,
                                  setting.key, to_text(setting.value)));
  }
  return config;
}

const ParamSpec* RunConfig::find_spec(std::string_view key) const {
  for (const Params* params : {&env_, &run_, &train_})
    for (const ParamSpec& spec : params->specs())
      if ((params == &env_ ? std::string(kEnvPrefix) : "") + spec.name == key) return &spec;
  return nullptr;
}

// An option that was typed for this run and does nothing is a mistake; in a file for many runs it
// is not. A switch that makes an algorithm must be on, or its name would lie.
void RunConfig::refuse_without_effect(const RunRequest& request) const {
  if (is_learning())
    for (const auto& [key, value] : find_algorithm(algorithm_).values) {
      const bool is_switch =
          std::holds_alternative<bool>(value) || std::holds_alternative<std::string>(value);
      if (const std::string missing = without_effect(key); is_switch && !missing.empty())
        throw UserError(
            fmt::format("{} = {}, which makes the algorithm '{}', has no effect here: {}", key,
                        to_text(value), algorithm_, missing));
    }
  if (request.are_sets_general) return;
  const auto check = [&](std::string_view option, std::string_view key) {
    if (const std::string missing = without_effect(key); !missing.empty())
      throw UserError(fmt::format("{}: {} has no effect here: {}", option, key, missing));
  };
  if (request.t_max) check("--t-max", "run.t_max");
  if (request.init_weights) check("--init-weights", kInitWeightsKey);
  for (const std::string& text : request.sets) check("--set", text.substr(0, text.find('=')));
}

std::string RunConfig::without_effect(std::string_view key) const {
  if (key.starts_with(kEnvPrefix)) return "";
  if (key == kOpenLoopBudgetKey)
    return algorithm_ == "open_loop" ? "" : "it needs the algorithm open_loop";
  if (key == kTensorboardKey || key == "run.absolute_factor" || key == "evaluation.episodes")
    return "";
  if (!is_learning())
    return fmt::format("it needs an algorithm that learns, '{}' does not", algorithm_);
  if (!train_.has(key)) return "";
  const std::string needs = train_.needs(key);
  return needs.empty() ? "" : "it needs " + needs;
}

// Reads the files the path parameters name. From now on the run has their contents.
void RunConfig::read_inputs() {
  InputFiles files;
  for (const ParamSpec& spec : std::vector<ParamSpec>(env_.specs())) {
    if (!spec.is_path || to_text(spec.value).empty()) continue;
    const auto env = make_env(env_id_, env_);
    for (const auto& [key, contents] : env->spec().inputs) env_.hold(key, contents);
    break;
  }
  if (const FileSource weights = run_.source(kInitWeightsKey); !weights.empty() && is_learning()) {
    const auto bytes = weights.read();
    if (!bytes)
      throw UserError(
          fmt::format("{} = '{}': there is no such file", kInitWeightsKey, weights.path()));
    run_.hold(kInitWeightsKey, {{"", *bytes}});
  }
  inputs_ = hash_inputs(input_files());
}

InputFiles RunConfig::input_files() const {
  InputFiles files;
  collect_inputs(env_, kEnvPrefix, files);
  collect_inputs(run_, "", files);
  return files;
}

void RunConfig::check_inputs() const {
  if (!input_problem_.empty()) throw UserError(input_problem_);
}

RunConfig RunConfig::with_t_max(std::int64_t t_max) const {
  RunConfig copy = *this;
  copy.set({"run.t_max", t_max, "--t-max"});
  return copy;
}

RunConfig RunConfig::from_toml(std::string_view text, const std::string& label) {
  RunConfig config;
  Overlay file = make_overlay(read_toml(text, label));
  const FileIdentity identity = take_identity(file);
  if (!identity.env || !identity.algorithm || !identity.profile || !identity.seed)
    throw UserError(fmt::format(
        "{}: not the configuration of a run: run.env, run.algorithm, run.profile, run.seed needed",
        label));
  config.env_id_ = *identity.env;
  config.env_ = credo::env_params(*identity.env);
  config.algorithm_ = *identity.algorithm;
  config.profile_ = *identity.profile;
  config.seed_ = *identity.seed;
  config.run_ = Params(suite::run_params());
  config.train_ = Params(credo::train_params());
  if (config.is_learning()) find_algorithm(config.algorithm_);
  config.apply(file);
  config.inputs_ = identity.inputs;
  try {
    for (const ParamSpec& spec : config.env_.specs())
      if (spec.is_path && !to_text(spec.value).empty() &&
          inputs_of(config.inputs_, std::string(kEnvPrefix) + spec.name).empty())
        throw UserError(fmt::format("{}: nothing is recorded of what env.{} held; run it again",
                                    label, spec.name));
    const fs::path folder = fs::path(label).parent_path();
    load_inputs(folder, config.inputs_, kEnvPrefix, config.env_);
    load_inputs(folder, config.inputs_, "", config.run_);
  } catch (const UserError& error) {
    config.input_problem_ = error.what();  // tables do not need them
  }
  return config;
}

void RunConfig::set(const Setting& setting) {
  const auto assign = [&](Params& params, std::string_view key) {
    if (setting.is_text) {
      params.set_text(key, std::get<std::string>(setting.value));
    } else {
      params.set(key, setting.value);
    }
  };
  try {
    if (const IdentityKey* identity = find_identity(setting.key))
      throw UserError(fmt::format("{} is not a setting; use {}", setting.key, identity->option));
    const std::string_view key = setting.key;
    if (key.starts_with(kEnvPrefix)) {
      assign(env_, key.substr(kEnvPrefix.size()));
    } else if (run_.has(key)) {
      assign(run_, key);
    } else if (train_.has(key)) {
      assign(train_, key);
    } else {
      throw UserError(unknown_name_message("key", key, all_keys()));
    }
  } catch (const UserError& error) {
    throw UserError(fmt::format("{}: {}", setting.where, error.what()));
  }
}

void RunConfig::apply(const std::vector<Setting>& settings) {
  for (const Setting& setting : settings) set(setting);
}

void RunConfig::apply(const Overlay& overlay) {
  apply(overlay.settings);
  for (const Overlay::Section& section : overlay.sections)
    if (section.condition.matches(env_id_, algorithm_)) apply(section.settings);
}

std::vector<std::string> RunConfig::all_keys() const {
  std::vector<std::string> keys;
  for (const ParamSpec& spec : train_.specs()) keys.push_back(spec.name);
  for (const ParamSpec& spec : run_.specs()) keys.push_back(spec.name);
  for (const ParamSpec& spec : env_.specs()) keys.push_back(std::string(kEnvPrefix) + spec.name);
  return keys;
}

std::int64_t RunConfig::open_loop_budget() const { return run_.integer(kOpenLoopBudgetKey); }

KeepRule RunConfig::keep_rule() const {
  return parse_keep_rule(run_.text(kKeepWeightsKey), train_.integer("run.t_max"));
}

TrainConfig RunConfig::train_config() const {
  TrainConfig config = make_train_config(train_);
  config.seed = seed_;
  return config;
}

bool RunConfig::is_recorded(std::string_view key) const {
  // More files influence nothing: without them the configuration is that of runs before there were
  // such files. Initial weights likewise.
  if (key == kTensorboardKey) return run_.boolean(key);
  if (key == kKeepWeightsKey && run_.text(key).empty()) return false;
  // Options that came later: with their defaults the configuration is that of runs before them.
  if (key == "agent.shared" && train_.boolean(key)) return false;
  if (key == "learner.n_step" && train_.integer(key) == 1) return false;
  if (key == kInitWeightsKey && inputs_of(inputs_, key).empty()) return false;
  return without_effect(key).empty();
}

std::string RunConfig::to_toml() const {
  struct Section {
    std::string name;
    std::string lines;
  };
  std::vector<Section> sections;
  const auto add = [&](const std::string& key, const std::string& value) {
    const std::size_t dot = key.find('.');
    const std::string name = key.substr(0, dot);
    auto at = std::find_if(sections.begin(), sections.end(),
                           [&](const Section& section) { return section.name == name; });
    if (at == sections.end()) at = sections.insert(at, {name, ""});
    at->lines += fmt::format("{} = {}\n", key.substr(dot + 1), value);
  };
  add("run.env", toml_string(env_id_));
  add("run.algorithm", toml_string(algorithm_));
  add("run.seed", fmt::format("{}", seed_));
  add("run.profile", toml_string(profile_));
  // A path stands for what was read there, wherever that was.
  const auto add_param = [&](const std::string& key, const ParamSpec& spec) {
    const bool is_used = spec.is_path && !inputs_of(inputs_, key).empty();
    add(key, !spec.is_path ? toml_value(spec.value)
                           : toml_string(is_used ? fmt::format("{}/{}", kInputsFolder, key) : ""));
  };
  for (const ParamSpec& spec : env_.specs()) add_param(std::string(kEnvPrefix) + spec.name, spec);
  for (const ParamSpec& spec : run_.specs())
    if (is_recorded(spec.name)) add_param(spec.name, spec);
  for (const ParamSpec& spec : train_.specs())
    if (is_recorded(spec.name)) add_param(spec.name, spec);
  for (const auto& [name, hash] : inputs_)
    add(std::string(kInputsPrefix) + toml_string(name), toml_string(hash));

  std::string text(kHeader);
  for (const Section& section : sections)
    text += fmt::format("\n[{}]\n{}", section.name, section.lines);
  return text;
}

std::string RunConfig::id() const { return sha256_hex(to_toml()); }

std::string RunConfig::settings_id() const {
  constexpr std::size_t kDigits = 16;
  RunConfig copy = *this;
  copy.seed_ = 0;
  return copy.id().substr(0, kDigits);
}

// A short name for what a path parameter stands for.
std::string RunConfig::contents_id(const std::string& key) const {
  constexpr std::size_t kDigits = 8;
  std::string all;
  for (const auto& [name, hash] : inputs_of(inputs_, key)) all += name + " " + hash + "\n";
  return sha256_hex(all).substr(0, kDigits);
}

std::string RunConfig::env_settings() const {
  return env_settings_text(env_id_, env_, [this](const ParamSpec& param) {
    return param.is_path ? contents_id(std::string(kEnvPrefix) + param.name) : to_text(param.value);
  });
}

std::string env_settings_text(const std::string& env_id, const Params& params,
                              const std::function<std::string(const ParamSpec&)>& shown) {
  const auto& now = params.specs();
  const auto defaults = env_defaults(env_id, params).specs();
  std::string text;
  for (std::size_t i = 0; i < now.size(); ++i)
    if (now[i].value != defaults[i].value)
      text += fmt::format("{}{}={}", text.empty() ? "" : " ", now[i].name, shown(now[i]));
  return text;
}

}  // namespace credo::suite
