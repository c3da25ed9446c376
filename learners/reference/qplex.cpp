// QPLEX (Wang et al. 2021; docs/algorithms/qplex.md): with w_i(s) > 0 and v_i(s) per agent,
//   q'_i     = w_i q_i + v_i                     m'_i = w_i max_a q_i(a) + v_i
//   lambda_i = sum_k key_k(s) sigmoid(agents_k(s))_i sigmoid(action_k([s, onehot(u)]))_i
//   Q_tot    = sum_i q'_i + sum_i (lambda_i - 1) stop(q'_i - m'_i)              key_k > 0
// Credits: w_i, the derivative of that; in full lambda_i w_i, the derivative without the stop.
#include "learners/reference/mixers.hpp"

namespace credo::reference {

namespace {

Var positive(const Var& x) { return abs(x) + 1e-10; }

Var attention(const Weights& w, const TrainConfig& config, const Step& step) {
  Matrix one_hot = Matrix::Zero(1, step.q.cols() * step.n_actions);
  for (Index i = 0; i < step.q.cols(); ++i)
    one_hot(0, i * step.n_actions + step.actions[static_cast<std::size_t>(i)]) = 1.0;
  const Var with_actions = join(step.state, w.tape().constant(one_hot));
  Var lambda;
  for (int k = 0; k < config.mixer.qplex.kernels; ++k) {
    const auto name = [k](const std::string& what) {
      return "mixer.si_weight." + what + "." + std::to_string(k);
    };
    const Var term = positive(w.mlp(name("key_extractors"), step.state)) *
                     sigmoid(w.mlp(name("agents_extractors"), step.state)) *
                     sigmoid(w.mlp(name("action_extractors"), with_actions));
    lambda = k == 0 ? term : lambda + term;
  }
  return lambda;
}

}  // namespace

Mixed mix_qplex(const Weights& w, const TrainConfig& config, const Step& step) {
  const Var weight = positive(w.mlp("mixer.hyper_w_final", step.state));
  const Var v = w.mlp("mixer.V", step.state);
  const Var lambda = attention(w, config, step);
  const Var q = weight * step.q + v;
  const Var m = weight * step.q_greedy + v;
  Mixed mixed;
  mixed.q_tot = sum(q) + sum((lambda - 1.0) * stop(q - m));
  mixed.credits = config.mixer.qplex.credits == QplexCredits::kFull ? lambda * weight : weight;
  mixed.published = mixed.regularised = mixed.credits;
  return mixed;
}

}  // namespace credo::reference
