// True contributions and learned credits at every step of the episodes a replay page shows.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "suite/common/json.hpp"
#include "suite/credits/credits_study.hpp"

namespace credo::suite {

/// What the page gets (page/credits.js).
struct ReplayCredits {
  std::string default_name;    ///< what agents held back do
  std::string account;         ///< "psi", "first" or "delta"; "" for fixed policies
  std::vector<Json> episodes;  ///< of each the list of its steps
};

/// The evaluation episodes 0 .. episodes - 1 of `seed`, every step. nullopt: stopped by a signal.
/// Errors: UserError for what cannot be measured.
std::optional<ReplayCredits> measure_replay_credits(
    const Env& env, const std::string& env_settings, const CreditsSubject& subject, int episodes,
    std::uint64_t seed, const std::function<void(const CreditsProgress&)>& on_progress);

}  // namespace credo::suite
