#include "envs/core/params.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <optional>
#include <utility>

#include "envs/core/error.hpp"
#include "envs/core/numbers.hpp"
#include "envs/core/parse_number.hpp"

namespace credo {
namespace {

std::string quoted(const ParamValue& value) { return fmt::format("'{}'", to_text(value)); }

std::optional<double> parse_real(std::string_view text) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  return parse_number<double>(text);
}

std::optional<ParamValue> parse(const ParamSpec& spec, std::string_view text) {
  if (std::holds_alternative<bool>(spec.value)) {
    if (text == "true") return true;
    if (text == "false") return false;
    return std::nullopt;
  }
  if (std::holds_alternative<std::int64_t>(spec.value)) {
    if (const auto number = parse_integer(text)) return *number;
    return std::nullopt;
  }
  if (std::holds_alternative<double>(spec.value)) {
    if (const auto number = parse_real(text)) return *number;
    return std::nullopt;
  }
  return std::string(text);
}

// Why `value` (already of the declared type) is not allowed, or "".
std::string complaint(const ParamSpec& spec, const ParamValue& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    const auto as_real = static_cast<double>(*number);
    return as_real >= spec.low && as_real <= spec.high ? "" : "out of range";
  }
  if (const auto* number = std::get_if<double>(&value)) {
    if (!std::isfinite(*number)) return "not a finite number";
    return *number >= spec.low && *number <= spec.high ? "" : "out of range";
  }
  if (const auto* text = std::get_if<std::string>(&value)) {
    if (spec.choices.empty()) return "";
    for (const std::string& choice : spec.choices)
      if (choice == *text) return "";
    const std::string nearest = nearest_match(*text, spec.choices);
    return nearest.empty() ? "not a known choice" : "did you mean '" + nearest + "'?";
  }
  return "";
}

[[noreturn]] void reject(const ParamSpec& spec, const std::string& prefix, const std::string& shown,
                         const std::string& why) {
  throw UserError(fmt::format("{}{} = {}: {}; allowed: {} {}", prefix, spec.name, shown, why,
                              spec.type_name(), spec.range_text()));
}

}  // namespace

ParamSpec ParamSpec::boolean(std::string name, bool value, std::string help) {
  ParamSpec spec;
  spec.name = std::move(name);
  spec.value = value;
  spec.help = std::move(help);
  return spec;
}

ParamSpec ParamSpec::integer(std::string name, std::int64_t value, std::int64_t low,
                             std::int64_t high, std::string help) {
  ParamSpec spec;
  spec.name = std::move(name);
  spec.value = value;
  spec.low = static_cast<double>(low);
  spec.high = static_cast<double>(high);
  spec.help = std::move(help);
  return spec;
}

ParamSpec ParamSpec::real(std::string name, double value, double low, double high,
                          std::string help) {
  ParamSpec spec;
  spec.name = std::move(name);
  spec.value = value;
  spec.low = low;
  spec.high = high;
  spec.help = std::move(help);
  return spec;
}

ParamSpec ParamSpec::choice(std::string name, std::string value, std::vector<std::string> choices,
                            std::string help) {
  ParamSpec spec;
  spec.name = std::move(name);
  spec.value = std::move(value);
  spec.choices = std::move(choices);
  spec.help = std::move(help);
  return spec;
}

ParamSpec ParamSpec::text(std::string name, std::string value, std::string help) {
  return choice(std::move(name), std::move(value), {}, std::move(help));
}

ParamSpec ParamSpec::path(std::string name, std::string help) {
  ParamSpec spec = text(std::move(name), "", std::move(help));
  spec.is_path = true;
  return spec;
}

ParamSpec ParamSpec::when(std::vector<Requirement> requirements) && {
  matters_when.push_back(std::move(requirements));
  return std::move(*this);
}

std::string ParamSpec::type_name() const {
  if (std::holds_alternative<bool>(value)) return "bool";
  if (std::holds_alternative<std::int64_t>(value)) return "int";
  if (std::holds_alternative<double>(value)) return "float";
  return "string";
}

std::string ParamSpec::range_text() const {
  if (std::holds_alternative<bool>(value)) return "true | false";
  if (std::holds_alternative<std::int64_t>(value))
    return fmt::format("[{}, {}]", static_cast<std::int64_t>(low), static_cast<std::int64_t>(high));
  if (std::holds_alternative<double>(value)) return fmt::format("[{}, {}]", low, high);
  if (choices.empty()) return is_path ? "a path" : "any text";
  std::string text;
  for (const std::string& choice : choices) text += (text.empty() ? "" : " | ") + choice;
  return text;
}

std::string to_text(const ParamValue& value) {
  if (const auto* boolean = std::get_if<bool>(&value)) return *boolean ? "true" : "false";
  if (const auto* number = std::get_if<std::int64_t>(&value)) return fmt::format("{}", *number);
  if (const auto* number = std::get_if<double>(&value)) return fmt::format("{}", *number);
  return std::get<std::string>(value);
}

Params::Params(std::vector<ParamSpec> specs, std::string prefix)
    : specs_(std::move(specs)), prefix_(std::move(prefix)) {
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    const ParamSpec& spec = specs_[i];
    CREDO_CHECK(!spec.name.empty(), "a parameter has no name");
    CREDO_CHECK(!spec.help.empty(), "parameter '" + spec.name + "' has no help text");
    CREDO_CHECK(complaint(spec, spec.value).empty(),
                "parameter '" + spec.name + "' has a default outside its range");
    for (std::size_t other = 0; other < i; ++other)
      CREDO_CHECK(specs_[other].name != spec.name,
                  "parameter '" + spec.name + "' is declared twice");
    defaults_.push_back(spec.value);
  }
  for (const ParamSpec& spec : specs_)
    for (const auto& requirements : spec.matters_when)
      for (const Requirement& requirement : requirements)
        CREDO_CHECK(
            has(requirement.key) &&
                (requirement.differs_from.empty() || has(requirement.differs_from) ||
                 std::isdigit(static_cast<unsigned char>(requirement.differs_from[0])) != 0),
            "parameter '" + spec.name + "' depends on one that is not there");
}

void Params::set(std::string_view key, const ParamValue& value) {
  ParamSpec& spec = find(key);
  assign(spec, value);
  spec.follow = nullptr;
  follow_changes_of(spec.name);
}

void Params::set_default(std::string_view key, const ParamValue& value) {
  ParamSpec& spec = find(key);
  assign(spec, value);
  follow_changes_of(spec.name);
}

void Params::assign(ParamSpec& spec, const ParamValue& value) {
  ParamValue converted = value;
  if (std::holds_alternative<double>(spec.value)) {
    if (const auto* number = std::get_if<std::int64_t>(&value))
      converted = static_cast<double>(*number);
  } else if (std::holds_alternative<std::int64_t>(spec.value)) {
    // 1e5 is a float in TOML.
    if (const auto* number = std::get_if<double>(&value))
      if (const auto whole = whole_number(*number)) converted = *whole;
  }
  if (converted.index() != spec.value.index())
    reject(spec, prefix_, quoted(value), "not of type " + spec.type_name());
  if (const std::string why = complaint(spec, converted); !why.empty())
    reject(spec, prefix_, quoted(value), why);
  spec.value = std::move(converted);
  if (spec.is_path) held_.erase(spec.name);
}

void Params::set_text(std::string_view key, std::string_view text) {
  ParamSpec& spec = find(key);
  std::optional<ParamValue> value = parse(spec, text);
  const std::string shown = fmt::format("'{}'", text);
  if (!value) reject(spec, prefix_, shown, "not of type " + spec.type_name());
  if (const std::string why = complaint(spec, *value); !why.empty())
    reject(spec, prefix_, shown, why);
  spec.value = std::move(*value);
  if (spec.is_path) held_.erase(spec.name);
  spec.follow = nullptr;
  follow_changes_of(spec.name);
}

void Params::follow_changes_of(const std::string& name) {
  for (ParamSpec& spec : specs_) {
    if (!spec.follow ||
        std::find(spec.follows.begin(), spec.follows.end(), name) == spec.follows.end())
      continue;
    const std::optional<ParamValue> value = spec.follow(*this);
    if (!value || *value == spec.value) continue;
    CREDO_CHECK(value->index() == spec.value.index() && complaint(spec, *value).empty(),
                "parameter '" + spec.name + "' follows to a value outside its range");
    spec.value = *value;
    follow_changes_of(spec.name);
  }
}

bool Params::has(std::string_view key) const {
  for (const ParamSpec& spec : specs_)
    if (spec.name == key) return true;
  return false;
}

bool Params::boolean(std::string_view key) const {
  const ParamValue& held = value(key);
  CREDO_CHECK(std::holds_alternative<bool>(held), "parameter is not a bool: " + std::string(key));
  return std::get<bool>(held);
}

std::int64_t Params::integer(std::string_view key) const {
  const ParamValue& held = value(key);
  CREDO_CHECK(std::holds_alternative<std::int64_t>(held),
              "parameter is not an int: " + std::string(key));
  return std::get<std::int64_t>(held);
}

int Params::integer32(std::string_view key) const {
  const std::int64_t wide = integer(key);
  CREDO_CHECK(wide >= std::numeric_limits<int>::min() && wide <= std::numeric_limits<int>::max(),
              "parameter does not fit in 32 bits: " + std::string(key));
  return static_cast<int>(wide);
}

double Params::real(std::string_view key) const {
  const ParamValue& held = value(key);
  CREDO_CHECK(std::holds_alternative<double>(held),
              "parameter is not a float: " + std::string(key));
  return std::get<double>(held);
}

const std::string& Params::text(std::string_view key) const {
  const ParamValue& held = value(key);
  CREDO_CHECK(std::holds_alternative<std::string>(held),
              "parameter is not a string: " + std::string(key));
  return std::get<std::string>(held);
}

const ParamValue& Params::value(std::string_view key) const { return find(key).value; }

FileSource Params::source(std::string_view key) const {
  const std::string& path = text(key);
  const auto found = held_.find(key);
  return found == held_.end() ? FileSource(path) : FileSource(path, found->second);
}

void Params::hold(std::string_view key, FileContents contents) {
  CREDO_CHECK(find(key).is_path, "parameter names no file: " + std::string(key));
  held_.insert_or_assign(std::string(key),
                         std::make_shared<const FileContents>(std::move(contents)));
}

const FileContents* Params::held(std::string_view key) const {
  const auto found = held_.find(key);
  return found == held_.end() ? nullptr : found->second.get();
}

const ParamValue& Params::value_in_force(std::string_view key) const {
  const ParamSpec& spec = find(key);
  return has_effect(key) ? spec.value : defaults_[static_cast<std::size_t>(&spec - specs_.data())];
}

bool Params::holds(const Requirement& requirement) const {
  const ParamValue& now = value_in_force(requirement.key);
  if (requirement.values.empty())
    return has(requirement.differs_from) ? now != value_in_force(requirement.differs_from)
                                         : to_text(now) != requirement.differs_from;
  return std::find(requirement.values.begin(), requirement.values.end(), to_text(now)) !=
         requirement.values.end();
}

std::string Params::needs(std::string_view key) const {
  std::string all;
  for (const auto& requirements : find(key).matters_when) {
    std::string missing;
    for (const Requirement& requirement : requirements) {
      if (holds(requirement)) continue;
      if (!missing.empty()) missing += " and ";
      if (requirement.values.empty() && !has(requirement.differs_from)) {
        missing +=
            fmt::format("{}{} other than {}", prefix_, requirement.key, requirement.differs_from);
        const std::string deeper = needs(requirement.key);
        if (!deeper.empty()) missing += ", which needs " + deeper;
        continue;
      }
      if (requirement.values.empty()) {
        missing +=
            fmt::format("{}{} other than {}{} (both are {})", prefix_, requirement.key, prefix_,
                        requirement.differs_from, to_text(value_in_force(requirement.key)));
        continue;
      }
      missing += fmt::format("{}{} = ", prefix_, requirement.key);
      for (std::size_t i = 0; i < requirement.values.size(); ++i)
        missing += (i == 0                               ? ""
                    : i + 1 == requirement.values.size() ? " or "
                                                         : ", ") +
                   requirement.values[i];
      const std::string deeper = needs(requirement.key);
      missing += deeper.empty()
                     ? fmt::format(" (it is {})", to_text(value_in_force(requirement.key)))
                     : ", which needs " + deeper;
    }
    if (missing.empty()) return "";
    all += (all.empty() ? "" : ", or ") + missing;
  }
  return all;
}

Params Params::in_force() const {
  Params result = *this;
  for (std::size_t i = 0; i < specs_.size(); ++i)
    if (!has_effect(specs_[i].name)) result.specs_[i].value = defaults_[i];
  return result;
}

ParamSpec& Params::find(std::string_view key) {
  return const_cast<ParamSpec&>(std::as_const(*this).find(key));
}

const ParamSpec& Params::find(std::string_view key) const {
  for (const ParamSpec& spec : specs_)
    if (spec.name == key) return spec;
  std::vector<std::string> names;
  names.reserve(specs_.size());
  for (const ParamSpec& spec : specs_) names.push_back(prefix_ + spec.name);
  throw UserError(unknown_name_message("parameter", prefix_ + std::string(key), names));
}

}  // namespace credo
