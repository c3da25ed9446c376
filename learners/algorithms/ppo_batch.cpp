#include "learners/algorithms/ppo_batch.hpp"

#include <algorithm>
#include <cmath>

#include "learners/algorithms/returns.hpp"
#include "learners/base/index.hpp"

namespace credo {

void PpoBatch::take(std::span<const EpisodeView> episodes) {
  const int n = shape_.n_agents;
  views_.assign(episodes.begin(), episodes.end());
  first_slot_.clear();
  std::size_t total = 0;
  for (const EpisodeView& v : views_) {
    first_slot_.push_back(total);
    total += sz(v.length + 1);
  }
  has_choice_.resize(total * sz(n));
  for (int e = 0; e < count(); ++e)
    for (int t = 0; t < slots(e); ++t)
      for (int i = 0; i < n; ++i) {
        const std::uint8_t* avail =
            view(e).avail + t * view(e).avail_stride + at(i, shape_.n_actions);
        const auto available = std::count(avail, avail + shape_.n_actions, 1);
        has_choice_[row(e, t) + sz(i)] = available >= 2 ? 1 : 0;
      }
  for (std::vector<float>* list : {&old_log_prob, &old_value, &norm_advantage, &target})
    list->assign(rows(), 0.0F);
  for (std::vector<double>* list : {&values, &advantages, &returns}) list->assign(rows(), 0.0);
}

template <class Body>
void PpoBatch::for_valid_rows(const Body& body) const {
  for (int e = 0; e < count(); ++e) {
    const std::size_t end = row(e, view(e).length);
    for (std::size_t r = row(e, 0); r < end; ++r) body(r);
  }
}

void PpoBatch::estimate_advantages(double mu, double sigma) {
  const int n = shape_.n_agents;
  const double gamma = config_.learner.gamma;
  for (std::size_t r = 0; r < rows(); ++r)
    values[r] = sigma * static_cast<double>(old_value[r]) + mu;
  for (int e = 0; e < count(); ++e) {
    const EpisodeView& v = view(e);
    for (int i = 0; i < n; ++i) {
      const auto place = [&](int t) { return row(e, t) + sz(i); };
      advantage_estimates(
          gamma, config_.ppo.gae_lambda, v.length, v.terminated,
          [&](int t) { return static_cast<double>(v.rewards[t * v.reward_stride]); },
          [&](int t) { return values[place(t)]; },
          [&](int t, double advantage) {
            advantages[place(t)] = advantage;
            returns[place(t)] = advantage + values[place(t)];
          });
    }
  }
}

PpoTargetStats PpoBatch::compute_targets(ValueNorm& norm) {
  const bool normalised = config_.ppo.value_norm;
  estimate_advantages(normalised ? norm.mean() : 0.0, normalised ? norm.deviation() : 1.0);
  PpoTargetStats stats;
  double valid = 0.0, sum = 0.0, squares = 0.0, error = 0.0, active = 0.0, advantage = 0.0;
  for_valid_rows([&](std::size_t r) {
    valid += 1.0;
    sum += returns[r];
    squares += returns[r] * returns[r];
    error += advantages[r];
    if (!has_choice(r)) return;
    active += 1.0;
    advantage += advantages[r];
  });
  const double mean = sum / valid;
  const double error_mean = error / valid;
  stats.advantage_mean = active > 0.0 ? advantage / active : 0.0;
  double spread = 0.0, error_spread = 0.0, advantage_spread = 0.0;
  for_valid_rows([&](std::size_t r) {
    spread += (returns[r] - mean) * (returns[r] - mean);
    error_spread += (advantages[r] - error_mean) * (advantages[r] - error_mean);
    const double d = advantages[r] - stats.advantage_mean;
    if (has_choice(r)) advantage_spread += d * d;
  });
  stats.advantage_std = active > 0.0 ? std::sqrt(advantage_spread / active) : 0.0;
  stats.explained_variance = spread > 0.0 ? 1.0 - error_spread / spread : 0.0;

  if (normalised) norm.update(mean, squares / valid);
  const double mu = normalised ? norm.mean() : 0.0;
  const double sigma = normalised ? norm.deviation() : 1.0;
  constexpr double kEps = 1e-5;  // on-policy's
  for_valid_rows([&](std::size_t r) {
    target[r] = static_cast<float>((returns[r] - mu) / sigma);
    if (has_choice(r))
      norm_advantage[r] =
          static_cast<float>((advantages[r] - stats.advantage_mean) / (stats.advantage_std + kEps));
  });
  return stats;
}

}  // namespace credo
