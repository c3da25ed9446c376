// The networks of a value-based learner over one parameter layout.
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
      : agent(layout, agent_prefix, shape, agent_config) {}

  AgentNetwork agent;
  std::unique_ptr<Mixer> mixer;
};

/// What acts and is trained: agents and mixer ("agent.*", "mixer.*"); for weighted QMIX a second
/// pair that only provides targets ("central_agent.*", "central_mixer.*"); for COMA a critic
/// ("critic.*").
struct Network {
  Network(const EnvShape& shape, const TrainConfig& config)
      : layout(),
        agent(layout, "agent.", shape, config.agent),
        mixer(make_mixer(layout, shape, config.agent.hidden_dim, config.mixer)) {
    if (const ComaConfig& coma = config.coma; coma.critic) {
      const int dense = shape.state_dim + shape.obs_dim;
      const int hot = 2 * shape.n_agents * shape.n_actions + shape.n_agents;
      critic_begin = layout.size();
      critic = std::make_unique<Mlp>(
          layout, "critic",
          std::vector<int>{dense + hot, coma.critic_dim, coma.critic_dim, shape.n_actions}, dense);
    }
    const WqmixConfig& wqmix = config.mixer.wqmix;
    if (wqmix.weighting == Weighting::kNone) return;
    central = std::make_unique<JointNetwork>(layout, "central_agent.", shape, config.agent);
    central->mixer = make_central_mixer(layout, shape, wqmix.central_embed_dim);
  }

  ParamLayout layout;
  AgentNetwork agent;
  std::unique_ptr<Mixer> mixer;
  std::unique_ptr<JointNetwork> central;  ///< null unless the learner is weighted QMIX
  std::unique_ptr<Mlp> critic;            ///< null unless the learner is COMA; the layout's last
  std::size_t critic_begin = 0;           ///< where its parameters begin
};

}  // namespace credo
