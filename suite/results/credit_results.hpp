// What was measured of runs' credits (docs/credits.md), as tables and figures choose from it, and
// credits.csv, which holds all of it without the run folders.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "suite/results/result_set.hpp"

namespace credo::suite {

/// The step game of the weights after training (or of a fixed policy) with the default `auto`; null
/// where it was not measured.
const CreditsRecord* final_credits(const RunResult& run);
/// The same of every kept step, oldest first, the last included.
std::vector<const CreditsRecord*> credits_over_training(const RunResult& run);

/// Agreement of the learner's best account with the truth.
std::optional<double> credit_agreement(const CreditsRecord& record);
/// H of the true contributions.
std::optional<double> true_entropy(const CreditsRecord& record);
/// `measure` of the mixer's `signal`, of "truth" or of "calibration".
std::optional<double> credit_value(const CreditsRecord& record, std::string_view signal,
                                   std::string_view measure);

bool has_credits(const ResultSet& set);
std::vector<std::string> credits_columns();
/// One line per measure that has a value.
std::string credits_csv(const ResultSet& set);
/// By task, algorithm and seed. Errors: UserError naming the line.
using CreditsByRun =
    std::map<std::tuple<std::string, std::string, std::int64_t>, std::vector<CreditsRecord>>;
CreditsByRun parse_credits_csv(std::string_view text, const std::string& label);

}  // namespace credo::suite
