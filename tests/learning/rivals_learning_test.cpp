// What QTRAN, QPLEX and weighted QMIX must find in the QTRAN paper's game under uniform data: its
// optimum, which VDN and QMIX may miss, and the tables that their formulas have as fixed points.
#include <doctest/doctest.h>

#include "tests/learning/games.hpp"

namespace {

using credo::Weighting;
using learning_tests::ExactTraining;
using learning_tests::largest_error;
using learning_tests::Table;
using learning_tests::text;
using learning_tests::TrainConfig;
using learning_tests::ValueReader;

const Table kPayoff = {{8, -12, -12}, {-12, 0, 0}, {-12, 0, 0}};

TrainConfig game_config(const std::string& kind, std::uint64_t seed) {
  TrainConfig c = learning_tests::uniform_config(kind, 1);
  c.seed = seed;
  c.mixer.qplex = {.kernels = 10, .layers = 3, .embed_dim = 32};
  c.mixer.wqmix.central_embed_dim = 32;
  return c;
}

/// Learnt joint values, and a check that the greedy joint action is the optimum.
Table learn(const TrainConfig& config, int updates_per_stage, const std::string& label) {
  const auto env = credo::make_env("matrix/qtran");
  ExactTraining training(*env, config);
  REQUIRE(training.episodes() == 9);
  ValueReader reader(*env, config, training.train(updates_per_stage));
  const Table got = reader.joint();
  MESSAGE(label << " seed " << config.seed << ": " << text(got) << ", greedy (" << reader.best(0)
                << ", " << reader.best(1) << ")");
  CHECK(reader.best(0) == 0);
  CHECK(reader.best(1) == 0);
  return got;
}

TEST_SUITE("rivals learning") {
  TEST_CASE("QTRAN game: QTRAN learns the payoffs and the optimum") {
    for (const std::uint64_t seed : {1U, 2U}) {
      const Table got = learn(game_config("qtran", seed), 5000, "qtran");
      CHECK(largest_error(got, kPayoff) <= 0.1);
    }
  }

  TEST_CASE("QTRAN game: QPLEX learns the payoffs and the optimum") {
    for (const std::uint64_t seed : {1U, 2U}) {
      const Table got = learn(game_config("qplex", seed), 6000, "qplex");
      CHECK(largest_error(got, kPayoff) <= 0.3);
    }
  }

  // The states that its fixed points allow (docs/algorithms/shaq.md) agree on these two games.
  TEST_CASE("climbing and penalty games: SHAQ settles for the safe actions") {
    const std::vector<std::pair<std::string, double>> payoffs = {{"matrix/climbing", 5.0},
                                                                 {"matrix/penalty", 2.0}};
    for (std::size_t i = 0; i < payoffs.size(); ++i) {
      CAPTURE(payoffs[i].first);
      const auto env = credo::make_env(payoffs[i].first);
      for (const std::uint64_t seed : {1U, 2U}) {
        TrainConfig c = game_config("shaq", seed);
        const ValueReader reader(*env, c, ExactTraining(*env, c).train(1500));
        env->reset(credo::Stream(0, credo::purpose("payoff")));
        const std::vector<int> actions = {reader.best(0), reader.best(1)};
        CHECK(env->step(actions).reward == payoffs[i].second);
      }
    }
  }

  // With weight alpha below 1 the mixed cells, whose error is counted in full when they are
  // undervalued, settle where both kinds of error balance: centrally at the mean of the eight
  // (-6), optimistically at -12 alpha / (1 + alpha).
  TEST_CASE("QTRAN game: both weightings of QMIX find the optimum and their fixed points") {
    constexpr double kAlpha = 0.1;
    for (const Weighting weighting : {Weighting::kCentral, Weighting::kOptimistic}) {
      const bool central = weighting == Weighting::kCentral;
      const double rest = central ? -6.0 : -12.0 * kAlpha / (1.0 + kAlpha);
      const Table want = {{8, rest, rest}, {rest, rest, rest}, {rest, rest, rest}};
      for (const std::uint64_t seed : {1U, 2U}) {
        TrainConfig c = game_config("qmix", seed);
        c.mixer.wqmix.weighting = weighting;
        c.mixer.wqmix.weight = kAlpha;
        const Table got = learn(c, 1500, central ? "cw_qmix" : "ow_qmix");
        CHECK(largest_error(got, want) <= 0.5);
      }
    }
  }
}

}  // namespace
