#include "envs/core/registry.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <set>

namespace credo {

#define CREDO_ENV(name) EnvFamily name##_family();
#include "envs/env_list.def"
#undef CREDO_ENV

namespace {

std::string variant_id(const EnvFamily& family, const EnvVariant& variant) {
  return variant.name.empty() ? family.name : family.name + "/" + variant.name;
}

bool is_good_name(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

// Parameters of one variant: the family's table with the variant's defaults.
Params variant_params(const EnvFamily& family, const EnvVariant& variant) {
  Params params(family.params, "env.");
  for (const auto& [key, value] : variant.defaults) params.set_default(key, value);
  return params;
}

// The variant's own help, or the family's `describe`.
std::string help_of(const EnvFamily& family, const EnvVariant& variant, const Params& params) {
  return family.describe ? family.describe(params) : variant.help;
}

void check_family(const EnvFamily& family, std::set<std::string>& ids) {
  const std::string where = "environment family '" + family.name + "': ";
  CREDO_CHECK(is_good_name(family.name), where + "bad name");
  CREDO_CHECK(!family.help.empty(), where + "no help text");
  CREDO_CHECK(!family.variants.empty() || family.parse_variant, where + "no variants");
  CREDO_CHECK(static_cast<bool>(family.make), where + "no make function");
  for (const EnvVariant& variant : family.variants) {
    const std::string id = variant_id(family, variant);
    CREDO_CHECK(variant.name.empty() || is_good_name(variant.name), where + "bad id " + id);
    CREDO_CHECK(ids.insert(id).second, where + "id " + id + " is registered twice");
    const Params params = variant_params(family, variant);
    CREDO_CHECK(!help_of(family, variant, params).empty(), where + "no help text for " + id);
    CREDO_CHECK(params.has("limit") && params.has("limit_is_terminal"),
                where + "limit_params(...) are missing from its parameters");
  }
  CREDO_CHECK(static_cast<bool>(family.parse_variant) != family.variant_grammar.empty(),
              where + "parse_variant and variant_grammar go together");
}

std::vector<EnvFamily> collect_families() {
  std::vector<EnvFamily> families;
#define CREDO_ENV(name) families.push_back(name##_family());
#include "envs/env_list.def"
#undef CREDO_ENV
  std::set<std::string> ids;
  std::set<std::string> names;
  for (const EnvFamily& family : families) {
    CREDO_CHECK(names.insert(family.name).second,
                "environment family '" + family.name + "' is registered twice");
    check_family(family, ids);
  }
  return families;
}

struct Entry {
  const EnvFamily& family;
  EnvVariant variant;
};

std::optional<Entry> look_up(std::string_view id) {
  for (const EnvFamily& family : env_families()) {
    for (const EnvVariant& variant : family.variants)
      if (variant_id(family, variant) == id) return Entry{family, variant};
    if (!family.parse_variant || !id.starts_with(family.name + "/")) continue;
    if (auto variant = family.parse_variant(id.substr(family.name.size() + 1)))
      return Entry{family, *std::move(variant)};
  }
  return std::nullopt;
}

Entry find_entry(std::string_view id) {
  if (auto entry = look_up(id)) return *std::move(entry);
  std::string message = unknown_name_message("environment", id, list_envs());
  for (const EnvFamily& family : env_families())
    if (family.parse_variant && (id == family.name || id.starts_with(family.name + "/")))
      message += fmt::format("; ids of this family: {}/{}", family.name, family.variant_grammar);
  throw UserError(message);
}

void check_features(const std::string& where, const std::vector<Feature>& features, int dim) {
  CREDO_CHECK(features.size() == static_cast<std::size_t>(dim),
              fmt::format("{}: {} features for {} numbers", where, features.size(), dim));
  std::set<std::string> names;
  for (const Feature& feature : features) {
    CREDO_CHECK(names.insert(feature.name).second, where + ": two features '" + feature.name + "'");
    CREDO_CHECK(
        std::isfinite(feature.low) && std::isfinite(feature.high) && feature.low <= feature.high,
        where + ": bad range of feature '" + feature.name + "'");
  }
}

// Validates the spec, once at construction.
void check_spec(const EnvSpec& spec, const std::string& id) {
  const std::string where = "spec of '" + id + "'";
  CREDO_CHECK(spec.id == id, where + ": the id was changed to '" + spec.id + "'");
  CREDO_CHECK(spec.n_agents > 0 && spec.n_actions > 0 && spec.obs_dim > 0 && spec.state_dim > 0 &&
                  spec.episode_limit > 0,
              where + ": a dimension is not positive");
  CREDO_CHECK(spec.action_names.size() == static_cast<std::size_t>(spec.n_actions),
              where + ": action_names and n_actions differ");
  check_features(where + " obs", spec.obs_features, spec.obs_dim);
  check_features(where + " state", spec.state_features, spec.state_dim);
  CREDO_CHECK(std::isfinite(spec.reward_low) && std::isfinite(spec.reward_high) &&
                  spec.reward_low <= spec.reward_high,
              where + ": bad reward bounds");
  CREDO_CHECK(!spec.return_bound || std::isfinite(*spec.return_bound),
              where + ": bad return bound");
  CREDO_CHECK(!spec.random_return || std::isfinite(*spec.random_return),
              where + ": bad return of random play");
  CREDO_CHECK(!spec.best_return || std::isfinite(*spec.best_return), where + ": bad best return");
  CREDO_CHECK(!spec.noop_action || (*spec.noop_action >= 0 && *spec.noop_action < spec.n_actions),
              where + ": noop_action is not an action");
  CREDO_CHECK(!spec.idle_action || (*spec.idle_action >= 0 && *spec.idle_action < spec.n_actions),
              where + ": idle_action is not an action");
  for (const ParamSpec& param : spec.params)
    CREDO_CHECK(!param.is_path || to_text(param.value).empty() || spec.inputs.contains(param.name),
                where + ": no contents recorded for " + param.name);
  for (const ScriptedInfo& info : spec.scripted)
    CREDO_CHECK(!info.name.empty() && !info.help.empty(), where + ": a scripted policy lacks help");
}

std::vector<EnvFamily>& all_families() {
  static std::vector<EnvFamily> families = collect_families();
  return families;
}

}  // namespace

const std::vector<EnvFamily>& env_families() { return all_families(); }

void add_env_family(EnvFamily family) {
  for (const EnvFamily& other : env_families())
    CREDO_CHECK(other.name != family.name,
                "environment family '" + family.name + "' is registered twice");
  std::set<std::string> ids;
  check_family(family, ids);
  CREDO_CHECK(family.variants.empty(),
              "environment family '" + family.name + "' is added with variants of its own");
  all_families().push_back(std::move(family));
}

std::vector<std::string> list_envs() {
  std::vector<std::string> ids;
  for (const EnvFamily& family : env_families())
    for (const EnvVariant& variant : family.variants) ids.push_back(variant_id(family, variant));
  return ids;
}

bool is_env(std::string_view id) { return look_up(id).has_value(); }

Params env_params(std::string_view id) {
  const Entry entry = find_entry(id);
  return variant_params(entry.family, entry.variant);
}

Params env_defaults(std::string_view id, const Params& now) {
  Params defaults = env_params(id);
  Params beside = defaults;
  for (const ParamSpec& spec : defaults.specs())
    if (!spec.follow) beside.set(spec.name, now.value(spec.name));
  for (const ParamSpec& spec : defaults.specs())
    if (spec.follow) defaults.set_default(spec.name, beside.value(spec.name));
  return defaults;
}

std::unique_ptr<Env> make_env(std::string_view id, const Params& params) {
  const Entry entry = find_entry(id);
  EnvSpec spec;
  spec.id = std::string(id);
  spec.help = help_of(entry.family, entry.variant, params);
  spec.params = params.specs();
  spec.episode_limit = params.integer32("limit");
  spec.limit_is_terminal = params.boolean("limit_is_terminal");
  CREDO_CHECK(
      params.specs().size() == entry.family.params.size() &&
          std::equal(params.specs().begin(), params.specs().end(), entry.family.params.begin(),
                     [](const ParamSpec& a, const ParamSpec& b) { return a.name == b.name; }),
      "make_env: these are not the parameters of '" + spec.id + "'");
  std::unique_ptr<Env> env = entry.family.make(std::move(spec), params);
  CREDO_CHECK(env != nullptr, "make_env: '" + std::string(id) + "' made nothing");
  check_spec(env->spec(), std::string(id));
  return env;
}

std::unique_ptr<Env> make_env(std::string_view id) { return make_env(id, env_params(id)); }

}  // namespace credo
