// The networks of a learner over one parameter layout.
#pragma once

#include <memory>
#include <string>

#include "learners/config.hpp"
#include "learners/mixers/mixer.hpp"
#include "learners/nets/agent.hpp"

namespace credo {

/// Agents and the mixer of their values.
struct JointNetwork {
  JointNetwork(ParamLayout& layout, const std::string& agent_prefix, const EnvShape& shape,
               const AgentConfig& agent_config)
      : agent(layout, agent_prefix, shape, agent_config, {.outputs = shape.n_actions}) {}

  AgentNetwork agent;
  std::unique_ptr<Mixer> mixer;
};

/// What acts and is trained: agents ("agent.*", or "agent.0.*", ... with weights of their own); of a value-based learner the mixer ("mixer.*"),
/// and for weighted QMIX a second pair that only provides targets ("central_agent.*",
/// "central_mixer.*"); of an actor-critic learner the critic ("critic.*").
struct Network {
  Network(const EnvShape& shape, const TrainConfig& config);

  ParamLayout layout;
  AgentNetwork agent;
  std::unique_ptr<Mixer> mixer;           ///< null in actor-critic learners
  std::unique_ptr<JointNetwork> central;  ///< null unless the learner is weighted QMIX
  std::unique_ptr<Mlp> action_critic;     ///< COMA: a value for every action of an agent; or null
  std::unique_ptr<AgentNetwork> value_critic;  ///< PPO: an agent's value; or null
  std::size_t mixer_begin = 0;                 ///< where the mixer's parameters begin
  std::size_t critic_begin = 0;  ///< where the critic's parameters begin, the last ones
};

}  // namespace credo
