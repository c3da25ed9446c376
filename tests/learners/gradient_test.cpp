// The gradient of every layer, mixer and loss against central differences of the double-precision
// reference, and the reference's values against the learner's.
#include <algorithm>
#include <doctest/doctest.h>

#include "learners/algorithms/q_learner.hpp"
#include "learners/reference/q_learning.hpp"
#include "tests/learners/episodes.hpp"
#include "tests/learners/gradients.hpp"

namespace {

using credo::EluDerivative;
using credo::EnvShape;
using credo::TrainConfig;
using credo::reference::Index;
using credo::reference::Matrix;
using credo::reference::QLoss;
using credo::reference::Tape;
using credo::reference::Var;
using credo::reference::Weights;
using learner_tests::Batch;
using learner_tests::Draw;
using learner_tests::Parameters;
using learner_tests::PlainEpisode;
using learner_tests::random_episode;
using learner_tests::sz;

constexpr EnvShape kShape{.n_agents = 3, .n_actions = 4, .obs_dim = 5, .state_dim = 6};
const std::vector<int> kLengths = {4, 1, 3, 2, 4};

TrainConfig small_config(const std::string& kind) {
  TrainConfig c;
  c.agent.hidden_dim = 7;
  c.mixer = {.type = kind, .embed_dim = 5, .hypernet_layers = 2, .hypernet_embed = 6};
  return c;
}

TrainConfig entropy_config(EluDerivative derivative, bool detach, double lambda = 0.5) {
  TrainConfig c = small_config("qmix");
  c.entropy = {
      .enabled = true, .lambda = lambda, .elu_derivative = derivative, .detach_agents = detach};
  return c;
}

/// A learner with parameters and targets of its own, and a batch away from every kink.
struct Problem {
  EnvShape shape;
  TrainConfig config;
  std::unique_ptr<credo::QLearner> learner;
  std::vector<PlainEpisode> episodes;
  std::unique_ptr<Parameters> params, target;
  std::unique_ptr<QLoss> reference;

  Problem(const EnvShape& env_shape, const TrainConfig& train_config,
          const std::vector<int>& lengths)
      : shape(env_shape), config(train_config) {
    for (std::uint64_t attempt = 0; attempt < 100; ++attempt) {
      Draw draw("gradient", attempt);
      config.seed = attempt;
      learner = std::make_unique<credo::QLearner>(shape, config);
      const credo::ParamLayout& layout = learner->network().layout;
      // Twice the initial scale: saturated units and sharper credits.
      for (float& x : learner->params()) x *= 2.0F;
      for (std::size_t i = 0; i < learner->params().size(); ++i)
        learner->target()[i] = learner->params()[i] * draw.real(0.7F, 1.3F);
      episodes.clear();
      for (std::size_t i = 0; i < lengths.size(); ++i)
        episodes.push_back(random_episode(draw, shape, lengths[i], i % 2 == 0));
      params = std::make_unique<Parameters>(layout, learner->params());
      target = std::make_unique<Parameters>(layout, learner->target());
      reference = std::make_unique<QLoss>(shape, config, *params, *target, episodes);
      if (reference->margin() > 2e-4) return;
    }
    FAIL("no batch away from the kinks found");
  }
};

/// Compares the learner's gradient with central differences of the reference.
void check_gradient(const EnvShape& shape, const TrainConfig& config,
                    const std::vector<int>& lengths = kLengths, float td_weight = 1.0F) {
  Problem p(shape, config, lengths);
  const Batch batch(p.episodes);
  const credo::UpdateStats stats = p.learner->compute_gradient(batch.pointers, nullptr, td_weight);
  CHECK(stats.loss == doctest::Approx(p.reference->loss(*p.params, td_weight)).epsilon(1e-5));

  const std::vector<double> numeric = learner_tests::numeric_gradient(
      *p.params, [&] { return p.reference->loss(*p.params, td_weight); });
  learner_tests::check_same_gradient(p.reference->gradient(*p.params, td_weight), numeric);
  learner_tests::check_close(p.learner->network().layout, p.learner->gradient(), numeric);
  CHECK(stats.grad_norm == doctest::Approx(learner_tests::norm_of(numeric)).epsilon(1e-5));
}

/// Credits are the derivatives they claim to be.
void check_credits(const Problem& p) {
  const Index n = p.shape.n_agents;
  Draw draw("credits");
  for (int trial = 0; trial < 20; ++trial) {
    Matrix q(1, n), state(1, p.shape.state_dim);
    for (double& x : q.reshaped()) x = draw.real(-1.0F, 1.0F);
    for (double& x : state.reshaped()) x = draw.real(-1.0F, 1.0F);
    Tape tape;
    const Weights weights(tape, *p.params, false);
    const Var chosen = tape.parameter(q);
    const auto mixed = credo::reference::mix(
        weights, p.config, {.q = chosen, .state = tape.constant(state), .n_actions = 1});
    tape.backward(mixed.q_tot);
    CHECK((tape.gradient(chosen) - mixed.credits.value()).cwiseAbs().maxCoeff() < 1e-12);
  }
}

TEST_SUITE("gradients") {
  TEST_CASE("iql") { check_gradient(kShape, small_config("none")); }
  TEST_CASE("vdn") { check_gradient(kShape, small_config("vdn")); }
  TEST_CASE("qmix, two-layer hypernetworks") { check_gradient(kShape, small_config("qmix")); }
  TEST_CASE("qmix, one-layer hypernetworks") {
    TrainConfig c = small_config("qmix");
    c.mixer.hypernet_layers = 1;
    check_gradient(kShape, c);
  }
  TEST_CASE("qmix_simple, both depths") {
    TrainConfig c = small_config("qmix_simple");
    check_gradient(kShape, c);
    c.mixer.hypernet_layers = 1;
    check_gradient(kShape, c);
  }

  TEST_CASE("agent inputs with and without last action and index") {
    for (const bool last_action : {false, true}) {
      for (const bool agent_id : {false, true}) {
        TrainConfig c = small_config("vdn");
        c.agent.obs_last_action = last_action;
        c.agent.obs_agent_id = agent_id;
        check_gradient(kShape, c);
      }
    }
  }

  TEST_CASE("agents without recurrence") {
    for (const std::string kind : {"none", "vdn", "qmix"}) {
      for (const bool last_action : {false, true}) {
        TrainConfig c = small_config(kind);
        c.agent.recurrent = false;
        c.agent.obs_last_action = last_action;
        check_gradient(kShape, c);
      }
    }
    TrainConfig c = entropy_config(EluDerivative::kPublished, false);
    c.agent.recurrent = false;
    check_gradient(kShape, c);
    c = small_config("vdn");  // many blocks of slots
    c.agent = {.hidden_dim = 3, .recurrent = false};
    check_gradient({.n_agents = 2, .n_actions = 2, .obs_dim = 2, .state_dim = 1}, c,
                   {120, 70, 119, 3});
  }

  TEST_CASE("agents with weights of their own") {
    for (const std::string kind : {"none", "vdn", "qmix"}) {
      for (const bool recurrent : {true, false}) {
        TrainConfig c = small_config(kind);
        c.agent.shared = false;
        c.agent.recurrent = recurrent;
        c.agent.obs_last_action = recurrent || kind == "vdn";
        check_gradient(kShape, c);
      }
    }
    TrainConfig c = small_config("vdn");  // many blocks of slots
    c.agent = {.hidden_dim = 3, .shared = false};
    check_gradient({.n_agents = 2, .n_actions = 2, .obs_dim = 2, .state_dim = 1}, c,
                   {120, 70, 119, 3});
  }

  TEST_CASE("standardised rewards") {
    for (const std::string kind : {"none", "vdn", "qmix_simple"}) {
      for (const double lambda : {0.0, 0.7}) {
        TrainConfig c = small_config(kind);
        c.learner.standardise_rewards = true;
        c.learner.td_lambda = lambda;
        check_gradient(kShape, c);
      }
    }
  }

  TEST_CASE("without double Q") {
    for (const std::string kind : {"none", "qmix"}) {
      TrainConfig c = small_config(kind);
      c.learner.double_q = false;
      check_gradient(kShape, c);
    }
  }

  TEST_CASE("TD(lambda)") {
    for (const std::string kind : {"none", "vdn", "qmix"}) {
      for (const double lambda : {0.4, 1.0}) {
        TrainConfig c = small_config(kind);
        c.learner.td_lambda = lambda;
        c.learner.gamma = 0.9;
        check_gradient(kShape, c);
      }
    }
  }

  TEST_CASE("n-step targets") {
    for (const std::string kind : {"none", "vdn", "qmix"}) {
      for (const int n : {2, 3, 100}) {
        TrainConfig c = small_config(kind);
        c.learner.n_step = n;
        c.learner.gamma = 0.9;
        c.learner.standardise_rewards = n == 3;
        check_gradient(kShape, c);
      }
    }
  }

  TEST_CASE("loss scale weighs the TD error, not the entropy") {
    TrainConfig c = entropy_config(EluDerivative::kExact, true);
    c.learner.loss_scale = 0.5;
    check_gradient(kShape, c);
  }

  TEST_CASE("gradient entropy, exact and published slope, detached and not") {
    for (const EluDerivative derivative : {EluDerivative::kExact, EluDerivative::kPublished}) {
      for (const bool detach : {true, false}) {
        check_gradient(kShape, entropy_config(derivative, detach));
        check_gradient(kShape, entropy_config(derivative, detach, -2.0));
      }
    }
  }

  TEST_CASE("gradient entropy on one-layer hypernetworks") {
    TrainConfig c = entropy_config(EluDerivative::kPublished, false);
    c.mixer.hypernet_layers = 1;
    check_gradient(kShape, c);
  }

  TEST_CASE("gradient entropy alone") {
    for (const EluDerivative derivative : {EluDerivative::kExact, EluDerivative::kPublished})
      check_gradient(kShape, entropy_config(derivative, false, 1.0), kLengths, 0.0F);
  }

  TEST_CASE("sizes that fill no vector, one agent, one action") {
    const EnvShape one{.n_agents = 1, .n_actions = 1, .obs_dim = 1, .state_dim = 1};
    check_gradient(one, entropy_config(EluDerivative::kPublished, false));
    check_gradient({.n_agents = 2, .n_actions = 3, .obs_dim = 2, .state_dim = 9},
                   entropy_config(EluDerivative::kExact, false), {1});
  }

  TEST_CASE("a batch of several chunks") {
    std::vector<int> lengths;
    for (int i = 0; i < 24; ++i) lengths.push_back(1 + i % 7);
    TrainConfig c = entropy_config(EluDerivative::kPublished, true);
    c.agent.hidden_dim = 4;
    c.mixer.embed_dim = 3;
    c.mixer.hypernet_embed = 4;
    check_gradient(kShape, c, lengths);
  }

  TEST_CASE("long episodes: backpropagation crosses every block of slots") {
    TrainConfig c = small_config("vdn");
    c.agent.hidden_dim = 3;
    check_gradient({.n_agents = 2, .n_actions = 2, .obs_dim = 2, .state_dim = 1}, c,
                   {120, 70, 119, 3});
  }

  TEST_CASE("values, targets, credits and entropy equal the reference's") {
    for (const std::string kind : {"none", "vdn", "qmix", "qmix_simple"}) {
      Problem p(kShape, small_config(kind), kLengths);
      const Batch batch(p.episodes);
      credo::UpdateTrace trace;
      trace.slots = 1 + *std::max_element(kLengths.begin(), kLengths.end());
      p.learner->compute_gradient(batch.pointers, &trace);
      const auto& want = p.reference->values();
      const auto check = [&](const char* name, const std::vector<float>& got, double tolerance) {
        CAPTURE(name);
        REQUIRE(want.contains(name));
        REQUIRE(want.at(name).size() == got.size());
        for (std::size_t i = 0; i < got.size(); ++i)
          CHECK(std::abs(got[i] - want.at(name)[i]) < tolerance);
      };
      check("agent_qs", trace.agent_qs, 2e-6);
      check("target_agent_qs", trace.target_agent_qs, 2e-6);
      check("q_taken", trace.q_taken, 2e-6);
      check("q_tot", trace.q_tot, 5e-6);
      check("target_q_tot", trace.target_q_tot, 5e-6);
      check("targets", trace.targets, 5e-6);
      if (kind == "none") continue;
      check("credits_exact", trace.credits_exact, 5e-6);
      check("credits_published", trace.credits_published, 5e-6);
      check("entropy", trace.entropy, 2e-6);
      check_credits(p);
    }
  }

  TEST_CASE("the order of a batch does not change losses, and only rounding of gradients") {
    Problem p(kShape, entropy_config(EluDerivative::kPublished, true), kLengths);
    const Batch batch(p.episodes);
    const auto first = p.learner->compute_gradient(batch.pointers);
    const std::vector<float> g(p.learner->gradient().begin(), p.learner->gradient().end());
    auto reversed = batch.pointers;
    std::reverse(reversed.begin(), reversed.end());
    const auto second = p.learner->compute_gradient(reversed);
    CHECK(first.loss == doctest::Approx(second.loss).epsilon(1e-6));
    for (std::size_t i = 0; i < g.size(); ++i)
      CHECK(std::abs(g[i] - p.learner->gradient()[i]) < 1e-5);
  }

  TEST_CASE("repeating a batch repeats its bits") {
    Problem p(kShape, entropy_config(EluDerivative::kPublished, true), kLengths);
    const Batch batch(p.episodes);
    p.learner->compute_gradient(batch.pointers);
    const std::vector<float> g(p.learner->gradient().begin(), p.learner->gradient().end());
    p.learner->compute_gradient(batch.pointers);
    CHECK(learner_tests::same_bits(g, p.learner->gradient()));
  }

  TEST_CASE("a batch without a step moves nothing") {
    Problem p(kShape, small_config("qmix"), kLengths);
    Draw draw("empty");
    const Batch batch(
        {random_episode(draw, kShape, 0, false), random_episode(draw, kShape, 0, false)});
    const std::vector<float> before(p.learner->params().begin(), p.learner->params().end());
    const auto stats = p.learner->compute_gradient(batch.pointers);
    CHECK(stats.steps == 0);
    CHECK(stats.loss == 0.0);
    p.learner->apply_gradient(stats);
    CHECK(learner_tests::same_bits(before, p.learner->params()));
    for (const float g : p.learner->gradient()) CHECK(g == 0.0F);
  }
}

}  // namespace
