#include "suite/common/csv.hpp"

#include <cmath>
#include <fmt/format.h>

#include "envs/core/error.hpp"
#include "envs/core/parse_number.hpp"
#include "suite/common/text.hpp"

namespace credo::suite {
namespace {

// Takes one record off `text`; a quoted field may hold line ends.
std::vector<std::string> take_record(std::string_view& text, const std::string& label,
                                     std::size_t line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted) {
      if (c != '"') {
        fields.back() += c;
      } else if (at + 1 < text.size() && text[at + 1] == '"') {
        fields.back() += '"';
        ++at;
      } else {
        quoted = false;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == ',') {
      fields.emplace_back();
    } else if (c == '\n') {
      break;
    } else if (c != '\r') {
      fields.back() += c;
    }
  }
  if (quoted) throw UserError(fmt::format("{}:{}: a quoted field has no end", label, line));
  text.remove_prefix(std::min(at + 1, text.size()));
  return fields;
}

}  // namespace

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string field = "\"";
  for (const char c : text) {
    if (c == '"') field += '"';
    field += c;
  }
  return field + "\"";
}

std::string csv_line(const std::vector<std::string>& fields) {
  std::string line;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) line += ',';
    line += csv_field(fields[i]);
  }
  line += '\n';
  return line;
}

std::string csv_number(const std::optional<double>& value) {
  return value ? fmt::format("{}", *value) : "";
}

CsvTable::CsvTable(std::string_view text, std::string label) : label_(std::move(label)) {
  std::size_t line = 1;
  const auto header = take_record(text, label_, line);
  for (std::size_t i = 0; i < header.size(); ++i)
    if (!columns_.try_emplace(header[i], i).second)
      throw UserError(fmt::format("{}: column '{}' appears twice", label_, one_line(header[i])));
  while (!text.empty()) {
    rows_.push_back(take_record(text, label_, ++line));
    if (rows_.back().size() != header.size())
      throw UserError(fmt::format("{}:{}: {} fields where the header has {}", label_, line,
                                  rows_.back().size(), header.size()));
  }
}

const std::string& CsvTable::text(std::size_t row, std::string_view column) const {
  static const std::string kNone;
  const auto found = columns_.find(column);
  return found == columns_.end() ? kNone : rows_[row][found->second];
}

std::optional<double> CsvTable::number(std::size_t row, std::string_view column) const {
  const std::string& field = text(row, column);
  if (field.empty()) return std::nullopt;
  const auto value = parse_number<double>(field);
  if (!value || !std::isfinite(*value))
    throw UserError(
        fmt::format("{}:{}: {} = '{}': not a number", label_, row + 2, column, one_line(field)));
  return value;
}

std::int64_t CsvTable::integer(std::size_t row, std::string_view column) const {
  const std::string& field = text(row, column);
  if (field.empty()) return 0;
  const auto value = parse_int(field);
  if (!value)
    throw UserError(
        fmt::format("{}:{}: {} = '{}': not an integer", label_, row + 2, column, one_line(field)));
  return *value;
}

void CsvTable::need(const std::vector<std::string>& columns) const {
  for (const std::string& column : columns)
    if (columns_.find(column) == columns_.end())
      throw UserError(fmt::format("{}: there is no column '{}'", label_, column));
}

}  // namespace credo::suite
