// QTRAN, QPLEX and weighted QMIX: gradients and values against a double-precision reference, and
// what their formulas promise. Bits over threads and instruction sets: determinism_test.cpp.
#include <algorithm>
#include <doctest/doctest.h>

#include "learners/algorithm_table.hpp"
#include "learners/algorithms/q_learner.hpp"
#include "learners/hyperparameters.hpp"
#include "learners/reference/q_learning.hpp"
#include "tests/learners/episodes.hpp"
#include "tests/learners/gradients.hpp"

namespace {

using credo::EnvShape;
using credo::QplexCredits;
using credo::TrainConfig;
using credo::Weighting;
using credo::reference::QLoss;
using learner_tests::Batch;
using learner_tests::Draw;
using learner_tests::Parameters;
using learner_tests::PlainEpisode;
using learner_tests::sz;

constexpr EnvShape kShape{.n_agents = 3, .n_actions = 4, .obs_dim = 5, .state_dim = 6};
const std::vector<int> kLengths = {4, 1, 3, 2, 4};

TrainConfig base_config(const std::string& kind) {
  TrainConfig c;
  c.agent.hidden_dim = 6;
  c.mixer.type = kind;
  c.mixer.embed_dim = 4;
  c.mixer.hypernet_embed = 5;
  c.mixer.qtran.embed_dim = 5;
  c.mixer.qplex.embed_dim = 4;
  c.mixer.qplex.kernels = 2;
  c.mixer.wqmix.central_embed_dim = 5;
  return c;
}

TrainConfig weighted_config(Weighting weighting) {
  TrainConfig c = base_config("qmix");
  c.mixer.wqmix.weighting = weighting;
  c.mixer.wqmix.weight = 0.3;
  return c;
}

/// A learner with targets of its own, and a batch away from every kink, tie and decision. About
/// half of the actions are the greedy ones, so that both sides of every condition occur.
struct Problem {
  EnvShape shape;
  TrainConfig config;
  std::vector<PlainEpisode> episodes;
  std::unique_ptr<credo::QLearner> learner;
  std::unique_ptr<Parameters> params, target;
  std::unique_ptr<QLoss> reference;

  Problem(const EnvShape& env_shape, const TrainConfig& train_config,
          const std::vector<int>& lengths, double margin = 2e-4)
      : shape(env_shape), config(train_config) {
    for (std::uint64_t attempt = 0; attempt < 1000; ++attempt) {
      Draw draw("rivals", attempt);
      config.seed = attempt;
      learner = std::make_unique<credo::QLearner>(shape, config);
      const credo::ParamLayout& layout = learner->network().layout;
      for (float& x : learner->params()) x *= 2.0F;
      for (std::size_t i = 0; i < learner->params().size(); ++i)
        learner->target()[i] = learner->params()[i] * draw.real(0.7F, 1.3F);
      episodes.clear();
      for (std::size_t i = 0; i < lengths.size(); ++i) {
        episodes.push_back(learner_tests::random_episode(draw, shape, lengths[i], i % 2 == 0));
        for (float& r : episodes.back().rewards) r *= 3.0F;
      }
      follow_greedy(draw);
      params = std::make_unique<Parameters>(layout, learner->params());
      target = std::make_unique<Parameters>(layout, learner->target());
      reference = std::make_unique<QLoss>(shape, config, *params, *target, episodes);
      if (reference->margin() > margin) return;
    }
    FAIL("no batch away from the kinks found");
  }

 private:
  /// Half of the steps take the actions that are greedy there; earlier steps first, since an action
  /// is part of the next input.
  void follow_greedy(Draw& draw) {
    TrainConfig plain = config;
    plain.learner.standardise_rewards = false;  // no running moments: only values are looked at
    credo::QLearner probe(shape, plain);
    std::copy(learner->params().begin(), learner->params().end(), probe.params().begin());
    int longest = 0;
    for (const PlainEpisode& e : episodes) longest = std::max(longest, e.length);
    for (int t = 0; t < longest; ++t) {
      credo::UpdateTrace trace;
      trace.slots = longest + 1;
      const Batch batch(episodes);
      probe.compute_gradient(batch.pointers, &trace);
      for (std::size_t b = 0; b < episodes.size(); ++b) {
        if (t >= episodes[b].length || draw.chance(0.5)) continue;
        for (int i = 0; i < shape.n_agents; ++i)
          episodes[b].actions[sz(t * shape.n_agents + i)] =
              trace.greedy_actions[(b * sz(trace.slots) + sz(t)) * sz(shape.n_agents) + sz(i)];
      }
    }
  }
};

void check_gradient(const EnvShape& shape, const TrainConfig& config,
                    const std::vector<int>& lengths = kLengths, double margin = 2e-4) {
  Problem p(shape, config, lengths, margin);
  const Batch batch(p.episodes);
  const credo::UpdateStats stats = p.learner->compute_gradient(batch.pointers);
  CHECK(stats.loss == doctest::Approx(p.reference->loss(*p.params)).epsilon(1e-5));
  const std::vector<double> numeric =
      learner_tests::numeric_gradient(*p.params, [&] { return p.reference->loss(*p.params); });
  learner_tests::check_same_gradient(p.reference->gradient(*p.params), numeric);
  learner_tests::check_close(p.learner->network().layout, p.learner->gradient(), numeric);
  CHECK(stats.grad_norm == doctest::Approx(learner_tests::norm_of(numeric)).epsilon(1e-5));
}

TEST_SUITE("rivals") {
  TEST_CASE("gradient: qtran, both sizes, with and without double Q, TD(lambda)") {
    TrainConfig c = base_config("qtran");
    check_gradient(kShape, c);
    c.mixer.qtran.hidden_layers = 3;
    c.mixer.qtran.opt_loss = 0.7;
    c.mixer.qtran.nopt_min_loss = 2.0;
    c.learner.loss_scale = 0.5;
    check_gradient(kShape, c);
    c.learner.double_q = false;
    c.learner.td_lambda = 0.6;
    check_gradient(kShape, c);
  }

  TEST_CASE("gradient: the parts of qtran's loss one at a time") {
    for (const auto& [opt, nopt] : {std::pair{1.0, 0.0}, std::pair{0.0, 1.0}}) {
      TrainConfig c = base_config("qtran");
      c.learner.loss_scale = 1e-12;
      c.mixer.qtran.opt_loss = opt;
      c.mixer.qtran.nopt_min_loss = nopt;
      check_gradient(kShape, c);
    }
  }

  TEST_CASE("gradient: qplex, one to three layers") {
    for (const int layers : {1, 2, 3}) {
      TrainConfig c = base_config("qplex");
      c.mixer.qplex.layers = layers;
      c.mixer.qplex.kernels = 4 - layers;
      check_gradient(kShape, c);
    }
  }

  TEST_CASE("gradient: qplex without double Q, TD(lambda)") {
    TrainConfig c = base_config("qplex");
    c.learner.double_q = false;
    c.learner.td_lambda = 0.5;
    check_gradient(kShape, c);
  }

  TEST_CASE("gradient: entropy of qplex's credits, as coded and in full") {
    for (const QplexCredits credits : {QplexCredits::kCoded, QplexCredits::kFull}) {
      TrainConfig c = base_config("qplex");
      c.mixer.qplex.credits = credits;
      c.entropy = {.enabled = true, .lambda = 3.0};
      check_gradient(kShape, c);
    }
  }

  TEST_CASE("gradient: weighted qmix, both weightings") {
    for (const Weighting weighting : {Weighting::kCentral, Weighting::kOptimistic}) {
      TrainConfig c = weighted_config(weighting);
      check_gradient(kShape, c);
      c.mixer.wqmix.qmix_loss = 0.6;
      c.mixer.wqmix.central_loss = 1.7;
      c.mixer.hypernet_layers = 1;
      c.learner.td_lambda = 0.4;
      c.learner.loss_scale = 0.5;
      check_gradient(kShape, c);
      c.mixer.type = "vdn";
      check_gradient(kShape, c);
    }
  }

  TEST_CASE("gradient: weighted qmix with the entropy term") {
    TrainConfig c = weighted_config(Weighting::kOptimistic);
    c.entropy = {.enabled = true, .lambda = 2.0, .elu_derivative = credo::EluDerivative::kExact};
    check_gradient(kShape, c);
  }

  TEST_CASE("gradient: agents without recurrence, standardised rewards") {
    for (const std::string kind : {"qtran", "qplex"}) {
      TrainConfig c = base_config(kind);
      c.agent.recurrent = false;
      c.learner.standardise_rewards = true;
      check_gradient(kShape, c);
    }
    for (const Weighting weighting : {Weighting::kCentral, Weighting::kOptimistic}) {
      TrainConfig c = weighted_config(weighting);
      c.agent.recurrent = false;
      c.learner.standardise_rewards = true;
      check_gradient(kShape, c);
    }
  }

  TEST_CASE("gradient: agents with weights of their own, n-step targets") {
    for (const std::string kind : {"qtran", "qplex"}) {
      TrainConfig c = base_config(kind);
      c.agent.shared = false;
      c.learner.n_step = 2;
      check_gradient(kShape, c);
    }
    for (const Weighting weighting : {Weighting::kCentral, Weighting::kOptimistic}) {
      TrainConfig c = weighted_config(weighting);
      c.agent.shared = false;
      c.learner.n_step = 2;
      check_gradient(kShape, c);
    }
  }

  TEST_CASE("gradient: one agent, one action, odd sizes") {
    const EnvShape one{.n_agents = 1, .n_actions = 1, .obs_dim = 1, .state_dim = 1};
    const EnvShape odd{.n_agents = 2, .n_actions = 3, .obs_dim = 2, .state_dim = 9};
    for (const std::string kind : {"qtran", "qplex"}) {
      check_gradient(one, base_config(kind));
      check_gradient(odd, base_config(kind), {1});
    }
    for (const Weighting weighting : {Weighting::kCentral, Weighting::kOptimistic}) {
      check_gradient(one, weighted_config(weighting));
      check_gradient(odd, weighted_config(weighting), {2});
    }
  }

  TEST_CASE("gradient: several chunks") {
    std::vector<int> lengths;
    for (int i = 0; i < 18; ++i) lengths.push_back(1 + i % 7);
    for (const std::string kind : {"qtran", "qplex", "qmix"}) {
      TrainConfig c = base_config(kind);
      c.agent.hidden_dim = 4;
      if (kind == "qmix") c.mixer.wqmix.weighting = Weighting::kCentral;
      check_gradient(kShape, c, lengths, 3e-5);
    }
  }

  TEST_CASE("values, targets and weights equal the reference's") {
    std::vector<TrainConfig> configs = {base_config("qtran"), base_config("qplex"),
                                        weighted_config(Weighting::kCentral),
                                        weighted_config(Weighting::kOptimistic)};
    configs[1].mixer.qplex.credits = QplexCredits::kFull;
    for (const TrainConfig& config : configs) {
      Problem p(kShape, config, {4, 1, 3, 2, 4, 5, 6, 6}, 1e-4);
      const Batch batch(p.episodes);
      credo::UpdateTrace trace;
      trace.slots = 7;
      const credo::UpdateStats stats = p.learner->compute_gradient(batch.pointers, &trace);
      const auto& want = p.reference->values();
      const auto check = [&](const char* name, const std::vector<float>& got) {
        CAPTURE(name);
        if (!want.contains(name)) return false;
        REQUIRE(want.at(name).size() == got.size());
        for (std::size_t i = 0; i < got.size(); ++i)
          CHECK(std::abs(got[i] - want.at(name)[i]) < 5e-6);
        return true;
      };
      for (const bool known :
           {check("q_tot", trace.q_tot), check("target_q_tot", trace.target_q_tot),
            check("targets", trace.targets)})
        CHECK(known);
      const bool qtran = config.mixer.type == "qtran";
      const bool weighted = config.mixer.wqmix.weighting != Weighting::kNone;
      CHECK(check("state_v", trace.state_v) == qtran);
      CHECK(check("best_q_tot", trace.best_q_tot) == qtran);
      CHECK(check("central_q_tot", trace.central_q_tot) == weighted);
      CHECK(check("credits_exact", trace.credits_exact) == !qtran);
      int full = 0;
      int reduced = 0;
      double weight_sum = 0.0;
      for (std::size_t b = 0; b < p.episodes.size(); ++b) {
        for (int t = 0; t < p.episodes[b].length; ++t) {
          const std::size_t at = b * 6 + sz(t);
          if (config.mixer.wqmix.weighting == Weighting::kNone) continue;
          CHECK(trace.td_weights[at] == static_cast<float>(p.reference->fixed(b, t).weight));
          weight_sum += p.reference->fixed(b, t).weight;
          ++(p.reference->fixed(b, t).weight == 1.0 ? full : reduced);
        }
      }
      if (config.mixer.wqmix.weighting == Weighting::kNone) continue;
      CHECK(full >= 3);
      CHECK(reduced >= 3);
      CHECK(stats.td_weight_mean ==
            doctest::Approx(weight_sum / static_cast<double>(stats.steps)).epsilon(1e-6));
    }
  }

  TEST_CASE("central weighting counts greedy actions and better outcomes in full, nothing else") {
    Problem p(kShape, weighted_config(Weighting::kCentral), {4, 4, 3, 2, 4, 5, 6, 6, 6, 6}, 5e-5);
    const Batch batch(p.episodes);
    credo::UpdateTrace trace;
    trace.slots = 7;
    p.learner->compute_gradient(batch.pointers, &trace);
    int kinds[2][2] = {};
    for (std::size_t b = 0; b < p.episodes.size(); ++b)
      for (int t = 0; t < p.episodes[b].length; ++t) {
        const QLoss::Fixed& fixed = p.reference->fixed(b, t);
        const bool better = fixed.targets(0, 0) > fixed.central_greedy;
        const bool greedy = fixed.all_greedy;
        ++kinds[greedy ? 1 : 0][better ? 1 : 0];
        CHECK(trace.td_weights[b * 6 + sz(t)] == (greedy || better ? 1.0F : 0.3F));
      }
    for (const auto& row : kinds)
      for (const int count : row) CHECK(count > 0);
  }

  TEST_CASE("weight 1 makes the two weightings one") {
    std::vector<std::vector<float>> gradients;
    Problem p(kShape, weighted_config(Weighting::kCentral), kLengths);
    const Batch batch(p.episodes);
    for (const Weighting weighting : {Weighting::kCentral, Weighting::kOptimistic}) {
      TrainConfig c = weighted_config(weighting);
      c.mixer.wqmix.weight = 1.0;
      credo::QLearner learner(kShape, c);
      const auto stats = learner.compute_gradient(batch.pointers);
      CHECK(stats.td_weight_mean == 1.0);
      gradients.emplace_back(learner.gradient().begin(), learner.gradient().end());
    }
    CHECK(learner_tests::same_bits(gradients[0], gradients[1]));
  }

  TEST_CASE("a mixer with weighting none is plain qmix, bit for bit") {
    Problem p(kShape, base_config("qmix"), kLengths);
    TrainConfig c = p.config;
    c.mixer.wqmix.weight = 0.9;
    c.mixer.wqmix.qmix_loss = 7.0;
    credo::QLearner other(kShape, c);
    std::copy(p.learner->params().begin(), p.learner->params().end(), other.params().begin());
    std::copy(p.learner->target().begin(), p.learner->target().end(), other.target().begin());
    const Batch batch(p.episodes);
    p.learner->compute_gradient(batch.pointers);
    other.compute_gradient(batch.pointers);
    CHECK(learner_tests::same_bits(p.learner->gradient(), other.gradient()));
  }
}

/// A mixer alone, with random parameters and one state.
struct QplexCase {
  credo::ParamLayout layout;
  std::unique_ptr<credo::Mixer> mixer;
  std::vector<float> params, state, q;  // q: [n_agents, n_actions]
  std::vector<int> greedy;
  std::vector<float> q_max;

  QplexCase(Draw& draw, QplexCredits credits) {
    TrainConfig c = base_config("qplex");
    c.mixer.qplex.layers = 2;
    c.mixer.qplex.credits = credits;
    mixer = credo::make_mixer(layout, kShape, c);
    params = draw.reals(layout.size(), -2.0F, 2.0F);
    state = draw.reals(sz(kShape.state_dim), -2.0F, 2.0F);
    q = draw.reals(sz(kShape.n_agents * kShape.n_actions), -5.0F, 5.0F);
    for (int i = 0; i < kShape.n_agents; ++i) {
      const auto row = q.begin() + i * kShape.n_actions;
      const auto best = std::max_element(row, row + kShape.n_actions);
      greedy.push_back(static_cast<int>(best - row));
      q_max.push_back(*best);
    }
  }

  struct Mixed {
    float q_tot;
    std::vector<float> credits;
  };
  Mixed mix(const std::vector<int>& actions, const std::vector<float>& chosen) const {
    credo::Scratch scratch;
    const credo::MixerPass pass = mixer->forward(params.data(),
                                                 {.rows = 1,
                                                  .q = chosen.data(),
                                                  .state = state.data(),
                                                  .actions = actions.data(),
                                                  .q_max = q_max.data()},
                                                 false, scratch);
    return {*pass.q_tot, {pass.credits, pass.credits + kShape.n_agents}};
  }
  std::vector<float> chosen(const std::vector<int>& actions) const {
    std::vector<float> values;
    for (int i = 0; i < kShape.n_agents; ++i)
      values.push_back(q[sz(i * kShape.n_actions + actions[sz(i)])]);
    return values;
  }
};

std::vector<std::vector<int>> joint_actions() {
  std::vector<std::vector<int>> all;
  for (int a = 0; a < kShape.n_actions; ++a)
    for (int b = 0; b < kShape.n_actions; ++b)
      for (int c = 0; c < kShape.n_actions; ++c) all.push_back({a, b, c});
  return all;
}

TEST_SUITE("qplex") {
  TEST_CASE("IGM: the agents' greedy actions are the best joint action") {
    Draw draw("igm");
    for (int trial = 0; trial < 300; ++trial) {
      const QplexCase c(draw, QplexCredits::kCoded);
      const float best = c.mix(c.greedy, c.chosen(c.greedy)).q_tot;
      for (const auto& actions : joint_actions())
        REQUIRE(c.mix(actions, c.chosen(actions)).q_tot <= best + 1e-4F);
    }
  }

  TEST_CASE("joint values are not monotone in an agent's choice, unlike QMIX's") {
    // Somewhere, one agent's ranking of its actions in Q_tot depends on the others' actions.
    Draw draw("ranking");
    int reversals = 0;
    for (int trial = 0; trial < 100; ++trial) {
      const QplexCase c(draw, QplexCredits::kCoded);
      const auto value = [&](int a, int b) {
        const std::vector<int> actions = {a, b, 0};
        return c.mix(actions, c.chosen(actions)).q_tot;
      };
      for (int a = 0; a < kShape.n_actions; ++a)
        for (int b = 0; b < kShape.n_actions; ++b)
          if ((value(a, 0) - value(b, 0)) * (value(a, 1) - value(b, 1)) < 0.0F) ++reversals;
    }
    CHECK(reversals > 50);
  }

  TEST_CASE("full credits are the derivative with the maxima held, coded ones that of the sum") {
    Draw draw("credits");
    for (int trial = 0; trial < 100; ++trial) {
      const QplexCase full(draw, QplexCredits::kFull);
      std::vector<int> actions;
      for (int i = 0; i < kShape.n_agents; ++i)
        actions.push_back(draw.integer(0, kShape.n_actions - 1));
      const auto at = full.mix(actions, full.chosen(actions));
      for (int i = 0; i < kShape.n_agents; ++i) {
        // Q_tot is linear in the chosen value, so a large step has no truncation error.
        std::vector<float> moved = full.chosen(actions);
        moved[sz(i)] += 8.0F;
        const double slope = (full.mix(actions, moved).q_tot - at.q_tot) / 8.0;
        CHECK(slope == doctest::Approx(at.credits[sz(i)]).epsilon(1e-3));
        CHECK(at.credits[sz(i)] >= 0.0F);
      }
    }
    for (int trial = 0; trial < 100; ++trial) {
      // With greedy actions and moving maxima only the weights w_i remain.
      QplexCase coded(draw, QplexCredits::kCoded);
      const auto at = coded.mix(coded.greedy, coded.chosen(coded.greedy));
      for (int i = 0; i < kShape.n_agents; ++i) {
        QplexCase moved = QplexCase(draw, QplexCredits::kCoded);
        moved.params = coded.params;
        moved.state = coded.state;
        moved.q = coded.q;
        moved.greedy = coded.greedy;
        moved.q_max = coded.q_max;
        moved.q_max[sz(i)] += 8.0F;
        const double slope = (moved.mix(moved.greedy, moved.q_max).q_tot - at.q_tot) / 8.0;
        CHECK(slope == doctest::Approx(at.credits[sz(i)]).epsilon(1e-3));
      }
    }
  }
}

credo::TrainConfig algorithm_with(const std::string& algorithm, const std::string& key,
                                  const credo::ParamValue& value) {
  credo::Params params(credo::train_params());
  for (const auto& [name, v] : credo::find_algorithm(algorithm).values) params.set(name, v);
  params.set(key, value);
  return credo::make_train_config(params);
}

TEST_SUITE("rival configurations") {
  TEST_CASE("what the algorithms' names stand for") {
    CHECK(algorithm_with("qtran", "qtran.opt_loss", 2.0).mixer.type == "qtran");
    CHECK(algorithm_with("qtran", "qtran.opt_loss", 2.0).mixer.qtran.opt_loss == 2.0);
    CHECK(algorithm_with("qplex", "qplex.kernels", std::int64_t{10}).mixer.qplex.kernels == 10);
    CHECK(algorithm_with("qplex", "qplex.credits", std::string("full")).mixer.qplex.credits ==
          QplexCredits::kFull);
    const TrainConfig cw = algorithm_with("cw_qmix", "wqmix.weight", 0.5);
    CHECK(cw.mixer.type == "qmix");
    CHECK(cw.mixer.wqmix.weighting == Weighting::kCentral);
    CHECK(cw.mixer.wqmix.weight == 0.5);
    CHECK(algorithm_with("ow_qmix", "wqmix.weight", 0.5).mixer.wqmix.weighting ==
          Weighting::kOptimistic);
  }

  TEST_CASE("every name of a choice means something of its own, and an unknown one is refused") {
    const auto mixer_index = [](const std::string& name) {
      const auto names = credo::mixer_names();
      return static_cast<int>(std::find(names.begin(), names.end(), name) - names.begin());
    };
    const auto meaning = [&](const TrainConfig& c) {
      return std::vector<int>{
          static_cast<int>(c.learner.kind),           mixer_index(c.mixer.type),
          static_cast<int>(c.mixer.qplex.credits),    static_cast<int>(c.mixer.wqmix.weighting),
          static_cast<int>(c.entropy.elu_derivative), static_cast<int>(c.optimizer.kind)};
    };
    int choices = 0;
    for (const credo::ParamSpec& spec : credo::train_params()) {
      if (spec.choices.empty()) continue;
      ++choices;
      CAPTURE(spec.name);
      std::vector<std::vector<int>> meanings;
      for (const std::string& word : spec.choices) {
        credo::Params params(credo::train_params());
        if (spec.name == "qplex.credits") params.set("mixer.type", std::string("qplex"));
        if (spec.name == "gre.elu_derivative") params.set("gre.enabled", true);
        params.set(spec.name, word);
        meanings.push_back(meaning(credo::make_train_config(params)));
      }
      for (std::size_t i = 0; i < meanings.size(); ++i)
        for (std::size_t j = 0; j < i; ++j) CHECK(meanings[i] != meanings[j]);
      credo::Params params(credo::train_params());
      CHECK_THROWS_AS(params.set(spec.name, spec.choices.front() + "x"), credo::UserError);
    }
    CHECK(choices == 6);
  }

  TEST_CASE("the table of algorithms names every mixer once, and only those are made") {
    TrainConfig config;
    for (const std::string& name : credo::mixer_names()) {
      config.mixer.type = name;
      CHECK(credo::Network(kShape, config).mixer != nullptr);
    }
    config.mixer.type = "qplx";
    std::string message;
    try {
      const credo::Network network(kShape, config);
    } catch (const credo::UserError& error) {
      message = error.what();
    }
    CHECK(message.starts_with("unknown mixer.type 'qplx'; did you mean 'qplex'? allowed: none, "));
    for (const credo::Algorithm& algorithm : credo::learning_algorithms()) {
      CAPTURE(algorithm.name);
      CHECK(!algorithm.family.empty());
      CHECK(!algorithm.paper.empty());
      CHECK(!algorithm.help.empty());
    }
  }

  TEST_CASE("where weights have no meaning there are none") {
    for (const char* mixer : {"none", "qtran", "qplex"})
      CHECK(algorithm_with("cw_qmix", "mixer.type", std::string(mixer)).mixer.wqmix.weighting ==
            Weighting::kNone);
    CHECK(algorithm_with("ow_qmix", "learner.double_q", false).learner.double_q);
    CHECK(algorithm_with("ow_qmix", "mixer.type", std::string("vdn")).mixer.wqmix.weighting ==
          Weighting::kOptimistic);
  }
}

}  // namespace
