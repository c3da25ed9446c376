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
constexpr float kAtRest = 0.9F;      // squared share of the separation
constexpr float kBeyond = 8192.0F;   // right of every unit, the parked ones too

}  // namespace

inline void Battle::displace(int i, float dx, float dy) {
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
  const int n = live_end_[2];
  for (int k = 0; k < n; ++k) {
    const auto i = u(live_[u(k)]);
    push_x_[i] = push_y_[i] = block_x_[i] = block_y_[i] = 0.0F;
  }
  // Both ways find the same pairs; few movers are cheaper one by one.
  if (!rethink_ && n_moving_ * 5 < n) {
    for (int k = 0; k < n_moving_; ++k) look_around(moving_[u(k)]);
  } else {
    sort_by_x();
    sweep();
  }
  for (int k = 0; k < n; ++k) {
    const int i = live_[u(k)];
    if (s_.side[u(i)] != 0 || block_x_[u(i)] != 0.0F || block_y_[u(i)] != 0.0F) slide(i);
    float px = push_x_[u(i)];
    float py = push_y_[u(i)];
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
  }
  for (int k = n; k < n + 4; ++k) sorted_x_[u(k)] = kBeyond;
}

inline void Battle::touch(int i, int j, float dx, float dy, float distance2) {
  const auto a = u(i);
  const auto b = u(j);
  const PairInfo& p = setup_->pairs[s_.type[a]][s_.type[b]];
  if (distance2 >= p.contact2) return;
  const bool moves_a = s_.footing[a] == Footing::kMoving;
  const bool moves_b = s_.footing[b] == Footing::kMoving;
  // Standing crowds part now and then, and come to rest instead of jostling over the last percents.
  if (!moves_a && !moves_b && (!rethink_ || distance2 >= kAtRest * p.separation2)) return;
  const float distance = std::sqrt(distance2);
  float nx = dx;
  float ny = dy;
  if (distance > 0.0F) {
    const float inverse = 1.0F / distance;
    nx *= inverse;
    ny *= inverse;
  } else {
    // Exactly on top of each other: part along x, in mirrored ways for the two teams.
    nx = (i < j) == (setup_->team_of(i) == 0) ? -1.0F : 1.0F;
    ny = 0.0F;
  }
  const float overlap = p.separation - distance;
  float share = 0.5F;  // of unit i; the rest is unit j's
  if (moves_a && moves_b) {
    const bool into_b = nx * dx_[a] + ny * dy_[a] < 0.0F;
    const bool into_a = nx * dx_[b] + ny * dy_[b] > 0.0F;
    if (into_a != into_b) share = into_b ? 1.0F : 0.0F;
  } else if (moves_a || moves_b) {
    const bool yields =
        setup_->team_of(i) == setup_->team_of(j) && s_.footing[moves_a ? b : a] == Footing::kIdle;
    if (!yields) share = moves_a ? 1.0F : 0.0F;
  }
  if (p.first_rooted) share = 0.0F;
  if (p.second_rooted) share = 1.0F;
  if (share > 0.0F) {
    push_x_[a] += quantise(nx * overlap * share);
    push_y_[a] += quantise(ny * overlap * share);
  }
  if (share < 1.0F) {
    push_x_[b] -= quantise(nx * overlap * (1.0F - share));
    push_y_[b] -= quantise(ny * overlap * (1.0F - share));
  }
  const bool blocks_a = share == 1.0F && !moves_b;
  if (blocks_a || (share == 0.0F && !moves_a)) {
    const auto k = blocks_a ? a : b;
    const float side = blocks_a ? overlap : -overlap;
    block_x_[k] += quantise(nx * side);
    block_y_[k] += quantise(ny * side);
  }
}

// Every pair of neighbours once: for each unit those to its right that are close enough in x.
void Battle::sweep() {
  const int n = live_end_[2];
  for (int p = 0; p < n; ++p) {
    const int i = sorted_[u(p)];
    const float reach = setup_->types[s_.type[u(i)]].separation + setup_->max_separation;
    const F4 reach2 = F4::splat(kContact * reach * reach);
    const float right = sorted_x_[u(p)] + reach;
    const F4 x = F4::splat(sorted_x_[u(p)]);
    const F4 y = F4::splat(sorted_y_[u(p)]);
    for (int q = p + 1; sorted_x_[u(q)] < right; q += 4) {
      const F4 dx = x - F4::load(&sorted_x_[u(q)]);
      const F4 dy = y - F4::load(&sorted_y_[u(q)]);
      const F4 d2 = dx * dx + dy * dy;
      unsigned near = bits4(less(d2, reach2));
      if (near == 0) continue;
      float lanes[3][4];
      dx.store(lanes[0]);
      dy.store(lanes[1]);
      d2.store(lanes[2]);
      for (; near != 0; near &= near - 1) {
        const int lane = std::countr_zero(near);
        touch(i, sorted_[u(q + lane)], lanes[0][lane], lanes[1][lane], lanes[2][lane]);
      }
    }
  }
}

// The neighbours of one moving unit; pairs of moving units once.
void Battle::look_around(int i) {
  const auto a = u(i);
  const float reach = setup_->types[s_.type[a]].separation + setup_->max_separation;
  const F4 reach2 = F4::splat(kContact * reach * reach);
  const F4 x = F4::splat(s_.x[a]);
  const F4 y = F4::splat(s_.y[a]);
  const auto slots = u(setup_->slots);
  for (std::size_t base = 0; base < slots; base += 4) {
    const F4 dx = x - F4::load(&s_.x[base]);
    const F4 dy = y - F4::load(&s_.y[base]);
    const F4 d2 = dx * dx + dy * dy;
    unsigned near = bits4(less(d2, reach2));
    if (near == 0) continue;
    float lanes[3][4];
    dx.store(lanes[0]);
    dy.store(lanes[1]);
    d2.store(lanes[2]);
    for (; near != 0; near &= near - 1) {
      const int lane = std::countr_zero(near);
      const auto b = base + u(lane);
      if (b == a || (b < a && s_.footing[b] == Footing::kMoving)) continue;
      touch(i, static_cast<int>(b), lanes[0][lane], lanes[1][lane], lanes[2][lane]);
    }
  }
}

// A unit blocked by others that stand passes them on the side towards which it already leans.
void Battle::slide(int i) {
  const auto a = u(i);
  const float bx = block_x_[a];
  const float by = block_y_[a];
  const float overlap = std::sqrt(bx * bx + by * by);
  if (overlap <= 0.0F) {
    s_.side[a] = 0;
    return;
  }
  const float nx = bx / overlap;
  const float ny = by / overlap;
  const float into = -(nx * dx_[a] + ny * dy_[a]);
  if (into <= 0.0F) return;
  if (s_.side[a] == 0) {
    const float lean = nx * dy_[a] - ny * dx_[a];
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
