// TOML files as flat lists of settings ("learner.gamma" = 0.99 at file.toml:12), so that
// error messages can name the line of a value.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "envs/core/params.hpp"

namespace credo::suite {

/// One value and where it was written ("pymarl.toml:7", "--set").
struct Setting {
  std::string key;  ///< dotted
  ParamValue value;
  std::string where;
  bool is_text = false;  ///< value is command-line text, to be read by the declared type
};

/// A list of values, e.g. envs = ["two_step", "switch/2"] or "env.limit" = [25, 50].
struct SettingList {
  std::string key;
  std::vector<ParamValue> values;
  std::string where;

  /// The values as strings. Errors: UserError when one is something else.
  std::vector<std::string> texts() const;
};

struct TomlSettings {
  std::string label;  ///< file name as shown in messages
  std::vector<Setting> settings;
  std::vector<SettingList> lists;
};

/// Flattens tables into dotted keys, in file order.
/// Errors: UserError "label:line: ..." for bad UTF-8, bad syntax, and values other than booleans,
/// integers, floats, strings and lists of these.
TomlSettings read_toml(std::string_view text, const std::string& label);

/// A TOML basic string with quotes and escapes.
std::string toml_string(std::string_view text);
/// A TOML value that reads back as the same value and type.
std::string toml_value(const ParamValue& value);

}  // namespace credo::suite
