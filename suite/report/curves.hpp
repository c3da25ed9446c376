// Curves of several seeds put together: interquartile mean and band at each evaluation.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace credo::suite {

/// Seeds from which on bands are bootstrap intervals; with fewer they span the seeds.
inline constexpr std::size_t kBootstrapSeeds = 4;

/// One run's measure at its evaluations.
struct SeedCurve {
  std::vector<std::int64_t> t_env;
  std::vector<double> values;
};

struct BandPoint {
  std::int64_t t_env = 0;  ///< mean over the runs, for evaluations follow the ends of episodes
  double mid = 0.0, low = 0.0, high = 0.0;
  std::size_t n = 0;  ///< runs that got this far
};

/// The k-th point sums up the k-th evaluations; shorter runs count as far as they got.
std::vector<BandPoint> band_curve(const std::vector<SeedCurve>& curves);

}  // namespace credo::suite
