// Speed of one learner update relative to the machine's peak, which is measured alternately with
// the updates in the same process, so that a machine that slows down affects both.
#pragma once

#include <string>
#include <vector>

namespace credo::suite {

/// One kind of update on one shape. Times are medians; ratios are medians of ratios of neighbours.
struct TrainBenchmarkRow {
  std::string shape;
  std::string variant;  ///< "full", "real lengths", "entropy", "ippo" or "mappo"
  int threads = 1;
  int batch = 32;
  int updates = 0;           ///< updates measured
  double ms = 0.0;           ///< time of an update
  double gflop = 0.0;        ///< dense count: every row up to the longest episode, no step left out
  double gflop_valid = 0.0;  ///< the same without the padding after an episode's end
  double gflops = 0.0;       ///< gflop per second
  double peak_gflops = 0.0;  ///< FMA peak of `threads` threads
  double times_floor = 0.0;  ///< time over gflop / peak
  double times_full = 0.0;   ///< time over that of a "full" update
};

/// The standard shapes: 3m, 2s3z, 8m, MMM2, 27m_vs_30m.
std::vector<std::string> train_benchmark_shapes();

/// QMIX with two-layer hypernetworks and PyMARL's sizes on synthetic episodes. Runs in the caller's
/// arena of `threads` threads. "full": all episodes reach the limit. With `all`, alternately:
/// realistic lengths, gradient entropy in the loss, and PPO's update of a batch of as many episodes
/// of full length, with its own dense count: the old values, then ppo.epochs steps of actor and
/// critic. Errors: UserError for an unknown shape.
std::vector<TrainBenchmarkRow> benchmark_training(const std::string& shape, int threads, bool all);

struct ActionBenchmarkRow {
  std::string shape;
  int n_envs = 1;
  double us = 0.0;  ///< median time to choose the actions of all agents of n_envs environments
};
/// Forward pass and greedy choice among available actions; observing is not part of it.
ActionBenchmarkRow benchmark_acting(const std::string& shape, int n_envs);

}  // namespace credo::suite
