// TrafficJunction: routes, costs and collisions in hand-made situations, the rules, and the
// published values. Returns have very heavy tails wherever cars collide.
#include <array>
#include <set>

#include "support.hpp"

using namespace env_tests;

namespace {

constexpr int kGas = 0;
constexpr int kBrake = 1;
constexpr int kWaiting = 0;
constexpr int kDriving = 1;
constexpr int kArrived = 2;
constexpr int kStraight = 0;

struct Car {
  int state = kArrived;
  int gate = 0;
  int route = 0;
  int moves = 0;
  int on_road = 0;
};

void place_by_hand(credo::Env& env, const std::vector<Car>& cars, int t = 0) {
  place(env, t, 0, [&](credo::ByteWriter& out) {
    out.put<std::int32_t>(0);
    for (const Car& car : cars) {
      for (const int value : {car.state, car.gate, car.route, car.moves})
        out.put<std::uint8_t>(static_cast<std::uint8_t>(value));
      out.put<std::int32_t>(car.on_road);
    }
  });
}

double fact(const credo::Env& env, const std::string& name) {
  for (const auto& [key, value] : env.info())
    if (key == name) return value;
  FAIL("no fact " << name);
  return 0.0;
}

struct Seen {
  bool is_driving = false;
  bool has_arrived = false;
  int row = 0;
  int col = 0;
  int on_road = 0;
};

// Reads env.state = true.
std::vector<Seen> situation_of(const credo::Env& env) {
  const auto state = state_of(env);
  std::vector<Seen> cars;
  for (std::size_t i = 0; i < state.size(); i += 8)
    cars.push_back({state[i] == 1.0F, state[i + 1] == 1.0F,
                    static_cast<int>(std::lround(state[i + 2] * 13.0F)),
                    static_cast<int>(std::lround(state[i + 3] * 13.0F)),
                    static_cast<int>(std::lround(state[i + 7] * 100.0F))});
  return cars;
}

double median_of(credo::Env& env, const Policy& policy, int n_episodes) {
  std::vector<double> returns;
  for (int episode = 0; episode < n_episodes; ++episode)
    returns.push_back(play(env, policy, 6, static_cast<std::uint64_t>(episode)));
  std::sort(returns.begin(), returns.end());
  return returns[returns.size() / 2];
}

}  // namespace

TEST_CASE("traffic_junction: a lone car takes 13, 12 or 14 moves and pays .91, .78 or 1.05") {
  const auto env = make("traffic_junction/4", {{"state", "true"}});
  env->reset(env_stream(1, 0));
  struct Route {
    int moves;
    double cost;
    std::array<std::pair<int, int>, 4> exits;  // by gate: from the west, south, east, north
  };
  const std::array<Route, 3> routes = {{{13, 0.91, {{{7, 13}, {0, 7}, {6, 0}, {13, 6}}}},
                                        {12, 0.78, {{{13, 6}, {7, 13}, {0, 7}, {6, 0}}}},
                                        {14, 1.05, {{{0, 7}, {6, 0}, {13, 6}, {7, 13}}}}}};
  const std::array<std::pair<int, int>, 4> gates = {{{7, 0}, {13, 7}, {6, 13}, {0, 6}}};
  for (int gate = 0; gate < 4; ++gate) {
    for (int route = 0; route < 3; ++route) {
      CAPTURE(gate);
      CAPTURE(route);
      const Route& expected = routes[static_cast<std::size_t>(route)];
      std::vector<Car> cars(4);
      cars[2] = {kDriving, gate, route, 0, 0};
      place_by_hand(*env, cars);
      const Seen start = situation_of(*env)[2];
      CHECK(std::pair(start.row, start.col) == gates[static_cast<std::size_t>(gate)]);
      double cost = 0.0;
      Seen last = start;
      while (!env->done()) {
        last = situation_of(*env)[2];
        cost -= env->step(std::vector<int>(4, kGas)).reward;
      }
      CHECK(env->t() == expected.moves);
      CHECK(cost == doctest::Approx(expected.cost));
      // One cell before the exit.
      const auto exit = expected.exits[static_cast<std::size_t>(gate)];
      CHECK(std::abs(last.row - exit.first) + std::abs(last.col - exit.second) == 1);
    }
  }
}

TEST_CASE("traffic_junction: four straight cars that never brake lock the junction") {
  const auto env = make("traffic_junction/4");
  env->reset(env_stream(1, 0));
  std::vector<Car> cars;
  for (int gate = 0; gate < 4; ++gate) cars.push_back({kDriving, gate, kStraight, 0, 0});
  place_by_hand(*env, cars);
  for (int t = 1; t <= 100; ++t) {
    const double reward = env->step(std::vector<int>(4, kGas)).reward;
    CHECK(reward == doctest::Approx((t >= 7 ? -40.0 : 0.0) - 0.01 * 4 * t));
  }
  CHECK(env->done());
}

TEST_CASE("traffic_junction: the order of the cars decides who collides") {
  const auto env = make("traffic_junction/4", {{"state", "true"}});
  env->reset(env_stream(1, 0));
  // Bumper to bumper: a leader with the lower index is gone in time, one with the higher is not.
  std::vector<Car> cars(4);
  cars[0] = {kDriving, 0, kStraight, 3, 3};
  cars[1] = {kDriving, 0, kStraight, 2, 2};
  place_by_hand(*env, cars);
  CHECK(env->step(std::vector<int>(4, kGas)).reward == doctest::Approx(-0.07));
  CHECK(situation_of(*env)[1].col == 3);
  std::swap(cars[0], cars[1]);
  place_by_hand(*env, cars);
  CHECK(env->step(std::vector<int>(4, kGas)).reward == doctest::Approx(-10.07));
  CHECK(situation_of(*env)[0].col == 2);
  CHECK(situation_of(*env)[1].col == 4);
  CHECK(fact(*env, "collisions") == 1.0);
  // Braking behind it costs nothing but time.
  place_by_hand(*env, cars);
  CHECK(env->step(std::vector<int>{kBrake, kGas, kGas, kGas}).reward == doctest::Approx(-0.07));
}

TEST_CASE("traffic_junction: every step obeys the rules") {
  for (const char* id : {"traffic_junction/4", "traffic_junction/10"}) {
    CAPTURE(id);
    const auto env = make(id, {{"state", "true"}});
    const auto n_cars = static_cast<std::size_t>(env->spec().n_agents);
    std::vector<int> actions(n_cars);
    for (std::uint64_t episode = 0; episode < 600; ++episode) {
      env->reset(env_stream(2, episode));
      credo::Stream stream(2, credo::purpose("policy"), 0, episode);
      auto before = situation_of(*env);
      for (std::size_t i = 0; i < n_cars; ++i) REQUIRE(before[i].is_driving == (i < 4));
      double sum = 0.0;
      double waited = 0.0;
      while (!env->done()) {
        stream.seek(static_cast<std::uint64_t>(env->t()));
        random_actions(*env, stream, actions);
        if (episode % 2 == 0) scripted (*env)(*env, stream, actions);
        const double collisions = fact(*env, "collisions");
        const double reward = env->step(actions).reward;
        const auto after = situation_of(*env);
        std::set<std::pair<int, int>> taken;
        double expected = -10.0 * (fact(*env, "collisions") - collisions);
        int n_entered = 0;
        bool all_arrived = true;
        for (std::size_t i = 0; i < n_cars; ++i) {
          const Seen& from = before[i];
          const Seen& to = after[i];
          all_arrived = all_arrived && to.has_arrived;
          if (from.has_arrived) REQUIRE(to.has_arrived);  // once over the crossing, never again
          if (from.is_driving) {
            REQUIRE((to.is_driving || to.has_arrived));
            expected -= 0.01 * (from.on_road + 1);
            waited += 0.01 * (from.on_road + 1);
          }
          if (!to.is_driving) continue;
          REQUIRE((to.row == 6 || to.row == 7 || to.col == 6 || to.col == 7));
          REQUIRE(taken.emplace(to.row, to.col).second);
          if (from.is_driving) {
            const int distance = std::abs(from.row - to.row) + std::abs(from.col - to.col);
            REQUIRE(distance <= (actions[i] == kGas ? 1 : 0));
            REQUIRE(to.on_road == from.on_road + 1);
          } else {
            ++n_entered;
            REQUIRE(to.on_road == 0);
            for (std::size_t k = 0; k < i; ++k)  // in the order of the cars
              REQUIRE((before[k].is_driving || before[k].has_arrived));
          }
        }
        REQUIRE(n_entered <= 1);
        REQUIRE(reward == doctest::Approx(expected));
        REQUIRE(env->done() == (all_arrived || env->t() == 100));
        sum += reward;
        before = after;
      }
      REQUIRE(sum == doctest::Approx(-10.0 * fact(*env, "collisions") - waited));
      if (episode % 2 == 0) REQUIRE(fact(*env, "collisions") == 0.0);
    }
  }
}

TEST_CASE("traffic_junction: cars enter with probability one half while a gate is free") {
  const auto env = make("traffic_junction/10", {{"state", "true"}});
  env->reset(env_stream(1, 0));
  std::vector<Car> cars(10);
  for (std::size_t i = 4; i < 10; ++i) cars[i].state = kWaiting;
  std::array<int, 4> gates{};
  int n_entered = 0;
  constexpr int kTries = 4000;
  for (int i = 0; i < kTries; ++i) {
    // One gate is blocked by a braking car.
    cars[0] = {kDriving, 1, kStraight, 0, i % 50};
    place(*env, 0, static_cast<std::uint64_t>(i), [&](credo::ByteWriter& out) {
      out.put<std::int32_t>(0);
      for (const Car& car : cars) {
        for (const int value : {car.state, car.gate, car.route, car.moves})
          out.put<std::uint8_t>(static_cast<std::uint8_t>(value));
        out.put<std::int32_t>(car.on_road);
      }
    });
    env->step(std::vector<int>(10, kBrake));
    const Seen seen = situation_of(*env)[4];
    n_entered += seen.is_driving ? 1 : 0;
    if (!seen.is_driving) continue;
    const std::array<std::pair<int, int>, 4> cells = {{{7, 0}, {13, 7}, {6, 13}, {0, 6}}};
    const auto gate = std::find(cells.begin(), cells.end(), std::pair(seen.row, seen.col));
    REQUIRE(gate != cells.end());
    ++gates[static_cast<std::size_t>(gate - cells.begin())];
  }
  CHECK(std::abs(n_entered - kTries / 2.0) < 4.0 * std::sqrt(kTries / 4.0));
  CHECK(gates[1] == 0);
  for (const std::size_t gate : {0U, 2U, 3U})
    CHECK(std::abs(gates[gate] - n_entered / 3.0) < 4.0 * std::sqrt(n_entered * 2.0 / 9.0));
}

TEST_CASE("traffic_junction: observations hold the cars in the 3x3 window") {
  const auto env = make("traffic_junction/4");
  env->reset(env_stream(1, 0));
  std::vector<Car> cars(4);
  cars[1] = {kDriving, 0, 2, 5, 5};  // in (7,5), turning left
  cars[3] = {
      .state = kDriving, .gate = 3, .route = 1, .moves = 6, .on_road = 6};  // in (6,6), right
  place_by_hand(*env, cars);
  const auto obs = obs_of(*env);
  const auto thirteenth = [](int i) { return static_cast<float>(i / 13.0); };
  std::vector<float> expected(81, 0.0F);
  const auto put = [&expected](std::size_t cell, const std::array<float, 9>& features) {
    std::copy(features.begin(), features.end(), expected.begin() + static_cast<int>(cell) * 9);
  };
  put(4, {0, 1, 0, 0, thirteenth(7), thirteenth(5), 0, 0, 1});
  put(2, {0, 0, 0, 1, thirteenth(6), thirteenth(6), 0, 1, 0});
  CHECK(std::vector<float>(obs.begin() + 81, obs.begin() + 162) == expected);
}

TEST_CASE("traffic_junction: what waiting cars observe") {
  for (const bool is_zero : {true, false}) {
    CAPTURE(is_zero);
    const auto env = make("traffic_junction/10", {{"waiting_obs", is_zero ? "zero" : "original"}});
    env->reset(env_stream(1, 0));
    const auto obs = obs_of(*env);
    for (std::size_t car = 4; car < 10; ++car) {
      std::vector<float> expected(135, 0.0F);
      if (!is_zero) expected[4 * 15 + 9] = expected[4 * 15 + 13] = 1.0F;
      const auto first = obs.begin() + static_cast<int>(car) * 135;
      CHECK(std::vector<float>(first, first + 135) == expected);
    }
  }
}

TEST_CASE("traffic_junction: doing nothing, acting at random, always driving, and the script") {
  struct Row {
    const char* id;
    double random, random_deviation, gas, script, script_error;
  };
  // Published simulations of 4000 episodes.
  for (const Row& row : {Row{"traffic_junction/4", -75.0, 225.0, -801.0, -5.58, 0.012},
                         Row{"traffic_junction/10", -887.0, 1264.0, -2322.0, -17.3, 0.06}}) {
    CAPTURE(row.id);
    const auto env = make(row.id);
    CHECK(play(*env, constant_actions(kBrake)) == doctest::Approx(-202.0));
    CHECK(agrees(sample_returns(*env, random_actions, 4000), row.random,
                 row.random_deviation / std::sqrt(4000.0)));
    const Sample gas = sample_returns(*env, constant_actions(kGas), 4000);
    CHECK(agrees(gas, row.gas, gas.standard_error));
    CHECK(agrees(sample_returns(*env, scripted(*env), 4000), row.script, row.script_error));
    CHECK(fact(*env, "collisions") == 0.0);
  }
  // The mean is ruled by few episodes; the median is not.
  CHECK(median_of(*make("traffic_junction/4"), random_actions, 4000) ==
        doctest::Approx(-40.4).epsilon(0.05));
  struct Cut {
    const char* id;
    double random;
  };
  for (const Cut& cut : {Cut{"traffic_junction/4", -44.7}, Cut{"traffic_junction/10", -225.0}}) {
    CAPTURE(cut.id);
    const auto env = make(cut.id, {{"limit", "25"}});
    CHECK(play(*env, constant_actions(kBrake)) == doctest::Approx(-13.0));
    const Sample sample = sample_returns(*env, random_actions, 4000);
    CHECK(agrees(sample, cut.random, sample.standard_error));
  }
}
