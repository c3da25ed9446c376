#include "learners/replay/packed_episodes.hpp"

#include <algorithm>

#include "learners/base/index.hpp"

namespace credo {

namespace {

/// Observations up to this size are decoded once: they stay in the second-level cache.
constexpr std::size_t kSmall = std::size_t{256} << 10U;

}  // namespace

PackedEpisodes::PackedEpisodes(const EnvShape& shape, std::span<const Episode* const> batch,
                               std::span<const int> places, Scratch& scratch)
    : shape_(shape), batch_(batch), places_(places) {
  const int n = shape.n_agents;
  int* slots = scratch.take<int>(places.size());
  for (int e = 0; e < count(); ++e) slots[e] = episode(e).slots();
  rows_ = pack_rows(n, {slots, places.size()}, scratch);
  int* last_action = scratch.take<int>(sz(rows_.rows));
  for (int e = 0; e < count(); ++e)
    for (int t = 0; t < episode(e).slots(); ++t)
      for (int i = 0; i < n; ++i)
        last_action[row(e, t) + i] = t > 0 ? episode(e).action(t - 1, i) : -1;
  rows_.last_action = last_action;
  rows_.ahead = &ahead_;
  const std::size_t values = sz(rows_.rows) * sz(shape.obs_dim);
  all_ = values * sizeof(float) <= kSmall;
  obs_ = scratch.floats(all_ ? values : sz(rows_.block_rows) * sz(shape.obs_dim));
}

const float* PackedEpisodes::read_obs(int block, int next) {
  float* const obs =
      all_ ? obs_ + sz(rows_.first_row(rows_.block_begin(block))) * sz(shape_.obs_dim) : obs_;
  ahead_.count = 0;
  if (all_ && block < decoded_) return obs;
  decoded_ = block + 1;
  float* out = obs;
  for (int t = rows_.block_begin(block); t < rows_.block_begin(block + 1); ++t)
    for (int e = 0; e < rows_.live[sz(t)]; ++e, out += shape_.n_agents * shape_.obs_dim)
      episode(e).read_obs(t, out);
  if (next < 0 || next >= rows_.n_blocks()) return obs;
  const int begin = rows_.block_begin(next);
  const int end = rows_.block_begin(next + 1);
  for (int e = 0; e < rows_.live[sz(begin)]; ++e) {
    const auto bytes = episode(e).obs_bytes(begin, std::min(end, episode(e).slots()));
    ahead_.add(bytes.data(), bytes.size());
  }
  return obs;
}

}  // namespace credo
