#include "suite/plan/bounds.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>

#include "envs/core/error.hpp"
#include "envs/core/registry.hpp"
#include "suite/common/builtin_files.hpp"
#include "suite/common/toml_reader.hpp"
#include "suite/run/config.hpp"

namespace credo::suite {
namespace {

constexpr std::string_view kPrefix = "bounds.";
const std::vector<std::string> kKeys = {"random", "random_source", "best", "best_source"};

double number_of(const Setting& setting) {
  if (const auto* real = std::get_if<double>(&setting.value); real != nullptr)
    if (std::isfinite(*real)) return *real;
  if (const auto* integer = std::get_if<std::int64_t>(&setting.value))
    return static_cast<double>(*integer);
  throw UserError(fmt::format("{}: {}: not a number", setting.where, setting.key));
}

std::string text_of(const Setting& setting) {
  if (const auto* text = std::get_if<std::string>(&setting.value)) return *text;
  throw UserError(fmt::format("{}: {}: not a string", setting.where, setting.key));
}

/// One section: "ENV" or "ENV SETTINGS", e.g. ["predator_prey/5x5 limit=25"].
struct Section {
  std::string name;
  GivenBounds given;
  std::map<std::string, std::string> where;  // of each key
};

std::vector<Section> read_sections(const std::vector<Setting>& settings, std::string_view prefix) {
  std::vector<Section> sections;
  for (const Setting& setting : settings) {
    const std::string whole = setting.key.substr(prefix.size());
    const std::size_t dot = whole.rfind('.');
    const std::string name = dot == std::string::npos ? "" : whole.substr(0, dot);
    const std::string key = whole.substr(dot == std::string::npos ? 0 : dot + 1);
    if (std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end())
      throw UserError(
          fmt::format("{}: {}", setting.where, unknown_name_message("key", key, kKeys)));
    if (name.empty())
      throw UserError(fmt::format("{}: {}: write it into a section [{}\"ENVIRONMENT\"]",
                                  setting.where, setting.key, prefix));
    auto at = std::find_if(sections.begin(), sections.end(),
                           [&](const Section& section) { return section.name == name; });
    if (at == sections.end()) at = sections.insert(at, {name, {}, {}});
    GivenBounds& given = at->given;
    const std::size_t space = std::min(name.find(' '), name.size());
    given.env = name.substr(0, space);
    given.env_settings = space == name.size() ? "" : name.substr(space + 1);
    if (given.where.empty()) given.where = setting.where;
    at->where[key] = setting.where;
    if (key == "random") given.random = number_of(setting);
    if (key == "best") given.best = number_of(setting);
    if (key == "random_source") given.random_source = text_of(setting);
    if (key == "best_source") given.best_source = text_of(setting);
  }
  for (const Section& section : sections)
    if (section.given.random && section.given.best && *section.given.best <= *section.given.random)
      throw UserError(
          fmt::format("{}: best must be greater than random", section.where.at("best")));
  return sections;
}

// As RunConfig::env_settings writes them.
std::string canonical_settings(const std::string& env, const std::string& env_settings) {
  RunRequest request;
  request.env = env;
  request.algorithm = "random";
  for (const auto& [name, value] : parts_of_settings(env_settings))
    request.sets.push_back(fmt::format("env.{}={}", name, value));
  return RunConfig::resolve(request).env_settings();
}

// Environments that are known here get their settings in canonical form.
std::vector<GivenBounds> checked(const std::vector<Section>& sections) {
  std::vector<GivenBounds> all;
  for (const Section& section : sections) {
    GivenBounds given = section.given;
    if (!given.random && !given.best)
      throw UserError(
          fmt::format("{}: [\"{}\"]: give random, best or both", given.where, section.name));
    if (is_env(given.env)) {
      try {
        given.env_settings = canonical_settings(given.env, given.env_settings);
      } catch (const UserError& error) {
        throw UserError(fmt::format("{}: [\"{}\"]: {}", given.where, section.name, error.what()));
      }
    }
    join_given_bounds(all, {given});
  }
  return all;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> parts_of_settings(
    const std::string& env_settings) {
  std::vector<std::pair<std::string, std::string>> parts;
  for (std::size_t begin = 0; begin < env_settings.size();) {
    const std::size_t equals = env_settings.find('=', begin);
    if (equals == std::string::npos)
      throw UserError(fmt::format("'{}': expected NAME=VALUE", env_settings.substr(begin)));
    const std::size_t next = env_settings.find('=', equals + 1);
    const std::size_t end =
        next == std::string::npos ? env_settings.size() : env_settings.rfind(' ', next);
    if (end == std::string::npos || end <= equals)
      throw UserError(fmt::format("'{}': expected NAME=VALUE", env_settings.substr(begin)));
    parts.emplace_back(env_settings.substr(begin, equals - begin),
                       env_settings.substr(equals + 1, end - equals - 1));
    begin = end + 1;
  }
  return parts;
}

std::vector<Bounds> parse_bounds(std::string_view text, const std::string& label) {
  std::vector<Bounds> all;
  for (const Section& section : read_sections(read_toml(text, label).settings, "")) {
    const GivenBounds& given = section.given;
    for (const std::string& key : kKeys)
      if (section.where.count(key) == 0)
        throw UserError(fmt::format("{}: [\"{}\"]: {} is missing", label, section.name, key));
    if (!is_env(given.env))
      throw UserError(
          fmt::format("{}: unknown environment '{}'", section.where.at("random"), given.env));
    all.push_back({given.env, given.env_settings, *given.random, *given.best, given.random_source,
                   given.best_source});
  }
  return all;
}

const std::vector<Bounds>& published_bounds() {
  static const std::vector<Bounds> kAll = [] {
    const BuiltinFile* file = find_builtin("bounds", "bounds");
    CREDO_CHECK(file != nullptr, "the table of bounds is part of the program");
    return parse_bounds(file->text, file->label);
  }();
  return kAll;
}

const Bounds* find_bounds(const std::string& env, const std::string& env_settings) {
  for (const Bounds& bounds : published_bounds())
    if (bounds.env == env && bounds.env_settings == env_settings) return &bounds;
  return nullptr;
}

bool is_bounds_key(std::string_view key) { return key.starts_with(kPrefix); }

std::vector<GivenBounds> given_bounds(const std::vector<Setting>& settings) {
  return checked(read_sections(settings, kPrefix));
}

std::vector<GivenBounds> parse_given_bounds(std::string_view text, const std::string& label) {
  const TomlSettings file = read_toml(text, label);
  for (const SettingList& list : file.lists)
    throw UserError(fmt::format("{}: {}: a list is not allowed here", list.where, list.key));
  return checked(read_sections(file.settings, ""));
}

std::string given_bounds_toml(const std::vector<GivenBounds>& all) {
  std::string text = "# Bounds these tables are normalised by, before any published ones.\n";
  for (const GivenBounds& given : all) {
    text += fmt::format(
        "\n[{}]\n",
        toml_string(given.env_settings.empty() ? given.env : given.env + " " + given.env_settings));
    if (given.random) text += fmt::format("random = {}\n", toml_value(*given.random));
    if (!given.random_source.empty())
      text += fmt::format("random_source = {}\n", toml_string(given.random_source));
    if (given.best) text += fmt::format("best = {}\n", toml_value(*given.best));
    if (!given.best_source.empty())
      text += fmt::format("best_source = {}\n", toml_string(given.best_source));
  }
  return text;
}

void join_given_bounds(std::vector<GivenBounds>& all, const std::vector<GivenBounds>& added) {
  for (const GivenBounds& given : added) {
    const auto same = std::find_if(all.begin(), all.end(), [&](const GivenBounds& other) {
      return other.env == given.env && other.env_settings == given.env_settings;
    });
    if (same == all.end()) {
      all.push_back(given);
    } else if (same->random != given.random || same->best != given.best) {
      throw UserError(fmt::format("{} and {} give different bounds for {}{}{}", same->where,
                                  given.where, given.env, given.env_settings.empty() ? "" : " ",
                                  given.env_settings));
    }
  }
}

}  // namespace credo::suite
