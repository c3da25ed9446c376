// COMA: gradients of critic and actor, targets and whole updates against a double-precision
// reference, and what its policy promises. Bits over threads and instruction sets, save and load:
// determinism_test.cpp.
#include "learners/algorithms/coma.hpp"

#include <algorithm>
#include <doctest/doctest.h>

#include "learners/reference/coma.hpp"
#include "learners/reference/learner.hpp"
#include "learners/rollout/policy.hpp"
#include "tests/learners/episodes.hpp"
#include "tests/learners/gradients.hpp"
#include "tests/learners/training.hpp"

namespace {

using credo::ComaLearner;
using credo::ComaStats;
using credo::ComaTrace;
using credo::EnvShape;
using credo::TrainConfig;
using credo::reference::ComaLoss;
using credo::reference::RewardMoments;
using learner_tests::Draw;
using learner_tests::numeric_gradient;
using learner_tests::Parameters;
using learner_tests::PlainEpisode;
using learner_tests::sz;

constexpr EnvShape kShape{.n_agents = 3, .n_actions = 4, .obs_dim = 5, .state_dim = 6};
const std::vector<int> kLengths = {4, 1, 3, 2, 4};
constexpr double kEpsilon = 0.2;

TrainConfig small_config() {
  TrainConfig c = learner_tests::algorithm_config("coma");
  c.agent.hidden_dim = 6;
  c.mixer.type = "none";  // for the reference, which asks for one
  c.coma.critic_dim = 7;
  return c;
}

std::vector<PlainEpisode> random_episodes(Draw& draw) {
  std::vector<PlainEpisode> episodes;
  for (std::size_t i = 0; i < kLengths.size(); ++i)
    episodes.push_back(learner_tests::random_episode(draw, kShape, kLengths[i], i % 2 == 0));
  return episodes;
}

struct Problem {
  TrainConfig config;
  std::vector<PlainEpisode> episodes;
  std::unique_ptr<ComaLearner> learner;
  std::unique_ptr<Parameters> params, target;  // before the update
  ComaTrace trace;
  ComaStats stats;
  std::unique_ptr<ComaLoss> reference;

  Problem(std::uint64_t seed, double critic_lr, const TrainConfig& base = small_config())
      : config(base) {
    Draw draw("coma", seed);
    config.seed = seed;
    config.coma.critic_lr = critic_lr;
    episodes = random_episodes(draw);
    learner = std::make_unique<ComaLearner>(kShape, config);
    for (float& x : learner->params()) x *= 2.0F;
    for (std::size_t i = 0; i < learner->params().size(); ++i)
      learner->target()[i] = learner->params()[i] * draw.real(0.7F, 1.3F);
    params = std::make_unique<Parameters>(layout(), learner->params());
    target = std::make_unique<Parameters>(layout(), learner->target());
    update();
    reference =
        std::make_unique<ComaLoss>(kShape, config, episodes, trace.bootstrap, kEpsilon, moments());
  }
  void update() {
    std::vector<credo::EpisodeView> views;
    std::vector<credo::Stream> streams;
    for (const PlainEpisode& e : episodes) {
      streams.emplace_back(config.seed, credo::purpose("bootstrap"), 0, views.size());
      views.push_back(e.view());
    }
    stats = learner->update(views, kEpsilon, streams, &trace);
  }
  /// After one update on the episodes.
  RewardMoments moments() const {
    if (!config.learner.standardise_rewards) return {};
    return credo::reference::reward_moments({credo::reference::all_rewards(episodes)});
  }
  const credo::ParamLayout& layout() const { return learner->network().layout; }
  std::size_t place(std::size_t e, int t, int i) const {
    return (e * sz(trace.slots - 1) + sz(t)) * sz(kShape.n_agents) + sz(i);
  }
};

/// The order of the critic's steps, clipping, both optimisers and the target, over four updates.
/// copy_every: updates between copies into the target.
void check_updates(const TrainConfig& base, int copy_every) {
  constexpr double kClip = 0.2;
  Problem p(5, 5e-3, base);
  p.config.optimizer.grad_norm_clip = kClip;
  p.config.learner.target_update_interval = copy_every * p.reference->longest();
  p.learner = std::make_unique<ComaLearner>(kShape, p.config);
  std::copy(p.learner->params().begin(), p.learner->params().end(), p.learner->target().begin());
  const auto reference =
      credo::reference::make_learner(kShape, p.config, p.layout(), p.learner->params());
  for (int update = 0; update < 4; ++update) {
    CAPTURE(update);
    p.update();
    credo::UpdateRecord record;
    record.episodes = p.episodes;
    record.epsilon = kEpsilon;
    record.slots = p.trace.slots;
    record.choices["bootstrap"] = p.trace.bootstrap;
    const credo::reference::Outcome outcome = reference->update(record);
    CHECK(outcome.gradients.size() == sz(p.reference->longest() + 1));
    for (std::size_t step = 0; step + 1 < outcome.gradients.size(); ++step)
      CHECK(learner_tests::norm_of(outcome.gradients[step]) > kClip);  // clipping is active
    CHECK(learner_tests::worst_difference(p.layout(), p.learner->params(), reference->params()) <
          2e-5);
    CHECK(learner_tests::worst_difference(p.layout(), p.learner->target(), reference->target()) <
          2e-5);
  }
}

TEST_SUITE("coma") {
  TEST_CASE("values, lambda-returns and advantages equal the reference's") {
    Problem p(1, 0.0);
    const ComaLoss& r = *p.reference;
    REQUIRE(p.trace.slots == r.longest() + 1);
    const auto targets = r.targets(*p.target);
    const auto q = r.critic_values(*p.params);
    const auto pi = r.policies(*p.params);
    const auto advantages = r.advantages(pi, q);
    CHECK(p.stats.loss == doctest::Approx(r.actor_loss(*p.params, advantages)).epsilon(1e-5));
    for (std::size_t e = 0; e < p.episodes.size(); ++e)
      for (int t = 0; t < p.episodes[e].length; ++t)
        for (int i = 0; i < kShape.n_agents; ++i) {
          const std::size_t at = p.place(e, t, i);
          CHECK(p.trace.targets[at] == doctest::Approx(targets[e][sz(t)](0, i)).epsilon(1e-5));
          CHECK(std::abs(p.trace.advantages[at] - advantages[e][sz(t)](0, i)) < 1e-5);
          double mean_advantage = 0.0;
          for (int a = 0; a < kShape.n_actions; ++a) {
            const std::size_t value = at * sz(kShape.n_actions) + sz(a);
            CHECK(std::abs(p.trace.q[value] - q[e][sz(t)](i, a)) < 1e-5);
            CHECK(std::abs(p.trace.pi[value] - pi[e][sz(t)](i, a)) < 1e-6);
            mean_advantage += static_cast<double>(p.trace.pi[value]) * p.trace.q[value];
          }
          // The baseline is what the agent's own policy brings on average.
          const int action = p.episodes[e].action(t, i);
          const double taken = p.trace.q[at * sz(kShape.n_actions) + sz(action)];
          CHECK(std::abs(taken - mean_advantage - p.trace.advantages[at]) < 1e-5);
        }
    for (std::size_t e = 0; e < p.episodes.size(); ++e)
      for (int i = 0; i < kShape.n_agents && !p.episodes[e].terminated; ++i)
        CHECK(p.episodes[e].is_available(p.episodes[e].length, i,
                                         r.actions(e, p.episodes[e].length)[sz(i)]));
  }

  TEST_CASE("the critic's gradient in every slot") {
    Problem p(2, 0.0);  // a learning rate of 0 keeps the critic through all slots
    const auto targets = p.reference->targets(*p.target);
    for (int t = 0; t < p.reference->longest(); ++t) {
      CAPTURE(t);
      const auto numeric = numeric_gradient(
          *p.params, [&] { return p.reference->critic_loss(*p.params, t, targets); });
      std::vector<double> gradient(numeric.size());
      p.reference->critic_loss(*p.params, t, targets, &gradient);
      learner_tests::check_same_gradient(gradient, numeric);
      learner_tests::check_close(p.layout(), p.trace.critic_grads[sz(t)], numeric, "critic.");
    }
  }

  TEST_CASE("the actor's gradient") {
    for (const std::uint64_t seed : {3U, 4U, 5U}) {
      TrainConfig config = small_config();
      config.agent.recurrent = seed != 4U;
      config.agent.shared = seed != 5U;
      config.learner.standardise_rewards = seed == 4U;
      Problem p(seed, 0.0, config);
      ComaLoss::PerStep advantages(p.episodes.size());
      for (std::size_t e = 0; e < p.episodes.size(); ++e)
        for (int t = 0; t < p.episodes[e].length; ++t) {
          advantages[e].emplace_back(1, kShape.n_agents);
          for (int i = 0; i < kShape.n_agents; ++i)
            advantages[e].back()(0, i) = static_cast<double>(p.trace.advantages[p.place(e, t, i)]);
        }
      const auto numeric = numeric_gradient(
          *p.params, [&] { return p.reference->actor_loss(*p.params, advantages); });
      std::vector<double> gradient(numeric.size());
      p.reference->actor_loss(*p.params, advantages, &gradient);
      learner_tests::check_same_gradient(gradient, numeric);
      learner_tests::check_close(p.layout(), p.learner->gradient(), numeric, "agent.");
    }
  }

  TEST_CASE("whole updates follow the reference: a copy into the target after every update") {
    check_updates(small_config(), 1);
  }
  TEST_CASE("whole updates follow the reference: a copy after every other update") {
    check_updates(small_config(), 2);
  }
  TEST_CASE("whole updates follow the reference: soft targets, standardised rewards, no GRU") {
    TrainConfig config = small_config();
    config.agent.recurrent = false;
    config.learner.target_tau = 0.3;
    config.learner.standardise_rewards = true;
    check_updates(config, 1);
  }

  TEST_CASE("whole updates follow the reference: agents with weights of their own") {
    TrainConfig config = small_config();
    config.agent.shared = false;
    check_updates(config, 2);
  }

  TEST_CASE("a policy is a distribution over available actions, floored by epsilon") {
    Draw draw("policy");
    for (int trial = 0; trial < 200; ++trial) {
      const int n = draw.integer(1, 9);
      const float epsilon =
          draw.pick(std::span<const float>(std::vector<float>{1e-6F, 0.1F, 1.0F}));
      std::vector<float> logits = draw.reals(sz(n), -90.0F, 90.0F);
      std::vector<std::uint8_t> avail(sz(n));
      for (auto& a : avail) a = draw.chance(0.5) ? 1 : 0;
      avail[sz(draw.integer(0, n - 1))] = 1;
      std::vector<float> softmax(sz(n)), pi(sz(n));
      credo::floored_softmax(1, n, logits.data(), avail.data(), epsilon, softmax.data(), pi.data());
      double sum = 0.0;
      for (int a = 0; a < n; ++a) {
        sum += pi[sz(a)];
        CHECK((pi[sz(a)] > 0.0F) == (avail[sz(a)] != 0));
        if (avail[sz(a)] != 0) CHECK(pi[sz(a)] >= 0.999F * epsilon / static_cast<float>(n));
      }
      CHECK(std::abs(sum - 1.0) < 1e-5);
      for (int k = 0; k < 20; ++k) CHECK(avail[sz(credo::draw_action(pi, draw.stream()))] != 0);
    }
  }

  TEST_CASE("actions are drawn with the policy's probabilities") {
    Draw draw("drawing");
    const std::vector<float> pi = {0.1F, 0.0F, 0.6F, 0.3F};
    std::vector<int> count(4);
    constexpr int kDraws = 20000;
    for (int k = 0; k < kDraws; ++k) ++count[sz(credo::draw_action(pi, draw.stream()))];
    for (std::size_t a = 0; a < 4; ++a) {
      const double p = static_cast<double>(pi[a]);
      CHECK(std::abs(count[a] - kDraws * p) <= 5.0 * std::sqrt(kDraws * p * (1.0 - p)));
    }
  }

  TEST_CASE("numbers that are not finite stop the run and leave the parameters alone") {
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      Problem p(6, 5e-4);
      const std::vector<float> before(p.learner->params().begin(), p.learner->params().end());
      p.episodes[0].rewards.back() = bad;
      CHECK_THROWS_AS(p.update(), credo::DivergedError);
      CHECK(std::equal(before.begin(), before.end(), p.learner->params().begin()));
    }
  }

  TEST_CASE("a policy that could become exactly 0 is refused by name") {
    credo::Params params(credo::train_params());
    for (const auto& [name, v] : credo::find_algorithm("coma").values) params.set(name, v);
    CHECK_NOTHROW(credo::make_train_config(params));
    params.set("exploration.epsilon_finish", 0.0);
    std::string message;
    try {
      credo::make_train_config(params);
    } catch (const credo::UserError& error) {
      message = error.what();
    }
    CHECK(message ==
          "exploration.epsilon_finish = 0 does not go with learner.type = coma; "
          "allowed: at least 1e-6");
  }
}

}  // namespace
