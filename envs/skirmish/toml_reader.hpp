// Reads one TOML file with errors that name file, line and key. `finish` rejects keys that were
// never read.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <toml++/toml.h>
#include <utility>
#include <vector>

namespace credo::skirmish {

/// A parsed document; owns the nodes of its tables.
struct TomlDocument {
  toml::table root;
  std::string file;
};

/// Errors: UserError for bytes that are not UTF-8 or text that is not TOML.
TomlDocument parse_toml(const std::string& text, const std::string& file);

class TomlTable {
 public:
  explicit TomlTable(const TomlDocument& document)
      : TomlTable(document.root, document.file, std::string()) {}
  TomlTable(const toml::table& table, std::string file, std::string path)
      : table_(&table), file_(std::move(file)), path_(std::move(path)) {}

  double real(std::string_view key, double low, double high);
  double real_or(std::string_view key, double low, double high, double otherwise);
  std::optional<double> real_if(std::string_view key, double low, double high);
  int integer(std::string_view key, int low, int high);
  int integer_or(std::string_view key, int low, int high, int otherwise);
  bool boolean_or(std::string_view key, bool otherwise);
  std::string text(std::string_view key);
  std::string text_or(std::string_view key, std::string otherwise);
  /// The index of the text among `choices`.
  std::size_t choice(std::string_view key, const std::vector<std::string>& choices);
  std::size_t choice_or(std::string_view key, const std::vector<std::string>& choices,
                        std::size_t otherwise);
  std::vector<std::string> texts(std::string_view key);
  std::vector<double> reals(std::string_view key, double low, double high);
  std::pair<double, double> pair(std::string_view key, double low, double high);
  std::optional<TomlTable> table_if(std::string_view key);
  TomlTable table(std::string_view key);
  /// All entries of a table of tables, with their names.
  std::vector<std::pair<std::string, TomlTable>> tables(std::string_view key);
  /// An array of tables; may be absent (empty result).
  std::vector<TomlTable> array_of_tables(std::string_view key);

  /// Names of all keys, in the order of their names.
  std::vector<std::string> keys() const;
  bool has(std::string_view key) const { return table_->contains(key); }
  /// Errors: UserError for a key that was never read.
  void finish() const;

  /// "FILE:LINE: key 'KEY'"; an absent key has the line of its table.
  std::string where(std::string_view key) const;
  /// Throws a UserError about `key` (which may be absent).
  [[noreturn]] void fail(std::string_view key, const std::string& message) const;

 private:
  const toml::node* find(std::string_view key);
  const toml::node& require(std::string_view key);
  double number(const toml::node& node, std::string_view key, double low, double high) const;
  std::string full_key(std::string_view key) const;

  const toml::table* table_;
  std::string file_;
  std::string path_;
  std::vector<std::string> known_;
};

}  // namespace credo::skirmish
