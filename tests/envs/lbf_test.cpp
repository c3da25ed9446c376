// Level-based foraging: ids, rules, hand-made situations, and the published values.
#include <algorithm>
#include <array>

#include "support.hpp"

using namespace env_tests;

namespace {

constexpr int kNone = 0;
constexpr int kNorth = 1;
constexpr int kSouth = 2;
constexpr int kWest = 3;
constexpr int kEast = 4;
constexpr int kLoad = 5;

struct Item {
  int row = 0;
  int col = 0;
  int level = 0;
};

int distance(const Item& a, const Item& b) {
  return std::abs(a.row - b.row) + std::abs(a.col - b.col);
}

struct Situation {
  std::vector<Item> players;
  std::vector<Item> food;  // level 0: gone
};

// Reads env.state = true.
Situation situation_of(const credo::Env& env) {
  const auto state = state_of(env);
  Situation situation;
  for (std::size_t i = 0; i < state.size(); i += 3) {
    const Item item = {static_cast<int>(state[i]), static_cast<int>(state[i + 1]),
                       static_cast<int>(state[i + 2])};
    const bool is_player = i / 3 < static_cast<std::size_t>(env.spec().n_agents);
    (is_player ? situation.players : situation.food).push_back(item);
  }
  return situation;
}

void place_by_hand(credo::Env& env, const std::vector<Item>& players, const std::vector<Item>& food,
                   int total = 0) {
  for (const Item& item : food) total += item.level;
  place(env, 3, 0, [&](credo::ByteWriter& out) {
    out.put<std::int32_t>(total);
    for (const auto& items : {players, food})
      for (const Item& item : items)
        for (const int value : {item.row, item.col, item.level})
          out.put<std::int16_t>(static_cast<std::int16_t>(value));
  });
}

Item moved(Item item, int action) {
  item.row += action == kNorth ? -1 : action == kSouth ? 1 : 0;
  item.col += action == kWest ? -1 : action == kEast ? 1 : 0;
  return item;
}

bool has_overlap(const std::vector<Item>& players) {
  for (std::size_t i = 0; i < players.size(); ++i)
    for (std::size_t k = 0; k < i; ++k)
      if (distance(players[i], players[k]) == 0) return true;
  return false;
}

}  // namespace

TEST_CASE("lbf: ids follow the grammar") {
  struct Row {
    const char* id;
    int size, n_agents, n_food, obs_dim;
    std::int64_t sight;
    bool coop;
  };
  for (const Row& row : {Row{"lbf/5x5-2p-1f", 5, 2, 1, 9, 0, false},
                         Row{"lbf/2s-19x19-9p-9f-coop", 19, 9, 9, 54, 2, true},
                         Row{"lbf/2s-10x10-3p-3f", 10, 3, 3, 18, 2, false},
                         Row{"lbf/11x11-4p-2f-coop", 11, 4, 2, 18, 0, true}}) {
    CAPTURE(row.id);
    const credo::Params params = credo::env_params(row.id);
    CHECK(params.integer32("size") == row.size);
    CHECK(params.integer("sight") == row.sight);
    CHECK(params.boolean("coop") == row.coop);
    const auto env = credo::make_env(row.id);
    CHECK(credo::is_env(row.id));
    CHECK(env->spec().id == row.id);
    CHECK(env->spec().n_agents == row.n_agents);
    CHECK(params.integer32("n_food") == row.n_food);
    CHECK(env->spec().obs_dim == row.obs_dim);
    CHECK(env->spec().episode_limit == 50);
    play(*env, random_actions);
    CHECK(env->done());
    // A saved state belongs to its id, listed or not.
    const auto other = credo::make_env("lbf/5x5-3p-1f");
    credo::ByteWriter out;
    env->save(out);
    credo::ByteReader in(out.bytes());
    CHECK_THROWS_AS(other->load(in), credo::Error);
  }
  for (const char* bad :
       {"lbf", "lbf/", "lbf/8x9-2p-2f", "lbf/4x4-2p-2f", "lbf/20x20-2p-2f", "lbf/8x8-1p-2f",
        "lbf/8x8-2p-0f", "lbf/8x8-2p-10f", "lbf/08x08-2p-2f", "lbf/8x8-2p-2f-", "lbf/8x8-2p-2f-cop",
        "lbf/3s-8x8-2p-2f", "lbf/8x8-2p-2f-coop-v3", "lbf/2s-", "lbf/8x8-2p", "lbf/-8x8-2p-2f"}) {
    CAPTURE(bad);
    const std::string message = user_error([bad] { credo::make_env(bad); });
    CHECK(contains(message, std::string("'") + bad + "'"));
    CHECK(contains(message, "lbf/[2s-]SxS-Pp-Ff[-coop]"));
    CHECK_FALSE(credo::is_env(bad));
  }
  CHECK(contains(user_error([] { credo::make_env("lbf/8x8-2p-2f-cop"); }),
                 "did you mean 'lbf/8x8-2p-2f-coop'?"));
  CHECK_FALSE(contains(user_error([] { credo::make_env("matrix/8x8-2p-2f"); }), "[2s-]"));
}

TEST_CASE("lbf: every step obeys the rules") {
  for (const char* id : {"lbf/8x8-2p-2f-coop", "lbf/10x10-3p-3f", "lbf/15x15-4p-5f",
                         "lbf/5x5-6p-1f", "lbf/6x6-4p-2f"}) {
    CAPTURE(id);
    const auto env = make(id, {{"state", "true"}});
    const int size = credo::env_params(id).integer32("size");
    const bool is_coop = credo::env_params(id).boolean("coop");
    const auto n = static_cast<std::size_t>(env->spec().n_agents);
    std::vector<int> actions(n);
    int n_loads = 0;
    for (std::uint64_t episode = 0; episode < 300; ++episode) {
      env->reset(env_stream(2, episode));
      credo::Stream stream(2, credo::purpose("policy"), 0, episode);
      const Situation start = situation_of(*env);
      std::vector<int> levels;
      for (const Item& player : start.players) {
        REQUIRE((player.level == 1 || player.level == 2));
        levels.push_back(player.level);
      }
      std::sort(levels.begin(), levels.end());
      int max_level = 0;
      for (std::size_t i = 0; i < std::min<std::size_t>(n, 3); ++i) max_level += levels[i];
      int total = 0;
      for (std::size_t i = 0; i < start.food.size(); ++i) {
        const Item& food = start.food[i];
        if (food.level == 0) continue;  // did not fit
        total += food.level;
        REQUIRE(std::min(food.row, food.col) >= 1);
        REQUIRE(std::max(food.row, food.col) <= size - 2);
        REQUIRE(food.level >= (is_coop ? max_level : 1));
        REQUIRE(food.level <= max_level);
        for (std::size_t k = 0; k < i; ++k) REQUIRE(distance(food, start.food[k]) > 2);
      }
      const auto policy = env->make_scripted();
      policy->reset();
      Situation before = start;
      double sum = 0.0;
      while (!env->done()) {
        stream.seek(static_cast<std::uint64_t>(env->t()));
        if (episode % 2 == 0) {
          random_actions(*env, stream, actions);
        } else {
          policy->act(*env, stream, actions);
        }
        const double reward = env->step(actions).reward;
        const Situation after = situation_of(*env);
        REQUIRE_FALSE(has_overlap(after.players));
        for (std::size_t i = 0; i < n; ++i) {
          const Item wish = moved(before.players[i], actions[i] == kLoad ? kNone : actions[i]);
          const bool stays = distance(before.players[i], after.players[i]) == 0;
          REQUIRE((stays || distance(after.players[i], wish) == 0));
          REQUIRE(after.players[i].level == before.players[i].level);
          REQUIRE(std::min(after.players[i].row, after.players[i].col) >= 0);
          REQUIRE(std::max(after.players[i].row, after.players[i].col) < size);
          for (const Item& food : before.food)
            if (food.level > 0) REQUIRE(distance(after.players[i], food) > 0);
        }
        double expected = 0.0;
        for (std::size_t f = 0; f < before.food.size(); ++f) {
          const Item& food = before.food[f];
          if (food.level == 0) {
            REQUIRE(after.food[f].level == 0);
            continue;
          }
          // Foods are too far apart for anybody to stand beside two, except on opposite sides.
          int loading = 0;
          bool is_unambiguous = true;
          for (std::size_t i = 0; i < n; ++i) {
            if (actions[i] != kLoad || distance(before.players[i], food) != 1) continue;
            loading += before.players[i].level;
            for (std::size_t g = 0; g < before.food.size(); ++g)
              if (g != f && before.food[g].level > 0 &&
                  distance(before.players[i], before.food[g]) == 1)
                is_unambiguous = false;
          }
          const bool is_gone = after.food[f].level == 0;
          if (is_gone) REQUIRE(loading >= food.level);
          if (!is_gone && is_unambiguous) REQUIRE(loading < food.level);
          if (!is_gone) continue;
          ++n_loads;
          expected += food.level / static_cast<double>(total);
        }
        REQUIRE(reward == doctest::Approx(expected));
        const bool nothing_left = std::all_of(after.food.begin(), after.food.end(),
                                              [](const Item& food) { return food.level == 0; });
        REQUIRE(env->done() == (nothing_left || env->t() == 50));
        sum += reward;
        if (nothing_left && total > 0) REQUIRE(sum == doctest::Approx(1.0));
        before = after;
      }
    }
    CHECK(n_loads > 50);
  }
}

TEST_CASE("lbf: moves happen at once, and claims of the same cell all fail") {
  const auto env = make("lbf/8x8-3p-1f", {{"state", "true"}});
  env->reset(env_stream(1, 0));
  const std::vector<Item> food = {{6, 6, 1}};
  // A swap succeeds.
  place_by_hand(*env, {{0, 0, 1}, {0, 1, 1}, {7, 0, 1}}, food);
  env->step(std::vector<int>{kEast, kWest, kNone});
  CHECK(situation_of(*env).players[0].col == 1);
  CHECK(situation_of(*env).players[1].col == 0);
  // Two claims of one cell fail; a follower into a cell that gets free succeeds.
  place_by_hand(*env, {{0, 0, 1}, {0, 2, 1}, {1, 0, 1}}, food);
  env->step(std::vector<int>{kEast, kWest, kNone});
  CHECK(situation_of(*env).players[0].col == 0);
  CHECK(situation_of(*env).players[1].col == 2);
  place_by_hand(*env, {{0, 0, 1}, {0, 1, 1}, {7, 0, 1}}, food);
  env->step(std::vector<int>{kEast, kEast, kNone});
  CHECK(situation_of(*env).players[0].col == 1);
  // Edges and food bar the way.
  place_by_hand(*env, {{0, 0, 1}, {6, 5, 1}, {7, 0, 1}}, food);
  env->step(std::vector<int>{kNorth, kEast, kSouth});
  CHECK(situation_of(*env).players[0].row == 0);
  CHECK(situation_of(*env).players[1].col == 5);
  CHECK(situation_of(*env).players[2].row == 7);
}

TEST_CASE("lbf: a failed move does not let others into the cell, except in the original") {
  for (const bool is_fixed : {true, false}) {
    CAPTURE(is_fixed);
    const auto env =
        make("lbf/8x8-3p-1f", {{"state", "true"}, {"overlap", is_fixed ? "fixed" : "original"}});
    env->reset(env_stream(1, 0));
    // 1 and 2 claim the same cell and stay; 0 wants the cell of 1.
    place_by_hand(*env, {{0, 0, 1}, {0, 1, 1}, {0, 3, 1}}, {{6, 6, 1}});
    env->step(std::vector<int>{kEast, kEast, kWest});
    const auto players = situation_of(*env).players;
    CHECK(players[1].col == 1);
    CHECK(players[2].col == 3);
    CHECK(players[0].col == (is_fixed ? 0 : 1));
    CHECK(has_overlap(players) == !is_fixed);
  }
  // About one random episode in a hundred of the original overlaps.
  const auto env = make("lbf/10x10-3p-3f", {{"state", "true"}, {"overlap", "original"}});
  int n_overlapping = 0;
  constexpr int kEpisodes = 4000;
  std::vector<int> actions(3);
  for (std::uint64_t episode = 0; episode < kEpisodes; ++episode) {
    env->reset(env_stream(5, episode));
    credo::Stream stream(5, credo::purpose("policy"), 0, episode);
    bool overlapped = false;
    while (!env->done()) {
      stream.seek(static_cast<std::uint64_t>(env->t()));
      random_actions(*env, stream, actions);
      env->step(actions);
      overlapped = overlapped || has_overlap(situation_of(*env).players);
    }
    n_overlapping += overlapped ? 1 : 0;
  }
  CHECK(std::abs(n_overlapping - 0.008 * kEpisodes) < 4.0 * std::sqrt(2.0 * 0.008 * kEpisodes));
}

TEST_CASE("lbf: levels must add up") {
  const auto env = make("lbf/8x8-2p-2f", {{"state", "true"}, {"penalty", "0.25"}});
  env->reset(env_stream(1, 0));
  const std::vector<Item> both_beside = {{3, 2, 2}, {3, 4, 2}};
  struct Row {
    int food_level, first, second;
    double reward;
  };
  for (const Row& row :
       {Row{2, kLoad, kLoad, 2.0 / 4.0}, Row{2, kNone, kLoad, 2.0 / 4.0},
        Row{2, kLoad, kNone, 2.0 / 4.0}, Row{3, kLoad, kLoad, 3.0 / 5.0},
        Row{3, kLoad, kNone, -0.25}, Row{4, kLoad, kLoad, 4.0 / 6.0}, Row{3, kNone, kNone, 0.0}}) {
    CAPTURE(row.food_level);
    place_by_hand(*env, both_beside, {{3, 3, row.food_level}, {6, 6, 2}});
    const credo::StepResult result = env->step(std::vector<int>{row.first, row.second});
    CHECK(result.reward == doctest::Approx(row.reward));
    CHECK(situation_of(*env).food[0].level == (row.reward > 0.0 ? 0 : row.food_level));
    CHECK_FALSE(result.terminated);
  }
  // One short: both pay.
  const auto hard = make("lbf/8x8-3p-2f", {{"state", "true"}, {"penalty", "0.25"}});
  hard->reset(env_stream(1, 0));
  const std::vector<Item> weak = {{3, 2, 1}, {3, 4, 1}, {0, 0, 2}};
  place_by_hand(*hard, weak, {{3, 3, 3}, {6, 6, 2}});
  CHECK(hard->step(std::vector<int>{kLoad, kLoad, kLoad}).reward == doctest::Approx(-0.5));
  // The last food ends the episode.
  place_by_hand(*hard, weak, {{3, 3, 2}, {6, 6, 0}}, 2);
  const credo::StepResult last = hard->step(std::vector<int>{kLoad, kLoad, kNone});
  CHECK(last.reward == doctest::Approx(0.5));
  CHECK(last.terminated);
}

TEST_CASE("lbf: a player between two foods loads the first of north, south, west, east") {
  const auto env = make("lbf/8x8-3p-2f", {{"state", "true"}});
  env->reset(env_stream(1, 0));
  const std::vector<Item> food = {{2, 3, 2}, {4, 3, 2}};
  // Player 0 is between the foods; player 1 beside the southern one only.
  place_by_hand(*env, {{3, 3, 1}, {5, 3, 1}, {0, 0, 2}}, food);
  CHECK(env->step(std::vector<int>{kLoad, kLoad, kNone}).reward == 0.0);
  // In the order of the players: now the one beside the southern food comes first and takes the
  // player in between along.
  place_by_hand(*env, {{5, 3, 1}, {3, 3, 1}, {0, 0, 2}}, food);
  CHECK(env->step(std::vector<int>{kLoad, kLoad, kNone}).reward == doctest::Approx(0.5));
  CHECK(situation_of(*env).food[0].level == 2);
  CHECK(situation_of(*env).food[1].level == 0);
  // Nobody loads twice in a step.
  place_by_hand(*env, {{3, 3, 2}, {5, 3, 1}, {0, 0, 2}}, food);
  CHECK(env->step(std::vector<int>{kLoad, kLoad, kNone}).reward == doctest::Approx(0.5));
  CHECK(situation_of(*env).food[0].level == 0);
  CHECK(situation_of(*env).food[1].level == 2);
}

TEST_CASE("lbf: observations with full and with short sight") {
  const std::vector<Item> players = {{3, 3, 1}, {0, 1, 2}};
  const std::vector<Item> food = {{1, 3, 2}, {5, 6, 3}};
  const auto full = make("lbf/8x8-2p-2f");
  full->reset(env_stream(1, 0));
  place_by_hand(*full, players, food);
  CHECK(obs_of(*full) == std::vector<float>{1, 3, 2, 5, 6, 3, 3, 3, 1, 0, 1, 2,  //
                                            1, 3, 2, 5, 6, 3, 0, 1, 2, 3, 3, 1});
  const auto near = make("lbf/2s-8x8-2p-2f");
  near->reset(env_stream(1, 0));
  place_by_hand(*near, players, food);
  // Agent 0's window starts at (1,1): the other is above it. Agent 1's window is clipped to rows
  // 0-2 and columns 0-3, yet players are looked for in rows 0-4 and columns 0-4.
  CHECK(obs_of(*near) == std::vector<float>{0, 2, 2, -1, -1, 0, 2, 2, 1, -1, -1, 0,  //
                                            1, 3, 2, -1, -1, 0, 0, 1, 2, 3,  3,  1});
  // Near the lower right edge there is no such surplus.
  place_by_hand(*near, {{7, 7, 1}, {4, 7, 2}}, food);
  CHECK(obs_of(*near) == std::vector<float>{0, 1, 3, -1, -1, 0, 2, 2, 1, -1, -1, 0,  //
                                            3, 1, 3, -1, -1, 0, 2, 2, 2, -1, -1, 0});
}

TEST_CASE("lbf: doing nothing, acting at random, and the script") {
  struct Row {
    const char* id;
    double random, script;
  };
  for (const Row& row :
       {Row{"lbf/8x8-2p-2f-coop", 0.005, 0.999}, Row{"lbf/8x8-2p-2f", 0.195, 1.0},
        Row{"lbf/10x10-3p-3f", 0.097, 0.989}, Row{"lbf/15x15-3p-5f", 0.043, 0.839},
        Row{"lbf/15x15-4p-3f", 0.070, 0.989}, Row{"lbf/15x15-4p-5f", 0.067, 0.924}}) {
    CAPTURE(row.id);
    const auto env = make(row.id);
    CHECK(play(*env, constant_actions(kNone)) == 0.0);
    const Sample random = sample_returns(*env, random_actions, 6000);
    CAPTURE(random.mean);
    // Simulated with a few thousand episodes as well, and rounded.
    CHECK(agrees(random, row.random, random.standard_error + 0.0005));
    const Sample script = sample_returns(*env, scripted(*env), 2000);
    CAPTURE(script.mean);
    CHECK(agrees(script, row.script, script.standard_error + 0.0005));
    CHECK(script.mean <= 1.0 + 1e-12);
  }
  // Sight changes what agents see, not what happens.
  const auto full = make("lbf/10x10-3p-3f");
  const auto near = make("lbf/2s-10x10-3p-3f");
  for (std::uint64_t episode = 0; episode < 200; ++episode)
    CHECK(play(*full, random_actions, 2, episode) == play(*near, random_actions, 2, episode));
}
