// Policies without weights: the rows of a table that do not learn.
//   random            uniform over the available actions
//   noop              spec.noop_action, or the lowest-numbered available action where there is none
//                     (or it is not available)
//   scripted[:NAME]   the environment's own
//   open_loop         the best open-loop plan of a search (open_loop.hpp)
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "envs/core/env.hpp"
#include "learners/rollout/open_loop.hpp"

namespace credo {

/// A policy ready to be played; players of many episodes share it.
struct FixedPolicy {
  std::string name;
  std::shared_ptr<const OpenLoopSearch> search;  ///< of open_loop
};

/// Names allowed for this environment.
std::vector<std::string> fixed_policies(const EnvSpec& spec);

/// Errors: UserError for an unknown name, or a script the environment lacks.
void check_fixed_policy(const EnvSpec& spec, const std::string& name);

/// Sets the parameters that a scripted policy needs (ScriptedInfo::params); does nothing for other
/// policies and unknown names.
void set_script_params(const EnvSpec& spec, const std::string& policy, Params& params);

/// Searches the plan of open_loop with `seed`; other policies need no preparation.
/// Errors: as check_fixed_policy; UserError when the budget does not pay for one episode.
FixedPolicy make_fixed_policy(const Env& prototype, const std::string& name, std::uint64_t seed,
                              const OpenLoopOptions& open_loop = {});

/// The policy noop's choice from one agent's availability: `idle` where it is available, else the
/// lowest-numbered available action.
int noop_action(std::span<const std::uint8_t> avail, std::optional<int> idle);
/// The policy random's choice.
int random_action(std::span<const std::uint8_t> avail, Stream& stream);

/// Plays a policy, one episode at a time.
class FixedPlayer {
 public:
  FixedPlayer(const Env& env, const FixedPolicy& policy);
  /// In mid-episode: continues from the state of `other`.
  FixedPlayer(const Env& env, const FixedPolicy& policy, const FixedPlayer& other);
  void reset();
  /// Fills actions [n_agents]; `stream` is positioned at the current step.
  void act(const Env& env, Stream& stream, std::span<int> actions);

 private:
  enum class Kind { kScripted, kRandom, kNoop, kOpenLoop };

  Kind kind_ = Kind::kScripted;
  std::unique_ptr<ScriptedPolicy> scripted_;
  std::shared_ptr<const OpenLoopSearch> search_;
};

}  // namespace credo
