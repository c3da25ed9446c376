// Pictures of an environment: an optional capability for viewers (`credo replay`). An environment
// that takes place on a plane overrides Env::stage and Env::scene; one whose step has finer time
// inside also shows the scenes in between (Env::show). Nothing here can influence an episode.
//
// Coordinates are the environment's own, y upwards.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace credo {

/// What does not move.
struct Stage {
  float x_low = 0.0F, y_low = 0.0F, x_high = 1.0F, y_high = 1.0F;
  int columns = 0, rows = 0;
  /// [rows][columns] from the lowest y upwards: the floor's height, '0' to '9'; '#' a wall or the
  /// void, which nobody enters on foot; '^' a cliff, which bars the way to most.
  std::string cells;
  std::vector<std::string> sides;  ///< names of the sides, e.g. {"agents", "enemies"}
  int scenes_per_step = 1;         ///< how many scenes Env::show gets in one step
};

/// Somebody or something on the stage; always at the same place of the list within an episode.
struct SceneUnit {
  std::string name;  ///< "agent 0"
  std::string kind;  ///< "marine"
  int side = 0;
  float x = 0.0F, y = 0.0F, radius = 0.5F;
  bool is_present = true;                  ///< false: dead or taken; x and y say nothing then
  float health = 0.0F, health_max = 0.0F;  ///< *_max of 0: it has no such thing
  float shield = 0.0F, shield_max = 0.0F;
  float energy = 0.0F, energy_max = 0.0F;
  std::string doing{};   ///< a word or two: "move", "attack"
  int target = -1;       ///< the unit it deals with, by its place in the list
  bool helps = false;    ///< the target is a friend
  bool flies = false;    ///< drawn above the others
  unsigned strikes = 0;  ///< strikes so far; one more means: it struck its target just now
  float reach = 0.0F;    ///< how far its strikes reach, 0: nowhere
};

/// Something in the air.
struct SceneShot {
  int side = 0;
  float x = 0.0F, y = 0.0F;
  float to_x = 0.0F, to_y = 0.0F;  ///< where it will land
};

struct Scene {
  std::vector<SceneUnit> units;
  std::vector<SceneShot> shots;
};

using SceneWatcher = std::function<void(const Scene&)>;

}  // namespace credo
