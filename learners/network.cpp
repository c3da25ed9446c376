#include "learners/network.hpp"

#include <vector>

#include "learners/algorithm_table.hpp"

namespace credo {

namespace {

/// Reads the state, the agent's observation, everybody's actions now and before, the agent's index.
std::unique_ptr<Mlp> make_action_critic(ParamLayout& layout, const EnvShape& shape, int width) {
  const int dense = shape.state_dim + shape.obs_dim;
  const int hot = 2 * shape.n_agents * shape.n_actions + shape.n_agents;
  return std::make_unique<Mlp>(layout, "critic",
                               std::vector<int>{dense + hot, width, width, shape.n_actions}, dense);
}

/// What the agents read; with a central critic the state before it. One output.
std::unique_ptr<AgentNetwork> make_value_critic(ParamLayout& layout, EnvShape shape,
                                                const TrainConfig& config) {
  if (config.ppo.central_critic) shape.obs_dim += shape.state_dim;
  return std::make_unique<AgentNetwork>(layout, "critic.", shape, config.agent,
                                        AgentHead{.outputs = 1});
}

AgentHead agent_head(const EnvShape& shape, const TrainConfig& config) {
  AgentHead head{.outputs = shape.n_actions};
  if (config.learner.kind == LearnerKind::kPpo) head.gain = config.ppo.policy_gain;
  return head;
}

}  // namespace

Network::Network(const EnvShape& shape, const TrainConfig& config)
    : layout(), agent(layout, "agent.", shape, config.agent, agent_head(shape, config)) {
  switch (config.learner.kind) {
    case LearnerKind::kQLearning:
      mixer_begin = layout.size();
      mixer = make_mixer(layout, shape, config);
      if (config.mixer.wqmix.weighting == Weighting::kNone) break;
      central = std::make_unique<JointNetwork>(layout, "central_agent.", shape, config.agent);
      central->mixer = make_central_mixer(layout, shape, config);
      break;
    case LearnerKind::kComa:
      critic_begin = layout.size();
      action_critic = make_action_critic(layout, shape, config.coma.critic_dim);
      break;
    case LearnerKind::kPpo:
      critic_begin = layout.size();
      value_critic = make_value_critic(layout, shape, config);
      break;
  }
}

}  // namespace credo
