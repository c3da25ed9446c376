// What COMA's critic reads of one step (docs/algorithms/coma.md): state, own observation, the
// others' actions, everybody's actions of the step before, own index.
#pragma once

#include <algorithm>

#include "learners/base/env_shape.hpp"
#include "learners/base/index.hpp"

namespace credo {

/// Dense inputs of a row; one-hot inputs follow them.
constexpr int critic_dense(const EnvShape& shape) { return shape.state_dim + shape.obs_dim; }
/// One-hot inputs of a row that are 1.
constexpr int critic_hot(const EnvShape& shape, bool first_step) {
  return (shape.n_agents - 1) + (first_step ? 0 : shape.n_agents) + 1;
}

/// A row per agent: x [n_agents, critic_dense], hot [n_agents, critic_hot] the columns that are 1.
/// state: [state_dim]; obs: [n_agents, obs_dim]; action(j), last_action(j): of agent j, the latter
/// not asked for at the first step.
template <typename Action, typename LastAction>
void write_critic_input(const EnvShape& shape, bool first_step, const float* state,
                        const float* obs, const Action& action, const LastAction& last_action,
                        float* x, int* hot) {
  const int n = shape.n_agents;
  const int dense = critic_dense(shape);
  for (int i = 0; i < n; ++i) {
    float* to = x + at(i, dense);
    std::copy_n(state, shape.state_dim, to);
    std::copy_n(obs + at(i, shape.obs_dim), shape.obs_dim, to + shape.state_dim);
    int* ones = hot + at(i, critic_hot(shape, first_step));
    for (int j = 0; j < n; ++j)
      if (j != i) *ones++ = dense + j * shape.n_actions + action(j);
    for (int j = 0; j < n && !first_step; ++j)
      *ones++ = dense + (n + j) * shape.n_actions + last_action(j);
    *ones = dense + 2 * n * shape.n_actions + i;
  }
}

}  // namespace credo
