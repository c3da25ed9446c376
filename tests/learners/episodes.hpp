// Episodes for learner tests: random ones, and the packed form of a batch.
#pragma once

#include <vector>

#include "learners/replay/plain_episode.hpp"
#include "tests/learners/support.hpp"

namespace learner_tests {

using credo::blank_episode;
using credo::PlainEpisode;

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

/// Sizes of which no two are equal, and episodes of several lengths.
inline constexpr credo::EnvShape kSmallShape{
    .n_agents = 3, .n_actions = 4, .obs_dim = 5, .state_dim = 6};
inline const std::vector<int> kSomeLengths = {4, 1, 3, 2, 4};

/// One per length; every other one terminates.
inline std::vector<PlainEpisode> random_episodes(Draw& draw, const credo::EnvShape& shape,
                                                 const std::vector<int>& lengths) {
  std::vector<PlainEpisode> episodes;
  for (std::size_t i = 0; i < lengths.size(); ++i)
    episodes.push_back(random_episode(draw, shape, lengths[i], i % 2 == 0));
  return episodes;
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
