// An episode as plain arrays: what the reference learners read, and what tests make up.
#pragma once

#include <cstdint>
#include <vector>

#include "learners/base/env_shape.hpp"
#include "learners/base/index.hpp"
#include "learners/replay/episode.hpp"

namespace credo {

/// Slots 0..length; slot `length` holds no action and no reward.
struct PlainEpisode {
  EnvShape shape;
  int length = 0;
  bool terminated = false;
  std::vector<float> obs;           ///< [length + 1, n_agents, obs_dim]
  std::vector<float> state;         ///< [length + 1, state_dim]
  std::vector<std::uint8_t> avail;  ///< [length + 1, n_agents, n_actions]
  std::vector<int> actions;         ///< [length, n_agents]
  std::vector<float> rewards;       ///< [length]

  bool is_available(int slot, int agent, int action) const {
    return avail[sz((slot * shape.n_agents + agent) * shape.n_actions + action)] != 0;
  }
  int action(int slot, int agent) const { return actions[sz(slot * shape.n_agents + agent)]; }
  EpisodeView view() const;
};

/// Zeros everywhere, everything available.
PlainEpisode blank_episode(const EnvShape& shape, int length, bool terminated);
PlainEpisode plain_episode(const EnvShape& shape, const EpisodeView& view);
PlainEpisode plain_episode(const EnvShape& shape, const Episode& episode);

}  // namespace credo
