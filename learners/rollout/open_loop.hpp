// Open-loop play: the best joint action sequence that a search with a fixed budget finds, as a row
// of the tables. A learner can reach its return without using observations; SMACv2 (Ellis et al.
// 2023) showed how high that can be. A plan sees the time step and which actions are available:
//
//   action(t, agent) = actions[t][agent] if available, else the first available one of
//                      fallback[agent], a searched order of preference over all actions.
//
// The search is an evolution of plans on training episodes of its own: random plans of a few phases
// ("walk five steps east, then shoot"), mutated and crossed; every generation is evaluated on fresh
// episodes, survivors included. The last part of the budget selects among the best on further
// episodes. Results depend on (environment, seed, budget) only.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "envs/core/env.hpp"

namespace credo {

/// Environment steps a search may take unless told otherwise.
inline constexpr std::int64_t kOpenLoopBudget = 500'000;

struct OpenLoopPlan {
  int n_agents = 0;
  int n_actions = 0;
  int length = 0;                       ///< steps planned; later ones repeat the last
  std::vector<std::uint16_t> actions;   ///< [length, n_agents]
  std::vector<std::uint16_t> fallback;  ///< [n_agents, n_actions], each row a permutation

  /// avail: [n_agents, n_actions]; out: [n_agents].
  void act(int t, std::span<const std::uint8_t> avail, std::span<int> out) const;
};

struct OpenLoopSearch {
  OpenLoopPlan plan;
  std::int64_t env_steps = 0;  ///< spent, at most the budget
  std::int64_t episodes = 0;
  double return_mean = 0.0;  ///< of the plan in the search's episodes
  bool stopped = false;      ///< by `keep_going`; the plan is then no result
};

struct OpenLoopOptions {
  std::int64_t budget = kOpenLoopBudget;                    ///< environment steps
  std::function<bool(std::int64_t steps)> keep_going = {};  ///< polled regularly; may be empty
};

/// Parallel over plans. Errors: UserError when the budget does not pay for one episode.
OpenLoopSearch search_open_loop(const Env& prototype, std::uint64_t seed,
                                const OpenLoopOptions& options = {});

/// Errors: UserError when the budget does not pay for one episode.
void check_open_loop_budget(const EnvSpec& spec, std::int64_t budget);

}  // namespace credo
