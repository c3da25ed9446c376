// CSV as RFC 4180 has it: commas, quotes where needed, one header line.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace credo::suite {

/// A field, quoted where it has to be.
std::string csv_field(std::string_view text);

/// A line of fields with its end.
std::string csv_line(const std::vector<std::string>& fields);

/// "" for a value that is not there, else the shortest text that reads back as the same value.
std::string csv_number(const std::optional<double>& value);

/// A table read back; columns are found by name, so that others may be added.
class CsvTable {
 public:
  /// Errors: UserError naming `label` and the line for text that is not a table with a header.
  CsvTable(std::string_view text, std::string label);

  std::size_t n_rows() const { return rows_.size(); }
  /// "" where the table has no such column. Errors: UserError when `row` has no such field.
  const std::string& text(std::size_t row, std::string_view column) const;
  /// Errors: UserError naming line and column when the field is neither empty nor a number.
  std::optional<double> number(std::size_t row, std::string_view column) const;
  std::int64_t integer(std::size_t row, std::string_view column) const;  ///< 0 for an empty field
  /// Errors: UserError when one of `columns` is missing.
  void need(const std::vector<std::string>& columns) const;

 private:
  std::string label_;
  std::map<std::string, std::size_t, std::less<>> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace credo::suite
