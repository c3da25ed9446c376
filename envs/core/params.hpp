// Typed parameters: each declared once with default, range and help. The same table serves
// environments (env.NAME) and the run configuration, the command line, TOML files and --help.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "envs/core/file_source.hpp"

namespace credo {

using ParamValue = std::variant<bool, std::int64_t, double, std::string>;

class Params;

/// A condition on another parameter of the same table under which a parameter has an effect.
struct Requirement {
  std::string key;
  std::vector<std::string> values;  ///< one of these, as to_text writes them ...
  /// ... or, without values, another value than this key's, or than this number
  std::string differs_from = {};
};

/// Declaration of one parameter. The type is that of `value` (the default).
struct ParamSpec {
  std::string name;
  ParamValue value;                  ///< default
  double low = 0.0;                  ///< numbers: smallest allowed (inclusive)
  double high = 0.0;                 ///< numbers: largest allowed (inclusive)
  std::vector<std::string> choices;  ///< strings: allowed values; empty = free text
  std::string help;
  /// Parameters that the default depends on, e.g. sizes for a limit. Until it is set, the parameter
  /// has the value that `follow` computes from theirs, in whatever order they are set.
  std::vector<std::string> follows;
  /// nullopt: their values are inconsistent (their user reports it); the value is kept.
  std::function<std::optional<ParamValue>(const Params&)> follow;
  bool is_path = false;  ///< strings: a file or folder, "" = none; its contents count
  /// It has an effect if all requirements of any one of these lists hold; empty: always.
  std::vector<std::vector<Requirement>> matters_when = {};

  static ParamSpec boolean(std::string name, bool value, std::string help);
  static ParamSpec integer(std::string name, std::int64_t value, std::int64_t low,
                           std::int64_t high, std::string help);
  static ParamSpec real(std::string name, double value, double low, double high, std::string help);
  static ParamSpec choice(std::string name, std::string value, std::vector<std::string> choices,
                          std::string help);
  static ParamSpec text(std::string name, std::string value, std::string help);
  static ParamSpec path(std::string name, std::string help);
  /// The same declaration with one more list for `matters_when`.
  ParamSpec when(std::vector<Requirement> requirements) &&;

  std::string type_name() const;   ///< "bool", "int", "float", "string"
  std::string range_text() const;  ///< "[0, 100]", "a | b | c", "true | false"
};

/// Shortest text that reads back as the same value ("25", "-0.5", "true", "gre").
std::string to_text(const ParamValue& value);

/// A full set of values for a list of declarations; every value is always valid.
/// Errors: set and set_text throw UserError naming `prefix + key`, the value, what is allowed and
/// the nearest match.
class Params {
 public:
  Params() = default;
  explicit Params(std::vector<ParamSpec> specs, std::string prefix = "");

  void set(std::string_view key, const ParamValue& value);     ///< 3 passes for 3.0, and 3.0 for 3
  void set_text(std::string_view key, std::string_view text);  ///< parses by the declared type
  /// Like `set`, but a default that follows other parameters keeps following them.
  void set_default(std::string_view key, const ParamValue& value);

  bool has(std::string_view key) const;
  bool boolean(std::string_view key) const;
  std::int64_t integer(std::string_view key) const;
  int integer32(std::string_view key) const;
  double real(std::string_view key) const;
  const std::string& text(std::string_view key) const;
  const ParamValue& value(std::string_view key) const;

  /// Source of a path parameter: the disk, or the contents passed to `hold` since it was last set.
  FileSource source(std::string_view key) const;
  void hold(std::string_view key, FileContents contents);
  /// Contents passed to `hold`; null if there are none.
  const FileContents* held(std::string_view key) const;

  /// Whether `key` has an effect, given the other values.
  bool has_effect(std::string_view key) const { return needs(key).empty(); }
  /// The unmet requirement, "" if it has an effect:
  /// "gre.enabled = true, which needs mixer.type = qmix or qplex (it is vdn)".
  std::string needs(std::string_view key) const;
  /// A copy in which parameters without effect have their defaults.
  Params in_force() const;

  /// Declarations in order, with `value` replaced by the current value.
  const std::vector<ParamSpec>& specs() const& { return specs_; }
  std::vector<ParamSpec> specs() && { return std::move(specs_); }

 private:
  ParamSpec& find(std::string_view key);
  const ParamSpec& find(std::string_view key) const;
  void assign(ParamSpec& spec, const ParamValue& value);
  void follow_changes_of(const std::string& name);
  /// The value of `key`, or its default if it has no effect.
  const ParamValue& value_in_force(std::string_view key) const;
  bool holds(const Requirement& requirement) const;

  std::vector<ParamSpec> specs_;
  std::vector<ParamValue> defaults_;  // as declared, in the same order
  std::string prefix_;
  std::map<std::string, std::shared_ptr<const FileContents>, std::less<>> held_;
};

}  // namespace credo
