// Which weights a run keeps beside its newest ones (run.keep_weights): of chosen steps, of chosen
// parts of the budget, or of every evaluation.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace credo::suite {

inline constexpr std::string_view kKeepWeightsKey = "run.keep_weights";

/// A step means the first moment between two updates at which at least so many environment steps
/// were taken; 0 is before training.
struct KeepRule {
  bool evaluations = false;         ///< at every evaluation during training
  std::vector<std::int64_t> steps;  ///< ascending, each once

  /// Does training pass one of `steps` between these two moments? `before` = -1 at the start.
  bool is_due(std::int64_t before, std::int64_t now) const;
};

/// "0,5000,25%,evaluations"; percentages are of `t_max`, rounded down. Errors: UserError naming the
/// key, also for steps beyond t_max.
KeepRule parse_keep_rule(std::string_view text, std::int64_t t_max);

}  // namespace credo::suite
