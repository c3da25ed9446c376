// The work of a cell, counted before it runs: steps, episodes, updates, evaluations, sizes. The
// counts come from the configuration, a few episodes of random play and the shapes of the untrained
// networks; the cost model (cost_model.hpp) turns them into time and memory.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "suite/run/config.hpp"

namespace credo::suite {

struct CellWork {
  std::string env;
  std::string algorithm;
  bool is_learning = false;
  int n_agents = 0;
  int batch_size = 0;          ///< 0 for policies that do not learn
  int n_envs = 1;              ///< environments stepped side by side in training
  double floats_per_step = 0;  ///< n_agents * obs_dim + state_dim
  int episode_limit = 0;
  double episode_length = 0;  ///< mean, under the random policy
  double train_steps = 0;     ///< or steps of the search of open_loop
  double train_episodes = 0;
  double updates = 0;
  double evaluations = 0;       ///< with the final and the absolute one
  double evaluation_steps = 0;  ///< over all of them
  double checkpoints = 0;
  double agent_weights = 0;    ///< parameters that an agent acts with
  double other_weights = 0;    ///< of mixers, critics, second value functions
  double further_weights = 0;  ///< of the other agents, where each has its own (agent.shared)
  double replay_episodes = 0;  ///< held at the end
  double episode_bytes = 0;    ///< of one episode in the replay
};

/// Counts cells; cells that differ in their seed alone are probed once.
class WorkCounter {
 public:
  /// Errors: UserError as check_run.
  CellWork count(const RunConfig& config);

 private:
  std::map<std::string, CellWork> known_;  // by settings_id
};

}  // namespace credo::suite
