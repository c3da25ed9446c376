#include "envs/skirmish/scenario.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <fmt/format.h>
#include <tuple>
#include <utility>

#include "envs/core/error.hpp"

namespace credo::skirmish {
namespace {

struct Start {
  std::uint8_t type;
  float x;
  float y;
  std::array<double, 2> point = {};  // spawn point of its group
  int number = 0;                    // order of placement within its team
};

struct Offset {
  float x;
  float y;
};

// Points of a hexagonal lattice around the origin, nearest first. Rows run along y, so that
// opposing armies, which are mirrored along x on most maps, face each other with full fronts.
std::vector<Offset> lattice() {
  constexpr int kReach = 32;
  constexpr float kStep = 0.375F;      // half the distance of two marines that touch
  constexpr float kRow = 0.32475953F;  // sqrt(3) / 2 steps
  struct Node {
    int column;  // along x
    int half;    // along y, in half steps
  };
  std::vector<Node> nodes;
  for (int c = -kReach; c <= kReach; ++c) {
    for (int h = -2 * kReach; h <= 2 * kReach; ++h) {
      if ((c - h) % 2 == 0) nodes.push_back({c, h});
    }
  }
  std::sort(nodes.begin(), nodes.end(), [](const Node& a, const Node& b) {
    const int da = 3 * a.column * a.column + a.half * a.half;
    const int db = 3 * b.column * b.column + b.half * b.half;
    if (da != db) return da < db;
    return a.column != b.column ? a.column < b.column : a.half < b.half;
  });
  std::vector<Offset> offsets;
  for (const Node& node : nodes)
    offsets.push_back({quantise(kRow * static_cast<float>(node.column)),
                       0.5F * kStep * static_cast<float>(node.half)});
  return offsets;
}

// Units created at one point fan out around it: each takes the nearest free lattice point. `flip`
// mirrors the pattern, so that opposing armies start as mirror images.
std::vector<Start> fan_out(const BattleSetup& setup, const std::vector<SpawnGroup>& groups,
                           const std::vector<std::string>& names, std::array<float, 2> flip,
                           const std::string& where) {
  constexpr float kTouching = 0.9999F;  // squared; lattice coordinates are rounded
  const std::vector<Offset> offsets = lattice();
  std::vector<Start> starts;
  for (const SpawnGroup& group : groups) {
    const auto type = static_cast<std::uint8_t>(std::find(names.begin(), names.end(), group.unit) -
                                                names.begin());
    const TypeInfo& info = setup.types[type];
    const float cx = quantise(static_cast<float>(group.at[0]) - kHalf);
    const float cy = quantise(static_cast<float>(group.at[1]) - kHalf);
    for (int n = 0; n < group.count; ++n) {
      const auto fits = [&](float x, float y) {
        if (std::fabs(x) > kHalf || std::fabs(y) > kHalf) return false;
        if (info.layer != Layer::kAir && !setup.terrain->fits(x, y, info.wall_radius)) return false;
        return std::all_of(starts.begin(), starts.end(), [&](const Start& other) {
          const PairInfo& pair = setup.pairs[type][other.type];
          const float dx = x - other.x;
          const float dy = y - other.y;
          return dx * dx + dy * dy >= kTouching * pair.separation2;
        });
      };
      const auto place = std::find_if(offsets.begin(), offsets.end(), [&](const Offset& o) {
        return fits(cx + flip[0] * o.x, cy + flip[1] * o.y);
      });
      if (place == offsets.end())
        throw UserError(fmt::format("{}: no room for '{}' around ({}, {})", where, group.unit,
                                    group.at[0], group.at[1]));
      starts.push_back({type, cx + flip[0] * place->x, cy + flip[1] * place->y});
    }
  }
  return starts;
}

// SMAClite's formation: the units of one point fill the rows of a square with a small gap between
// them; `flip` is 1, for the enemies -1.
std::vector<Start> square(const BattleSetup& setup, const std::vector<SpawnGroup>& groups,
                          const std::vector<std::string>& order,
                          const std::vector<std::string>& names, double flip,
                          const std::string& where) {
  constexpr double kGap = 0.05;
  const auto rank = [&order](const std::string& unit) {
    return std::find(order.begin(), order.end(), unit) - order.begin();
  };
  std::vector<Start> starts;
  std::vector<bool> placed(groups.size(), false);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    if (placed[g]) continue;
    std::vector<const SpawnGroup*> here;
    for (std::size_t h = g; h < groups.size(); ++h) {
      if (groups[h].at != groups[g].at) continue;
      placed[h] = true;
      here.push_back(&groups[h]);
    }
    std::stable_sort(here.begin(), here.end(), [&](const SpawnGroup* a, const SpawnGroup* b) {
      return rank(a->unit) < rank(b->unit);
    });
    std::vector<std::uint8_t> units;
    for (const SpawnGroup* group : here) {
      const auto type = std::find(names.begin(), names.end(), group->unit) - names.begin();
      units.insert(units.end(), at(group->count), static_cast<std::uint8_t>(type));
    }
    std::size_t side = 1;
    while (side * side < units.size()) ++side;
    const auto radius = [&](std::size_t n) {
      return static_cast<double>(setup.types[units[n]].radius);
    };
    std::vector<double> row_radius(side, 0.0);
    double width = 0.0;
    double height = static_cast<double>(side - 1) * kGap;
    for (std::size_t row = 0; row < side; ++row) {
      double row_width = 0.0;
      for (std::size_t n = row * side; n < std::min((row + 1) * side, units.size()); ++n) {
        row_radius[row] = std::max(row_radius[row], radius(n));
        row_width += 2.0 * radius(n);
      }
      width = std::max(width, row_width);
      height += 2.0 * row_radius[row];
    }
    double y = groups[g].at[1] - flip * height / 2.0;
    for (std::size_t row = 0; row < side; ++row) {
      double x = groups[g].at[0] - flip * width / 2.0;
      y += flip * ((row > 0 ? row_radius[row - 1] : 0.0) + row_radius[row]);
      for (std::size_t n = row * side; n < std::min((row + 1) * side, units.size()); ++n) {
        x += flip * ((n > row * side ? radius(n - 1) : 0.0) + radius(n));
        const float px = quantise(static_cast<float>(x) - kHalf);
        const float py = quantise(static_cast<float>(y) - kHalf);
        if (std::fabs(px) > kHalf || std::fabs(py) > kHalf ||
            !setup.terrain->open(cell_of(px), cell_of(py)))
          throw UserError(fmt::format("{}: no room for '{}' around ({}, {})", where,
                                      setup.types[units[n]].name, groups[g].at[0],
                                      groups[g].at[1]));
        starts.push_back({units[n], px, py, groups[g].at, static_cast<int>(starts.size())});
        x += flip * kGap;
      }
      y += flip * kGap;
    }
  }
  return starts;
}

std::array<double, 2> centre(const std::vector<SpawnGroup>& groups) {
  std::array<double, 2> sum = {0.0, 0.0};
  double n = 0.0;
  for (const SpawnGroup& group : groups) {
    sum[0] += group.at[0] * group.count;
    sum[1] += group.at[1] * group.count;
    n += group.count;
  }
  return {sum[0] / n, sum[1] / n};
}

std::vector<std::string> unit_names(const MapData& map) {
  std::vector<std::string> names = map.ally_types;
  const auto add = [&names](const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (const SpawnGroup& group : map.allies) add(group.unit);
  for (const std::string& name : map.enemy_types) add(name);
  for (const SpawnGroup& group : map.enemies) add(group.unit);
  return names;
}

int count(const std::vector<SpawnGroup>& groups) {
  int n = 0;
  for (const SpawnGroup& group : groups) n += group.count;
  return n;
}

// SMAClite processes the groups of its maps from north to south (by rows of cells), then from west
// to east, and their units in the order of placement, independent of SMAC's agent ids.
void rank_units(BattleSetup& setup, const std::array<std::vector<Start>, 2>& starts) {
  using Key = std::tuple<double, double, int>;
  const auto key = [](const Start& s) {
    return Key(-std::floor(s.point[1]), s.point[0], s.number);
  };
  setup.rank.assign(at(setup.slots), 0);
  std::array<Key, 2> first;
  for (int team = 0; team < 2; ++team) {
    std::vector<std::pair<Key, int>> order;
    for (const Start& start : starts[at(team)])
      order.emplace_back(key(start), setup.slot(team, static_cast<int>(order.size())));
    std::sort(order.begin(), order.end());
    for (std::size_t k = 0; k < order.size(); ++k)
      setup.rank[at(order[k].second)] = static_cast<std::int16_t>(k);
    first[at(team)] = order.front().first;
  }
  setup.first_team = first[1] < first[0] ? 1 : 0;
}

void set_starts(BattleSetup& setup, const Scenario& scenario, const ScenarioOptions& options,
                const std::vector<std::string>& names, const Rules& rules,
                const std::string& where) {
  const MapData& map = scenario.map;
  // Armies are mirrored along the axis that separates them.
  const auto a = centre(map.allies);
  const auto e = centre(map.enemies);
  const bool along_x = std::fabs(a[0] - e[0]) >= std::fabs(a[1] - e[1]);
  const std::array<float, 2> mirrored = {along_x ? -1.0F : 1.0F, along_x ? 1.0F : -1.0F};
  const bool grid = rules.starts == Starts::kSquare;
  std::array<std::vector<Start>, 2> starts;
  starts[0] = grid ? square(setup, map.allies, rules.start_order, names, 1.0, where)
                   : fan_out(setup, map.allies, names, {1.0F, 1.0F}, where);
  starts[1] = grid ? square(setup, map.enemies, rules.start_order, names, -1.0, where)
                   : fan_out(setup, map.enemies, names, mirrored, where);
  if (options.sort_allies) {
    std::stable_sort(starts[0].begin(), starts[0].end(), [&](const Start& p, const Start& q) {
      const auto bit_p = scenario.bit[0][p.type];
      const auto bit_q = scenario.bit[0][q.type];
      if (bit_p != bit_q) return bit_p < bit_q;
      return p.x != q.x ? p.x < q.x : p.y < q.y;
    });
  }
  for (int team = 0; team < 2; ++team) {
    for (std::size_t k = 0; k < starts[at(team)].size(); ++k) {
      const auto i = at(setup.start[at(team)]) + k;
      setup.type[i] = starts[at(team)][k].type;
      setup.x[i] = starts[at(team)][k].x;
      setup.y[i] = starts[at(team)][k].y;
    }
  }
  if (grid) rank_units(setup, starts);
  const auto relative = [](const std::array<double, 2>& p) {
    return std::array<float, 2>{quantise(static_cast<float>(p[0]) - kHalf),
                                quantise(static_cast<float>(p[1]) - kHalf)};
  };
  // With order = "shuffled" hunters walk to where the allies start.
  setup.goal[1] = relative(map.order == EnemyOrder::kHunt ? a : map.order_point);
  setup.goal_to[1] = relative(map.order_to);
  // Allies that fight on their own advance to the mirror image of the enemy's goal, or to where the
  // enemies start.
  std::array<double, 2> image = map.order_point;
  image[along_x ? 0 : 1] = a[along_x ? 0 : 1] + e[along_x ? 0 : 1] - image[along_x ? 0 : 1];
  const auto reflected = relative(image);
  const bool open = std::fabs(reflected[0]) < kHalf && std::fabs(reflected[1]) < kHalf &&
                    setup.terrain->fits(reflected[0], reflected[1], 0.0F);
  setup.goal[0] = setup.goal_to[0] =
      map.order == EnemyOrder::kPoint && open ? reflected : relative(e);
}

}  // namespace

Scenario load_scenario(const ScenarioOptions& options) {
  return make_scenario(load_map(options.map, options.data_dir),
                       load_profile(options.profile, options.data_dir), options);
}

Scenario make_scenario(MapData map_data, Profile profile, const ScenarioOptions& options) {
  Scenario scenario;
  scenario.map = std::move(map_data);
  for (const TerrainChange& change : profile.terrain) {
    if (change.map == scenario.map.name)
      scenario.map.terrain = load_terrain(change.terrain, options.data_dir, change.where);
  }
  const MapData& map = scenario.map;
  if (!options.attack_jitter) profile.rules.jitter_loops = {0.0, 0.0};
  if (options.healer_first) profile.rules.healer_first = true;
  const std::string where = fmt::format("map '{}'", map.name);
  for (const auto& [unit, mention] : map.mentions) (void)profile.unit(unit, mention);

  auto setup = std::make_shared<BattleSetup>();
  const std::vector<std::string> names = unit_names(map);
  setup->terrain = std::make_shared<const Terrain>(map.terrain);
  build_types(*setup, profile, names, where);
  setup->count = map.generate ? std::array<int, 2>{map.generate->allies, map.generate->enemies}
                              : std::array<int, 2>{count(map.allies), count(map.enemies)};
  if (setup->count[0] + setup->count[1] > kMaxUnits)
    throw UserError(fmt::format("{}: {} units on both sides together, at most {} are possible",
                                where, setup->count[0] + setup->count[1], kMaxUnits));
  const auto padded = [](int n) { return (n + 3) / 4 * 4; };
  setup->start = {0, padded(setup->count[0])};
  setup->slots = setup->start[1] + padded(setup->count[1]);
  setup->type.assign(at(setup->slots), 0);
  setup->x.assign(at(setup->slots), kParked);
  setup->y.assign(at(setup->slots), kParked);
  setup->style = {options.ally_style, options.enemy_style};
  setup->order = map.order;

  scenario.n_agents = setup->count[0];
  scenario.n_enemies = setup->count[1];
  scenario.type_bits = static_cast<int>(map.ally_types.size());
  const std::array<const std::vector<std::string>*, 2> orders = {
      &map.ally_types, options.aligned_one_hot ? &map.ally_types : &map.enemy_types};
  for (std::size_t team = 0; team < 2; ++team) {
    for (std::size_t t = 0; t < names.size(); ++t) {
      const auto it = std::find(orders[team]->begin(), orders[team]->end(), names[t]);
      if (it != orders[team]->end())
        scenario.bit[team][t] = static_cast<std::uint8_t>(it - orders[team]->begin());
    }
    const auto note = [&](const std::string& name) {
      const auto t = std::find(names.begin(), names.end(), name) - names.begin();
      const TypeInfo& info = setup->types[static_cast<std::size_t>(t)];
      scenario.shields[team] = scenario.shields[team] || info.protoss;
      scenario.healers = scenario.healers || (team == 0 && info.healer);
    };
    for (const SpawnGroup& group : team == 0 ? map.allies : map.enemies) note(group.unit);
    if (map.generate) {
      for (const std::string& name : map.ally_types) note(name);
    }
  }
  if (!map.generate) set_starts(*setup, scenario, options, names, profile.rules, where);
  setup->hunts_nearest = map.generate.has_value();
  for (std::size_t team = 0; team < 2; ++team) {
    const auto first = setup->type.begin() + setup->start[team];
    setup->one_type[team] =
        !map.generate &&
        std::all_of(first, first + setup->count[team], [&](std::uint8_t t) { return t == *first; });
  }
  scenario.setup = std::move(setup);
  return scenario;
}

}  // namespace credo::skirmish
