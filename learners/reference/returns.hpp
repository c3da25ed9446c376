// Targets: lambda-returns, n-step returns, and rewards standardised by their running moments.
#pragma once

#include <vector>

#include "learners/replay/plain_episode.hpp"

namespace credo::reference {

/// lambda-returns by their definition (Sutton and Barto 2018, section 12.1), the weighted sum of
/// n-step returns cut off at the episode's end:
///   G_t = (1 - lambda) sum_{n < L-t} lambda^(n-1) G_t^(n) + lambda^(L-t-1) G_t^(L-t)
///   G_t^(n) = r_t + ... + gamma^(n-1) r_{t+n-1} + gamma^n V_{t+n}
/// next_values[t]: V of slot t + 1. A terminated episode has no V after its last step; a time limit
/// bootstraps. lambda 0: one-step targets.
std::vector<double> lambda_returns(const std::vector<double>& rewards,
                                   const std::vector<double>& next_values, bool terminated,
                                   double gamma, double lambda);

/// G_t^(m) of the same, m = min(n, length - t).
std::vector<double> n_step_returns(const std::vector<double>& rewards,
                                   const std::vector<double>& next_values, bool terminated,
                                   double gamma, int n);

/// Mean and deviation of standardised rewards (EPyMARL's standardise_rewards;
/// docs/algorithms/iql.md) once these batches have been learnt from, in closed form: the prior
/// counts as 1e-4 steps of mean 0 and variance 1, a batch's own spread as its unbiased variance.
struct RewardMoments {
  double mean = 0.0;
  double deviation = 1.0;
};
RewardMoments reward_moments(const std::vector<std::vector<double>>& batches);
/// The rewards of all steps of a batch, and those of one episode as the targets see them.
std::vector<double> all_rewards(const std::vector<PlainEpisode>& episodes);
std::vector<double> scaled_rewards(const PlainEpisode& episode, const RewardMoments& moments);

}  // namespace credo::reference
