// PredatorPrey: rules, an independent exact model, and the published values of simple policies.
#include <array>
#include <map>
#include <optional>

#include "predator_prey_model.hpp"
#include "support.hpp"

using namespace env_tests;
using model::Cell;

namespace {

constexpr int kNoop = 4;

struct Situation {
  std::vector<Cell> predators;
  std::vector<std::optional<Cell>> prey;
};

// Reads the true state of an environment made with env.state = true.
Situation situation_of(const credo::Env& env, int size) {
  const auto state = state_of(env);
  const int n_agents = env.spec().n_agents;
  const auto n_prey = (state.size() - static_cast<std::size_t>(2 * n_agents) - 1) / 3;
  const auto scaled = [size](float value) {
    return static_cast<int>(std::lround(value * static_cast<float>(size - 1)));
  };
  Situation situation;
  std::size_t i = 0;
  for (int agent = 0; agent < n_agents; ++agent, i += 2)
    situation.predators.push_back({scaled(state[i]), scaled(state[i + 1])});
  for (std::size_t prey = 0; prey < n_prey; ++prey, i += 3)
    situation.prey.push_back(state[i] > 0.5F
                                 ? std::optional<Cell>({scaled(state[i + 1]), scaled(state[i + 2])})
                                 : std::nullopt);
  return situation;
}

int n_near(const std::vector<Cell>& predators, Cell cell) {
  int n = 0;
  for (const Cell predator : predators) n += model::distance(predator, cell) == 1 ? 1 : 0;
  return n;
}

void place_5x5(credo::Env& env, std::uint64_t episode, Cell first, Cell second, Cell prey) {
  place(env, 10, episode, [&](credo::ByteWriter& out) {
    for (const Cell cell : {first, second, prey}) {
      out.put<std::int16_t>(static_cast<std::int16_t>(cell.row));
      out.put<std::int16_t>(static_cast<std::int16_t>(cell.col));
    }
    out.put<std::uint8_t>(1);
  });
}

struct Board {
  const char* name;
  int size;
  int n_agents;
  int n_prey;
};
constexpr std::array<Board, 2> kBoards = {{{"5x5", 5, 2, 1}, {"7x7", 7, 4, 2}}};

}  // namespace

TEST_CASE("predator_prey: every step obeys the rules") {
  for (const Board& board : kBoards) {
    for (const bool is_static : {false, true}) {
      const std::string id =
          std::string("predator_prey/") + board.name + (is_static ? "-static" : "");
      CAPTURE(id);
      const auto env = make(id, {{"state", "true"}});
      std::vector<int> actions(static_cast<std::size_t>(board.n_agents));
      for (std::uint64_t episode = 0; episode < 400; ++episode) {
        env->reset(env_stream(2, episode));
        Situation before = situation_of(*env, board.size);
        for (const auto& cells : {before.predators})
          for (const Cell cell : cells) {
            REQUIRE(cell.row < board.size - 1);
            REQUIRE(cell.col < board.size - 1);
          }
        for (const auto& prey : before.prey) {
          REQUIRE(prey.has_value());
          REQUIRE(prey->row < board.size - 1);
          REQUIRE(prey->col < board.size - 1);
          REQUIRE(n_near(before.predators, *prey) == 0);
        }
        credo::Stream stream(2, credo::purpose("policy"), 0, episode);
        while (!env->done()) {
          stream.seek(static_cast<std::uint64_t>(env->t()));
          random_actions(*env, stream, actions);
          const double reward = env->step(actions).reward;
          const Situation after = situation_of(*env, board.size);

          double expected = -0.01 * board.n_agents;
          for (std::size_t i = 0; i < before.prey.size(); ++i) {
            if (!before.prey[i]) {
              REQUIRE_FALSE(after.prey[i].has_value());
              continue;
            }
            const int near = n_near(after.predators, *before.prey[i]);
            REQUIRE(after.prey[i].has_value() == (near < 2));
            expected += board.n_agents * (near >= 2 ? 5.0 : near == 1 ? -0.5 : 0.0);
            if (!after.prey[i]) continue;
            REQUIRE(model::distance(*before.prey[i], *after.prey[i]) <= 1);
            if (is_static) REQUIRE(*after.prey[i] == *before.prey[i]);
            // A prey never walks up to a predator.
            if (*after.prey[i] != *before.prey[i])
              REQUIRE(n_near(after.predators, *after.prey[i]) == 0);
          }
          REQUIRE(reward == doctest::Approx(expected));

          std::vector<Cell> taken = after.predators;
          for (const auto& prey : after.prey)
            if (prey) taken.push_back(*prey);
          for (std::size_t i = 0; i < taken.size(); ++i) {
            REQUIRE(taken[i].row >= 0);
            REQUIRE(taken[i].row < board.size);
            REQUIRE(taken[i].col >= 0);
            REQUIRE(taken[i].col < board.size);
            for (std::size_t k = 0; k < i; ++k) REQUIRE(taken[i] != taken[k]);
          }
          for (std::size_t agent = 0; agent < actions.size(); ++agent) {
            const Cell from = before.predators[agent];
            const Cell to = after.predators[agent];
            REQUIRE((to == from || to == model::moved(from, actions[agent])));
            for (std::size_t other = 0; other < agent; ++other)
              REQUIRE_FALSE((to == before.predators[other] && from == after.predators[other]));
          }
          before = after;
        }
      }
    }
  }
}

TEST_CASE("predator_prey: start positions are uniform where they may be") {
  const auto env = make("predator_prey/5x5", {{"state", "true"}});
  std::array<int, 16> first{};
  std::array<int, 16> second{};
  std::map<int, int> prey_given_corner;
  constexpr int kEpisodes = 64'000;
  for (std::uint64_t episode = 0; episode < kEpisodes; ++episode) {
    env->reset(env_stream(3, episode));
    const Situation start = situation_of(*env, 5);
    const auto at = [](Cell cell) { return static_cast<std::size_t>(cell.row * 4 + cell.col); };
    ++first[at(start.predators[0])];
    ++second[at(start.predators[1])];
    if (at(start.predators[0]) == 0 && at(start.predators[1]) == 15)
      ++prey_given_corner[static_cast<int>(at(*start.prey[0]))];
  }
  for (const auto& counts : {first, second}) {
    double chi_squared = 0.0;
    for (const int count : counts) {
      const double off = count - kEpisodes / 16.0;
      chi_squared += off * off / (kEpisodes / 16.0);
    }
    CHECK(chi_squared < 15.0 + 4.0 * std::sqrt(30.0));
  }
  // Predators in opposite corners take two cells and bar four: ten are left.
  CHECK(prey_given_corner.size() == 10);
}

TEST_CASE("predator_prey: prey move as often as the rule says") {
  const auto env = make("predator_prey/5x5", {{"state", "true"}});
  struct Case {
    const char* name;
    Cell first, second, prey;
  };
  // Predators stand still (no-op), the prey moves once.
  const std::vector<Case> cases = {{"free in the middle", {0, 0}, {0, 4}, {2, 2}},
                                   {"free in a corner", {0, 0}, {0, 1}, {4, 4}},
                                   {"corner, one predator beside", {0, 1}, {4, 4}, {0, 0}},
                                   {"edge, one predator beside", {0, 2}, {4, 4}, {0, 1}},
                                   {"middle, one predator beside", {2, 1}, {4, 4}, {2, 2}},
                                   {"corner, shut in from a distance", {0, 2}, {2, 0}, {0, 0}},
                                   {"one beside, one at distance two", {2, 1}, {3, 3}, {2, 2}}};
  for (const Case& now : cases) {
    CAPTURE(now.name);
    const auto expected = model::prey_moves({now.first, now.second}, now.prey);
    std::array<int, 25> counts{};
    constexpr int kTrials = 40'000;
    for (std::uint64_t trial = 0; trial < kTrials; ++trial) {
      place_5x5(*env, trial, now.first, now.second, now.prey);
      env->step(std::vector<int>{kNoop, kNoop});
      const auto prey = situation_of(*env, 5).prey[0];
      REQUIRE(prey.has_value());
      ++counts[static_cast<std::size_t>(prey->row * 5 + prey->col)];
    }
    for (std::size_t cell = 0; cell < counts.size(); ++cell) {
      CAPTURE(cell);
      const double p = expected[cell];
      if (p == 0.0) {
        CHECK(counts[cell] == 0);
      } else {
        CHECK(std::abs(counts[cell] - p * kTrials) <= 4.0 * std::sqrt(p * (1.0 - p) * kTrials));
      }
    }
  }
  // Worked out by hand for the corner: down .175, stay rejected, the other three accepted but
  // without effect, so P(down) = .175 (1 - .3^5) / .7.
  const auto corner = model::prey_moves({Cell{0, 1}, Cell{4, 4}}, {0, 0});
  CHECK(corner[5] == doctest::Approx(0.175 * (1.0 - 0.00243) / 0.7));
  CHECK(corner[0] == doctest::Approx(1.0 - corner[5]));
}

TEST_CASE("predator_prey: prey transitions of whole episodes follow the closed form") {
  const auto env = make("predator_prey/5x5", {{"state", "true"}});
  std::map<int, std::array<int, 25>> seen;
  std::vector<int> actions(2);
  for (std::uint64_t episode = 0; episode < 8000; ++episode) {
    env->reset(env_stream(4, episode));
    credo::Stream stream(4, credo::purpose("policy"), 0, episode);
    Situation before = situation_of(*env, 5);
    while (!env->done()) {
      stream.seek(static_cast<std::uint64_t>(env->t()));
      random_actions(*env, stream, actions);
      env->step(actions);
      const Situation after = situation_of(*env, 5);
      if (after.prey[0]) {
        const int key =
            (model::index(after.predators[0]) * 25 + model::index(after.predators[1])) * 25 +
            model::index(*before.prey[0]);
        ++seen[key][static_cast<std::size_t>(model::index(*after.prey[0]))];
      }
      before = after;
    }
  }
  double chi_squared = 0.0;
  double freedom = 0.0;
  // All situations together: how often each direction was taken beyond its expectation.
  std::array<double, 4> surplus{};
  std::array<double, 4> variance{};
  for (const auto& [key, counts] : seen) {
    const auto expected = model::prey_moves({model::cell(key / 625), model::cell(key / 25 % 25)},
                                            model::cell(key % 25));
    int n = 0;
    for (const int count : counts) n += count;
    for (std::size_t action = 0; action < 4; ++action) {
      const Cell target = model::moved(model::cell(key % 25), static_cast<int>(action));
      if (!model::on_board(target)) continue;
      const auto cell = static_cast<std::size_t>(model::index(target));
      surplus[action] += counts[cell] - expected[cell] * n;
      variance[action] += expected[cell] * (1.0 - expected[cell]) * n;
    }
    int n_cells = 0;
    for (std::size_t cell = 0; cell < 25; ++cell) {
      if (expected[cell] == 0.0) {
        REQUIRE(counts[cell] == 0);
        continue;
      }
      if (n < 60) continue;  // too few for the approximation
      const double off = counts[cell] - expected[cell] * n;
      chi_squared += off * off / (expected[cell] * n);
      ++n_cells;
    }
    if (n_cells > 1) freedom += n_cells - 1;
  }
  for (std::size_t action = 0; action < 4; ++action)
    CHECK(std::abs(surplus[action]) < 4.0 * std::sqrt(variance[action]));
  CHECK(freedom > 1000.0);
  CHECK(std::abs(chi_squared - freedom) < 5.0 * std::sqrt(2.0 * freedom));
}

TEST_CASE("predator_prey: random returns equal the exact values") {
  struct Row {
    const char* id;
    bool is_static;
    int limit;
    double published;
  };
  const std::vector<Row> rows = {{"predator_prey/5x5", false, 100, -10.600},
                                 {"predator_prey/5x5", false, 25, -3.144},
                                 {"predator_prey/5x5-static", true, 100, -12.044},
                                 {"predator_prey/5x5-static", true, 25, -3.814}};
  for (const Row& row : rows) {
    CAPTURE(row.id);
    CAPTURE(row.limit);
    const double exact = model::policy_value(model::Play::kRandom, row.is_static, row.limit);
    CHECK(exact == doctest::Approx(row.published).epsilon(0.0002));
    const auto env = make(row.id, {{"limit", std::to_string(row.limit)}});
    const Sample sample = sample_returns(*env, random_actions, 40'000);
    CAPTURE(sample.mean);
    CAPTURE(sample.standard_error);
    CHECK(sample.standard_error < 0.1);
    CHECK(agrees(sample, exact));
    CHECK(agrees(sample, row.published));
  }
}

TEST_CASE("predator_prey: random returns on the large board are the published ones") {
  struct Row {
    const char* id;
    const char* limit;
    double mean, error;
  };
  for (const Row& row :
       {Row{"predator_prey/7x7", "100", -27.1, 0.25}, Row{"predator_prey/7x7", "25", -8.4, 0.12},
        Row{"predator_prey/7x7-static", "100", -31.7, 0.25},
        Row{"predator_prey/7x7-static", "25", -10.1, 0.12}}) {
    CAPTURE(row.id);
    CAPTURE(row.limit);
    const auto env = make(row.id, {{"limit", row.limit}});
    const Sample sample = sample_returns(*env, random_actions, 10'000);
    CAPTURE(sample.mean);
    CHECK(agrees(sample, row.mean, row.error));
  }
}

TEST_CASE("predator_prey: doing nothing costs exactly the steps") {
  for (const Board& board : kBoards)
    for (const char* kind : {"", "-full", "-static", "-static-full"})
      for (const int limit : {100, 25})
        for (std::uint64_t episode = 0; episode < 50; ++episode) {
          const auto env = make(std::string("predator_prey/") + board.name + kind,
                                {{"limit", std::to_string(limit)}});
          CHECK(play(*env, constant_actions(kNoop), 5, episode) ==
                doctest::Approx(-0.01 * board.n_agents * limit));
          CHECK(env->t() == limit);
        }
}

TEST_CASE("predator_prey: the scripted pairs catch nearly as fast as possible") {
  for (const bool is_static : {false, true}) {
    CAPTURE(is_static);
    const double optimum = model::policy_value(model::Play::kOptimal, is_static, 100);
    CHECK(optimum == doctest::Approx(is_static ? 9.947 : 9.942).epsilon(0.0001));
    CHECK(model::policy_value(model::Play::kOptimal, is_static, 25) ==
          doctest::Approx(optimum).epsilon(0.0001));
    const auto env = make(is_static ? "predator_prey/5x5-static" : "predator_prey/5x5");
    const Sample sample = sample_returns(*env, scripted(*env), 3000);
    CHECK(sample.mean > optimum - 0.02);
    CHECK(sample.mean < optimum + 4.0 * sample.standard_error);
  }
  for (const char* id : {"predator_prey/7x7", "predator_prey/7x7-static"}) {
    CAPTURE(id);
    const auto env = make(id);
    CHECK(sample_returns(*env, scripted(*env), 3000).mean > 39.5);
  }
}

TEST_CASE("predator_prey: full observation and states are arrangements of the partial ones") {
  for (const Board& board : kBoards) {
    const std::string base = std::string("predator_prey/") + board.name;
    const auto partial = make(base);
    const auto full = make(base + "-full");
    const auto single = make(base + "-full", {{"state", "single"}});
    const std::size_t n_agents = static_cast<std::size_t>(board.n_agents);
    for (std::uint64_t episode = 0; episode < 30; ++episode) {
      credo::Stream stream(6, credo::purpose("policy"), 0, episode);
      std::vector<int> actions(n_agents);
      for (const auto& env : {partial.get(), full.get(), single.get()})
        env->reset(env_stream(6, episode));
      while (true) {
        const auto one = obs_of(*partial);
        std::vector<float> tiled;
        for (std::size_t agent = 0; agent < n_agents; ++agent)
          tiled.insert(tiled.end(), one.begin(), one.end());
        REQUIRE(obs_of(*full) == tiled);
        REQUIRE(state_of(*partial) == one);
        REQUIRE(state_of(*full) == tiled);
        REQUIRE(state_of(*single) == one);
        REQUIRE(one.back() == static_cast<float>(partial->t() / 100.0));
        if (partial->done()) break;
        stream.seek(static_cast<std::uint64_t>(partial->t()));
        random_actions(*partial, stream, actions);
        const double reward = partial->step(actions).reward;
        REQUIRE(full->step(actions).reward == reward);
        REQUIRE(single->step(actions).reward == reward);
      }
    }
  }
}

TEST_CASE("predator_prey: agents see live prey in their window and no other predator") {
  const auto env = make("predator_prey/5x5");
  place_5x5(*env, 0, {2, 2}, {2, 3}, {0, 4});
  const auto obs = obs_of(*env);
  std::vector<float> expected(56, 0.0F);
  expected[0] = expected[1] = 0.5F;
  expected[2 + 0 * 5 + 4] = 1.0F;  // two up, two right
  expected[27] = 0.1F;
  expected[28] = 0.5F;
  expected[29] = 0.75F;
  expected[28 + 2 + 0 * 5 + 3] = 1.0F;  // two up, one right
  expected[55] = 0.1F;
  CHECK(obs == expected);
}

TEST_CASE("predator_prey: lower indices move first, so they can make room but not take it") {
  const auto env = make("predator_prey/5x5", {{"state", "true"}});
  place_5x5(*env, 0, {4, 0}, {4, 1}, {0, 4});
  env->step(std::vector<int>{3, 3});  // 0 is blocked by 1, which then moves on
  CHECK(situation_of(*env, 5).predators == std::vector<Cell>{{4, 0}, {4, 2}});
  place_5x5(*env, 0, {4, 1}, {4, 0}, {0, 4});
  env->step(std::vector<int>{3, 3});
  CHECK(situation_of(*env, 5).predators == std::vector<Cell>{{4, 2}, {4, 1}});
  place_5x5(*env, 0, {4, 0}, {4, 1}, {0, 4});
  env->step(std::vector<int>{3, 1});  // no swaps
  CHECK(situation_of(*env, 5).predators == std::vector<Cell>{{4, 0}, {4, 1}});
}

TEST_CASE("predator_prey: rewards and sums are parameters") {
  const auto env =
      make("predator_prey/5x5",
           {{"penalty", "-2"}, {"step_cost", "-0.1"}, {"capture_reward", "3"}, {"reward", "mean"}});
  place_5x5(*env, 0, {2, 1}, {4, 4}, {2, 2});
  CHECK(env->step(std::vector<int>{kNoop, kNoop}).reward == doctest::Approx(-2.1));
  place_5x5(*env, 0, {2, 1}, {2, 3}, {2, 2});
  const credo::StepResult caught = env->step(std::vector<int>{kNoop, kNoop});
  CHECK(caught.reward == doctest::Approx(2.9));
  CHECK(caught.terminated);
  CHECK(env->info().front().second == 1.0);
  CHECK(contains(user_error([] {
                   make("predator_prey/5x5", {{"n_agents", "4"}});
                 }),
                 "env.size = 5"));
}

TEST_CASE("predator_prey: catching on the very last step is an end, not a cut") {
  const auto env = make("predator_prey/5x5", {{"limit", "11"}, {"limit_is_terminal", "false"}});
  place_5x5(*env, 0, {2, 1}, {2, 3}, {2, 2});
  const credo::StepResult caught = env->step(std::vector<int>{kNoop, kNoop});
  CHECK(caught.terminated);
  CHECK_FALSE(caught.truncated);
  place_5x5(*env, 0, {0, 0}, {0, 1}, {4, 4});
  const credo::StepResult cut = env->step(std::vector<int>{kNoop, kNoop});
  CHECK_FALSE(cut.terminated);
  CHECK(cut.truncated);
  CHECK(make("predator_prey/5x5")->spec().limit_is_terminal);
}
