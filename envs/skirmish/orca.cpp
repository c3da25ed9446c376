#include "envs/skirmish/orca.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace credo::skirmish::orca {
namespace {

constexpr double kParallel = 1e-5;
constexpr double kCovered = -1e-5;
constexpr double kInverse = 1.0 / kHorizon;

Vec operator+(Vec a, Vec b) { return {a.x + b.x, a.y + b.y}; }
Vec operator-(Vec a, Vec b) { return {a.x - b.x, a.y - b.y}; }
Vec operator-(Vec a) { return {-a.x, -a.y}; }
Vec operator*(double s, Vec a) { return {s * a.x, s * a.y}; }
double dot(Vec a, Vec b) { return a.x * b.x + a.y * b.y; }
/// Positive when b points to the left of a.
double cross(Vec a, Vec b) { return a.x * b.y - a.y * b.x; }
Vec unit(Vec a) { return (1.0 / std::sqrt(dot(a, a))) * a; }
/// A quarter turn to the right.
Vec right_of(Vec a) { return {a.y, -a.x}; }

/// Directions of the two tangents from the origin to a circle of radius r around p.
struct Tangents {
  Vec left, right;
};
Tangents tangents(Vec left_centre, Vec right_centre, double r) {
  const double l2 = dot(left_centre, left_centre);
  const double r2 = dot(right_centre, right_centre);
  const double left = std::sqrt(std::max(l2 - r * r, 0.0));
  const double right = std::sqrt(std::max(r2 - r * r, 0.0));
  const Vec lc = (1.0 / l2) * left_centre;
  const Vec rc = (1.0 / r2) * right_centre;
  return {{lc.x * left - lc.y * r, lc.x * r + lc.y * left},
          {rc.x * right + rc.y * r, rc.y * right - rc.x * r}};
}

}  // namespace

std::vector<Block> blocks_of(const Terrain& terrain) {
  std::vector<Block> blocks;
  std::array<std::array<bool, kGrid>, kGrid> done{};
  const auto cell = [&done](int x, int y) -> bool& {
    return done[static_cast<std::size_t>(y)][static_cast<std::size_t>(x)];
  };
  for (int y = 0; y < kGrid; ++y) {
    for (int x = 0; x < kGrid; ++x) {
      if (cell(x, y) || terrain.open(x, y)) continue;
      int end = x;
      for (; end < kGrid && !terrain.open(end, y); ++end) cell(end, y) = true;
      int top = y + 1;
      const auto blocked = [&](int row) {
        for (int c = x; c < end; ++c) {
          if (terrain.open(c, row)) return false;
        }
        return true;
      };
      for (; top < kGrid && blocked(top); ++top) {
        for (int c = x; c < end; ++c) cell(c, top) = true;
      }
      constexpr double kCentre = kHalf;
      blocks.push_back({{x - kCentre, y - kCentre}, {end - kCentre, top - kCentre}});
    }
  }
  return blocks;
}

bool is_near(const Block& block, Vec position, double reach) {
  const double dx = std::max({block.low.x - position.x, position.x - block.high.x, 0.0});
  const double dy = std::max({block.low.y - position.y, position.y - block.high.y, 0.0});
  return dx * dx + dy * dy <= reach * reach;
}

void Plan::add(Vec point, Vec direction) {
  if (n_lines_ < kMaxLines) lines_[n_lines_++] = {point, direction};
}

void Plan::avoid(const Disc& other, double share) {
  const Vec apart = other.position - position_;
  const Vec relative = velocity_ - other.velocity;
  const double distance2 = dot(apart, apart);
  const double r = other.distance;
  Vec direction;
  Vec change;  // the least change of the relative velocity that avoids the other
  const bool touching = distance2 <= r * r;
  const double inverse = touching ? 1.0 / kLoop : kInverse;
  // From the centre of the velocity obstacle's cut-off circle.
  const Vec w = relative - inverse * apart;
  const double w2 = dot(w, w);
  const double along = dot(w, apart);
  if (touching || (along < 0.0 && along * along > r * r * w2)) {
    const double length = std::sqrt(w2);
    // Same position and velocity: any direction will do.
    const Vec away = length > 0.0 ? (1.0 / length) * w : Vec{1.0, 0.0};
    direction = right_of(away);
    change = (r * inverse - length) * away;
  } else {
    const Tangents legs = tangents(apart, apart, r);
    direction = cross(apart, w) > 0.0 ? legs.left : -legs.right;
    change = dot(relative, direction) * direction - relative;
  }
  add(velocity_ + share * change, direction);
}

void Plan::avoid(const Block& block) {
  const std::array<Vec, 4> corners = {
      block.low, {block.high.x, block.low.y}, block.high, {block.low.x, block.high.y}};
  for (std::size_t side = 0; side < 4; ++side) avoid_side(corners, side);
  n_walls_ = n_lines_;
}

// One side of a block, anticlockwise from corner `side`; only sides that face the unit count.
void Plan::avoid_side(const std::array<Vec, 4>& corners, std::size_t side) {
  static constexpr std::array<Vec, 4> kAlong = {{{1.0, 0.0}, {0.0, 1.0}, {-1.0, 0.0}, {0.0, -1.0}}};
  std::size_t first = side;
  std::size_t second = (side + 1) % 4;
  const Vec to_first = corners[first] - position_;
  const Vec to_second = corners[second] - position_;
  const Vec along = corners[second] - corners[first];
  if (cross(to_first, along) >= 0.0) return;
  const auto hidden_by = [&](const Line& line) {
    return cross(kInverse * to_first - line.point, line.direction) - kInverse * radius_ >=
               kCovered &&
           cross(kInverse * to_second - line.point, line.direction) - kInverse * radius_ >=
               kCovered;
  };
  for (std::size_t k = 0; k < n_lines_; ++k) {
    if (hidden_by(lines_[k])) return;
  }
  const double r2 = radius_ * radius_;
  const double first2 = dot(to_first, to_first);
  const double second2 = dot(to_second, to_second);
  const double s = -dot(to_first, along) / dot(along, along);
  const Vec foot = -to_first - s * along;
  const double foot2 = dot(foot, foot);

  // Touching: do not come nearer.
  if (s < 0.0 && first2 < r2) {
    add({}, unit({-to_first.y, to_first.x}));
    return;
  }
  if (s > 1.0 && second2 <= r2) {
    if (cross(to_second, kAlong[second]) >= 0.0) add({}, unit({-to_second.y, to_second.x}));
    return;
  }
  if (s > 0.0 && s < 1.0 && foot2 <= r2) {
    add({}, -kAlong[first]);
    return;
  }

  // The velocity obstacle's legs; seen nearly end-on, the side is a point.
  if (s < 0.0 && foot2 <= r2)
    second = first;
  else if (s > 1.0 && foot2 <= r2)
    first = second;
  Tangents legs = tangents(corners[first] - position_, corners[second] - position_, radius_);
  bool foreign_left = false;  // the leg belongs to the neighbouring side
  bool foreign_right = false;
  const Vec before = kAlong[(side + 3) % 4];
  if (cross(legs.left, -before) >= 0.0) {
    legs.left = -before;
    foreign_left = true;
  }
  if (cross(legs.right, kAlong[second]) <= 0.0) {
    legs.right = kAlong[second];
    foreign_right = true;
  }
  const Vec left = kInverse * (corners[first] - position_);
  const Vec right = kInverse * (corners[second] - position_);
  const Vec cutoff = right - left;
  const bool point = first == second;
  const Vec from_left = velocity_ - left;
  const Vec from_right = velocity_ - right;
  const double t = point ? 0.5 : dot(from_left, cutoff) / dot(cutoff, cutoff);
  const double t_left = dot(from_left, legs.left);
  const double t_right = dot(from_right, legs.right);
  const double r = radius_ * kInverse;
  if ((t < 0.0 && t_left < 0.0) || (point && t_left < 0.0 && t_right < 0.0)) {
    const Vec away = unit(from_left);
    add(left + r * away, right_of(away));
    return;
  }
  if (t > 1.0 && t_right < 0.0) {
    const Vec away = unit(from_right);
    add(right + r * away, right_of(away));
    return;
  }
  constexpr double kNever = std::numeric_limits<double>::infinity();
  const auto distance2_to = [this](Vec p) { return dot(velocity_ - p, velocity_ - p); };
  const double to_cutoff = t < 0.0 || t > 1.0 || point ? kNever : distance2_to(left + t * cutoff);
  const double to_left = t_left < 0.0 ? kNever : distance2_to(left + t_left * legs.left);
  const double to_right = t_right < 0.0 ? kNever : distance2_to(right + t_right * legs.right);
  // The paper shifts the line by the radius along its normal. SMAClite's released code adds the
  // same number to both coordinates, which is right for walls along y and no shift for walls along
  // x: units approach those as points until they touch. Kept, since the profiles that use this
  // serve for comparison with SMAClite.
  const auto beside = [&](Vec at, Vec direction) {
    add(at + r * Vec{-direction.y, -direction.y}, direction);
  };
  if (to_cutoff <= to_left && to_cutoff <= to_right)
    beside(left, -kAlong[first]);
  else if (to_left <= to_right) {
    if (!foreign_left) beside(left, legs.left);
  } else if (!foreign_right) {
    beside(right, -legs.right);
  }
}

// The best point on line `number` within the circle and all previous half-planes; false if there is
// none.
bool Plan::on_line(const Lines& lines, std::size_t number, double radius, Vec wish,
                   bool direction_only, Vec& result) {
  const Line& line = lines[number];
  const double along = dot(line.point, line.direction);
  const double discriminant = along * along + radius * radius - dot(line.point, line.point);
  if (discriminant < 0.0) return false;
  const double half = std::sqrt(discriminant);
  double low = -along - half;
  double high = -along + half;
  for (std::size_t k = 0; k < number; ++k) {
    const double denominator = cross(line.direction, lines[k].direction);
    const double numerator = cross(lines[k].direction, line.point - lines[k].point);
    if (std::fabs(denominator) < kParallel) {
      if (numerator < 0.0) return false;
      continue;
    }
    const double t = numerator / denominator;
    if (denominator >= 0.0)
      high = std::min(high, t);
    else
      low = std::max(low, t);
    if (low > high) return false;
  }
  double t;
  if (direction_only)
    t = dot(wish, line.direction) > 0.0 ? high : low;
  else
    t = std::clamp(dot(line.direction, wish - line.point), low, high);
  result = line.point + t * line.direction;
  return true;
}

// Incremental 2D linear program; returns the index of the first infeasible half-plane, n if none.
std::size_t Plan::nearest(const Lines& lines, std::size_t n, double radius, Vec wish,
                          bool direction_only, Vec& result) {
  if (direction_only)
    result = radius * wish;
  else if (dot(wish, wish) > radius * radius)
    result = radius * unit(wish);
  else
    result = wish;
  for (std::size_t k = 0; k < n; ++k) {
    if (cross(lines[k].direction, lines[k].point - result) <= 0.0) continue;
    if (!on_line(lines, k, radius, wish, direction_only, result)) return k;
  }
  return n;
}

// The velocity that respects all walls and minimises the largest violation of a neighbour.
void Plan::least_violation(std::size_t failed, Vec& result) const {
  double distance = 0.0;
  Lines projected;
  std::copy_n(lines_.begin(), n_walls_, projected.begin());
  for (std::size_t k = failed; k < n_lines_; ++k) {
    const Line& line = lines_[k];
    if (cross(line.direction, line.point - result) <= distance) continue;
    std::size_t n = n_walls_;
    for (std::size_t j = n_walls_; j < k; ++j) {
      const Line& other = lines_[j];
      const double determinant = cross(line.direction, other.direction);
      Vec point;
      if (std::fabs(determinant) <= kParallel) {
        if (dot(line.direction, other.direction) > 0.0) continue;
        point = 0.5 * (line.point + other.point);
      } else {
        point = line.point +
                (cross(other.direction, line.point - other.point) / determinant) * line.direction;
      }
      projected[n++] = {point, unit(other.direction - line.direction)};
    }
    const Vec before = result;
    if (nearest(projected, n, max_speed_, {-line.direction.y, line.direction.x}, true, result) < n)
      result = before;
    distance = cross(line.direction, line.point - result);
  }
}

Vec Plan::velocity(Vec wish) const {
  Vec result;
  const std::size_t failed = nearest(lines_, n_lines_, max_speed_, wish, false, result);
  if (failed < n_lines_) least_violation(failed, result);
  return result;
}

}  // namespace credo::skirmish::orca
