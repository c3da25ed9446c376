#include "suite/results/bounds.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <map>

#include "envs/core/error.hpp"
#include "envs/core/registry.hpp"
#include "suite/common/builtin_files.hpp"
#include "suite/common/toml_reader.hpp"

namespace credo::suite {
namespace {

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

}  // namespace

// Sections are named "ENV" or "ENV SETTINGS", e.g. ["predator_prey/5x5 limit=25"].
std::vector<Bounds> parse_bounds(std::string_view text, const std::string& label) {
  const TomlSettings file = read_toml(text, label);
  struct Entry {
    Bounds bounds;
    std::map<std::string, std::string> where;
  };
  std::vector<std::pair<std::string, Entry>> entries;
  const std::vector<std::string> keys = {"random", "random_source", "best", "best_source"};
  for (const Setting& setting : file.settings) {
    const std::size_t dot = setting.key.rfind('.');
    const std::string section = dot == std::string::npos ? "" : setting.key.substr(0, dot);
    const std::string key = setting.key.substr(dot == std::string::npos ? 0 : dot + 1);
    if (std::find(keys.begin(), keys.end(), key) == keys.end())
      throw UserError(fmt::format("{}: {}", setting.where, unknown_name_message("key", key, keys)));
    auto at = std::find_if(entries.begin(), entries.end(),
                           [&](const auto& entry) { return entry.first == section; });
    if (at == entries.end()) at = entries.insert(at, {section, {}});
    Bounds& bounds = at->second.bounds;
    const std::size_t space = std::min(section.find(' '), section.size());
    bounds.env = section.substr(0, space);
    bounds.env_settings = space == section.size() ? "" : section.substr(space + 1);
    at->second.where[key] = setting.where;
    if (key == "random") bounds.random = number_of(setting);
    if (key == "best") bounds.best = number_of(setting);
    if (key == "random_source") bounds.random_source = text_of(setting);
    if (key == "best_source") bounds.best_source = text_of(setting);
  }
  std::vector<Bounds> all;
  for (const auto& [section, entry] : entries) {
    for (const std::string& key : keys)
      if (entry.where.count(key) == 0)
        throw UserError(fmt::format("{}: [\"{}\"]: {} is missing", label, section, key));
    if (!is_env(entry.bounds.env))
      throw UserError(
          fmt::format("{}: unknown environment '{}'", entry.where.at("random"), entry.bounds.env));
    if (entry.bounds.best <= entry.bounds.random)
      throw UserError(fmt::format("{}: best must be greater than random", entry.where.at("best")));
    all.push_back(entry.bounds);
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

}  // namespace credo::suite
