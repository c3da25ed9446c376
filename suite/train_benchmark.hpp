// Speed of one learner update against the machine's own peak, measured in the same process.
#pragma once

#include <string>
#include <vector>

namespace credo::suite {

struct TrainBenchmarkRow {
  std::string shape;
  int threads = 1;
  int batch = 32;
  bool entropy = false;       ///< gradient entropy in the loss
  bool real_lengths = false;  ///< episode lengths drawn as in play, not all full
  double ms = 0.0;            ///< median time of an update
  double gflop = 0.0;         ///< dense count: what a product over every padded row would cost
  double gflops = 0.0;        ///< gflop per second
  double peak_gflops = 0.0;   ///< FMA peak of `threads` threads
  double fraction_of_peak = 0.0;
};

/// The standard shapes: 3m, 2s3z, 8m, MMM2, 27m_vs_30m.
std::vector<std::string> train_benchmark_shapes();

/// QMIX with two-layer hypernetworks and PyMARL's sizes on synthetic episodes. Runs in the caller's
/// arena of `threads` threads. Errors: UserError for an unknown shape.
TrainBenchmarkRow benchmark_training(const std::string& shape, int threads, bool entropy,
                                     bool real_lengths);

struct ActionBenchmarkRow {
  std::string shape;
  int n_envs = 1;
  double us = 0.0;  ///< median time of one forward pass for all agents of n_envs environments
};
ActionBenchmarkRow benchmark_acting(const std::string& shape, int n_envs);

}  // namespace credo::suite
