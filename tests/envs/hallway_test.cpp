// Hallway: the rules, and exact values of random play by dynamic programming.
#include <array>
#include <map>

#include "support.hpp"

using namespace env_tests;

namespace {

// Value of uniformly random play for two corridors of length n within `limit` steps.
double random_value(int n, int limit) {
  const auto size = static_cast<std::size_t>(n + 1);
  std::vector<double> value(size * size, 0.0);
  for (int step = 0; step < limit; ++step) {
    std::vector<double> next(size * size, 0.0);
    for (int a = 1; a <= n; ++a) {
      for (int b = 1; b <= n; ++b) {
        double sum = 0.0;
        for (const int move_a : {-1, 0, 1}) {
          for (const int move_b : {-1, 0, 1}) {
            const int to_a = std::min(a + move_a, n);
            const int to_b = std::min(b + move_b, n);
            if (to_a == 0 || to_b == 0) {
              sum += to_a == to_b ? 10.0 : 0.0;
            } else {
              sum += value[static_cast<std::size_t>(to_a) * size + static_cast<std::size_t>(to_b)];
            }
          }
        }
        next[static_cast<std::size_t>(a) * size + static_cast<std::size_t>(b)] = sum / 9.0;
      }
    }
    value = next;
  }
  double sum = 0.0;
  for (const double v : value) sum += v;
  return sum / (n * n);
}

}  // namespace

TEST_CASE("hallway: every step obeys the rules") {
  for (const char* id : {"hallway", "hallway/2-6-10"}) {
    CAPTURE(id);
    const auto env = make(id);
    const auto n_agents = static_cast<std::size_t>(env->spec().n_agents);
    const std::vector<float> lengths =
        n_agents == 2 ? std::vector<float>{6, 6} : std::vector<float>{2, 6, 10};
    std::vector<int> actions(n_agents);
    int n_wins = 0;
    for (std::uint64_t episode = 0; episode < 3000; ++episode) {
      env->reset(env_stream(2, episode));
      credo::Stream stream(2, credo::purpose("policy"), 0, episode);
      auto before = obs_of(*env);
      for (std::size_t i = 0; i < n_agents; ++i) {
        REQUIRE(before[i] >= 1.0F);
        REQUIRE(before[i] <= lengths[i]);
      }
      while (!env->done()) {
        stream.seek(static_cast<std::uint64_t>(env->t()));
        random_actions(*env, stream, actions);
        const double reward = env->step(actions).reward;
        const auto after = obs_of(*env);
        std::size_t n_at_end = 0;
        for (std::size_t i = 0; i < n_agents; ++i) {
          const float move = actions[i] == 0 ? 0.0F : actions[i] == 1 ? -1.0F : 1.0F;
          REQUIRE(after[i] == std::clamp(before[i] + move, 0.0F, lengths[i]));
          n_at_end += after[i] == 0.0F ? 1 : 0;
        }
        REQUIRE(reward == (n_at_end == n_agents ? 10.0 : 0.0));
        REQUIRE(env->done() == (n_at_end > 0 || env->t() == env->spec().episode_limit));
        REQUIRE(*env->won() == (n_at_end == n_agents));
        n_wins += *env->won() ? 1 : 0;
        before = after;
      }
    }
    if (n_agents == 2) CHECK(n_wins > 5);
  }
}

TEST_CASE("hallway: doing nothing, acting at random, and the script") {
  const auto env = make("hallway");
  CHECK(play(*env, constant_actions(0)) == 0.0);
  CHECK(env->t() == 16);
  CHECK(random_value(6, 16) == doctest::Approx(0.0989463));
  CHECK(agrees(sample_returns(*env, random_actions, 40000), random_value(6, 16)));
  const auto longer = make("hallway", {{"lengths", "3,3"}, {"limit", "40"}});
  CHECK(agrees(sample_returns(*longer, random_actions, 40000), random_value(3, 40)));
  for (const char* id : {"hallway", "hallway/2-6-10"}) {
    const auto world = make(id);
    const Policy policy = scripted(*world);
    for (std::uint64_t episode = 0; episode < 200; ++episode)
      CHECK(play(*world, policy, 1, episode) == 10.0);
  }
}

TEST_CASE("hallway: longer corridors get a longer limit, so that the script arrives") {
  for (const char* lengths : {"30,30", "12,1,40"}) {
    const auto env = make("hallway", {{"lengths", lengths}});
    const Policy policy = scripted(*env);
    for (std::uint64_t episode = 0; episode < 200; ++episode)
      CHECK(play(*env, policy, 1, episode) == 10.0);
  }
  const auto cut = make("hallway", {{"lengths", "30,30"}, {"limit", "16"}});
  CHECK(agrees(sample_returns(*cut, scripted(*cut), 20000), cut->spec().best_return.value()));
}

TEST_CASE("hallway: a clock alone is enough to arrive together") {
  // Everybody waits at 1 until the farthest can have come, then all step at once.
  const auto env = make("hallway/2-6-10");
  const Policy wait = [](const credo::Env& world, credo::Stream&, std::span<int> actions) {
    const auto obs = obs_of(world);
    for (std::size_t i = 0; i < actions.size(); ++i)
      actions[i] = obs[i] > 1.0F || world.t() == 9 ? 1 : 0;
  };
  for (std::uint64_t episode = 0; episode < 200; ++episode) {
    CHECK(play(*env, wait, 1, episode) == 10.0);
    CHECK(env->t() == 10);
  }
}

TEST_CASE("hallway: lengths are checked") {
  for (const char* bad : {"", "6,", ",6", "6;6", "0,6", "-1", "6,1001", "6, 6", "six"}) {
    CAPTURE(bad);
    const std::string message = user_error([bad] { make("hallway", {{"lengths", bad}}); });
    CHECK(contains(message, std::string("env.lengths = '") + bad + "'"));
    CHECK(contains(message, "6,6"));
  }
  CHECK(make("hallway", {{"lengths", "4"}})->spec().n_agents == 1);
  CHECK(make("hallway", {{"lengths", "2,3,4,5"}})->spec().n_agents == 4);
}
