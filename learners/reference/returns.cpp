#include "learners/reference/returns.hpp"

#include <algorithm>
#include <cmath>

namespace credo::reference {

std::vector<double> lambda_returns(const std::vector<double>& rewards,
                                   const std::vector<double>& next_values, bool terminated,
                                   double gamma, double lambda) {
  const std::size_t length = rewards.size();
  std::vector<double> returns(length);
  for (std::size_t t = 0; t < length; ++t) {
    double rewards_so_far = 0.0;
    double discount = 1.0;
    double weight = 1.0;  // lambda^(n - 1), what is left for returns of n or more steps
    for (std::size_t n = 1; t + n <= length; ++n) {
      rewards_so_far += discount * rewards[t + n - 1];
      discount *= gamma;
      const bool last = t + n == length;
      const double bootstrap = last && terminated ? 0.0 : discount * next_values[t + n - 1];
      returns[t] += (last ? weight : (1.0 - lambda) * weight) * (rewards_so_far + bootstrap);
      weight *= lambda;
    }
  }
  return returns;
}

std::vector<double> n_step_returns(const std::vector<double>& rewards,
                                   const std::vector<double>& next_values, bool terminated,
                                   double gamma, int n) {
  const std::size_t length = rewards.size();
  std::vector<double> returns(length);
  for (std::size_t t = 0; t < length; ++t) {
    const std::size_t end = std::min(length, t + static_cast<std::size_t>(n));
    double discount = 1.0;
    for (std::size_t k = t; k < end; ++k, discount *= gamma) returns[t] += discount * rewards[k];
    if (end < length || !terminated) returns[t] += discount * next_values[end - 1];
  }
  return returns;
}

RewardMoments reward_moments(const std::vector<std::vector<double>>& batches) {
  constexpr double kPrior = 1e-4;
  double count = kPrior, sum = 0.0, squares = 0.0, own = 0.0, unbiased = 0.0;
  for (const auto& batch : batches) {
    const auto n = static_cast<double>(batch.size());
    double batch_sum = 0.0, batch_squares = 0.0;
    for (const double r : batch) {
      batch_sum += r;
      batch_squares += r * r;
    }
    const double spread = batch_squares - batch_sum * batch_sum / n;
    count += n;
    sum += batch_sum;
    squares += batch_squares;
    own += spread;
    unbiased += n > 1.0 ? spread * n / (n - 1.0) : 0.0;
  }
  const double mean = sum / count;
  const double between = squares - count * mean * mean - own;
  return {mean, std::sqrt((kPrior + unbiased + between) / count)};
}

std::vector<double> all_rewards(const std::vector<PlainEpisode>& episodes) {
  std::vector<double> rewards;
  for (const PlainEpisode& e : episodes)
    rewards.insert(rewards.end(), e.rewards.begin(), e.rewards.end());
  return rewards;
}

std::vector<double> scaled_rewards(const PlainEpisode& episode, const RewardMoments& moments) {
  std::vector<double> rewards;
  for (const double r : episode.rewards) rewards.push_back((r - moments.mean) / moments.deviation);
  return rewards;
}

}  // namespace credo::reference
