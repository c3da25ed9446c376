// Checkers: golden action scripts, ma-gym's recorded rollout, and the rules.
#include <array>

#include "support.hpp"

using namespace env_tests;

namespace {

constexpr int kNoop = 4;
constexpr std::array<float, 3> kRows = {0.0F, 0.33F, 0.67F};
constexpr std::array<float, 8> kCols = {0.0F, 0.14F, 0.29F, 0.43F, 0.57F, 0.71F, 0.86F, 1.0F};

struct Cell {
  int row = 0;
  int col = 0;
  friend bool operator==(const Cell&, const Cell&) = default;
};

struct Situation {
  std::array<Cell, 2> agents;
  std::array<bool, 18> food{};
  float clock = 0.0F;

  bool has_food(Cell cell) const {
    return cell.col < 6 && food[static_cast<std::size_t>(cell.row * 6 + cell.col)];
  }
};

// Reads env.state = true.
Situation situation_of(const credo::Env& env) {
  const auto state = state_of(env);
  Situation situation;
  for (std::size_t agent = 0; agent < 2; ++agent) {
    const auto row = std::find(kRows.begin(), kRows.end(), state[2 * agent]);
    const auto col = std::find(kCols.begin(), kCols.end(), state[2 * agent + 1]);
    REQUIRE(row != kRows.end());
    REQUIRE(col != kCols.end());
    situation.agents[agent] = {static_cast<int>(row - kRows.begin()),
                               static_cast<int>(col - kCols.begin())};
  }
  for (std::size_t i = 0; i < 18; ++i) situation.food[i] = state[4 + i] == 1.0F;
  situation.clock = state[22];
  return situation;
}

bool is_apple(Cell cell) { return (cell.row + cell.col) % 2 == 0; }

}  // namespace

TEST_CASE("checkers: the golden script earns 86.26 in 37 steps") {
  const auto env = make("checkers");
  const auto plan = open_loop(
      {"0132300142111304224401113042244011022", "3142113323011411133042021111330420202"}, kNoop);
  CHECK(play(*env, plan) == doctest::Approx(86.26));
  CHECK(env->t() == 37);
  for (const char* id : {"checkers", "checkers/full", "checkers/clock", "checkers/full-clock"}) {
    const auto variant = make(id);
    CHECK(play(*variant, scripted(*variant)) == doctest::Approx(86.26));
    CHECK(*variant->spec().return_bound == doctest::Approx(86.26));
  }
}

TEST_CASE("checkers: ma-gym's recorded rollout") {
  const auto env = make("checkers");
  env->reset(env_stream(1, 0));
  // The sum of both agents' recorded rewards.
  const std::array<double, 14> rewards = {-11.02, 10.98,  -11.02, 10.98,  -11.02, 10.98,  -0.02,
                                          -0.02,  -10.02, 9.98,   -10.02, 9.98,   -10.02, 9.98};
  for (std::size_t step = 0; step < rewards.size(); ++step) {
    const std::vector<int> actions = step < 8    ? std::vector<int>{1, 1}
                                     : step == 8 ? std::vector<int>{0, 4}
                                                 : std::vector<int>{3, 4};
    const credo::StepResult result = env->step(actions);
    CHECK(result.reward == doctest::Approx(rewards[step]));
    CHECK(result.terminated == (step + 1 == rewards.size()));
  }
}

TEST_CASE("checkers: the first observations and the one after both move left") {
  const auto env = make("checkers");
  env->reset(env_stream(1, 0));
  // Window cells as lemon, apple, agent 0, agent 1, wall.
  const auto window = [](float row, float col, const std::array<const char*, 9>& cells) {
    std::vector<float> obs = {row, col};
    for (const std::string cell : cells)
      for (const char flag : std::string("la01w"))
        obs.push_back(cell.find(flag) == std::string::npos ? 0.0F : 1.0F);
    return obs;
  };
  const auto check_both = [&env](const std::vector<float>& first,
                                 const std::vector<float>& second) {
    auto both = first;
    both.insert(both.end(), second.begin(), second.end());
    CHECK(obs_of(*env) == both);
  };
  check_both(window(0.0F, 0.86F, {"", "", "", "l", "0", "", "a", "", ""}),
             window(0.67F, 0.86F, {"a", "", "", "l", "1", "", "", "", ""}));
  env->step(std::vector<int>{1, 1});
  check_both(window(0.0F, 0.71F, {"", "", "", "a", "0", "", "l", "a", ""}),
             window(0.67F, 0.71F, {"l", "a", "", "a", "1", "", "", "", ""}));
}

TEST_CASE("checkers: every step obeys the rules") {
  const auto env = make("checkers", {{"state", "true"}});
  std::vector<int> actions(2);
  int n_natural_ends = 0;
  for (std::uint64_t episode = 0; episode < 1500; ++episode) {
    env->reset(env_stream(2, episode));
    credo::Stream stream(2, credo::purpose("policy"), 0, episode);
    Situation before = situation_of(*env);
    REQUIRE(before.agents[0] == Cell{0, 6});
    REQUIRE(before.agents[1] == Cell{2, 6});
    REQUIRE(std::count(before.food.begin(), before.food.end(), true) == 18);
    while (!env->done()) {
      stream.seek(static_cast<std::uint64_t>(env->t()));
      random_actions(*env, stream, actions);
      if (episode % 4 == 0 && stream.bernoulli(0.9)) scripted (*env)(*env, stream, actions);
      const double reward = env->step(actions).reward;
      const Situation after = situation_of(*env);
      double expected = -0.02;
      auto food = before.food;
      bool apples_left = false;
      for (std::size_t agent = 0; agent < 2; ++agent) {
        const Cell from = before.agents[agent];
        const Cell to = after.agents[agent];
        const int distance = std::abs(from.row - to.row) + std::abs(from.col - to.col);
        REQUIRE(distance <= 1);
        if (actions[agent] == kNoop) REQUIRE(distance == 0);
        if (to.col < 6 && food[static_cast<std::size_t>(to.row * 6 + to.col)]) {
          REQUIRE(distance == 1);
          expected += (agent == 0 ? 10.0 : 1.0) * (is_apple(to) ? 1.0 : -1.0);
          food[static_cast<std::size_t>(to.row * 6 + to.col)] = false;
        }
      }
      REQUIRE(after.food == food);
      REQUIRE(after.agents[0] != after.agents[1]);
      REQUIRE_FALSE((after.agents[0] == before.agents[1] && after.agents[1] == before.agents[0]));
      REQUIRE(reward == doctest::Approx(expected));
      for (int i = 0; i < 18; ++i)
        apples_left =
            apples_left || (is_apple({i / 6, i % 6}) && food[static_cast<std::size_t>(i)]);
      REQUIRE(env->done() == (!apples_left || env->t() == 100));
      REQUIRE(after.clock == static_cast<float>(env->t() / 100.0));
      n_natural_ends += apples_left ? 0 : 1;
      before = after;
    }
  }
  CHECK(n_natural_ends > 20);
}

TEST_CASE("checkers: agent 1 sees where agent 0 went in the same step") {
  // Agent 0 leaves a cell that agent 1 enters; the other order is blocked.
  const auto env = make("checkers", {{"state", "true"}});
  const auto place_agents = [&env](Cell first, Cell second) {
    place(*env, 3, 0, [&](credo::ByteWriter& out) {
      for (const Cell cell : {first, second}) {
        out.put<std::uint8_t>(static_cast<std::uint8_t>(cell.row));
        out.put<std::uint8_t>(static_cast<std::uint8_t>(cell.col));
      }
      out.put<std::uint32_t>(1U);  // the apple in the corner is left
    });
  };
  env->reset(env_stream(1, 0));
  place_agents({0, 3}, {0, 4});
  CHECK(env->step(std::vector<int>{1, 1}).reward == doctest::Approx(-0.02));
  CHECK(situation_of(*env).agents[1] == Cell{0, 3});
  place_agents({0, 4}, {0, 3});
  env->step(std::vector<int>{1, 1});
  CHECK(situation_of(*env).agents[0] == Cell{0, 4});
  CHECK(situation_of(*env).agents[1] == Cell{0, 2});
  place_agents({0, 1}, {0, 3});
  const credo::StepResult last = env->step(std::vector<int>{1, 4});
  CHECK(last.reward == doctest::Approx(9.98));
  CHECK(last.terminated);
}

TEST_CASE("checkers: doing nothing and acting at random") {
  struct Row {
    const char* limit;
    double noop, random;
  };
  for (const Row& row : {Row{"100", -2.0, -2.15}, Row{"25", -0.5, -2.99}}) {
    CAPTURE(row.limit);
    const auto env = make("checkers", {{"limit", row.limit}});
    CHECK(play(*env, constant_actions(kNoop)) == doctest::Approx(row.noop));
    // The published simulations have a standard error of about 0.08.
    CHECK(agrees(sample_returns(*env, random_actions, 8000), row.random, 0.08));
  }
}
