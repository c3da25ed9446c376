// Fights small enough to know their outcome with pencil and paper.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <doctest/doctest.h>
#include <vector>

#include "tests/skirmish/support.hpp"

using namespace credo::skirmish;
using namespace credo::skirmish::test;

namespace {

/// Loops until the first enemy is dead when ally 0 attacks it from the start; at most `limit`.
int loops_to_kill(Battle& battle, int limit = 2000) {
  const int enemy = first_enemy(battle);
  battle.order_attack(0, enemy);
  int loops = 0;
  while (battle.alive(enemy) && loops < limit) {
    battle.run_step(1);
    ++loops;
  }
  return loops;
}

struct Duel {
  const char* attacker;
  const char* target;
  double distance;
  int attacks;    // needed to kill
  double period;  // loops
};

}  // namespace

TEST_CASE("time to kill") {
  // Standing targets in range, so the time is (attacks - 1) periods plus wind-up and flight.
  // Regeneration of zerg targets (0.017 per loop) is too slow to matter here.
  const Duel duels[] = {
      {"marine", "marine", 4.0, 8, 13.7728},    {"marine", "zealot", 4.0, 9 + 20, 13.7728},
      {"marauder", "marauder", 4.0, 7, 24.0},   {"stalker", "zealot", 4.0, 5 + 12, 23.04},
      {"zealot", "zergling", 0.9, 3, 19.2},     {"colossus", "zergling", 4.0, 1, 35.2},
      {"zergling", "marine", 0.7, 9, 11.136},   {"hydralisk", "marine", 4.0, 4, 13.28},
      {"spine_crawler", "marine", 4.0, 2, 25.6}};
  for (const Duel& duel : duels) {
    const Scenario scenario =
        field({{duel.attacker, 1, 16.0, 16.0}}, {{duel.target, 1, 16.0 + duel.distance, 16.0}});
    Battle battle(scenario.setup);
    const int loops = loops_to_kill(battle);
    INFO(duel.attacker << " against " << duel.target << ": " << loops << " loops");
    const double least = (duel.attacks - 1) * duel.period;
    CHECK(loops >= least);
    CHECK(loops <= least + 12.0);  // wind-up, flight, second strikes
    CHECK(battle.attacks(0) >= duel.attacks);
    CHECK(battle.attacks(0) <= duel.attacks + 1);  // one more may start before the last lands
  }
}

TEST_CASE("a marine needs eight shots, to the loop") {
  const Scenario scenario = field({{"marine", 1, 14.0, 16.0}}, {{"marine", 1, 18.0, 16.0}});
  Battle battle(scenario.setup);
  // First shot after a wind-up of 0.8 loops, the eighth seven periods of 13.7728 loops later.
  CHECK(loops_to_kill(battle) == static_cast<int>(std::ceil(7.0 * 13.7728 + 0.8)) + 1);
}

TEST_CASE("the colossus of the older data needs one beam where the newer one needs two") {
  const auto attacks = [](const char* profile) {
    const Scenario scenario = field({{"colossus", 1, 14.0, 16.0}}, {{"zergling", 1, 18.0, 16.0}},
                                    Style::kOrders, Style::kOrders, profile);
    Battle battle(scenario.setup);
    loops_to_kill(battle);
    return battle.attacks(0);
  };
  CHECK(attacks("liberty") == 1);
  CHECK(attacks("lotv") == 2);
}

TEST_CASE("beams hit across the line of fire, not along it") {
  const Scenario scenario = field(
      {{"colossus", 1, 10.0, 16.0}},
      {{"zergling", 1, 15.0, 16.0}, {"zergling", 1, 15.0, 17.2}, {"zergling", 1, 17.0, 16.0}});
  Battle battle(scenario.setup);
  const int enemy = first_enemy(battle);
  loops_to_kill(battle);
  CHECK(!battle.alive(enemy));
  CHECK(!battle.alive(enemy + 1));
  CHECK(hp(battle, enemy + 2) == 35.0);
}

TEST_CASE("banelings burst on units within reach, also when killed, and set each other off") {
  SUBCASE("damage") {
    const Scenario scenario = field({{"baneling", 1, 15.0, 16.0}}, {{"zergling", 1, 16.5, 16.0},
                                                                    {"zealot", 1, 17.0, 17.0},
                                                                    {"marauder", 1, 17.0, 15.0},
                                                                    {"zergling", 1, 21.0, 16.0}});
    Battle battle(scenario.setup);
    const int enemy = first_enemy(battle);
    loops_to_kill(battle);
    CHECK(!battle.alive(0));
    CHECK(!battle.alive(enemy));                   // 35 light
    CHECK(shield(battle, enemy + 1) == 15.0);      // 35 off 50
    CHECK(hp(battle, enemy + 2) == 125.0 - 19.0);  // 20 less armour
    CHECK(battle.alive(enemy + 3));
  }
  SUBCASE("burst when killed") {
    const Scenario scenario = field({{"marine", 1, 16.0, 16.0}}, {{"baneling", 1, 17.5, 16.0}});
    Battle battle(scenario.setup);
    loops_to_kill(battle);
    CHECK(hp(battle, 0) == 45.0 - 35.0);
  }
  SUBCASE("chains die in the same loop") {
    // Each ally baneling is within reach of the enemy one that bursts before it.
    const Scenario scenario = field({{"baneling", 1, 12.0, 16.0}, {"baneling", 1, 16.0, 16.0}},
                                    {{"baneling", 1, 14.0, 16.0}, {"zergling", 1, 17.5, 16.0}});
    Battle battle(scenario.setup);
    const int enemy = first_enemy(battle);
    battle.order_attack(0, enemy);
    int loops = 0;
    while (battle.alive(0) && loops++ < 100) battle.run_step(1);
    // 20 damage leaves a baneling with 10: two bursts are needed for it.
    CHECK(hp(battle, enemy) == doctest::Approx(10.0).epsilon(0.05));
  }
}

// The line across the line of fire, in the loop in which it hurts; the place of a burst.
TEST_CASE("area strikes are reported to whoever asks, where and when they hurt") {
  for (const std::string profile : {"liberty", "smaclite"}) {
    const bool bursts = profile == "liberty";  // when killed
    const Scenario scenario = field({{"colossus", 1, 12.0, 16.0}}, {{"baneling", 1, 16.0, 16.0}},
                                    Style::kOrders, Style::kOrders, profile);
    Battle battle(scenario.setup);
    const int enemy = first_enemy(battle);
    battle.order_attack(0, enemy);
    std::vector<Blast> blasts;
    int late = 0;  // loops in which something hurt and nothing was reported, or the reverse
    for (int k = 0; k < 200 && battle.alive(enemy); ++k) {
      const std::size_t known = blasts.size();
      const double health = hp(battle, enemy);
      battle.run_loops(k, k + 1, &blasts);
      late += (hp(battle, enemy) < health) != (blasts.size() > known) ? 1 : 0;
    }
    CHECK(late == 0);
    REQUIRE(blasts.size() == static_cast<std::size_t>(battle.attacks(0)) + (bursts ? 1U : 0U));
    const Blast& beam = blasts.front();
    CHECK(beam.from == 0);
    CHECK(beam.x == 0.0F);
    CHECK(beam.to_x == 0.0F);
    CHECK(beam.to_y - beam.y == 2.5F);
    CHECK(beam.y + beam.to_y == 0.0F);
    if (bursts) {
      const Blast& burst = blasts.back();
      CHECK(burst.from == enemy);
      CHECK(burst.x == beam.x);
      CHECK(burst.x == burst.to_x);
      CHECK(burst.y == burst.to_y);
    }
    Battle unseen(scenario.setup);
    unseen.order_attack(0, enemy);
    for (int k = 0; k < 200 && unseen.alive(enemy); ++k) unseen.run_loops(k, k + 1);
    credo::ByteWriter watched_state, unseen_state;
    battle.save(watched_state);
    unseen.save(unseen_state);
    CHECK(std::ranges::equal(watched_state.bytes(), unseen_state.bytes()));
  }
}

TEST_CASE("shields wait ten seconds, then regenerate two per second") {
  const Scenario scenario = field({{"marine", 1, 15.0, 16.0}}, {{"zealot", 1, 18.0, 16.0}});
  Battle battle(scenario.setup);
  const int enemy = first_enemy(battle);
  battle.order_attack(0, enemy);
  while (shield(battle, enemy) == 50.0) battle.run_step(1);
  CHECK(shield(battle, enemy) == 44.0);
  battle.order_idle(0);
  battle.run_step(160);
  CHECK(shield(battle, enemy) == 44.0);
  battle.run_step(1);
  CHECK(shield(battle, enemy) == 44.125);
  battle.run_step(47);
  CHECK(shield(battle, enemy) == 50.0);
  battle.run_step(8);
  CHECK(shield(battle, enemy) == 50.0);
}

TEST_CASE("medivacs heal 0.5625 per loop for a third of a point of energy each") {
  const Scenario scenario =
      field({{"medivac", 1, 14.0, 16.0}, {"marine", 1, 15.0, 16.0}}, {{"marine", 1, 19.0, 16.0}});
  Battle battle(scenario.setup);
  const int enemy = first_enemy(battle);
  battle.order_attack(enemy, 1);
  while (hp(battle, 1) > 33.5) battle.run_step(1);
  CHECK(hp(battle, 1) == 33.0);
  battle.order_idle(enemy);
  const double energy = static_cast<double>(battle.energy(0)) / kOne;
  battle.order_heal(0, 1);
  battle.run_step(8);
  CHECK(hp(battle, 1) == doctest::Approx(33.0 + 8 * 0.5625));
  CHECK(static_cast<double>(battle.energy(0)) / kOne ==
        doctest::Approx(energy + 8 * (0.5625 / 16.0) - 8 * 0.5625 * 0.33).epsilon(1e-4));
  battle.run_step(40);
  CHECK(hp(battle, 1) == 45.0);
}

TEST_CASE("two marines with one shot left kill each other") {
  const Scenario scenario = field({{"marine", 1, 14.0, 16.0}}, {{"marine", 1, 18.0, 16.0}});
  Battle battle(scenario.setup);
  const int enemy = first_enemy(battle);
  battle.order_attack(0, enemy);
  battle.order_attack(enemy, 0);
  battle.run_step(200);
  CHECK(!battle.alive(0));
  CHECK(!battle.alive(enemy));
}

TEST_CASE("walking speed, and a wind-up is lost by moving away") {
  const Scenario scenario = field({{"marine", 1, 3.0, 16.0}}, {{"marine", 1, 30.0, 3.0}});
  Battle battle(scenario.setup);
  const float start = battle.x(0);
  battle.order_move(0, 16.0F, 0.0F);
  battle.run_step(16);
  CHECK(battle.x(0) - start == doctest::Approx(2.25).epsilon(1e-4));

  const Scenario close = field({{"zergling", 1, 16.0, 16.0}}, {{"marine", 1, 16.7, 16.0}});
  Battle fight(close.setup);
  fight.order_attack(0, first_enemy(fight));
  fight.run_step(1);
  fight.order_move(0, 0.0F, 16.0F);
  fight.run_step(30);
  CHECK(fight.attacks(0) == 0);
  CHECK(hp(fight, first_enemy(fight)) == 45.0);
}

TEST_CASE("marauders and zealots cannot strike flyers") {
  const Scenario scenario = field({{"marauder", 1, 15.0, 16.0}}, {{"medivac", 1, 17.0, 16.0}});
  Battle battle(scenario.setup);
  CHECK(loops_to_kill(battle, 300) == 300);
  CHECK(battle.attacks(0) == 0);
}

TEST_CASE("the enemy turns on whoever shoots it from beyond its sight") {
  // A stalker reaches 6 plus radii, further than a zealot scans (5 plus radii).
  const Scenario scenario = field({{"stalker", 1, 16.0, 16.0}}, {{"zealot", 1, 23.0, 16.0}},
                                  Style::kOrders, Style::kSticky);
  auto setup = std::make_shared<BattleSetup>(*scenario.setup);
  setup->order = EnemyOrder::kNone;
  Battle battle(setup);
  const int enemy = first_enemy(battle);
  battle.run_step(16);
  CHECK(battle.target(enemy) == -1);
  battle.order_attack(0, enemy);
  battle.run_step(24);
  CHECK(battle.target(enemy) == 0);
}

namespace {

/// Marines that stand at these places without an order, and a stalker that outranges their scan.
Battle bystanders(const std::vector<std::array<float, 2>>& marines, float stalker_x) {
  const Scenario scenario = field({{"stalker", 1, 16.0, 16.0}, {"zealot", 1, 1.0, 16.0}},
                                  {{"marine", static_cast<int>(marines.size()), 23.0, 16.0}},
                                  Style::kOrders, Style::kSticky);
  auto setup = std::make_shared<BattleSetup>(*scenario.setup);
  setup->order = EnemyOrder::kNone;
  setup->x[0] = stalker_x;
  setup->y[0] = 0.0F;
  for (std::size_t k = 0; k < marines.size(); ++k) {
    const auto i = static_cast<std::size_t>(setup->start[1]) + k;
    setup->x[i] = marines[k][0];
    setup->y[i] = marines[k][1];
  }
  return Battle(setup);
}

}  // namespace

TEST_CASE("call for help: neighbours within four cells of a victim turn on its attacker") {
  // A marine scans 5 plus radii (6 cells from a stalker), a stalker reaches 6 plus radii (7).
  Battle battle = bystanders({{0.0F, 0.0F}, {3.9F, 0.0F}, {0.0F, 3.9F}, {4.1F, 0.0F}}, -6.8F);
  const int victim = first_enemy(battle);
  battle.run_step(8);
  for (int k = 0; k < 4; ++k) REQUIRE(battle.target(victim + k) == -1);
  battle.order_attack(0, victim);
  for (int loop = 0; loop < 40 && battle.target(victim) < 0; ++loop) battle.run_step(1);
  CHECK(battle.target(victim) == 0);
  CHECK(battle.target(victim + 1) == 0);
  CHECK(battle.target(victim + 2) == 0);
  CHECK(battle.target(victim + 3) == -1);
}

TEST_CASE("call for help: victims that are fighting call too, but only every two seconds") {
  // The zealot, within the victim's scan range but of no use here, occupies it first.
  Battle battle = bystanders({{0.0F, 0.0F}, {3.5F, 0.0F}}, -6.8F);
  const int victim = first_enemy(battle);
  battle.place(1, battle.type(1), 0.0F, -5.5F);
  battle.muster();
  battle.run_step(4);
  REQUIRE(battle.target(victim) == 1);
  REQUIRE(battle.target(victim + 1) == -1);
  battle.order_attack(0, victim);
  int called = -1;
  for (int loop = 0; loop < 40 && called < 0; ++loop) {
    battle.run_step(1);
    if (battle.target(victim + 1) == 0) called = loop;
  }
  REQUIRE(called >= 0);
  CHECK(battle.target(victim) == 1);
  // Sent away, the neighbour hears the next call 32 loops later, though shots fall every 23.
  battle.place(victim + 1, battle.type(victim + 1), 3.5F, 0.0F);
  battle.muster();
  int quiet = 0;
  for (; quiet < 80 && battle.target(victim + 1) != 0; ++quiet) battle.run_step(1);
  CHECK(quiet > 32);
  CHECK(quiet < 80);
}

TEST_CASE("mean rate of fire is exact and jitter stays within its bounds") {
  for (const bool jitter : {false, true}) {
    const Scenario scenario = field({{"marine", 1, 14.0, 16.0}}, {{"spine_crawler", 4, 18.0, 16.0}},
                                    Style::kOrders, Style::kOrders, "liberty", jitter);
    Battle battle(scenario.setup);
    battle.reset(99);
    int shots = 0;
    int loops = 0;
    for (int k = 0; k < 4; ++k) {
      battle.order_attack(0, first_enemy(battle) + k);
      const int before = battle.attacks(0);
      for (int n = 0; n < 600 && battle.alive(first_enemy(battle) + k); ++n, ++loops)
        battle.run_step(1);
      shots += battle.attacks(0) - before;
    }
    const double period = static_cast<double>(loops) / shots;
    CHECK(period == doctest::Approx(jitter ? 14.27 : 13.77).epsilon(0.03));
  }
}
