// Registration: parameters, variants and the facts of the EnvSpec.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <fmt/format.h>
#include <map>

#include "envs/core/registry.hpp"
#include "envs/skirmish/skirmish.hpp"

namespace credo {
namespace {

using namespace skirmish;

// SMAC ends an episode at the limit with terminated = True, and names it in its info only under
// `continuing_episode`, which PyMARL leaves off: the stored transition is a true end.
constexpr bool kLimitIsTerminal = true;
// Of SMAC's maps, in cells. Without it learners memorise one trajectory (docs/skirmish-fidelity.md,
// "Starts"). Generated armies start at random anyway.
constexpr double kSpawnJitter = 0.25;

const std::vector<std::string> kStyles = {"attack_move", "closest", "focus",
                                          "random",      "kite",    "external"};

Style style_of(const std::string& name) {
  if (name == "closest") return Style::kClosest;
  if (name == "focus") return Style::kFocus;
  if (name == "random") return Style::kRandom;
  if (name == "kite") return Style::kKite;
  if (name == "external") return Style::kOrders;
  return Style::kSticky;
}

// Defaults that depend on the map file.
struct MapFacts {
  std::int64_t limit = 0;
  bool is_generated = false;
};

MapFacts facts_of(const std::string& map, const FileSource& data_dir) {
  const MapData data = load_map(map, data_dir);
  return {.limit = data.limit, .is_generated = data.generate.has_value()};
}

// nullopt if the map cannot be read.
std::optional<MapFacts> named_map(const Params& params) {
  static const std::map<std::string, MapFacts> kBuiltIn = [] {
    std::map<std::string, MapFacts> all;
    for (const std::string& name : embedded_names("maps")) all[name] = facts_of(name, {});
    return all;
  }();
  const std::string& map = params.text("map");
  const FileSource data_dir = params.source("data_dir");
  if (data_dir.empty()) {
    const auto found = kBuiltIn.find(map);
    return found == kBuiltIn.end() ? std::nullopt : std::optional(found->second);
  }
  try {
    return facts_of(map, data_dir);
  } catch (const UserError&) {
    return std::nullopt;
  }
}

std::optional<ParamValue> limit_of_map(const Params& params) {
  const auto map = named_map(params);
  return map ? std::optional<ParamValue>(map->limit) : std::nullopt;
}

// Options that only SMACv2's generated armies have.
std::optional<ParamValue> is_generated(const Params& params) {
  const auto map = named_map(params);
  return map ? std::optional<ParamValue>(map->is_generated) : std::nullopt;
}

std::optional<ParamValue> spawn_jitter_of(const Params& params) {
  const auto map = named_map(params);
  return map ? std::optional<ParamValue>(map->is_generated ? 0.0 : kSpawnJitter) : std::nullopt;
}

void follow_map(ParamSpec& param, std::optional<ParamValue> (*value)(const Params&)) {
  param.follows = {"map", "data_dir"};
  param.follow = value;
}

std::vector<ParamSpec> skirmish_params() {
  std::vector<ParamSpec> params = limit_params(60, kLimitIsTerminal);
  follow_map(params.front(), limit_of_map);
  const auto boolean = [&params](const char* name, bool value, const char* help) {
    params.push_back(ParamSpec::boolean(name, value, help));
  };
  const auto real = [&params](const char* name, double value, double low, double high,
                              const char* help) {
    params.push_back(ParamSpec::real(name, value, low, high, help));
  };
  params.push_back(ParamSpec::text("map", "3m", "name of a map file"));
  params.push_back(ParamSpec::text(
      "profile", "liberty", "unit data: liberty, lotv, smaclite, smax, or a file of your own"));
  params.push_back(ParamSpec::path(
      "data_dir", "folder whose profiles/, maps/ and terrain/ files override the built-in ones"));
  params.push_back(ParamSpec::choice("opponent", "attack_move", kStyles,
                                     "how the enemies fight; external: driven through the API"));
  boolean("attack_jitter", true, "vary attack delays at random");
  boolean("healer_priority", false, "enemies prefer healers as targets");
  real("spawn_jitter", kSpawnJitter, 0.0, 4.0,
       "shift every start by up to this many cells in x and y; 0: always the same, as in SMAC");
  follow_map(params.back(), spawn_jitter_of);
  params.push_back(ParamSpec::integer("step_mul", 8, 1, 64, "game loops of 1/16 second per step"));
  real("move_amount", 2.0, 0.25, 8.0, "distance of a move order; half of it must be walkable");
  boolean("obs_all_health", true, "observe health of allies and enemies");
  boolean("obs_own_health", true, "observe own health (implied by obs_all_health)");
  boolean("obs_last_action", false, "observe the last actions of allies");
  boolean("obs_pathing_grid", false, "observe walkability around");
  boolean("obs_terrain_height", false, "observe terrain height around");
  boolean("obs_timestep_number", false, "observe the time");
  boolean("obs_own_pos", false, "observe the own position (SMACv2)");
  follow_map(params.back(), is_generated);
  boolean("obs_instead_of_state", false, "the state is all observations");
  boolean("state_last_action", true, "the state contains the last joint action");
  boolean("state_timestep_number", false, "the state contains the time");
  boolean("use_unit_ranges", false, "sight and target range by unit type (SMACv2)");
  follow_map(params.back(), is_generated);
  boolean("reward_sparse", false,
          "1 for a win, -1 for a defeat, nothing else; reward_scale scales it too, as in SMAC");
  boolean("reward_only_positive", true, "reward damage dealt, do not penalise damage taken");
  real("reward_death_value", 10.0, 0.0, 1000.0, "for a killed enemy");
  real("reward_win", 200.0, 0.0, 10000.0, "for a won battle");
  real("reward_defeat", 0.0, -10000.0, 0.0, "for a lost battle");
  real("reward_negative_scale", 0.5, 0.0, 100.0, "weight of damage taken");
  boolean("reward_scale", true,
          "scale every reward by reward_scale_rate / (reward_win + reward_death_value per enemy + "
          "their health and shields)");
  real("reward_scale_rate", 20.0, 0.001, 10000.0,
       "return of a win after scaling (with reward_sparse: scale / the sum above)");
  boolean("heuristic_ai", false, "agents follow SMAC's heuristic, whatever actions are chosen");
  boolean("heuristic_rest", false, "... limited to available actions");
  params.push_back(ParamSpec::choice(
      "compat_reward", "smac", {"smac", "max0"},
      "smac: absolute value of the shaped reward, so regenerating shields pay; max0: SMACv2"));
  params.push_back(ParamSpec::choice("compat_enemy_ids", "fixed", {"fixed", "shuffled"},
                                     "enemy ids: in order of creation, or shuffled each episode"));
  params.push_back(
      ParamSpec::choice("compat_one_hot", "smac", {"smac", "aligned"},
                        "enemy type bits: SMAC's order (reversed on some maps), or the allies'"));
  params.push_back(ParamSpec::choice(
      "compat_cooldown", "smac", {"smac", "exact"},
      "cooldown divisors in the state: SMAC's numbers, or the longest possible cooldown"));
  return params;
}

Config read_config(const Params& params, EnvSpec& spec) {
  ScenarioOptions scenario;
  scenario.map = params.text("map");
  scenario.profile = params.text("profile");
  scenario.data_dir = params.source("data_dir");
  scenario.enemy_style = style_of(params.text("opponent"));
  scenario.attack_jitter = params.boolean("attack_jitter");
  scenario.healer_first = params.boolean("healer_priority");
  scenario.aligned_one_hot = params.text("compat_one_hot") == "aligned";

  Config config;
  config.scenario = load_scenario(scenario);
  if (!scenario.data_dir.empty()) spec.inputs["data_dir"] = scenario.data_dir.contents_read();
  config.view = {.all_health = params.boolean("obs_all_health"),
                 .own_health = params.boolean("obs_own_health"),
                 .obs_last_action = params.boolean("obs_last_action"),
                 .obs_pathing_grid = params.boolean("obs_pathing_grid"),
                 .obs_terrain_height = params.boolean("obs_terrain_height"),
                 .obs_timestep = params.boolean("obs_timestep_number"),
                 .obs_own_pos = params.boolean("obs_own_pos"),
                 .obs_instead_of_state = params.boolean("obs_instead_of_state"),
                 .state_last_action = params.boolean("state_last_action"),
                 .state_timestep = params.boolean("state_timestep_number"),
                 .unit_ranges = params.boolean("use_unit_ranges"),
                 .exact_cooldowns = params.text("compat_cooldown") == "exact",
                 .move_amount = params.real("move_amount")};
  config.reward = {.sparse = params.boolean("reward_sparse"),
                   .only_positive = params.boolean("reward_only_positive"),
                   .absolute = params.text("compat_reward") == "smac",
                   .death_value = params.real("reward_death_value"),
                   .win = params.real("reward_win"),
                   .defeat = params.real("reward_defeat"),
                   .negative_scale = params.real("reward_negative_scale"),
                   .scale = params.boolean("reward_scale"),
                   .scale_rate = params.real("reward_scale_rate")};
  config.loops_per_step = params.integer32("step_mul");
  config.spawn_jitter = params.real("spawn_jitter");
  config.shuffle_enemies = params.text("compat_enemy_ids") == "shuffled";
  config.external_enemy = params.text("opponent") == "external";
  config.heuristic_ai = params.boolean("heuristic_ai");
  config.heuristic_rest = params.boolean("heuristic_rest");
  return config;
}

struct RewardBounds {
  double low = 0.0;
  double high = 0.0;
  std::optional<double> whole_episode;
};

RewardBounds reward_bounds(const Config& config) {
  const Scenario& scenario = config.scenario;
  const BattleSetup& setup = *scenario.setup;
  const RewardOptions& reward = config.reward;
  // Smallest and largest sum of hit points and shields a team can start with.
  const auto vitality = [&](int team) {
    double low = 0.0;
    double high = 0.0;
    for (int k = 0; k < setup.count[static_cast<std::size_t>(team)]; ++k) {
      const auto slot = static_cast<std::size_t>(setup.slot(team, k));
      double least = 1e18;
      double most = 0.0;
      for (std::size_t t = 0; t < setup.types.size(); ++t) {
        if (!scenario.map.generate && t != setup.type[slot]) continue;
        const double v = static_cast<double>(setup.types[t].hp + setup.types[t].shield) / kOne;
        least = std::min(least, v);
        most = std::max(most, v);
      }
      low += least;
      high += most;
    }
    return std::pair{low, high};
  };
  const auto [enemy_low, enemy_high] = vitality(1);
  const auto [ally_low, ally_high] = vitality(0);
  (void)ally_low;
  const double kills = reward.death_value * scenario.n_enemies;
  const double scale = reward.scale ? reward.scale_rate / (reward.win + kills + enemy_low) : 1.0;
  RewardBounds bounds;
  // Slack for rounding: the scale and the sums are doubles.
  constexpr double kSlack = 1e-9;
  if (reward.sparse) {
    const double most = scale * (1.0 + kSlack);
    bounds = {-most, most, most};
    return bounds;
  }
  const double most = kills + enemy_high + reward.win;
  // Without a generator the scale is that of these armies, and the bound is the scale rate.
  bounds.high = most * scale;
  bounds.low = reward.defeat * scale;
  if (!reward.only_positive)
    bounds.low -= (reward.negative_scale * (ally_high + reward.death_value * scenario.n_agents) +
                   enemy_high) *
                  scale;
  // Healed losses count as gains; a step cannot restore more than the initial total.
  if (!reward.only_positive) bounds.high += reward.negative_scale * ally_high * scale;
  if (setup.counts_dealt) {
    // Restored hit points can be dealt again, and a saved unit can die again.
    bool healers = false;
    double regained = 0.0;  // maximum of any unit, per loop
    double healed = 0.0;
    for (const TypeInfo& type : setup.types) {
      const std::int32_t shield = type.shield > 0 ? setup.shield_regen : 0;
      regained = std::max(regained, static_cast<double>(type.hp_regen + shield) / kOne);
      healed = std::max(healed, static_cast<double>(type.heal_rate) / kOne);
      healers = healers || type.healer;
    }
    const double loops = config.loops_per_step;
    const auto again = [&](int units) {
      return loops * units * (regained + (healers ? healed + reward.death_value : 0.0));
    };
    bounds.high += again(scenario.n_enemies) * scale;
    if (!reward.only_positive)
      bounds.low -= reward.negative_scale * again(scenario.n_agents) * scale;
  }
  bool heals = false;
  for (const TypeInfo& type : setup.types)
    heals =
        heals || type.healer || type.hp_regen > 0 || (type.shield > 0 && setup.shield_regen > 0);
  // Regenerated hit points can be dealt again, so the return is bounded only without regeneration.
  if (!heals && reward.only_positive && !scenario.map.generate) bounds.whole_episode = bounds.high;
  bounds.high += kSlack * std::fabs(bounds.high);
  bounds.low -= kSlack * std::fabs(bounds.low);
  if (bounds.whole_episode) *bounds.whole_episode += kSlack * *bounds.whole_episode;
  return bounds;
}

// The return of a win without regeneration: the scale, or all damage, kills and the victory.
std::optional<double> best_return(const Config& config) {
  const RewardOptions& reward = config.reward;
  const Scenario& scenario = config.scenario;
  if (!reward.only_positive) return std::nullopt;
  if (reward.scale && !reward.sparse) return reward.scale_rate;
  if (scenario.map.generate) return std::nullopt;  // differs between armies
  const BattleSetup& setup = *scenario.setup;
  double sum = reward.win + reward.death_value * scenario.n_enemies;
  for (int k = 0; k < setup.count[1]; ++k) {
    const TypeInfo& type = setup.types[setup.type[static_cast<std::size_t>(setup.slot(1, k))]];
    sum += static_cast<double>(type.hp + type.shield) / kOne;
  }
  if (!reward.sparse) return sum;
  return reward.scale ? reward.scale_rate / sum : 1.0;
}

std::unique_ptr<Env> make_skirmish(EnvSpec spec, const Params& params) {
  auto config = std::make_shared<const Config>(read_config(params, spec));
  const Layout layout(config->scenario, config->view, 0);
  const BattleSetup& setup = *config->scenario.setup;
  spec.n_agents = layout.n_agents();
  spec.n_actions = layout.n_actions();
  spec.obs_dim = layout.obs_dim();
  spec.state_dim = layout.state_dim();
  spec.unit_dim = layout.unit_dim();
  spec.episode_limit = params.integer32("limit");
  spec.limit_is_terminal = params.boolean("limit_is_terminal");
  const RewardBounds bounds = reward_bounds(*config);
  spec.reward_low = bounds.low;
  spec.reward_high = bounds.high;
  spec.return_bound = bounds.whole_episode;
  spec.best_return = best_return(*config);
  spec.idle_action = kStop;  // for the dead kNoop, their lowest action
  spec.is_stochastic =
      setup.jitter_high > setup.jitter_low || setup.shuffled || setup.style[1] == Style::kRandom ||
      config->scenario.map.generate.has_value() || setup.order == EnemyOrder::kSegment ||
      config->spawn_jitter > 0.0 || config->shuffle_enemies;
  spec.action_names = layout.action_names();
  spec.obs_features = layout.obs_features();
  spec.state_features = layout.state_features();
  spec.scripted = scripted_policies();
  return std::make_unique<SkirmishEnv>(std::move(spec), std::move(config));
}

constexpr std::array<const char*, 23> kSmacMaps = {"3m",           "8m",        "25m",
                                                   "5m_vs_6m",     "8m_vs_9m",  "10m_vs_11m",
                                                   "27m_vs_30m",   "MMM",       "MMM2",
                                                   "2s3z",         "3s5z",      "3s5z_vs_3s6z",
                                                   "3s_vs_3z",     "3s_vs_4z",  "3s_vs_5z",
                                                   "1c3s5z",       "2m_vs_1z",  "corridor",
                                                   "6h_vs_8z",     "2s_vs_1sc", "so_many_baneling",
                                                   "bane_vs_bane", "2c_vs_64zg"};
constexpr std::array<const char*, 3> kRaces = {"protoss", "terran", "zerg"};
constexpr std::array<const char*, 5> kSizes = {"5v5", "10v10", "10v11", "20v20", "20v23"};

std::string describe(const Params& params) {
  const std::string& map = params.text("map");
  // A data folder of the user may redefine every map.
  if (const std::string& folder = params.text("data_dir"); !folder.empty())
    return fmt::format("map {}, with the data in {}", map, folder);
  if (std::find(kSmacMaps.begin(), kSmacMaps.end(), map) != kSmacMaps.end())
    return "SMAC's map " + map;
  for (const std::string race : kRaces)
    for (const char* size : kSizes)
      if (map == fmt::format("{}_{}", race, size))
        return fmt::format("SMACv2-style random {} armies {}", race, size);
  return "map " + map;
}

}  // namespace

EnvFamily skirmish_family();

EnvFamily skirmish_family() {
  EnvFamily family;
  family.name = "skirmish";
  family.help =
      "SMAC's micromanagement battles, simulated natively (Samvelyan et al. 2019): agents control "
      "one unit each against a scripted army";
  family.params = skirmish_params();
  // SMAC's maps, then SMACv2's generated ones.
  const auto add = [&family](const std::string& map) {
    family.variants.push_back({.name = map, .help = "", .defaults = {{"map", map}}});
  };
  for (const char* map : kSmacMaps) add(map);
  for (const char* race : kRaces)
    for (const char* size : kSizes) add(fmt::format("{}_{}", race, size));
  family.describe = describe;
  family.make = make_skirmish;
  return family;
}

}  // namespace credo
