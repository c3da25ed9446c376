// N environments of one kind side by side, their observations in one array each. Nothing here knows
// Python. Results depend on (seed, environment's index, episode) alone, never on threads.
#pragma once

#include <cstdint>
#include <memory>
#include <oneapi/tbb/task_arena.h>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "envs/core/env.hpp"
#include "python/src/action_draws.hpp"

namespace credo::python {

/// How an episode ended, kept because the next one has already begun.
struct FinalInfo {
  std::uint64_t episode = 0;
  double episode_return = 0.0;
  int length = 0;
  std::optional<bool> won;
  std::vector<std::pair<std::string, double>> info;
};

/// Everything is row-major, environments first.
struct Batch {
  std::vector<float> obs, state;              ///< [n, n_agents, obs_dim], [n, state_dim]
  std::vector<std::uint8_t> avail;            ///< [n, n_agents, n_actions]
  std::vector<double> reward;                 ///< [n] of the last step
  std::vector<std::uint8_t> terminated;       ///< [n], 0 or 1
  std::vector<std::uint8_t> truncated;        ///< [n]
  std::vector<float> final_obs, final_state;  ///< rows of environments that ended in the last step
  std::vector<int> actions;                   ///< [n, n_agents], written by sample
};

class VecEnv {
 public:
  /// `threads`: 1 = the caller's alone, 0 = as many as the machine has.
  /// Errors: UserError when n < 1 or threads < 0.
  VecEnv(std::unique_ptr<Env> prototype, int n, int threads, std::uint64_t seed);
  ~VecEnv();
  VecEnv(const VecEnv&) = delete;
  VecEnv& operator=(const VecEnv&) = delete;

  const EnvSpec& spec() const { return envs_.front()->spec(); }
  int count() const { return static_cast<int>(envs_.size()); }
  int threads() const { return threads_; }
  std::uint64_t seed() const { return seed_; }
  bool has_begun() const { return has_begun_; }
  const Env& env(int i) const { return *envs_[static_cast<std::size_t>(i)]; }
  std::uint64_t episode(int i) const { return episodes_[static_cast<std::size_t>(i)]; }
  const std::shared_ptr<Batch>& batch() const { return batch_; }
  /// Of the last step; nullopt where the episode goes on.
  const std::optional<FinalInfo>& final_info(int i) const {
    return final_info_[static_cast<std::size_t>(i)];
  }

  /// Starts the next episode of every environment (or those with mask[i] != 0), or with a seed
  /// episode 0 of that seed.
  void reset(std::optional<std::uint64_t> seed, const std::uint8_t* mask);
  /// actions [n, n_agents], each in range. An environment that ends begins its next episode at
  /// once. Errors: IllegalAction before anything changes.
  void step(const int* actions);
  /// Random available actions (action_draws.hpp) into batch()->actions.
  void sample(std::uint64_t seed);

  void save(ByteWriter& out) const;
  /// Errors: Error when the bytes are damaged or of another kind; then nothing has changed.
  void load(ByteReader& in);

 private:
  template <typename Body>
  void for_each(const Body& body);
  void begin_episode(std::size_t i);
  void observe(std::size_t i);
  void show_avail();
  void finish(std::size_t i);
  void drop_final(std::size_t i);

  std::vector<std::unique_ptr<Env>> envs_;
  std::vector<std::uint64_t> episodes_;
  // What the environments say, side by side: legality and draws need not visit each of them, and
  // users may write into the batch.
  std::vector<std::uint8_t> avail_;
  std::vector<int> t_;
  std::vector<double> returns_;
  std::vector<std::optional<FinalInfo>> final_info_;
  std::vector<std::uint8_t> has_final_;  // which of them hold something
  std::vector<ActionDraws> draws_;
  std::shared_ptr<Batch> batch_;
  std::uint64_t seed_;
  int threads_;
  bool has_begun_ = false;
  std::unique_ptr<oneapi::tbb::task_arena> arena_;  // null: one thread
};

}  // namespace credo::python
