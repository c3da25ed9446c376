#include "envs/skirmish/flow_field.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>

#include "envs/core/error.hpp"

namespace credo::skirmish {
namespace {

struct Direction {
  int dx;
  int dy;
  int cost;  // 5 straight, 7 diagonal: within 1% of Euclid's ratio
};
constexpr std::array<Direction, 8> kDirections = {
    {{0, 1, 5}, {1, 0, 5}, {0, -1, 5}, {-1, 0, 5}, {1, 1, 7}, {1, -1, 7}, {-1, -1, 7}, {-1, 1, 7}}};
constexpr int kMaxCost = 7;

}  // namespace

FlowField::FlowField(const std::function<bool(int, int)>& open) {
  std::array<std::array<int, kGrid>, kGrid> index{};
  for (int y = 0; y < kGrid; ++y) {
    for (int x = 0; x < kGrid; ++x) {
      index[at(y)][at(x)] = -1;
      if (!open(x, y)) continue;
      index[at(y)][at(x)] = static_cast<int>(cells_.size());
      cells_.push_back({x, y});
    }
  }
  CREDO_CHECK(!cells_.empty(), "a terrain needs open cells");
  const auto index_at = [&](int x, int y) {
    return x < 0 || y < 0 || x >= kGrid || y >= kGrid ? -1 : index[at(y)][at(x)];
  };

  for (int y = 0; y < kGrid; ++y) {
    for (int x = 0; x < kGrid; ++x) {
      int best = std::numeric_limits<int>::max();
      for (std::size_t c = 0; c < cells_.size(); ++c) {
        const int dx = cells_[c].x - x;
        const int dy = cells_[c].y - y;
        if (dx * dx + dy * dy >= best) continue;
        best = dx * dx + dy * dy;
        nearest_[at(y)][at(x)] = static_cast<std::int16_t>(c);
      }
    }
  }

  // Dijkstra from every goal with a bucket queue; a cell's step leads to the cell it was
  // reached from.
  const std::size_t n = cells_.size();
  step_.assign(n * n, kNone);
  std::vector<int> distance(n);
  std::array<std::vector<int>, kMaxCost + 1> buckets;
  for (std::size_t goal = 0; goal < n; ++goal) {
    std::fill(distance.begin(), distance.end(), std::numeric_limits<int>::max());
    distance[goal] = 0;
    buckets[0].push_back(static_cast<int>(goal));
    std::size_t waiting = 1;
    for (int d = 0; waiting > 0; ++d) {
      std::vector<int>& bucket = buckets[at(d) % buckets.size()];
      for (std::size_t k = 0; k < bucket.size(); ++k, --waiting) {
        const auto c = at(bucket[k]);
        if (distance[c] != d) continue;
        for (std::size_t dir = 0; dir < kDirections.size(); ++dir) {
          const Direction& step = kDirections[dir];
          const int x = cells_[c].x;
          const int y = cells_[c].y;
          const int to = index_at(x + step.dx, y + step.dy);
          if (to < 0 || index_at(x + step.dx, y) < 0 || index_at(x, y + step.dy) < 0) continue;
          if (d + step.cost >= distance[at(to)]) continue;
          distance[at(to)] = d + step.cost;
          // From `to` the way back to `c` is the opposite direction.
          step_[goal * n + at(to)] =
              static_cast<std::uint8_t>(dir < 4 ? (dir + 2) % 4 : 4 + (dir - 4 + 2) % 4);
          buckets[at(d + step.cost) % buckets.size()].push_back(to);
          ++waiting;
        }
      }
      bucket.clear();
    }
  }
}

Cell FlowField::snap(Cell cell) const {
  const int x = std::clamp(cell.x, 0, kGrid - 1);
  const int y = std::clamp(cell.y, 0, kGrid - 1);
  return cells_[at(nearest_[at(y)][at(x)])];
}

Cell FlowField::next(Cell from, Cell goal) const {
  const Cell a = snap(from);
  const Cell b = snap(goal);
  const auto from_index = at(nearest_[at(a.y)][at(a.x)]);
  const auto goal_index = at(nearest_[at(b.y)][at(b.x)]);
  const std::uint8_t dir = step_[goal_index * cells_.size() + from_index];
  if (dir == kNone) return a;
  return {a.x + kDirections[dir].dx, a.y + kDirections[dir].dy};
}

}  // namespace credo::skirmish
