// Switch: golden action scripts, the optimum found by search, and the rules.
#include <array>
#include <map>
#include <set>

#include "support.hpp"

using namespace env_tests;

namespace {

constexpr int kNoop = 4;
constexpr std::array<float, 3> kRows = {0.0F, 0.5F, 1.0F};
constexpr std::array<float, 7> kCols = {0.0F, 0.17F, 0.33F, 0.5F, 0.67F, 0.83F, 1.0F};

struct Cell {
  int row = 0;
  int col = 0;
  friend bool operator==(const Cell&, const Cell&) = default;
};

const std::array<Cell, 4> kGoals = {{{0, 6}, {0, 0}, {2, 6}, {2, 0}}};

// Positions from the partial observations; fails on any value that is not a rounded coordinate.
std::vector<Cell> positions(const credo::Env& env) {
  const auto obs = obs_of(env);
  const auto dim = static_cast<std::size_t>(env.spec().obs_dim);
  std::vector<Cell> cells;
  for (std::size_t agent = 0; agent < static_cast<std::size_t>(env.spec().n_agents); ++agent) {
    const auto row = std::find(kRows.begin(), kRows.end(), obs[agent * dim]);
    const auto col = std::find(kCols.begin(), kCols.end(), obs[agent * dim + 1]);
    REQUIRE(row != kRows.end());
    REQUIRE(col != kCols.end());
    cells.push_back({static_cast<int>(row - kRows.begin()), static_cast<int>(col - kCols.begin())});
  }
  return cells;
}

}  // namespace

TEST_CASE("switch: golden action scripts") {
  const auto two = make("switch/2");
  CHECK(play(*two, open_loop({"0333323", "004442111112"}, kNoop)) == doctest::Approx(8.3));
  CHECK(two->t() == 12);
  CHECK(play(*two, scripted(*two)) == doctest::Approx(8.3));
  // The other order costs one step more: the late agent has the lower index.
  CHECK(play(*two, open_loop({"0044442333332", "0111121"}, kNoop)) == doctest::Approx(8.2));
  CHECK(two->t() == 13);

  const auto four = make("switch/4");
  const auto plan = open_loop({"0333332", "444444440111112", "42333330", "4444442111101"}, kNoop);
  CHECK(play(*four, plan) == doctest::Approx(16.1));
  CHECK(four->t() == 15);
  CHECK(play(*four, scripted(*four)) == doctest::Approx(16.1));
  CHECK(four->info().front().second == 4.0);
  for (const char* id : {"switch/2-full", "switch/2-clock", "switch/2-full-clock"}) {
    const auto env = make(id, {{"limit", "25"}});
    CHECK(play(*env, scripted(*env)) == doctest::Approx(8.3));
  }
}

TEST_CASE("switch: 8.3 needs neither memory nor clock nor communication") {
  const auto env = make("switch/2");
  const Policy reactive = [](const credo::Env& world, credo::Stream&, std::span<int> actions) {
    const auto cells = positions(world);
    const Cell a = cells[0];
    actions[0] = a.row == 0 && a.col < 6 ? (a.col == 1 ? 0 : 3) : a.col < 6 ? 3 : 2;
    const Cell b = cells[1];
    actions[1] = b == Cell{0, 5}   ? 3
                 : b == Cell{0, 6} ? 0
                 : b == Cell{1, 6} ? 0
                 : b == Cell{2, 6} ? 1
                 : b == Cell{2, 5} ? 2
                 : b == Cell{1, 0} ? 2
                                   : 1;
  };
  CHECK(play(*env, reactive) == doctest::Approx(8.3));
  CHECK(env->t() == 12);
}

TEST_CASE("switch: searching all joint plans finds nothing better than 8.3") {
  // Best return of every joint position, step by step; positions tell everything (who has arrived
  // stands on its goal).
  const auto start = make("switch/2");
  start->reset(env_stream(1, 0));
  using Layer = std::map<std::vector<float>, std::pair<double, std::shared_ptr<credo::Env>>>;
  Layer layer;
  layer[obs_of(*start)] = {0.0, start->clone()};
  double best = -1e9;
  for (int step = 0; step < 25; ++step) {
    Layer next;
    for (const auto& [key, entry] : layer) {
      for (int joint = 0; joint < 25; ++joint) {
        std::shared_ptr<credo::Env> env = entry.second->clone();
        const double sum = entry.first + env->step(std::vector<int>{joint / 5, joint % 5}).reward;
        if (env->done()) {
          best = std::max(best, sum);
          continue;
        }
        auto& held = next[obs_of(*env)];
        if (held.second == nullptr || sum > held.first) held = {sum, env};
      }
    }
    layer = std::move(next);
  }
  CHECK(layer.size() > 150);
  CHECK(best == doctest::Approx(8.3));
  CHECK(*start->spec().return_bound == doctest::Approx(8.3));
  CHECK(*make("switch/4")->spec().return_bound == doctest::Approx(16.1));
}

TEST_CASE("switch: every step obeys the rules") {
  for (const char* id : {"switch/2", "switch/4", "switch/4-clock"}) {
    CAPTURE(id);
    const auto env = make(id);
    const auto n_agents = static_cast<std::size_t>(env->spec().n_agents);
    std::vector<int> actions(n_agents);
    int n_arrivals = 0;
    for (std::uint64_t episode = 0; episode < 1500; ++episode) {
      env->reset(env_stream(2, episode));
      credo::Stream stream(2, credo::purpose("policy"), 0, episode);
      auto before = positions(*env);
      double episode_return = 0.0;
      double active_steps = 0.0;
      while (!env->done()) {
        stream.seek(static_cast<std::uint64_t>(env->t()));
        random_actions(*env, stream, actions);
        // Now and then the known plan, so that agents do arrive.
        if (episode % 3 == 0) scripted (*env)(*env, stream, actions);
        if (episode % 3 == 0 && stream.bernoulli(0.1)) random_actions(*env, stream, actions);
        const credo::StepResult result = env->step(actions);
        const auto after = positions(*env);
        double expected = 0.0;
        bool all_arrived = true;
        for (std::size_t agent = 0; agent < n_agents; ++agent) {
          const Cell cell = after[agent];
          REQUIRE((cell.row == 1 || cell.col < 2 || cell.col > 4));
          for (std::size_t other = 0; other < agent; ++other) {
            REQUIRE(after[other] != cell);
            REQUIRE_FALSE((cell == before[other] && after[other] == before[agent]));
          }
          const int rows = std::abs(cell.row - before[agent].row);
          const int cols = std::abs(cell.col - before[agent].col);
          REQUIRE(rows + cols <= 1);
          if (actions[agent] == kNoop) REQUIRE(rows + cols == 0);
          all_arrived = all_arrived && cell == kGoals[agent];
          if (before[agent] == kGoals[agent]) {
            REQUIRE(rows + cols == 0);
          } else {
            expected += cell == kGoals[agent] ? 5.0 : -0.1;
            n_arrivals += cell == kGoals[agent] ? 1 : 0;
            active_steps += cell == kGoals[agent] ? 0.0 : 1.0;
          }
        }
        REQUIRE(result.reward == doctest::Approx(expected));
        REQUIRE(env->done() == (all_arrived || env->t() == 50));
        episode_return += result.reward;
        before = after;
      }
      const double arrived = env->info().front().second;
      REQUIRE(episode_return == doctest::Approx(5.0 * arrived - 0.1 * active_steps));
    }
    CHECK(n_arrivals > 100);
  }
}

TEST_CASE("switch: doing nothing and acting at random") {
  struct Row {
    const char* id;
    const char* limit;
    double noop, random;
  };
  for (const Row& row : {Row{"switch/2", "50", -10, -9.11}, Row{"switch/4", "50", -20, -19.05},
                         Row{"switch/2", "25", -5, -4.85}, Row{"switch/4", "25", -10, -9.85}}) {
    CAPTURE(row.id);
    CAPTURE(row.limit);
    const auto env = make(row.id, {{"limit", row.limit}});
    CHECK(play(*env, constant_actions(kNoop)) == doctest::Approx(row.noop));
    // The published values are simulations given to two digits.
    CHECK(agrees(sample_returns(*env, random_actions, 8000), row.random, 0.02));
  }
}

TEST_CASE("switch: variants arrange the same numbers") {
  const auto partial = make("switch/4");
  const auto full = make("switch/4-full");
  const auto clock = make("switch/4-clock", {{"limit", "60"}});
  const auto single = make("switch/4-full-clock", {{"state", "single"}});
  std::vector<int> actions(4);
  for (const auto& env : {partial.get(), full.get(), clock.get(), single.get()})
    env->reset(env_stream(3, 0));
  credo::Stream stream(3, credo::purpose("policy"), 0, 0);
  for (int step = 0; step < 49; ++step) {
    const auto one = obs_of(*partial);
    std::vector<float> tiled;
    for (int agent = 0; agent < 4; ++agent) tiled.insert(tiled.end(), one.begin(), one.end());
    REQUIRE(obs_of(*full) == tiled);
    REQUIRE(state_of(*full) == tiled);
    REQUIRE(state_of(*partial) == one);
    const auto timed = obs_of(*clock);
    for (std::size_t agent = 0; agent < 4; ++agent) {
      REQUIRE(timed[3 * agent] == one[2 * agent]);
      REQUIRE(timed[3 * agent + 1] == one[2 * agent + 1]);
      REQUIRE(timed[3 * agent + 2] == static_cast<float>(step / 50.0));
    }
    REQUIRE(state_of(*single) == timed);
    random_actions(*partial, stream, actions);
    for (const auto& env : {partial.get(), full.get(), clock.get(), single.get()})
      env->step(actions);
  }
}

TEST_CASE("switch: the mean reward is the sum over the number of agents") {
  const auto env = make("switch/2", {{"reward", "mean"}});
  CHECK(play(*env, scripted(*env)) == doctest::Approx(8.3 / 2.0));
  CHECK(*env->spec().return_bound == doctest::Approx(8.3 / 2.0));
  CHECK(make("switch/2", {{"n_agents", "3"}})->spec().n_agents == 3);
}
