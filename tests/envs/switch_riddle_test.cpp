// Switch riddle: the rules, the optimum by dynamic programming, and a protocol that reaches it.
#include <array>

#include "support.hpp"

using namespace env_tests;

namespace {

// Probability that everybody has been in the room within `steps` visits, by dynamic programming
// over how many have: the best that telling in time can do.
double probability_all_visited(int n, int steps) {
  std::vector<double> p(static_cast<std::size_t>(n) + 1, 0.0);
  p[0] = 1.0;
  for (int step = 0; step < steps; ++step)
    for (std::size_t k = p.size(); k-- > 0;)
      p[k] = p[k] * static_cast<double>(k) / n +
             (k > 0 ? p[k - 1] * (n - static_cast<double>(k - 1)) / n : 0.0);
  return p.back();
}

// Value of uniformly random play, per agent.
double random_value(int n, int steps) {
  // p[k]: still playing with k visited.
  std::vector<double> p(static_cast<std::size_t>(n) + 1, 0.0);
  p[0] = 1.0;
  double value = 0.0;
  for (int step = 0; step < steps; ++step) {
    for (std::size_t k = p.size(); k-- > 0;)
      p[k] = p[k] * static_cast<double>(k) / n +
             (k > 0 ? p[k - 1] * (n - static_cast<double>(k - 1)) / n : 0.0);
    for (std::size_t k = 0; k < p.size(); ++k) {
      value += p[k] / 3.0 * (k + 1 == p.size() ? 1.0 : -1.0);
      p[k] *= 2.0 / 3.0;
    }
  }
  return value;
}

}  // namespace

TEST_CASE("switch_riddle: every step obeys the rules") {
  for (const char* id : {"switch_riddle", "switch_riddle/4"}) {
    CAPTURE(id);
    const auto env = make(id);
    const auto truth = make(id, {{"state", "true"}});
    const auto n = static_cast<std::size_t>(env->spec().n_agents);
    std::vector<int> actions(n);
    std::array<int, 4> n_visits{};
    int n_rooms = 0;
    for (std::uint64_t episode = 0; episode < 4000; ++episode) {
      env->reset(env_stream(2, episode));
      truth->reset(env_stream(2, episode));
      credo::Stream stream(2, credo::purpose("policy"), 0, episode);
      bool light = false;
      std::vector<float> visited(n, 0.0F);
      while (!env->done()) {
        const auto obs = obs_of(*env);
        const auto state = state_of(*truth);
        std::size_t in_room = n;
        for (std::size_t i = 0; i < n; ++i) {
          if (obs[2 * i] == 1.0F) {
            REQUIRE(in_room == n);
            in_room = i;
          }
          REQUIRE(state[i] == obs[2 * i]);
          REQUIRE(state[n + i] == visited[i]);
          REQUIRE(obs[2 * i + 1] == (obs[2 * i] == 1.0F && light ? 1.0F : 0.0F));
        }
        REQUIRE(in_room < n);
        REQUIRE(state[2 * n] == (light ? 1.0F : 0.0F));
        ++n_visits[in_room];
        ++n_rooms;
        stream.seek(static_cast<std::uint64_t>(env->t()));
        random_actions(*env, stream, actions);
        const double reward = env->step(actions).reward;
        truth->step(actions);
        visited[in_room] = 1.0F;
        const bool all = std::count(visited.begin(), visited.end(), 1.0F) == static_cast<int>(n);
        if (actions[in_room] == 1) light = !light;
        const double told = all ? static_cast<double>(n) : -static_cast<double>(n);
        REQUIRE(reward == (actions[in_room] == 2 ? told : 0.0));
        REQUIRE(env->done() == (actions[in_room] == 2 || env->t() == 4 * static_cast<int>(n) - 6));
        REQUIRE(*env->won() == (reward > 0.0));
      }
    }
    for (std::size_t i = 0; i < n; ++i) {
      const double p = 1.0 / static_cast<double>(n);
      CHECK(std::abs(n_visits[i] - n_rooms * p) < 4.5 * std::sqrt(n_rooms * p * (1.0 - p)));
    }
  }
}

TEST_CASE("switch_riddle: the optimum by dynamic programming, and random play") {
  CHECK(probability_all_visited(3, 6) == doctest::Approx(20.0 / 27.0));
  struct Row {
    const char* id;
    Settings settings;
    int n, limit;
  };
  const std::vector<Row> rows = {{"switch_riddle", {}, 3, 6},
                                 {"switch_riddle/4", {}, 4, 10},
                                 {"switch_riddle", {{"n_agents", "10"}}, 10, 34},
                                 {"switch_riddle", {{"n_agents", "5"}, {"limit", "8"}}, 5, 8}};
  for (const Row& row : rows) {
    CAPTURE(row.id);
    const auto env = make(row.id, row.settings);
    CHECK(env->spec().episode_limit == row.limit);
    CHECK(env->spec().best_return.value() ==
          doctest::Approx(row.n * probability_all_visited(row.n, row.limit)));
    CHECK(env->spec().random_return.value() ==
          doctest::Approx(row.n * random_value(row.n, row.limit)));
    CHECK(agrees(sample_returns(*env, scripted(*env), 20000),
                 row.n * probability_all_visited(row.n, row.limit)));
    CHECK(agrees(sample_returns(*env, random_actions, 20000),
                 row.n * random_value(row.n, row.limit)));
    CHECK(play(*env, constant_actions(0)) == 0.0);
  }
}

TEST_CASE("switch_riddle: three prisoners reach the optimum with memory and the light alone") {
  const auto env = make("switch_riddle");
  const auto oracle = make("switch_riddle");
  std::array<bool, 3> been{};
  // The second prisoner to come (not the first day, first visit, light off) turns the light on;
  // whoever sees it on at a first visit is the third. Only own observations and memory are used.
  const Policy protocol = [&been](const credo::Env& world, credo::Stream&, std::span<int> actions) {
    if (world.t() == 0) been = {};
    const auto obs = obs_of(world);
    for (std::size_t i = 0; i < 3; ++i) {
      const bool in_room = obs[2 * i] == 1.0F;
      const bool light = obs[2 * i + 1] == 1.0F;
      actions[i] = !in_room || been[i] ? 0 : light ? 2 : world.t() > 0 ? 1 : 0;
      been[i] = been[i] || in_room;
    }
  };
  for (std::uint64_t episode = 0; episode < 3000; ++episode)
    CHECK(play(*env, protocol, 1, episode) == play(*oracle, scripted(*oracle), 1, episode));
}
