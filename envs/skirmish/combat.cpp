// Attacks, missiles, splash, healing and deaths of one loop. All damage is dealt before any unit
// dies, so the order of attacks does not decide fights.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>

#include "envs/skirmish/battle.hpp"

namespace credo::skirmish {
namespace {

// Beams hit one cliff level only; ramps between two levels count as both.
constexpr int kLevel = 48;

}  // namespace

void Battle::strike() {
  for (int k = 0; k < n_striking_; ++k) fire(striking_[u(k)]);
  if (s_.n_missiles > 0) land_missiles();
  if (n_victims_ > 0) answer_calls();
}

void Battle::land_missiles() {
  // Missiles launched in this loop start to move in the next one; the list keeps its order.
  int kept = 0;
  for (int k = 0; k < s_.n_missiles; ++k) {
    Missile missile = s_.missiles[u(k)];
    if (s_.alive[u(missile.to)] == 0) continue;
    if (missile.loops > 0) {
      --missile.loops;
      s_.missiles[u(kept++)] = missile;
    } else {
      land(missile);
    }
  }
  for (int k = kept; k < s_.n_missiles; ++k) s_.missiles[u(k)] = Missile{};
  s_.n_missiles = kept;
}

void Battle::fire(int i) {
  const auto k = u(i);
  const TypeInfo& info = setup_->types[s_.type[k]];
  const int t = s_.target[k];
  ++s_.attacks[k];
  if (info.suicide) {
    s_.hp[k] = 0;
    somebody_died_ = true;
    if (!info.bursts_on_death) burst(i);
    return;
  }
  if (info.splash == Splash::kLine) {
    if (info.splash_delay > 0)
      launch(i, t, info.splash_delay, Missile::kLine);
    else
      beam(i, t);
    return;
  }
  if (info.missile_speed > 0.0F) {
    const float flight = std::sqrt(distance2(i, t)) / info.missile_speed;
    launch(i, t, static_cast<std::int32_t>(flight * static_cast<float>(kOne)), Missile::kShot);
    return;
  }
  hit(i, t, pair(i, t).damage);
  for (int n = 1; n < info.hits; ++n) {
    if (info.hit_interval > 0)
      launch(i, t, n * info.hit_interval, Missile::kRepeat);
    else
      hit(i, t, pair(i, t).damage);
  }
}

void Battle::launch(int from, int to, std::int32_t delay, Missile::Kind kind) {
  const Missile missile = {.from = static_cast<std::int16_t>(from),
                           .to = static_cast<std::int16_t>(to),
                           .loops = static_cast<std::int16_t>((delay + kOne - 1) / kOne),
                           .kind = kind};
  if (s_.n_missiles < kMaxMissiles)
    s_.missiles[u(s_.n_missiles++)] = missile;
  else
    land(missile);  // reached only by weapons that fire much faster than their missiles fly
}

void Battle::land(const Missile& missile) {
  const int from = missile.from;
  const int to = missile.to;
  switch (missile.kind) {
    case Missile::kShot:
      hit(from, to, pair(from, to).damage);
      return;
    case Missile::kRepeat:
      if (s_.alive[u(from)] != 0 && distance2(from, to) <= pair(from, to).slop2)
        hit(from, to, pair(from, to).damage);
      return;
    case Missile::kLine:
      if (s_.alive[u(from)] != 0) beam(from, to);
      return;
  }
}

void Battle::hit(int from, int to, std::int32_t damage) {
  const auto k = u(to);
  const std::int32_t absorbed = std::min(s_.shield[k], damage);
  const std::int32_t rest = damage - absorbed;
  s_.shield[k] -= absorbed;
  s_.shield_wait[k] = setup_->shield_delay_loops;
  if (rest > 0) {
    const std::int32_t least = std::min(rest, setup_->min_damage);
    s_.hp[k] -= std::max(rest - setup_->types[s_.type[k]].armor, least);
    if (s_.hp[k] <= 0) somebody_died_ = true;
  }
  if (s_.order[k] == Order::kAdvance && s_.alive[u(from)] != 0) note_attack(to, from);
}

void Battle::note_attack(int victim, int attacker) {
  std::int16_t& closest = attacker_[u(victim)];
  if (closest < 0)
    victims_[u(n_victims_++)] = static_cast<std::int16_t>(victim);
  else if (distance2(victim, attacker) >= distance2(victim, closest))
    return;
  closest = static_cast<std::int16_t>(attacker);
}

// StarCraft II's rule as its public data have it (core.sc2mod: weapon damage carries the flags
// Acquire and CallForHelp; CGame: CallForHelpRadius 4, CallForHelpPeriod 2): every victim calls,
// whatever it is doing, at most once per period. Units without a target answer: the victim itself
// turns on its attacker, its neighbours on the closest attacker of the callers.
void Battle::answer_calls() {
  const auto answers = [this](int j, int attacker) {
    return s_.target[u(j)] < 0 && s_.order[u(j)] == Order::kAdvance &&
           !setup_->types[s_.type[u(j)]].healer && pair(j, attacker).can_attack;
  };
  int n_callers = 0;
  for (int k = 0; k < n_victims_; ++k) {
    const int victim = victims_[u(k)];
    const int attacker = attacker_[u(victim)];
    // A unit that dies in this loop is no longer a target.
    const bool gone = s_.alive[u(attacker)] == 0 || s_.hp[u(attacker)] <= 0;
    if (!gone && answers(victim, attacker))
      s_.target[u(victim)] = static_cast<std::int16_t>(attacker);
    if (gone || s_.loop < s_.calls_from[u(victim)]) {
      attacker_[u(victim)] = -1;
      continue;
    }
    s_.calls_from[u(victim)] = s_.loop + setup_->help_period;
    victims_[u(n_callers++)] = static_cast<std::int16_t>(victim);
  }
  n_victims_ = 0;
  if (n_callers == 0) return;
  for (int n = 0; n < live_end_[2]; ++n) {
    const int j = live_[u(n)];
    if (s_.target[u(j)] >= 0 || s_.order[u(j)] != Order::kAdvance) continue;
    int closest = -1;
    for (int k = 0; k < n_callers; ++k) {
      const int victim = victims_[u(k)];
      const int attacker = attacker_[u(victim)];
      if (setup_->team_of(victim) != setup_->team_of(j) || !answers(j, attacker)) continue;
      if (distance2(j, victim) > setup_->help_radius2) continue;
      if (closest < 0 || distance2(j, attacker) < distance2(j, closest)) closest = attacker;
    }
    s_.target[u(j)] = static_cast<std::int16_t>(closest);
  }
  for (int k = 0; k < n_callers; ++k) attacker_[u(victims_[u(k)])] = -1;
}

// The half line (half_x, half_y) leads from the centre to one end.
void Battle::note_blast(int from, float x, float y, float half_x, float half_y) {
  if (blasts_ == nullptr) return;
  blasts_->push_back(
      {.from = from, .x = x - half_x, .y = y - half_y, .to_x = x + half_x, .to_y = y + half_y});
}

void Battle::burst(int i) {
  const auto k = u(i);
  const int team = setup_->team_of(i);
  const TypeInfo& info = setup_->types[s_.type[k]];
  note_blast(i, s_.x[k], s_.y[k], 0.0F, 0.0F);
  for (int n = live_end_[u(1 - team)]; n < live_end_[u(1 - team) + 1]; ++n) {
    const int j = live_[u(n)];
    if (s_.alive[u(j)] == 0) continue;
    const PairInfo& p = pair(i, j);
    const float reach = info.splash_radius + setup_->types[s_.type[u(j)]].radius;
    if (p.can_attack && distance2(i, j) <= reach * reach) hit(i, j, p.damage);
  }
}

// Sweeps a segment across the line of fire at the target; hits all enemies within the splash
// radius.
void Battle::beam(int from, int to) {
  const int team = setup_->team_of(from);
  const TypeInfo& info = setup_->types[s_.type[u(from)]];
  const float cx = s_.x[u(to)];
  const float cy = s_.y[u(to)];
  float ux = cx - s_.x[u(from)];
  float uy = cy - s_.y[u(from)];
  const float length = std::sqrt(ux * ux + uy * uy);
  if (length > 0.0F) {
    ux /= length;
    uy /= length;
  } else {
    ux = team == 0 ? 1.0F : -1.0F;
  }
  note_blast(from, cx, cy, -uy * info.splash_half_length, ux * info.splash_half_length);
  const int level = setup_->terrain->height_at(cx, cy);
  for (int n = live_end_[u(1 - team)]; n < live_end_[u(1 - team) + 1]; ++n) {
    const int j = live_[u(n)];
    const PairInfo& p = pair(from, j);
    if (s_.alive[u(j)] == 0 || !p.can_attack) continue;
    const float rx = s_.x[u(j)] - cx;
    const float ry = s_.y[u(j)] - cy;
    const float across = std::fabs(ux * rx + uy * ry);
    const float along = std::fabs(ux * ry - uy * rx);
    const float past = std::max(along - info.splash_half_length, 0.0F);
    const float reach = info.splash_radius + setup_->types[s_.type[u(j)]].radius;
    if (across * across + past * past > reach * reach) continue;
    if (std::abs(setup_->terrain->height_at(s_.x[u(j)], s_.y[u(j)]) - level) >= kLevel) continue;
    for (int h = 0; h < info.hits; ++h) hit(from, j, p.damage);
  }
}

void Battle::heal() {
  for (int n = 0; n < n_healing_; ++n) {
    const int i = healing_[u(n)];
    const auto k = u(i);
    const int t = s_.target[k];
    if (t < 0 || s_.hp[u(t)] <= 0) continue;
    // One healer per target and loop, the first in slot order.
    bool taken = false;
    for (int m = 0; m < n && !taken; ++m) taken = s_.target[u(healing_[u(m)])] == t;
    const TypeInfo& info = setup_->types[s_.type[k]];
    if (taken || !setup_->types[s_.type[u(t)]].biological) continue;
    std::int64_t amount = std::min(info.heal_rate, s_.hp_max[u(t)] - s_.hp[u(t)]);
    if (info.energy_per_hp > 0)
      amount =
          std::min(amount, static_cast<std::int64_t>(s_.energy[k]) * kOne / info.energy_per_hp);
    s_.hp[u(t)] += static_cast<std::int32_t>(amount);
    s_.energy[k] -= static_cast<std::int32_t>(amount * info.energy_per_hp / kOne);
  }
}

// Removes the dead; death bursts may kill further units, round by round.
void Battle::bury() {
  while (somebody_died_) {
    somebody_died_ = false;
    int n_dying = 0;
    for (int k = 0; k < live_end_[2]; ++k) {
      const int i = live_[u(k)];
      if (s_.alive[u(i)] == 0 || s_.hp[u(i)] > 0) continue;
      s_.alive[u(i)] = 0;
      striking_[u(n_dying++)] = static_cast<std::int16_t>(i);
    }
    for (int k = 0; k < n_dying; ++k) {
      if (setup_->types[s_.type[u(striking_[u(k)])]].bursts_on_death) burst(striking_[u(k)]);
    }
  }
  for (int k = 0; k < live_end_[2]; ++k) {
    const auto i = u(live_[u(k)]);
    if (s_.alive[i] != 0) continue;
    s_.x[i] = s_.y[i] = kParked;
    dx_[i] = dy_[i] = 0.0F;
    s_.hp[i] = s_.hp_max[i] = s_.shield[i] = s_.shield_max[i] = s_.energy[i] = 0;
    s_.target[i] = -1;
    s_.winding[i] = 0;
    s_.order[i] = Order::kIdle;
  }
  const auto sorted_end = std::remove_if(sorted_.begin(), sorted_.begin() + n_sorted_,
                                         [this](std::int16_t i) { return s_.alive[u(i)] == 0; });
  const auto n_sorted = static_cast<int>(sorted_end - sorted_.begin());
  muster();
  n_sorted_ = n_sorted;
}

}  // namespace credo::skirmish
