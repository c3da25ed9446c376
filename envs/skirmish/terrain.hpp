// The terrain of a battle: walkable cells, in coordinates relative to the map's centre ([-16, 16]
// on both axes, so that mirrored battles are exact mirror images), and paths around walls.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "envs/skirmish/data.hpp"

namespace credo::skirmish {

inline constexpr float kHalf = static_cast<float>(kGrid) / 2.0F;

/// Rounds to a multiple of 2^-18. Positions are such multiples with magnitude up to 16, so sums and
/// differences of positions are exact and do not depend on order. For |d| < 16.
inline constexpr float kQuantum = 48.0F;  // floats in [32, 64) are 2^-18 apart
inline float quantise(float d) { return (d + kQuantum) - kQuantum; }

/// The cell of a coordinate. Positions lie in [-16, 16], edges of units may be slightly outside.
inline int cell_of(float coordinate) {
  constexpr float kOffset = kHalf + static_cast<float>(kGrid);
  return static_cast<int>(coordinate + kOffset) - kGrid;
}

class FlowField;

class Terrain {
 public:
  explicit Terrain(const TerrainData& data);

  bool walled() const { return flow_ != nullptr; }
  /// Pathable for ground units; cells outside the map are not.
  bool open(int cx, int cy) const { return test(open_, cx, cy); }
  /// A cliff: blocked, but not for units that walk over cliffs.
  bool cliff(int cx, int cy) const { return test(cliff_, cx, cy) && !open(cx, cy); }
  bool in_map(int cx, int cy) const { return cx >= 0 && cx < kGrid && cy >= 0 && cy < kGrid; }
  std::uint8_t height(int cx, int cy) const;
  std::uint8_t height_at(float x, float y) const { return height(cell_of(x), cell_of(y)); }

  /// A rectangle in which no unit is near a wall: low <= x < high; empty if there is none.
  struct Rectangle {
    float x_low = 0.0F, x_high = 0.0F, y_low = 0.0F, y_high = 0.0F;
  };
  const Rectangle& clear() const { return clear_rectangle_; }

  /// Moves a unit of wall radius `r` by (dx, dy), |d| < 1, sliding along walls.
  void move_ground(float& x, float& y, float dx, float dy, float r) const {
    const float nx = x + dx;
    const float ny = y + dy;
    if (test(clear_, cell_of(nx), cell_of(ny))) [[likely]] {
      x = nx;
      y = ny;
    } else {
      slide(open_, x, y, dx, dy, r);
    }
  }
  /// The same for units that also walk over cliffs.
  void move_cliff(float& x, float& y, float dx, float dy, float r) const {
    slide(cliff_, x, y, dx, dy, r);
  }
  /// Flying units: only the edge of the map stops them.
  static void move_air(float& x, float& y, float dx, float dy);

  /// A ground unit of wall radius r can stand here.
  bool fits(float x, float y, float r) const;
  /// A ground unit of radius r can walk the straight line.
  bool straight(float x0, float y0, float x1, float y1, float r) const;
  /// The point to head for on the way from (x, y) to (gx, gy): the goal itself if the straight line
  /// is free, else a waypoint of a shortest path.
  void waypoint(float x, float y, float gx, float gy, float r, float& wx, float& wy) const;

 private:
  using Rows = std::array<std::uint32_t, kGrid>;  // bit x of row y

  static bool test(const Rows& rows, int cx, int cy) {
    return static_cast<unsigned>(cx) < kGrid && static_cast<unsigned>(cy) < kGrid &&
           ((rows[static_cast<unsigned>(cy)] >> static_cast<unsigned>(cx)) & 1U) != 0;
  }
  static void slide(const Rows& rows, float& x, float& y, float dx, float dy, float r);
  bool line(float x0, float y0, float x1, float y1) const;

  Rows open_{};
  Rows cliff_{};  // open or cliff
  Rows clear_{};  // open with all eight neighbours open: no wall within reach
  std::array<std::array<std::uint8_t, kGrid>, kGrid> height_{};
  Rectangle clear_rectangle_;
  std::shared_ptr<const FlowField> flow_;
};

}  // namespace credo::skirmish
