// Published bounds that make scores of different tasks comparable: 0 for the random policy, 1 for
// the optimum (or for a bound declared by the rules). They are data, configs/bounds/bounds.toml,
// with the source of every number, and never depend on the results that are shown.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace credo::suite {

struct Bounds {
  std::string env;
  std::string env_settings;  ///< RunConfig::env_settings they hold for
  double random = 0.0;
  double best = 1.0;
  std::string random_source, best_source;

  /// 0 for the random policy's mean return, 1 for the best one; not clipped.
  double normalise(double score) const { return (score - random) / (best - random); }
};

/// All of them, checked. Errors: UserError with file and line.
std::vector<Bounds> parse_bounds(std::string_view text, const std::string& label);
const std::vector<Bounds>& published_bounds();

/// Those of an environment with these settings, or null.
const Bounds* find_bounds(const std::string& env, const std::string& env_settings);

}  // namespace credo::suite
