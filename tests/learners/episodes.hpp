// Episodes for learner tests: plain arrays, random or hand-made, and their packed form.
#pragma once

#include <vector>

#include "learners/replay/episode.hpp"
#include "tests/learners/support.hpp"

namespace learner_tests {

/// An episode as plain arrays, slots 0..length.
struct PlainEpisode {
  credo::EnvShape shape;
  int length = 0;
  bool terminated = false;
  std::vector<float> obs;           // [length + 1, n_agents, obs_dim]
  std::vector<float> state;         // [length + 1, state_dim]
  std::vector<std::uint8_t> avail;  // [length + 1, n_agents, n_actions]
  std::vector<int> actions;         // [length, n_agents]
  std::vector<float> rewards;       // [length]

  bool is_available(int slot, int agent, int action) const {
    return avail[sz((slot * shape.n_agents + agent) * shape.n_actions + action)] != 0;
  }
  int action(int slot, int agent) const { return actions[sz(slot * shape.n_agents + agent)]; }

  credo::EpisodeView view() const {
    const credo::EpisodeArrays arrays{.obs = obs.data(),
                                      .state = state.data(),
                                      .avail = avail.data(),
                                      .actions = actions.data(),
                                      .rewards = rewards.data()};
    return arrays.view(shape, length, terminated);
  }
};

/// Zeros everywhere, everything available.
inline PlainEpisode blank_episode(const credo::EnvShape& shape, int length, bool terminated) {
  PlainEpisode e;
  e.shape = shape;
  e.length = length;
  e.terminated = terminated;
  e.obs.resize(sz((length + 1) * shape.n_agents * shape.obs_dim));
  e.state.resize(sz((length + 1) * shape.state_dim));
  e.avail.resize(sz((length + 1) * shape.n_agents * shape.n_actions), 1);
  e.actions.resize(sz(length * shape.n_agents));
  e.rewards.resize(sz(length));
  return e;
}

/// Random numbers in [-1, 1], about a third of the actions unavailable, taken actions available.
inline PlainEpisode random_episode(Draw& draw, const credo::EnvShape& shape, int length,
                                   bool terminated) {
  PlainEpisode e = blank_episode(shape, length, terminated);
  for (float& x : e.obs) x = draw.real(-1.0F, 1.0F);
  for (float& x : e.state) x = draw.real(-1.0F, 1.0F);
  for (float& x : e.rewards) x = draw.real(-1.0F, 1.0F);
  for (int row = 0; row < (length + 1) * shape.n_agents; ++row) {
    for (int a = 0; a < shape.n_actions; ++a)
      e.avail[sz(row * shape.n_actions + a)] = draw.chance(0.35) ? 0 : 1;
    const int certain = draw.integer(0, shape.n_actions - 1);
    e.avail[sz(row * shape.n_actions + certain)] = 1;
    if (row < length * shape.n_agents) e.actions[sz(row)] = certain;
  }
  return e;
}

/// Packs episodes; `pointers` is what the learner takes.
struct Batch {
  std::vector<credo::Episode> episodes;
  std::vector<const credo::Episode*> pointers;

  explicit Batch(const std::vector<PlainEpisode>& plain) : episodes(plain.size()) {
    credo::EpisodeEncoder encoder(plain.front().shape);
    for (std::size_t i = 0; i < plain.size(); ++i) encoder.encode(plain[i].view(), episodes[i]);
    for (const credo::Episode& e : episodes) pointers.push_back(&e);
  }
};

}  // namespace learner_tests
