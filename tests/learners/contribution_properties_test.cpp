// Properties every true contribution has, in games played in environments: what is shared adds up, equal
// agents get equal shares, agents that change nothing get nothing, and coalitions see one future.
#include <cmath>
#include <doctest/doctest.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <numeric>
#include <unistd.h>

#include "tests/learners/contribution_support.hpp"

using namespace credo;
using namespace learner_tests;

namespace {

// A game of three agents with three actions each, `payoff` by joint action.
std::unique_ptr<Env> game_of(const std::vector<double>& payoff) {
  std::string text = "actions = [3, 3, 3]\npayoff = [";
  for (int a = 0; a < 3; ++a) {
    text += "[";
    for (int b = 0; b < 3; ++b)
      text += fmt::format("[{}, {}, {}],", payoff[sz(9 * a + 3 * b)], payoff[sz(9 * a + 3 * b + 1)],
                          payoff[sz(9 * a + 3 * b + 2)]);
    text += "],";
  }
  const auto path =
      std::filesystem::temp_directory_path() / fmt::format("credo_game_{}.toml", ::getpid());
  std::ofstream(path) << text << "]\n";
  auto env = env_with("matrix/custom", "payoff_file", path.string());
  std::filesystem::remove(path);
  return env;
}

// Of values less the first one: exactly 0 where all are equal.
struct Spread {
  double first = 0.0, sum = 0.0, squares = 0.0;
  int n = 0;
  void add(double value) {
    if (n++ == 0) first = value;
    const double x = value - first;
    sum += x;
    squares += x * x;
  }
  double deviation() const {
    const double mean = sum / n;
    return std::sqrt(std::max(0.0, (squares - n * mean * mean) / (n - 1)));
  }
};

// Standard deviation of v(N) - v(N without the first player) over replicates: both coalitions in
// one future, and in two.
std::pair<double, double> difference_spreads(const std::string& id, const std::string& script,
                                             int episodes, int every) {
  const auto env = make_env(id);
  const FixedPolicy policy = make_fixed_policy(*env, script, 0);
  const Subject subject{.network = nullptr, .params = nullptr, .fixed = &policy};
  const ContributionOptions options = options_of(false, *env->spec().idle_action);
  Continuations continuations(subject, options.game, options.choice, options.gamma, 3);
  double shared = 0.0;
  double apart = 0.0;
  const auto situations = scripted_situations(*env, policy, episodes, 4);
  for (std::size_t s = 0; s < situations.size(); s += sz(every)) {
    const auto players = acting_agents(situations[s], options);
    if (players.empty()) continue;
    const Coalition all = grand_coalition(static_cast<int>(players.size()));
    constexpr std::uint64_t kReplicates = 160;
    std::vector<Branch> branches;
    for (std::uint64_t m = 0; m < kReplicates; ++m) {
      branches.push_back({.coalition = all, .replicate = m});
      branches.push_back({.coalition = all & ~Coalition{1}, .replicate = m});
      branches.push_back({.coalition = all & ~Coalition{1}, .replicate = m + kReplicates});
    }
    std::vector<double> returns(branches.size());
    BranchCount count;
    continuations.play(situations[s], players, branches, returns, count);
    Spread one_future, two_futures;
    for (std::size_t m = 0; m < branches.size(); m += 3) {
      one_future.add(returns[m] - returns[m + 1]);
      two_futures.add(returns[m] - returns[m + 2]);
    }
    shared += one_future.deviation() * one_future.deviation();
    apart += two_futures.deviation() * two_futures.deviation();
  }
  return {std::sqrt(shared), std::sqrt(apart)};
}

}  // namespace

TEST_CASE("contributions: random matrix games are efficient, symmetric and ignore dummies") {
  Draw draw("random matrix games");
  const FixedPolicy policy{.name = "random", .search = nullptr};
  const Subject subject{.network = nullptr, .params = nullptr, .fixed = &policy};
  for (int turn = 0; turn < 12; ++turn) {
    // Agents 0 and 1 play one role, agent 2 changes nothing in every second game.
    const bool has_dummy = turn % 2 == 1;
    std::vector<double> payoff(27);
    for (int a = 0; a < 3; ++a)
      for (int b = a; b < 3; ++b)
        for (int c = 0; c < 3; ++c) {
          const double x =
              has_dummy && c > 0 ? payoff[sz(9 * a + 3 * b)] : draw.integer(-40, 40) / 4.0;
          payoff[sz(9 * a + 3 * b + c)] = payoff[sz(9 * b + 3 * a + c)] = x;
        }
    const auto env = game_of(payoff);
    const int action = draw.integer(0, 2);
    const int other = draw.integer(0, 2);
    for (const bool random : {false, true}) {
      CAPTURE(turn);
      CAPTURE(random);
      const ContributionOptions options = options_of(random, 0);
      // contribution_of checks that phi adds up to v(N) - v(0).
      const Contribution same =
          contribution_of(start_of(*env, {action, action, other}), subject, options);
      CHECK(same.exact);
      const bool acts = random || action != 0;
      if (acts) CHECK(std::abs(same.phi[0] - same.phi[1]) <= kExact);
      if (has_dummy && (random || other != 0)) {
        CHECK(same.players.back() == 2);
        CHECK(std::abs(same.phi.back()) <= kExact);
        CHECK(std::abs(same.diff.back()) <= kExact);
      }
      // Agents 0 and 1 change places.
      const Contribution one = contribution_of(start_of(*env, {1, 2, other}), subject, options);
      const Contribution two = contribution_of(start_of(*env, {2, 1, other}), subject, options);
      CHECK(std::abs(one.phi[0] - two.phi[1]) <= kExact);
      CHECK(std::abs(one.phi[1] - two.phi[0]) <= kExact);
    }
  }
}

TEST_CASE(
    "contributions: battles are efficient, inert agents get nothing, tables give the shares") {
  const auto env = make_env("skirmish/3m");
  const FixedPolicy policy = make_fixed_policy(*env, "scripted:focus", 0);
  const Subject subject{.network = nullptr, .params = nullptr, .fixed = &policy};
  ContributionOptions options = options_of(false, *env->spec().idle_action);
  options.rule = {.least_branches = 64, .most_branches = 64, .floor = 0.0};
  int n_inert = 0;
  int n_active = 0;
  for (const Situation& s : scripted_situations(*env, policy, 1, 6)) {
    for (const int exact : {8, 0}) {  // every coalition, or orders of joining
      options.exact_up_to = exact;
      const Contribution c = contribution_of(s, subject, options);  // checks the sum
      for (std::size_t i = 0; i < c.phi.size(); ++i) {
        if (c.inert[i] != 0) {
          CHECK(c.phi[i] == 0.0);
          ++n_inert;
        } else {
          ++n_active;
        }
      }
      if (c.v.empty()) continue;
      const auto k = static_cast<int>(c.players.size());
      check_values(shapley_values(k, c.v), c.phi);
      if (k < 2) continue;
      // The same battle with two agents' names exchanged.
      std::vector<double> swapped(c.v.size());
      for (std::size_t m = 0; m < c.v.size(); ++m)
        swapped[(m & ~std::size_t{3}) | (m & 1U) << 1U | (m >> 1U & 1U)] = c.v[m];
      std::vector<double> permuted = c.phi;
      std::swap(permuted[0], permuted[1]);
      check_values(shapley_values(k, swapped), permuted);
    }
  }
  CHECK(n_inert > 0);
  CHECK(n_active > 0);
}

TEST_CASE("contributions: coalitions see the same future") {
  const auto [switch_shared, switch_apart] = difference_spreads("switch/2", "scripted", 1, 3);
  CHECK(switch_shared == 0.0);
  CHECK(switch_apart == 0.0);
  const auto [prey_shared, prey_apart] = difference_spreads("predator_prey/5x5", "scripted", 6, 1);
  CHECK(prey_apart > 0.0);
  MESSAGE("predator_prey/5x5: ratio " << prey_shared / prey_apart);
  CHECK(prey_shared / prey_apart > 0.4);
  CHECK(prey_shared / prey_apart < 0.9);
  const auto [battle_shared, battle_apart] =
      difference_spreads("skirmish/3m", "scripted:closest", 1, 4);
  CHECK(battle_apart > 0.0);
  MESSAGE("skirmish/3m: ratio " << battle_shared / battle_apart);
  CHECK(battle_shared / battle_apart > 0.4);
  CHECK(battle_shared / battle_apart < 0.9);
}
