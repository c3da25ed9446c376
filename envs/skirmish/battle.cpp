#include "envs/skirmish/battle.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <type_traits>

#include "envs/core/error.hpp"

namespace credo::skirmish {
namespace {

constexpr double kLoopsPerSecond = 16.0;
constexpr float kArriveSlack = 0.25F;  // cells around the goal, beyond the area of the crowd
constexpr float kMaxVelocity = 64.0F;  // cells per second, of any unit
constexpr float kCrowding = 1.3F;      // space per unit in a standing crowd; 1.05 is the densest

std::int32_t seconds(double s, double scale) { return to_fixed(s * kLoopsPerSecond / scale); }

float square(double d) { return static_cast<float>(d * d); }

bool collides(Layer a, Layer b) {
  const auto grounded = [](Layer l) { return l == Layer::kGround || l == Layer::kStructure; };
  if (grounded(a) && grounded(b)) return true;
  // Ground units pass under colossi; colossi meet each other, structures and flyers.
  if (a == Layer::kColossus) return b != Layer::kGround;
  if (b == Layer::kColossus) return a != Layer::kGround;
  return a == Layer::kAir && b == Layer::kAir;
}

bool reaches(const WeaponData& weapon, Layer layer) {
  if (layer == Layer::kAir) return weapon.hits_air;
  if (layer == Layer::kColossus) return weapon.hits_ground || weapon.hits_air;
  return weapon.hits_ground;
}

TypeInfo make_type(const UnitData& unit, const Rules& rules) {
  TypeInfo t;
  t.name = unit.name;
  t.hp = to_fixed(unit.hp);
  t.shield = to_fixed(unit.shield);
  t.armor = to_fixed(unit.armor);
  t.hp_regen = to_fixed(unit.hp_regen / kLoopsPerSecond);
  t.energy_start = to_fixed(unit.energy_start);
  t.energy_max = to_fixed(unit.energy_max);
  t.energy_regen = to_fixed(unit.energy_regen / kLoopsPerSecond);
  t.speed = static_cast<float>(unit.speed * rules.time_scale / kLoopsPerSecond);
  t.acceleration = static_cast<float>(unit.acceleration * rules.time_scale * rules.time_scale /
                                      (kLoopsPerSecond * kLoopsPerSecond));
  t.radius = static_cast<float>(unit.radius);
  t.separation = static_cast<float>(unit.separation);
  t.wall_radius = quantise(static_cast<float>(unit.inner));
  t.layer = unit.layer;
  t.biological = (unit.attributes & kBiological) != 0;
  t.protoss = unit.race == "protoss";
  t.priority = static_cast<float>(unit.priority);
  t.cooldown_divisor = unit.cooldown_divisor;
  t.sight = unit.sight;
  t.unit_range = unit.unit_range;
  if (unit.weapon) {
    const WeaponData& w = *unit.weapon;
    t.armed = true;
    t.period = seconds(w.period, rules.time_scale);
    t.damage_point = seconds(w.damage_point, rules.time_scale);
    t.hit_interval = seconds(w.hit_interval, rules.time_scale);
    t.splash_delay = seconds(w.splash_delay, rules.time_scale);
    t.hits = w.hits;
    t.missile_speed = static_cast<float>(w.missile_speed * rules.time_scale / kLoopsPerSecond);
    t.splash = w.splash;
    t.splash_radius = static_cast<float>(w.splash_radius);
    t.splash_half_length = static_cast<float>(w.splash_length / 2.0);
    t.suicide = w.suicide;
    t.bursts_on_death = w.bursts_on_death;
  }
  if (unit.heal) {
    t.healer = true;
    t.heal_rate = to_fixed(unit.heal->rate / kLoopsPerSecond);
    t.energy_per_hp = to_fixed(unit.heal->energy_per_hp);
    t.heal_range = static_cast<float>(unit.heal->range);
    t.heal_scan = static_cast<float>(unit.heal->scan);
  }
  return t;
}

PairInfo make_pair(const UnitData& a, const UnitData& b, const Rules& rules) {
  PairInfo p;
  const double radii = a.radius + b.radius;
  if (a.weapon && reaches(*a.weapon, b.layer)) {
    const WeaponData& w = *a.weapon;
    const double reach = w.range + (w.centre_range ? 0.0 : radii);
    p.can_attack = true;
    p.range2 = square(reach);
    p.slop2 = square(reach + w.slop.value_or(rules.range_slop));
    const double scan = a.scan.value_or(rules.min_scan_range);
    p.scan2 = square(rules.acquisition == Acquisition::kScan ? scan + b.radius
                                                             : std::max(w.range, scan) + radii);
    double damage = w.damage;
    if ((w.bonus_attribute & b.attributes) != 0) damage += w.bonus;
    if ((b.attributes & kStructureAttribute) != 0) damage = w.structure_damage.value_or(damage);
    p.damage = to_fixed(damage);
  }
  if (a.heal) {
    p.heal2 = square(a.heal->range + radii);
    p.heal_scan2 =
        square(a.heal->scan + (rules.acquisition == Acquisition::kScan ? b.radius : radii));
  }
  if (collides(a.layer, b.layer)) {
    p.separation = static_cast<float>(a.separation + b.separation);
    p.separation2 = p.separation * p.separation;
    p.contact2 = kContact * p.separation2;
  }
  p.first_rooted = a.speed <= 0.0;
  p.second_rooted = b.speed <= 0.0;
  return p;
}

}  // namespace

std::int32_t to_fixed(double value) {
  return static_cast<std::int32_t>(std::floor(value * kOne + 0.5));
}

void build_types(BattleSetup& setup, const Profile& profile, const std::vector<std::string>& names,
                 const std::string& where) {
  if (names.size() > static_cast<std::size_t>(kMaxTypes))
    throw UserError(where + ": more than " + std::to_string(kMaxTypes) + " unit types");
  std::vector<const UnitData*> units;
  for (const std::string& name : names) {
    units.push_back(&profile.unit(name, where));
    setup.types.push_back(make_type(*units.back(), profile.rules));
    const TypeInfo& type = setup.types.back();
    setup.max_separation = std::max(setup.max_separation, type.separation);
    setup.any_shield = setup.any_shield || type.shield > 0;
    setup.any_regen = setup.any_regen || type.hp_regen > 0;
    setup.any_energy = setup.any_energy || type.energy_max > 0;
    setup.any_rooted = setup.any_rooted || type.speed <= 0.0F;
  }
  for (std::size_t a = 0; a < units.size(); ++a) {
    for (std::size_t b = 0; b < units.size(); ++b) {
      setup.pairs[a][b] = make_pair(*units[a], *units[b], profile.rules);
      TypeInfo& type = setup.types[a];
      type.max_scan = std::max(type.max_scan, std::sqrt(setup.pairs[a][b].scan2));
    }
  }
  const Rules& rules = profile.rules;
  setup.jitter_low = to_fixed(rules.jitter_loops[0]);
  setup.jitter_high = to_fixed(rules.jitter_loops[1]);
  setup.min_damage = to_fixed(rules.min_damage);
  setup.shield_regen = to_fixed(rules.shield_regen / kLoopsPerSecond);
  setup.shield_delay_loops =
      static_cast<std::int32_t>(std::floor(rules.shield_delay * kLoopsPerSecond + 0.5));
  setup.help_radius2 = square(rules.call_for_help);
  setup.help_period =
      static_cast<std::int32_t>(std::floor(rules.call_for_help_period * kLoopsPerSecond + 0.5));
  setup.healer_first = rules.healer_first;
  setup.healers_fight = rules.healers_fight;
  setup.keeps_targets = rules.targets == Targets::kKeep;
  setup.shuffled = rules.order == TickOrder::kShuffled;
  setup.counts_dealt = rules.reward == RewardOf::kDealt;
  if (setup.shuffled) setup.blocks = orca::blocks_of(*setup.terrain);
}

Battle::Battle(std::shared_ptr<const BattleSetup> setup) : setup_(std::move(setup)) {
  static_assert(std::is_trivially_copyable_v<State>);
  s_ = State{};
  dx_ = dy_ = PerUnit<float>{};
  attacker_.fill(-1);
  reset(0);
}

void Battle::reset(std::uint64_t key) {
  const auto slots = u(setup_->slots);
  s_ = State{};  // no trace of earlier episodes, not even in unused fields
  s_.key = key;
  s_.goal = setup_->goal;
  for (std::size_t i = 0; i < slots; ++i) {
    s_.x[i] = kParked;
    s_.y[i] = kParked;
    s_.target[i] = s_.healed[i] = -1;
    if (!setup_->rank.empty()) s_.rank[i] = setup_->rank[i];
    dx_[i] = dy_[i] = 0.0F;
  }
  for (int team = 0; team < 2; ++team) {
    for (int k = 0; k < setup_->count[u(team)]; ++k) {
      const auto i = u(setup_->slot(team, k));
      if (setup_->x[i] == kParked) continue;  // drawn for every episode: see generate_armies
      place(static_cast<int>(i), setup_->type[i], setup_->x[i], setup_->y[i]);
    }
  }
  muster();
}

void Battle::place(int slot, std::uint8_t type, float x, float y) {
  const auto i = u(slot);
  const TypeInfo& info = setup_->types[type];
  const int team = setup_->team_of(slot);
  s_.type[i] = type;
  s_.alive[i] = 1;
  s_.x[i] = quantise(x);
  s_.y[i] = quantise(y);
  s_.hp[i] = s_.hp_max[i] = info.hp;
  s_.shield[i] = s_.shield_max[i] = info.shield;
  s_.energy[i] = info.energy_start;
  s_.cooldown[i] = s_.windup[i] = 0;
  s_.shield_wait[i] = s_.calls_from[i] = 0;
  s_.goal_x[i] = s_.goal_y[i] = s_.way_x[i] = s_.way_y[i] = s_.pace[i] = 0.0F;
  s_.target[i] = -1;
  s_.attacks[i] = 0;
  s_.winding[i] = s_.detour[i] = 0;
  s_.side[i] = 0;
  s_.healed[i] = -1;
  s_.reserve[i] = 0;
  s_.velocity_x[i] = s_.velocity_y[i] = 0.0F;
  s_.footing[i] = Footing::kIdle;
  const bool advances = setup_->style[u(team)] != Style::kOrders;
  s_.order[i] = advances ? Order::kAdvance : Order::kIdle;
}

void Battle::set_goal(int team, float x, float y) { s_.goal[u(team)] = {quantise(x), quantise(y)}; }

void Battle::order_idle(int slot) {
  const auto i = u(slot);
  s_.order[i] = Order::kIdle;
  s_.target[i] = -1;
  if (s_.winding[i] != 0) s_.cooldown[i] = 0;
  s_.winding[i] = 0;
}

void Battle::order_move(int slot, float x, float y) {
  order_idle(slot);
  const auto i = u(slot);
  s_.order[i] = Order::kMove;
  s_.goal_x[i] = x;
  s_.goal_y[i] = y;
}

void Battle::order_attack(int slot, int target) {
  const auto i = u(slot);
  if (s_.order[i] == Order::kTarget && s_.target[i] == target) return;
  order_idle(slot);
  s_.order[i] = Order::kTarget;
  s_.target[i] = static_cast<std::int16_t>(target);
  s_.detour[i] = 0;
}

void Battle::order_heal(int slot, int target) {
  order_idle(slot);
  const auto i = u(slot);
  s_.order[i] = Order::kHeal;
  s_.target[i] = static_cast<std::int16_t>(target);
}

std::int32_t Battle::cooldown(int slot) const {
  const auto i = u(slot);
  return s_.winding[i] != 0 ? 0 : std::max(s_.cooldown[i], 0);
}

void Battle::run_loops(int first, int last, std::vector<Blast>* blasts) {
  blasts_ = blasts;
  for (int k = first; k < last; ++k) {
    rethink_ = (k & 3) == 0;
    if (setup_->shuffled)
      run_shuffled_loop();
    else
      run_loop();
  }
  blasts_ = nullptr;
}

void Battle::run_loop() {
  timers();
  if (rethink_) survey();
  decide();
  move();
  strike();
  if (n_healing_ > 0) heal();
  if (somebody_died_) bury();
  ++s_.loop;
}

void Battle::timers() {
  const auto slots = u(setup_->slots);
  // A cooldown that ends within this loop keeps its negative remainder, so that the mean rate of
  // fire is exact although shots happen on whole loops; an unused remainder is lost.
  for (std::size_t i = 0; i < slots; ++i)
    s_.cooldown[i] = s_.cooldown[i] > 0 ? s_.cooldown[i] - kOne : 0;
  if (setup_->any_shield) {
    for (std::size_t i = 0; i < slots; ++i) {
      const std::int32_t gain = s_.shield_wait[i] > 0 ? 0 : setup_->shield_regen;
      s_.shield_wait[i] = std::max(s_.shield_wait[i] - 1, 0);
      s_.shield[i] = std::min(s_.shield[i] + gain, s_.shield_max[i]);
    }
  }
  if (setup_->any_regen) {
    for (int k = 0; k < live_end_[2]; ++k) {
      const auto i = u(live_[u(k)]);
      s_.hp[i] = std::min(s_.hp[i] + setup_->types[s_.type[i]].hp_regen, s_.hp_max[i]);
    }
  }
  if (setup_->any_energy) {
    for (int k = 0; k < live_end_[2]; ++k) {
      const auto i = u(live_[u(k)]);
      const TypeInfo& info = setup_->types[s_.type[i]];
      s_.energy[i] = std::min(s_.energy[i] + info.energy_regen, info.energy_max);
    }
  }
}

void Battle::muster() {
  n_sorted_ = 0;
  int n = 0;
  for (int team = 0; team < 2; ++team) {
    live_end_[u(team)] = n;
    int fighters = 0;
    for (int k = 0; k < setup_->count[u(team)]; ++k) {
      const int i = setup_->slot(team, k);
      if (!alive(i)) continue;
      live_[u(n++)] = static_cast<std::int16_t>(i);
      if (!info(i).healer) ++fighters;
    }
    if (setup_->shuffled) {
      std::stable_sort(
          live_.begin() + live_end_[u(team)], live_.begin() + n,
          [this](std::int16_t a, std::int16_t b) { return s_.rank[u(a)] < s_.rank[u(b)]; });
    }
    s_.n_alive[u(team)] = n - live_end_[u(team)];
    s_.n_fighters[u(team)] = fighters;
    // A crowd cannot stand on one point: units within the disc it fills count as arrived.
    const float radius = kArriveSlack + kCrowding * setup_->max_separation *
                                            std::sqrt(static_cast<float>(s_.n_alive[u(team)]));
    arrival_radius2_[u(team)] = radius * radius;
  }
  live_end_[2] = n;
}

// Random bits keyed by (slot, use, count); independent of evaluation order. The finaliser of
// MurmurHash3 over a key drawn from the episode's stream.
std::uint32_t Battle::hash(int slot, std::uint32_t use) const {
  std::uint64_t h = s_.key ^ (static_cast<std::uint64_t>(static_cast<std::uint32_t>(slot)) << 32U) ^
                    static_cast<std::uint64_t>(use);
  for (int round = 0; round < 2; ++round) {
    h ^= h >> 33U;
    h *= 0xFF51AFD7ED558CCDULL;
    h ^= h >> 33U;
    h *= 0xC4CEB9FE1A85EC53ULL;
    h ^= h >> 33U;
    h += 0x9E3779B97F4A7C15ULL;
  }
  return static_cast<std::uint32_t>(h >> 32U);
}

// Every per-unit array of the state, for saving and loading.
template <typename Visitor>
void Battle::visit_units(State& state, Visitor visit) {
  visit(state.x);
  visit(state.y);
  visit(state.cooldown);
  visit(state.windup);
  visit(state.hp);
  visit(state.hp_max);
  visit(state.shield);
  visit(state.shield_max);
  visit(state.energy);
  visit(state.shield_wait);
  visit(state.calls_from);
  visit(state.goal_x);
  visit(state.goal_y);
  visit(state.way_x);
  visit(state.way_y);
  visit(state.pace);
  visit(state.target);
  visit(state.attacks);
  visit(state.alive);
  visit(state.type);
  visit(state.winding);
  visit(state.detour);
  visit(state.side);
  visit(state.order);
  visit(state.footing);
}

// State that only order = "shuffled" uses.
template <typename Visitor>
void Battle::visit_shuffled(State& state, Visitor visit) {
  visit(state.velocity_x);
  visit(state.velocity_y);
  visit(state.healed);
  visit(state.rank);
  visit(state.reserve);
}

void Battle::save(ByteWriter& out) const {
  out.put_tag("skirmish battle");
  State copy = s_;
  visit_units(copy, [&](const auto& array) {
    using T = typename std::remove_cvref_t<decltype(array)>::value_type;
    out.put_span(std::span<const T>(array.data(), u(setup_->slots)));
  });
  if (setup_->shuffled) {
    visit_shuffled(copy, [&](const auto& array) {
      using T = typename std::remove_cvref_t<decltype(array)>::value_type;
      out.put_span(std::span<const T>(array.data(), u(setup_->slots)));
    });
  }
  out.put(s_.n_missiles);
  for (std::size_t k = 0; k < u(s_.n_missiles); ++k) {
    out.put(s_.missiles[k].from);
    out.put(s_.missiles[k].to);
    out.put(s_.missiles[k].loops);
    out.put(s_.missiles[k].kind);
  }
  out.put(s_.goal);
  out.put(s_.loop);
  out.put(s_.key);
}

void Battle::load(ByteReader& in) {
  in.expect_tag("skirmish battle");
  State loaded{};
  visit_units(loaded, [&](auto& array) {
    using T = typename std::remove_cvref_t<decltype(array)>::value_type;
    in.get_span(std::span<T>(array.data(), u(setup_->slots)));
  });
  if (setup_->shuffled) {
    visit_shuffled(loaded, [&](auto& array) {
      using T = typename std::remove_cvref_t<decltype(array)>::value_type;
      in.get_span(std::span<T>(array.data(), u(setup_->slots)));
    });
  }
  loaded.n_missiles = in.get<std::int32_t>();
  bool ok = loaded.n_missiles >= 0 && loaded.n_missiles <= kMaxMissiles;
  CREDO_CHECK(ok, "saved battle is damaged");
  for (std::size_t k = 0; k < u(loaded.n_missiles); ++k) {
    loaded.missiles[k].from = in.get<std::int16_t>();
    loaded.missiles[k].to = in.get<std::int16_t>();
    loaded.missiles[k].loops = in.get<std::int16_t>();
    loaded.missiles[k].kind = in.get<Missile::Kind>();
  }
  loaded.goal = in.get<std::array<std::array<float, 2>, 2>>();
  loaded.loop = in.get<std::int32_t>();
  loaded.key = in.get<std::uint64_t>();

  // Validate everything that is used as an index or enters coordinates.
  const auto valid_unit = [&](int i) { return i >= -1 && i < setup_->slots; };
  const auto finite_goal = [](float v) { return std::fabs(v) <= 2.0F * kParked; };
  for (std::size_t i = 0; ok && i < u(setup_->slots); ++i) {
    ok = loaded.type[i] < setup_->types.size() && valid_unit(loaded.target[i]) &&
         loaded.alive[i] <= 1 && loaded.order[i] <= Order::kAdvance &&
         loaded.footing[i] <= Footing::kMoving && finite_goal(loaded.goal_x[i]) &&
         finite_goal(loaded.goal_y[i]) && finite_goal(loaded.way_x[i]) &&
         finite_goal(loaded.way_y[i]) && std::fabs(loaded.pace[i]) <= 1.0F &&
         valid_unit(loaded.healed[i]) && std::fabs(loaded.velocity_x[i]) <= kMaxVelocity &&
         std::fabs(loaded.velocity_y[i]) <= kMaxVelocity && loaded.reserve[i] >= 0;
    const float reach = loaded.alive[i] != 0 ? kHalf : kParked;
    ok = ok && std::fabs(loaded.x[i]) <= reach && std::fabs(loaded.y[i]) <= reach;
    // Orders that need a target must have one.
    const bool aims = loaded.order[i] == Order::kTarget || loaded.order[i] == Order::kHeal ||
                      loaded.winding[i] != 0;
    ok = ok && (!aims || loaded.target[i] >= 0);
  }
  for (std::size_t k = 0; ok && k < u(loaded.n_missiles); ++k) {
    const Missile& missile = loaded.missiles[k];
    ok = missile.from >= 0 && valid_unit(missile.from) && missile.to >= 0 &&
         valid_unit(missile.to) && missile.kind <= Missile::kLine;
  }
  for (const auto& goal : loaded.goal) ok = ok && finite_goal(goal[0]) && finite_goal(goal[1]);
  CREDO_CHECK(ok, "saved battle is damaged");
  s_ = loaded;
  dx_ = dy_ = PerUnit<float>{};  // dead slots must not keep the steps of the previous state
  muster();
}

}  // namespace credo::skirmish
