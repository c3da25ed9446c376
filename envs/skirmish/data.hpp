// Units, maps and terrain as data: TOML files compiled into the library and overridable from a
// folder of the same layout (profiles/NAME.toml, maps/NAME.toml, terrain/NAME.toml).
// Loading throws UserError naming file, line and key; a bad file never crashes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "envs/core/file_source.hpp"

namespace credo::skirmish {

inline constexpr int kGrid = 32;  ///< maps are 32 x 32 cells; x east, y north

/// An int as an index.
constexpr std::size_t at(int i) { return static_cast<std::size_t>(i); }

enum class Layer : std::uint8_t { kGround, kAir, kColossus, kStructure };
enum class Splash : std::uint8_t { kNone, kCircle, kLine };

/// Attributes a bonus can ask for, as bits.
enum Attribute : std::uint8_t {
  kLight = 1,
  kArmored = 2,
  kBiological = 4,
  kMechanical = 8,
  kMassive = 16,
  kStructureAttribute = 32,
};

/// Times in game seconds, distances in cells.
struct WeaponData {
  double damage = 0.0;
  double bonus = 0.0;  ///< added against `bonus_attribute`
  std::uint8_t bonus_attribute = 0;
  std::optional<double> structure_damage;  ///< replaces the damage against structures
  int hits = 1;                            ///< strikes (or beams) per attack
  double hit_interval = 0.0;
  double period = 1.0;
  double range = 0.0;          ///< edge to edge unless centre_range
  std::optional<double> slop;  ///< how far a target may run during the damage point
  bool centre_range = false;
  double damage_point = 0.0;
  bool hits_ground = true;
  bool hits_air = false;
  double missile_speed = 0.0;  ///< 0: the damage is instant
  Splash splash = Splash::kNone;
  double splash_radius = 0.0;
  double splash_length = 0.0;
  double splash_delay = 0.0;
  bool suicide = false;
  bool bursts_on_death = false;
};

struct HealData {
  double rate = 0.0;  ///< hit points per second
  double energy_per_hp = 0.0;
  double range = 0.0;
  double scan = 0.0;
};

struct UnitData {
  std::string name;
  std::string race;
  double hp = 0.0;
  double shield = 0.0;
  double armor = 0.0;
  double hp_regen = 0.0;
  double energy_start = 0.0;
  double energy_max = 0.0;
  double energy_regen = 0.0;
  std::uint8_t attributes = 0;
  Layer layer = Layer::kGround;
  double speed = 0.0;
  double acceleration = 0.0;   ///< 0: instant
  double radius = 0.0;         ///< for ranges
  double separation = 0.0;     ///< for collisions with units
  double inner = 0.0;          ///< for collisions with walls
  double sight = 9.0;          ///< SMACv2's per-type sight
  double unit_range = 5.0;     ///< SMACv2's per-type availability range
  std::optional<double> scan;  ///< replaces the profile's min_scan_range
  double priority = 20.0;      ///< target acquisition: higher first
  double cooldown_divisor = 15.0;
  std::optional<WeaponData> weapon;
  std::optional<HealData> heal;
};

/// Whether the units of a loop act simultaneously or one after another (see tick_order.cpp).
enum class TickOrder : std::uint8_t { kSimultaneous, kShuffled };
/// How far a unit acquires enemies, edge to edge or from its centre to their edge.
enum class Acquisition : std::uint8_t { kReach, kScan };
/// When the attack-move opponent drops a target: see targeting.cpp and tick_order.cpp.
enum class Targets : std::uint8_t { kAttackMove, kKeep };
/// Where units created on one point stand: on a hexagonal lattice, or in rows of a square.
enum class Starts : std::uint8_t { kLattice, kSquare };
/// What the shaped reward counts: net loss of hit points and shields, or damage dealt.
enum class RewardOf : std::uint8_t { kLost, kDealt };

struct Rules {
  double time_scale = 1.0;  ///< speeds and attack rates are multiplied by this
  std::array<double, 2> jitter_loops = {0.0, 0.0};
  double min_scan_range = 5.0;
  double range_slop = 1.0;
  double min_damage = 0.5;
  double shield_regen = 2.0;
  double shield_delay = 10.0;
  bool healer_first = false;
  double call_for_help = 0.0;         ///< radius in which idle neighbours of a victim react
  double call_for_help_period = 2.0;  ///< game seconds before the same victim calls again
  TickOrder order = TickOrder::kSimultaneous;
  Acquisition acquisition = Acquisition::kReach;
  Targets targets = Targets::kAttackMove;
  Starts starts = Starts::kLattice;
  std::vector<std::string> start_order;  ///< unit types in the order in which a grid takes them
  RewardOf reward = RewardOf::kLost;
  bool healers_fight = false;  ///< a battle continues until the last healer is dead
};

/// A terrain that a profile substitutes for a map's own.
struct TerrainChange {
  std::string map;
  std::string terrain;
  std::string where;  ///< "FILE:LINE: key 'KEY'" for errors
};

struct Profile {
  std::string name;
  Rules rules;
  std::vector<UnitData> units;
  std::vector<TerrainChange> terrain;

  /// Errors: UserError if the profile has no such unit; `where` names the place that mentions it.
  const UnitData& unit(std::string_view unit_name, std::string_view where) const;
};

enum class Walk : std::uint8_t { kBlocked, kOpen, kCliff };

struct TerrainData {
  std::string name;
  bool walled = false;  ///< units need paths around its walls
  // [y][x], y = 0 in the south.
  std::array<std::array<Walk, kGrid>, kGrid> walk{};
  std::array<std::array<std::uint8_t, kGrid>, kGrid> height{};
};

struct SpawnGroup {
  std::string unit;
  int count = 0;
  std::array<double, 2> at = {0.0, 0.0};
};

enum class EnemyOrder : std::uint8_t { kNone, kPoint, kSegment, kHunt };

/// Armies drawn anew for every episode, in the manner of SMACv2.
struct Generate {
  int allies = 0;
  int enemies = 0;
  std::vector<double> weights;  ///< per entry of ally_types
  std::string never_all;        ///< a team never consists of this type alone
};

struct MapData {
  std::string name;
  int limit = 0;
  std::string map_type;
  std::vector<std::string> ally_types;  ///< one-hot order; empty: no type bits
  std::vector<std::string> enemy_types;
  std::vector<SpawnGroup> allies;  ///< empty for generated armies
  std::vector<SpawnGroup> enemies;
  EnemyOrder order = EnemyOrder::kNone;
  std::array<double, 2> order_point = {0.0, 0.0};
  std::array<double, 2> order_to = {0.0, 0.0};
  std::optional<Generate> generate;
  TerrainData terrain;
  /// Unit names in the file, each with "FILE:LINE: key 'KEY'" for errors.
  std::vector<std::pair<std::string, std::string>> mentions;
};

/// A compiled-in data file.
struct EmbeddedFile {
  std::string_view path;  ///< e.g. "maps/3m.toml"
  std::string_view text;
};
/// All compiled-in files, sorted by path (generated at build time).
const std::vector<EmbeddedFile>& embedded_files();

/// Compiled-in names of one kind ("profiles", "maps", "terrain").
std::vector<std::string> embedded_names(std::string_view kind);

/// `data_dir` may be empty; a file there wins over the compiled-in one.
Profile load_profile(std::string_view name, const FileSource& data_dir);
MapData load_map(std::string_view name, const FileSource& data_dir);
/// `asked_by` begins the error for an unknown name.
TerrainData load_terrain(std::string_view name, const FileSource& data_dir,
                         std::string_view asked_by = "terrain");

/// The underlying parsers, for any text; `file` is named in errors.
Profile parse_profile(std::string_view name, const std::string& text, const std::string& file);
TerrainData parse_terrain(std::string_view name, const std::string& text, const std::string& file);
/// The terrain is loaded from `data_dir` or the compiled-in files.
MapData parse_map(std::string_view name, const std::string& text, const std::string& file,
                  const FileSource& data_dir);

}  // namespace credo::skirmish
