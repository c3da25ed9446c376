// Qatten and SHAQ: worked values, gradients against differences of the reference, and what their
// formulas promise. Bits over threads and instruction sets: determinism_test.cpp.
#include <algorithm>
#include <doctest/doctest.h>

#include "learners/algorithm_table.hpp"
#include "learners/algorithms/q_learner.hpp"
#include "learners/reference/q_learning.hpp"
#include "tests/learners/episodes.hpp"
#include "tests/learners/gradients.hpp"

namespace {

using credo::EnvShape;
using credo::MixerInput;
using credo::MixerPass;
using credo::TrainConfig;
using credo::reference::QLoss;
using doctest::Approx;
using learner_tests::Batch;
using learner_tests::Draw;
using learner_tests::Parameters;
using learner_tests::PlainEpisode;
using learner_tests::sz;

constexpr EnvShape kShape{.n_agents = 3, .n_actions = 4, .obs_dim = 5, .state_dim = 8};
const std::vector<int> kLengths = {4, 1, 3, 2, 4};

TrainConfig small_config(const std::string& type) {
  TrainConfig c;
  c.agent.hidden_dim = 6;
  c.mixer.type = type;
  c.mixer.embed_dim = 5;
  c.mixer.hypernet_embed = 6;
  c.mixer.qatten.heads = 3;
  c.mixer.shaq.sample_size = 3;
  return c;
}

/// A learner with targets of its own and a batch away from every kink and tie; SHAQ's orders.
struct Problem {
  EnvShape shape;
  TrainConfig config;
  std::vector<PlainEpisode> episodes;
  std::unique_ptr<credo::QLearner> learner;
  std::unique_ptr<Parameters> params, target;
  std::vector<int> orders;         // of the steps, one episode after the other
  std::vector<int> padded_orders;  // [episodes, slots - 1, orders, n_agents]
  std::unique_ptr<QLoss> reference;

  Problem(const EnvShape& env_shape, const TrainConfig& train_config,
          const std::vector<int>& lengths = kLengths)
      : shape(env_shape), config(train_config) {
    for (std::uint64_t attempt = 0; attempt < 1000; ++attempt) {
      Draw draw("attention", attempt);
      config.seed = attempt;
      learner = std::make_unique<credo::QLearner>(shape, config);
      for (float& x : learner->params()) x *= 2.0F;
      for (std::size_t i = 0; i < learner->params().size(); ++i)
        learner->target()[i] = learner->params()[i] * draw.real(0.7F, 1.3F);
      episodes.clear();
      for (std::size_t i = 0; i < lengths.size(); ++i)
        episodes.push_back(learner_tests::random_episode(draw, shape, lengths[i], i % 2 == 0));
      draw_orders(draw);
      const credo::ParamLayout& layout = learner->network().layout;
      params = std::make_unique<Parameters>(layout, learner->params());
      target = std::make_unique<Parameters>(layout, learner->target());
      reference =
          std::make_unique<QLoss>(shape, config, *params, *target, episodes,
                                  credo::reference::RewardMoments{}, nullptr, padded_orders);
      if (reference->margin() > 1e-4) return;
    }
    FAIL("no batch away from the kinks found");
  }

  const credo::UpdateStats& gradient(credo::UpdateTrace* trace = nullptr) {
    return learner->compute_gradient(Batch(episodes).pointers, trace, 1.0F, {.given = orders});
  }

 private:
  void draw_orders(Draw& draw) {
    const int per_step = config.mixer.shaq.sample_size;
    int longest = 0;
    for (const PlainEpisode& e : episodes) longest = std::max(longest, e.length);
    const std::size_t width = sz(per_step * shape.n_agents);
    orders.clear();
    padded_orders.assign(episodes.size() * sz(longest) * width, 0);
    for (std::size_t e = 0; e < episodes.size(); ++e)
      for (int t = 0; t < episodes[e].length; ++t)
        for (int m = 0; m < per_step; ++m) {
          std::vector<int> order;
          for (int i = 0; i < shape.n_agents; ++i) order.push_back(i);
          draw.stream().shuffle(std::span(order));
          orders.insert(orders.end(), order.begin(), order.end());
          std::copy(order.begin(), order.end(),
                    padded_orders.begin() +
                        static_cast<std::ptrdiff_t>((e * sz(longest) + sz(t)) * width +
                                                    sz(m * shape.n_agents)));
        }
  }
};

void check_gradient(const EnvShape& shape, const TrainConfig& config,
                    const std::vector<int>& lengths = kLengths) {
  Problem p(shape, config, lengths);
  const credo::UpdateStats& stats = p.gradient();
  CHECK(stats.loss == Approx(p.reference->loss(*p.params)).epsilon(1e-5));
  const std::vector<double> numeric =
      learner_tests::numeric_gradient(*p.params, [&] { return p.reference->loss(*p.params); });
  learner_tests::check_same_gradient(p.reference->gradient(*p.params), numeric);
  learner_tests::check_close(p.learner->network().layout, p.learner->gradient(), numeric);
}

/// A mixer alone, its parameters all zero but for those that are set.
struct Alone {
  credo::ParamLayout layout;
  TrainConfig config;
  std::unique_ptr<credo::Mixer> mixer;
  std::vector<float> params;
  credo::Scratch scratch;

  Alone(const EnvShape& shape, const TrainConfig& train_config)
      : config(train_config), mixer(credo::make_mixer(layout, shape, config)) {
    params.assign(layout.size(), 0.0F);
  }
  void set(const std::string& name, const std::vector<float>& values) {
    for (const auto& entry : layout.entries())
      if (entry.name == name) return layout.insert(entry, values, params);
    FAIL("no parameter " << name);
  }
  MixerPass mix(const MixerInput& in, bool want_published = false) {
    scratch.reset();
    return mixer->forward(params.data(), in, want_published, scratch);
  }
};

TEST_SUITE("qatten") {
  TEST_CASE("attention, credits and value by hand: two agents, two heads of width 1") {
    TrainConfig c = small_config("qatten");
    c.mixer.embed_dim = 1;
    c.mixer.qatten.heads = 2;
    const EnvShape shape{
        .n_agents = 2, .n_actions = 2, .obs_dim = 1, .state_dim = 2, .unit_dim = 1};
    Alone alone(shape, c);
    alone.set("mixer.query.0.2.bias", {0.8F});
    alone.set("mixer.query.1.2.bias", {-1.2F});
    alone.set("mixer.key.0.weight", {1.5F});
    alone.set("mixer.key.1.weight", {0.7F});
    alone.set("mixer.head.2.bias", {0.6F, -1.1F});
    alone.set("mixer.V.2.bias", {0.3F});
    const float q[] = {1.0F, -0.5F};
    const float state[] = {0.5F, -1.0F};
    const MixerPass pass = alone.mix({.rows = 1, .q = q, .state = state});
    const double lambda[] = {.85814894, .14185106, .22097389, .77902611};
    for (int i = 0; i < 4; ++i) CHECK(pass.attention[i] == Approx(lambda[i]).epsilon(1e-6));
    CHECK(pass.head_weights[0] == 0.6F);
    CHECK(pass.head_weights[1] == 1.1F);
    CHECK(pass.credits[0] == Approx(.75796064).epsilon(1e-6));
    CHECK(pass.credits[1] == Approx(.94203936).epsilon(1e-6));
    CHECK(pass.q_tot[0] == Approx(.58694096).epsilon(1e-6));
    CHECK(pass.penalty[0] == Approx(1.341).epsilon(1e-6));
  }

  TEST_CASE("one agent has all attention, equal units share it equally") {
    Draw draw("units");
    for (const int n : {1, 4}) {
      const EnvShape shape{.n_agents = n, .n_actions = 2, .obs_dim = 3, .state_dim = 5};
      Alone alone(shape, small_config("qatten"));
      for (float& x : alone.params) x = draw.real(-1.0F, 1.0F);
      const std::vector<float> state = draw.reals(5);
      const std::vector<float> unit = draw.reals(3);
      std::vector<float> obs;
      for (int i = 0; i < n; ++i) obs.insert(obs.end(), unit.begin(), unit.end());
      const std::vector<float> q = draw.reals(sz(n));
      const MixerPass pass =
          alone.mix({.rows = 1, .q = q.data(), .state = state.data(), .obs = obs.data()});
      for (int k = 0; k < 3 * n; ++k) CHECK(pass.attention[k] == Approx(1.0 / n).epsilon(1e-6));
    }
  }

  TEST_CASE("gradient: units from the state and from observations") {
    for (const int unit_dim : {0, 1, 2}) {
      EnvShape shape = kShape;
      shape.unit_dim = unit_dim;
      check_gradient(shape, small_config("qatten"));
    }
  }

  TEST_CASE("gradient: heads without weights, the penalty, TD(lambda) and the loss scale") {
    TrainConfig c = small_config("qatten");
    c.mixer.qatten.weighted_head = false;
    c.mixer.qatten.attention_reg = 0.3;
    c.learner.td_lambda = 0.6;
    c.learner.loss_scale = 0.5;
    check_gradient(kShape, c);
  }

  TEST_CASE("gradient: entropy of the credits, one agent, several chunks") {
    TrainConfig c = small_config("qatten");
    c.entropy = {.enabled = true, .lambda = 3.0};
    check_gradient(kShape, c);
    check_gradient({.n_agents = 1, .n_actions = 2, .obs_dim = 2, .state_dim = 3}, c);
    std::vector<int> lengths;
    for (int i = 0; i < 18; ++i) lengths.push_back(1 + i % 7);
    c.agent.hidden_dim = 3;
    check_gradient(kShape, c, lengths);
  }
}

TEST_SUITE("attention, agents with weights of their own") {
  TEST_CASE("gradient, with n-step targets") {
    for (const std::string kind : {"qatten", "shaq"}) {
      TrainConfig c = small_config(kind);
      c.agent.shared = false;
      c.learner.n_step = 2;
      check_gradient(kShape, c);
    }
  }
}

TEST_SUITE("shaq") {
  TEST_CASE("alpha and Q_tot by hand: two agents, three orders, width 1") {
    TrainConfig c = small_config("shaq");
    c.mixer.embed_dim = 1;
    const EnvShape shape{.n_agents = 2, .n_actions = 2, .obs_dim = 1, .state_dim = 1};
    Alone alone(shape, c);
    alone.set("mixer.hyper_w_1.2.bias", {0.5F, -1.0F});
    alone.set("mixer.hyper_b_1.bias", {-0.2F});
    alone.set("mixer.hyper_w_final.2.bias", {2.0F});
    alone.set("mixer.hyper_b_2.2.bias", {0.1F});
    const float q[] = {1.0F, -0.5F};
    const float state[] = {0.7F};
    const int orders[] = {0, 1, 1, 0, 0, 1};
    const int actions[] = {0, 0};
    const auto value = [&](const std::vector<int>& greedy) {
      return alone.mix({.rows = 1,
                        .q = q,
                        .state = state,
                        .actions = actions,
                        .greedy = greedy.data(),
                        .orders = orders});
    };
    const MixerPass none = value({1, 1});
    CHECK(none.alpha[0] == Approx(2.53333333).epsilon(1e-6));
    CHECK(none.alpha[1] == Approx(1.47730213).epsilon(1e-6));
    CHECK(none.q_tot[0] == Approx(1.79468227).epsilon(1e-6));
    const MixerPass first = value({0, 1});
    CHECK(first.q_tot[0] == Approx(.26134894).epsilon(1e-6));
    CHECK(first.credits[0] == 1.0F);
    CHECK(value({0, 0}).q_tot[0] == 0.5F);
  }

  TEST_CASE("gradient: both depths of hypernetworks, without double Q, TD(lambda)") {
    TrainConfig c = small_config("shaq");
    check_gradient(kShape, c);
    c.mixer.hypernet_layers = 1;
    c.learner.double_q = false;
    c.learner.td_lambda = 0.6;
    check_gradient(kShape, c);
  }

  TEST_CASE("gradient: many agents and orders, several chunks, a fixed alpha") {
    TrainConfig c = small_config("shaq");
    c.mixer.shaq.sample_size = 5;
    check_gradient({.n_agents = 5, .n_actions = 3, .obs_dim = 2, .state_dim = 4}, c, {3, 2});
    std::vector<int> lengths;
    for (int i = 0; i < 18; ++i) lengths.push_back(1 + i % 7);
    c.agent.hidden_dim = 3;
    check_gradient(kShape, c, lengths);
    c.mixer.shaq.fixed_alpha = 1.5;
    check_gradient(kShape, c);
  }

  TEST_CASE("credits in full are the derivative of Q_tot, credits are its weights") {
    Problem p(kShape, small_config("shaq"));
    credo::UpdateTrace trace;
    trace.slots = 5;
    p.gradient(&trace);
    const auto& want = p.reference->values();
    double through = 0.0;
    for (std::size_t i = 0; i < trace.credits_exact.size(); ++i) {
      CHECK(trace.credits_exact[i] == Approx(want.at("credits_exact")[i]).epsilon(1e-5));
      CHECK(trace.credits_published[i] == Approx(want.at("credits_published")[i]).epsilon(1e-4));
      through += std::abs(trace.credits_published[i] - trace.credits_exact[i]);
    }
    CHECK(through > 0.1);
  }

  TEST_CASE("alpha fixed at 1 is VDN, bit for bit, and so are greedy actions") {
    Problem p(kShape, small_config("shaq"));
    TrainConfig vdn_config = p.config;
    vdn_config.mixer.type = "vdn";
    credo::QLearner vdn(kShape, vdn_config);
    const std::size_t agents = vdn.params().size();
    std::copy_n(p.learner->params().begin(), agents, vdn.params().begin());
    std::copy_n(p.learner->target().begin(), agents, vdn.target().begin());
    const auto same = [&](credo::QLearner& shaq, const Batch& batch) {
      const credo::UpdateStats of_vdn = vdn.compute_gradient(batch.pointers);
      const credo::UpdateStats& of_shaq = shaq.compute_gradient(batch.pointers);
      CHECK(of_shaq.loss == of_vdn.loss);
      CHECK(learner_tests::same_bits(shaq.gradient().first(agents), vdn.gradient()));
      for (const float g : shaq.gradient().subspan(agents)) CHECK(g == 0.0F);
    };
    TrainConfig fixed = p.config;
    fixed.mixer.shaq.fixed_alpha = 1.0;
    credo::QLearner one(kShape, fixed);
    std::copy(p.learner->params().begin(), p.learner->params().end(), one.params().begin());
    std::copy(p.learner->target().begin(), p.learner->target().end(), one.target().begin());
    same(one, Batch(p.episodes));
    for (int t = 0; t < 4; ++t) {  // earlier actions are part of later inputs
      credo::UpdateTrace trace;
      trace.slots = 5;
      p.gradient(&trace);
      for (std::size_t b = 0; b < p.episodes.size(); ++b)
        for (int i = 0; i < 3 && t < p.episodes[b].length; ++i)
          p.episodes[b].actions[sz(t * 3 + i)] = trace.greedy_actions[(b * 5 + sz(t)) * 3 + sz(i)];
    }
    same(*p.learner, Batch(p.episodes));
  }

  TEST_CASE("agents and mixer clip their own norms and move at their own rates") {
    TrainConfig c = small_config("shaq");
    c.optimizer.grad_norm_clip = 0.01;
    c.mixer.shaq.alpha_lr = 3e-3;
    Problem p(kShape, c);
    const credo::UpdateStats stats = p.gradient();
    CHECK(stats.grad_norm > 0.01);
    CHECK(stats.mixer_grad_norm > 0.01);
    std::vector<double> gradient = p.reference->gradient(*p.params);
    const std::size_t begin = p.params->tensor("mixer.hyper_w_1.0.weight").first;
    double agents = 0.0, mixer = 0.0;
    for (std::size_t i = 0; i < gradient.size(); ++i)
      (i < begin ? agents : mixer) += gradient[i] * gradient[i];
    CHECK(stats.grad_norm == Approx(std::sqrt(agents)).epsilon(1e-5));
    CHECK(stats.mixer_grad_norm == Approx(std::sqrt(mixer)).epsilon(1e-5));
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      const double norm = std::sqrt(i < begin ? agents : mixer);
      const double g = gradient[i] * 0.01 / (norm + 1e-6);
      const double rate = i < begin ? 5e-4 : 3e-3;
      p.params->flat()[i] -= rate * g / (std::sqrt(0.01 * g * g) + 1e-5);
    }
    p.learner->apply_gradient(stats);
    CHECK(learner_tests::worst_difference(p.learner->network().layout, p.learner->params(),
                                          *p.params) < 2e-5);
  }
}

}  // namespace
