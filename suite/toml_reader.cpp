#include "suite/toml_reader.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <toml++/toml.h>

#include "envs/core/error.hpp"
#include "suite/text.hpp"

namespace credo::suite {
namespace {

std::string place(const std::string& label, const toml::source_region& source) {
  return fmt::format("{}:{}", label, source.begin.line);
}

void flatten(const toml::table& table, const std::string& prefix, TomlSettings& out) {
  for (const auto& [name, node] : table) {
    const std::string key = prefix + std::string(name.str());
    const std::string where = place(out.label, name.source());
    if (const toml::table* inner = node.as_table()) {
      flatten(*inner, key + ".", out);
    } else if (const auto* boolean = node.as_boolean()) {
      out.settings.push_back({key, boolean->get(), where});
    } else if (const auto* integer = node.as_integer()) {
      out.settings.push_back({key, std::int64_t{integer->get()}, where});
    } else if (const auto* real = node.as_floating_point()) {
      out.settings.push_back({key, real->get(), where});
    } else if (const auto* string = node.as_string()) {
      out.settings.push_back({key, string->get(), where});
    } else if (const toml::array* array = node.as_array()) {
      SettingList list{key, {}, where};
      for (const toml::node& item : *array) {
        const auto* text = item.as_string();
        if (text == nullptr)
          throw UserError(fmt::format("{}: {}: a list may only hold strings", where, key));
        list.values.push_back(text->get());
      }
      out.lists.push_back(std::move(list));
    } else {
      throw UserError(fmt::format(
          "{}: {}: allowed: a boolean, integer, float, string or list of strings", where, key));
    }
  }
}

// Sorting by line restores the order of the file, which the parser's tables do not keep.
std::int64_t line_of(const std::string& where) {
  return parse_int(std::string_view(where).substr(where.rfind(':') + 1)).value_or(0);
}

}  // namespace

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
  std::stable_sort(
      out.settings.begin(), out.settings.end(),
      [](const Setting& a, const Setting& b) { return line_of(a.where) < line_of(b.where); });
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
