// The loop of profiles with order = "shuffled", and the rule targets = "keep": how SMAClite's units
// act (Michalski, Christianos and Albrecht 2023, "SMAClite: A Lightweight Environment for
// Multi-Agent Reinforcement Learning", and its released code).
//
// All units choose targets and preferred velocities from the state at the loop's start and plan
// velocities that avoid each other (orca.hpp). Then they act one after another, in an order that is
// shuffled every loop: step, regenerate, attack. Damage is immediate, so units killed in this loop
// no longer act, though a healer that acts later in the loop can still save them. Corpses stay in
// place until the end of the loop, and an attack order persists until the next order even if its
// target is dead. Units walk straight, stand still while they attack, and reload in whole loops.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

#include "envs/skirmish/battle.hpp"

namespace credo::skirmish {
namespace {

constexpr float kLoopsPerSecond = 16.0F;
constexpr float kCentre =
    1.0F / 64.0F;                  // walls stop the centre; the planned velocities do the rest
constexpr float kAnywhere = 1e9F;  // rank of an attacker beyond the scan range
constexpr std::int32_t kHealStart = 5 * kOne;  // energy that a healer needs for a new patient
constexpr std::uint32_t kUseOrder = 2U << 24U;

}  // namespace

// The living target of a unit, -1 for none.
int Battle::aims_at(int i) const {
  const int t = s_.target[u(i)];
  return t >= 0 && s_.alive[u(t)] != 0 ? t : -1;
}

// A target is kept until it dies, or is out of weapon range and does not target this unit. The new
// one is the closest in scan range; enemies that target this unit count at any range, but last.
// With healer_first healers come first, and while the enemy has any, a unit without a healer as its
// target chooses again in every loop among the enemies in scan range.
int Battle::keep_target(int i, int t) const {
  const auto k = u(i);
  const int other = 1 - setup_->team_of(i);
  if (t >= 0 && aims_at(t) != i && (!pair(i, t).can_attack || distance2(i, t) > pair(i, t).range2))
    t = -1;
  const bool seeks_healer = setup_->healer_first && t >= 0 &&
                            s_.n_alive[u(other)] > s_.n_fighters[u(other)] &&
                            !setup_->types[s_.type[u(t)]].healer;
  if (t >= 0 && !seeks_healer) return t;
  const auto& pairs = setup_->pairs[s_.type[k]];
  int best = -1;
  float best_priority = 0.0F;
  float best_distance2 = 0.0F;
  for (int n = live_end_[u(other)]; n < live_end_[u(other) + 1]; ++n) {
    const int j = live_[u(n)];
    const PairInfo& p = pairs[s_.type[u(j)]];
    if (!p.can_attack) continue;
    float d2 = distance2(i, j);
    if (d2 > p.scan2) {
      if (aims_at(j) != i || seeks_healer) continue;
      d2 = kAnywhere;
    }
    const TypeInfo& info = setup_->types[s_.type[u(j)]];
    const float priority = info.priority + (setup_->healer_first && info.healer ? 1.0F : 0.0F);
    if (best >= 0 &&
        (priority < best_priority || (priority == best_priority && d2 >= best_distance2)))
      continue;
    best = j;
    best_priority = priority;
    best_distance2 = d2;
  }
  return best >= 0 ? best : t;
}

// The hurt or fighting ally in scan range with the fewest hit points.
int Battle::pick_patient(int i) const {
  const int team = setup_->team_of(i);
  int best = -1;
  for (int n = live_end_[u(team)]; n < live_end_[u(team) + 1]; ++n) {
    const int j = live_[u(n)];
    if (j == i || !setup_->types[s_.type[u(j)]].biological) continue;
    if (s_.hp[u(j)] >= s_.hp_max[u(j)] && aims_at(j) < 0) continue;
    if (distance2(i, j) > pair(i, j).heal_scan2) continue;
    if (best < 0 || s_.hp[u(j)] < s_.hp[u(best)]) best = j;
  }
  return best;
}

// Healers without a patient do not overtake the allies around them.
float Battle::healer_pace(int i) const {
  const int team = setup_->team_of(i);
  float pace = setup_->types[s_.type[u(i)]].speed;
  for (int n = live_end_[u(team)]; n < live_end_[u(team) + 1]; ++n) {
    const int j = live_[u(n)];
    const TypeInfo& info = setup_->types[s_.type[u(j)]];
    if (j == i || !info.biological || distance2(i, j) > pair(i, j).heal_scan2) continue;
    pace = std::min(pace, info.speed);
  }
  return pace;
}

// hold_ says who strikes, sorted_x_ and sorted_y_ are the positions at the loop's start.
void Battle::run_shuffled_loop() {
  const int n = live_end_[2];
  survey();
  n_moving_ = n_striking_ = n_healing_ = 0;
  // Healers consider the others' previous targets.
  for (const bool heals : {true, false}) {
    for (int k = 0; k < n; ++k) {
      const int i = live_[u(k)];
      if (setup_->types[s_.type[u(i)]].healer == heals) plan(i);
    }
  }
  for (int k = 0; k < n; ++k) steer(live_[u(k)]);
  for (int k = 0; k < n; ++k) {
    const auto i = u(live_[u(k)]);
    s_.velocity_x[i] = plan_x_[i];
    s_.velocity_y[i] = plan_y_[i];
    sorted_x_[i] = s_.x[i];
    sorted_y_[i] = s_.y[i];
    moving_[u(k)] = live_[u(k)];
  }
  const auto loop = static_cast<std::uint32_t>(s_.loop);
  for (int k = n - 1; k > 0; --k) {
    const std::uint64_t bits = hash(k, kUseOrder + loop);
    std::swap(moving_[u(k)], moving_[(bits * u(k + 1)) >> 32U]);
  }
  for (int k = 0; k < n; ++k) {
    if (s_.hp[u(moving_[u(k)])] > 0) act(moving_[u(k)]);
  }
  somebody_died_ = false;
  for (int k = 0; k < n; ++k) {
    const auto i = u(live_[u(k)]);
    if (s_.hp[i] <= 0) {
      somebody_died_ = true;
      continue;
    }
    // Units ordered to attack a corpse need its position.
    const int t = s_.target[i];
    const bool ordered = s_.order[i] == Order::kTarget || s_.order[i] == Order::kHeal;
    if (ordered && s_.alive[u(t)] != 0 && s_.hp[u(t)] <= 0) {
      s_.goal_x[i] = s_.x[u(t)];
      s_.goal_y[i] = s_.y[u(t)];
    }
  }
  if (somebody_died_) bury();
  ++s_.loop;
}

void Battle::wish(int i, float x, float y, float speed) {
  const auto k = u(i);
  const float dx = x - s_.x[k];
  const float dy = y - s_.y[k];
  const float length = std::sqrt(dx * dx + dy * dy);
  if (length <= 0.0F || speed <= 0.0F) return;
  const float scale = speed * kLoopsPerSecond / length;
  wish_x_[k] = dx * scale;
  wish_y_[k] = dy * scale;
  s_.footing[k] = Footing::kMoving;
}

// Attack the target if it is in range, else approach it.
void Battle::approach(int i, int t) {
  const auto k = u(i);
  const TypeInfo& info = setup_->types[s_.type[k]];
  const PairInfo& p = pair(i, t);
  const bool buried = s_.alive[u(t)] == 0;
  const float x = buried ? s_.goal_x[k] : s_.x[u(t)];
  const float y = buried ? s_.goal_y[k] : s_.y[u(t)];
  const float dx = x - s_.x[k];
  const float dy = y - s_.y[k];
  const bool suits = info.healer ? setup_->types[s_.type[u(t)]].biological : p.can_attack;
  if (!suits || dx * dx + dy * dy > (info.healer ? p.heal2 : p.range2)) {
    const bool follows = info.healer && s_.order[k] == Order::kAdvance && s_.healed[k] < 0;
    wish(i, x, y, follows ? healer_pace(i) : info.speed);
    return;
  }
  s_.footing[k] = Footing::kFixed;
  hold_[k] = 1;
}

// The unit's target and preferred velocity for this loop.
void Battle::plan(int i) {
  const auto k = u(i);
  const TypeInfo& info = setup_->types[s_.type[k]];
  const int team = setup_->team_of(i);
  wish_x_[k] = wish_y_[k] = 0.0F;
  hold_[k] = 0;
  s_.footing[k] = Footing::kIdle;
  switch (s_.order[k]) {
    case Order::kIdle:
      return;
    case Order::kMove:
      wish(i, s_.goal_x[k], s_.goal_y[k], info.speed);
      return;
    case Order::kTarget:
    case Order::kHeal:
      approach(i, s_.target[k]);
      return;
    case Order::kAdvance:
      break;
  }
  int t = aims_at(i);
  const Style style = setup_->style[u(team)];
  if (info.healer) {
    if (t >= 0 && distance2(i, t) > pair(i, t).heal2) t = -1;
    if (t < 0) {
      s_.healed[k] = -1;
      t = pick_patient(i);
    }
  } else {
    t = choose_target(i, t, true);
  }
  s_.target[k] = static_cast<std::int16_t>(t);
  if (t >= 0) {
    const bool kites = style == Style::kKite && s_.cooldown[k] > kOne;
    if (kites && !info.healer)
      wish(i, 2.0F * s_.x[k] - s_.x[u(t)], 2.0F * s_.y[k] - s_.y[u(t)], info.speed);
    else
      approach(i, t);
    return;
  }
  float x = s_.goal[u(team)][0];
  float y = s_.goal[u(team)][1];
  if (team == 1 && setup_->order == EnemyOrder::kNone) return;
  if (team == 1 && setup_->hunts_nearest) {
    float nearest = std::numeric_limits<float>::max();
    for (int n = live_end_[0]; n < live_end_[1]; ++n) {
      const int j = live_[u(n)];
      if (distance2(i, j) >= nearest) continue;
      nearest = distance2(i, j);
      x = s_.x[u(j)];
      y = s_.y[u(j)];
    }
  }
  wish(i, x, y, info.healer ? healer_pace(i) : info.speed);
}

// The velocity nearest to the preferred one that avoids walls and all neighbours. Units with zero
// preferred velocity stay.
void Battle::steer(int i) {
  const auto k = u(i);
  plan_x_[k] = plan_y_[k] = 0.0F;
  if (wish_x_[k] == 0.0F && wish_y_[k] == 0.0F) return;
  const TypeInfo& info = setup_->types[s_.type[k]];
  const orca::Vec position = {s_.x[k], s_.y[k]};
  const double speed = info.speed * kLoopsPerSecond;
  orca::Plan plan(position, {s_.velocity_x[k], s_.velocity_y[k]}, info.wall_radius, speed);
  if (info.layer != Layer::kAir) {
    for (const orca::Block& block : setup_->blocks) {
      if (orca::is_near(block, position, info.wall_radius + speed * orca::kHorizon))
        plan.avoid(block);
    }
  }
  const float arm = info.separation + setup_->max_separation;
  for (const int team : {setup_->first_team, 1 - setup_->first_team}) {
    for (int n = live_end_[u(team)]; n < live_end_[u(team) + 1]; ++n) {
      const int j = live_[u(n)];
      const PairInfo& p = pair(i, j);
      if (j == i || p.separation <= 0.0F || distance2(i, j) > arm * arm) continue;
      const bool moves = wish_x_[u(j)] != 0.0F || wish_y_[u(j)] != 0.0F;
      plan.avoid({.position = {s_.x[u(j)], s_.y[u(j)]},
                  .velocity = {s_.velocity_x[u(j)], s_.velocity_y[u(j)]},
                  .distance = p.separation},
                 moves ? 0.5 : 1.0);
    }
  }
  const orca::Vec v = plan.velocity({wish_x_[k], wish_y_[k]});
  // Exactly on a corner of a wall the direction is undefined (NaN): no step.
  constexpr double kRounding = 1.01;
  if (!(v.x * v.x + v.y * v.y <= kRounding * speed * speed)) return;
  plan_x_[k] = static_cast<float>(v.x);
  plan_y_[k] = static_cast<float>(v.y);
}

// A unit's turn.
void Battle::act(int i) {
  const auto k = u(i);
  const TypeInfo& info = setup_->types[s_.type[k]];
  const float dx = quantise(s_.velocity_x[k] / kLoopsPerSecond);
  const float dy = quantise(s_.velocity_y[k] / kLoopsPerSecond);
  if (dx != 0.0F || dy != 0.0F) {
    if (info.layer == Layer::kAir)
      Terrain::move_air(s_.x[k], s_.y[k], dx, dy);
    else if (info.layer == Layer::kColossus)
      setup_->terrain->move_cliff(s_.x[k], s_.y[k], dx, dy, kCentre);
    else
      setup_->terrain->move_ground(s_.x[k], s_.y[k], dx, dy, kCentre);
  }
  s_.cooldown[k] = std::max(s_.cooldown[k] - kOne, 0);
  s_.shield_wait[k] = std::max(s_.shield_wait[k] - 1, 0);
  if (s_.shield_wait[k] == 0)
    s_.shield[k] = std::min(s_.shield[k] + setup_->shield_regen, s_.shield_max[k]);
  s_.energy[k] = std::min(s_.energy[k] + info.energy_regen, info.energy_max);
  s_.hp[k] = std::min(s_.hp[k] + info.hp_regen, s_.hp_max[k]);
  if (info.healer) {
    heal_now(i);
  } else if (hold_[k] != 0 && s_.cooldown[k] == 0) {
    const auto width = static_cast<std::uint64_t>(setup_->jitter_high - setup_->jitter_low);
    std::int32_t jitter = setup_->jitter_low;
    if (width > 0) jitter += static_cast<std::int32_t>((width * hash(i, s_.attacks[k])) >> 32U);
    s_.cooldown[k] = info.period + jitter;
    ++s_.attacks[k];
    attack_now(i);
  }
}

void Battle::attack_now(int i) {
  const auto k = u(i);
  const TypeInfo& info = setup_->types[s_.type[k]];
  const int t = s_.target[k];
  if (info.suicide) {
    damage_[u(setup_->team_of(i))] += s_.hp[k];
    s_.hp[k] = 0;
    if (!info.bursts_on_death) burst_now(i);
  } else if (info.splash == Splash::kLine) {
    beam_now(i, t);
  } else {
    for (int n = 0; n < info.hits; ++n) suffer(t, pair(i, t).damage);
  }
}

void Battle::suffer(int i, std::int32_t damage) {
  const auto k = u(i);
  if (s_.alive[k] == 0 || s_.hp[k] <= 0) return;
  s_.shield_wait[k] = setup_->shield_delay_loops;
  const std::int32_t absorbed = std::min(s_.shield[k], damage);
  const std::int32_t rest = damage - absorbed;
  const std::int32_t least = std::min(rest, setup_->min_damage);
  const std::int32_t dealt =
      std::min(std::max(rest - setup_->types[s_.type[k]].armor, least), s_.hp[k]);
  s_.shield[k] -= absorbed;
  s_.hp[k] -= dealt;
  const int team = setup_->team_of(i);
  damage_[u(team)] += absorbed + dealt;
  if (s_.hp[k] == 0) ++kills_[u(team)];
}

// Enemies whose edge is in reach now and whose centre was in the query radius at the loop's start.
void Battle::burst_now(int i) {
  const auto k = u(i);
  const int other = 1 - setup_->team_of(i);
  const TypeInfo& info = setup_->types[s_.type[k]];
  const float reach = info.splash_radius + setup_->max_separation;
  note_blast(i, s_.x[k], s_.y[k], 0.0F, 0.0F);
  for (int n = live_end_[u(other)]; n < live_end_[u(other) + 1]; ++n) {
    const int j = live_[u(n)];
    const float dx = sorted_x_[u(j)] - s_.x[k];
    const float dy = sorted_y_[u(j)] - s_.y[k];
    const float edge = info.splash_radius + setup_->types[s_.type[u(j)]].radius;
    if (dx * dx + dy * dy > reach * reach || distance2(i, j) > edge * edge) continue;
    if (pair(i, j).can_attack) suffer(j, pair(i, j).damage);
  }
}

// A rectangle across the line of fire, through the target; only enemies whose centres were within
// its circumscribed circle at the loop's start.
void Battle::beam_now(int i, int t) {
  const auto k = u(i);
  const int other = 1 - setup_->team_of(i);
  const TypeInfo& info = setup_->types[s_.type[k]];
  const bool buried = s_.alive[u(t)] == 0;
  const float cx = buried ? s_.goal_x[k] : s_.x[u(t)];
  const float cy = buried ? s_.goal_y[k] : s_.y[u(t)];
  float ux = cx - s_.x[k];
  float uy = cy - s_.y[k];
  const float length = std::sqrt(ux * ux + uy * uy);
  if (length > 0.0F) {
    ux /= length;
    uy /= length;
  } else {
    ux = setup_->team_of(i) == 0 ? 1.0F : -1.0F;
  }
  note_blast(i, cx, cy, -uy * info.splash_half_length, ux * info.splash_half_length);
  const float half_width = info.splash_half_length + info.splash_radius;
  const float half_depth = info.splash_radius;
  const float circle2 = half_width * half_width + half_depth * half_depth;
  for (int n = live_end_[u(other)]; n < live_end_[u(other) + 1]; ++n) {
    const int j = live_[u(n)];
    const float sx = sorted_x_[u(j)] - cx;
    const float sy = sorted_y_[u(j)] - cy;
    if (sx * sx + sy * sy > circle2 || !pair(i, j).can_attack) continue;
    const float rx = s_.x[u(j)] - cx;
    const float ry = s_.y[u(j)] - cy;
    const float across = std::max(std::fabs(ux * ry - uy * rx) - half_width, 0.0F);
    const float along = std::max(std::fabs(ux * rx + uy * ry) - half_depth, 0.0F);
    const float radius = setup_->types[s_.type[u(j)]].radius;
    if (across * across + along * along > radius * radius) continue;
    for (int h = 0; h < info.hits; ++h) suffer(j, pair(i, j).damage);
  }
}

// Healers spend one point of energy at a time. A new patient takes five; a healthy one is dropped.
void Battle::heal_now(int i) {
  const auto k = u(i);
  const TypeInfo& info = setup_->types[s_.type[k]];
  const int before = s_.healed[k];
  const bool attends = s_.order[k] == Order::kAdvance || s_.order[k] == Order::kTarget ||
                       s_.order[k] == Order::kHeal;
  const int t = attends ? aims_at(i) : -1;
  s_.healed[k] = static_cast<std::int16_t>(t);
  if (t < 0 || hold_[k] == 0) return;
  if ((before != t && s_.energy[k] < kHealStart) || s_.hp[u(t)] >= s_.hp_max[u(t)]) {
    s_.healed[k] = -1;
    if (s_.order[k] == Order::kAdvance) s_.target[k] = -1;
    return;
  }
  const std::int32_t wanted = std::min(info.heal_rate, s_.hp_max[u(t)] - s_.hp[u(t)]);
  if (info.energy_per_hp == 0) {
    s_.reserve[k] = wanted;
  } else if (s_.reserve[k] < wanted) {
    const std::int32_t paid = std::min(s_.energy[k], kOne);
    s_.energy[k] -= paid;
    s_.reserve[k] +=
        static_cast<std::int32_t>(static_cast<std::int64_t>(paid) * kOne / info.energy_per_hp);
  }
  const std::int32_t given = std::min(wanted, s_.reserve[k]);
  s_.reserve[k] -= given;
  s_.hp[u(t)] += given;
}

}  // namespace credo::skirmish
