// Situations that a policy visits, and how they continue when some agents do not follow the policy:
// the branches from which true contributions are estimated.
//
// A situation x is the environment in mid-episode with every agent's memory after it has seen its
// observation. From x, coalition S is worth the discounted return when at the steps of the game
// the players in S act by the policy and the other players by the default; later all act by the
// policy. Players held back go on observing: their memory advances with what was done.
//   step      the game lasts one step
//   absence   it lasts to the end of the episode
// Replicate m of a situation draws every branch's chance from the same stream (common random
// numbers), so coalitions differ in their members and as little as possible in random numbers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "envs/core/env.hpp"
#include "learners/base/float_array.hpp"
#include "learners/base/scratch.hpp"
#include "learners/contributions/game.hpp"
#include "learners/network.hpp"
#include "learners/rollout/fixed_policy.hpp"

namespace credo {

/// Whose contributions are measured: the greedy policy of a network, or a policy without weights.
struct Subject {
  const Network* network = nullptr;
  const float* params = nullptr;
  const FixedPolicy* fixed = nullptr;  ///< used where there is no network
};

enum class GameKind { kStep, kAbsence };

/// What a player does that is not in the coalition.
struct DefaultChoice {
  bool random = false;  ///< uniform over its available actions
  /// Else this action; where it is unavailable (or none is named) the lowest-numbered one.
  std::optional<int> idle;

  int action(std::span<const std::uint8_t> avail) const { return noop_action(avail, idle); }
};

/// One state a policy visited.
struct Situation {
  std::int64_t episode = 0;
  int t = 0;
  /// The recorded episode came to a true end that was no time limit.
  bool ends = false;
  std::unique_ptr<Env> env;
  std::vector<int> actions;             ///< [n_agents] the policy's
  std::vector<int> last_actions;        ///< [n_agents] of the step before, -1 at t = 0
  std::vector<float> hidden;            ///< [n_agents, hidden_dim] after this step's observation
  std::vector<float> q;                 ///< [n_agents, n_actions] the network's outputs
  std::vector<float> central_q;         ///< the same of weighted QMIX's second network, else empty
  std::unique_ptr<FixedPlayer> player;  ///< after it chose `actions`; null for networks

  /// Names the situation in random streams.
  std::uint64_t id() const {
    return static_cast<std::uint64_t>(episode) << 32U | static_cast<std::uint64_t>(t);
  }
};

/// A moment of an evaluation episode.
struct Moment {
  std::int64_t episode = 0;
  int t = 0;
};

/// Lengths of the evaluation episodes 0 .. count - 1 of `seed` (evaluation_streams).
std::vector<int> episode_lengths(const Env& prototype, const Subject& subject, int count,
                                 std::uint64_t seed);

/// Systematic sample of `count` of the steps of episodes of these lengths, every step equally
/// likely; all steps where there are no more. In the order of time.
std::vector<Moment> sample_moments(std::span<const int> lengths, std::int64_t count,
                                   std::uint64_t seed);

/// The situations at these moments (in their order). Parallel over episodes.
std::vector<Situation> record_situations(const Env& prototype, const Subject& subject,
                                         std::span<const Moment> moments, std::uint64_t seed);

/// One future of a situation.
struct Branch {
  Coalition coalition = 0;  ///< bits: indices into `players`
  std::uint64_t replicate = 0;
};

/// What was played, beside the returns.
struct BranchCount {
  std::int64_t steps = 0;
  bool policy_drew = false;  ///< the policy drew random numbers
};

/// Plays branches side by side. Keeps its storage between calls; one per worker.
class Continuations {
 public:
  Continuations(const Subject& subject, GameKind game, DefaultChoice choice, double gamma,
                std::uint64_t seed);

  /// players: [k] agents that the coalitions are about; the others act by the policy throughout.
  /// returns: out, the discounted return from the situation on of each branch.
  void play(const Situation& situation, std::span<const int> players,
            std::span<const Branch> branches, std::span<double> returns, BranchCount& count);
  /// The same for the step game with given defaults: first [branches, n_agents].
  void play_with_defaults(const Situation& situation, std::span<const int> players,
                          std::span<const Branch> branches, std::span<const int> first,
                          std::span<double> returns, BranchCount& count);

  /// The random default's draws at the situation itself: out [n_agents].
  void draw_defaults(const Situation& situation, std::uint64_t replicate, std::span<int> out) const;

  /// Expected return of a coalition in the absence game with the random default, where nothing
  /// else draws: every way the draws can fall is played out. nullopt when there are more than
  /// `most_leaves` of them, or the policy draws after all.
  std::optional<double> expected_return(const Situation& situation, std::span<const int> players,
                                        Coalition coalition, std::int64_t most_leaves,
                                        BranchCount& count);

 private:
  struct Place;
  void play_chunk(const Situation& situation, std::span<const int> players,
                  std::span<const Branch> branches, const int* first, double* returns,
                  BranchCount& count);
  std::unique_ptr<FixedPlayer> copy_player(const Env& env, const FixedPlayer& player) const;

  Subject subject_;
  GameKind game_;
  DefaultChoice choice_;
  double gamma_;
  std::uint64_t seed_;

  Scratch scratch_;
  FloatArray obs_, hidden_, q_;
  std::vector<int> last_action_, actions_;
};

}  // namespace credo
