#include "learners/replay/plain_episode.hpp"

#include <algorithm>

namespace credo {

EpisodeView PlainEpisode::view() const {
  const EpisodeArrays arrays{.obs = obs.data(),
                             .state = state.data(),
                             .avail = avail.data(),
                             .actions = actions.data(),
                             .rewards = rewards.data()};
  return arrays.view(shape, length, terminated);
}

PlainEpisode blank_episode(const EnvShape& shape, int length, bool terminated) {
  PlainEpisode e;
  e.shape = shape;
  e.length = length;
  e.terminated = terminated;
  e.obs.resize(sz(length + 1) * sz(shape.n_agents) * sz(shape.obs_dim));
  e.state.resize(sz(length + 1) * sz(shape.state_dim));
  e.avail.resize(sz(length + 1) * sz(shape.n_agents) * sz(shape.n_actions), 1);
  e.actions.resize(sz(length) * sz(shape.n_agents));
  e.rewards.resize(sz(length));
  return e;
}

PlainEpisode plain_episode(const EnvShape& shape, const EpisodeView& view) {
  PlainEpisode e = blank_episode(shape, view.length, view.terminated);
  const auto copy = [](int slots, const auto* from, std::ptrdiff_t stride, int width, auto& to) {
    for (int t = 0; t < slots; ++t) std::copy_n(from + t * stride, width, to.data() + at(t, width));
  };
  const int n = shape.n_agents;
  copy(e.length + 1, view.obs, view.obs_stride, n * shape.obs_dim, e.obs);
  copy(e.length + 1, view.state, view.state_stride, shape.state_dim, e.state);
  copy(e.length + 1, view.avail, view.avail_stride, n * shape.n_actions, e.avail);
  copy(e.length, view.actions, view.action_stride, n, e.actions);
  copy(e.length, view.rewards, view.reward_stride, 1, e.rewards);
  return e;
}

PlainEpisode plain_episode(const EnvShape& shape, const Episode& episode) {
  PlainEpisode e = blank_episode(shape, episode.length(), episode.terminated());
  const int n = shape.n_agents;
  for (int t = 0; t <= e.length; ++t) {
    episode.read_obs(t, e.obs.data() + at(t, n * shape.obs_dim));
    episode.read_state(t, e.state.data() + at(t, shape.state_dim));
    for (int i = 0; i < n; ++i)
      for (int a = 0; a < shape.n_actions; ++a)
        e.avail[sz((t * n + i) * shape.n_actions + a)] = episode.is_available(t, i, a) ? 1 : 0;
  }
  for (int t = 0; t < e.length; ++t) {
    e.rewards[sz(t)] = episode.reward(t);
    for (int i = 0; i < n; ++i) e.actions[sz(t * n + i)] = episode.action(t, i);
  }
  return e;
}

}  // namespace credo
