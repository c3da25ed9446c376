// SHAQ (Wang et al. 2022, sections 3 to 5; docs/algorithms/shaq.md): over M random orders m of the
// agents,
//   y_i^m   = F_s( mean of q_j over the agents j before i in m (0 if none), q_i )
//   alpha_i = 1 + (1/M) sum_m |y_i^m|
//   delta_i = 1 where u_i is greedy, else alpha_i
//   Q_tot   = sum_i delta_i q_i                              the target networks' is sum_i q_i
//   F_s(a, b) = ELU( [a, b] |W(s)| + b1(s) ) . |w2(s)| + b2(s)
// Credits: delta_i; with the way through alpha the whole derivative of Q_tot.
#include "learners/reference/mixers.hpp"

namespace credo::reference {

namespace {

/// alpha of one agent. orders: [M, n], agents in order of joining.
Var alpha(const Weights& w, const Step& step, int agent, int orders) {
  const Var s = step.state;
  const Var w2 = abs(w.mlp("mixer.hyper_w_final", s));
  const Var w1 = reshape(abs(w.mlp("mixer.hyper_w_1", s)), 2, w2.cols());
  const Var b1 = w.mlp("mixer.hyper_b_1", s);
  const Var b2 = w.mlp("mixer.hyper_b_2", s);
  const Index n = step.q.cols();
  Var total = w.tape().constant(0.0);
  for (int m = 0; m < orders; ++m) {
    const int* order = step.orders.data() + m * n;
    Var mean = w.tape().constant(0.0);
    double before = 0.0;
    for (; *order != agent; ++order, ++before) mean = mean + columns(step.q, *order, 1);
    if (before > 0.0) mean = (1.0 / before) * mean;
    const Var in = join(mean, columns(step.q, agent, 1));
    total = total + abs(sum(elu(matmul(in, w1) + b1) * w2) + b2);
  }
  return (1.0 / orders) * total + 1.0;
}

/// Q_tot; delta: out, [1, n].
Var joint_value(const Weights& w, const TrainConfig& config, const Step& step, Matrix& delta) {
  const auto& shaq = config.mixer.shaq;
  Var q_tot = w.tape().constant(0.0);
  delta = Matrix::Ones(1, step.q.cols());
  for (std::size_t i = 0; i < step.actions.size(); ++i) {
    const auto agent = static_cast<int>(i);
    const Var q = columns(step.q, agent, 1);
    if (step.actions[i] == step.greedy[i]) {
      q_tot = q_tot + q;
      continue;
    }
    const Var weight = shaq.fixed_alpha > 0.0 ? w.tape().constant(shaq.fixed_alpha)
                                              : alpha(w, step, agent, shaq.sample_size);
    delta(0, agent) = weight.scalar();
    q_tot = q_tot + weight * q;
  }
  return q_tot;
}

}  // namespace

Mixed mix_shaq(const Weights& w, const TrainConfig& config, const Step& step) {
  Mixed mixed;
  Matrix delta;
  mixed.q_tot = joint_value(w, config, step, delta);
  mixed.credits = mixed.regularised = w.tape().constant(delta);
  // The whole derivative, on a tape of its own.
  Tape tape;
  Step whole = step;
  whole.q = tape.parameter(step.q.value());
  whole.state = tape.constant(step.state.value());
  tape.backward(joint_value(Weights(tape, w.parameters(), false), config, whole, delta));
  mixed.published = w.tape().constant(tape.gradient(whole.q));
  return mixed;
}

Mixed mix_shaq_target(const Weights&, const TrainConfig&, const Step& step) {
  return {.q_tot = sum(step.q)};
}

}  // namespace credo::reference
