// Movement and collisions of one loop. Every moving unit takes its step, then is pushed out of the
// units it overlaps; all pushes come from the same snapshot and are multiples of 2^-18, so their
// order does not matter. Fixed units (striking or waiting to) never give way; idle ones give way to
// their own team; a unit blocked head-on slides along its blocker, which is how melee units
// surround a target.
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
    push_x_[u(i)] = push_y_[u(i)] = 0.0F;
  }
  n_nudged_ = 0;
  for (int k = 0; k < n_moving_; ++k) collide(moving_[u(k)]);
  const auto apply = [this](int i) {
    float px = push_x_[u(i)];
    float py = push_y_[u(i)];
    if (px == 0.0F && py == 0.0F) return;
    const float length2 = px * px + py * py;
    if (length2 > kMaxPush * kMaxPush) {
      const float scale = kMaxPush / std::sqrt(length2);
      px = quantise(px * scale);
      py = quantise(py * scale);
    }
    displace(i, px, py);
  };
  for (int k = 0; k < n_moving_; ++k) apply(moving_[u(k)]);
  for (int k = 0; k < n_nudged_; ++k) apply(nudged_[u(k)]);
}

void Battle::collide(int i) {
  const auto a = u(i);
  const auto& pairs = setup_->pairs[s_.type[a]];
  const float reach = setup_->types[s_.type[a]].separation + setup_->max_separation;
  const F4 reach2 = F4::splat(reach * reach);
  const F4 x = F4::splat(s_.x[a]);
  const F4 y = F4::splat(s_.y[a]);
  bool blocked = false;
  const auto slots = u(setup_->slots);
  for (std::size_t base = 0; base < slots; base += 4) {
    const F4 dx = x - F4::load(&s_.x[base]);
    const F4 dy = y - F4::load(&s_.y[base]);
    unsigned near = bits4(less(dx * dx + dy * dy, reach2));
    if (base == (a & ~std::size_t{3})) near &= ~(1U << (a & 3U));
    while (near != 0) {
      const std::size_t b = base + static_cast<unsigned>(std::countr_zero(near));
      near &= near - 1;
      const PairInfo& pair = pairs[s_.type[b]];
      const float ex = s_.x[a] - s_.x[b];
      const float ey = s_.y[a] - s_.y[b];
      const float distance2 = ex * ex + ey * ey;
      if (distance2 >= pair.separation2) continue;
      resolve_contact(i, static_cast<int>(b), ex, ey, std::sqrt(distance2), pair.separation);
      blocked = blocked || s_.footing[b] != Footing::kMoving;
    }
  }
  if (!blocked) s_.side[a] = 0;
}

// (nx, ny): from j to i, not yet of unit length.
void Battle::resolve_contact(int i, int j, float nx, float ny, float distance, float separation) {
  const auto a = u(i);
  const auto b = u(j);
  if (distance > 0.0F) {
    nx /= distance;
    ny /= distance;
  } else {
    // Exactly on top of each other: part along x, in mirrored ways for the two teams.
    nx = (i < j) == (setup_->team_of(i) == 0) ? -1.0F : 1.0F;
    ny = 0.0F;
  }
  const float overlap = separation - distance;
  const bool same_team = setup_->team_of(i) == setup_->team_of(j);
  float share = 1.0F;
  if (s_.footing[b] == Footing::kMoving) {
    share = 0.5F;
  } else if (s_.footing[b] == Footing::kIdle && same_team &&
             setup_->types[s_.type[b]].speed > 0.0F) {
    share = 0.5F;
    if (std::find(nudged_.begin(), nudged_.begin() + n_nudged_, j) == nudged_.begin() + n_nudged_) {
      push_x_[b] = push_y_[b] = 0.0F;
      nudged_[u(n_nudged_++)] = static_cast<std::int16_t>(j);
    }
    push_x_[b] -= quantise(nx * overlap * share);
    push_y_[b] -= quantise(ny * overlap * share);
  }
  push_x_[a] += quantise(nx * overlap * share);
  push_y_[a] += quantise(ny * overlap * share);
  if (share < 1.0F) return;

  // Against an unyielding blocker: pass it on the side towards which the unit already leans.
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
