// Optional drawing support for viewers (`credo replay`). An environment on a plane overrides
// Env::stage and Env::scene; one that simulates several ticks per step also reports the scenes in
// between (Env::show). Nothing here can affect an episode.
//
// Coordinates are the environment's own, y upwards.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace credo {

/// The static part of the picture.
struct Stage {
  float x_low = 0.0F, y_low = 0.0F, x_high = 1.0F, y_high = 1.0F;
  int columns = 0, rows = 0;
  /// [rows][columns] from the lowest y upwards: the floor's height, '0' to '9'; '#' wall or void,
  /// not walkable; '^' a cliff, passable only for units that climb.
  std::string cells;
  std::vector<std::string> sides;  ///< names of the sides, e.g. {"agents", "enemies"}
  int scenes_per_step = 1;         ///< number of scenes per step, the last included
};

/// A unit on the stage; its index in the list is fixed within an episode.
struct SceneUnit {
  std::string name;  ///< "agent 0"
  std::string kind;  ///< "marine"
  int side = 0;
  float x = 0.0F, y = 0.0F, radius = 0.5F;
  bool is_present = true;                  ///< false: dead or collected; ignore x and y
  float health = 0.0F, health_max = 0.0F;  ///< *_max 0: not applicable
  float shield = 0.0F, shield_max = 0.0F;
  float energy = 0.0F, energy_max = 0.0F;
  std::string doing{};   ///< current action in a word or two: "move", "attack"
  int target = -1;       ///< index of the unit it acts on, -1: none
  bool helps = false;    ///< the target is an ally
  bool flies = false;    ///< drawn above the others
  unsigned strikes = 0;  ///< attacks so far; an increase means that it has just attacked
  float reach = 0.0F;    ///< attack range, 0: none
};

/// A projectile in flight.
struct SceneShot {
  int side = 0;
  float x = 0.0F, y = 0.0F;
  float to_x = 0.0F, to_y = 0.0F;  ///< where it will land
};

/// A strike at everybody in an area, in the scene in which it does its damage.
struct SceneBlast {
  int unit = 0;  ///< who struck: an index in the list of units
  /// The line it sweeps, from one end to the other; a single point: a burst around it.
  float x = 0.0F, y = 0.0F, to_x = 0.0F, to_y = 0.0F;
  float radius = 0.0F;  ///< how far from the line it reaches
};

struct Scene {
  std::vector<SceneUnit> units;
  std::vector<SceneShot> shots;
  std::vector<SceneBlast> blasts{};
};

using SceneWatcher = std::function<void(const Scene&)>;

}  // namespace credo
