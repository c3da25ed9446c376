// Optimal reciprocal collision avoidance for discs and rectangular walls (van den Berg, Guy, Lin
// and Manocha 2011, "Reciprocal n-body collision avoidance"): every neighbour excludes a
// half-plane of velocities, and a small linear program finds the allowed velocity nearest to the
// preferred one.
//
//   orca::Plan plan(position, velocity, radius, max_speed);
//   for (wall : walls) plan.avoid(wall);             // all walls first
//   for (other : neighbours) plan.avoid(other, share);
//   const Vec v = plan.velocity(wish);
//
// Double precision, no library function but the square root, fixed order: the same bits everywhere.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "envs/skirmish/terrain.hpp"

namespace credo::skirmish::orca {

struct Vec {
  double x = 0.0;
  double y = 0.0;
};

/// Another unit: where it is, its velocity in cells per second, and the distance to keep from it.
struct Disc {
  Vec position;
  Vec velocity;
  double distance = 0.0;
};

/// An axis-aligned block of walls; relative to the map's centre, in cells.
struct Block {
  Vec low;
  Vec high;
};

/// Time horizon for walls and neighbours, in seconds; discs that already overlap separate within
/// one loop.
inline constexpr double kHorizon = 1.0;
inline constexpr double kLoop = 1.0 / 16.0;

/// Cells that are not open, merged to rectangles: runs along x, extended north while every cell
/// above is blocked as well. They may overlap.
std::vector<Block> blocks_of(const Terrain& terrain);

/// Whether a block is within `reach` of a position.
bool is_near(const Block& block, Vec position, double reach);

class Plan {
 public:
  Plan(Vec position, Vec velocity, double radius, double max_speed)
      : position_(position), velocity_(velocity), radius_(radius), max_speed_(max_speed) {}

  void avoid(const Block& block);
  /// `share`: the part of the evasion taken by this unit: 0.5 if both move, 1 if the other stands.
  void avoid(const Disc& other, double share);

  /// The allowed velocity nearest to `wish`; if there is none, the one that violates the neighbours
  /// least without running into walls.
  Vec velocity(Vec wish) const;

 private:
  /// The allowed half-plane lies to the left of `direction` through `point`.
  struct Line {
    Vec point;
    Vec direction;
  };
  // At most two sides of each of 512 blocks face a unit; at most 127 others.
  static constexpr std::size_t kMaxLines = 2 * 512 + 128;
  using Lines = std::array<Line, kMaxLines>;

  void avoid_side(const std::array<Vec, 4>& corners, std::size_t side);
  void add(Vec point, Vec direction);
  static bool on_line(const Lines& lines, std::size_t number, double radius, Vec wish,
                      bool direction_only, Vec& result);
  static std::size_t nearest(const Lines& lines, std::size_t n, double radius, Vec wish,
                             bool direction_only, Vec& result);
  void least_violation(std::size_t failed, Vec& result) const;

  Vec position_, velocity_;
  double radius_, max_speed_;
  Lines lines_;
  std::size_t n_lines_ = 0, n_walls_ = 0;
};

}  // namespace credo::skirmish::orca
