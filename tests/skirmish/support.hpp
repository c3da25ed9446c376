// Small battles made on the spot, and random play.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "envs/core/registry.hpp"
#include "envs/skirmish/skirmish.hpp"

namespace credo::skirmish::test {

struct Army {
  std::string unit;
  int count = 1;
  double x = 0.0;
  double y = 0.0;
};

/// Two armies on a flat map; no attack jitter.
inline Scenario field(const std::vector<Army>& allies, const std::vector<Army>& enemies,
                      Style ally_style = Style::kOrders, Style enemy_style = Style::kOrders,
                      const std::string& profile = "liberty", bool jitter = false,
                      const std::string& terrain = "flat") {
  MapData map;
  map.name = "field";
  map.limit = 1000;
  const auto add = [](std::vector<SpawnGroup>& groups, const std::vector<Army>& armies) {
    for (const Army& army : armies)
      groups.push_back({.unit = army.unit, .count = army.count, .at = {army.x, army.y}});
  };
  add(map.allies, allies);
  add(map.enemies, enemies);
  map.order = EnemyOrder::kPoint;
  map.order_point = map.allies.front().at;
  map.order_to = map.order_point;
  map.terrain = load_terrain(terrain, "");
  ScenarioOptions options;
  options.ally_style = ally_style;
  options.enemy_style = enemy_style;
  options.attack_jitter = jitter;
  options.sort_allies = false;
  return make_scenario(map, load_profile(profile, ""), options);
}

inline double hp(const Battle& battle, int slot) {
  return static_cast<double>(battle.hp(slot)) / kOne;
}
inline double shield(const Battle& battle, int slot) {
  return static_cast<double>(battle.shield(slot)) / kOne;
}
inline int first_enemy(const Battle& battle) { return battle.setup().start[1]; }

inline std::unique_ptr<credo::Env> make(
    const std::string& id, const std::vector<std::pair<std::string, std::string>>& values = {}) {
  credo::Params params = credo::env_params(id);
  for (const auto& [key, value] : values) params.set_text(key, value);
  return credo::make_env(id, params);
}

inline const SkirmishEnv& as_skirmish(const credo::Env& env) {
  return dynamic_cast<const SkirmishEnv&>(env);
}

inline credo::Stream episode(std::uint64_t seed, std::uint64_t number = 0) {
  return {seed, credo::purpose("skirmish test"), 0, number};
}

inline void random_actions(const credo::Env& env, credo::Stream& stream, std::span<int> actions) {
  const std::span<const std::uint8_t> avail = env.avail_actions();
  const auto width = static_cast<std::size_t>(env.spec().n_actions);
  for (std::size_t k = 0; k < actions.size(); ++k) {
    const auto mask = avail.subspan(k * width, width);
    std::uint32_t n = 0;
    for (const std::uint8_t bit : mask) n += bit;
    std::uint32_t skip = stream.below(n);
    std::size_t a = 0;
    while (mask[a] == 0 || skip-- > 0) ++a;
    actions[k] = static_cast<int>(a);
  }
}

}  // namespace credo::skirmish::test
