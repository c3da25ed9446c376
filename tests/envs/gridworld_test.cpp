// What all gridworlds share: sizes, who sees what, clocks, reward sums and masks.
#include <array>

#include "support.hpp"

using namespace env_tests;

namespace {

struct Size {
  const char* id;
  int n_agents, n_actions, obs_dim, state_dim, limit;
};
constexpr std::array<Size, 27> kSizes = {{{"predator_prey/5x5", 2, 5, 28, 56, 100},
                                          {"predator_prey/5x5-full", 2, 5, 56, 112, 100},
                                          {"predator_prey/7x7", 4, 5, 28, 112, 100},
                                          {"predator_prey/7x7-full", 4, 5, 112, 448, 100},
                                          {"switch/2", 2, 5, 2, 4, 50},
                                          {"switch/2-full", 2, 5, 4, 8, 50},
                                          {"switch/2-clock", 2, 5, 3, 6, 50},
                                          {"switch/2-full-clock", 2, 5, 6, 12, 50},
                                          {"switch/4", 4, 5, 2, 8, 50},
                                          {"switch/4-full-clock", 4, 5, 12, 48, 50},
                                          {"checkers", 2, 5, 47, 94, 100},
                                          {"checkers/full", 2, 5, 94, 188, 100},
                                          {"checkers/clock", 2, 5, 48, 96, 100},
                                          {"checkers/full-clock", 2, 5, 96, 192, 100},
                                          {"lumberjacks", 2, 5, 22, 44, 100},
                                          {"lumberjacks/full", 2, 5, 44, 88, 100},
                                          {"combat", 5, 10, 150, 750, 100},
                                          {"traffic_junction/4", 4, 2, 81, 324, 100},
                                          {"traffic_junction/4-full", 4, 2, 324, 1296, 100},
                                          {"traffic_junction/10", 10, 2, 135, 1350, 100},
                                          {"traffic_junction/10-full", 10, 2, 1350, 13500, 100},
                                          {"lbf/8x8-2p-2f-coop", 2, 6, 12, 24, 50},
                                          {"lbf/2s-10x10-3p-3f", 3, 6, 18, 54, 50},
                                          {"lbf/15x15-3p-5f", 3, 6, 24, 72, 50},
                                          {"lbf/15x15-4p-5f", 4, 6, 27, 108, 50},
                                          {"hallway", 2, 3, 1, 2, 16},
                                          {"switch_riddle", 3, 3, 2, 6, 6}}};

// Plays the same random actions in all environments and calls `check` before every step.
template <typename Check>
void play_alongside(const std::vector<credo::Env*>& envs, const Check& check, int n_episodes = 8) {
  std::vector<int> actions(static_cast<std::size_t>(envs[0]->spec().n_agents));
  for (int episode = 0; episode < n_episodes; ++episode) {
    const auto number = static_cast<std::uint64_t>(episode);
    for (credo::Env* env : envs) env->reset(env_stream(21, number));
    credo::Stream stream(21, credo::purpose("policy"), 0, number);
    while (!envs[0]->done()) {
      stream.seek(static_cast<std::uint64_t>(envs[0]->t()));
      random_actions(*envs[0], stream, actions);
      check();
      std::vector<double> rewards;
      for (credo::Env* env : envs) rewards.push_back(env->step(actions).reward);
      for (std::size_t i = 1; i < envs.size(); ++i) {
        REQUIRE(rewards[i] == rewards[0]);
        REQUIRE(envs[i]->done() == envs[0]->done());
      }
    }
    check();
  }
}

std::vector<float> repeated(const std::vector<float>& values, int n) {
  std::vector<float> all;
  for (int i = 0; i < n; ++i) all.insert(all.end(), values.begin(), values.end());
  return all;
}

bool has_param(const std::string& id, const std::string& name) {
  return credo::env_params(id).has(name);
}

}  // namespace

TEST_CASE("gridworlds: sizes and limits are the published ones") {
  for (const Size& size : kSizes) {
    CAPTURE(size.id);
    const auto env = make(size.id);
    CHECK(env->spec().n_agents == size.n_agents);
    CHECK(env->spec().n_actions == size.n_actions);
    CHECK(env->spec().obs_dim == size.obs_dim);
    CHECK(env->spec().state_dim == size.state_dim);
    CHECK(env->spec().episode_limit == size.limit);
    CHECK(env->spec().limit_is_terminal);
  }
  CHECK(make("combat", {{"state", "true"}})->spec().state_dim == 60);
  CHECK(make("traffic_junction/10-full", {{"state", "single"}})->spec().state_dim == 1350);
}

TEST_CASE("gridworlds: full observation repeats the partial ones, and the state is what it says") {
  for (const char* id : {"predator_prey/7x7", "switch/4-clock", "checkers", "lumberjacks",
                         "traffic_junction/4", "traffic_junction/10"}) {
    CAPTURE(id);
    const auto partial = make(id);
    const auto full = make(id, {{"full_obs", "true"}});
    const auto single = make(id, {{"full_obs", "true"}, {"state", "single"}});
    const auto truth = make(id, {{"full_obs", "true"}, {"state", "true"}});
    const auto truth_partial = make(id, {{"state", "true"}});
    const int n = partial->spec().n_agents;
    play_alongside({partial.get(), full.get(), single.get(), truth.get(), truth_partial.get()},
                   [&] {
                     const auto own = obs_of(*partial);
                     REQUIRE(state_of(*partial) == own);
                     REQUIRE(obs_of(*full) == repeated(own, n));
                     REQUIRE(state_of(*full) == repeated(own, n * 1));
                     REQUIRE(obs_of(*single) == repeated(own, n));
                     REQUIRE(state_of(*single) == own);
                     REQUIRE(obs_of(*truth) == repeated(own, n));
                     REQUIRE(state_of(*truth) == state_of(*truth_partial));
                   });
  }
  for (const char* id : {"combat", "lbf/2s-10x10-3p-3f", "switch_riddle", "hallway"}) {
    CAPTURE(id);
    const auto env = make(id);
    play_alongside({env.get()}, [&] { REQUIRE(state_of(*env) == obs_of(*env)); });
  }
}

TEST_CASE("gridworlds: clocks divide by the native limit, whatever the limit is") {
  struct Clock {
    const char* id;
    double native;
  };
  for (const Clock& clock : {Clock{"predator_prey/5x5", 100.0}, Clock{"switch/2-clock", 50.0},
                             Clock{"checkers/clock", 100.0}, Clock{"lumberjacks", 100.0}}) {
    CAPTURE(clock.id);
    for (const char* limit : {"25", "150"}) {
      const auto env = make(clock.id, {{"limit", limit}});
      const auto& features = env->spec().obs_features;
      const auto feature = std::find_if(features.begin(), features.end(),
                                        [](const credo::Feature& f) { return f.name == "clock"; });
      REQUIRE(feature != features.end());
      const auto place = static_cast<std::size_t>(feature - features.begin());
      CHECK(feature->high == static_cast<float>(std::stoi(limit) / clock.native));
      play_alongside({env.get()}, [&] {
        REQUIRE(obs_of(*env)[place] == static_cast<float>(env->t() / clock.native));
      });
    }
  }
}

TEST_CASE("gridworlds: the mean reward is the sum over the number of agents") {
  for (const char* id : {"predator_prey/7x7", "switch/4", "checkers", "lumberjacks", "combat",
                         "traffic_junction/10", "lbf/10x10-3p-3f", "switch_riddle"}) {
    CAPTURE(id);
    const auto sum = make(id, {{"limit", "25"}});
    const auto mean = make(id, {{"limit", "25"}, {"reward", "mean"}});
    const double n = sum->spec().n_agents;
    CHECK(*mean->spec().return_bound * n == doctest::Approx(*sum->spec().return_bound));
    CHECK(mean->spec().reward_low * n == doctest::Approx(sum->spec().reward_low));
    for (std::uint64_t episode = 0; episode < 20; ++episode) {
      CHECK(play(*mean, random_actions, 3, episode) * n ==
            doctest::Approx(play(*sum, random_actions, 3, episode)));
      CHECK(play(*mean, scripted(*mean), 3, episode) * n ==
            doctest::Approx(play(*sum, scripted(*sum), 3, episode)));
    }
  }
}

TEST_CASE("gridworlds: masks take away exactly actions without effect") {
  for (const char* id :
       {"predator_prey/5x5", "predator_prey/7x7", "switch/4", "checkers", "lumberjacks", "combat",
        "traffic_junction/10", "lbf/8x8-2p-2f", "lbf/10x10-3p-3f", "switch_riddle"}) {
    CAPTURE(id);
    const auto all = make(id, {{"state", "true"}});
    const auto legal = make(id, {{"state", "true"}, {"avail", "legal"}});
    const int noop = *all->spec().noop_action;
    const auto n_actions = static_cast<std::size_t>(all->spec().n_actions);
    const auto policy = legal->make_scripted();
    std::vector<int> actions(static_cast<std::size_t>(all->spec().n_agents));
    int n_masked = 0;
    for (std::uint64_t episode = 0; episode < 30; ++episode) {
      all->reset(env_stream(23, episode));
      legal->reset(env_stream(23, episode));
      credo::Stream stream(23, credo::purpose("policy"), 0, episode);
      policy->reset();
      while (!legal->done()) {
        stream.seek(static_cast<std::uint64_t>(legal->t()));
        if (episode % 2 == 0) {
          random_actions(*legal, stream, actions);
        } else {
          policy->act(*legal, stream, actions);
        }
        const auto mask = legal->avail_actions();
        const auto everything = all->avail_actions();
        REQUIRE(std::count(everything.begin(), everything.end(), 0) == 0);
        for (std::size_t agent = 0; agent < actions.size(); ++agent) {
          REQUIRE(mask[agent * n_actions + static_cast<std::size_t>(noop)] == 1);
          for (std::size_t action = 0; action < n_actions; ++action) {
            if (mask[agent * n_actions + action] != 0) continue;
            ++n_masked;
            auto other = actions;
            other[agent] = static_cast<int>(action);
            const auto with_action = all->clone();
            const double reward = with_action->step(other).reward;
            other[agent] = noop;
            const auto with_noop = all->clone();
            REQUIRE(reward == with_noop->step(other).reward);
            REQUIRE(state_of(*with_action) == state_of(*with_noop));
            REQUIRE(obs_of(*with_action) == obs_of(*with_noop));
          }
        }
        REQUIRE(all->step(actions).reward == legal->step(actions).reward);
        REQUIRE(state_of(*all) == state_of(*legal));
      }
    }
    CHECK(n_masked > 100);
    CHECK(has_param(id, "avail"));
  }
}

TEST_CASE("gridworlds: only actions that can do something pass the mask of the walls") {
  // The opposite direction, where it can be said exactly: on an empty way a legal move moves.
  const auto env = make("checkers", {{"avail", "legal"}});
  env->reset(env_stream(1, 0));
  const std::vector<std::uint8_t> start = {1, 1, 0, 1, 1, 0, 1, 1, 1, 1};
  const auto mask = env->avail_actions();
  CHECK(std::vector<std::uint8_t>(mask.begin(), mask.end()) == start);
}

TEST_CASE("gridworlds: start areas") {
  for (const bool is_full : {false, true}) {
    CAPTURE(is_full);
    const auto env = make("predator_prey/5x5",
                          {{"state", "true"}, {"start_area", is_full ? "full" : "original"}});
    float last = 0.0F;
    for (std::uint64_t episode = 0; episode < 300; ++episode) {
      env->reset(env_stream(24, episode));
      const auto state = state_of(*env);
      for (const std::size_t i : {0U, 1U, 2U, 3U, 5U, 6U}) last = std::max(last, state[i]);
    }
    CHECK(last == (is_full ? 1.0F : 0.75F));
  }
}
