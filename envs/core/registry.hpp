// The list of environments. A family is one source file with one line in envs/env_list.def;
// variants of a family differ only in parameter defaults.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "envs/core/env.hpp"

namespace credo {

/// A named set of parameter defaults: id "family/name", or "family" when name is empty.
struct EnvVariant {
  std::string name;
  std::string help;  ///< left empty where the family's `describe` gives it
  std::vector<std::pair<std::string, ParamValue>> defaults;
};

struct EnvFamily {
  std::string name;
  std::string help;
  std::vector<ParamSpec> params;  ///< all parameters, limit_params(...) included; a declared
                                  ///< default that follows others is the one for theirs
  std::vector<EnvVariant> variants;
  /// Builds an environment; `spec` arrives with id, help, params, episode_limit and
  /// limit_is_terminal filled in.
  std::function<std::unique_ptr<Env>(EnvSpec spec, const Params& params)> make;

  /// Optional: variants beyond the listed ones, made from their name ("family/NAME"); nullopt for a
  /// name that is none. `variant_grammar` tells users what names look like.
  std::function<std::optional<EnvVariant>(std::string_view name)> parse_variant = nullptr;
  std::string variant_grammar = {};

  /// Optional: the help text of an environment from its parameters, so that it stays true when they
  /// are changed. Without one every environment has its variant's.
  std::function<std::string(const Params& params)> describe = nullptr;
};

/// All families, in the order of envs/env_list.def, then those added.
const std::vector<EnvFamily>& env_families();

/// Adds a family that the program was not built with, e.g. environments written in another
/// language; ids come from its parse_variant alone. Before any other thread uses the registry.
/// Errors: Error when the family is not well-formed or its name is taken.
void add_env_family(EnvFamily family);

/// All listed ids ("family/variant"), in registration order. Families with a `parse_variant` accept
/// more.
std::vector<std::string> list_envs();

/// Is this the id of an environment, listed or not?
bool is_env(std::string_view id);

/// Parameters of an environment with their defaults, ready for `set`/`set_text` (prefix "env.").
/// Errors: UserError for an unknown id.
Params env_params(std::string_view id);

/// The same as they would be next to the values of `now`: where a default follows other parameters,
/// it follows those of `now`.
Params env_defaults(std::string_view id, const Params& now);

/// Errors: UserError for an unknown id, or parameters that do not fit together.
std::unique_ptr<Env> make_env(std::string_view id, const Params& params);
std::unique_ptr<Env> make_env(std::string_view id);

}  // namespace credo
