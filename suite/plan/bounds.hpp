// Bounds that make scores of different tasks comparable: 0 for the random policy, 1 for the optimum
// (or for an upper bound of it). Each number comes from the first of these sources that has it:
//
//   1. a section [bounds."ENV SETTINGS"] of the suite file, kept as bounds.toml in results folders;
//   2. the published table, configs/bounds/bounds.toml, with the source of every number;
//   3. the environment itself: EnvSpec::random_return, and best_return or else return_bound;
//   4. for the random policy: the finished runs of `random` on the task.
//
// Only the last depends on results, and never on those of a compared algorithm.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "suite/common/toml_reader.hpp"

namespace credo::suite {

struct Bounds {
  std::string env;
  std::string env_settings;  ///< RunConfig::env_settings they hold for
  double random = 0.0;
  double best = 1.0;
  std::string random_source, best_source;

  /// 0 for the random policy's mean return, 1 for the best one; not clipped.
  double normalise(double score) const { return (score - random) / (best - random); }
  bool operator==(const Bounds&) const = default;
};

/// Tables whose sections have both numbers and their sources, checked.
/// Errors: UserError with file and line.
std::vector<Bounds> parse_bounds(std::string_view text, const std::string& label);
const std::vector<Bounds>& published_bounds();

/// The published ones of an environment with these settings, or null.
const Bounds* find_bounds(const std::string& env, const std::string& env_settings);

/// Bounds that a suite file declares for an environment with given settings: one number or both.
struct GivenBounds {
  std::string env;
  std::string env_settings;
  std::optional<double> random, best;
  std::string random_source, best_source;
  std::string where;  ///< file and line
};

/// Is this the key of a setting in a [bounds."ENV"] section?
bool is_bounds_key(std::string_view key);
/// Sections [bounds."ENV"] or [bounds."ENV NAME=VALUE ..."] with `random`, `best` (at least one),
/// `random_source` and `best_source`. Errors: UserError with file and line.
std::vector<GivenBounds> given_bounds(const std::vector<Setting>& settings);
/// Reads and writes a file that holds only such sections. Environments need not exist here.
std::vector<GivenBounds> parse_given_bounds(std::string_view text, const std::string& label);
std::string given_bounds_toml(const std::vector<GivenBounds>& all);
/// Adds those of another folder. Errors: UserError when they contradict each other.
void join_given_bounds(std::vector<GivenBounds>& all, const std::vector<GivenBounds>& added);

/// The parts of env_settings: "a=1 b=2". A part without '=' belongs to the value before it.
/// Errors: UserError.
std::vector<std::pair<std::string, std::string>> parts_of_settings(const std::string& env_settings);

}  // namespace credo::suite
