#include "learners/replay/packed_views.hpp"

#include <algorithm>

#include "learners/base/index.hpp"

namespace credo {

PackedViews::PackedViews(const EnvShape& shape, std::span<const EpisodeView> batch,
                         std::span<const int> places, Scratch& scratch)
    : shape_(shape), batch_(batch), places_(places) {
  const int n = shape.n_agents;
  int* slots = scratch.take<int>(places.size());
  for (int e = 0; e < count(); ++e) slots[e] = view(e).length + 1;
  rows_ = pack_rows(n, {slots, places.size()}, scratch);
  int* last_action = scratch.take<int>(sz(rows_.rows));
  actions_ = scratch.take<int>(sz(rows_.rows));
  avail_ = scratch.take<std::uint8_t>(sz(rows_.rows) * sz(shape.n_actions));
  for (int t = 0; t < rows_.slots(); ++t)
    for (int e = 0; e < rows_.live[sz(t)]; ++e) {
      const EpisodeView& v = view(e);
      const int first = row(e, t);
      for (int i = 0; i < n; ++i) {
        last_action[first + i] = t > 0 ? v.actions[(t - 1) * v.action_stride + i] : -1;
        actions_[first + i] = t < v.length ? v.actions[t * v.action_stride + i] : 0;
      }
      std::copy_n(v.avail + t * v.avail_stride, n * shape.n_actions,
                  avail_ + at(first, shape.n_actions));
    }
  rows_.last_action = last_action;
}

void PackedViews::read_obs(int block, float* out) const {
  const int width = shape_.n_agents * shape_.obs_dim;
  for (int t = rows_.block_begin(block); t < rows_.block_begin(block + 1); ++t)
    for (int e = 0; e < rows_.live[sz(t)]; ++e, out += width)
      std::copy_n(view(e).obs + t * view(e).obs_stride, width, out);
}

}  // namespace credo
