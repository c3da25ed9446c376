#include "suite/report/curves.hpp"

#include <algorithm>

#include "suite/results/bootstrap.hpp"

namespace credo::suite {

std::vector<BandPoint> band_curve(const std::vector<SeedCurve>& curves) {
  std::size_t longest = 0;
  for (const SeedCurve& curve : curves) longest = std::max(longest, curve.values.size());
  const auto reaching = [&](std::size_t k) {
    std::vector<const SeedCurve*> runs;
    for (const SeedCurve& curve : curves)
      if (curve.values.size() > k) runs.push_back(&curve);
    return runs;
  };
  std::vector<BandPoint> band(longest);
  // Between two points where runs stop, the same runs stand at every point: one resampling each.
  for (std::size_t begin = 0; begin < longest;) {
    const auto runs = reaching(begin);
    std::size_t end = begin;
    while (end < longest && reaching(end).size() == runs.size()) ++end;
    std::vector<ScoreTable> moments;
    for (std::size_t k = begin; k < end; ++k) {
      moments.push_back({{}});
      std::int64_t sum = 0;
      for (const SeedCurve* run : runs) {
        moments.back()[0].push_back(run->values[k]);
        sum += run->t_env[k];
      }
      const auto& values = moments.back()[0];
      const auto [low, high] = std::minmax_element(values.begin(), values.end());
      band[k] = {sum / static_cast<std::int64_t>(runs.size()), interquartile_mean(values), *low,
                 *high, runs.size()};
    }
    if (runs.size() >= kBootstrapSeeds) {
      const auto estimates = efficiency_curve(moments);
      for (std::size_t k = begin; k < end; ++k) {
        band[k].low = estimates[k - begin].interval->low;
        band[k].high = estimates[k - begin].interval->high;
      }
    }
    begin = end;
  }
  return band;
}

}  // namespace credo::suite
