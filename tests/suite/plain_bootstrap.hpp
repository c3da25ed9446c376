// The percentile bootstrap as its definition reads, an oracle for the fast one.
#pragma once

#include <cstddef>
#include <vector>

#include "envs/core/random.hpp"
#include "suite/results/statistics.hpp"

namespace credo::suite::testing {

/// Stratified: runs are drawn again within each task, with the draws of bootstrap.hpp.
template <typename Statistic>
Interval bootstrap_interval(const ScoreTable& scores, const Statistic& statistic,
                            const BootstrapOptions& options = {}) {
  std::vector<double> values(static_cast<std::size_t>(options.repetitions));
  ScoreTable resampled = scores;
  for (std::size_t repetition = 0; repetition < values.size(); ++repetition) {
    Stream stream(options.seed, purpose("bootstrap"), 0, repetition);
    for (std::size_t task = 0; task < scores.size(); ++task) {
      const auto n_runs = static_cast<std::uint32_t>(scores[task].size());
      for (double& score : resampled[task]) score = scores[task][stream.below(n_runs)];
    }
    values[repetition] = statistic(resampled);
  }
  const double tail = 50.0 * (1.0 - options.confidence);
  return {percentile(values, tail), percentile(values, 100.0 - tail)};
}

}  // namespace credo::suite::testing
