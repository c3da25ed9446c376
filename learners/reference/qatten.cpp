// Qatten (Yang et al. 2020, section 4; docs/algorithms/qatten.md): with u_i what is known of agent i
// and heads h of width E,
//   logit_hi  = query_h(s) . key_h(u_i)
//   lambda_h  = softmax over agents of logit_h / sqrt(E)
//   w_h       = |head_h(s)|
//   Q_tot     = sum_h w_h sum_i lambda_hi q_i + V(s)
//   g_i       = sum_h w_h lambda_hi                          the credits dQ_tot/dq_i
//   penalty   = sum_h mean_i logit_hi^2                      added to the loss, qatten.attention_reg
#include <cmath>
#include <fmt/format.h>

#include "learners/reference/mixers.hpp"

namespace credo::reference {

Mixed mix_qatten(const Weights& w, const TrainConfig& config, const Step& step) {
  const Var s = step.state;
  const auto n = static_cast<double>(step.q.cols());
  const double scale = 1.0 / std::sqrt(static_cast<double>(config.mixer.embed_dim));
  const Var ones = w.tape().constant(Matrix::Ones(1, config.mixer.qatten.heads));
  const Var weights = config.mixer.qatten.weighted_head ? abs(w.mlp("mixer.head", s)) : ones;
  Mixed mixed;
  Matrix attention(config.mixer.qatten.heads, step.q.cols());
  for (int h = 0; h < config.mixer.qatten.heads; ++h) {
    const Var keys = w.linear(fmt::format("mixer.key.{}", h), step.units);  // a row per agent
    const Var logits = matmul(w.mlp(fmt::format("mixer.query.{}", h), s), transpose(keys));
    const Var lambda = softmax_rows(scale * logits);
    const Var credits = columns(weights, h, 1) * lambda;
    const Var penalty = (1.0 / n) * sum(square(logits));
    mixed.credits = h == 0 ? credits : mixed.credits + credits;
    mixed.penalty = h == 0 ? penalty : mixed.penalty + penalty;
    attention.row(h) = lambda.value();
  }
  mixed.q_tot = sum(mixed.credits * step.q) + w.mlp("mixer.V", s);
  mixed.published = mixed.regularised = mixed.credits;
  mixed.shown = {{"attention", attention}, {"head_weights", weights.value()}};
  return mixed;
}

}  // namespace credo::reference
