#include "suite/common/toml_reader.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <toml++/toml.h>

#include "envs/core/error.hpp"
#include "suite/common/text.hpp"

namespace credo::suite {
namespace {

std::string place(const std::string& label, const toml::source_region& source) {
  return fmt::format("{}:{}", label, source.begin.line);
}

std::optional<ParamValue> scalar(const toml::node& node) {
  if (const auto* boolean = node.as_boolean()) return ParamValue(boolean->get());
  if (const auto* integer = node.as_integer()) return ParamValue(std::int64_t{integer->get()});
  if (const auto* real = node.as_floating_point()) return ParamValue(real->get());
  if (const auto* string = node.as_string()) return ParamValue(string->get());
  return std::nullopt;
}

void flatten(const toml::table& table, const std::string& prefix, TomlSettings& out) {
  for (const auto& [name, node] : table) {
    const std::string key = prefix + std::string(name.str());
    const std::string where = place(out.label, name.source());
    if (const toml::table* inner = node.as_table()) {
      flatten(*inner, key + ".", out);
    } else if (auto value = scalar(node)) {
      out.settings.push_back({key, std::move(*value), where});
    } else if (const toml::array* array = node.as_array()) {
      SettingList list{key, {}, where};
      for (const toml::node& item : *array) {
        auto element = scalar(item);
        if (!element)
          throw UserError(fmt::format(
              "{}: {}: a list may only hold booleans, integers, floats and strings", where, key));
        list.values.push_back(std::move(*element));
      }
      out.lists.push_back(std::move(list));
    } else {
      throw UserError(fmt::format(
          "{}: {}: allowed: a boolean, integer, float, string or list of these", where, key));
    }
  }
}

// Sorting by line restores the order of the file, which the parser's tables do not keep.
std::int64_t line_of(const std::string& where) {
  return parse_int(std::string_view(where).substr(where.rfind(':') + 1)).value_or(0);
}

}  // namespace

std::vector<std::string> SettingList::texts() const {
  std::vector<std::string> out;
  for (const ParamValue& value : values) {
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr)
      throw UserError(fmt::format("{}: {}: a list may only hold strings", where, key));
    out.push_back(*text);
  }
  return out;
}

TomlSettings read_toml(std::string_view text, const std::string& label) {
  // The parser has undefined behaviour on malformed UTF-8, so it never sees any.
  if (const auto bad = find_invalid_utf8(text)) {
    const auto line =
        1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(*bad), '\n');
    throw UserError(fmt::format("{}:{}: not valid UTF-8", label, line));
  }
  TomlSettings out;
  out.label = label;
  try {
    flatten(toml::parse(text), "", out);
  } catch (const toml::parse_error& error) {
    throw UserError(
        fmt::format("{}: {}", place(label, error.source()), one_line(error.description())));
  }
  const auto by_line = [](const auto& a, const auto& b) {
    return line_of(a.where) < line_of(b.where);
  };
  std::stable_sort(out.settings.begin(), out.settings.end(), by_line);
  std::stable_sort(out.lists.begin(), out.lists.end(), by_line);
  return out;
}

std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (code < 0x20 || code == 0x7F) {
      out += fmt::format("\\u{:04X}", code);
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string toml_value(const ParamValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return toml_string(*text);
  std::string out = to_text(value);
  // Without a point or exponent a float would read back as an integer.
  if (std::holds_alternative<double>(value) && out.find_first_of(".en") == std::string::npos)
    out += ".0";
  return out;
}

}  // namespace credo::suite
