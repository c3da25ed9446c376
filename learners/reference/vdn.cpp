// Independent Q-learning (Tan 1993; docs/algorithms/iql.md): no mixing, every agent's value is
// regressed on the team's reward.
// VDN (Sunehag et al. 2018; docs/algorithms/vdn.md): Q_tot = sum_i q_i, so dQ_tot/dq_i = 1.
#include "learners/reference/mixers.hpp"

namespace credo::reference {

Mixed mix_iql(const Weights&, const TrainConfig&, const Step& step) { return {.q_tot = step.q}; }

Mixed mix_vdn(const Weights& w, const TrainConfig&, const Step& step) {
  const Var ones = w.tape().constant(Matrix::Ones(1, step.q.cols()));
  return {.q_tot = sum(step.q), .credits = ones, .published = ones, .regularised = ones};
}

}  // namespace credo::reference
