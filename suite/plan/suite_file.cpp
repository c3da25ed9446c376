#include "suite/plan/suite_file.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fmt/format.h>

#include "envs/core/error.hpp"
#include "envs/core/registry.hpp"
#include "suite/common/builtin_files.hpp"
#include "suite/common/files.hpp"
#include "suite/common/text.hpp"

namespace credo::suite {
namespace {

constexpr std::string_view kSweep = "sweep.";
constexpr std::size_t kMostVariants = 10000;

// `check_name` throws a UserError for a name that is none.
template <typename Check>
std::vector<std::string> checked_names(const SettingList& list, std::string_view kind,
                                       const Check& check_name) {
  std::vector<std::string> names = list.texts();
  for (std::size_t i = 0; i < names.size(); ++i) {
    try {
      check_name(names[i]);
    } catch (const UserError& error) {
      throw UserError(fmt::format("{}: {}", list.where, error.what()));
    }
    for (std::size_t k = 0; k < i; ++k)
      if (names[k] == names[i])
        throw UserError(fmt::format("{}: {} '{}' appears twice", list.where, kind, names[i]));
  }
  return names;
}

std::vector<std::string> checked_algorithms(const SettingList& list) {
  return checked_names(list, "algorithm", [](const std::string& algorithm) {
    const auto known = algorithm_names();
    if (!is_fixed_policy(algorithm) &&
        std::find(known.begin(), known.end(), algorithm) == known.end())
      throw UserError(unknown_name_message("algorithm", algorithm, known));
  });
}

const std::string& text_of(const Setting& setting) {
  const auto* value = std::get_if<std::string>(&setting.value);
  if (value == nullptr)
    throw UserError(fmt::format("{}: {} = '{}': not of type string", setting.where, setting.key,
                                to_text(setting.value)));
  return *value;
}

SweepAxis make_axis(const Condition& condition, SettingList list) {
  SweepAxis axis;
  axis.condition = condition;
  axis.key = list.key.substr(kSweep.size());
  axis.values = std::move(list.values);
  axis.where = std::move(list.where);
  if (axis.values.empty())
    throw UserError(fmt::format("{}: {}: a sweep needs values", axis.where, axis.key));
  for (std::size_t i = 0; i < axis.values.size(); ++i)
    for (std::size_t k = 0; k < i; ++k)
      if (to_text(axis.values[i]) == to_text(axis.values[k]))
        throw UserError(fmt::format("{}: {}: value {} appears twice", axis.where, axis.key,
                                    to_text(axis.values[i])));
  return axis;
}

void set_seeds(SuiteSpec& spec, const Condition& condition, std::vector<std::uint64_t> seeds) {
  if (condition == Condition{}) {
    spec.seeds = std::move(seeds);
  } else {
    spec.seed_rules.push_back({condition, std::move(seeds)});
  }
}

void take_list(SuiteSpec& spec, SettingList list) {
  const Condition condition = take_condition(list.key, list.where);
  const bool is_general = condition == Condition{};
  if (list.key.starts_with(kSweep)) {
    spec.sweeps.push_back(make_axis(condition, std::move(list)));
  } else if (list.key == "seeds") {
    std::vector<std::string> items;
    for (const ParamValue& value : list.values) items.push_back(to_text(value));
    set_seeds(spec, condition, parse_seed_list(list.where + ": seeds", joined(items, ",")));
  } else if (list.key == "algs" && !condition.of_algorithm) {
    auto names = checked_algorithms(list);
    if (is_general) {
      spec.algorithms = std::move(names);
    } else {
      spec.algorithm_rules.push_back({condition, std::move(names)});
    }
  } else if (list.key == "envs" && is_general) {
    spec.envs = checked_names(list, "environment", [](const std::string& id) { env_params(id); });
  } else {
    const std::vector<std::string> allowed =
        is_general               ? std::vector<std::string>{"envs", "algs", "seeds", "sweep.KEY"}
        : condition.of_algorithm ? std::vector<std::string>{"seeds", "sweep.KEY"}
                                 : std::vector<std::string>{"algs", "seeds", "sweep.KEY"};
    throw UserError(
        fmt::format("{}: {}", list.where, unknown_name_message("list", list.key, allowed)));
  }
}

// Task and algorithm names are parts of paths and of CSV lines.
std::string name_part(const ParamValue& value) {
  std::string text = to_text(value);
  for (char& c : text)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '.' && c != '-' && c != '+')
      c = '_';
  return text;
}

std::string short_key(const std::string& key, const std::vector<const SweepAxis*>& axes) {
  const auto last = [](const std::string& whole) { return whole.substr(whole.rfind('.') + 1); };
  const auto same = std::count_if(axes.begin(), axes.end(), [&](const SweepAxis* axis) {
    return last(axis->key) == last(key);
  });
  return same > 1 ? key : last(key);
}

std::vector<Variant> cross_product(const std::vector<const SweepAxis*>& axes) {
  std::vector<Variant> variants(1);
  for (const SweepAxis* axis : axes) {
    for (const SweepAxis* other : axes)
      if (other != axis && other->key == axis->key)
        throw UserError(fmt::format("{}: {} is swept twice", axis->where, axis->key));
    std::vector<Variant> longer;
    for (const Variant& variant : variants) {
      for (const ParamValue& value : axis->values) {
        longer.push_back(variant);
        longer.back().names.push_back(
            fmt::format("{}={}", short_key(axis->key, axes), name_part(value)));
        longer.back().settings.push_back({axis->key, value, axis->where});
      }
    }
    variants = std::move(longer);
    if (variants.size() > kMostVariants)
      throw UserError(
          fmt::format("{}: the sweeps make more than {} variants", axis->where, kMostVariants));
  }
  for (std::size_t i = 0; i < variants.size(); ++i)
    for (std::size_t k = 0; k < i; ++k)
      if (variants[i].names == variants[k].names)
        throw UserError(fmt::format("{}: two values give the same name '{}'", axes.back()->where,
                                    variants[i].suffix()));
  return variants;
}

}  // namespace

std::string Variant::suffix() const {
  std::string text;
  for (const std::string& name : names) text += "@" + name;
  return text;
}

const std::vector<std::string>& SuiteSpec::algorithms_for(const std::string& env) const {
  const std::vector<std::string>* found = &algorithms;
  for (const AlgorithmRule& rule : algorithm_rules)
    if (glob_match(rule.condition.env, env)) found = &rule.algorithms;
  return *found;
}

const std::vector<std::uint64_t>& SuiteSpec::seeds_for(const std::string& env,
                                                       const std::string& algorithm) const {
  const std::vector<std::uint64_t>* found = &seeds;
  for (const SeedRule& rule : seed_rules)
    if (rule.condition.matches(env, algorithm)) found = &rule.seeds;
  return *found;
}

std::size_t SuiteSpec::n_cells() const {
  std::size_t n = 0;
  for (const std::string& env : envs) {
    std::size_t of_task = 0;
    for (const std::string& algorithm : algorithms_for(env))
      of_task +=
          algorithm_variants(*this, env, algorithm).size() * seeds_for(env, algorithm).size();
    n += task_variants(*this, env).size() * of_task;
  }
  return n;
}

SuiteSpec parse_suite(std::string_view text, const std::string& label, const std::string& name) {
  TomlSettings file = read_toml(text, label);
  SuiteSpec spec;
  spec.name = name;
  spec.profile = "pymarl";
  spec.seeds = {0, 1, 2};
  for (SettingList& list : file.lists) take_list(spec, std::move(list));
  file.lists.clear();
  std::vector<Setting> rest;
  std::vector<Setting> bounds;
  for (Setting& setting : file.settings) {
    if (is_bounds_key(setting.key)) {
      bounds.push_back(std::move(setting));
      continue;
    }
    if (setting.key == "profile") {
      spec.profile = text_of(setting);
      continue;
    }
    std::string key = setting.key;
    const Condition condition = take_condition(key, setting.where);
    if (key.starts_with(kSweep))
      throw UserError(fmt::format("{}: {}: a sweep needs a list of values", setting.where, key));
    if (is_credits_key(key)) {
      setting.key = key;
      spec.credits.push_back(make_credits_rule(condition, std::move(setting)));
      continue;
    }
    if (key != "seeds") {
      rest.push_back(std::move(setting));
      continue;
    }
    if (std::holds_alternative<std::int64_t>(setting.value))
      throw UserError(fmt::format("{}: seeds = {}: write [{}], or \"0-4\" for a range",
                                  setting.where, to_text(setting.value), to_text(setting.value)));
    set_seeds(spec, condition, parse_seed_list(setting.where + ": seeds", text_of(setting)));
  }
  file.settings = std::move(rest);
  spec.overlay = make_overlay(std::move(file));
  spec.help = spec.overlay.help;
  if (spec.envs.empty() || spec.algorithms.empty())
    throw UserError(fmt::format("{}: a suite needs the lists envs and algs", label));
  spec.bounds = given_bounds(bounds);
  for (const GivenBounds& given : spec.bounds)
    if (std::find(spec.envs.begin(), spec.envs.end(), given.env) == spec.envs.end())
      throw UserError(
          fmt::format("{}: {}", given.where,
                      unknown_name_message("environment of this suite", given.env, spec.envs)));
  return spec;
}

SuiteSpec load_suite(const std::string& name_or_path) {
  if (name_or_path.find('/') != std::string::npos || name_or_path.ends_with(".toml")) {
    const std::string text =
        as_user_error([&] { return read_text(name_or_path, kLargestDocument); });
    return parse_suite(text, name_or_path, std::filesystem::path(name_or_path).stem().string());
  }
  if (const BuiltinFile* file = find_builtin("suites", name_or_path))
    return parse_suite(file->text, file->label, file->name);
  throw UserError(unknown_name_message("suite", name_or_path, builtin_names("suites")));
}

std::vector<Variant> task_variants(const SuiteSpec& spec, const std::string& env) {
  std::vector<const SweepAxis*> axes;
  for (const SweepAxis& axis : spec.sweeps)
    if (!axis.condition.of_algorithm && glob_match(axis.condition.env, env)) axes.push_back(&axis);
  return cross_product(axes);
}

std::vector<Variant> algorithm_variants(const SuiteSpec& spec, const std::string& env,
                                        const std::string& algorithm) {
  std::vector<const SweepAxis*> axes;
  for (const SweepAxis& axis : spec.sweeps)
    if (axis.condition.of_algorithm && axis.condition.matches(env, algorithm))
      axes.push_back(&axis);
  return cross_product(axes);
}

}  // namespace credo::suite
