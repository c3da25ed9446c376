// Sections [credits] of suite files: what is measured of finished cells (docs/credits.md). A study is a
// set of options; `[credits]` is one, and each `[credits.NAME]` is one more with what differs
// from it. Both may stand in sections for environments and algorithms.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "suite/run/config.hpp"

namespace credo::suite {

// Ranges of the options, here and on the command line.
inline constexpr std::int64_t kMostCreditStates = 1000000;
inline constexpr std::int64_t kMostCreditEpisodes = 100000;
inline constexpr std::int64_t kMostCreditBranches = 100000000;
inline constexpr std::int64_t kMostEnumerated = 12;

/// A line such as `credits.absence.states = 32`.
struct CreditsRule {
  Condition condition;
  std::string study;  ///< "" for [credits]
  Setting setting;    ///< key: of the option
};

/// What is measured of a cell.
struct CellCredits {
  std::string study;
  Params options;  ///< credits_params with their values
  /// Of the policies to be measured; a fixed policy counts as "final" only.
  bool has_final = false, has_best = false, has_kept = false;
};

/// checkpoints, game, default, states, episodes, gamma, exact_up_to, branches, budget.
std::vector<ParamSpec> credits_params();

inline bool is_credits_key(std::string_view key) { return key.starts_with("credits."); }
/// Errors: UserError with file and line for an unknown option or value.
CreditsRule make_credits_rule(const Condition& condition, Setting setting);
/// In the order of the file; without those that measure nothing.
std::vector<CellCredits> credits_for(const std::vector<CreditsRule>& rules, const std::string& env,
                                     const std::string& algorithm);

/// "512:8192" as two numbers. Errors: UserError naming `option`.
std::pair<std::int64_t, std::int64_t> parse_branches(std::string_view option,
                                                     const std::string& text);

}  // namespace credo::suite
