// Two QMIX networks that play the same, learn the same targets and have another H. Q_tot depends on
// an agent's value q_i through its row of the first mixing layer only, |W1_i| q_i. So the row times
// c_i and the value divided by c_i leave Q_tot, every greedy action, the TD error and credits in
// units of return (g_i (q_i(a) - q_i(b)), counterfactuals, Shapley values) as they are, and multiply
// the gradient g_i = dQ_tot/dq_i by c_i. H(g) is therefore no property of what was learned.
#pragma once

#include <span>

#include "learners/base/env_shape.hpp"
#include "learners/base/safetensors.hpp"
#include "learners/config.hpp"

namespace credo::suite {

struct GaugeTwin {
  TrainConfig config;
  TensorFile weights;
};

/// scales: [n_agents] above 0; with powers of two nothing but the order of a sum is rounded
/// differently. Agents share one network, so the twin's is wider: a copy of the hidden units for each
/// agent, of which those of the others stay 0, and one unit per agent that is 1 for it (it carries the
/// last layer's bias). hidden_dim becomes n_agents * (hidden_dim + 1).
/// Errors: UserError for learners without the mixer qmix, with a second network, or whose agents
/// are not told who they are.
GaugeTwin gauge_twin(const EnvShape& shape, const TrainConfig& config, const TensorFile& weights,
                     std::span<const double> scales);

}  // namespace credo::suite
