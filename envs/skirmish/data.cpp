#include "envs/skirmish/data.hpp"

#include <algorithm>
#include <cstddef>
#include <fmt/format.h>

#include "envs/core/error.hpp"
#include "envs/skirmish/toml_reader.hpp"

namespace credo::skirmish {
namespace {

constexpr double kMany = 1e4;  // a generous upper bound for hit points, damage and the like
constexpr double kFar = 64.0;  // for distances
constexpr double kLong = 1e3;  // for seconds

struct DataText {
  std::string text;
  std::string file;
};

bool is_plain_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

DataText find_text(std::string_view kind, std::string_view name, const FileSource& data_dir,
                   std::string_view asked_by) {
  const std::string path = fmt::format("{}/{}.toml", kind, name);
  std::vector<std::string> names = embedded_names(kind);
  if (!data_dir.empty()) {
    if (!data_dir.is_folder())
      throw UserError(fmt::format("env.data_dir: '{}' is not a folder", data_dir.path()));
    if (is_plain_name(name))
      if (const auto text = data_dir.read(path)) return {*text, data_dir.label(path)};
  }
  for (const EmbeddedFile& file : embedded_files()) {
    if (file.path == path) return {std::string(file.text), fmt::format("built-in {}", file.path)};
  }
  std::string_view stem = name.substr(name.find_last_of('/') + 1);
  if (stem.ends_with(".toml")) stem.remove_suffix(5);
  if (stem != name && is_plain_name(stem))
    throw UserError(
        fmt::format("{} = '{}': a name, not a file; for a file of your own, put it at "
                    "FOLDER/{}/{}.toml and set env.data_dir=FOLDER and {}={}",
                    asked_by, name, kind, stem, asked_by, stem));
  if (kind.ends_with('s')) kind.remove_suffix(1);  // "maps" holds maps
  throw UserError(fmt::format("{}: {}", asked_by, unknown_name_message(kind, name, names)));
}

std::uint8_t attribute_bits(TomlTable& table, std::string_view key,
                            const std::vector<std::string>& words) {
  static const std::vector<std::string> kNames = {"light",      "armored", "biological",
                                                  "mechanical", "massive", "structure"};
  unsigned bits = 0;
  for (const std::string& word : words) {
    const auto it = std::find(kNames.begin(), kNames.end(), word);
    if (it == kNames.end()) table.fail(key, unknown_name_message("attribute", word, kNames));
    bits |= 1U << static_cast<unsigned>(it - kNames.begin());
  }
  return static_cast<std::uint8_t>(bits);
}

WeaponData read_weapon(TomlTable table) {
  WeaponData w;
  w.damage = table.real("damage", 0.0, kMany);
  w.bonus = table.real_or("bonus", 0.0, kMany, 0.0);
  if (table.has("bonus_attribute"))
    w.bonus_attribute = attribute_bits(table, "bonus_attribute", {table.text("bonus_attribute")});
  w.structure_damage = table.real_if("structure_damage", 0.0, kMany);
  w.hits = table.integer_or("hits", 1, 8, 1);
  w.hit_interval = table.real_or("hit_interval", 0.0, kLong, 0.0);
  // Periods below two loops would let the delay jitter swallow them.
  w.period = table.real("period", 0.1875, kLong);
  w.range = table.real("range", 0.0, kFar);
  w.slop = table.real_if("slop", 0.0, kFar);
  w.centre_range = table.boolean_or("centre_range", false);
  w.damage_point = table.real_or("damage_point", 0.0, kLong, 0.0);
  w.hits_ground = false;
  for (const std::string& target : table.texts("targets")) {
    if (target == "ground")
      w.hits_ground = true;
    else if (target == "air")
      w.hits_air = true;
    else
      table.fail("targets",
                 unknown_name_message("target", target, std::vector<std::string>{"ground", "air"}));
  }
  w.missile_speed = table.real_or("missile_speed", 0.0, kMany, 0.0);
  w.splash = static_cast<Splash>(table.choice_or("splash", {"none", "circle", "line"}, 0));
  w.splash_radius = table.real_or("splash_radius", 0.0, kFar, 0.0);
  w.splash_length = table.real_or("splash_length", 0.0, kFar, 0.0);
  w.splash_delay = table.real_or("splash_delay", 0.0, kLong, 0.0);
  w.suicide = table.boolean_or("suicide", false);
  w.bursts_on_death = table.boolean_or("bursts_on_death", false);
  table.finish();
  return w;
}

HealData read_heal(TomlTable table) {
  HealData h;
  h.rate = table.real("rate", 0.0, kMany);
  h.energy_per_hp = table.real("energy_per_hp", 0.0, kMany);
  h.range = table.real("range", 0.0, kFar);
  h.scan = table.real("scan", 0.0, kFar);
  table.finish();
  return h;
}

UnitData read_unit(const std::string& name, TomlTable table) {
  UnitData u;
  u.name = name;
  u.race = table.text("race");
  u.hp = table.real("hp", 1.0, kMany);
  u.shield = table.real_or("shield", 0.0, kMany, 0.0);
  u.armor = table.real_or("armor", 0.0, kMany, 0.0);
  u.hp_regen = table.real_or("hp_regen", 0.0, kMany, 0.0);
  u.energy_start = table.real_or("energy_start", 0.0, kMany, 0.0);
  u.energy_max = table.real_or("energy_max", 0.0, kMany, 0.0);
  u.energy_regen = table.real_or("energy_regen", 0.0, kMany, 0.0);
  u.attributes = attribute_bits(table, "attributes", table.texts("attributes"));
  u.layer =
      static_cast<Layer>(table.choice_or("layer", {"ground", "air", "colossus", "structure"}, 0));
  u.speed = table.real("speed", 0.0, 8.0);
  u.acceleration = table.real_or("acceleration", 0.0, kMany, 0.0);
  // Above these radii a unit could step over a wall or miss a neighbour within one loop.
  u.radius = table.real("radius", 0.01, 4.0);
  u.separation = table.real("separation", 0.01, 2.0);
  u.inner = table.real("inner", 0.01, 2.0);
  u.sight = table.real_or("sight", 0.0, kFar, 9.0);
  u.unit_range = table.real_or("unit_range", 0.0, kFar, 5.0);
  u.scan = table.real_if("scan", 0.0, kFar);
  u.priority = table.real_or("priority", 0.0, kLong, 20.0);
  u.cooldown_divisor = table.real_or("cooldown_divisor", 0.01, kMany, 15.0);
  if (auto weapon = table.table_if("weapon")) u.weapon = read_weapon(*weapon);
  if (auto heal = table.table_if("heal")) u.heal = read_heal(*heal);
  if (u.energy_start > u.energy_max) table.fail("energy_start", "exceeds energy_max");
  table.finish();
  return u;
}

std::vector<SpawnGroup> read_groups(TomlTable& table, std::string_view key, MapData& map) {
  std::vector<SpawnGroup> groups;
  for (TomlTable& entry : table.array_of_tables(key)) {
    SpawnGroup group;
    group.unit = entry.text("unit");
    group.count = entry.integer("count", 1, 64);
    const auto [x, y] = entry.pair("at", 0.0, kGrid);
    group.at = {x, y};
    entry.finish();
    map.mentions.emplace_back(group.unit, entry.where("unit"));
    groups.push_back(group);
  }
  if (groups.empty()) table.fail(key, "needs at least one group");
  return groups;
}

void check_types(TomlTable& table, std::string_view key, const std::vector<std::string>& types,
                 const std::vector<SpawnGroup>& groups) {
  if (types.empty()) return;
  for (const SpawnGroup& group : groups) {
    if (std::find(types.begin(), types.end(), group.unit) == types.end())
      table.fail(key, fmt::format("lacks unit '{}'", group.unit));
  }
}

Generate read_generate(TomlTable table, const std::vector<std::string>& types) {
  Generate generate;
  generate.allies = table.integer("allies", 1, 64);
  generate.enemies = table.integer("enemies", 1, 64);
  generate.weights = table.reals("weights", 0.0, kMany);
  if (generate.weights.size() != types.size() || types.empty())
    table.fail("weights", "needs one number per entry of ally_types");
  generate.never_all = table.text_or("never_all", "");
  double others = 0.0;
  for (std::size_t k = 0; k < types.size(); ++k) {
    if (types[k] != generate.never_all) others += generate.weights[k];
  }
  if (others <= 0.0) table.fail("weights", "leave no type to draw");
  table.finish();
  return generate;
}

Rules read_rules(TomlTable table) {
  Rules r;
  r.time_scale = table.real("time_scale", 0.1, 4.0);
  const auto [low, high] = table.pair("jitter_loops", -1.0, 64.0);
  if (high < low) table.fail("jitter_loops", "is not ascending");
  r.jitter_loops = {low, high};
  r.min_scan_range = table.real("min_scan_range", 0.0, kFar);
  r.range_slop = table.real("range_slop", 0.0, kFar);
  r.min_damage = table.real("min_damage", 0.0, kMany);
  r.shield_regen = table.real("shield_regen", 0.0, kMany);
  r.shield_delay = table.real("shield_delay", 0.0, kLong);
  r.healer_first = table.boolean_or("healer_first", false);
  r.call_for_help = table.real("call_for_help", 0.0, kFar);
  r.call_for_help_period =
      table.real_or("call_for_help_period", 0.0, kLong, r.call_for_help_period);
  r.order = static_cast<TickOrder>(table.choice_or("order", {"simultaneous", "shuffled"}, 0));
  r.acquisition = static_cast<Acquisition>(table.choice_or("acquisition", {"reach", "scan"}, 0));
  r.targets = static_cast<Targets>(table.choice_or("targets", {"attack_move", "keep"}, 0));
  r.starts = static_cast<Starts>(table.choice_or("starts", {"lattice", "grid"}, 0));
  if (table.has("start_order")) {
    r.start_order = table.texts("start_order");
    if (r.starts != Starts::kSquare) table.fail("start_order", "needs starts = 'grid'");
  }
  r.reward = static_cast<RewardOf>(table.choice_or("reward", {"lost", "dealt"}, 0));
  r.healers_fight = table.boolean_or("healers_fight", false);
  if (r.order == TickOrder::kShuffled) {
    // With order = "shuffled" damage is immediate: delays of damage and reactions to it are
    // rejected.
    if (r.range_slop > 0.0) table.fail("range_slop", "must be 0 with order = 'shuffled'");
    if (r.call_for_help > 0.0) table.fail("call_for_help", "must be 0 with order = 'shuffled'");
    if (r.targets != Targets::kKeep)
      table.fail("targets", "must be 'keep' with order = 'shuffled'");
  } else if (r.reward == RewardOf::kDealt) {
    table.fail("reward", "'dealt' needs order = 'shuffled'");
  }
  table.finish();
  return r;
}

void check_immediate(TomlTable table, const UnitData& unit) {
  const auto refuse = [&table](std::string_view key, bool wrong) {
    if (wrong) table.fail(key, "must be 0 with order = 'shuffled'");
  };
  refuse("acceleration", unit.acceleration > 0.0);
  if (!unit.weapon) return;
  TomlTable weapon = table.table("weapon");
  const auto refuse_weapon = [&weapon](std::string_view key, double value) {
    if (value > 0.0) weapon.fail(key, "must be 0 with order = 'shuffled'");
  };
  refuse_weapon("damage_point", unit.weapon->damage_point);
  refuse_weapon("hit_interval", unit.weapon->hit_interval);
  refuse_weapon("missile_speed", unit.weapon->missile_speed);
  refuse_weapon("splash_delay", unit.weapon->splash_delay);
  refuse_weapon("slop", unit.weapon->slop.value_or(0.0));
}

}  // namespace

const UnitData& Profile::unit(std::string_view unit_name, std::string_view where) const {
  std::vector<std::string> names;
  for (const UnitData& candidate : units) {
    if (candidate.name == unit_name) return candidate;
    names.push_back(candidate.name);
  }
  throw UserError(fmt::format(
      "{}: {}", where,
      unknown_name_message(fmt::format("unit of profile '{}'", name), unit_name, names)));
}

std::vector<std::string> embedded_names(std::string_view kind) {
  std::vector<std::string> names;
  const std::string prefix = std::string(kind) + '/';
  constexpr std::string_view kSuffix = ".toml";
  for (const EmbeddedFile& file : embedded_files()) {
    if (file.path.substr(0, prefix.size()) != prefix) continue;
    const std::string_view rest = file.path.substr(prefix.size());
    names.emplace_back(rest.substr(0, rest.size() - kSuffix.size()));
  }
  return names;
}

Profile parse_profile(std::string_view name, const std::string& text, const std::string& file) {
  const TomlDocument document = parse_toml(text, file);
  TomlTable root(document);
  Profile profile;
  profile.name = name;
  profile.rules = read_rules(root.table("rules"));
  for (auto& [unit_name, table] : root.tables("unit")) {
    profile.units.push_back(read_unit(unit_name, table));
    if (profile.rules.order == TickOrder::kShuffled) check_immediate(table, profile.units.back());
  }
  std::vector<std::string> unit_names;
  for (const UnitData& unit : profile.units) unit_names.push_back(unit.name);
  for (const std::string& unit : profile.rules.start_order) {
    if (std::find(unit_names.begin(), unit_names.end(), unit) == unit_names.end())
      root.table("rules").fail("start_order", unknown_name_message("unit", unit, unit_names));
  }
  if (auto terrain = root.table_if("terrain")) {
    const std::vector<std::string> maps = embedded_names("maps");
    for (const std::string& map : terrain->keys()) {
      if (std::find(maps.begin(), maps.end(), map) == maps.end())
        terrain->fail(map, unknown_name_message("map", map, maps));
      profile.terrain.push_back({map, terrain->text(map), terrain->where(map)});
    }
  }
  root.finish();
  return profile;
}

TerrainData parse_terrain(std::string_view name, const std::string& text, const std::string& file) {
  const TomlDocument document = parse_toml(text, file);
  TomlTable root(document);
  TerrainData terrain;
  terrain.name = name;
  terrain.walled = root.boolean_or("walled", false);
  const std::vector<std::string> rows = root.texts("rows");
  if (rows.size() != kGrid)
    root.fail("rows", fmt::format("has {} rows, needs {}", rows.size(), kGrid));
  struct Cell {
    Walk walk;
    std::uint8_t height;
  };
  std::array<std::optional<Cell>, 256> legend;
  for (auto& [symbol, table] : root.tables("legend")) {
    if (symbol.size() != 1) root.fail("legend", fmt::format("'{}' is not one character", symbol));
    const auto walk = static_cast<Walk>(table.choice("walk", {"blocked", "open", "cliff"}));
    const auto height = static_cast<std::uint8_t>(table.integer("height", 0, 255));
    table.finish();
    legend[static_cast<unsigned char>(symbol[0])] = Cell{walk, height};
  }
  for (std::size_t r = 0; r < rows.size(); ++r) {
    if (rows[r].size() != kGrid)
      root.fail("rows", fmt::format("row {} has {} cells, needs {}", r, rows[r].size(), kGrid));
    const std::size_t y = kGrid - 1 - r;
    for (std::size_t x = 0; x < kGrid; ++x) {
      const auto& cell = legend[static_cast<unsigned char>(rows[r][x])];
      if (!cell)
        root.fail("rows", fmt::format("row {} uses '{}', which the legend lacks", r, rows[r][x]));
      terrain.walk[y][x] = cell->walk;
      terrain.height[y][x] = cell->height;
    }
  }
  root.finish();
  return terrain;
}

MapData parse_map(std::string_view name, const std::string& text, const std::string& file,
                  const FileSource& data_dir) {
  const TomlDocument document = parse_toml(text, file);
  TomlTable root(document);
  MapData map;
  map.name = name;
  map.limit = root.integer("limit", 1, 100000);
  map.map_type = root.text("map_type");
  map.ally_types = root.texts("ally_types");
  map.enemy_types = root.texts("enemy_types");
  if (map.ally_types.size() != map.enemy_types.size())
    root.fail("enemy_types", "must be as long as ally_types");
  for (const std::string& unit : map.ally_types)
    map.mentions.emplace_back(unit, root.where("ally_types"));
  for (const std::string& unit : map.enemy_types)
    map.mentions.emplace_back(unit, root.where("enemy_types"));
  if (auto generate = root.table_if("generate")) {
    map.generate = read_generate(*generate, map.ally_types);
  } else {
    map.allies = read_groups(root, "ally", map);
    map.enemies = read_groups(root, "enemy", map);
    check_types(root, "ally_types", map.ally_types, map.allies);
    check_types(root, "enemy_types", map.enemy_types, map.enemies);
  }
  TomlTable order = root.table("enemy_order");
  map.order = static_cast<EnemyOrder>(order.choice("kind", {"none", "point", "segment", "hunt"}));
  if (map.order == EnemyOrder::kPoint || map.order == EnemyOrder::kSegment) {
    const auto [x, y] = order.pair("point", 0.0, kGrid);
    map.order_point = {x, y};
    map.order_to = map.order_point;
  }
  if (map.order == EnemyOrder::kSegment) {
    const auto [x, y] = order.pair("to", 0.0, kGrid);
    map.order_to = {x, y};
  }
  order.finish();
  const std::string terrain = root.text("terrain");
  root.finish();
  map.terrain = load_terrain(terrain, data_dir, root.where("terrain"));
  return map;
}

Profile load_profile(std::string_view name, const FileSource& data_dir) {
  const DataText data = find_text("profiles", name, data_dir, "env.profile");
  return parse_profile(name, data.text, data.file);
}

MapData load_map(std::string_view name, const FileSource& data_dir) {
  const DataText data = find_text("maps", name, data_dir, "env.map");
  return parse_map(name, data.text, data.file, data_dir);
}

TerrainData load_terrain(std::string_view name, const FileSource& data_dir,
                         std::string_view asked_by) {
  const DataText data = find_text("terrain", name, data_dir, asked_by);
  return parse_terrain(name, data.text, data.file);
}

}  // namespace credo::skirmish
