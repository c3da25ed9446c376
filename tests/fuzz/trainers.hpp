// The run whose states the targets read and the seeds are made of.
#pragma once

#include <string>

#include "learners/algorithm_table.hpp"
#include "learners/hyperparameters.hpp"

namespace credo::fuzz {

inline TrainConfig tiny_config(const std::string& algorithm) {
  Params params(train_params());
  for (const auto& [key, value] : find_algorithm(algorithm).values) params.set(key, value);
  TrainConfig config = make_train_config(params);
  config.n_envs = 2;
  config.replay_capacity = 4;
  config.learner.batch_size = 2;
  config.agent.hidden_dim = 2;
  config.mixer.embed_dim = 2;
  config.mixer.hypernet_embed = 2;
  config.coma.critic_dim = 2;
  return config;
}

}  // namespace credo::fuzz
