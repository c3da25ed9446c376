// Builds a battle from a map: units, starting positions, and the sizes of SMAC's contract that
// follow from them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "envs/core/random.hpp"
#include "envs/skirmish/battle.hpp"
#include "envs/skirmish/data.hpp"

namespace credo::skirmish {

struct ScenarioOptions {
  std::string map;
  std::string profile = "liberty";
  FileSource data_dir;
  Style enemy_style = Style::kSticky;
  Style ally_style = Style::kOrders;
  bool attack_jitter = true;
  bool healer_first = false;     ///< force it, whatever the profile says
  bool sort_allies = true;       ///< SMAC's agent order: by type, x, y
  bool aligned_one_hot = false;  ///< enemies' type bits in the order of the allies'
};

struct Scenario {
  MapData map;
  std::shared_ptr<const BattleSetup> setup;
  int n_agents = 0;
  int n_enemies = 0;
  int type_bits = 0;
  bool healers =
      false;  ///< SMAC's "MMM" rules: healers act on friends and do not count as fighters
  std::array<bool, 2> shields = {false, false};
  std::array<std::array<std::uint8_t, kMaxTypes>, 2> bit{};  ///< one-hot position [team][type]
};

/// Errors: UserError naming the file and key, or the unit that is missing.
Scenario load_scenario(const ScenarioOptions& options);

/// The same from loaded data; ignores map, profile and data_dir of `options`.
Scenario make_scenario(MapData map_data, Profile profile, const ScenarioOptions& options);

/// Draws the armies of a generated scenario: types and starting places (SMACv2).
void generate_armies(const Scenario& scenario, Stream& stream, Battle& battle);

}  // namespace credo::skirmish
