// Hand-computed values: one GRU cell, one QMIX sample with its entropy gradient, two optimiser
// steps, TD(lambda) returns, and the identities the entropy gradient must satisfy.
#include <algorithm>
#include <doctest/doctest.h>
#include <numeric>

#include "learners/algorithms/q_learner.hpp"
#include "learners/credit/gradient_entropy.hpp"
#include "learners/nets/optimizer.hpp"
#include "learners/reference/returns.hpp"
#include "tests/learners/episodes.hpp"

namespace {

using credo::KernelTable;
using doctest::Approx;
using learner_tests::Batch;
using learner_tests::Draw;
using learner_tests::sz;
using learner_tests::tables;

Approx near(double x) { return Approx(x).epsilon(2e-6); }

/// One QMIX sample on the kernels: forward, entropy of the exact credits, backward.
struct Sample {
  int n = 0, e = 0;
  std::vector<float> q, a1, b1, a2;
  float v = 0.0F;
  // results
  std::vector<float> hidden, slope, credits, g, d_q, d_a1, d_b1, d_a2;
  float q_tot = 0.0F;
  float entropy = 0.0F;

  void run(const KernelTable& k, float target, float td_weight, float lambda) {
    hidden.resize(sz(e));
    slope.resize(sz(e));
    credits.resize(sz(n));
    g.resize(sz(n));
    d_q.resize(sz(n));
    d_a1.resize(sz(n * e));
    d_b1.resize(sz(e));
    d_a2.resize(sz(e));
    credo::QmixForward f{.rows = 1, .n_agents = n, .embed = e};
    f.a1_ld = n * e;
    f.b1_ld = e;
    f.a2_ld = e;
    f.q = q.data();
    f.a1 = a1.data();
    f.b1 = b1.data();
    f.a2 = a2.data();
    f.v = &v;
    f.hidden = hidden.data();
    f.slope = slope.data();
    f.q_tot = &q_tot;
    f.credits = credits.data();
    k.qmix_forward(f);
    credo::Scratch scratch;
    credo::gradient_entropy(1, n, credits.data(), &entropy, lambda, g.data(), scratch);
    const float d_q_tot = td_weight * 2.0F * (q_tot - target);
    credo::QmixBackward b;
    b.forward = f;
    b.d_q_tot = &d_q_tot;
    b.d_credit = g.data();
    b.detach_agents = false;
    b.d_a1 = d_a1.data();
    b.d_b1 = d_b1.data();
    b.d_a2 = d_a2.data();
    b.d_q = d_q.data();
    k.qmix_backward(b);
  }
};

Sample golden_sample() {
  Sample s;
  s.n = 2;
  s.e = 3;
  s.q = {0.5F, -1.0F};
  s.a1 = {0.3F, -0.2F, 0.1F, -0.4F, 0.5F, 0.25F};
  s.b1 = {0.1F, 0.2F, 0.3F};
  s.a2 = {0.6F, -0.7F, 0.8F};
  s.v = 0.05F;
  return s;
}

Sample random_sample(Draw& draw, int n, int e) {
  Sample s;
  s.n = n;
  s.e = e;
  s.q = draw.reals(sz(n));
  s.a1 = draw.reals(sz(n * e));
  s.b1 = draw.reals(sz(e));
  s.a2 = draw.reals(sz(e));
  return s;
}

TEST_SUITE("golden values") {
  TEST_CASE("GRU cell") {
    const float x = 1.5F;
    const float h = 0.7F;
    const float w_ih[] = {0.5F, -0.3F, 0.8F};
    const float w_hh[] = {0.2F, 0.4F, -0.6F};
    const float b_ih[] = {0.1F, 0.0F, -0.2F};
    const float b_hh[] = {-0.1F, 0.3F, 0.05F};
    float gi[3], gh[3];
    for (int i = 0; i < 3; ++i) {
      gi[i] = std::fma(w_ih[i], x, b_ih[i]);
      gh[i] = std::fma(w_hh[i], h, b_hh[i]);
    }
    for (const KernelTable* k : tables()) {
      float gates[4], next = 0.0F;
      k->gru_forward(1, 1, gi, gh, &h, gates, &next);
      CHECK(gates[0] == near(0.7088901725661199));
      CHECK(gates[1] == near(0.5324543063873187));
      CHECK(gates[2] == near(0.6277599891812896));
      CHECK(next == near(0.6662244940351785));
    }
  }

  TEST_CASE("QMIX sample with and without the entropy term") {
    struct Case {
      float lambda;
      double d_q[2], d_b1[3], d_a2[3];
    };
    const Case cases[] = {
        {0.0F,
         {-.7553516042998014, -1.4977942510248008},
         {-1.1159564563562945, -1.238452387372263, -1.728741899184605},
         {.3009999467202654, -.39170967773466603, -.21609273739807558}},
        {0.1F,
         {-.7547693235602222, -1.497457026112393},
         {-1.112760807966179, -1.24033445625954, -1.728741899184605},
         {.3063260273704577, -.3890210078956991, -.2177347117766237}},
        {1.0F,
         {-.749528796904009, -1.4944220019007233},
         {-1.0839999724551408, -1.2572730762450315, -1.728741899184605},
         {.35426075322218836, -.3648229793449967, -.23251248118355694}},
    };
    for (const KernelTable* k : tables()) {
      CAPTURE(k->name);
      Sample s = golden_sample();
      for (const Case& c : cases) {
        s.run(*k, 1.0F, 1.0F, c.lambda);
        CHECK(s.q_tot == near(-.08046368699037805));
        CHECK(s.slope[0] == near(.8607079764250578));
        CHECK(s.slope[1] == near(.8187307530779818));
        CHECK(s.slope[2] == 1.0F);
        CHECK(s.credits[0] == near(.3495497411874279));
        CHECK(s.credits[1] == near(.6931256779193076));
        CHECK(s.entropy == near(.9201937742240668));
        for (std::size_t i = 0; i < 2; ++i) CHECK(s.d_q[i] == near(c.d_q[i]));
        for (std::size_t i = 0; i < 3; ++i) {
          CHECK(s.d_b1[i] == near(c.d_b1[i]));
          CHECK(s.d_a2[i] == near(c.d_a2[i]));
        }
      }
      CHECK(s.g[0] == near(.6296558489002104));
      CHECK(s.g[1] == near(-.31754131470200964));
      const double with_term[] = {-.21683009929690916, .26777351297749813, -.36064627047213416,
                                  -.9200137670100292,  1.0752864884414874, 1.4747088474229972};
      for (std::size_t i = 0; i < 6; ++i) CHECK(s.d_a1[i] == near(with_term[i]));
      s.run(*k, 1.0F, 1.0F, 0.0F);
      const double without[] = {-.5579782281781472,  .6192261936861315, -.8643709495923025,
                                -1.1159564563562945, 1.238452387372263, 1.728741899184605};
      for (std::size_t i = 0; i < 6; ++i) CHECK(s.d_a1[i] == near(without[i]));
    }
  }

  TEST_CASE("published slope is exp of the ELU output") {
    for (const KernelTable* k : tables()) {
      Sample s = golden_sample();
      s.run(*k, 0.0F, 0.0F, 0.0F);
      float published[2];
      credo::QmixForward f{.rows = 1, .n_agents = 2, .embed = 3};
      f.a1_ld = 6;
      f.b1_ld = 3;
      f.a2_ld = 3;
      f.q = s.q.data();
      f.a1 = s.a1.data();
      f.b1 = s.b1.data();
      f.a2 = s.a2.data();
      f.v = &s.v;
      f.hidden = s.hidden.data();
      f.slope = s.slope.data();
      f.q_tot = &s.q_tot;
      f.published = published;
      k->qmix_forward(f);
      const double slope[] = {std::exp(std::exp(-0.15) - 1.0), std::exp(std::exp(-0.2) - 1.0), 1.0};
      CHECK(published[0] == near(0.3 * slope[0] * 0.6 + 0.2 * slope[1] * 0.7 + 0.1 * 0.8));
      CHECK(published[1] == near(0.4 * slope[0] * 0.6 + 0.5 * slope[1] * 0.7 + 0.25 * 0.8));
    }
  }

  TEST_CASE("RMSprop") {
    for (const std::string& isa : credo::available_isas()) {
      const learner_tests::UseIsa use(isa);
      credo::OptimizerConfig c;
      credo::Optimizer optimizer(c, 1);
      std::vector<float> p = {1.0F};
      const float first = 0.5F;
      optimizer.step(p, {&first, 1}, 1.0F);
      CHECK(optimizer.square_avg()[0] == near(.0025));
      CHECK(p[0] == Approx(.99500099980004).epsilon(1e-7));
      const float second = -0.2F;
      optimizer.step(p, {&second, 1}, 1.0F);
      CHECK(optimizer.square_avg()[0] == near(.002875));
      CHECK(p[0] == Approx(.9968656616552914).epsilon(1e-7));
    }
  }

  TEST_CASE("Adam") {
    for (const std::string& isa : credo::available_isas()) {
      const learner_tests::UseIsa use(isa);
      credo::OptimizerConfig c;
      c.kind = credo::OptimizerKind::kAdam;
      c.lr = 1e-3;
      credo::Optimizer optimizer(c, 1);
      std::vector<float> p = {1.0F};
      const float first = 1.0F;  // gradients 0.5 and -0.2 as 0.5 times 1 and -0.4
      optimizer.step(p, {&first, 1}, 0.5F);
      CHECK(p[0] == Approx(.99900000002).epsilon(1e-7));
      const float second = -0.4F;
      optimizer.step(p, {&second, 1}, 0.5F);
      CHECK(p[0] == Approx(.9986543941811651).epsilon(1e-7));
    }
  }

  TEST_CASE("clipping scales the step by limit over norm") {
    credo::TrainConfig c;
    c.mixer.type = "vdn";
    c.agent.hidden_dim = 4;
    c.optimizer.grad_norm_clip = 1e-3;
    const credo::EnvShape shape{.n_agents = 2, .n_actions = 2, .obs_dim = 3, .state_dim = 1};
    Draw draw("clip");
    const Batch batch({learner_tests::random_episode(draw, shape, 4, true)});
    credo::QLearner clipped(shape, c);
    const auto stats = clipped.compute_gradient(batch.pointers);
    REQUIRE(stats.grad_norm > 1e-2);
    const std::vector<float> g(clipped.gradient().begin(), clipped.gradient().end());
    clipped.apply_gradient(stats);
    for (std::size_t i = 0; i < g.size(); ++i) {
      const double scaled = g[i] * 1e-3 / (stats.grad_norm + 1e-6);
      CHECK(clipped.optimizer().square_avg()[i] == near(0.01 * scaled * scaled));
    }
  }

  // Values of the next slots are set through fc2's bias and availability, so they are known.
  TEST_CASE("TD(lambda) returns of a three-step episode") {
    credo::TrainConfig c;
    c.mixer.type = "vdn";
    c.agent.hidden_dim = 4;
    c.learner.gamma = 0.99;
    c.learner.td_lambda = 0.6;
    const credo::EnvShape shape{.n_agents = 1, .n_actions = 3, .obs_dim = 1, .state_dim = 1};
    credo::QLearner learner(shape, c);
    for (const auto& e : learner.network().layout.entries()) {
      if (!e.name.starts_with("agent.fc2")) continue;
      const std::vector<float> values = e.in == 0 ? std::vector<float>{0.6F, 0.7F, 0.9F}
                                                  : std::vector<float>(sz(e.in * e.out), 0.0F);
      learner.network().layout.insert(e, values, learner.params());
      learner.network().layout.insert(e, values, learner.target());
    }
    auto episode = learner_tests::blank_episode(shape, 3, true);
    episode.rewards = {0.0F, 0.0F, 1.0F};
    for (int slot = 1; slot <= 3; ++slot)
      for (int a = 0; a < 3; ++a) episode.avail[sz(slot * 3 + a)] = a == slot - 1 ? 1 : 0;
    credo::UpdateTrace trace;
    trace.slots = 4;
    learner.compute_gradient(Batch({episode}).pointers, &trace);
    CHECK(trace.targets[0] == near(.7550928));
    CHECK(trace.targets[1] == near(.8712));
    CHECK(trace.targets[2] == near(1.0));

    episode.terminated = false;  // cut by the limit: the last slot bootstraps
    learner.compute_gradient(Batch({episode}).pointers, &trace);
    CHECK(trace.targets[2] == near(1.0 + 0.99 * 0.9));
    CHECK(trace.targets[1] == near(0.99 * (0.4 * 0.7 + 0.6 * trace.targets[2])));
  }

  TEST_CASE("n-step targets equal plain sums: a time limit bootstraps, an end does not") {
    const credo::EnvShape shape{.n_agents = 2, .n_actions = 3, .obs_dim = 4, .state_dim = 5};
    constexpr double kGamma = 0.9;
    for (const std::string kind : {"none", "vdn", "qmix"}) {
      for (const int n : {1, 2, 3, 9, 50}) {
        credo::TrainConfig c;
        c.mixer.type = kind;
        c.agent.hidden_dim = 8;
        c.learner.n_step = n;
        c.learner.gamma = kGamma;
        credo::QLearner learner(shape, c);
        Draw draw("n-step");
        std::vector<learner_tests::PlainEpisode> episodes;
        for (const int length : {1, 2, 9, 5, 8, 7})
          episodes.push_back(learner_tests::random_episode(draw, shape, length, length % 2 == 0));
        credo::UpdateTrace trace;
        trace.slots = 10;
        learner.compute_gradient(Batch(episodes).pointers, &trace);
        const int outputs = kind == "none" ? 2 : 1;
        for (std::size_t b = 0; b < episodes.size(); ++b) {
          const auto& e = episodes[b];
          for (int k = 0; k < outputs; ++k) {
            const auto at = [&](int t) { return (b * 9 + sz(t)) * sz(outputs) + sz(k); };
            for (int t = 0; t < e.length; ++t) {
              double want = 0.0;
              for (int j = 0; j < n && t + j < e.length; ++j)
                want += std::pow(kGamma, j) * e.rewards[sz(t + j)];
              const int end = std::min(t + n, e.length);  // V of slot `end`
              if (end < e.length || !e.terminated)
                want += std::pow(kGamma, end - t) * trace.target_q_tot[at(end - 1)];
              CHECK(std::abs(trace.targets[at(t)] - want) < 3e-6);
            }
          }
        }
      }
    }
  }

  TEST_CASE("targets equal weighted sums of n-step returns") {
    const credo::EnvShape shape{.n_agents = 2, .n_actions = 3, .obs_dim = 4, .state_dim = 5};
    for (const std::string kind : {"none", "vdn", "qmix"}) {
      for (const double lambda : {0.0, 0.3, 0.6, 1.0}) {
        credo::TrainConfig c;
        c.mixer.type = kind;
        c.agent.hidden_dim = 8;
        c.learner.td_lambda = lambda;
        c.learner.gamma = 0.93;
        credo::QLearner learner(shape, c);
        Draw draw("returns");
        std::vector<learner_tests::PlainEpisode> episodes;
        for (const int length : {1, 2, 9, 5, 7})
          episodes.push_back(learner_tests::random_episode(draw, shape, length, length % 2 == 0));
        credo::UpdateTrace trace;
        trace.slots = 10;
        learner.compute_gradient(Batch(episodes).pointers, &trace);
        const int outputs = kind == "none" ? 2 : 1;
        for (std::size_t b = 0; b < episodes.size(); ++b) {
          const auto& e = episodes[b];
          for (int k = 0; k < outputs; ++k) {
            const auto at = [&](int t) { return (b * 9 + sz(t)) * sz(outputs) + sz(k); };
            std::vector<double> next;
            for (int t = 0; t < e.length; ++t) next.push_back(trace.target_q_tot[at(t)]);
            const auto want = credo::reference::lambda_returns({e.rewards.begin(), e.rewards.end()},
                                                               next, e.terminated, 0.93, lambda);
            for (int t = 0; t < e.length; ++t)
              CHECK(std::abs(trace.targets[at(t)] - want[sz(t)]) < 2e-6);
          }
        }
      }
    }
  }
}

TEST_SUITE("gradient entropy") {
  TEST_CASE("scale invariance: sum of G_i s_i is 0, and so is sum of w2 dH/dw2") {
    Draw draw("scale invariance");
    for (int trial = 0; trial < 200; ++trial) {
      Sample s = random_sample(draw, draw.integer(2, 8), draw.integer(1, 40));
      s.run(credo::kernels(), 0.0F, 0.0F, 1.0F);
      double g_sum = 0.0;
      double g_size = 0.0;
      for (std::size_t i = 0; i < s.g.size(); ++i) {
        g_sum += s.g[i] * (s.credits[i] + 1e-8);
        g_size += std::abs(s.g[i]) * s.credits[i];
      }
      CHECK(std::abs(g_sum) <= 1e-5 * g_size + 1e-6);
      double w_sum = 0.0;
      double w_size = 0.0;
      for (std::size_t k = 0; k < s.a2.size(); ++k) {
        w_sum += static_cast<double>(s.a2[k]) * s.d_a2[k];
        w_size += std::abs(static_cast<double>(s.a2[k]) * s.d_a2[k]);
      }
      CHECK(std::abs(w_sum) <= 1e-5 * w_size + 1e-6);
    }
  }

  TEST_CASE("scaling w2 leaves H unchanged") {
    Draw draw("w2 scale");
    Sample s = random_sample(draw, 4, 9);
    s.run(credo::kernels(), 0.0F, 0.0F, 1.0F);
    const float before = s.entropy;
    for (float& x : s.a2) x *= 4.0F;
    s.run(credo::kernels(), 0.0F, 0.0F, 1.0F);
    CHECK(s.entropy == near(before));
  }

  TEST_CASE("with every unit above 0, H depends on neither q nor b1") {
    Draw draw("above");
    Sample s = random_sample(draw, 4, 11);
    for (float& x : s.q) x = std::abs(x);
    for (float& x : s.b1) x = std::abs(x) + 0.1F;
    s.run(credo::kernels(), 0.0F, 0.0F, 1.0F);
    const float before = s.entropy;
    for (const float d : s.d_b1) CHECK(d == 0.0F);
    for (const float d : s.d_q) CHECK(d == 0.0F);
    for (float& x : s.q) x *= 3.0F;
    s.run(credo::kernels(), 0.0F, 0.0F, 1.0F);
    CHECK(s.entropy == before);
  }

  TEST_CASE("permuting agents permutes gradients") {
    Draw draw("permute");
    for (int trial = 0; trial < 50; ++trial) {
      const int n = draw.integer(2, 7);
      const int e = draw.integer(1, 20);
      Sample s = random_sample(draw, n, e);
      std::vector<int> order(sz(n));
      std::iota(order.begin(), order.end(), 0);
      draw.stream().shuffle(std::span(order));
      Sample t = s;
      for (int i = 0; i < n; ++i) {
        t.q[sz(i)] = s.q[sz(order[sz(i)])];
        std::copy_n(s.a1.begin() + order[sz(i)] * e, e, t.a1.begin() + i * e);
      }
      s.run(credo::kernels(), 0.3F, 1.0F, 1.0F);
      t.run(credo::kernels(), 0.3F, 1.0F, 1.0F);
      CHECK(t.entropy == near(s.entropy));
      for (int i = 0; i < n; ++i) {
        CHECK(std::abs(t.d_q[sz(i)] - s.d_q[sz(order[sz(i)])]) < 2e-5);
        CHECK(std::abs(t.g[sz(i)] - s.g[sz(order[sz(i)])]) < 2e-5);
        for (int k = 0; k < e; ++k)
          CHECK(std::abs(t.d_a1[sz(i * e + k)] - s.d_a1[sz(order[sz(i)] * e + k)]) < 2e-5);
      }
    }
  }

  TEST_CASE("equal agents: H is 1 and the gradient 0") {
    Draw draw("equal");
    for (const int n : {2, 3, 5, 8}) {
      Sample s = random_sample(draw, n, 7);
      for (int i = 1; i < n; ++i) std::copy_n(s.a1.begin(), 7, s.a1.begin() + i * 7);
      s.run(credo::kernels(), 0.0F, 0.0F, 1.0F);
      CHECK(s.entropy == near(1.0));
      for (const float d : s.d_a1) CHECK(std::abs(d) < 1e-6F);
      for (const float d : s.d_a2) CHECK(std::abs(d) < 1e-6F);
    }
  }

  TEST_CASE("one agent: H is 0 and has no gradient") {
    credo::Scratch scratch;
    const std::vector<float> credits = {0.3F, 0.0F, 5.0F};
    std::vector<float> h(3, 9.0F), d(3, 9.0F);
    credo::gradient_entropy(3, 1, credits.data(), h.data(), 1.0F, d.data(), scratch);
    CHECK(h == std::vector<float>(3, 0.0F));
    CHECK(d == std::vector<float>(3, 0.0F));
  }

  TEST_CASE("credits of zero stay finite: all zero is even, one zero is concentrated") {
    credo::Scratch scratch;
    const std::vector<float> credits = {0.0F, 0.0F, 0.0F, 1.0F, 1e30F, 0.0F, 1e-30F, 0.0F};
    std::vector<float> h(4), d(8);
    credo::gradient_entropy(4, 2, credits.data(), h.data(), 1.0F, d.data(), scratch);
    CHECK(h[0] == near(1.0));
    CHECK(h[1] < 1e-6F);
    CHECK(h[2] < 1e-6F);
    CHECK(h[3] == near(1.0));  // far below the 1e-8 added to every credit
    for (const float x : h) CHECK((x >= 0.0F && x <= 1.000001F));
    for (const float x : d) CHECK(std::isfinite(x));
  }

  TEST_CASE("mixers with constant credits: H is 1 and the entropy term moves nothing") {
    const credo::EnvShape shape{.n_agents = 3, .n_actions = 4, .obs_dim = 5, .state_dim = 6};
    for (const std::string kind : {"vdn", "qmix_simple"}) {
      credo::TrainConfig c;
      c.mixer.type = kind;
      c.agent.hidden_dim = 8;
      c.entropy = {.enabled = true, .lambda = 0.5};
      credo::QLearner learner(shape, c);
      Draw draw("constant credits");
      const Batch batch({learner_tests::random_episode(draw, shape, 5, true),
                         learner_tests::random_episode(draw, shape, 3, false)});
      const auto stats = learner.compute_gradient(batch.pointers, nullptr, 0.0F);
      CHECK(stats.entropy_mean == near(1.0));
      CHECK(stats.entropy_loss == near(0.5));
      for (const float g : learner.gradient()) CHECK(g == 0.0F);
    }
  }

  TEST_CASE("detached: the entropy term alone leaves agents and V untouched, exactly") {
    const credo::EnvShape shape{.n_agents = 3, .n_actions = 4, .obs_dim = 5, .state_dim = 6};
    credo::TrainConfig c;
    c.agent.hidden_dim = 8;
    c.entropy = {.enabled = true, .lambda = 0.5, .detach_agents = true};
    credo::QLearner learner(shape, c);
    for (float& x : learner.params()) x *= 3.0F;
    Draw draw("detached");
    const Batch batch({learner_tests::random_episode(draw, shape, 5, true)});
    learner.compute_gradient(batch.pointers, nullptr, 0.0F);
    const auto& layout = learner.network().layout;
    float mixer_largest = 0.0F;
    for (const auto& e : layout.entries())
      for (const float g : layout.extract(e, learner.gradient())) {
        if (e.name.starts_with("agent.") || e.name.starts_with("mixer.V"))
          CHECK(g == 0.0F);
        else
          mixer_largest = std::max(mixer_largest, std::abs(g));
      }
    CHECK(mixer_largest > 1e-4F);
  }
}

TEST_SUITE("mixers") {
  TEST_CASE("QMIX is monotone: credits are never negative, raising a value never lowers Q_tot") {
    const credo::EnvShape shape{.n_agents = 4, .n_actions = 2, .obs_dim = 1, .state_dim = 7};
    Draw draw("monotone");
    for (const std::string kind : {"qmix", "qmix_simple"}) {
      for (const int layers : {1, 2}) {
        for (int trial = 0; trial < 30; ++trial) {
          credo::TrainConfig c;
          c.seed = static_cast<std::uint64_t>(trial);
          c.mixer = {.type = kind, .embed_dim = 16, .hypernet_layers = layers, .hypernet_embed = 8};
          const credo::Network network(shape, c);
          std::vector<float> params(network.layout.size());
          network.layout.initialise(c.seed, params);
          for (float& x : params) x *= 2.0F;
          const std::vector<float> state = draw.reals(7, -3.0F, 3.0F);
          std::vector<float> q = draw.reals(4, -5.0F, 5.0F);
          credo::Scratch scratch;
          auto pass = network.mixer->forward(
              params.data(), {.rows = 1, .q = q.data(), .state = state.data()}, true, scratch);
          for (int i = 0; i < 4; ++i) {
            CHECK(pass.credits[i] >= 0.0F);
            CHECK(pass.published[i] >= pass.credits[i] * 0.999999F);  // it overstates
          }
          float before = pass.q_tot[0];
          for (int step = 0; step < 40; ++step) {
            q[sz(draw.integer(0, 3))] += draw.real(0.0F, 0.5F);
            pass = network.mixer->forward(
                params.data(), {.rows = 1, .q = q.data(), .state = state.data()}, false, scratch);
            CHECK(pass.q_tot[0] >= before - 1e-6F * std::max(1.0F, std::abs(before)));
            before = pass.q_tot[0];
          }
        }
      }
    }
  }

  TEST_CASE("VDN is the sum, IQL the identity") {
    const credo::EnvShape shape{.n_agents = 3, .n_actions = 2, .obs_dim = 1, .state_dim = 2};
    const std::vector<float> q = {0.5F, -1.0F, 2.0F, 1.0F, 1.0F, -4.0F};
    const std::vector<float> state(4);
    credo::ParamLayout layout;
    credo::Scratch scratch;
    const credo::MixerInput in{.rows = 2, .q = q.data(), .state = state.data()};
    const auto vdn = credo::make_vdn_mixer(layout, shape, {});
    const auto sum = vdn->forward(nullptr, in, true, scratch);
    CHECK(sum.q_tot[0] == 1.5F);
    CHECK(sum.q_tot[1] == -2.0F);
    for (int i = 0; i < 6; ++i) CHECK((sum.credits[i] == 1.0F && sum.published[i] == 1.0F));
    const auto iql = credo::make_iql_mixer(layout, shape, {});
    CHECK(iql->outputs() == 3);
    CHECK_FALSE(iql->has_credits());
    const auto same = iql->forward(nullptr, in, false, scratch);
    CHECK(std::equal(q.begin(), q.end(), same.q_tot));
  }

  TEST_CASE("acting one step at a time gives the values training computes, bit for bit") {
    const credo::EnvShape shape{.n_agents = 3, .n_actions = 4, .obs_dim = 5, .state_dim = 6};
    for (const auto& [recurrent, shared] : std::vector<std::pair<bool, bool>>{
             {true, true}, {false, true}, {true, false}, {false, false}}) {
      credo::TrainConfig c;
      c.agent.recurrent = recurrent;
      c.agent.shared = shared;
      credo::QLearner learner(shape, c);
      Draw draw("acting");
      std::vector<learner_tests::PlainEpisode> episodes;
      for (const int length : {3, 8, 1, 5})
        episodes.push_back(learner_tests::random_episode(draw, shape, length, true));
      for (const std::string& isa : credo::available_isas()) {
        const learner_tests::UseIsa use(isa);
        credo::UpdateTrace trace;
        trace.slots = 9;
        learner.compute_gradient(Batch(episodes).pointers, &trace);
        for (std::size_t b = 0; b < episodes.size(); ++b) {
          const auto& e = episodes[b];
          std::vector<float> h(sz(3 * c.agent.hidden_dim)), q(12);
          credo::Scratch scratch;
          for (int t = 0; t <= e.length; ++t) {
            std::vector<int> last(3, -1);
            for (int i = 0; i < 3 && t > 0; ++i) last[sz(i)] = e.action(t - 1, i);
            scratch.reset();
            learner.network().agent.act(learner.params().data(), 3, e.obs.data() + t * 15,
                                        last.data(), h.data(), q.data(), scratch);
            CHECK(learner_tests::same_bits(
                q, std::span(trace.agent_qs).subspan((b * 9 + sz(t)) * 12, 12)));
          }
        }
      }
    }
  }
}

}  // namespace
