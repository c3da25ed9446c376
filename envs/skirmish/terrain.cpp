#include "envs/skirmish/terrain.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "envs/skirmish/flow_field.hpp"

namespace credo::skirmish {
namespace {

// Tolerance that keeps a unit touching a wall from catching on the next cell along it.
constexpr float kSkin = 1.0F / 64.0F;

float cell_centre(int cell) { return static_cast<float>(cell) + 0.5F - kHalf; }

}  // namespace

Terrain::Terrain(const TerrainData& data) : height_(data.height) {
  for (int y = 0; y < kGrid; ++y) {
    for (int x = 0; x < kGrid; ++x) {
      const Walk walk = data.walk[at(y)][at(x)];
      const std::uint32_t bit = 1U << static_cast<unsigned>(x);
      if (walk == Walk::kOpen) open_[at(y)] |= bit;
      if (walk != Walk::kBlocked) cliff_[at(y)] |= bit;
    }
  }
  for (int y = 1; y + 1 < kGrid; ++y) {
    std::uint32_t all = 0xFFFFFFFFU;
    for (int r = y - 1; r <= y + 1; ++r)
      all &= open_[at(r)] & (open_[at(r)] << 1U) & (open_[at(r)] >> 1U);
    clear_[at(y)] = all;
  }
  // The clear cells' bounding box, if all of it is clear.
  int low_x = kGrid, high_x = -1, low_y = kGrid, high_y = -1, n_clear = 0;
  for (int y = 0; y < kGrid; ++y) {
    for (int x = 0; x < kGrid; ++x) {
      if (!test(clear_, x, y)) continue;
      ++n_clear;
      low_x = std::min(low_x, x);
      high_x = std::max(high_x, x);
      low_y = std::min(low_y, y);
      high_y = std::max(high_y, y);
    }
  }
  if (n_clear > 0 && n_clear == (high_x - low_x + 1) * (high_y - low_y + 1))
    clear_rectangle_ = {static_cast<float>(low_x) - kHalf, static_cast<float>(high_x + 1) - kHalf,
                        static_cast<float>(low_y) - kHalf, static_cast<float>(high_y + 1) - kHalf};
  if (data.walled)
    flow_ = std::make_shared<const FlowField>([this](int x, int y) { return open(x, y); });
}

std::uint8_t Terrain::height(int cx, int cy) const {
  return height_[at(std::clamp(cy, 0, kGrid - 1))][at(std::clamp(cx, 0, kGrid - 1))];
}

void Terrain::slide(const Rows& rows, float& x, float& y, float dx, float dy, float r) {
  const auto blocked = [&rows](float ax, float ay, float bx, float by) {
    return !test(rows, cell_of(ax), cell_of(ay)) || !test(rows, cell_of(bx), cell_of(by));
  };
  const float half = r - kSkin;
  if (dx != 0.0F) {
    const float side = dx > 0.0F ? 1.0F : -1.0F;
    float nx = x + dx;
    const float edge = nx + side * r;
    if (blocked(edge, y - half, edge, y + half) || !test(rows, cell_of(edge), cell_of(y))) {
      const int wall = cell_of(edge) + (dx > 0.0F ? 0 : 1);
      nx = static_cast<float>(wall) - kHalf - side * r;
      if ((nx - x) * side < 0.0F) nx = x;  // already inside: stay rather than jump back
    }
    x = nx;
  }
  if (dy != 0.0F) {
    const float side = dy > 0.0F ? 1.0F : -1.0F;
    float ny = y + dy;
    const float edge = ny + side * r;
    if (blocked(x - half, edge, x + half, edge) || !test(rows, cell_of(x), cell_of(edge))) {
      const int wall = cell_of(edge) + (dy > 0.0F ? 0 : 1);
      ny = static_cast<float>(wall) - kHalf - side * r;
      if ((ny - y) * side < 0.0F) ny = y;
    }
    y = ny;
  }
}

void Terrain::move_air(float& x, float& y, float dx, float dy) {
  x = std::clamp(x + dx, -kHalf, kHalf);
  y = std::clamp(y + dy, -kHalf, kHalf);
}

bool Terrain::fits(float x, float y, float r) const {
  const float half = r - kSkin;
  return open(cell_of(x - half), cell_of(y - half)) && open(cell_of(x + half), cell_of(y - half)) &&
         open(cell_of(x - half), cell_of(y + half)) && open(cell_of(x + half), cell_of(y + half)) &&
         open(cell_of(x), cell_of(y));
}

bool Terrain::line(float x0, float y0, float x1, float y1) const {
  // Cell by cell along the segment (Amanatides and Woo 1987).
  int cx = cell_of(x0);
  int cy = cell_of(y0);
  const int ex = cell_of(x1);
  const int ey = cell_of(y1);
  const float dx = x1 - x0;
  const float dy = y1 - y0;
  const int sx = dx > 0.0F ? 1 : -1;
  const int sy = dy > 0.0F ? 1 : -1;
  const float grow_x = dx != 0.0F ? std::fabs(1.0F / dx) : 1e9F;
  const float grow_y = dy != 0.0F ? std::fabs(1.0F / dy) : 1e9F;
  const auto boundary = [](int cell, int step) {
    return static_cast<float>(cell + (step > 0 ? 1 : 0)) - kHalf;
  };
  float next_x = dx != 0.0F ? (boundary(cx, sx) - x0) / dx : 1e9F;
  float next_y = dy != 0.0F ? (boundary(cy, sy) - y0) / dy : 1e9F;
  for (int guard = 0; guard < 4 * kGrid; ++guard) {
    if (!open(cx, cy)) return false;
    if (cx == ex && cy == ey) return true;
    if (next_x < next_y) {
      cx += sx;
      next_x += grow_x;
    } else {
      cy += sy;
      next_y += grow_y;
    }
  }
  return false;
}

bool Terrain::straight(float x0, float y0, float x1, float y1, float r) const {
  const float dx = x1 - x0;
  const float dy = y1 - y0;
  const float length = std::sqrt(dx * dx + dy * dy);
  if (length < kSkin) return true;
  const float ox = -dy / length * (r - kSkin);
  const float oy = dx / length * (r - kSkin);
  return line(x0, y0, x1, y1) && line(x0 + ox, y0 + oy, x1 + ox, y1 + oy) &&
         line(x0 - ox, y0 - oy, x1 - ox, y1 - oy);
}

void Terrain::waypoint(float x, float y, float gx, float gy, float r, float& wx, float& wy) const {
  wx = gx;
  wy = gy;
  if (flow_ == nullptr || straight(x, y, gx, gy, r)) return;
  const Cell goal = {cell_of(gx), cell_of(gy)};
  Cell cell = flow_->snap({cell_of(x), cell_of(y)});
  constexpr int kLookAhead = 6;
  for (int k = 0; k < kLookAhead; ++k) {
    const Cell next = flow_->next(cell, goal);
    if (next == cell) break;
    const float cx = cell_centre(next.x);
    const float cy = cell_centre(next.y);
    // The first step is taken in any case, later ones only while the line to them is free.
    if (k > 0 && !straight(x, y, cx, cy, r)) break;
    wx = cx;
    wy = cy;
    cell = next;
  }
}

}  // namespace credo::skirmish
