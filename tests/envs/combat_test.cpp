// Combat: the order of resolution in hand-made fights, the rules, and the published values.
#include <array>

#include "support.hpp"

using namespace env_tests;

namespace {

constexpr int kDown = 0;
constexpr int kNoop = 4;
constexpr int kAttack = 5;

struct Unit {
  int row = 0;
  int col = 0;
  int health = 0;
  bool is_ready = true;
  int cool_down = 0;
};

struct Situation {
  std::array<Unit, 5> agents;
  std::array<Unit, 5> bots;
};

int health(const std::array<Unit, 5>& team) {
  int sum = 0;
  for (const Unit& unit : team) sum += unit.health;
  return sum;
}

// Reads env.state = true.
Situation situation_of(const credo::Env& env) {
  const auto state = state_of(env);
  Situation situation;
  for (std::size_t i = 0; i < 10; ++i) {
    const float* unit = state.data() + 6 * i;
    if (unit[2] == 0.0F) {
      for (std::size_t k = 0; k < 6; ++k) REQUIRE(unit[k] == 0.0F);
      continue;
    }
    REQUIRE(unit[0] == (i < 5 ? 1.0F : -1.0F));
    REQUIRE(unit[1] == static_cast<float>(i % 5));
    (i < 5 ? situation.agents : situation.bots)[i % 5] = {
        static_cast<int>(std::lround(unit[4] * 15.0F)),
        static_cast<int>(std::lround(unit[5] * 15.0F)), static_cast<int>(unit[2]), unit[3] == 1.0F};
  }
  return situation;
}

void place_by_hand(credo::Env& env, const Situation& situation, std::uint64_t episode = 0) {
  place(env, 3, episode, [&](credo::ByteWriter& out) {
    for (const auto& team : {situation.agents, situation.bots})
      for (const Unit& unit : team)
        for (const int value :
             {unit.row, unit.col, unit.health, unit.is_ready ? 1 : 0, unit.cool_down})
          out.put<std::uint8_t>(static_cast<std::uint8_t>(value));
  });
}

// Everybody else is dead, in the far corner.
Situation duel(Unit agent, Unit bot) {
  Situation situation;
  for (Unit& unit : situation.agents) unit = {.row = 14, .col = 0};
  for (Unit& unit : situation.bots) unit = {.row = 14, .col = 14};
  situation.agents[0] = agent;
  situation.bots[0] = bot;
  return situation;
}

std::vector<int> first_does(int action) { return {action, kNoop, kNoop, kNoop, kNoop}; }

}  // namespace

TEST_CASE("combat: every step obeys the rules") {
  const auto env = make("combat", {{"state", "true"}});
  std::vector<int> actions(5);
  int n_wins = 0;
  for (std::uint64_t episode = 0; episode < 600; ++episode) {
    env->reset(env_stream(2, episode));
    const auto policy = env->make_scripted(episode % 3 == 0 ? "focus" : "default");
    credo::Stream stream(2, credo::purpose("policy"), 0, episode);
    Situation before = situation_of(*env);
    REQUIRE(health(before.agents) + health(before.bots) == 30);
    double sum = 0.0;
    std::array<bool, 10> shot_before{};
    while (!env->done()) {
      stream.seek(static_cast<std::uint64_t>(env->t()));
      if (episode % 3 == 1) {
        random_actions(*env, stream, actions);
      } else {
        policy->act(*env, stream, actions);
      }
      const double reward = env->step(actions).reward;
      const Situation after = situation_of(*env);
      REQUIRE(reward == (health(before.bots) - health(after.bots)) -
                            (health(before.agents) - health(after.agents)));
      std::vector<std::pair<int, int>> taken;
      for (std::size_t i = 0; i < 10; ++i) {
        const Unit& from = (i < 5 ? before.agents : before.bots)[i % 5];
        const Unit& to = (i < 5 ? after.agents : after.bots)[i % 5];
        REQUIRE(to.health >= 0);
        REQUIRE(to.health <= from.health);
        if (to.health == 0) continue;
        const int distance = std::abs(from.row - to.row) + std::abs(from.col - to.col);
        REQUIRE(distance <= 1);
        if (i < 5 && actions[i] >= kNoop) REQUIRE(distance == 0);
        REQUIRE(std::min(to.row, to.col) >= 0);
        REQUIRE(std::max(to.row, to.col) < 15);
        REQUIRE(std::count(taken.begin(), taken.end(), std::pair(to.row, to.col)) == 0);
        taken.emplace_back(to.row, to.col);
        // Not ready after a step means: shot in it. Nobody shoots twice in a row.
        REQUIRE_FALSE((shot_before[i] && !to.is_ready));
        shot_before[i] = !to.is_ready;
      }
      const bool is_over = health(after.agents) == 0 || health(after.bots) == 0;
      REQUIRE(env->done() == (is_over || env->t() == 100));
      REQUIRE(*env->won() == (health(after.bots) == 0));
      sum += reward;
      before = after;
    }
    REQUIRE(sum == (15 - health(before.bots)) - (15 - health(before.agents)));
    n_wins += *env->won() ? 1 : 0;
  }
  CHECK(n_wins > 100);
}

TEST_CASE("combat: teams start within squares of the published size") {
  for (const bool is_full : {false, true}) {
    CAPTURE(is_full);
    const auto env =
        make("combat", {{"state", "true"}, {"start_area", is_full ? "full" : "original"}});
    std::array<int, 3> widest{};
    int last = 0;
    for (std::uint64_t episode = 0; episode < 400; ++episode) {
      env->reset(env_stream(3, episode));
      const Situation start = situation_of(*env);
      for (const auto& team : {start.agents, start.bots}) {
        int low = 14;
        int high = 0;
        for (const Unit& unit : team) {
          low = std::min(low, unit.row);
          high = std::max(high, unit.row);
          last = std::max({last, unit.row, unit.col});
        }
        widest[0] = std::max(widest[0], high - low + 1);
      }
    }
    CHECK(widest[0] == (is_full ? 5 : 4));
    CHECK(last == (is_full ? 14 : 12));
  }
}

TEST_CASE("combat: shots need range, a ready gun and a living target") {
  const auto env = make("combat", {{"state", "true"}});
  env->reset(env_stream(1, 0));
  // Out of the bots' sight nothing else happens.
  place_by_hand(*env, duel({5, 5, 3}, {7, 5, 3, false, 2}));
  CHECK(env->step(first_does(kAttack)).reward == 0.0);  // two cells away
  place_by_hand(*env, duel({5, 5, 3}, {6, 6, 3, false, 3}));
  CHECK(env->step(first_does(kAttack)).reward == 1.0);  // diagonal counts
  CHECK_FALSE(situation_of(*env).agents[0].is_ready);
  CHECK(situation_of(*env).bots[0].health == 2);
  CHECK(env->step(first_does(kAttack)).reward == 0.0);  // cooling down
  CHECK(situation_of(*env).agents[0].is_ready);
  place_by_hand(*env, duel({5, 5, 3}, {6, 6, 3, false, 3}));
  CHECK(env->step(first_does(kAttack + 1)).reward == 0.0);  // a dead one
  CHECK(situation_of(*env).agents[0].is_ready);
}

TEST_CASE("combat: both may die in the same step") {
  const auto env = make("combat", {{"state", "true"}});
  env->reset(env_stream(1, 0));
  place_by_hand(*env, duel({5, 5, 1}, {5, 6, 1}));
  const credo::StepResult result = env->step(first_does(kAttack));
  CHECK(result.reward == 0.0);
  CHECK(result.terminated);
  CHECK(*env->won());
  CHECK(health(situation_of(*env).agents) == 0);
}

TEST_CASE("combat: shots come before moves, and agents move before bots") {
  const auto env = make("combat", {{"state", "true"}});
  env->reset(env_stream(1, 0));
  // The agent walks away, but is shot from where it stood.
  place_by_hand(*env, duel({5, 5, 3}, {4, 5, 3}));
  CHECK(env->step(first_does(kDown)).reward == -1.0);
  CHECK(situation_of(*env).agents[0].row == 6);
  // A cooling bot walks after an agent; the agent is gone from the cell by then.
  place_by_hand(*env, duel({5, 5, 3}, {4, 5, 3, false, 2}));
  CHECK(env->step(first_does(kDown)).reward == 0.0);
  CHECK(situation_of(*env).agents[0].row == 6);
  CHECK(situation_of(*env).bots[0].row == 5);
  // Two agents: the one with the higher index enters the cell the other leaves, not the reverse.
  Situation two = duel({5, 5, 3}, {12, 12, 3});
  two.agents[1] = {4, 5, 3};
  place_by_hand(*env, two);
  env->step(std::vector<int>{kDown, kDown, kNoop, kNoop, kNoop});
  CHECK(situation_of(*env).agents[1].row == 5);
  std::swap(two.agents[0], two.agents[1]);
  place_by_hand(*env, two);
  env->step(std::vector<int>{kDown, kDown, kNoop, kNoop, kNoop});
  CHECK(situation_of(*env).agents[0].row == 4);
  CHECK(situation_of(*env).agents[1].row == 6);
}

TEST_CASE("combat: dead bots see for the others unless told otherwise") {
  for (const bool dead_vision : {true, false}) {
    CAPTURE(dead_vision);
    const auto env =
        make("combat", {{"state", "true"}, {"dead_vision", dead_vision ? "true" : "false"}});
    env->reset(env_stream(1, 0));
    int n_straight = 0;
    for (std::uint64_t episode = 0; episode < 50; ++episode) {
      // The living bot is far to the right in the same row; a dead one lies beside the agent.
      Situation situation = duel({5, 2, 3}, {5, 10, 3});
      situation.bots[1] = {6, 2, 0};
      place_by_hand(*env, situation, episode);
      env->step(first_does(kNoop));
      n_straight += situation_of(*env).bots[0].col == 9 ? 1 : 0;
    }
    if (dead_vision) CHECK(n_straight == 50);
    if (!dead_vision) CHECK(n_straight < 25);  // one of five random moves
    if (!dead_vision) CHECK(n_straight > 0);
  }
}

TEST_CASE("combat: observations hold six planes of the 5x5 window") {
  const auto env = make("combat");
  env->reset(env_stream(1, 0));
  Situation situation = duel({0, 1, 2, false, 1}, {2, 3, 3});
  situation.agents[3] = {1, 0, 1};
  place_by_hand(*env, situation);
  const auto obs = obs_of(*env);
  std::vector<float> expected(150, 0.0F);
  const auto put = [&expected](int row, int col, const std::array<float, 6>& unit) {
    for (std::size_t plane = 0; plane < 6; ++plane)
      expected[plane * 25 + static_cast<std::size_t>(row * 5 + col)] = unit[plane];
  };
  const auto fifteenth = [](int i) { return static_cast<float>(i / 15.0); };
  put(2, 2, {1, 0, 2, -1, 0, fifteenth(1)});
  put(3, 1, {1, 3, 1, 1, fifteenth(1), 0});
  put(4, 4, {-1, 0, 3, 1, fifteenth(2), fifteenth(3)});
  CHECK(std::vector<float>(obs.begin(), obs.begin() + 150) == expected);
  CHECK(std::count(obs.begin() + 150, obs.begin() + 450, 0.0F) == 300);  // dead agents
}

TEST_CASE("combat: doing nothing, acting at random, mirroring the bots, focusing fire") {
  struct Row {
    const char* limit;
    double random, random_error, mirror;
  };
  // Published simulations of 4000 episodes; their standard errors follow from our deviations.
  for (const Row& row : {Row{"100", -12.0, 0.03, -0.55}, Row{"25", -9.4, 0.07, -0.5}}) {
    CAPTURE(row.limit);
    const auto env = make("combat", {{"limit", row.limit}});
    CHECK(agrees(sample_returns(*env, random_actions, 4000), row.random, row.random_error));
    CHECK(agrees(sample_returns(*env, scripted(*env), 4000), row.mirror, 0.05));
  }
  const auto env = make("combat");
  CHECK(agrees(sample_returns(*env, constant_actions(kNoop), 4000), -14.5, 0.04));

  int n_wins = 0;
  constexpr int kEpisodes = 4000;
  const Policy mirror = scripted(*env);
  for (std::uint64_t episode = 0; episode < kEpisodes; ++episode) {
    play(*env, mirror, 5, episode);
    n_wins += *env->won() ? 1 : 0;
  }
  // All bots dead, a draw by mutual kill included: 47.6 %.
  CHECK(std::abs(n_wins / static_cast<double>(kEpisodes) - 0.476) <
        4.0 * std::sqrt(2.0 * 0.25 / kEpisodes));
  const std::shared_ptr<credo::ScriptedPolicy> focus = env->make_scripted("focus");
  const Sample sample = sample_returns(
      *env,
      [&focus](const credo::Env& world, credo::Stream& stream, std::span<int> actions) {
        focus->act(world, stream, actions);
      },
      2000);
  CHECK(sample.mean > 1.0);
}
