// Decisions of one loop, taken from one snapshot: targets and steps.
//
// The attack-move opponent ("sticky") walks to its goal, acquires the enemy of highest priority and
// then smallest distance within max(weapon range, scan range) plus both radii, and keeps it while
// it is in weapon range. A target that must be chased is dropped for one that is in range or
// clearly closer. Attacked units, and idle neighbours called for help, turn on the attacker. The
// variants differ in the target they choose: see Style.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "envs/skirmish/battle.hpp"
#include "envs/skirmish/simd4.hpp"

namespace credo::skirmish {
namespace {

constexpr float kFarther = 1.21F;    // squared: a chased target is dropped for one 10% closer
constexpr float kKiteMargin = 1.0F;  // cells a kiting unit keeps inside its own range

// What a unit repeats until its next decision.
enum Hold : std::uint8_t { kNothing, kWalks, kStays };

constexpr std::uint32_t kUseJitter = 0;
constexpr std::uint32_t kUseChoice = 1U << 24U;

}  // namespace

// Bounding boxes of the teams, to skip the search for targets while they are far apart.
void Battle::survey() {
  for (int team = 0; team < 2; ++team) {
    auto& box = bounds_[u(team)];
    box = {kParked, -kParked, kParked, -kParked};
    for (int k = live_end_[u(team)]; k < live_end_[u(team) + 1]; ++k) {
      const auto i = u(live_[u(k)]);
      box[0] = std::min(box[0], s_.x[i]);
      box[1] = std::max(box[1], s_.x[i]);
      box[2] = std::min(box[2], s_.y[i]);
      box[3] = std::max(box[3], s_.y[i]);
    }
  }
}

inline bool Battle::may_see_enemies(int i) const {
  const auto& box = bounds_[setup_->team_of(i) == 0 ? 1 : 0];
  const auto k = u(i);
  const float dx = std::max({box[0] - s_.x[k], s_.x[k] - box[1], 0.0F});
  const float dy = std::max({box[2] - s_.y[k], s_.y[k] - box[3], 0.0F});
  // The box is updated every fourth loop only.
  constexpr float kDrift = 1.5F;
  const float reach = setup_->types[s_.type[k]].max_scan + kDrift;
  return dx * dx + dy * dy <= reach * reach;
}

inline void Battle::stand(int i, Footing footing) {
  dx_[u(i)] = dy_[u(i)] = 0.0F;
  s_.side[u(i)] = 0;
  hold_[u(i)] = footing == Footing::kIdle ? kStays : kNothing;
  s_.footing[u(i)] = footing;
  s_.pace[u(i)] = 0.0F;
}

void Battle::decide() {
  n_striking_ = n_healing_ = 0;
  // Units without a target repeat their step until the next decision. Branch-free, since which ones
  // do is hard to predict.
  std::int16_t thinking[kSlots];
  int n_thinking = 0;
  int n_walking = 0;
  for (int n = 0; n < live_end_[2]; ++n) {
    const std::int16_t i = live_[u(n)];
    std::uint8_t& hold = hold_[u(i)];
    if (rethink_) hold = kNothing;
    const bool repeats = (hold != kNothing) & (s_.target[u(i)] < 0);
    thinking[n_thinking] = i;
    n_thinking += repeats ? 0 : 1;
    moving_[u(n_walking)] = i;
    n_walking += (repeats & (hold == kWalks)) ? 1 : 0;
  }
  n_moving_ = n_walking;
  for (int n = 0; n < n_thinking; ++n) think(thinking[n]);
}

inline void Battle::think(int i) {
  const auto k = u(i);
  int t = s_.target[k];
  bool look = rethink_;
  if (t >= 0 && s_.alive[u(t)] == 0) {
    t = -1;
    look = true;  // immediately, so that no shot is lost
    hold_[k] = kNothing;
    s_.target[k] = -1;
    if (s_.winding[k] != 0) {
      s_.winding[k] = 0;
      s_.cooldown[k] = 0;
    }
    if (s_.order[k] != Order::kAdvance) s_.order[k] = Order::kIdle;
  }
  if (s_.winding[k] != 0 && keep_winding(i, t)) return;
  switch (s_.order[k]) {
    case Order::kIdle:
      stand(i, Footing::kIdle);
      return;
    case Order::kMove:
      head_for(i, s_.goal_x[k], s_.goal_y[k]);
      return;
    case Order::kHeal:
      think_healer(i);
      return;
    case Order::kTarget:
      engage(i, t);
      return;
    case Order::kAdvance:
      break;
  }
  if (setup_->types[s_.type[k]].healer) {
    think_healer(i);
    return;
  }
  const int chosen = choose_target(i, t, look);
  if (chosen != t) hold_[k] = kNothing;
  t = chosen;
  s_.target[k] = static_cast<std::int16_t>(t);
  if (t < 0)
    advance(i);
  else if (setup_->style[u(setup_->team_of(i))] == Style::kKite && s_.cooldown[k] > kOne)
    flee(i, t);
  else
    engage(i, t);
}

// During the damage point a unit stands still; the attack is cancelled if the target gets too far.
inline bool Battle::keep_winding(int i, int t) {
  const auto k = u(i);
  s_.windup[k] -= kOne;
  if (distance2(i, t) > pair(i, t).slop2) {
    s_.winding[k] = 0;
    s_.cooldown[k] = 0;
    return false;
  }
  stand(i, Footing::kFixed);
  if (s_.windup[k] <= 0) {
    s_.winding[k] = 0;
    striking_[u(n_striking_++)] = static_cast<std::int16_t>(i);
  }
  return true;
}

inline void Battle::begin_attack(int i) {
  const auto k = u(i);
  const TypeInfo& info = setup_->types[s_.type[k]];
  const std::int32_t started = s_.cooldown[k];  // zero or the negative remainder of this loop
  const auto width = static_cast<std::uint64_t>(setup_->jitter_high - setup_->jitter_low);
  std::int32_t jitter = setup_->jitter_low;
  if (width > 0)
    jitter += static_cast<std::int32_t>((width * hash(i, kUseJitter + s_.attacks[k])) >> 32U);
  s_.cooldown[k] = info.period + started + jitter;
  s_.windup[k] = info.damage_point + started;
  if (s_.windup[k] > 0)
    s_.winding[k] = 1;
  else
    striking_[u(n_striking_++)] = static_cast<std::int16_t>(i);
}

// Attack the target if it is in range, else approach it.
inline void Battle::engage(int i, int t) {
  const auto k = u(i);
  const PairInfo& p = pair(i, t);
  if (!p.can_attack || distance2(i, t) > p.range2) {
    head_for(i, s_.x[u(t)], s_.y[u(t)]);
    return;
  }
  stand(i, Footing::kFixed);
  if (s_.cooldown[k] <= 0) begin_attack(i);
}

// Retreat while the weapon reloads, as long as the target stays in range.
void Battle::flee(int i, int t) {
  const auto k = u(i);
  const PairInfo& p = pair(i, t);
  const float keep = std::sqrt(p.range2) - kKiteMargin;
  const float distance = std::sqrt(distance2(i, t));
  if (keep <= 0.0F || distance >= keep || distance <= 0.0F) {
    engage(i, t);
    return;
  }
  head_for(i, s_.x[k] + (s_.x[k] - s_.x[u(t)]), s_.y[k] + (s_.y[k] - s_.y[u(t)]));
}

inline void Battle::advance(int i) {
  const auto k = u(i);
  const int team = setup_->team_of(i);
  if (team == 1 && setup_->order != EnemyOrder::kPoint && setup_->order != EnemyOrder::kSegment) {
    stand(i, Footing::kIdle);
    return;
  }
  const auto& goal = s_.goal[u(team)];
  const float dx = goal[0] - s_.x[k];
  const float dy = goal[1] - s_.y[k];
  if (dx * dx + dy * dy <= arrival_radius2_[u(team)])
    stand(i, Footing::kIdle);
  else
    head_for(i, goal[0], goal[1]);
}

void Battle::head_for(int i, float gx, float gy) {
  const auto k = u(i);
  if (hold_[k] == kWalks) {
    moving_[u(n_moving_++)] = static_cast<std::int16_t>(i);
    return;
  }
  const TypeInfo& info = setup_->types[s_.type[k]];
  if (info.speed <= 0.0F) {
    stand(i, Footing::kIdle);
    return;
  }
  // Move orders go straight; other units find a path around walls.
  const bool ground = info.layer == Layer::kGround;
  if (ground && setup_->terrain->walled() && s_.order[k] != Order::kMove) {
    if (rethink_ || s_.detour[k] == 0) {
      setup_->terrain->waypoint(s_.x[k], s_.y[k], gx, gy, info.wall_radius, s_.way_x[k],
                                s_.way_y[k]);
      s_.detour[k] = s_.way_x[k] != gx || s_.way_y[k] != gy ? 2 : 1;
    }
    if (s_.detour[k] == 2) {
      gx = s_.way_x[k];
      gy = s_.way_y[k];
    }
  }
  // Far from its goal a unit repeats its step for the four loops between decisions.
  constexpr float kFar = 5.0F;
  float speed = info.speed;
  if (info.acceleration > 0.0F) {
    speed = std::min(speed, s_.pace[k] + info.acceleration);
    s_.pace[k] = speed;
  }
  const float dx = gx - s_.x[k];
  const float dy = gy - s_.y[k];
  const float distance2 = dx * dx + dy * dy;
  hold_[k] =
      info.acceleration <= 0.0F && distance2 > kFar * kFar * speed * speed ? kWalks : kNothing;
  if (distance2 > speed * speed) {
    const float scale = speed / std::sqrt(distance2);
    dx_[k] = quantise(dx * scale);
    dy_[k] = quantise(dy * scale);
  } else {
    dx_[k] = dx;
    dy_[k] = dy;
  }
  s_.footing[k] = Footing::kMoving;
  moving_[u(n_moving_++)] = static_cast<std::int16_t>(i);
}

int Battle::choose_target(int i, int t, bool look) {
  const Style style = setup_->style[u(setup_->team_of(i))];
  if (t < 0 && !look) return -1;
  if (setup_->keeps_targets && style == Style::kSticky) return look ? keep_target(i, t) : t;
  if (t < 0 && style != Style::kFocus && style != Style::kRandom) return acquire(i, false);
  if (!look && style != Style::kFocus && style != Style::kRandom) return t;
  const bool strikes = t >= 0 && pair(i, t).can_attack && distance2(i, t) <= pair(i, t).range2;
  switch (style) {
    case Style::kOrders:
    case Style::kSticky:
    case Style::kKite: {
      if (strikes) return t;
      const int better = acquire(i, false);
      if (better < 0) return t;
      const bool struck = distance2(i, better) <= pair(i, better).range2;
      return struck || distance2(i, t) > kFarther * distance2(i, better) ? better : t;
    }
    case Style::kClosest: {
      const int closest = acquire(i, false);
      return closest >= 0 ? closest : t;
    }
    case Style::kFocus:
    case Style::kRandom: {
      if (style == Style::kRandom && strikes) return t;
      if (!look && strikes) return t;
      const int chosen = acquire(i, true);
      if (chosen >= 0) return chosen;
      const int closest = look ? acquire(i, false) : -1;
      return closest >= 0 ? closest : t;
    }
  }
  return t;
}

// The enemy to attack, -1 if there is none. With `in_weapon_range_only` the team's style chooses
// among the enemies in weapon range; otherwise it is the closest one in scan range.
int Battle::acquire(int i, bool in_weapon_range_only) const {
  const int team = setup_->team_of(i);
  const bool hunts = team == 1 && setup_->order == EnemyOrder::kHunt;
  if (!hunts && !may_see_enemies(i)) return -1;
  if (!in_weapon_range_only && setup_->one_type[u(1 - team)]) return nearest_of_one_type(i, hunts);
  const auto k = u(i);
  const Style style = setup_->style[u(team)];
  const auto& pairs = setup_->pairs[s_.type[k]];
  int best = -1;
  float best_priority = 0.0F;
  float best_score = std::numeric_limits<float>::max();
  int eligible = 0;
  const std::uint32_t draw =
      style == Style::kRandom ? hash(i, kUseChoice + static_cast<std::uint32_t>(s_.loop)) : 0U;
  for (int n = live_end_[u(1 - team)]; n < live_end_[u(1 - team) + 1]; ++n) {
    const int j = live_[u(n)];
    const float d2 = distance2(i, j);
    const PairInfo& p = pairs[s_.type[u(j)]];
    if (!p.can_attack) continue;
    if (in_weapon_range_only ? d2 > p.range2 : !hunts && d2 > p.scan2) continue;
    const TypeInfo& info = setup_->types[s_.type[u(j)]];
    float priority = info.priority;
    if (setup_->healer_first && info.healer) priority += 1.0F;
    float score = d2;
    if (in_weapon_range_only && style == Style::kFocus)
      score = static_cast<float>(s_.hp[u(j)] + s_.shield[u(j)]);
    if (in_weapon_range_only && style == Style::kRandom) {
      // Reservoir sampling: each of the n eligible enemies is kept with probability 1/n.
      ++eligible;
      const std::uint32_t mixed = (draw ^ static_cast<std::uint32_t>(j)) * 0x9E3779B1U;
      score = (mixed >> 8U) % static_cast<std::uint32_t>(eligible) == 0
                  ? -static_cast<float>(eligible)
                  : 1.0F;
      priority = 0.0F;
    }
    if (best < 0 || priority > best_priority || (priority == best_priority && score < best_score)) {
      best = j;
      best_priority = priority;
      best_score = score;
    }
  }
  return best;
}

// With a single enemy type only the distance counts: vectorised.
int Battle::nearest_of_one_type(int i, bool hunts) const {
  const auto k = u(i);
  const int other = 1 - setup_->team_of(i);
  const int first = setup_->start[u(other)];
  const PairInfo& p = setup_->pairs[s_.type[k]][s_.type[u(first)]];
  if (!p.can_attack) return -1;
  const F4 x = F4::splat(s_.x[k]);
  const F4 y = F4::splat(s_.y[k]);
  // Ties go to the lower slot.
  F4 best = F4::splat(std::numeric_limits<float>::max());
  const int n = setup_->count[u(other)];
  for (int base = 0; base < n; base += 4) {
    const F4 dx = F4::load(&s_.x[u(first + base)]) - x;
    const F4 dy = F4::load(&s_.y[u(first + base)]) - y;
    best = min4(best, dx * dx + dy * dy);
  }
  float lanes[4];
  best.store(lanes);
  const float nearest = std::min(std::min(lanes[0], lanes[1]), std::min(lanes[2], lanes[3]));
  if (s_.n_alive[u(other)] == 0 || (!hunts && nearest > p.scan2)) return -1;
  const F4 nearest4 = F4::splat(nearest);
  for (int base = 0; base < n; base += 4) {
    const F4 dx = F4::load(&s_.x[u(first + base)]) - x;
    const F4 dy = F4::load(&s_.y[u(first + base)]) - y;
    const unsigned equal = bits4(less_equal(dx * dx + dy * dy, nearest4));
    if (equal != 0) return first + base + std::countr_zero(equal);
  }
  return -1;
}

// Healers under orders heal their target; others heal the ally with the smallest share of hit
// points, or else follow the nearest fighter of their team.
void Battle::think_healer(int i) {
  const auto k = u(i);
  int t = s_.target[k];
  if (s_.order[k] == Order::kAdvance) {
    if (rethink_ || t < 0) t = hurt_friend(i);
    s_.target[k] = static_cast<std::int16_t>(t);
    if (t < 0) {
      int nearest = -1;
      const int team = setup_->team_of(i);
      for (int n = live_end_[u(team)]; n < live_end_[u(team) + 1]; ++n) {
        const int j = live_[u(n)];
        if (setup_->types[s_.type[u(j)]].healer) continue;
        if (nearest < 0 || distance2(i, j) < distance2(i, nearest)) nearest = j;
      }
      if (nearest < 0)
        advance(i);
      else
        head_for(i, s_.x[u(nearest)], s_.y[u(nearest)]);
      return;
    }
  }
  if (t < 0) {
    stand(i, Footing::kIdle);
    return;
  }
  if (distance2(i, t) > pair(i, t).heal2) {
    head_for(i, s_.x[u(t)], s_.y[u(t)]);
    return;
  }
  stand(i, Footing::kFixed);
  healing_[u(n_healing_++)] = static_cast<std::int16_t>(i);
}

int Battle::hurt_friend(int i) const {
  const int team = setup_->team_of(i);
  int best = -1;
  float best_share = 1.0F;
  float best_distance2 = 0.0F;
  for (int n = live_end_[u(team)]; n < live_end_[u(team) + 1]; ++n) {
    const int j = live_[u(n)];
    if (j == i || !setup_->types[s_.type[u(j)]].biological) continue;
    if (s_.hp[u(j)] >= s_.hp_max[u(j)]) continue;
    const float d2 = distance2(i, j);
    if (d2 > pair(i, j).heal_scan2) continue;
    const float share = static_cast<float>(s_.hp[u(j)]) / static_cast<float>(s_.hp_max[u(j)]);
    if (best < 0 || share < best_share || (share == best_share && d2 < best_distance2)) {
      best = j;
      best_share = share;
      best_distance2 = d2;
    }
  }
  return best;
}

}  // namespace credo::skirmish
