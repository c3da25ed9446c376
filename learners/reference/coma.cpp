#include "learners/reference/coma.hpp"

#include <algorithm>

namespace credo::reference {

ComaLoss::ComaLoss(const EnvShape& shape, const TrainConfig& config,
                   const std::vector<PlainEpisode>& episodes, const std::vector<int>& bootstrap,
                   double epsilon, const RewardMoments& moments)
    : shape_(shape),
      config_(config),
      episodes_(episodes),
      bootstrap_(bootstrap),
      epsilon_(epsilon),
      moments_(moments) {
  for (const PlainEpisode& e : episodes) {
    longest_ = std::max(longest_, e.length);
    steps_ += e.length;
  }
}

std::vector<int> ComaLoss::actions(std::size_t episode, int slot) const {
  const PlainEpisode& e = episodes_[episode];
  if (slot < e.length) return actions_of(e, slot);
  const auto first = bootstrap_.begin() + at(static_cast<std::int64_t>(episode), shape_.n_agents);
  return {first, first + shape_.n_agents};
}

Var ComaLoss::critic(const Weights& w, std::size_t episode, int slot) const {
  const PlainEpisode& e = episodes_[episode];
  const Index n = shape_.n_agents;
  const Index n_actions = shape_.n_actions;
  const Matrix s = state_of(e, slot);
  Matrix others = Matrix::Zero(n, n * n_actions);  // u_-i(t)
  Matrix before = Matrix::Zero(n, n * n_actions);  // u(t-1)
  const std::vector<int> now = actions(episode, slot);
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) {
      if (j != i) others(i, j * n_actions + now[sz(j)]) = 1.0;
      if (slot > 0) before(i, j * n_actions + e.action(slot - 1, static_cast<int>(j))) = 1.0;
    }
  Matrix in(n, shape_.state_dim + shape_.obs_dim + 2 * n * n_actions + n);
  in << s.replicate(n, 1), obs_of(e, slot), others, before, Matrix::Identity(n, n);
  return w.mlp("critic", w.tape().constant(in));
}

ComaLoss::PerStep ComaLoss::critic_values(const Parameters& parameters) const {
  PerStep q(episodes_.size());
  for (std::size_t e = 0; e < episodes_.size(); ++e) {
    Tape tape;
    const Weights w(tape, parameters, false);
    for (int t = 0; t < episodes_[e].length; ++t) q[e].push_back(critic(w, e, t).value());
  }
  return q;
}

ComaLoss::PerStep ComaLoss::targets(const Parameters& target) const {
  PerStep targets(episodes_.size());
  for (std::size_t e = 0; e < episodes_.size(); ++e) {
    const PlainEpisode& episode = episodes_[e];
    Tape tape;
    const Weights w(tape, target, false);
    Matrix next(episode.length, shape_.n_agents);  // Q'(t+1, u(t+1))
    for (int t = 0; t < episode.length; ++t)
      next.row(t) = pick(critic(w, e, t + 1), actions(e, t + 1)).value();
    targets[e].assign(sz(episode.length), Matrix(1, shape_.n_agents));
    const std::vector<double> rewards = scaled_rewards(episode, moments_);
    for (Index i = 0; i < shape_.n_agents; ++i) {
      std::vector<double> values(sz(episode.length));
      for (int t = 0; t < episode.length; ++t) values[sz(t)] = next(t, i);
      const std::vector<double> returns = lambda_returns(
          rewards, values, episode.terminated, config_.learner.gamma, config_.learner.td_lambda);
      for (int t = 0; t < episode.length; ++t) targets[e][sz(t)](0, i) = returns[sz(t)];
    }
  }
  return targets;
}

double ComaLoss::critic_loss(const Parameters& parameters, int slot, const PerStep& targets,
                             std::vector<double>* gradient, double flip_within) const {
  Tape tape(nullptr, flip_within);
  const Weights w(tape, parameters, gradient != nullptr);
  Var errors = tape.constant(0.0);
  double count = 0.0;
  for (std::size_t e = 0; e < episodes_.size(); ++e) {
    if (slot >= episodes_[e].length) continue;
    const Var q = pick(critic(w, e, slot), actions(e, slot));
    errors = errors + sum(square(q - tape.constant(targets[e][sz(slot)])));
    count += shape_.n_agents;
  }
  const Var loss = (1.0 / count) * errors;
  margin_ = std::min(margin_, tape.margin());
  if (gradient != nullptr) {
    tape.backward(loss);
    w.add_gradient(*gradient);
  }
  return loss.scalar();
}

std::vector<Var> ComaLoss::policy(const Weights& w, std::size_t episode) const {
  const PlainEpisode& e = episodes_[episode];
  const std::vector<AgentSlot> agents = unroll(w, "agent.", config_.agent, e);
  std::vector<Var> pi;
  for (int t = 0; t <= e.length; ++t) {
    Matrix available(shape_.n_agents, shape_.n_actions);
    for (int i = 0; i < shape_.n_agents; ++i)
      for (int a = 0; a < shape_.n_actions; ++a)
        available(i, a) = e.is_available(t, i, a) ? 1.0 : 0.0;
    const Var floored =
        (1.0 - epsilon_) * softmax_rows(agents[sz(t)].q) + epsilon_ / shape_.n_actions;
    pi.push_back(normalise_rows(floored * w.tape().constant(available)));
  }
  return pi;
}

ComaLoss::PerStep ComaLoss::policies(const Parameters& parameters) const {
  PerStep all(episodes_.size());
  for (std::size_t e = 0; e < episodes_.size(); ++e) {
    Tape tape;
    const std::vector<Var> pi = policy(Weights(tape, parameters, false), e);
    for (int t = 0; t < episodes_[e].length; ++t) all[e].push_back(pi[sz(t)].value());
  }
  return all;
}

ComaLoss::PerStep ComaLoss::advantages(const PerStep& policies, const PerStep& q) const {
  PerStep all(episodes_.size());
  for (std::size_t e = 0; e < episodes_.size(); ++e)
    for (int t = 0; t < episodes_[e].length; ++t) {
      const Matrix& values = q[e][sz(t)];
      const std::vector<int> taken = actions(e, t);
      Matrix advantage(1, shape_.n_agents);
      for (Index i = 0; i < shape_.n_agents; ++i)
        advantage(0, i) = values(i, taken[sz(i)]) - policies[e][sz(t)].row(i).dot(values.row(i));
      all[e].push_back(advantage);
    }
  return all;
}

double ComaLoss::actor_loss(const Parameters& parameters, const PerStep& advantages,
                            std::vector<double>* gradient, double flip_within) const {
  double loss = 0.0;
  for (std::size_t e = 0; e < episodes_.size(); ++e) {
    Tape tape(nullptr, flip_within);
    const Weights w(tape, parameters, gradient != nullptr);
    const std::vector<Var> pi = policy(w, e);
    Var total = tape.constant(0.0);
    for (int t = 0; t < episodes_[e].length; ++t)
      total =
          total + sum(tape.constant(advantages[e][sz(t)]) * log(pick(pi[sz(t)], actions(e, t))));
    total = (-1.0 / (steps_ * shape_.n_agents)) * total;
    loss += total.scalar();
    margin_ = std::min(margin_, tape.margin());
    if (gradient == nullptr) continue;
    tape.backward(total);
    w.add_gradient(*gradient);
  }
  return loss;
}

}  // namespace credo::reference
