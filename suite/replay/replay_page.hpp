// A replay as one web page that needs nothing else: style, script and data are inside, and its
// content security policy forbids everything from outside. Environments with a stage are drawn
// from above, the others shown as text.
#pragma once

#include <string>

#include "suite/replay/replay_credits.hpp"
#include "suite/replay/replay_log.hpp"

namespace credo::suite {

/// Plays every episode of the log again. `credits`: of the same episodes, to be shown beside them;
/// may be null. Errors: ReplayMismatch; UserError as make_replay_env.
std::string replay_page(const ReplayLog& log, const std::string& label,
                        const ReplayCredits* credits = nullptr);

}  // namespace credo::suite
