#include "envs/skirmish/toml_reader.hpp"

#include <algorithm>
#include <cstddef>
#include <fmt/format.h>

#include "envs/core/error.hpp"

namespace credo::skirmish {
namespace {

// Length of the well-formed UTF-8 sequence at `at`, 0 when there is none (Unicode, table 3-7).
std::size_t utf8_length(const std::string& text, std::size_t at) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
  };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned lead = byte(0);
  if (lead < 0x80U) return 1;
  if (lead >= 0xC2U && lead <= 0xDFU) return follows(1) ? 2 : 0;
  if (lead >= 0xE0U && lead <= 0xEFU) {
    if (!follows(1) || !follows(2)) return 0;
    if (lead == 0xE0U && byte(1) < 0xA0U) return 0;
    if (lead == 0xEDU && byte(1) > 0x9FU) return 0;
    return 3;
  }
  if (lead >= 0xF0U && lead <= 0xF4U) {
    if (!follows(1) || !follows(2) || !follows(3)) return 0;
    if (lead == 0xF0U && byte(1) < 0x90U) return 0;
    if (lead == 0xF4U && byte(1) > 0x8FU) return 0;
    return 4;
  }
  return 0;
}

// toml++ 3.3 is undefined on malformed UTF-8 and on control characters it does not expect.
void check_text(const std::string& text, const std::string& file) {
  std::size_t line = 1;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text, i);
    if (length == 0) throw UserError(fmt::format("{}:{}: not valid UTF-8", file, line));
    if (text[i] == '\0') throw UserError(fmt::format("{}:{}: a NUL character", file, line));
    if (text[i] == '\n') ++line;
    i += length;
  }
}

}  // namespace

TomlDocument parse_toml(const std::string& text, const std::string& file) {
  check_text(text, file);
  try {
    return {toml::parse(text, file), file};
  } catch (const toml::parse_error& error) {
    std::string message(error.description());
    std::replace(message.begin(), message.end(), '\n', ' ');
    throw UserError(fmt::format("{}:{}: {}", file, error.source().begin.line, message));
  }
}

std::string TomlTable::full_key(std::string_view key) const {
  if (path_.empty()) return std::string(key);
  return key.empty() ? path_ : path_ + '.' + std::string(key);
}

std::string TomlTable::where(std::string_view key) const {
  const toml::node* node = table_->get(key);
  const auto line = node != nullptr ? node->source().begin.line : table_->source().begin.line;
  return fmt::format("{}:{}: key '{}'", file_, std::max<unsigned>(line, 1U), full_key(key));
}

void TomlTable::fail(std::string_view key, const std::string& message) const {
  throw UserError(fmt::format("{}: {}", where(key), message));
}

const toml::node* TomlTable::find(std::string_view key) {
  known_.emplace_back(key);
  return table_->get(key);
}

const toml::node& TomlTable::require(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) fail(key, "is missing");
  return *node;
}

double TomlTable::number(const toml::node& node, std::string_view key, double low,
                         double high) const {
  if (!node.is_number()) fail(key, "must be a number");
  const double value = node.value<double>().value_or(0.0);
  // Written so that NaN fails too.
  if (!(value >= low && value <= high))
    fail(key, fmt::format("{} is outside [{}, {}]", value, low, high));
  return value;
}

double TomlTable::real(std::string_view key, double low, double high) {
  return number(require(key), key, low, high);
}

double TomlTable::real_or(std::string_view key, double low, double high, double otherwise) {
  return real_if(key, low, high).value_or(otherwise);
}

std::optional<double> TomlTable::real_if(std::string_view key, double low, double high) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  return number(*node, key, low, high);
}

int TomlTable::integer(std::string_view key, int low, int high) {
  const toml::node& node = require(key);
  if (!node.is_integer()) fail(key, "must be an integer");
  return static_cast<int>(number(node, key, low, high));
}

int TomlTable::integer_or(std::string_view key, int low, int high, int otherwise) {
  return find(key) == nullptr ? otherwise : integer(key, low, high);
}

bool TomlTable::boolean_or(std::string_view key, bool otherwise) {
  const toml::node* node = find(key);
  if (node == nullptr) return otherwise;
  if (!node->is_boolean()) fail(key, "must be true or false");
  return node->value<bool>().value_or(otherwise);
}

std::string TomlTable::text(std::string_view key) {
  const toml::node& node = require(key);
  if (!node.is_string()) fail(key, "must be a string");
  return node.value<std::string>().value_or("");
}

std::string TomlTable::text_or(std::string_view key, std::string otherwise) {
  return find(key) == nullptr ? std::move(otherwise) : text(key);
}

std::size_t TomlTable::choice(std::string_view key, const std::vector<std::string>& choices) {
  const std::string word = text(key);
  const auto it = std::find(choices.begin(), choices.end(), word);
  if (it == choices.end()) fail(key, unknown_name_message("value", word, choices));
  return static_cast<std::size_t>(it - choices.begin());
}

std::size_t TomlTable::choice_or(std::string_view key, const std::vector<std::string>& choices,
                                 std::size_t otherwise) {
  return find(key) == nullptr ? otherwise : choice(key, choices);
}

std::vector<std::string> TomlTable::texts(std::string_view key) {
  const toml::node& node = require(key);
  const toml::array* array = node.as_array();
  if (array == nullptr) fail(key, "must be an array of strings");
  std::vector<std::string> result;
  for (const toml::node& element : *array) {
    if (!element.is_string()) fail(key, "must be an array of strings");
    result.push_back(element.value<std::string>().value_or(""));
  }
  return result;
}

std::vector<double> TomlTable::reals(std::string_view key, double low, double high) {
  const toml::node& node = require(key);
  const toml::array* array = node.as_array();
  if (array == nullptr) fail(key, "must be an array of numbers");
  std::vector<double> result;
  for (const toml::node& element : *array) result.push_back(number(element, key, low, high));
  return result;
}

std::pair<double, double> TomlTable::pair(std::string_view key, double low, double high) {
  const toml::node& node = require(key);
  const toml::array* array = node.as_array();
  if (array == nullptr || array->size() != 2) fail(key, "must be an array of two numbers");
  return {number(*array->get(0), key, low, high), number(*array->get(1), key, low, high)};
}

std::optional<TomlTable> TomlTable::table_if(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return std::nullopt;
  const toml::table* table = node->as_table();
  if (table == nullptr) fail(key, "must be a table");
  return TomlTable(*table, file_, full_key(key));
}

TomlTable TomlTable::table(std::string_view key) {
  std::optional<TomlTable> result = table_if(key);
  if (!result) fail(key, "is missing");
  return *result;
}

std::vector<std::pair<std::string, TomlTable>> TomlTable::tables(std::string_view key) {
  TomlTable outer = table(key);
  std::vector<std::pair<std::string, TomlTable>> result;
  for (const auto& [name, node] : *outer.table_) {
    const std::string text(name.str());
    result.emplace_back(text, outer.table(text));
  }
  return result;
}

std::vector<std::string> TomlTable::keys() const {
  std::vector<std::string> result;
  for (const auto& [name, node] : *table_) {
    (void)node;
    result.emplace_back(name.str());
  }
  return result;
}

std::vector<TomlTable> TomlTable::array_of_tables(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return {};
  const toml::array* array = node->as_array();
  if (array == nullptr) fail(key, "must be an array of tables");
  std::vector<TomlTable> result;
  for (const toml::node& element : *array) {
    const toml::table* table = element.as_table();
    if (table == nullptr) fail(key, "must be an array of tables");
    result.emplace_back(*table, file_, fmt::format("{}[{}]", full_key(key), result.size()));
  }
  return result;
}

void TomlTable::finish() const {
  for (const auto& [name, node] : *table_) {
    (void)node;
    const std::string key(name.str());
    if (std::find(known_.begin(), known_.end(), key) == known_.end())
      fail(key, unknown_name_message("key", key, known_));
  }
}

}  // namespace credo::skirmish
