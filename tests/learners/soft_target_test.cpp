// EPyMARL's settings: soft target updates, standardised rewards and agents without recurrence, over
// whole updates against a double-precision reference that differentiates numerically. Their
// gradients: gradient_test.cpp and rivals_test.cpp; COMA: coma_test.cpp; bits over threads,
// instruction sets and resumption: determinism_test.cpp.
#include <algorithm>
#include <doctest/doctest.h>

#include "learners/algorithms/training.hpp"
#include "tests/learners/reference.hpp"
#include "tests/learners/training.hpp"

namespace {

using credo::EnvShape;
using credo::RewardScale;
using credo::TrainConfig;
using doctest::Approx;
using learner_tests::Batch;
using learner_tests::DoubleParams;
using learner_tests::Draw;
using learner_tests::PlainEpisode;
using learner_tests::Reference;
using learner_tests::sz;

constexpr EnvShape kShape{.n_agents = 2, .n_actions = 3, .obs_dim = 4, .state_dim = 5};

std::vector<PlainEpisode> batch_of(Draw& draw) {
  std::vector<PlainEpisode> episodes;
  for (const int length : {3, 1, 4}) {
    episodes.push_back(learner_tests::random_episode(draw, kShape, length, length != 3));
    for (float& r : episodes.back().rewards) r = 5.0F * r + 2.0F;
  }
  return episodes;
}

double worst_difference(const credo::ParamLayout& layout, std::span<const float> got,
                        const DoubleParams& want) {
  double worst = 0.0;
  std::size_t at = 0;
  for (const auto& entry : layout.entries())
    for (const float x : layout.extract(entry, got))
      worst = std::max(worst, std::abs(x - want.flat()[at++]));
  return worst;
}

/// Three updates on three batches; RMSprop, so that small gradients stay small steps. False when a
/// batch is too near a kink.
bool check_updates(TrainConfig config, std::uint64_t seed) {
  config.seed = seed;
  credo::QLearner learner(kShape, config);
  const credo::ParamLayout& layout = learner.network().layout;
  Draw draw("soft target", seed);
  DoubleParams params(layout, learner.params());
  DoubleParams target = params;
  const auto& rms = config.optimizer;
  std::vector<double> square(params.flat().size());
  std::vector<std::vector<double>> rewards;
  for (int update = 0; update < 3; ++update) {
    const std::vector<PlainEpisode> episodes = batch_of(draw);
    rewards.push_back(learner_tests::all_rewards(episodes));
    learner_tests::RewardMoments moments;
    if (config.learner.standardise_rewards) moments = learner_tests::reward_moments(rewards);
    const Reference reference(kShape, config, params, target, episodes, moments);
    if (reference.margin() < 1e-3) return false;

    const credo::UpdateStats& stats = learner.compute_gradient(Batch(episodes).pointers);
    CHECK(stats.loss == Approx(reference.loss(params)).epsilon(2e-5));
    learner.apply_gradient(stats);
    learner.blend_target();

    std::vector<double> gradient;
    double norm = 0.0;
    for (double& x : params.flat()) {
      constexpr double kStep = 1e-5;
      const double at = x;
      x = at + kStep;
      const double above = reference.loss(params);
      x = at - kStep;
      gradient.push_back((above - reference.loss(params)) / (2.0 * kStep));
      x = at;
      norm += gradient.back() * gradient.back();
    }
    const double clip = std::min(1.0, rms.grad_norm_clip / (std::sqrt(norm) + 1e-6));
    const double tau = config.learner.target_tau;
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      const double g = clip * gradient[i];
      square[i] = rms.rmsprop_alpha * square[i] + (1.0 - rms.rmsprop_alpha) * g * g;
      params.flat()[i] -= rms.lr * g / (std::sqrt(square[i]) + rms.rmsprop_eps);
      target.flat()[i] = (1.0 - tau) * target.flat()[i] + tau * params.flat()[i];
    }
    CHECK(worst_difference(layout, learner.params(), params) < 2e-5);
    CHECK(worst_difference(layout, learner.target(), target) < 2e-5);
  }
  return true;
}

TEST_SUITE("soft targets and standardised rewards") {
  TEST_CASE("whole updates follow the reference") {
    for (const std::string kind : {"none", "vdn", "qmix"}) {
      for (const bool recurrent : {false, true}) {
        CAPTURE(kind);
        CAPTURE(recurrent);
        TrainConfig config;
        config.agent = {.hidden_dim = 5, .recurrent = recurrent, .obs_last_action = false};
        config.mixer = {.type = kind, .embed_dim = 4, .hypernet_layers = 2, .hypernet_embed = 5};
        config.learner.target_tau = 0.25;
        config.learner.standardise_rewards = true;
        config.optimizer.lr = 5e-3;
        int done = 0;
        for (std::uint64_t seed = 0; seed < 60 && done < 2; ++seed)
          if (check_updates(config, seed)) ++done;
        CHECK(done == 2);
      }
    }
  }

  TEST_CASE("running moments of two batches, by hand") {
    RewardScale scale;
    CHECK(scale.apply(-1.25F) == -1.25F);  // nothing seen: the reward itself
    const std::vector<float> first = {0.0F, 1.0F};
    const std::vector<float> second = {2.0F, 2.0F, 5.0F};
    scale.update(first);  // mean 0.5, unbiased variance 0.5
    const double m1 = 0.5 * 2.0 / 2.0001;
    const double v1 = (1e-4 + 0.5 * 2.0 + 0.25 * 1e-4 * 2.0 / 2.0001) / 2.0001;
    CHECK(scale.mean() == Approx(m1).epsilon(1e-14));
    CHECK(scale.variance() == Approx(v1).epsilon(1e-14));
    scale.update(second);  // mean 3, unbiased variance 3
    const double d = 3.0 - m1;
    CHECK(scale.mean() == Approx(m1 + d * 3.0 / 5.0001).epsilon(1e-14));
    const double v2 = (v1 * 2.0001 + 3.0 * 3.0 + d * d * 2.0001 * 3.0 / 5.0001) / 5.0001;
    CHECK(scale.variance() == Approx(v2).epsilon(1e-14));
    CHECK(scale.apply(5.0F) == Approx((5.0 - scale.mean()) / std::sqrt(v2)).epsilon(1e-6));
  }

  TEST_CASE("running moments equal their closed form: batches of one, of equal rewards, none") {
    Draw draw("moments");
    RewardScale scale;
    std::vector<std::vector<double>> seen;
    scale.update({});
    CHECK(scale.count() == 1e-4);
    for (const int n : {1, 7, 1, 40, 3}) {
      std::vector<float> rewards = draw.reals(sz(n), -3.0F, 8.0F);
      if (n == 3) rewards.assign(3, 2.5F);
      scale.update(rewards);
      seen.emplace_back(rewards.begin(), rewards.end());
      const auto want = learner_tests::reward_moments(seen);
      CHECK(scale.mean() == Approx(want.mean).epsilon(1e-12));
      CHECK(std::sqrt(scale.variance()) == Approx(want.deviation).epsilon(1e-12));
    }
    RewardScale zeros;  // a batch without any reward: no division by zero
    const std::vector<float> none(1000, 0.0F);
    zeros.update(none);
    CHECK(zeros.apply(0.0F) == 0.0F);
    CHECK(zeros.variance() > 0.0);
  }

  TEST_CASE("moments count the steps of a batch, not slots that pad it") {
    TrainConfig config;
    config.learner.standardise_rewards = true;
    credo::QLearner learner(kShape, config);
    Draw draw("steps");
    const std::vector<PlainEpisode> episodes = batch_of(draw);
    learner.compute_gradient(Batch(episodes).pointers);
    CHECK(learner.reward_scale().count() == 8.0 + 1e-4);
    const auto want = learner_tests::reward_moments({learner_tests::all_rewards(episodes)});
    CHECK(learner.reward_scale().mean() == Approx(want.mean).epsilon(1e-12));
  }

  TEST_CASE("tau 1 copies, tau 0 leaves the target to the interval") {
    Draw draw("tau");
    for (const double tau : {0.0, 1.0}) {
      TrainConfig config;
      config.learner.target_tau = tau;
      credo::QLearner learner(kShape, config);
      for (float& x : learner.params()) x = draw.real(-1.0F, 1.0F);
      const std::vector<float> before(learner.target().begin(), learner.target().end());
      learner.blend_target();
      const std::span<const float> want =
          tau == 1.0 ? std::span<const float>(learner.params()) : std::span<const float>(before);
      CHECK(learner_tests::same_bits(learner.target(), want));
    }
  }
}

}  // namespace
