#include "learners/reference/ppo.hpp"

#include <algorithm>
#include <cmath>

namespace credo::reference {

double ReturnMoments::mu() const { return weight > 0.0 ? mean / weight : 0.0; }

double ReturnMoments::sigma() const {
  return weight > 0.0 ? std::sqrt(std::max(mean_square / weight - mu() * mu(), 0.01)) : 1.0;
}

void ReturnMoments::add(double beta, double batch_mean, double batch_mean_square) {
  mean = beta * mean + (1.0 - beta) * batch_mean;
  mean_square = beta * mean_square + (1.0 - beta) * batch_mean_square;
  weight = beta * weight + (1.0 - beta);
}

PpoLoss::PpoLoss(const EnvShape& shape, const TrainConfig& config,
                 const std::vector<PlainEpisode>& episodes, const Parameters& old,
                 ReturnMoments& moments)
    : shape_(shape), config_(config), episodes_(episodes) {
  std::size_t slots = 0;
  for (const PlainEpisode& e : episodes) {
    first_slot_.push_back(slots);
    slots += sz(e.length + 1);
  }
  const std::size_t n_rows = slots * sz(shape.n_agents);
  for (std::vector<double>* values : {&rows_.old_log_probs, &rows_.old_values, &rows_.advantages,
                                      &rows_.norm_advantages, &rows_.targets})
    values->assign(n_rows, 0.0);
  std::vector<double> returns(n_rows);
  const bool normalised = config.ppo.value_norm;
  const double mu = normalised ? moments.mu() : 0.0;
  const double sigma = normalised ? moments.sigma() : 1.0;
  for (std::size_t e = 0; e < episodes.size(); ++e) {
    Tape tape;
    const Weights w(tape, old, false);
    const std::vector<AgentSlot> actors = unroll(w, "agent.", config.agent, episodes[e]);
    const std::vector<AgentSlot> critics = critic(w, episodes[e]);
    for (int t = 0; t <= episodes[e].length; ++t) {
      const Matrix v = critics[sz(t)].q.value();
      std::copy_n(v.data(), v.size(), row(rows_.old_values, e, t));
      if (t == episodes[e].length) continue;
      const Matrix log_prob = policy(w, episodes[e], t, actors[sz(t)].q).log_prob.value();
      std::copy_n(log_prob.data(), log_prob.size(), row(rows_.old_log_probs, e, t));
    }
    estimate_advantages(e, mu, sigma, returns);
  }

  double valid = 0.0, sum = 0.0, squares = 0.0, n_active = 0.0, advantage = 0.0, spread = 0.0;
  const auto for_rows = [&](const auto& body) {
    for (std::size_t e = 0; e < episodes.size(); ++e)
      for (int t = 0; t < episodes[e].length; ++t) {
        const Matrix is_active = active(episodes[e], t);
        const std::size_t first = (first_slot_[e] + sz(t)) * sz(shape.n_agents);
        for (Index i = 0; i < is_active.size(); ++i)
          body(first + static_cast<std::size_t>(i), is_active(0, i) != 0.0);
      }
  };
  for_rows([&](std::size_t r, bool is_active) {
    valid += 1.0;
    sum += returns[r];
    squares += returns[r] * returns[r];
    if (!is_active) return;
    n_active += 1.0;
    advantage += rows_.advantages[r];
  });
  const double mean = n_active > 0.0 ? advantage / n_active : 0.0;
  for_rows([&](std::size_t r, bool is_active) {
    if (is_active) spread += (rows_.advantages[r] - mean) * (rows_.advantages[r] - mean);
  });
  const double deviation = n_active > 0.0 ? std::sqrt(spread / n_active) : 0.0;
  if (normalised) moments.add(config.ppo.value_norm_beta, sum / valid, squares / valid);
  const double new_mu = normalised ? moments.mu() : 0.0;
  const double new_sigma = normalised ? moments.sigma() : 1.0;
  for_rows([&](std::size_t r, bool is_active) {
    rows_.targets[r] = (returns[r] - new_mu) / new_sigma;
    if (is_active) rows_.norm_advantages[r] = (rows_.advantages[r] - mean) / (deviation + 1e-5);
  });
}

void PpoLoss::estimate_advantages(std::size_t episode, double mu, double sigma,
                                  std::vector<double>& returns) {
  const PlainEpisode& e = episodes_[episode];
  const double gamma = config_.learner.gamma;
  for (int i = 0; i < shape_.n_agents; ++i) {
    const auto value = [&](int t) {
      if (t == e.length && e.terminated) return 0.0;
      return sigma * row(rows_.old_values, episode, t)[i] + mu;
    };
    for (int t = 0; t < e.length; ++t) {
      double advantage = 0.0;
      double weight = 1.0;
      for (int k = t; k < e.length; ++k, weight *= gamma * config_.ppo.gae_lambda)
        advantage +=
            weight * (static_cast<double>(e.rewards[sz(k)]) + gamma * value(k + 1) - value(k));
      row(rows_.advantages, episode, t)[i] = advantage;
      row(returns, episode, t)[i] = advantage + value(t);
    }
  }
}

PpoLoss::Losses PpoLoss::losses(const Parameters& parameters, const std::vector<int>& places,
                                std::vector<double>* gradient, double flip_within) const {
  const auto& c = config_.ppo;
  double n_valid = 0.0, n_active = 0.0;
  for (const int place : places) {
    const PlainEpisode& e = episodes_[sz(place)];
    n_valid += static_cast<double>(e.length) * shape_.n_agents;
    for (int t = 0; t < e.length; ++t) n_active += active(e, t).sum();
  }
  Losses losses;
  for (const int place : places) {
    const auto episode = sz(place);
    const PlainEpisode& e = episodes_[episode];
    Tape tape(nullptr, flip_within);
    const Weights w(tape, parameters, gradient != nullptr);
    const std::vector<AgentSlot> actors = unroll(w, "agent.", config_.agent, e);
    const std::vector<AgentSlot> critics = critic(w, e);
    Var surrogate = tape.constant(0.0), entropy = surrogate, value = surrogate;
    for (int t = 0; t < e.length; ++t) {
      const Var is_active = tape.constant(active(e, t));
      const Policy pi = policy(w, e, t, actors[sz(t)].q);
      const Var rho = exp(pi.log_prob - tape.constant(at_row(rows_.old_log_probs, episode, t)));
      const Var advantage = tape.constant(at_row(rows_.norm_advantages, episode, t));
      const Var clipped = clamp(rho, 1.0 - c.clip, 1.0 + c.clip) * advantage;
      surrogate = surrogate + sum(minimum(rho * advantage, clipped) * is_active);
      entropy = entropy + sum(pi.entropy * is_active);

      const auto huber = [&](const Var& error) {
        return 0.5 * square(error) - 0.5 * square(relu(abs(error) - c.huber_delta));
      };
      const Var v = transpose(critics[sz(t)].q);
      const Var old = tape.constant(at_row(rows_.old_values, episode, t));
      const Var y = tape.constant(at_row(rows_.targets, episode, t));
      Var loss = huber(y - v);
      if (c.value_clip > 0.0)
        loss = maximum(loss, huber(y - (old + clamp(v - old, -c.value_clip, c.value_clip))));
      value = value + sum(loss);
    }
    const double per_active = n_active > 0.0 ? 1.0 / n_active : 0.0;
    const Var policy_loss = -per_active * surrogate;
    const Var entropy_mean = per_active * entropy;
    const Var actor_loss = policy_loss - c.entropy * entropy_mean;
    const Var critic_loss = (c.value_coef / n_valid) * value;
    losses.policy += policy_loss.scalar();
    losses.entropy += entropy_mean.scalar();
    losses.actor += actor_loss.scalar();
    losses.critic += critic_loss.scalar();
    if (gradient == nullptr) continue;
    margin_ = std::min(margin_, tape.margin());
    tape.backward(actor_loss + critic_loss);
    w.add_gradient(*gradient);
  }
  return losses;
}

PpoLoss::Policy PpoLoss::policy(const Weights& w, const PlainEpisode& e, int slot,
                                const Var& logits) const {
  Tape& tape = w.tape();
  const Matrix may = available(e, slot);
  Matrix largest(logits.rows(), logits.cols());  // of the available ones; changes nothing
  for (Index i = 0; i < largest.rows(); ++i) {
    double best = -std::numeric_limits<double>::infinity();
    for (Index a = 0; a < may.cols(); ++a)
      if (may(i, a) != 0.0) best = std::max(best, logits.value()(i, a));
    largest.row(i).setConstant(best);
  }
  const Var z = (logits - tape.constant(largest)) * tape.constant(may);
  const Var weights = exp(z) * tape.constant(may);
  const Var ones = tape.constant(Matrix::Ones(logits.cols(), 1));
  const Var log_total = transpose(log(matmul(weights, ones)));
  return {.log_prob = pick(z, actions_of(e, slot)) - log_total,
          .entropy = log_total - transpose(matmul(normalise_rows(weights) * z, ones))};
}

std::vector<AgentSlot> PpoLoss::critic(const Weights& w, const PlainEpisode& e) const {
  std::vector<Matrix> inputs;
  for (int t = 0; t <= e.length; ++t) {
    const Matrix own = input_of(config_.agent, e, t);
    if (!config_.ppo.central_critic) {
      inputs.push_back(own);
      continue;
    }
    Matrix state = state_of(e, t).replicate(own.rows(), 1);
    if (config_.ppo.death_masking) state = active(e, t).row(0).asDiagonal() * state;
    Matrix both(own.rows(), state.cols() + own.cols());
    both << state, own;
    inputs.push_back(both);
  }
  return unroll(w, "critic.", config_.agent, inputs);
}

Matrix PpoLoss::available(const PlainEpisode& e, int slot) const {
  Matrix may(shape_.n_agents, shape_.n_actions);
  for (int i = 0; i < shape_.n_agents; ++i)
    for (int a = 0; a < shape_.n_actions; ++a) may(i, a) = e.is_available(slot, i, a) ? 1.0 : 0.0;
  return may;
}

Matrix PpoLoss::active(const PlainEpisode& e, int slot) const {
  const Matrix may = available(e, slot);
  Matrix is_active(1, may.rows());
  for (Index i = 0; i < may.rows(); ++i) is_active(0, i) = may.row(i).sum() >= 2.0 ? 1.0 : 0.0;
  return is_active;
}

std::vector<double>::iterator PpoLoss::row(std::vector<double>& rows, std::size_t episode,
                                           int slot) const {
  return rows.begin() +
         static_cast<std::ptrdiff_t>((first_slot_[episode] + sz(slot)) * sz(shape_.n_agents));
}

Matrix PpoLoss::at_row(const std::vector<double>& rows, std::size_t episode, int slot) const {
  return Eigen::Map<const Matrix>(
      rows.data() + (first_slot_[episode] + sz(slot)) * sz(shape_.n_agents), 1, shape_.n_agents);
}

}  // namespace credo::reference
