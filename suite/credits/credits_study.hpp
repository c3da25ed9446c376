// True contributions of the agents under one policy, beside what its learner says of them
// (learners/contributions): plays out sampled states, keeps what is done when it is stopped, and
// measures how far the two agree. Results depend on weights, options and seed alone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "envs/core/env.hpp"
#include "learners/config.hpp"
#include "suite/common/json.hpp"
#include "suite/credits/fidelity.hpp"

namespace credo::suite {

struct CreditsOptions {
  GameKind game = GameKind::kStep;
  std::string choice = "auto";  ///< auto, idle, random, or an action's name
  std::int64_t states = 128;
  int episodes = 32;
  std::optional<double> gamma;  ///< in (0, 1]; else the learner's, 0.99 for fixed policies
  int exact_up_to = 8;
  std::int64_t least_branches = 512;
  std::int64_t most_branches = 8192;
  std::optional<std::int64_t> budget;  ///< environment steps that no state may go beyond
  std::uint64_t seed = 0;
};

/// Whose contributions. Weights, or a fixed policy.
struct CreditsSubject {
  std::string algorithm;  ///< or the policy's name
  std::string label;      ///< "step_20000", "best", or the policy's name
  std::int64_t t_env = 0;
  std::optional<TrainConfig> config;  ///< of a learner
  TensorFile weights;
  std::uint64_t weights_hash = 0;  ///< XXH64 of the file
  std::optional<FixedPolicy> fixed;
  std::string search;  ///< of open_loop: seed and budget, which decide its plan; else ""
};

/// What was asked for, resolved against an environment.
struct CreditsPlan {
  ContributionOptions options;
  std::string env_settings;
  std::string choice_name;  ///< "idle", "random" or the action's name
  std::int64_t states = 0;
  int episodes = 0;
  std::optional<std::int64_t> budget;
  std::string identity;  ///< SHA-256 of everything results depend on
  std::string stem;      ///< of the files: LABEL.GAME.DEFAULT
};

/// Errors: UserError for what cannot be measured, with the way out.
CreditsPlan plan_credits(const Env& env, const std::string& env_settings,
                         const CreditsSubject& subject, const CreditsOptions& options);

struct CreditsResult {
  std::vector<MeasuredState> states;  ///< in the order of time
  Fidelity fidelity;
  std::int64_t steps = 0;     ///< environment steps of all branches
  std::int64_t left_out = 0;  ///< sampled states that the budget does not pay for
};

struct CreditsProgress {
  std::int64_t done = 0, total = 0;  ///< states
  std::int64_t steps = 0;            ///< played by this process
};

/// Plays out what `part_file` does not hold yet ("" = it is not kept). nullopt: stopped by a
/// signal, with what is done in that file. `note`: what to tell the user of the file, or "".
std::optional<CreditsResult> run_credits(
    const Env& env, const CreditsSubject& subject, const CreditsPlan& plan,
    const std::filesystem::path& part_file, std::string& note,
    const std::function<void(const CreditsProgress&)>& on_progress = {});

/// Environment steps and seconds on one core, by the table of costs and the mean episode of a few.
struct CreditsEstimate {
  std::int64_t states = 0;
  double likely_steps = 0.0, most_steps = 0.0;
  double likely_seconds = 0.0, most_seconds = 0.0;
};
/// `by_network`: what is meant is a learner, for which the subject stands in before it has trained.
CreditsEstimate estimate_credits(const Env& env, const CreditsSubject& subject,
                                 const CreditsPlan& plan, bool by_network);

/// The three files (docs/file-formats.md; credits_folder.hpp writes them).
std::string agents_csv(const Env& env, const CreditsResult& result);
std::string states_csv(const CreditsResult& result, int n_agents);
Json credits_json(const Env& env, const CreditsSubject& subject, const CreditsPlan& plan,
                  const CreditsResult& result);

}  // namespace credo::suite
