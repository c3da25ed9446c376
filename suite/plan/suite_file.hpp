// A suite is data: environments × algorithms × seeds with settings, sweeps and exceptions, as a
// TOML file (docs/protocol.md, "Suites").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "suite/plan/bounds.hpp"
#include "suite/plan/credits_rules.hpp"
#include "suite/run/config.hpp"

namespace credo::suite {

/// One swept setting: `"env.limit" = [25, 50]`.
struct SweepAxis {
  Condition condition;  ///< of_algorithm: variants of these algorithms; else variants of tasks
  std::string key;
  std::vector<ParamValue> values;
  std::string where;
};

/// Seeds or algorithms that a section gives instead of the suite's.
struct SeedRule {
  Condition condition;
  std::vector<std::uint64_t> seeds;
};
struct AlgorithmRule {
  Condition condition;
  std::vector<std::string> algorithms;
};

struct SuiteSpec {
  std::string name;
  std::string help;
  std::string profile;
  std::vector<std::string> envs;
  std::vector<std::string> algorithms;
  std::vector<std::uint64_t> seeds;
  std::vector<SeedRule> seed_rules;  ///< the last that matches wins
  std::vector<AlgorithmRule> algorithm_rules;
  std::vector<SweepAxis> sweeps;
  std::vector<GivenBounds> bounds;   ///< sections [bounds."ENV SETTINGS"]
  std::vector<CreditsRule> credits;  ///< sections [credits], in the order of the file
  Overlay overlay;                   ///< settings of every cell, with sections

  const std::vector<std::string>& algorithms_for(const std::string& env) const;
  const std::vector<std::uint64_t>& seeds_for(const std::string& env,
                                              const std::string& algorithm) const;
  /// Number of cells if every swept setting affects every algorithm it is for.
  std::size_t n_cells() const;
};

/// A suite by name (compiled in) or by path (anything with '/' or ".toml").
/// Errors: UserError with file and line.
SuiteSpec load_suite(const std::string& name_or_path);
SuiteSpec parse_suite(std::string_view text, const std::string& label, const std::string& name);

/// A named choice of values for the swept settings; without sweeps one choice without a name.
struct Variant {
  std::vector<std::string> names;  ///< of the settings: "limit=25", "gamma=0.9"
  std::vector<Setting> settings;
  std::string suffix() const;  ///< "@limit=25@gamma=0.9", "" without sweeps
};

/// The cross product of the axes for `env` (variants of the task), or for `env` and `algorithm`
/// (variants of the algorithm). Errors: UserError for a setting that is swept twice.
std::vector<Variant> task_variants(const SuiteSpec& spec, const std::string& env);
std::vector<Variant> algorithm_variants(const SuiteSpec& spec, const std::string& env,
                                        const std::string& algorithm);

}  // namespace credo::suite
