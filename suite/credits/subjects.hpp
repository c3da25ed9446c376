// Whose contributions are measured, from a run's folder or by name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "suite/credits/credits_study.hpp"
#include "suite/run/config.hpp"

namespace credo::suite {

/// budget: of open_loop's search.
CreditsSubject fixed_subject(const Env& env, const std::string& policy, std::uint64_t seed,
                             std::int64_t budget);

/// Weights of a run: "" the newest, "step_N" or "best". Errors: UserError.
CreditsSubject weights_subject(const std::filesystem::path& directory, const RunConfig& config,
                               const Env& env, const std::string& checkpoint);

/// The subject whose agent 0 has its row of W1 times `factor` and its values divided by it: it plays
/// the same and has another H (gauge_twin.hpp). Its label ends in "_twin". Errors: UserError.
CreditsSubject twin_subject(const Env& env, const CreditsSubject& subject, double factor);

}  // namespace credo::suite
