// True contributions of the agents in one situation: Shapley values and differences of the game of
// continuation.hpp, with standard errors and a stopping rule.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "envs/core/bytes.hpp"
#include "learners/contributions/continuation.hpp"
#include "learners/contributions/game.hpp"

namespace credo {

struct ContributionOptions {
  GameKind game = GameKind::kStep;
  DefaultChoice choice;
  double gamma = 0.99;
  int exact_up_to = 8;  ///< players whose coalitions are enumerated; [1, 12]
  ReplicateRule rule;
  std::uint64_t seed = 0;
};

/// Index of agents that take part: in the step game those whose default differs from what the
/// policy does (random default: who has more than one available action), in absence all.
std::vector<int> acting_agents(const Situation& situation, const ContributionOptions& options);

/// Values by player, in the order of `players`.
struct Contribution {
  std::int64_t episode = 0;
  int t = 0;
  bool ends = false;         ///< Situation::ends
  std::vector<int> actions;  ///< [n_agents] the policy's
  std::vector<int> players;  ///< agents, ascending
  std::vector<double> phi, phi_se;
  std::vector<double> diff, diff_se;
  std::vector<double> pair_se;            ///< [k, k] standard error of phi_i - phi_j
  std::vector<double> phi_even, phi_odd;  ///< of even and odd replicates; empty when exact
  std::vector<std::uint8_t> inert;        ///< never changed a coalition's value by joining
  double v_all = 0.0, v_all_se = 0.0, v_none = 0.0;
  std::vector<double> v;        ///< [2^k] mean value of every coalition, where they are enumerated
  std::int64_t coalitions = 0;  ///< per replicate
  std::int64_t replicates = 0;
  std::int64_t steps = 0;  ///< environment steps of all branches
  bool exact = false;      ///< no sampling error: nothing drew, or all draws were enumerated
  bool no_chance = false;  ///< the first replicates agreed to the bit: taken as exact
  bool capped = false;     ///< the branches ended before the errors were small enough
  /// First-step defaults of each replicate, [replicates, n_agents]; one row where they are fixed.
  std::vector<int> defaults;

  /// |phi_i - phi_j| > 3 standard errors (players i, j).
  bool decided(std::size_t i, std::size_t j) const;
  bool any_decided() const;
  /// |phi_i| > 3 standard errors.
  bool is_nonzero(std::size_t i) const;

  void save(ByteWriter& out) const;
  void load(ByteReader& in);
};

/// Plays out one situation. `continuations` was made with the same options.
Contribution estimate_contribution(const Situation& situation, Continuations& continuations,
                                   const ContributionOptions& options);

/// The most environment steps that estimate may take.
std::int64_t most_steps(int players, int steps_left, const ContributionOptions& options);

}  // namespace credo
