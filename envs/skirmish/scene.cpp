// Pictures of a battle (envs/core/scene.hpp).
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <fmt/format.h>

#include "envs/skirmish/skirmish.hpp"

namespace credo::skirmish {
namespace {

float points(std::int32_t fixed) {
  return static_cast<float>(std::max(fixed, 0)) / static_cast<float>(kOne);
}

const char* doing(const Battle& battle, int i) {
  switch (battle.order(i)) {
    case Order::kIdle:
      return "stop";
    case Order::kMove:
      return "move";
    case Order::kTarget:
      return "attack";
    case Order::kHeal:
      return "heal";
    case Order::kAdvance:
      return battle.target(i) < 0 ? "advance" : battle.info(i).healer ? "heal" : "fight";
  }
  return "";
}

}  // namespace

std::optional<Stage> SkirmishEnv::stage() const {
  const Terrain& terrain = *config_->scenario.setup->terrain;
  Stage stage{.x_low = 0.0F,
              .y_low = 0.0F,
              .x_high = static_cast<float>(kGrid),
              .y_high = static_cast<float>(kGrid),
              .columns = kGrid,
              .rows = kGrid,
              .cells = {},
              .sides = {"agents", "enemies"},
              .scenes_per_step = config_->loops_per_step};
  for (int y = 0; y < kGrid; ++y) {
    for (int x = 0; x < kGrid; ++x) {
      const int height = terrain.height(x, y) / 26;  // ten shades of 0 to 255
      stage.cells += terrain.open(x, y)    ? static_cast<char>('0' + height)
                     : terrain.cliff(x, y) ? '^'
                                           : '#';
    }
  }
  return stage;
}

Scene SkirmishEnv::scene() const {
  const BattleSetup& setup = *config_->scenario.setup;
  Scene scene;
  const auto place = [&](int slot) {
    const int team = setup.team_of(slot);
    return team * setup.count[0] + slot - setup.start[at(team)];
  };
  for (int team = 0; team < 2; ++team) {
    for (int k = 0; k < setup.count[at(team)]; ++k) {
      const int i = setup.slot(team, k);
      const TypeInfo& info = battle_.info(i);
      SceneUnit unit{.name = fmt::format("{} {}", team == 0 ? "agent" : "enemy", k),
                     .kind = info.name,
                     .side = team,
                     .radius = info.radius,
                     .is_present = battle_.alive(i),
                     .health_max = points(info.hp),
                     .shield_max = points(info.shield),
                     .energy_max = points(info.energy_max),
                     .doing = {},
                     .flies = info.layer == Layer::kAir,
                     .strikes = static_cast<unsigned>(battle_.attacks(i))};
      if (battle_.alive(i)) {
        unit.x = battle_.x(i) + kHalf;
        unit.y = battle_.y(i) + kHalf;
        unit.health = points(battle_.hp(i));
        unit.shield = points(battle_.shield(i));
        unit.energy = points(battle_.energy(i));
        unit.doing = doing(battle_, i);
        const int target = battle_.target(i);
        if (target >= 0) {
          unit.target = place(target);
          unit.helps = setup.team_of(target) == team;
        }
      }
      // Range against its own type, which is on every map: pairs differ only by the target's
      // radius.
      unit.reach =
          info.armed ? std::sqrt(setup.pairs[battle_.type(i)][battle_.type(i)].range2) : 0.0F;
      scene.units.push_back(std::move(unit));
    }
  }
  for (int k = 0; k < battle_.missiles(); ++k) {
    const Missile& missile = battle_.missile(k);
    const TypeInfo& info = battle_.info(missile.from);
    if (missile.kind != Missile::kShot || !battle_.alive(missile.to)) continue;
    SceneShot shot{.side = setup.team_of(missile.from),
                   .x = battle_.x(missile.to) + kHalf,
                   .y = battle_.y(missile.to) + kHalf,
                   .to_x = battle_.x(missile.to) + kHalf,
                   .to_y = battle_.y(missile.to) + kHalf};
    if (battle_.alive(missile.from)) {
      // Missiles home in: the remaining path lies on the line between the two.
      const float dx = battle_.x(missile.from) + kHalf - shot.to_x;
      const float dy = battle_.y(missile.from) + kHalf - shot.to_y;
      const float way = std::sqrt(dx * dx + dy * dy);
      const float left = info.missile_speed * static_cast<float>(missile.loops);
      const float share = way > 0.0F ? std::min(1.0F, left / way) : 0.0F;
      shot.x += share * dx;
      shot.y += share * dy;
    }
    scene.shots.push_back(shot);
  }
  for (const Blast& blast : blasts_)
    scene.blasts.push_back({.unit = place(blast.from),
                            .x = blast.x + kHalf,
                            .y = blast.y + kHalf,
                            .to_x = blast.to_x + kHalf,
                            .to_y = blast.to_y + kHalf,
                            .radius = battle_.info(blast.from).splash_radius});
  return scene;
}

}  // namespace credo::skirmish
