// A value-based learner beside its double-precision reference, where their losses have no kink.
#pragma once

#include <doctest/doctest.h>
#include <memory>
#include <string_view>
#include <vector>

#include "learners/algorithms/q_learner.hpp"
#include "learners/reference/q_learning.hpp"
#include "tests/learners/episodes.hpp"
#include "tests/learners/gradients.hpp"

namespace learner_tests {

/// A learner with parameters and targets of its own, and a batch away from every kink, tie and
/// decision.
struct QProblem {
  struct Options {
    std::string_view draws;  ///< names the random numbers
    const std::vector<int>& lengths = kSomeLengths;
    double margin = 2e-4;  ///< distance from kinks
    int attempts = 100;
  };

  credo::EnvShape shape;
  credo::TrainConfig config;
  std::unique_ptr<credo::QLearner> learner;
  std::vector<PlainEpisode> episodes;
  std::unique_ptr<Parameters> params, target;
  std::unique_ptr<credo::reference::QLoss> reference;

  QProblem(const credo::EnvShape& env_shape, const credo::TrainConfig& train_config,
           const Options& options)
      : QProblem(env_shape, train_config, options, [](QProblem&, Draw&) {}) {}

  /// adjust(problem, draw) changes the episodes of every attempt.
  template <class Adjust>
  QProblem(const credo::EnvShape& env_shape, const credo::TrainConfig& train_config,
           const Options& options, const Adjust& adjust)
      : shape(env_shape), config(train_config) {
    for (int attempt = 0; attempt < options.attempts; ++attempt) {
      Draw draw(options.draws, static_cast<std::uint64_t>(attempt));
      config.seed = static_cast<std::uint64_t>(attempt);
      learner = std::make_unique<credo::QLearner>(shape, config);
      const credo::ParamLayout& layout = learner->network().layout;
      // Twice the initial scale: saturated units and sharper credits.
      for (float& x : learner->params()) x *= 2.0F;
      for (std::size_t i = 0; i < learner->params().size(); ++i)
        learner->target()[i] = learner->params()[i] * draw.real(0.7F, 1.3F);
      episodes = random_episodes(draw, shape, options.lengths);
      adjust(*this, draw);
      params = std::make_unique<Parameters>(layout, learner->params());
      target = std::make_unique<Parameters>(layout, learner->target());
      reference =
          std::make_unique<credo::reference::QLoss>(shape, config, *params, *target, episodes);
      if (reference->margin() > options.margin) return;
    }
    FAIL("no batch away from the kinks found");
  }

  /// The learner's gradient, the reference's and central differences of its loss agree.
  void check_gradient(float td_weight = 1.0F) {
    const Batch batch(episodes);
    const credo::UpdateStats stats = learner->compute_gradient(batch.pointers, nullptr, td_weight);
    CHECK(stats.loss == doctest::Approx(reference->loss(*params, td_weight)).epsilon(1e-5));
    const std::vector<double> numeric =
        numeric_gradient(*params, [&] { return reference->loss(*params, td_weight); });
    check_same_gradient(reference->gradient(*params, td_weight), numeric);
    check_close(learner->network().layout, learner->gradient(), numeric);
    CHECK(stats.grad_norm == doctest::Approx(norm_of(numeric)).epsilon(1e-5));
  }
};

}  // namespace learner_tests
