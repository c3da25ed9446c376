// gre.target_entropy, and what is measured beside H: norms of the gradient's parts, the largest
// share of the credit, and H of first-order contributions. Bits over threads and resumption:
// determinism_test.cpp.
#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>

#include "learners/algorithms/q_learner.hpp"
#include "learners/hyperparameters.hpp"
#include "learners/reference/q_learning.hpp"
#include "tests/learners/episodes.hpp"
#include "tests/learners/gradients.hpp"

namespace {

using credo::EluDerivative;
using credo::EnvShape;
using credo::TrainConfig;
using doctest::Approx;
using learner_tests::Batch;
using learner_tests::Draw;
using learner_tests::PlainEpisode;
using learner_tests::random_episode;
using learner_tests::sz;

constexpr EnvShape kShape{.n_agents = 3, .n_actions = 4, .obs_dim = 5, .state_dim = 6};

TrainConfig entropy_config() {
  TrainConfig c;
  c.agent.hidden_dim = 8;
  c.mixer = {.type = "qmix", .embed_dim = 6, .hypernet_layers = 2, .hypernet_embed = 6};
  c.optimizer.kind = credo::OptimizerKind::kAdam;
  c.optimizer.lr = 2e-3;
  c.entropy = {.enabled = true, .lambda = 0.0, .elu_derivative = EluDerivative::kExact};
  return c;
}

std::vector<PlainEpisode> some_episodes() {
  Draw draw("entropy target");
  std::vector<PlainEpisode> episodes;
  for (const int length : {4, 1, 3, 2})
    episodes.push_back(random_episode(draw, kShape, length, length != 3));
  return episodes;
}

double entropy_of(const std::vector<double>& amounts) {
  double total = 0.0, h = 0.0;
  for (const double x : amounts) total += x + 1e-8;
  for (const double x : amounts) h -= (x + 1e-8) / total * std::log((x + 1e-8) / total);
  return h / std::log(static_cast<double>(amounts.size()));
}

TEST_SUITE("entropy target") {
  TEST_CASE("lambda takes a dual step after every update, within its bound") {
    TrainConfig c = entropy_config();
    c.entropy.target_entropy = 0.6;
    c.entropy.target_lr = 0.1;
    c.entropy.target_gain = 0.25;
    c.entropy.lambda_max = 0.15;
    c.entropy.lambda = 0.5;  // of no effect
    credo::QLearner learner(kShape, c);
    const std::vector<PlainEpisode> episodes = some_episodes();
    const Batch batch(episodes);
    double multiplier = 0.0, lambda = 0.0;
    for (int update = 0; update < 6; ++update) {
      const credo::UpdateStats& stats = learner.compute_gradient(batch.pointers);
      CHECK(stats.gre_lambda == lambda);
      CHECK(stats.entropy_loss == lambda * stats.entropy_in_loss);
      CHECK(stats.entropy_in_loss == Approx(stats.entropy_mean));  // exact credits in both
      multiplier = std::clamp(multiplier + 0.1 * (stats.entropy_in_loss - 0.6), -0.15, 0.15);
      lambda = std::clamp(multiplier + 0.25 * (stats.entropy_in_loss - 0.6), -0.15, 0.15);
      learner.apply_gradient(stats);
      CHECK(learner.gre_lambda() == lambda);
    }
    CHECK(lambda == 0.15);  // H stayed above the target
  }

  TEST_CASE("H comes to the target from above and from below") {
    const std::vector<PlainEpisode> episodes = some_episodes();
    const Batch batch(episodes);
    for (const double target : {0.6, 0.8, 0.97}) {
      CAPTURE(target);
      TrainConfig c = entropy_config();
      c.entropy.target_entropy = target;
      c.entropy.target_lr = 0.01;
      credo::QLearner learner(kShape, c);
      double worst = 0.0;
      for (int update = 0; update < 1500; ++update) {
        const credo::UpdateStats& stats = learner.compute_gradient(batch.pointers);
        if (update >= 1400) worst = std::max(worst, std::abs(stats.entropy_in_loss - target));
        learner.apply_gradient(stats);
      }
      CHECK(worst < 0.005);  // and stays there: the multiplier alone would oscillate
    }
  }

  TEST_CASE("without a target lambda stays") {
    TrainConfig c = entropy_config();
    c.entropy.lambda = 0.3;
    credo::QLearner learner(kShape, c);
    const std::vector<PlainEpisode> episodes = some_episodes();
    const Batch batch(episodes);
    learner.apply_gradient(learner.compute_gradient(batch.pointers));
    CHECK(learner.gre_lambda() == 0.3);
  }

  TEST_CASE("the adjusted weight is part of the saved state") {
    TrainConfig c = entropy_config();
    c.entropy.target_entropy = 0.5;
    credo::QLearner learner(kShape, c);
    const std::vector<PlainEpisode> episodes = some_episodes();
    const Batch batch(episodes);
    for (int update = 0; update < 3; ++update)
      learner.apply_gradient(learner.compute_gradient(batch.pointers));
    credo::ByteWriter out;
    learner.save(out);
    credo::QLearner other(kShape, c);
    REQUIRE(other.gre_lambda() != learner.gre_lambda());
    credo::ByteReader in(out.bytes());
    other.load(in);
    CHECK(other.gre_lambda() == learner.gre_lambda());
  }

  TEST_CASE("settings of the target without one have no effect, and say so") {
    credo::Params params(credo::train_params());
    params.set("mixer.type", std::string("qmix"));
    params.set("gre.enabled", true);
    CHECK(!params.has_effect("gre.target_lr"));
    CHECK(params.needs("gre.target_lr") == "gre.target_entropy other than 0");
    params.set("gre.target_entropy", 0.9);
    CHECK(params.has_effect("gre.target_lr"));
    CHECK(params.has_effect("gre.lambda_max"));
    CHECK(!params.has_effect("gre.lambda"));
    CHECK(params.needs("gre.lambda") == "gre.target_entropy = 0 (it is 0.9)");
    params.set("gre.enabled", false);
    CHECK(!params.has_effect("gre.target_lr"));
    CHECK_THROWS_AS(params.set("gre.target_entropy", 1.5), credo::UserError);
  }
}

TEST_SUITE("beside H") {
  TEST_CASE("norms of the gradient's parts") {
    const std::vector<PlainEpisode> episodes = some_episodes();
    const Batch batch(episodes);
    TrainConfig c = entropy_config();
    c.entropy.lambda = 0.7;
    credo::QLearner learner(kShape, c);
    const std::vector<float> before(learner.params().begin(), learner.params().end());
    const credo::GradientNorms norms = learner.gradient_norms(batch.pointers);
    CHECK(norms.entropy == learner.compute_gradient(batch.pointers, nullptr, 0.0F).grad_norm);
    c.entropy.enabled = false;
    credo::QLearner plain(kShape, c);
    CHECK(norms.td == Approx(plain.compute_gradient(batch.pointers).grad_norm).epsilon(1e-5));
    CHECK(std::equal(before.begin(), before.end(), learner.params().begin()));
    c.entropy.enabled = true;
    c.entropy.lambda = 1.4;
    CHECK(credo::QLearner(kShape, c).gradient_norms(batch.pointers).entropy ==
          Approx(2.0 * norms.entropy).epsilon(1e-6));
  }

  TEST_CASE("norms leave the moments of standardised rewards alone") {
    const std::vector<PlainEpisode> episodes = some_episodes();
    const Batch batch(episodes);
    TrainConfig c = entropy_config();
    c.entropy.lambda = 0.7;
    c.learner.standardise_rewards = true;
    credo::QLearner learner(kShape, c);
    learner.compute_gradient(batch.pointers);
    const double mean = learner.reward_scale().mean();
    const double count = learner.reward_scale().count();
    learner.gradient_norms(batch.pointers);
    CHECK(learner.reward_scale().mean() == mean);
    CHECK(learner.reward_scale().count() == count);
  }

  TEST_CASE("shares and contributions as their definitions have them") {
    const std::vector<PlainEpisode> episodes = some_episodes();
    const Batch batch(episodes);
    for (const std::string type : {"qmix", "vdn", "qmix_simple"}) {
      CAPTURE(type);
      TrainConfig c = entropy_config();
      c.entropy.enabled = false;
      c.mixer.type = type;
      credo::QLearner learner(kShape, c);
      credo::UpdateTrace trace;
      trace.slots = 5;
      const credo::UpdateStats& stats = learner.compute_gradient(batch.pointers, &trace);
      const int n = kShape.n_agents, actions = kShape.n_actions;
      double share = 0.0, entropy = 0.0;
      for (std::size_t b = 0; b < episodes.size(); ++b)
        for (int t = 0; t < episodes[b].length; ++t) {
          const float* g = trace.credits_exact.data() + (b * 4 + sz(t)) * sz(n);
          const float* q = trace.agent_qs.data() + (b * 5 + sz(t)) * sz(n * actions);
          std::vector<double> contributions;
          for (int i = 0; i < n; ++i) {
            double sum = 0.0, available = 0.0;
            for (int a = 0; a < actions; ++a)
              if (episodes[b].is_available(t, i, a)) {
                sum += q[i * actions + a];
                available += 1.0;
              }
            const double chosen = q[i * actions + episodes[b].action(t, i)];
            contributions.push_back(std::abs(g[i] * (chosen - sum / available)));
          }
          share += *std::max_element(g, g + n) / (g[0] + g[1] + g[2]);
          entropy += entropy_of(contributions);
        }
      CHECK(stats.largest_share == Approx(share / 10.0).epsilon(1e-5));
      CHECK(stats.contribution_entropy == Approx(entropy / 10.0).epsilon(1e-5));
      if (type == "vdn") CHECK(stats.largest_share == Approx(1.0 / 3.0));
    }
  }
}

}  // namespace
