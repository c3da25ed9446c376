// QTRAN-base (Son et al. 2019; docs/algorithms/qtran.md):
//   e(u)    = sum_i f([h_i, onehot(u_i)])
//   Q(s, u) = net([s, e(u)])                                   a free joint value
//   opt     = sum_i q_i(g_i) - stop(Q(s, g)) + V(s)            g: greedy actions
//   nopt    = min(0, sum_i q_i(u_i) - stop(Q(s, u)) + V(s))
#include "learners/reference/mixers.hpp"

namespace credo::reference {

namespace {

Var joint_value(const Weights& w, const Step& step, const std::vector<int>& actions) {
  const Index n = step.q.cols();
  Matrix one_hot = Matrix::Zero(n, step.n_actions);
  for (Index i = 0; i < n; ++i) one_hot(i, actions[static_cast<std::size_t>(i)]) = 1.0;
  const Var f = w.mlp("mixer.action_encoding", join(step.hidden, w.tape().constant(one_hot)));
  const Var e = matmul(w.tape().constant(Matrix::Ones(1, n)), f);
  return w.mlp("mixer.Q", join(step.state, e));
}

}  // namespace

Mixed mix_qtran(const Weights& w, const TrainConfig&, const Step& step) {
  const Var v = w.mlp("mixer.V", step.state);
  const Var best = joint_value(w, step, step.greedy);
  Mixed mixed;
  mixed.q_tot = joint_value(w, step, step.actions);
  mixed.opt_error = sum(step.q_greedy) - stop(best) + v;
  mixed.nopt_error = min0(sum(step.q) - stop(mixed.q_tot) + v);
  mixed.shown = {{"state_v", v.value()}, {"best_q_tot", best.value()}};
  return mixed;
}

}  // namespace credo::reference
