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
  std::string help;  ///< empty if the family's `describe` provides it
  std::vector<std::pair<std::string, ParamValue>> defaults;
};

struct EnvFamily {
  std::string name;
  std::string help;
  std::vector<ParamSpec> params;  ///< all parameters, limit_params(...) included; a default
                                  ///< that follows others is declared for their defaults
  std::vector<EnvVariant> variants;
  /// Builds an environment; `spec` arrives with id, help, params, episode_limit and
  /// limit_is_terminal filled in.
  std::function<std::unique_ptr<Env>(EnvSpec spec, const Params& params)> make;

  /// Optional: parses the name of an unlisted variant ("family/NAME"); nullopt if it is not one.
  /// `variant_grammar` describes such names to users.
  std::function<std::optional<EnvVariant>(std::string_view name)> parse_variant = nullptr;
  std::string variant_grammar = {};

  /// Optional: help text generated from the parameters, so that it stays correct when they change.
  /// Without it the variant's help is used.
  std::function<std::string(const Params& params)> describe = nullptr;
};

/// All families, in the order of envs/env_list.def, then those added.
const std::vector<EnvFamily>& env_families();

/// Registers a family at run time, e.g. environments written in another language; its ids come only
/// from parse_variant. Call before any other thread uses the registry.
/// Errors: Error if the family is malformed or its name is taken.
void add_env_family(EnvFamily family);

/// All listed ids ("family/variant"), in registration order. Families with a `parse_variant` accept
/// more.
std::vector<std::string> list_envs();

/// Whether this is the id of an environment, listed or not.
bool is_env(std::string_view id);

/// Parameters of an environment with their defaults, ready for `set`/`set_text` (prefix "env.").
/// Errors: UserError for an unknown id.
Params env_params(std::string_view id);

/// Parameters of an environment, where defaults that follow other parameters use the values in
/// `now`.
Params env_defaults(std::string_view id, const Params& now);

/// Errors: UserError for an unknown id or inconsistent parameters.
std::unique_ptr<Env> make_env(std::string_view id, const Params& params);
std::unique_ptr<Env> make_env(std::string_view id);

}  // namespace credo
