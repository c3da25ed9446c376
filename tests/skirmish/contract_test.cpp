// SMAC's sizes, and the meaning of every number of observation, state and availability, written
// down a second time in the plainest way.
#include <cmath>
#include <doctest/doctest.h>

#include "tests/skirmish/support.hpp"

using namespace credo::skirmish;
using namespace credo::skirmish::test;

namespace {

struct Sizes {
  const char* map;
  int n_agents, n_enemies, limit, n_actions, obs, state;
};

constexpr Sizes kSmac[] = {{"3m", 3, 3, 60, 9, 30, 48},
                           {"8m", 8, 8, 120, 14, 80, 168},
                           {"25m", 25, 25, 150, 31, 250, 950},
                           {"5m_vs_6m", 5, 6, 70, 12, 55, 98},
                           {"8m_vs_9m", 8, 9, 120, 15, 85, 179},
                           {"10m_vs_11m", 10, 11, 150, 17, 105, 243},
                           {"27m_vs_30m", 27, 30, 180, 36, 285, 1170},
                           {"MMM", 10, 10, 150, 16, 160, 290},
                           {"MMM2", 10, 12, 180, 18, 176, 322},
                           {"2s3z", 5, 5, 120, 11, 80, 120},
                           {"3s5z", 8, 8, 150, 14, 128, 216},
                           {"3s5z_vs_3s6z", 8, 9, 170, 15, 136, 230},
                           {"3s_vs_3z", 3, 3, 150, 9, 36, 54},
                           {"3s_vs_4z", 3, 4, 200, 10, 42, 61},
                           {"3s_vs_5z", 3, 5, 250, 11, 48, 68},
                           {"1c3s5z", 9, 9, 180, 15, 162, 270},
                           {"2m_vs_1z", 2, 1, 150, 7, 16, 26},
                           {"corridor", 6, 24, 400, 30, 156, 282},
                           {"6h_vs_8z", 6, 8, 150, 14, 78, 140},
                           {"2s_vs_1sc", 2, 1, 300, 7, 17, 27},
                           {"so_many_baneling", 7, 32, 100, 38, 202, 397},
                           {"bane_vs_bane", 24, 24, 200, 30, 336, 984},
                           {"2c_vs_64zg", 2, 64, 400, 70, 332, 342}};

struct Generated {
  const char* size;
  int obs, state, n_actions, protoss_obs, protoss_state;
};

constexpr Generated kGenerated[] = {{"5v5", 82, 120, 11, 92, 130},
                                    {"10v10", 162, 290, 16, 182, 310},
                                    {"10v11", 170, 306, 17, 191, 327},
                                    {"20v20", 322, 780, 26, 362, 820},
                                    {"20v23", 346, 858, 29, 389, 901}};

// A second, slow writing of the contract.
class Reference {
 public:
  Reference(const credo::Env& env, bool last_action)
      : env_(env),
        skirmish_(as_skirmish(env)),
        battle_(skirmish_.battle()),
        setup_(battle_.setup()),
        scenario_(skirmish_.config().scenario),
        last_action_(last_action) {}

  double distance(int a, int b) const {
    const double dx = static_cast<double>(battle_.x(a)) - static_cast<double>(battle_.x(b));
    const double dy = static_cast<double>(battle_.y(a)) - static_cast<double>(battle_.y(b));
    return std::sqrt(dx * dx + dy * dy);
  }

  std::vector<double> obs(int agent, const std::vector<int>& last) const {
    const int self = setup_.slot(0, agent);
    const auto avail = env_.avail_actions().subspan(
        static_cast<std::size_t>(agent) * static_cast<std::size_t>(env_.spec().n_actions));
    std::vector<double> out;
    if (!battle_.alive(self)) {
      out.assign(static_cast<std::size_t>(env_.spec().obs_dim), 0.0);
      return out;
    }
    for (std::size_t a = 2; a < 6; ++a) out.push_back(avail[a]);
    for (int team : {1, 0}) {
      for (int k = 0; k < setup_.count[static_cast<std::size_t>(team)]; ++k) {
        const int j = setup_.slot(team, k);
        if (j == self) continue;
        const bool seen = battle_.alive(j) && distance(self, j) < 9.0;
        const double flag = team == 0 ? 1.0 : avail[static_cast<std::size_t>(6 + k)];
        out.push_back(seen ? flag : 0.0);
        out.push_back(seen ? distance(self, j) / 9.0 : 0.0);
        out.push_back(seen ? static_cast<double>(battle_.x(j) - battle_.x(self)) / 9.0 : 0.0);
        out.push_back(seen ? static_cast<double>(battle_.y(j) - battle_.y(self)) / 9.0 : 0.0);
        unit(out, team, j, seen);
        if (team == 0 && last_action_) {
          for (int a = 0; a < env_.spec().n_actions; ++a)
            out.push_back(seen && last[static_cast<std::size_t>(k)] == a ? 1.0 : 0.0);
        }
      }
    }
    unit(out, 0, self, true);
    return out;
  }

  std::vector<double> state(const std::vector<int>& last) const {
    std::vector<double> out;
    for (int team : {0, 1}) {
      for (int k = 0; k < setup_.count[static_cast<std::size_t>(team)]; ++k) {
        const int i = setup_.slot(team, k);
        const bool lives = battle_.alive(i);
        const TypeInfo& info = battle_.info(i);
        out.push_back(lives ? hp(battle_, i) / (static_cast<double>(info.hp) / kOne) : 0.0);
        if (team == 0) {
          const double charge =
              info.healer ? static_cast<double>(battle_.energy(i)) / kOne / 200.0
                          : static_cast<double>(battle_.cooldown(i)) / kOne / divisor(info.name);
          out.push_back(lives ? charge : 0.0);
        }
        out.push_back(lives ? static_cast<double>(battle_.x(i)) / 32.0 : 0.0);
        out.push_back(lives ? static_cast<double>(battle_.y(i)) / 32.0 : 0.0);
        if (protoss(team))
          out.push_back(lives ? shield(battle_, i) / (static_cast<double>(info.shield) / kOne)
                              : 0.0);
        one_hot(out, team, i, lives);
      }
    }
    for (const int action : last) {
      for (int a = 0; a < env_.spec().n_actions; ++a) out.push_back(action == a ? 1.0 : 0.0);
    }
    return out;
  }

 private:
  static double divisor(const std::string& name) {
    if (name == "marine") return 15;
    if (name == "marauder") return 25;
    if (name == "stalker") return 35;
    if (name == "zealot") return 22;
    if (name == "colossus") return 24;
    if (name == "hydralisk") return 10;
    if (name == "zergling") return 11;
    if (name == "baneling") return 1;
    return 15;
  }

  bool protoss(int team) const {
    const std::string& name = battle_.info(setup_.slot(team, 0)).name;
    return name == "stalker" || name == "zealot" || name == "colossus";
  }

  void unit(std::vector<double>& out, int team, int i, bool seen) const {
    const TypeInfo& info = battle_.info(i);
    out.push_back(seen ? hp(battle_, i) / (static_cast<double>(info.hp) / kOne) : 0.0);
    if (protoss(team))
      out.push_back(seen ? shield(battle_, i) / (static_cast<double>(info.shield) / kOne) : 0.0);
    one_hot(out, team, i, seen);
  }

  void one_hot(std::vector<double>& out, int team, int i, bool seen) const {
    const auto& types = team == 0 ? scenario_.map.ally_types : scenario_.map.enemy_types;
    for (const std::string& type : types)
      out.push_back(seen && battle_.info(i).name == type ? 1.0 : 0.0);
  }

  const credo::Env& env_;
  const SkirmishEnv& skirmish_;
  const Battle& battle_;
  const BattleSetup& setup_;
  const Scenario& scenario_;
  bool last_action_;
};

void check_equal(const std::vector<double>& expected, std::span<const float> written,
                 const std::string& what) {
  REQUIRE(expected.size() == written.size());
  for (std::size_t k = 0; k < expected.size(); ++k) {
    if (std::fabs(expected[k] - static_cast<double>(written[k])) > 2e-6) {
      INFO(what << " " << k);
      CHECK(expected[k] == static_cast<double>(written[k]));
      return;
    }
  }
}

}  // namespace

TEST_CASE("sizes of SMAC's maps") {
  for (const Sizes& sizes : kSmac) {
    const auto env = make(std::string("skirmish/") + sizes.map);
    const credo::EnvSpec& spec = env->spec();
    INFO(sizes.map);
    CHECK(spec.n_agents == sizes.n_agents);
    CHECK(as_skirmish(*env).config().scenario.n_enemies == sizes.n_enemies);
    CHECK(spec.episode_limit == sizes.limit);
    CHECK(spec.n_actions == sizes.n_actions);
    CHECK(spec.obs_dim == sizes.obs);
    CHECK(spec.state_dim == sizes.state);
    CHECK(spec.obs_features.size() == static_cast<std::size_t>(sizes.obs));
    CHECK(spec.state_features.size() == static_cast<std::size_t>(sizes.state));
    CHECK(spec.action_names.size() == static_cast<std::size_t>(sizes.n_actions));
  }
}

TEST_CASE("sizes of the generated scenarios") {
  for (const Generated& sizes : kGenerated) {
    for (const char* race : {"terran", "zerg", "protoss"}) {
      const auto env = make(std::string("skirmish/") + race + "_" + sizes.size);
      const bool protoss = std::string(race) == "protoss";
      INFO(race << ' ' << sizes.size);
      CHECK(env->spec().obs_dim == (protoss ? sizes.protoss_obs : sizes.obs));
      CHECK(env->spec().state_dim == (protoss ? sizes.protoss_state : sizes.state));
      CHECK(env->spec().n_actions == sizes.n_actions);
      CHECK(env->spec().episode_limit == 200);
    }
  }
}

TEST_CASE("option flags change sizes as in SMAC") {
  const auto obs = [](const char* key) {
    return make("skirmish/2s3z", {{key, "true"}})->spec().obs_dim;
  };
  CHECK(obs("obs_pathing_grid") == 80 + 8);
  CHECK(obs("obs_terrain_height") == 80 + 9);
  CHECK(obs("obs_timestep_number") == 80 + 1);
  CHECK(obs("obs_last_action") == 80 + 4 * 11);
  CHECK(make("skirmish/2s3z", {{"obs_all_health", "false"}})->spec().obs_dim == 80 - 9 * 2);
  CHECK(make("skirmish/2s3z", {{"state_timestep_number", "true"}})->spec().state_dim == 121);
  CHECK(make("skirmish/2s3z", {{"state_last_action", "false"}})->spec().state_dim == 120 - 55);
  CHECK(make("skirmish/2s3z", {{"obs_instead_of_state", "true"}})->spec().state_dim == 5 * 80);
}

TEST_CASE("every number of observations and states means what SMAC's does") {
  for (const bool last_action : {false, true}) {
    for (const Sizes& sizes : kSmac) {
      const auto env = make(std::string("skirmish/") + sizes.map,
                            {{"obs_last_action", last_action ? "true" : "false"}});
      const credo::EnvSpec& spec = env->spec();
      const auto dim = static_cast<std::size_t>(spec.obs_dim);
      std::vector<float> obs(static_cast<std::size_t>(spec.n_agents) * dim);
      std::vector<float> state(static_cast<std::size_t>(spec.state_dim));
      std::vector<int> actions(static_cast<std::size_t>(spec.n_agents));
      std::vector<int> last(actions.size(), -1);
      credo::Stream stream = episode(3);
      env->reset(episode(1));
      const Reference reference(*env, last_action);
      INFO(sizes.map);
      for (int step = 0; step < 40 && !env->done(); ++step) {
        env->write_obs(obs);
        env->write_state(state);
        for (int agent = 0; agent < spec.n_agents; ++agent)
          check_equal(
              reference.obs(agent, last),
              std::span<const float>(obs).subspan(static_cast<std::size_t>(agent) * dim, dim),
              "obs of agent " + std::to_string(agent) + " number");
        check_equal(reference.state(last), state, "state number");
        random_actions(*env, stream, actions);
        env->step(actions);
        last = actions;
      }
    }
  }
}

TEST_CASE("availability: dead, stop, walls, and six cells to a target") {
  const auto env = make("skirmish/3m");
  env->reset(episode(1));
  const SkirmishEnv& skirmish = as_skirmish(*env);
  const auto avail = env->avail_actions();
  for (std::size_t agent = 0; agent < 3; ++agent) {
    CHECK(avail[agent * 9] == 0);
    for (std::size_t a = 1; a < 6; ++a) CHECK(avail[agent * 9 + a] == 1);
    for (std::size_t a = 6; a < 9; ++a) CHECK(avail[agent * 9 + a] == 0);
  }
  // A battle of our own to put units exactly on the boundaries.
  Battle battle(skirmish.config().scenario.setup);
  battle.reset(1);
  const int enemy = first_enemy(battle);
  const Layout& layout = skirmish.layout();
  std::vector<std::uint8_t> mask(27);
  std::vector<float> obs(90);
  const std::vector<std::int16_t> none(3, -1);
  const auto look = [&](float x, float y, float ex) {
    battle.place(0, 0, x, y);
    battle.place(enemy, 0, ex, y);
    battle.muster();
    layout.write_avail(battle, mask);
    layout.write_obs(battle, {.time = 0.0F, .last_actions = none}, mask, obs);
  };
  constexpr float kStep = 0x1p-18F;
  look(0.0F, 0.0F, 6.0F);
  CHECK(mask[6] == 1);
  CHECK(obs[4] == 1.0F);
  look(0.0F, 0.0F, 6.0F + kStep);
  CHECK(mask[6] == 0);
  CHECK(obs[4] == 0.0F);
  CHECK(obs[5] > 0.66F);
  look(0.0F, 0.0F, 9.0F - 4.0F * kStep);
  CHECK(obs[5] > 0.99F);
  look(0.0F, 0.0F, 9.0F);
  CHECK(obs[5] == 0.0F);
  CHECK(obs[8] == 0.0F);
  // The strip is open for y in [8, 24), that is [-8, 8) around the centre.
  look(0.0F, 6.9F, 6.0F);
  CHECK(mask[kNorth] == 1);
  look(0.0F, 7.1F, 6.0F);
  CHECK(mask[kNorth] == 0);
  CHECK(mask[kSouth] == 1);
  look(-15.5F, 0.0F, -10.0F);
  CHECK(mask[kWest] == 1);  // SMAC truncates -0.5 to cell 0
  look(15.5F, 0.0F, 10.0F);
  CHECK(mask[kEast] == 0);
}

TEST_CASE("healers may target living friends that are no healers, whatever their health") {
  const auto env = make("skirmish/MMM");
  env->reset(episode(1));
  const auto medivac = env->avail_actions().subspan(9 * 16, 16);
  for (std::size_t a = 6; a < 15; ++a) CHECK(medivac[a] == 1);
  CHECK(medivac[15] == 0);
}

TEST_CASE("agents are ordered by type, then x, then y") {
  for (const char* jitter : {"0", "0.25", "2"}) {
    const auto env = make("skirmish/MMM", {{"spawn_jitter", jitter}});
    env->reset(episode(1));
    const Battle& battle = as_skirmish(*env).battle();
    for (int k = 0; k < 10; ++k)
      CHECK(battle.info(k).name == (k < 2 ? "marauder" : k < 9 ? "marine" : "medivac"));
    for (int k = 3; k < 9; ++k) {
      const bool ordered = battle.x(k - 1) < battle.x(k) ||
                           (battle.x(k - 1) == battle.x(k) && battle.y(k - 1) < battle.y(k));
      CHECK(ordered);
    }
  }
}

TEST_CASE("compat switches: type bits, enemy ids, cooldown divisors") {
  const auto type_bits = [](const std::string& mode) {
    const auto env = make("skirmish/2s3z", {{"compat_one_hot", mode}});
    env->reset(episode(1));
    std::vector<float> state(120);
    env->write_state(state);
    // Enemy 0 is a stalker; its row starts after 5 ally rows of 7 and ends with its type bits.
    return std::pair{state[35 + 4], state[35 + 5]};
  };
  CHECK(type_bits("smac") == std::pair{0.0F, 1.0F});
  CHECK(type_bits("aligned") == std::pair{1.0F, 0.0F});

  const auto shuffled = make("skirmish/2s3z", {{"compat_enemy_ids", "shuffled"}});
  bool differs = false;
  for (std::uint64_t number = 0; number < 8; ++number) {
    shuffled->reset(episode(1, number));
    const Battle& battle = as_skirmish(*shuffled).battle();
    differs = differs || battle.info(first_enemy(battle)).name != "stalker";
    int stalkers = 0;
    for (int k = 0; k < 5; ++k)
      stalkers += battle.info(first_enemy(battle) + k).name == "stalker" ? 1 : 0;
    CHECK(stalkers == 2);
  }
  CHECK(differs);

  const auto exact = make("skirmish/3s_vs_3z", {{"compat_cooldown", "exact"}});
  for (const credo::Feature& feature : exact->spec().state_features)
    CHECK(feature.high <= 1.0F + 1e-5F);
}

TEST_CASE("terrain features") {
  const auto env =
      make("skirmish/3m", {{"obs_pathing_grid", "true"}, {"obs_terrain_height", "true"}});
  env->reset(episode(1));
  std::vector<float> obs(3 * 47);
  env->write_obs(obs);
  const Battle& battle = as_skirmish(*env).battle();
  const int cx = static_cast<int>(battle.x(0) + 16.0F);
  const int cy = static_cast<int>(battle.y(0) + 16.0F);
  const int points[9][2] = {{0, 4},   {0, -4}, {4, 0},  {-4, 0}, {2, 2},
                            {-2, -2}, {2, -2}, {-2, 2}, {0, 0}};
  for (std::size_t k = 0; k < 9; ++k) {
    const bool open = cy + points[k][1] >= 8 && cy + points[k][1] <= 23 && cx + points[k][0] >= 0 &&
                      cx + points[k][0] <= 31;
    if (k < 8) CHECK(obs[4 + k] == (open ? 1.0F : 0.0F));
    CHECK(obs[12 + k] == doctest::Approx((open ? 127.0 : 63.0) / 255.0));
  }
}
