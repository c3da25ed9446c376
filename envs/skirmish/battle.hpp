// The fight: two teams of units on a terrain, advanced in loops of 1/16 game second.
//
//   Battle battle(setup);                 // setup: std::shared_ptr<const BattleSetup>
//   battle.reset(key);                    // key: 64 random bits, the root of all randomness
//   battle.order_attack(0, enemy);
//   battle.run_step(8);
//
// Order within a loop: timers, decisions from one snapshot, movement and collisions, attacks and
// missiles, healing, deaths and death bursts. All damage of a loop is simultaneous, so two units
// can kill each other. Hit points, shields, energy and times are fixed point; positions are floats
// that are multiples of 2^-18 (terrain.hpp), so results depend neither on compiler nor on summing
// order.
//
// Units have slots: team 0 in [0, n0), team 1 from the next multiple of four. Unused slots and dead
// units are parked far away, so distance tests need not check whether a unit is alive.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "envs/core/bytes.hpp"
#include "envs/skirmish/data.hpp"
#include "envs/skirmish/orca.hpp"
#include "envs/skirmish/simd4.hpp"
#include "envs/skirmish/terrain.hpp"

namespace credo::skirmish {

inline constexpr int kMaxUnits = 128;  ///< on both sides together
inline constexpr int kSlots = kMaxUnits + 8;
inline constexpr int kMaxTypes = 16;
inline constexpr std::int32_t kOne = 65536;  ///< fixed point: one hit point, one loop
/// Overlaps of up to two percent are ignored; otherwise units marching in a column collide all the
/// time.
inline constexpr float kContact = 0.96F;   // squared share of the separation
inline constexpr float kParked = 4096.0F;  ///< where the dead are

std::int32_t to_fixed(double value);

/// How a team fights; kOrders: only as ordered.
enum class Style : std::uint8_t { kOrders, kSticky, kClosest, kFocus, kRandom, kKite };

/// The current order of a unit.
enum class Order : std::uint8_t { kIdle, kMove, kTarget, kHeal, kAdvance };

/// The role of a unit in this loop's collisions.
enum class Footing : std::uint8_t { kFixed, kIdle, kMoving };

/// A unit type in simulation units: loops, cells, fixed point.
struct TypeInfo {
  std::string name;
  std::int32_t hp = 0, shield = 0, armor = 0, hp_regen = 0;
  std::int32_t energy_start = 0, energy_max = 0, energy_regen = 0;
  float speed = 0.0F, acceleration = 0.0F;  // cells per loop (per loop)
  float radius = 0.0F, separation = 0.0F, wall_radius = 0.0F;
  Layer layer = Layer::kGround;
  bool biological = false, armed = false, healer = false, protoss = false;
  float priority = 0.0F;
  float max_scan = 0.0F;  // no target is acquired beyond this distance
  double cooldown_divisor = 1.0, sight = 9.0, unit_range = 6.0;
  // Weapon
  std::int32_t period = 0, damage_point = 0, hit_interval = 0, splash_delay = 0;
  int hits = 1;
  float missile_speed = 0.0F;  // cells per loop, 0: instant
  Splash splash = Splash::kNone;
  float splash_radius = 0.0F, splash_half_length = 0.0F;
  bool suicide = false, bursts_on_death = false;
  // Healing
  std::int32_t heal_rate = 0;      // hit points per loop
  std::int64_t energy_per_hp = 0;  // fixed point
  float heal_range = 0.0F, heal_scan = 0.0F;
};

/// Derived constants of type a acting on type b.
struct PairInfo {
  float range2 = 0.0F;      // squared centre distance at which a can strike b
  float slop2 = 0.0F;       // ... at which a started strike still lands
  float scan2 = 0.0F;       // ... at which a acquires b
  float separation = 0.0F;  // 0: they do not collide
  float separation2 = 0.0F;
  float contact2 = 0.0F;  // squared distance from which they push each other
  float heal2 = 0.0F, heal_scan2 = 0.0F;
  std::int32_t damage = 0;
  bool can_attack = false;
  bool first_rooted = false, second_rooted = false;  // cannot be pushed
};

struct BattleSetup {
  std::vector<TypeInfo> types;
  std::array<std::array<PairInfo, kMaxTypes>, kMaxTypes> pairs{};
  float max_separation = 0.0F;
  std::array<int, 2> count{};      // units per team
  std::array<int, 2> start{};      // first slot per team
  int slots = 0;                   // all slots, a multiple of four
  std::vector<std::uint8_t> type;  // [slots] initial types
  std::vector<float> x, y;         // [slots] initial positions
  // With order = "shuffled": the order in which the units of a team are examined, which decides
  // ties, and the team that comes first.
  std::vector<std::int16_t> rank;  // [slots]; empty: by slot
  int first_team = 0;
  std::array<Style, 2> style = {Style::kOrders, Style::kSticky};
  EnemyOrder order = EnemyOrder::kNone;           // of team 1
  std::array<std::array<float, 2>, 2> goal{};     // where a team advances to
  std::array<std::array<float, 2>, 2> goal_to{};  // other end for EnemyOrder::kSegment
  std::int32_t jitter_low = 0, jitter_high = 0;   // loops, fixed point
  std::int32_t min_damage = 0, shield_regen = 0, shield_delay_loops = 0;
  float help_radius2 = 0.0F;     // within which idle units answer a call for help
  std::int32_t help_period = 0;  // loops before the same unit calls again
  bool healer_first = false, healers_fight = false;
  bool keeps_targets = false;                     // Targets::kKeep
  bool shuffled = false;                          // TickOrder::kShuffled
  bool counts_dealt = false;                      // RewardOf::kDealt
  bool hunts_nearest = false;                     // hunters head for the nearest ally
  std::vector<orca::Block> blocks;                // walls, for order = "shuffled"
  std::array<bool, 2> one_type = {false, false};  // all units of a team are of one type
  bool any_shield = false, any_regen = false, any_energy = false, any_rooted = false;
  std::shared_ptr<const Terrain> terrain;

  int slot(int team, int k) const { return start[static_cast<std::size_t>(team)] + k; }
  int team_of(int slot_index) const { return slot_index >= start[1] ? 1 : 0; }
  const TypeInfo& info(std::uint8_t t) const { return types[t]; }
};

/// Fills types and pairs from the profile; `names` gives the local type order.
void build_types(BattleSetup& setup, const Profile& profile, const std::vector<std::string>& names,
                 const std::string& where);

/// An attack in flight; lands after `loops` loops.
struct Missile {
  enum Kind : std::uint8_t { kShot, kRepeat, kLine };
  std::int16_t from = 0;
  std::int16_t to = 0;
  std::int16_t loops = 0;
  Kind kind = kShot;
};

/// An area strike, for pictures: the line it swept, a single point for a burst.
struct Blast {
  int from = 0;
  float x = 0.0F, y = 0.0F, to_x = 0.0F, to_y = 0.0F;
};

class Battle {
 public:
  explicit Battle(std::shared_ptr<const BattleSetup> setup);

  const BattleSetup& setup() const { return *setup_; }

  /// Puts all units in their initial places.
  void reset(std::uint64_t key);
  /// Other random bits from here on; nothing else changes.
  void set_key(std::uint64_t key) { s_.key = key; }
  /// Replaces one unit after `reset` (generated scenarios, jittered starts); `muster` when done.
  void place(int slot, std::uint8_t type, float x, float y);
  void muster();
  std::int16_t rank(int slot) const { return s_.rank[u(slot)]; }
  void set_rank(int slot, std::int16_t rank) { s_.rank[u(slot)] = rank; }
  /// Where the team advances to (overrides the setup after `reset`).
  void set_goal(int team, float x, float y);

  // Orders; they replace what the unit was doing. A repeated attack on the same target goes on.
  void order_idle(int slot);
  void order_move(int slot, float x, float y);
  void order_attack(int slot, int target);
  void order_heal(int slot, int target);

  void run_step(int loops) { run_loops(0, loops); }
  /// Loops [first, last) of a step, so that callers can observe the state in between. Area strikes
  /// are appended to `blasts`, if given.
  void run_loops(int first, int last, std::vector<Blast>* blasts = nullptr);

  bool alive(int slot) const { return s_.alive[u(slot)] != 0; }
  float x(int slot) const { return s_.x[u(slot)]; }
  float y(int slot) const { return s_.y[u(slot)]; }
  const float* xs() const { return s_.x.data(); }
  const float* ys() const { return s_.y.data(); }
  std::uint8_t type(int slot) const { return s_.type[u(slot)]; }
  const TypeInfo& info(int slot) const { return setup_->types[s_.type[u(slot)]]; }
  std::int32_t hp(int slot) const { return s_.hp[u(slot)]; }
  std::int32_t shield(int slot) const { return s_.shield[u(slot)]; }
  std::int32_t energy(int slot) const { return s_.energy[u(slot)]; }
  /// Loops until the weapon is ready, fixed point; 0 during a wind-up.
  std::int32_t cooldown(int slot) const;
  int target(int slot) const { return s_.target[u(slot)]; }
  Order order(int slot) const { return s_.order[u(slot)]; }
  Footing footing(int slot) const { return s_.footing[u(slot)]; }
  int attacks(int slot) const { return s_.attacks[u(slot)]; }
  int n_alive(int team) const { return s_.n_alive[u(team)]; }
  /// Living units that are no healers.
  int n_fighters(int team) const { return s_.n_fighters[u(team)]; }
  /// Losses of a team since `forget_damage`: hit points and shields (fixed point), and deaths.
  /// Counted with order = "shuffled" only.
  std::int64_t damage(int team) const { return damage_[u(team)]; }
  int kills(int team) const { return kills_[u(team)]; }
  void forget_damage() {
    damage_ = {};
    kills_ = {};
  }
  int missiles() const { return s_.n_missiles; }
  const Missile& missile(int k) const { return s_.missiles[u(k)]; }

  void save(ByteWriter& out) const;
  void load(ByteReader& in);

 private:
  static constexpr std::size_t u(int i) { return static_cast<std::size_t>(i); }
  static constexpr int kMaxContacts = 512;  // buffered before processing
  static constexpr int kMaxMissiles = 2 * kMaxUnits;

  template <typename T>
  using PerUnit = std::array<T, static_cast<std::size_t>(kSlots)>;

  // All dynamic state; trivially copyable, so that copying a battle is one memory copy.
  struct State {
    alignas(16) PerUnit<float> x, y;
    PerUnit<std::int32_t> cooldown, windup;
    PerUnit<std::int32_t> hp, hp_max, shield, shield_max, energy, shield_wait;
    PerUnit<std::int32_t> calls_from;  // first loop in which it may call for help again
    PerUnit<float> goal_x, goal_y;     // of a move order
    PerUnit<float> way_x, way_y;       // next waypoint around walls
    PerUnit<float> pace;               // current speed of accelerating units
    PerUnit<std::int16_t> target;
    PerUnit<std::uint16_t> attacks;
    PerUnit<std::uint8_t> alive, type, winding, detour;
    PerUnit<std::int8_t> side;  // on which a blocked unit passes; decays to 0 when free
    PerUnit<Order> order;
    PerUnit<Footing> footing;
    // Only with order = "shuffled":
    PerUnit<float> velocity_x, velocity_y;  // cells per second
    PerUnit<std::int16_t> healed;           // the last patient of a healer
    PerUnit<std::int16_t> rank;             // BattleSetup::rank
    PerUnit<std::int32_t> reserve;          // hit points already paid for but not yet healed
    std::array<Missile, static_cast<std::size_t>(kMaxMissiles)> missiles;
    std::array<std::int32_t, 2> n_alive, n_fighters;
    std::array<std::array<float, 2>, 2> goal;
    std::int32_t n_missiles, loop;
    std::uint64_t key;
  };

  // battle.cpp
  void run_loop();
  void timers();
  std::uint32_t hash(int slot, std::uint32_t use) const;

  template <typename Visitor>
  static void visit_units(State& state, Visitor visit);
  template <typename Visitor>
  static void visit_shuffled(State& state, Visitor visit);

  // targeting.cpp
  void survey();
  void decide();
  void think(int i);
  void think_healer(int i);
  bool keep_winding(int i, int t);
  int choose_target(int i, int t, bool look);
  int acquire(int i, bool in_weapon_range_only) const;
  int hurt_friend(int i) const;
  void begin_attack(int i);
  void engage(int i, int t);
  void flee(int i, int t);
  void advance(int i);
  void head_for(int i, float gx, float gy);
  void stand(int i, Footing footing);
  bool may_see_enemies(int i) const;
  int nearest_of_one_type(int i, bool hunts) const;

  // tick_order.cpp
  void run_shuffled_loop();
  int keep_target(int i, int t) const;
  int aims_at(int i) const;
  int pick_patient(int i) const;
  void plan(int i);
  void approach(int i, int t);
  void wish(int i, float x, float y, float speed);
  float healer_pace(int i) const;
  void steer(int i);
  void act(int i);
  void attack_now(int i);
  void burst_now(int i);
  void beam_now(int i, int t);
  void heal_now(int i);
  void suffer(int i, std::int32_t damage);

  // movement.cpp
  void move();
  void displace(int i, float dx, float dy);
  void displace4(std::size_t base, F4 dx, F4 dy);
  void sort_into_columns();
  void sweep();
  void meet_all();
  void look_around(int i);
  void prepare_contacts();
  void push_apart(const std::int16_t* slot_of);
  void note_blocker(std::size_t k, float nx, float ny);
  void slide(int i);

  // combat.cpp
  void strike();
  void fire(int i);
  void launch(int from, int to, std::int32_t delay, Missile::Kind kind);
  void land(const Missile& missile);
  void hit(int from, int to, std::int32_t damage);
  void burst(int i);
  void beam(int from, int to);
  void note_blast(int from, float x, float y, float half_x, float half_y);
  void heal();
  void bury();
  void note_attack(int victim, int attacker);
  void answer_calls();
  void land_missiles();
  float distance2(int a, int b) const {
    const float dx = s_.x[u(a)] - s_.x[u(b)];
    const float dy = s_.y[u(a)] - s_.y[u(b)];
    return dx * dx + dy * dy;
  }
  const PairInfo& pair(int a, int b) const { return setup_->pairs[s_.type[u(a)]][s_.type[u(b)]]; }

  std::shared_ptr<const BattleSetup> setup_;
  State s_;

  // Scratch of one loop; rebuilt before use, not part of the state.
  PerUnit<float> dx_, dy_;
  std::array<std::int16_t, static_cast<std::size_t>(kSlots)> live_{}, moving_{}, striking_{},
      healing_{}, sorted_{};
  PerUnit<float> sorted_x_{}, sorted_y_{}, sorted_walks_{};
  // For collisions, one unit per vector of four: place and step; push and its blocking part.
  struct alignas(16) Body {
    float x = 0.0F, y = 0.0F, dx = 0.0F, dy = 0.0F;
  };
  struct alignas(16) Push {
    float x = 0.0F, y = 0.0F, block_x = 0.0F, block_y = 0.0F;
  };
  PerUnit<Body> body_{};
  PerUnit<Push> push_{};
  PerUnit<std::uint8_t> role_{};                              // footing + 3 * team
  PerUnit<float> wish_x_{}, wish_y_{}, plan_x_{}, plan_y_{};  // velocities, order = "shuffled"
  // Direction around the blockers on one side (unit vector), and the component of the step along
  // it.
  struct Pass {
    float along = kParked, x = 0.0F, y = 0.0F;
  };
  std::array<PerUnit<Pass>, 2> pass_{};
  std::array<std::uint16_t, static_cast<std::size_t>(kMaxContacts)> contacts_{};  // a << 8 | b
  int n_contacts_ = 0;
  bool touched_ = false;  // pairs were found in this loop
  // Attack-moving units hit in this loop, and the closest attacker of each.
  std::array<std::int16_t, static_cast<std::size_t>(kSlots)> victims_{}, attacker_{};
  int n_victims_ = 0;
  PerUnit<std::uint8_t> hold_{};  // repeats its step until the next decision
  std::array<std::int64_t, 2> damage_{};
  std::array<int, 2> kills_{};
  std::array<float, 2> arrival_radius2_{};  // per team, around its goal
  std::array<int, 3> live_end_{};  // [start of team 0, end of team 0 = start of team 1, end]
  // column << 8 | slot of every unit in sorted_, between lower and higher ones
  std::array<std::uint16_t, static_cast<std::size_t>(kSlots + 2)> keys_{};
  int n_sorted_ = 0;  // living units in sorted_, 0: unknown
  int n_moving_ = 0, n_striking_ = 0, n_healing_ = 0;
  bool rethink_ = false;
  bool somebody_died_ = false;
  std::vector<Blast>* blasts_ = nullptr;          // within run_loops only
  std::array<std::array<float, 4>, 2> bounds_{};  // per team: min x, max x, min y, max y
};

}  // namespace credo::skirmish
