// Movement and collisions of one loop. Every moving unit takes its step, then overlapping units are
// pushed apart; all pushes come from the same snapshot and are multiples of 2^-18, so their order
// does not matter. Who gives way: a unit that walks into another one that does not walk into it;
// moving units to standing ones; idle units to their own team. A unit blocked by one that does not
// give way slides along it, which is how melee units surround a target.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>

#include "envs/skirmish/battle.hpp"
#include "envs/skirmish/simd4.hpp"

namespace credo::skirmish {
namespace {

constexpr float kMaxPush = 0.25F;    // cells per loop
constexpr float kSlideShare = 0.9F;  // of the way lost to a blocker
constexpr float kHeadOn = 0.05F;     // sine below which a contact is head-on
constexpr float kAtRest = 0.9F;       // squared share of the separation
constexpr float kBeyond = 8192.0F;   // right of every unit, the parked ones too

}  // namespace

void Battle::displace(int i, float dx, float dy) {
  const auto k = u(i);
  const TypeInfo& info = setup_->types[s_.type[k]];
  const Terrain& terrain = *setup_->terrain;
  if (info.layer == Layer::kAir)
    Terrain::move_air(s_.x[k], s_.y[k], dx, dy);
  else if (info.layer == Layer::kColossus)
    terrain.move_cliff(s_.x[k], s_.y[k], dx, dy, info.wall_radius);
  else
    terrain.move_ground(s_.x[k], s_.y[k], dx, dy, info.wall_radius);
}

void Battle::move() {
  if (n_moving_ == 0) return;
  for (int k = 0; k < n_moving_; ++k) {
    const int i = moving_[u(k)];
    displace(i, dx_[u(i)], dy_[u(i)]);
  }
  sort_by_x();
  sweep();
  const int n = live_end_[2];
  for (int k = 0; k < n; ++k) {
    const int i = live_[u(k)];
    float px = push_x_[u(i)];
    float py = push_y_[u(i)];
    if (s_.side[u(i)] != 0 && blocked_[u(i)] == 0) s_.side[u(i)] = 0;
    if (px == 0.0F && py == 0.0F) continue;
    const float length2 = px * px + py * py;
    if (length2 > kMaxPush * kMaxPush) {
      const float scale = kMaxPush / std::sqrt(length2);
      px = quantise(px * scale);
      py = quantise(py * scale);
    }
    displace(i, px, py);
  }
}

// Insertion sort: the order changes little from loop to loop.
void Battle::sort_by_x() {
  const int n = live_end_[2];
  if (n_sorted_ != n) {
    std::copy_n(live_.begin(), n, sorted_.begin());
    n_sorted_ = n;
  }
  for (int k = 0; k < n; ++k) {
    const std::int16_t i = sorted_[u(k)];
    const float x = s_.x[u(i)];
    int p = k;
    for (; p > 0 && sorted_x_[u(p - 1)] > x; --p) {
      sorted_[u(p)] = sorted_[u(p - 1)];
      sorted_x_[u(p)] = sorted_x_[u(p - 1)];
    }
    sorted_[u(p)] = i;
    sorted_x_[u(p)] = x;
  }
  for (int k = 0; k < n; ++k) {
    const auto i = u(sorted_[u(k)]);
    sorted_y_[u(k)] = s_.y[i];
    push_x_[i] = push_y_[i] = 0.0F;
    blocked_[i] = 0;
  }
  for (int k = n; k < n + 4; ++k) sorted_x_[u(k)] = kBeyond;
}

// Every pair of neighbours once: for each unit those to its right that are close enough in x.
void Battle::sweep() {
  const int n = live_end_[2];
  for (int p = 0; p < n; ++p) {
    const int i = sorted_[u(p)];
    const float reach = setup_->types[s_.type[u(i)]].separation + setup_->max_separation;
    const F4 reach2 = F4::splat(reach * reach);
    const float right = sorted_x_[u(p)] + reach;
    const F4 x = F4::splat(sorted_x_[u(p)]);
    const F4 y = F4::splat(sorted_y_[u(p)]);
    for (int q = p + 1; sorted_x_[u(q)] < right; q += 4) {
      const F4 dx = F4::load(&sorted_x_[u(q)]) - x;
      const F4 dy = F4::load(&sorted_y_[u(q)]) - y;
      unsigned near = bits4(less(dx * dx + dy * dy, reach2));
      for (; near != 0; near &= near - 1) touch(i, sorted_[u(q + std::countr_zero(near))]);
    }
  }
}

void Battle::touch(int i, int j) {
  const auto a = u(i);
  const auto b = u(j);
  const PairInfo& p = setup_->pairs[s_.type[a]][s_.type[b]];
  float nx = s_.x[a] - s_.x[b];
  float ny = s_.y[a] - s_.y[b];
  const float distance2 = nx * nx + ny * ny;
  if (distance2 >= p.separation2) return;
  const bool moves_a = s_.footing[a] == Footing::kMoving;
  const bool moves_b = s_.footing[b] == Footing::kMoving;
  // Standing crowds come to rest instead of jostling over the last few percent.
  if (!moves_a && !moves_b && distance2 >= kAtRest * p.separation2) return;
  const float distance = std::sqrt(distance2);
  if (distance > 0.0F) {
    nx /= distance;
    ny /= distance;
  } else {
    // Exactly on top of each other: part along x, in mirrored ways for the two teams.
    nx = (i < j) == (setup_->team_of(i) == 0) ? -1.0F : 1.0F;
    ny = 0.0F;
  }
  const float overlap = p.separation - distance;
  const bool same_team = setup_->team_of(i) == setup_->team_of(j);
  float share = 0.5F;  // of unit i; the rest is unit j's
  if (moves_a && moves_b) {
    const bool into_b = nx * dx_[a] + ny * dy_[a] < 0.0F;
    const bool into_a = nx * dx_[b] + ny * dy_[b] > 0.0F;
    if (into_a != into_b) share = into_b ? 1.0F : 0.0F;
  } else if (moves_a) {
    if (!same_team || s_.footing[b] == Footing::kFixed) share = 1.0F;
  } else if (moves_b) {
    if (!same_team || s_.footing[a] == Footing::kFixed) share = 0.0F;
  }
  if (setup_->types[s_.type[a]].speed <= 0.0F) share = 0.0F;
  if (setup_->types[s_.type[b]].speed <= 0.0F) share = 1.0F;
  const float px = quantise(nx * overlap * share);
  const float py = quantise(ny * overlap * share);
  const float qx = quantise(nx * overlap * (1.0F - share));
  const float qy = quantise(ny * overlap * (1.0F - share));
  push_x_[a] += px;
  push_y_[a] += py;
  push_x_[b] -= qx;
  push_y_[b] -= qy;
  if (share == 1.0F && !moves_b) slide(i, nx, ny, overlap);
  if (share == 0.0F && !moves_a) slide(j, -nx, -ny, overlap);
}

// Unit i, blocked by one that stands, passes it on the side towards which it already leans.
// (nx, ny): from the blocker to the unit.
void Battle::slide(int i, float nx, float ny, float overlap) {
  const auto a = u(i);
  blocked_[a] = 1;
  const float lean = nx * dy_[a] - ny * dx_[a];
  const float into = -(nx * dx_[a] + ny * dy_[a]);
  if (into <= 0.0F) return;
  if (s_.side[a] == 0) {
    if (std::fabs(lean) > kHeadOn * into)
      s_.side[a] = lean > 0.0F ? 1 : -1;
    else
      s_.side[a] = setup_->team_of(i) == 0 ? 1 : -1;
  }
  const float along = static_cast<float>(s_.side[a]) * kSlideShare * std::min(overlap, into);
  push_x_[a] += quantise(-ny * along);
  push_y_[a] += quantise(nx * along);
}

}  // namespace credo::skirmish
