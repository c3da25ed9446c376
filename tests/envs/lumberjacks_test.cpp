// Lumberjacks: the rules, both clips, and the published values of simple policies.
#include <array>
#include <set>

#include "support.hpp"

using namespace env_tests;

namespace {

constexpr int kNoop = 0;

struct Cell {
  int row = 0;
  int col = 0;
  friend bool operator==(const Cell&, const Cell&) = default;
};

Cell moved(Cell cell, int action) {
  switch (action) {
    case 1:
      return {cell.row + 1, cell.col};
    case 2:
      return {cell.row, cell.col - 1};
    case 3:
      return {cell.row - 1, cell.col};
    case 4:
      return {cell.row, cell.col + 1};
    default:
      return cell;
  }
}

struct Situation {
  std::array<Cell, 2> agents;
  std::array<int, 25> trees{};

  int n_trees() const { return 25 - static_cast<int>(std::count(trees.begin(), trees.end(), 0)); }
  int tree(Cell cell) const { return trees[static_cast<std::size_t>(cell.row * 5 + cell.col)]; }
};

// Reads env.state = true.
Situation situation_of(const credo::Env& env) {
  const auto state = state_of(env);
  Situation situation;
  for (std::size_t agent = 0; agent < 2; ++agent)
    situation.agents[agent] = {static_cast<int>(state[2 * agent] * 4.0F),
                               static_cast<int>(state[2 * agent + 1] * 4.0F)};
  for (std::size_t i = 0; i < 25; ++i) situation.trees[i] = static_cast<int>(state[4 + i] * 2.0F);
  return situation;
}

void place_by_hand(credo::Env& env, Cell first, Cell second,
                   const std::vector<std::pair<Cell, int>>& trees) {
  place(env, 5, 0, [&](credo::ByteWriter& out) {
    for (const Cell cell : {first, second}) {
      out.put<std::uint8_t>(static_cast<std::uint8_t>(cell.row));
      out.put<std::uint8_t>(static_cast<std::uint8_t>(cell.col));
    }
    std::vector<std::uint8_t> strengths(25, 0);
    for (const auto& [cell, strength] : trees)
      strengths[static_cast<std::size_t>(cell.row * 5 + cell.col)] =
          static_cast<std::uint8_t>(strength);
    out.put_vector(strengths);
  });
}

}  // namespace

TEST_CASE("lumberjacks: every step obeys the rules") {
  for (const bool is_fixed : {true, false}) {
    CAPTURE(is_fixed);
    const auto env =
        make("lumberjacks", {{"state", "true"}, {"clip", is_fixed ? "fixed" : "original"}});
    const int reach = is_fixed ? 5 : 4;
    std::vector<int> actions(2);
    std::set<int> visited;
    for (std::uint64_t episode = 0; episode < 600; ++episode) {
      env->reset(env_stream(2, episode));
      credo::Stream stream(2, credo::purpose("policy"), 0, episode);
      Situation before = situation_of(*env);
      REQUIRE(before.n_trees() == 12);
      REQUIRE(before.agents[0].row * 5 + before.agents[0].col <
              before.agents[1].row * 5 + before.agents[1].col);
      for (const Cell agent : before.agents) REQUIRE(before.tree(agent) == 0);
      double sum = 0.0;
      while (!env->done()) {
        stream.seek(static_cast<std::uint64_t>(env->t()));
        random_actions(*env, stream, actions);
        if (episode % 3 == 0 && stream.bernoulli(0.8)) scripted (*env)(*env, stream, actions);
        const double reward = env->step(actions).reward;
        const Situation after = situation_of(*env);
        auto trees = before.trees;
        int n_felled = 0;
        for (std::size_t agent = 0; agent < 2; ++agent) {
          Cell to = moved(before.agents[agent], actions[agent]);
          to = {std::clamp(to.row, 0, reach - 1), std::clamp(to.col, 0, reach - 1)};
          REQUIRE(after.agents[agent] == to);
          visited.insert(to.row * 5 + to.col);
        }
        for (std::size_t i = 0; i < 25; ++i) {
          int n_here = 0;
          for (const Cell agent : after.agents)
            n_here += agent.row * 5 + agent.col == static_cast<int>(i) ? 1 : 0;
          if (trees[i] == 0 || n_here < trees[i]) continue;
          trees[i] = 0;
          ++n_felled;
        }
        REQUIRE(after.trees == trees);
        REQUIRE(reward == doctest::Approx(-2.0 + 20.0 * n_felled));
        REQUIRE(env->done() == (after.n_trees() == 0 || env->t() == 100));
        sum += reward;
        before = after;
      }
      REQUIRE(sum == doctest::Approx(20.0 * (12 - before.n_trees()) - 2.0 * env->t()));
    }
    CHECK(visited.size() == static_cast<std::size_t>(reach * reach));
  }
}

TEST_CASE("lumberjacks: strong trees need both agents, and both are rewarded") {
  const auto env = make("lumberjacks", {{"state", "true"}});
  env->reset(env_stream(1, 0));
  place_by_hand(*env, {0, 0}, {4, 4}, {{{0, 1}, 2}, {{4, 3}, 1}});
  CHECK(env->step(std::vector<int>{4, kNoop}).reward == -2.0);
  CHECK(situation_of(*env).n_trees() == 2);
  CHECK(env->step(std::vector<int>{kNoop, 2}).reward == 18.0);
  place_by_hand(*env, {0, 0}, {0, 2}, {{{0, 1}, 2}});
  const credo::StepResult last = env->step(std::vector<int>{4, 2});
  CHECK(last.reward == 18.0);
  CHECK(last.terminated);
}

TEST_CASE("lumberjacks: the original clip moves agents out of the last row and column") {
  for (const bool is_fixed : {true, false}) {
    const auto env =
        make("lumberjacks", {{"state", "true"}, {"clip", is_fixed ? "fixed" : "original"}});
    env->reset(env_stream(1, 0));
    place_by_hand(*env, {4, 4}, {0, 0}, {{{4, 4}, 1}, {{3, 3}, 1}});
    const double reward = env->step(std::vector<int>{kNoop, kNoop}).reward;
    const Situation after = situation_of(*env);
    CHECK(reward == 18.0);  // whichever of the two trees agent 0 stands on
    CHECK(after.agents[0] == (is_fixed ? Cell{4, 4} : Cell{3, 3}));
    CHECK(after.tree({4, 4}) == (is_fixed ? 0 : 1));
  }
}

TEST_CASE("lumberjacks: observations show id, position, clock and the nine cells around") {
  const auto env = make("lumberjacks");
  env->reset(env_stream(1, 0));
  place_by_hand(*env, {0, 0}, {0, 1}, {{{0, 1}, 2}, {{1, 0}, 1}, {{2, 2}, 1}});
  const auto obs = obs_of(*env);
  const std::vector<float> first = {0, 0,    0, 0.05F, 0, 0, 0, 0, 0,    0, 0,
                                    0, 0.5F, 0, 0.5F,  1, 0, 0, 0, 0.5F, 0, 0};
  CHECK(std::vector<float>(obs.begin(), obs.begin() + 22) == first);
  const std::vector<float> second = {0.5F, 0,    0.25F, 0.05F, 0, 0, 0,    0, 0, 0, 0.5F,
                                     0,    0.5F, 1,     0,     0, 0, 0.5F, 0, 0, 0, 0};
  CHECK(std::vector<float>(obs.begin() + 22, obs.end()) == second);
}

TEST_CASE("lumberjacks: the first layout of the original is not shuffled") {
  const auto env = make("lumberjacks", {{"state", "true"}, {"first_layout", "original"}});
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    env->reset(env_stream(seed, 0));
    const Situation first = situation_of(*env);
    CHECK(first.agents[0] == Cell{0, 0});
    CHECK(first.agents[1] == Cell{0, 1});
    for (std::size_t i = 0; i < 25; ++i) CHECK((first.trees[i] > 0) == (i >= 2 && i < 14));
    env->reset(env_stream(seed, 1));
    CHECK(situation_of(*env).agents[1] != Cell{0, 1});
  }
}

TEST_CASE("lumberjacks: starts are uniform") {
  const auto env = make("lumberjacks", {{"state", "true"}});
  std::array<int, 25> trees{};
  int n_strong = 0;
  constexpr int kEpisodes = 5000;
  for (std::uint64_t episode = 0; episode < kEpisodes; ++episode) {
    env->reset(env_stream(4, episode));
    const Situation start = situation_of(*env);
    for (std::size_t i = 0; i < 25; ++i) {
      trees[i] += start.trees[i] > 0 ? 1 : 0;
      n_strong += start.trees[i] == 2 ? 1 : 0;
    }
  }
  const double expected = kEpisodes * 12.0 / 25.0;
  for (const int count : trees)
    CHECK(std::abs(count - expected) < 4.5 * std::sqrt(expected * 0.52));
  CHECK(std::abs(n_strong - kEpisodes * 6.0) < 4.0 * std::sqrt(kEpisodes * 12.0 * 0.25));
}

TEST_CASE("lumberjacks: doing nothing, acting at random, and the script") {
  struct Row {
    const char* limit;
    const char* clip;
    double random;
    double error;  // of the published simulation, a few thousand episodes
  };
  for (const Row& row : {Row{"100", "fixed", -74.9, 0.55}, Row{"25", "fixed", 21.3, 0.5},
                         Row{"100", "original", -106.2, 0.5}, Row{"25", "original", 11.4, 0.45}}) {
    CAPTURE(row.limit);
    CAPTURE(row.clip);
    const auto env = make("lumberjacks", {{"limit", row.limit}, {"clip", row.clip}});
    CHECK(agrees(sample_returns(*env, random_actions, 8000), row.random, row.error));
    if (std::string(row.clip) == "fixed")
      CHECK(play(*env, constant_actions(kNoop)) == -2.0 * std::stoi(row.limit));
  }
  const auto env = make("lumberjacks");
  CHECK(*env->spec().return_bound == 228.0);
  const Sample sample = sample_returns(*env, scripted(*env), 1000);
  CHECK(sample.mean > 200.0);
  CHECK(sample.mean < 228.0);
  CHECK(env->info().front().second == 0.0);
  // Nearly every episode of the original clip has trees nobody reaches; what the script gets stays
  // below the value of felling all reachable trees at once.
  const auto original = make("lumberjacks", {{"clip", "original"}});
  CHECK(sample_returns(*original, scripted(*original), 1000).mean < -44.0);
}
