// Profiles whose units act one after another: SMAClite's rules, one by one, and what must hold for
// every battle fought by them.
#include <array>
#include <cmath>
#include <doctest/doctest.h>
#include <string>
#include <thread>
#include <vector>

#include "envs/skirmish/orca.hpp"
#include "tests/skirmish/support.hpp"

using namespace credo::skirmish;
using namespace credo::skirmish::test;

namespace {

// The maps SMAClite has.
const char* const kShared[] = {"2s3z",      "3s5z",       "3s5z_vs_3s6z", "3s_vs_5z",
                               "2s_vs_1sc", "10m_vs_11m", "27m_vs_30m",   "MMM",
                               "MMM2",      "corridor",   "bane_vs_bane", "2c_vs_64zg"};

std::unique_ptr<credo::Env> make_peer(const std::string& map) {
  return make("skirmish/" + map, {{"profile", "smaclite"}, {"spawn_jitter", "0"}});
}

std::vector<std::byte> saved(const credo::Env& env) {
  credo::ByteWriter out;
  env.save(out);
  return out.take();
}

Battle duel(const std::vector<Army>& allies, const std::vector<Army>& enemies,
            const std::string& profile = "smaclite") {
  return Battle(
      field(allies, enemies, Style::kOrders, Style::kSticky, profile, false, "flat").setup);
}

std::string message(const std::string& text) {
  try {
    (void)parse_profile("p", text, "p.toml");
  } catch (const credo::UserError& error) {
    return error.what();
  }
  return "accepted";
}

std::string profile_text() {
  for (const EmbeddedFile& file : embedded_files())
    if (file.path == "profiles/smaclite.toml") return std::string(file.text);
  return {};
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

// A whole episode of random play.
std::vector<std::byte> random_episode(const std::string& map, std::uint64_t seed) {
  const auto env = make_peer(map);
  std::vector<int> actions(static_cast<std::size_t>(env->spec().n_agents));
  credo::Stream stream = episode(seed);
  env->reset(episode(seed));
  while (!env->done()) {
    random_actions(*env, stream, actions);
    env->step(actions);
  }
  return saved(*env);
}

}  // namespace

// Ties and the order of neighbours follow SMAClite's order of units, not the agents' ids.
TEST_CASE("units are examined in the order of SMAClite's maps") {
  for (const char* jitter : {"0", "0.00001"}) {
    const auto env =
        make("skirmish/bane_vs_bane", {{"profile", "smaclite"}, {"spawn_jitter", jitter}});
    env->reset(episode(3));
    const Battle& battle = as_skirmish(*env).battle();
    const BattleSetup& setup = battle.setup();
    std::array<std::vector<int>, 2> order;
    for (int team = 0; team < 2; ++team) {
      const int n = setup.count[at(team)];
      order[at(team)].assign(at(n), -1);
      for (int k = 0; k < n; ++k)
        order[at(team)][at(battle.rank(setup.slot(team, k)))] = setup.slot(team, k);
    }
    const auto name = [&](int team, int k) { return battle.info(order[at(team)][at(k)]).name; };
    for (int k = 0; k < 24; ++k) {
      CHECK(name(0, k) == (k < 20 ? "zergling" : "baneling"));
      CHECK(name(1, k) == (k < 4 ? "baneling" : "zergling"));
    }
    // Rows of five from south to north and west to east; the enemies are rotated by 180 degrees.
    for (int k = 0; k < 4; ++k) {
      CHECK(battle.x(order[0][at(k)]) < battle.x(order[0][at(k + 1)]));
      CHECK(battle.y(order[0][at(k)]) < battle.y(order[0][at(k + 5)]));
      CHECK(battle.x(order[1][at(k + 4)]) > battle.x(order[1][at(k + 5)]));
    }
    CHECK(battle.info(0).name == "baneling");  // agents' ids stay SMAC's: by type, x and y
  }
  for (const std::string map : kShared) {
    const bool enemies_first = map == "bane_vs_bane" || map == "corridor" || map == "2s_vs_1sc";
    CHECK(as_skirmish(*make_peer(map)).battle().setup().first_team == (enemies_first ? 1 : 0));
  }
}

TEST_CASE("acquisition: the scan range plus the target's radius, whatever the weapon's range") {
  struct Case {
    const char* enemy;
    const char* ally;
    double distance;
    bool sees;
  };
  // Radii: marine 0.375, stalker 0.625. The marauder's weapon reaches 6 and both radii.
  for (const Case& c :
       {Case{"marine", "marine", 5.36, true}, Case{"marine", "marine", 5.39, false},
        Case{"marauder", "stalker", 5.61, true}, Case{"marauder", "stalker", 5.64, false},
        Case{"spine_crawler", "marine", 10.36, true},
        Case{"spine_crawler", "marine", 10.39, false}}) {
    Battle battle = duel({{c.ally, 1, 10.0, 16.0}}, {{c.enemy, 1, 10.0 + c.distance, 16.0}});
    const float dx = battle.x(first_enemy(battle)) - battle.x(0);
    REQUIRE(std::fabs(dx - static_cast<float>(c.distance)) < 1e-4F);
    battle.run_step(1);
    INFO(std::string(c.enemy) << " at " << c.distance);
    CHECK(battle.target(first_enemy(battle)) == (c.sees ? 0 : -1));
  }
}

TEST_CASE("a target is kept until it is dead, or out of reach and not after its hunter") {
  Battle battle =
      duel({{"stalker", 1, 10.0, 16.0}, {"marine", 1, 10.0, 22.0}}, {{"zealot", 1, 15.0, 16.0}});
  const int zealot = first_enemy(battle);
  battle.order_attack(0, zealot);
  battle.run_step(1);
  REQUIRE(battle.target(zealot) == 0);
  // Somebody else stands closer, but the stalker is after the zealot.
  const std::uint8_t marine = battle.type(1);
  battle.place(1, marine, battle.x(zealot) - 2.0F, battle.y(zealot));
  battle.run_step(1);
  CHECK(battle.target(zealot) == 0);
  // It turns to something else while out of the zealot's reach: the closest one is next.
  battle.order_idle(0);
  battle.run_step(1);
  CHECK(battle.target(zealot) == 1);
}

TEST_CASE("whoever is after a unit is a candidate at any range") {
  Battle battle = duel({{"stalker", 1, 8.0, 16.0}}, {{"zealot", 1, 15.0, 16.0}});
  const int zealot = first_enemy(battle);
  battle.run_step(1);
  REQUIRE(battle.target(zealot) == -1);
  Battle attacked = duel({{"stalker", 1, 8.0, 16.0}}, {{"zealot", 1, 15.0, 16.0}});
  attacked.order_attack(0, zealot);
  attacked.run_step(1);
  CHECK(attacked.target(zealot) == 0);
}

TEST_CASE("healers come first") {
  Battle battle =
      duel({{"marine", 1, 12.0, 16.0}, {"medivac", 1, 10.5, 16.0}}, {{"marine", 1, 15.0, 16.0}});
  battle.run_step(1);
  CHECK(battle.target(first_enemy(battle)) == 1);
  // A healer that comes into sight takes over.
  Battle later =
      duel({{"marine", 1, 12.0, 16.0}, {"medivac", 1, 4.0, 16.0}}, {{"marine", 1, 15.0, 16.0}});
  later.run_step(1);
  REQUIRE(later.target(first_enemy(later)) == 0);
  later.place(1, later.type(1), later.x(0) - 1.0F, later.y(0));
  later.run_step(1);
  CHECK(later.target(first_enemy(later)) == 1);
}

TEST_CASE("the rule for targets also works with simultaneous loops") {
  Profile profile = load_profile("liberty", "");
  profile.rules.targets = Targets::kKeep;
  profile.rules.acquisition = Acquisition::kScan;
  MapData map = load_map("3m", "");
  map.allies = {{.unit = "stalker", .count = 1, .at = {10.0, 16.0}},
                {.unit = "marine", .count = 1, .at = {10.0, 22.0}}};
  map.enemies = {{.unit = "zealot", .count = 1, .at = {15.0, 16.0}}};
  ScenarioOptions options;
  options.sort_allies = false;
  Battle battle(make_scenario(map, profile, options).setup);
  const int zealot = first_enemy(battle);
  battle.order_attack(0, zealot);
  battle.run_step(4);
  REQUIRE(battle.target(zealot) == 0);
  battle.place(1, battle.type(1), battle.x(zealot) - 2.0F, battle.y(zealot));
  battle.run_step(4);
  CHECK(battle.target(zealot) == 0);
  battle.order_idle(0);
  battle.run_step(4);
  CHECK(battle.target(zealot) == 1);
}

TEST_CASE("the first mover kills: of two with one shot left just one survives, either one") {
  int first = 0;
  constexpr int kDuels = 400;
  for (std::uint64_t key = 0; key < kDuels; ++key) {
    Battle battle = duel({{"marine", 1, 14.0, 16.0}}, {{"marine", 1, 17.0, 16.0}});
    battle.reset(key * 0x9E3779B97F4A7C15ULL);
    battle.order_attack(0, first_enemy(battle));
    for (int loop = 0; loop < 200 && battle.n_alive(0) + battle.n_alive(1) == 2; ++loop)
      battle.run_step(1);
    CHECK(battle.n_alive(0) + battle.n_alive(1) == 1);
    first += battle.n_alive(0);
    // Eight shots of six: the survivor got seven.
    const int survivor = battle.n_alive(0) == 1 ? 0 : first_enemy(battle);
    CHECK(hp(battle, survivor) == 3.0);
    CHECK(battle.attacks(survivor) == 8);
  }
  CHECK(first > kDuels / 2 - 50);
  CHECK(first < kDuels / 2 + 50);
  // At once, both die.
  Profile profile = load_profile("smaclite", "");
  profile.rules.order = TickOrder::kSimultaneous;
  profile.rules.reward = RewardOf::kLost;
  MapData map = load_map("3m", "");
  map.allies = {{.unit = "marine", .count = 1, .at = {14.0, 16.0}}};
  map.enemies = {{.unit = "marine", .count = 1, .at = {17.0, 16.0}}};
  Battle both(make_scenario(map, profile, {}).setup);
  both.order_attack(0, first_enemy(both));
  both.run_step(200);
  CHECK(both.n_alive(0) + both.n_alive(1) == 0);
}

TEST_CASE("damage counts at once: of three killers two fire at a corpse, and orders go on") {
  Battle battle =
      duel({{"marine", 1, 14.0, 15.0}, {"marine", 1, 14.0, 16.0}, {"marine", 1, 14.0, 17.0}},
           {{"marine", 1, 17.0, 16.0}});
  const int victim = first_enemy(battle);
  for (int i = 0; i < 3; ++i) battle.order_attack(i, victim);
  while (battle.alive(victim)) battle.run_step(1);
  // Three rounds of 18 for 45 hit points: the last round's third shot is not needed.
  for (int i = 0; i < 3; ++i) CHECK(battle.attacks(i) == 3);
  CHECK(battle.damage(1) == 45 * std::int64_t{kOne});
  CHECK(battle.kills(1) == 1);
  // A period of 9.76 loops takes whole loops: ten.
  battle.run_step(10);
  for (int i = 0; i < 3; ++i) CHECK(battle.attacks(i) == 4);
  battle.order_idle(0);
  battle.run_step(10);
  CHECK(battle.attacks(0) == 4);
  CHECK(battle.attacks(1) == 5);
}

TEST_CASE("damage: armour down to nothing, hits one by one, banelings, beams") {
  // A zergling's 5 minus the spine crawler's armour of 2; it may regenerate before it is hit or
  // not.
  Battle claws = duel({{"zergling", 1, 16.0, 16.0}}, {{"spine_crawler", 1, 16.9, 16.0}});
  claws.order_attack(0, first_enemy(claws));
  claws.run_step(1);
  CHECK(hp(claws, first_enemy(claws)) == doctest::Approx(297.0 + 0.38 / 16.0 / 2.0).epsilon(1e-4));
  // A zealot's 8 + 8 on a stalker: shields first.
  Battle blades = duel({{"zealot", 1, 16.0, 16.0}}, {{"stalker", 1, 17.2, 16.0}});
  blades.order_attack(0, first_enemy(blades));
  blades.run_step(1);
  CHECK(shield(blades, first_enemy(blades)) == 64.0);
  // 80 to everybody within 2.2 and a radius; nothing to friends.
  Battle bane =
      duel({{"baneling", 1, 16.0, 16.0}, {"marine", 1, 16.0, 17.0}},
           {{"marine", 1, 16.9, 16.0}, {"marine", 1, 18.5, 16.0}, {"marine", 1, 18.7, 16.0}});
  const int e = first_enemy(bane);
  bane.order_attack(0, e);
  bane.run_step(1);
  CHECK(!bane.alive(0));
  CHECK(bane.alive(1));
  CHECK(!bane.alive(e));
  CHECK(!bane.alive(e + 1));
  CHECK(bane.alive(e + 2));
  // A beam across the line of fire, 2.8 wide.
  Battle beam = duel({{"colossus", 1, 12.0, 16.0}}, {{"zergling", 1, 16.0, 16.0},
                                                     {"zergling", 1, 16.0, 17.35},
                                                     {"zergling", 1, 16.0, 17.5},
                                                     {"zergling", 1, 17.0, 16.0}});
  const int z = first_enemy(beam);
  for (int i = 0; i < 4; ++i) beam.order_idle(z + i);
  beam.order_attack(0, z);
  beam.run_step(1);
  CHECK(hp(beam, z) == 5.0);
  CHECK(hp(beam, z + 1) == 5.0);
  CHECK(hp(beam, z + 2) == 35.0);
  CHECK(hp(beam, z + 3) == 35.0);
}

TEST_CASE("healers pay a point of energy for three hit points and save who was just hit") {
  // The marine takes six every ten loops and is healed 5.6 in between, so it dies only when it is
  // hit after the healer's turn: without healing it falls at the eighth shot, in loop 71.
  int alive = 0;
  for (std::uint64_t key = 0; key < 20; ++key) {
    Battle battle =
        duel({{"medivac", 1, 14.0, 16.0}, {"marine", 1, 15.0, 16.0}}, {{"marine", 1, 19.0, 16.0}});
    battle.reset(key);
    battle.place(1, battle.type(1), battle.x(1), battle.y(1));
    battle.order_heal(0, 1);
    // Healers come first: out of the marine's sight.
    battle.place(0, battle.type(0), battle.x(1) - 5.0F, battle.y(1));
    battle.order_heal(0, 1);
    battle.run_step(80);
    if (battle.alive(1)) ++alive;
    // 80 loops bring 2.81; six hit points per shot cost two each.
    const double energy = static_cast<double>(battle.energy(0)) / kOne;
    CHECK(energy < 52.8 - 10.0);
    CHECK(energy == doctest::Approx(std::round(energy - 52.8125) + 52.8125).epsilon(1e-3));
  }
  CHECK(alive == 20);
}

TEST_CASE("units fill the rows of a square, the enemies' turned by half a turn") {
  const auto env = make_peer("3s_vs_5z");
  env->reset(episode(1));
  const Battle& battle = as_skirmish(*env).battle();
  const auto at = [&](int i, double x, double y) {
    CHECK(battle.x(i) + 16.0F == doctest::Approx(x).epsilon(1e-5));
    CHECK(battle.y(i) + 16.0F == doctest::Approx(y).epsilon(1e-5));
  };
  at(0, 8.375, 15.35);
  at(1, 8.375, 16.65);
  at(2, 9.675, 15.35);
  const int e = first_enemy(battle);
  at(e, 24.0, 16.55);
  at(e + 1, 22.95, 16.55);
  at(e + 2, 21.9, 16.55);
  at(e + 3, 24.0, 15.5);
  at(e + 4, 22.95, 15.5);
  // A frame of walls, which the map has not with other profiles.
  CHECK(!battle.setup().terrain->open(2, 16));
  CHECK(battle.setup().terrain->open(3, 16));
}

TEST_CASE("velocities: around walls, past each other, apart") {
  namespace o = orca;
  // Ten cells a second towards a wall one cell away: in a second not nearer than the radius.
  o::Plan wall({0.0, 0.0}, {3.0, 0.0}, 0.25, 3.0);
  wall.avoid(o::Block{{1.0, -5.0}, {2.0, 5.0}});
  const o::Vec stopped = wall.velocity({3.0, 0.5});
  CHECK(stopped.x == doctest::Approx(0.75));
  CHECK(stopped.y == doctest::Approx(0.5));
  // Head-on, equal shares: together they do not touch within a second.
  const auto evade = [](o::Vec p, o::Vec v, o::Vec q, o::Vec w) {
    o::Plan plan(p, v, 0.5, 3.0);
    plan.avoid(o::Disc{q, w, 1.0}, 0.5);
    return plan.velocity(v);
  };
  const o::Vec a = evade({0.0, 0.0}, {3.0, 0.1}, {3.0, 0.0}, {-3.0, -0.1});
  const o::Vec b = evade({3.0, 0.0}, {-3.0, -0.1}, {0.0, 0.0}, {3.0, 0.1});
  for (double t = 0.0; t <= 1.0; t += 0.05) {
    const double dx = 3.0 + t * (b.x - a.x);
    const double dy = t * (b.y - a.y);
    CHECK(dx * dx + dy * dy >= 1.0 - 1e-9);
  }
  CHECK(a.x == doctest::Approx(-b.x));
  CHECK(a.y == doctest::Approx(-b.y));
  // One that overlaps another that stands moves away by all of the overlap in a loop.
  o::Plan apart({0.0, 0.0}, {0.0, 0.0}, 0.5, 3.0);
  apart.avoid(o::Disc{{0.9, 0.0}, {0.0, 0.0}, 1.0}, 1.0);
  CHECK(apart.velocity({1.0, 0.0}).x == doctest::Approx(-1.6));
  // Nothing is allowed between two that close in: within the speed, and a number.
  o::Plan crushed({0.0, 0.0}, {0.0, 0.0}, 0.5, 3.0);
  crushed.avoid(o::Disc{{0.3, 0.0}, {0.0, 0.0}, 1.0}, 1.0);
  crushed.avoid(o::Disc{{-0.3, 0.0}, {0.0, 0.0}, 1.0}, 1.0);
  const o::Vec v = crushed.velocity({1.0, 1.0});
  CHECK(v.x * v.x + v.y * v.y <= 9.0 + 1e-9);
  // Blocks of walls: the whole border of a frame, none where all is open.
  CHECK(o::blocks_of(Terrain(load_terrain("flat", ""))).empty());
  const Terrain strip(load_terrain("strip", ""));
  const auto blocks = o::blocks_of(strip);
  REQUIRE(blocks.size() == 2);
  CHECK(blocks[0].low.y == -16.0);
  CHECK(blocks[0].high.y == -8.0);
  CHECK(blocks[0].high.x == 16.0);
}

TEST_CASE("only damage pays: shields that come back do not") {
  const auto env = make_peer("2s3z");
  std::vector<int> actions(5);
  credo::Stream stream = episode(3);
  env->reset(episode(2));
  double sum = 0.0;
  const auto left = [&] {
    const Battle& battle = as_skirmish(*env).battle();
    double all = 0.0;
    for (int k = 0; k < 5; ++k)
      all += hp(battle, battle.setup().slot(1, k)) + shield(battle, battle.setup().slot(1, k));
    return all;
  };
  const double start = left();
  int dead = 0;
  while (!env->done()) {
    random_actions(*env, stream, actions);
    const double before = left();
    const double reward = env->step(actions).reward;
    sum += reward;
    CHECK(reward >= 0.0);
    if (left() > before) CHECK(reward < 1e-12);  // regeneration, and nobody hit
    dead = 5 - as_skirmish(*env).battle().n_alive(1);
  }
  // At least what is gone has been paid for.
  const double scale = 20.0 / (start + 50.0 + 200.0);
  CHECK(sum >= scale * (start - left() + 10.0 * dead) - 1e-9);
}

TEST_CASE("a battle goes on until the last healer is gone") {
  const auto env = make_peer("MMM");
  const auto policy = env->make_scripted("focus");
  std::vector<int> actions(10);
  credo::Stream stream = episode(3);
  int alone = 0;
  int won = 0;
  for (std::uint64_t number = 0; number < 20; ++number) {
    env->reset(episode(2, number));
    while (!env->done()) {
      policy->act(*env, stream, actions);
      env->step(actions);
      const Battle& battle = as_skirmish(*env).battle();
      if (battle.n_fighters(1) == 0 && battle.n_alive(1) > 0) ++alone;
    }
    if (!env->won().value_or(false)) continue;
    ++won;
    CHECK(as_skirmish(*env).battle().n_alive(1) == 0);
  }
  CHECK(won > 0);
  CHECK(alone > 0);
}

TEST_CASE("in turns: whole units in open places, rewards within bounds, exact copies") {
  for (const char* map : kShared) {
    const auto env = make_peer(map);
    const auto other = make_peer(map);
    CHECK(env->spec().is_stochastic);
    std::vector<int> actions(static_cast<std::size_t>(env->spec().n_agents));
    credo::Stream stream = episode(12);
    INFO(std::string(map));
    env->reset(episode(6));
    std::unique_ptr<credo::Env> clone;
    while (!env->done()) {
      if (env->t() == 3) {
        clone = env->clone();
        const std::vector<std::byte> bytes = saved(*env);
        credo::ByteReader reader(bytes);
        other->load(reader);
      }
      random_actions(*env, stream, actions);
      const double reward = env->step(actions).reward;
      CHECK(reward >= env->spec().reward_low);
      CHECK(reward <= env->spec().reward_high);
      if (clone) {
        CHECK(clone->step(actions).reward == reward);
        CHECK(other->step(actions).reward == reward);
      }
      const Battle& battle = as_skirmish(*env).battle();
      const BattleSetup& setup = battle.setup();
      for (int i = 0; i < setup.slots; ++i) {
        if (!battle.alive(i)) continue;
        CHECK(battle.hp(i) > 0);
        CHECK(battle.hp(i) <= battle.info(i).hp);
        CHECK(battle.shield(i) >= 0);
        CHECK(battle.shield(i) <= battle.info(i).shield);
        CHECK(battle.energy(i) >= 0);
        CHECK(battle.x(i) == quantise(battle.x(i)));
        CHECK(std::fabs(battle.x(i)) <= 16.0F);
        if (battle.info(i).layer == Layer::kGround)
          CHECK(setup.terrain->open(cell_of(battle.x(i)), cell_of(battle.y(i))));
      }
    }
    REQUIRE(clone);
    CHECK(saved(*clone) == saved(*env));
    CHECK(saved(*other) == saved(*env));
  }
}

TEST_CASE("in turns: the seed decides, not the thread") {
  for (const char* map : {"MMM2", "bane_vs_bane", "2s3z"}) {
    std::vector<std::vector<std::byte>> ends(4);
    std::vector<std::thread> threads;
    for (std::size_t k = 0; k < ends.size(); ++k)
      threads.emplace_back([&ends, k, map] { ends[k] = random_episode(map, k / 2); });
    for (std::thread& thread : threads) thread.join();
    INFO(std::string(map));
    CHECK(ends[0] == ends[1]);
    CHECK(ends[2] == ends[3]);
    CHECK(ends[0] != ends[2]);
    CHECK(ends[0] == random_episode(map, 0));
  }
}

TEST_CASE("in turns: other opponents and profiles of one's own fight as well") {
  for (const char* opponent : {"closest", "focus", "random", "kite"}) {
    const auto env = make("skirmish/2s3z",
                          {{"profile", "smaclite"}, {"spawn_jitter", "0"}, {"opponent", opponent}});
    const auto policy = env->make_scripted("closest");
    std::vector<int> actions(5);
    credo::Stream stream = episode(3);
    env->reset(episode(2));
    while (!env->done()) {
      policy->act(*env, stream, actions);
      env->step(actions);
    }
    INFO(std::string(opponent));
    const Battle& battle = as_skirmish(*env).battle();
    CHECK(battle.n_alive(0) + battle.n_alive(1) < 10);
  }
}

TEST_CASE("rules that do not go together, and keys that nobody reads, are refused") {
  const std::string good = profile_text();
  REQUIRE(message(good) == "accepted");
  struct Case {
    const char* from;
    const char* to;
    const char* expected;
  };
  for (const Case& c :
       {Case{"suicide = true", "suicide = true\nfires_while_moving = true",
             "key 'unit.baneling.weapon.fires_while_moving'"},
        Case{"order = \"shuffled\"", "order = \"shuffle\"", "did you mean 'shuffled'"},
        Case{"order = \"shuffled\"", "", "key 'rules.reward': 'dealt' needs order = 'shuffled'"},
        Case{"targets = \"keep\"", "", "key 'rules.targets': must be 'keep'"},
        Case{"range_slop = 0.0", "range_slop = 1.0", "key 'rules.range_slop': must be 0"},
        Case{"call_for_help = 0.0", "call_for_help = 5.0", "key 'rules.call_for_help': must be 0"},
        Case{"damage_point = 0.0", "damage_point = 0.1", "weapon.damage_point': must be 0"},
        Case{"damage_point = 0.0", "missile_speed = 9.0", "weapon.missile_speed': must be 0"},
        Case{"energy_start = 50", "energy_start = 50\nacceleration = 2.0",
             "key 'unit.medivac.acceleration': must be 0"},
        Case{"starts = \"grid\"", "", "key 'rules.start_order': needs starts = 'grid'"},
        Case{"\"medivac\", ", "\"medivak\", ", "did you mean 'medivac'"},
        Case{"3s_vs_5z = \"frame\"", "3s_vs_6z = \"frame\"", "key 'terrain.3s_vs_6z'"}}) {
    const std::string error = message(replaced(good, c.from, c.to));
    INFO(error);
    CHECK(error.find("p.toml:") == 0);
    CHECK(error.find(c.expected) != std::string::npos);
  }
  Profile profile = load_profile("smaclite", "");
  profile.terrain = {{"3m", "strap", "p.toml:7: key 'terrain.3m'"}};
  std::string error;
  try {
    (void)make_scenario(load_map("3m", ""), profile, {});
  } catch (const credo::UserError& thrown) {
    error = thrown.what();
  }
  CHECK(error.find("p.toml:7: key 'terrain.3m'") == 0);
  CHECK(error.find("did you mean 'strip'") != std::string::npos);
}
