// QMIX (Rashid et al. 2018; docs/algorithms/qmix.md):
//   z      = q |W1(s)| + b1(s)                    W1: [n, E], b1: [1, E]
//   Q_tot  = sum_k ELU(z_k) |w2_k(s)| + V(s)
//   g_i    = sum_k |W1_ik| ELU'(z_k) |w2_k|       the credits dQ_tot/dq_i
// W1, b1, w2 and V are hypernetworks of the state s.
//
// Its equal-credit control (Zhao et al. 2022; docs/algorithms/qmix_simple.md) has one number for
// each of W1, b1 and w2, and reads the sum of the values:
//   z = |w1(s)| sum_i q_i + b1(s),  Q_tot = ELU(z) |w2(s)| + V(s)
#include "learners/reference/mixers.hpp"

namespace credo::reference {

namespace {

struct Hypernetworks {
  Var w1, b1, w2, v;
};

Hypernetworks hypernetworks(const Weights& w, const Var& s, Index inputs) {
  const Var w2 = abs(w.mlp("mixer.hyper_w_final", s));
  const Var w1 = abs(w.mlp("mixer.hyper_w_1", s));
  return {.w1 = reshape(w1, inputs, w2.cols()),
          .b1 = w.mlp("mixer.hyper_b_1", s),
          .w2 = w2,
          .v = w.mlp("mixer.V", s)};
}

/// The derivative of ELU; as published: e to the power of ELU's output instead of its input.
Var slope(const Var& z, EluDerivative derivative) {
  return derivative == EluDerivative::kExact ? elu_slope(z) : exp(min0(elu(z)));
}

/// `inputs`: what is mixed, [1, rows of w1].
Var credits(const Hypernetworks& net, const Var& inputs, EluDerivative derivative) {
  const Var z = matmul(inputs, net.w1) + net.b1;
  return matmul(slope(z, derivative) * net.w2, transpose(net.w1));
}

}  // namespace

Mixed mix_qmix(const Weights& w, const TrainConfig& config, const Step& step) {
  const Hypernetworks net = hypernetworks(w, step.state, step.q.cols());
  const Var z = matmul(step.q, net.w1) + net.b1;
  Mixed mixed;
  mixed.q_tot = sum(elu(z) * net.w2) + net.v;
  mixed.credits = credits(net, step.q, EluDerivative::kExact);
  mixed.published = credits(net, step.q, EluDerivative::kPublished);
  // Detached: q enters the credits as a constant.
  const Var q = config.entropy.detach_agents ? stop(step.q) : step.q;
  mixed.regularised = credits(net, q, config.entropy.elu_derivative);
  return mixed;
}

Mixed mix_qmix_simple(const Weights& w, const TrainConfig&, const Step& step) {
  const Hypernetworks net = hypernetworks(w, step.state, 1);
  const Var z = net.w1 * sum(step.q) + net.b1;
  const Var all = w.tape().constant(Matrix::Ones(1, step.q.cols()));
  const auto equal = [&](EluDerivative derivative) {
    return credits(net, sum(step.q), derivative) * all;
  };
  Mixed mixed;
  mixed.q_tot = sum(elu(z) * net.w2) + net.v;
  mixed.credits = equal(EluDerivative::kExact);
  mixed.published = equal(EluDerivative::kPublished);
  mixed.regularised = mixed.credits;
  return mixed;
}

}  // namespace credo::reference
