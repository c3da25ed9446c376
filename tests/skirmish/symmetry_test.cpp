// No side is favoured: battles reflected with the teams swapped run as exact mirror images, and
// with jitter both sides win equally often.
#include <array>
#include <cmath>
#include <doctest/doctest.h>

#include "tests/skirmish/support.hpp"

using namespace credo::skirmish;
using namespace credo::skirmish::test;

namespace {

/// The same armies with the teams swapped and everything reflected in x (or y).
std::shared_ptr<const BattleSetup> mirror(const BattleSetup& setup, bool in_x) {
  auto mirrored = std::make_shared<BattleSetup>(setup);
  mirrored->count = {setup.count[1], setup.count[0]};
  const auto padded = [](int n) { return (n + 3) / 4 * 4; };
  mirrored->start = {0, padded(mirrored->count[0])};
  mirrored->slots = mirrored->start[1] + padded(mirrored->count[1]);
  mirrored->one_type = {setup.one_type[1], setup.one_type[0]};
  mirrored->style = {setup.style[1], setup.style[0]};
  mirrored->type.assign(static_cast<std::size_t>(mirrored->slots), 0);
  mirrored->x.assign(static_cast<std::size_t>(mirrored->slots), kParked);
  mirrored->y.assign(static_cast<std::size_t>(mirrored->slots), kParked);
  for (int team = 0; team < 2; ++team) {
    for (int k = 0; k < setup.count[static_cast<std::size_t>(team)]; ++k) {
      const auto from = static_cast<std::size_t>(setup.slot(team, k));
      const auto to = static_cast<std::size_t>(mirrored->slot(1 - team, k));
      mirrored->type[to] = setup.type[from];
      mirrored->x[to] = in_x ? -setup.x[from] : setup.x[from];
      mirrored->y[to] = in_x ? setup.y[from] : -setup.y[from];
    }
    auto goal = setup.goal[static_cast<std::size_t>(team)];
    goal[in_x ? 0 : 1] *= -1.0F;
    mirrored->goal[static_cast<std::size_t>(1 - team)] = goal;
    mirrored->goal_to[static_cast<std::size_t>(1 - team)] = goal;
  }
  return mirrored;
}

Scenario attack_both_ways(const std::string& map, Style style, bool jitter) {
  ScenarioOptions options;
  options.map = map;
  options.ally_style = style;
  options.enemy_style = style;
  options.attack_jitter = jitter;
  options.sort_allies = false;
  return load_scenario(options);
}

void check_mirrored(const std::string& map, Style style, bool in_x) {
  const Scenario scenario = attack_both_ways(map, style, false);
  Battle battle(scenario.setup);
  Battle reflected(mirror(*scenario.setup, in_x));
  const BattleSetup& setup = *scenario.setup;
  INFO(std::string(map));
  for (int loop = 0; loop < 1200; ++loop) {
    battle.run_step(1);
    reflected.run_step(1);
    for (int team = 0; team < 2; ++team) {
      for (int k = 0; k < setup.count[static_cast<std::size_t>(team)]; ++k) {
        const int i = setup.slot(team, k);
        const int j = reflected.setup().slot(1 - team, k);
        INFO("loop " << loop << " team " << team << " unit " << k);
        REQUIRE(battle.alive(i) == reflected.alive(j));
        REQUIRE(battle.hp(i) == reflected.hp(j));
        REQUIRE(battle.shield(i) == reflected.shield(j));
        if (!battle.alive(i)) continue;
        REQUIRE(battle.x(i) == (in_x ? -reflected.x(j) : reflected.x(j)));
        REQUIRE(battle.y(i) == (in_x ? reflected.y(j) : -reflected.y(j)));
      }
    }
    if (battle.n_alive(0) == 0 || battle.n_alive(1) == 0) return;
  }
}

}  // namespace

TEST_CASE("reflected battles with swapped teams are mirror images, loop for loop") {
  for (const char* map : {"3m", "8m", "25m", "5m_vs_6m", "27m_vs_30m", "MMM", "MMM2", "2s3z",
                          "3s5z", "1c3s5z", "3s_vs_5z"})
    check_mirrored(map, Style::kSticky, true);
  for (const char* map : {"8m", "2s3z", "MMM"}) {
    check_mirrored(map, Style::kClosest, true);
    check_mirrored(map, Style::kFocus, true);
    check_mirrored(map, Style::kKite, true);
  }
  check_mirrored("bane_vs_bane", Style::kSticky, false);
}

TEST_CASE("battles turned by 90 degrees on an open map run as turned images") {
  for (const char* unit : {"marine", "stalker", "zealot", "zergling"}) {
    const Scenario scenario =
        field({{unit, 9, 9.0, 15.0}, {"zealot", 3, 9.0, 18.0}},
              {{unit, 8, 23.0, 17.0}, {"stalker", 3, 23.0, 13.0}}, Style::kSticky, Style::kSticky);
    const auto setup = std::make_shared<BattleSetup>(*scenario.setup);
    credo::Stream stream = episode(11);
    for (int team = 0; team < 2; ++team)
      for (int k = 0; k < setup->count[static_cast<std::size_t>(team)]; ++k) {
        // Off the lattice, where nothing is exactly as far as something else.
        const auto i = static_cast<std::size_t>(setup->slot(team, k));
        setup->x[i] = quantise(setup->x[i] + 0.1F * stream.uniform_float());
        setup->y[i] = quantise(setup->y[i] + 0.1F * stream.uniform_float());
      }
    const auto turned = std::make_shared<BattleSetup>(*setup);
    const auto turn = [](std::array<float, 2> p) { return std::array<float, 2>{-p[1], p[0]}; };
    for (std::size_t team = 0; team < 2; ++team) {
      turned->goal[team] = turn(setup->goal[team]);
      for (int k = 0; k < setup->count[team]; ++k) {
        const auto i = static_cast<std::size_t>(setup->slot(static_cast<int>(team), k));
        turned->x[i] = -setup->y[i];
        turned->y[i] = setup->x[i];
      }
    }
    Battle battle(setup);
    Battle image(turned);
    INFO(std::string(unit));
    for (int loop = 0; loop < 800 && battle.n_alive(0) > 0 && battle.n_alive(1) > 0; ++loop) {
      battle.run_step(1);
      image.run_step(1);
      for (int i = 0; i < setup->slots; ++i) {
        INFO("loop " << loop << " slot " << i);
        REQUIRE(battle.alive(i) == image.alive(i));
        REQUIRE(battle.hp(i) == image.hp(i));
        if (!battle.alive(i)) continue;
        REQUIRE(battle.x(i) == image.y(i));
        REQUIRE(battle.y(i) == -image.x(i));
      }
    }
    CHECK(battle.n_alive(0) + battle.n_alive(1) < 23);
  }
}

TEST_CASE("the numbering of units does not matter") {
  const Scenario scenario =
      field({{"marine", 9, 9.0, 15.0}, {"zealot", 5, 9.0, 18.0}},
            {{"marine", 8, 23.0, 17.0}, {"zealot", 6, 23.0, 13.0}}, Style::kSticky, Style::kSticky);
  const auto setup = std::make_shared<BattleSetup>(*scenario.setup);
  credo::Stream stream = episode(12);
  std::vector<int> other(static_cast<std::size_t>(setup->slots), -1);
  for (int team = 0; team < 2; ++team) {
    std::vector<int> slots;
    for (int k = 0; k < setup->count[static_cast<std::size_t>(team)]; ++k) {
      const int slot = setup->slot(team, k);
      const auto i = static_cast<std::size_t>(slot);
      setup->x[i] = quantise(setup->x[i] + 0.1F * stream.uniform_float());
      setup->y[i] = quantise(setup->y[i] + 0.1F * stream.uniform_float());
      slots.push_back(slot);
    }
    stream.shuffle(std::span<int>(slots));
    for (int k = 0; k < setup->count[static_cast<std::size_t>(team)]; ++k)
      other[static_cast<std::size_t>(setup->slot(team, k))] = slots[static_cast<std::size_t>(k)];
  }
  const auto permuted = std::make_shared<BattleSetup>(*setup);
  for (std::size_t i = 0; i < other.size(); ++i) {
    if (other[i] < 0) continue;
    const auto j = static_cast<std::size_t>(other[i]);
    permuted->type[j] = setup->type[i];
    permuted->x[j] = setup->x[i];
    permuted->y[j] = setup->y[i];
  }
  Battle battle(setup);
  Battle image(permuted);
  for (int loop = 0; loop < 1200 && battle.n_alive(0) > 0 && battle.n_alive(1) > 0; ++loop) {
    battle.run_step(1);
    image.run_step(1);
    for (std::size_t i = 0; i < other.size(); ++i) {
      if (other[i] < 0) continue;
      const int a = static_cast<int>(i);
      INFO("loop " << loop << " slot " << a);
      REQUIRE(battle.hp(a) == image.hp(other[i]));
      REQUIRE(battle.shield(a) == image.shield(other[i]));
      REQUIRE(battle.x(a) == image.x(other[i]));
      REQUIRE(battle.y(a) == image.y(other[i]));
    }
  }
  CHECK(battle.n_alive(0) + battle.n_alive(1) < 28);
}

TEST_CASE("equal armies without jitter end in a draw") {
  const Scenario scenario = attack_both_ways("8m", Style::kSticky, false);
  Battle battle(scenario.setup);
  for (int loop = 0; loop < 2000 && battle.n_alive(0) > 0 && battle.n_alive(1) > 0; ++loop)
    battle.run_step(1);
  CHECK(battle.n_alive(0) == battle.n_alive(1));
}

TEST_CASE("with jitter neither side of a mirror map is favoured") {
  constexpr int kBattles = 400;
  for (const char* map : {"3m", "8m", "MMM", "2s3z", "bane_vs_bane"}) {
    const Scenario scenario = attack_both_ways(map, Style::kSticky, true);
    Battle battle(scenario.setup);
    credo::Stream keys = episode(7);
    int wins = 0;
    int decided = 0;
    for (int n = 0; n < kBattles; ++n) {
      const std::uint64_t high = keys.bits32();
      battle.reset(high << 32U | keys.bits32());
      for (int loop = 0; loop < 3000 && battle.n_alive(0) > 0 && battle.n_alive(1) > 0; ++loop)
        battle.run_step(1);
      const int difference = battle.n_fighters(0) - battle.n_fighters(1);
      if (difference != 0) ++decided;
      if (difference > 0) ++wins;
    }
    INFO(std::string(map) << ": " << wins << " of " << decided);
    // Most battles of banelings leave nobody alive.
    CHECK(decided > (std::string(map) == "bane_vs_bane" ? kBattles / 8 : kBattles / 2));
    // 99.9% interval of a fair coin.
    CHECK(std::abs(wins - 0.5 * decided) <= 3.29 * 0.5 * std::sqrt(decided));
  }
}
