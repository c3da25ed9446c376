// Episodes as text: what `credo playthrough` and `credo replay` print.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "envs/core/env.hpp"

namespace credo::suite {

/// A reward or return for people: eight digits, so that sums show no rounding of their last ones.
std::string shown_number(double value);

/// What the agents did in the last step: the environment's own actions where it chose them
/// (Env::own_actions), else `given`. [n_agents]
std::vector<int> actions_done(const Env& env, std::span<const int> given);

/// Actions, reward and end of a step (nothing at the start, where `given` is empty), then the
/// situation.
std::string step_text(const Env& env, std::span<const int> given, const StepResult& result);

/// "return 20 after 25 steps, won"; `outcome` as of outcome_name.
std::string result_text(double episode_return, int length, std::string_view outcome);

}  // namespace credo::suite
