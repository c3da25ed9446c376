// Sizes of the environment that networks and storage are built for.
#pragma once

#include "envs/core/env.hpp"

namespace credo {

struct EnvShape {
  int n_agents = 0;
  int n_actions = 0;
  int obs_dim = 0;
  int state_dim = 0;
  int unit_dim = 0;  ///< EnvSpec::unit_dim
};

inline EnvShape shape_of(const EnvSpec& spec) {
  return {.n_agents = spec.n_agents,
          .n_actions = spec.n_actions,
          .obs_dim = spec.obs_dim,
          .state_dim = spec.state_dim,
          .unit_dim = spec.unit_dim};
}

}  // namespace credo
