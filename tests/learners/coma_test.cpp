// COMA: gradients of critic and actor, targets and whole updates against a double-precision
// reference, and what its policy promises. Bits over threads and instruction sets, save and load:
// determinism_test.cpp.
#include "learners/algorithms/coma.hpp"

#include <algorithm>
#include <doctest/doctest.h>

#include "learners/rollout/policy.hpp"
#include "tests/learners/reference.hpp"
#include "tests/learners/training.hpp"

namespace {

using credo::ComaLearner;
using credo::ComaStats;
using credo::ComaTrace;
using credo::EnvShape;
using credo::TrainConfig;
using learner_tests::DoubleParams;
using learner_tests::Draw;
using learner_tests::Matrix;
using learner_tests::PlainEpisode;
using learner_tests::sz;
using learner_tests::Vector;

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

/// The formulas of coma.hpp in double, on one set of episodes.
class ComaReference {
 public:
  ComaReference(const TrainConfig& config, const DoubleParams& params,
                const std::vector<PlainEpisode>& episodes, const std::vector<int>& bootstrap,
                const learner_tests::RewardMoments& moments = {})
      : config_(config),
        moments_(moments),
        agents_(kShape, config, params, params, episodes),
        episodes_(episodes),
        bootstrap_(bootstrap) {
    for (const PlainEpisode& e : episodes) steps_ += e.length;
  }

  template <class Get>
  auto per_step(const Get& get) const {
    std::vector<std::vector<std::vector<decltype(get(std::size_t{0}, 0, 0))>>> out;
    for (std::size_t e = 0; e < episodes_.size(); ++e) {
      out.emplace_back();
      for (int t = 0; t < episodes_[e].length; ++t) {
        out.back().emplace_back();
        for (int i = 0; i < kShape.n_agents; ++i) out.back().back().push_back(get(e, t, i));
      }
    }
    return out;
  }

  int longest() const { return *std::max_element(kLengths.begin(), kLengths.end()); }

  /// Values of all actions of an agent.
  Vector critic(const DoubleParams& params, std::size_t e, int t, int agent) const {
    const PlainEpisode& ep = episodes_[e];
    const int n = kShape.n_agents;
    const int n_actions = kShape.n_actions;
    const int dense = kShape.state_dim + kShape.obs_dim;
    Vector x = Vector::Zero(dense + 2 * n * n_actions + n);
    for (int k = 0; k < kShape.state_dim; ++k) x(k) = ep.state[sz(t * kShape.state_dim + k)];
    for (int k = 0; k < kShape.obs_dim; ++k)
      x(kShape.state_dim + k) = ep.obs[sz((t * n + agent) * kShape.obs_dim + k)];
    for (int j = 0; j < n; ++j) {
      if (j != agent) x(dense + j * n_actions + action(e, t, j)) = 1.0;
      if (t > 0) x(dense + (n + j) * n_actions + action(e, t - 1, j)) = 1.0;
    }
    x(dense + 2 * n * n_actions + agent) = 1.0;
    const auto layer = [&](const char* name, const Vector& in) -> Vector {
      const std::string prefix = std::string("critic.") + name;
      return params.matrix(prefix + ".weight") * in + params.vector(prefix + ".bias");
    };
    return layer("4", layer("2", layer("0", x).cwiseMax(0.0)).cwiseMax(0.0));
  }

  double target(const DoubleParams& params, std::size_t e, int t, int agent) const {
    const PlainEpisode& ep = episodes_[e];
    const std::vector<double> rewards = learner_tests::scaled_rewards(ep, moments_);
    std::vector<double> next;
    for (int k = 1; k <= ep.length; ++k)
      next.push_back(critic(params, e, k, agent)(action(e, k, agent)));
    return learner_tests::lambda_returns(rewards, next, ep.terminated, config_.learner.gamma,
                                         config_.learner.td_lambda)[sz(t)];
  }

  /// targets: [episode][t][agent].
  using PerStep = std::vector<std::vector<std::vector<double>>>;
  PerStep targets(const DoubleParams& params) const {
    return per_step([&](std::size_t e, int t, int i) { return target(params, e, t, i); });
  }

  double critic_loss(const DoubleParams& params, int t, const PerStep& targets) const {
    double sum = 0.0;
    int count = 0;
    for (std::size_t e = 0; e < episodes_.size(); ++e) {
      if (t >= episodes_[e].length) continue;
      for (int i = 0; i < kShape.n_agents; ++i, ++count) {
        const double d = critic(params, e, t, i)(action(e, t, i)) - targets[e][sz(t)][sz(i)];
        sum += d * d;
      }
    }
    return sum / count;
  }

  /// pi of all agents in the slots of an episode: [slots] of [n, A].
  std::vector<Matrix> policy(const DoubleParams& params, std::size_t e) const {
    std::vector<Matrix> slots = agents_.agent_values(params, episodes_[e]);
    for (std::size_t t = 0; t < slots.size(); ++t)
      for (int i = 0; i < kShape.n_agents; ++i) {
        Vector p = slots[t].row(i);
        p = p.array().exp();
        p /= p.sum();
        for (int a = 0; a < kShape.n_actions; ++a)
          p(a) = episodes_[e].is_available(static_cast<int>(t), i, a)
                     ? (1.0 - kEpsilon) * p(a) + kEpsilon / kShape.n_actions
                     : 0.0;
        slots[t].row(i) = p / p.sum();
      }
    return slots;
  }

  /// q: [episode][t][agent] the critic's values of all actions.
  using Values = std::vector<std::vector<std::vector<Vector>>>;
  PerStep advantages(const DoubleParams& params, const Values& q) const {
    std::vector<std::vector<Matrix>> pi;
    for (std::size_t e = 0; e < episodes_.size(); ++e) pi.push_back(policy(params, e));
    return per_step([&](std::size_t e, int t, int i) {
      const Vector& values = q[e][sz(t)][sz(i)];
      return values(action(e, t, i)) - pi[e][sz(t)].row(i).dot(values);
    });
  }

  double actor_loss(const DoubleParams& params, const PerStep& advantages) const {
    double sum = 0.0;
    for (std::size_t e = 0; e < episodes_.size(); ++e) {
      const std::vector<Matrix> pi = policy(params, e);
      for (int t = 0; t < episodes_[e].length; ++t)
        for (int i = 0; i < kShape.n_agents; ++i)
          sum += advantages[e][sz(t)][sz(i)] * std::log(pi[sz(t)](i, action(e, t, i)));
    }
    return -sum / (steps_ * kShape.n_agents);
  }

  int action(std::size_t e, int t, int agent) const {
    return t < episodes_[e].length ? episodes_[e].action(t, agent)
                                   : bootstrap_[e * sz(kShape.n_agents) + sz(agent)];
  }

 private:
  TrainConfig config_;
  learner_tests::RewardMoments moments_;
  learner_tests::Reference agents_;
  const std::vector<PlainEpisode>& episodes_;
  std::vector<int> bootstrap_;
  int steps_ = 0;
};

/// Central differences of loss with respect to every parameter.
template <class Loss>
std::vector<double> numeric_gradient(DoubleParams& params, const Loss& loss) {
  constexpr double kStep = 1e-5;
  std::vector<double> gradient;
  for (double& x : params.flat()) {
    const double at = x;
    x = at + kStep;
    const double above = loss();
    x = at - kStep;
    gradient.push_back((above - loss()) / (2.0 * kStep));
    x = at;
  }
  return gradient;
}

void check_close(const credo::ParamLayout& layout, std::span<const float> got,
                 const std::vector<double>& want, const std::string& prefix) {
  double largest = 0.0;
  for (const double g : want) largest = std::max(largest, std::abs(g));
  REQUIRE(largest > 1e-4);
  std::size_t at = 0;
  for (const auto& entry : layout.entries()) {
    double worst = 0.0;
    for (const float g : layout.extract(entry, got)) {
      if (entry.name.starts_with(prefix)) worst = std::max(worst, std::abs(g - want[at]));
      ++at;
    }
    CAPTURE(entry.name);
    CHECK(worst <= 5e-6 * largest + 1e-8);
  }
}

struct Problem {
  TrainConfig config;
  std::vector<PlainEpisode> episodes;
  std::unique_ptr<ComaLearner> learner;
  std::unique_ptr<DoubleParams> params, target;  // before the update
  ComaTrace trace;
  ComaStats stats;
  std::unique_ptr<ComaReference> reference;

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
    params = std::make_unique<DoubleParams>(layout(), learner->params());
    target = std::make_unique<DoubleParams>(layout(), learner->target());
    update();
    reference =
        std::make_unique<ComaReference>(config, *params, episodes, trace.bootstrap, moments(1));
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
  /// After this many updates on the episodes.
  learner_tests::RewardMoments moments(std::size_t updates) const {
    if (!config.learner.standardise_rewards) return {};
    return learner_tests::reward_moments(
        std::vector<std::vector<double>>(updates, learner_tests::all_rewards(episodes)));
  }
  const credo::ParamLayout& layout() const { return learner->network().layout; }
  std::size_t place(std::size_t e, int t, int i) const {
    return (e * sz(trace.slots - 1) + sz(t)) * sz(kShape.n_agents) + sz(i);
  }
};

double worst_difference(const credo::ParamLayout& layout, std::span<const float> got,
                        const DoubleParams& want) {
  double worst = 0.0;
  std::size_t at = 0;
  for (const auto& entry : layout.entries())
    for (const float x : layout.extract(entry, got))
      worst = std::max(worst, std::abs(x - want.flat()[at++]));
  return worst;
}

/// The order of the critic's steps, clipping, both optimisers and the target, over four updates.
/// The reference differentiates numerically. copy_every: updates between copies into the target.
void check_updates(const TrainConfig& base, int copy_every) {
  constexpr double kClip = 0.2;
  constexpr double kCriticLr = 5e-3;
  Problem p(5, kCriticLr, base);
  const int longest = p.reference->longest();
  p.config.optimizer.grad_norm_clip = kClip;
  p.config.learner.target_update_interval = copy_every * longest;
  p.learner = std::make_unique<ComaLearner>(kShape, p.config);
  std::copy(p.learner->params().begin(), p.learner->params().end(), p.learner->target().begin());
  const double tau = p.config.learner.target_tau;
  DoubleParams params(p.layout(), p.learner->params());
  DoubleParams target = params;
  std::vector<double> square(params.flat().size());
  std::vector<bool> is_critic;
  for (const auto& entry : p.layout().entries())
    is_critic.insert(is_critic.end(), p.layout().extract(entry, p.learner->params()).size(),
                     entry.name.starts_with("critic."));
  const auto step = [&](std::vector<double> gradient, bool critic, double lr) {
    double norm = 0.0;
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      if (is_critic[i] != critic) gradient[i] = 0.0;
      norm += gradient[i] * gradient[i];
    }
    const double factor = std::min(1.0, kClip / (std::sqrt(norm) + 1e-6));
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      if (is_critic[i] != critic) continue;
      const double g = factor * gradient[i];
      square[i] = 0.99 * square[i] + 0.01 * g * g;
      params.flat()[i] -= lr * g / (std::sqrt(square[i]) + 1e-5);
    }
    return norm;
  };
  for (int update = 0; update < 4; ++update) {
    CAPTURE(update);
    p.update();
    const ComaReference r(p.config, params, p.episodes, p.trace.bootstrap,
                          p.moments(sz(update + 1)));
    const auto targets = r.targets(target);
    ComaReference::Values q = r.per_step([](std::size_t, int, int) { return Vector(); });
    for (int t = longest - 1; t >= 0; --t) {
      for (std::size_t e = 0; e < p.episodes.size(); ++e)
        for (int i = 0; i < kShape.n_agents && t < p.episodes[e].length; ++i)
          q[e][sz(t)][sz(i)] = r.critic(params, e, t, i);
      const double norm =
          step(numeric_gradient(params, [&] { return r.critic_loss(params, t, targets); }), true,
               kCriticLr);
      CHECK(norm > kClip * kClip);  // clipping is active
      for (std::size_t i = 0; i < is_critic.size(); ++i)
        if (is_critic[i])
          target.flat()[i] = (1.0 - tau) * target.flat()[i] + tau * params.flat()[i];
    }
    const auto advantages = r.advantages(params, q);
    step(numeric_gradient(params, [&] { return r.actor_loss(params, advantages); }), false, 5e-4);
    if (tau == 0.0 && update % copy_every == copy_every - 1) target = params;
    CHECK(worst_difference(p.layout(), p.learner->params(), params) < 2e-5);
    CHECK(worst_difference(p.layout(), p.learner->target(), target) < 2e-5);
  }
}

TEST_SUITE("coma") {
  TEST_CASE("values, lambda-returns and advantages equal the reference's") {
    Problem p(1, 0.0);
    const ComaReference& r = *p.reference;
    REQUIRE(p.trace.slots == r.longest() + 1);
    const auto targets = r.targets(*p.target);
    const auto q =
        r.per_step([&](std::size_t e, int t, int i) { return r.critic(*p.params, e, t, i); });
    const auto advantages = r.advantages(*p.params, q);
    double loss = r.actor_loss(*p.params, advantages);
    CHECK(p.stats.loss == doctest::Approx(loss).epsilon(1e-5));
    r.per_step([&](std::size_t e, int t, int i) {
      const std::size_t at = p.place(e, t, i);
      CHECK(p.trace.targets[at] == doctest::Approx(targets[e][sz(t)][sz(i)]).epsilon(1e-5));
      CHECK(std::abs(p.trace.advantages[at] - advantages[e][sz(t)][sz(i)]) < 1e-5);
      const Matrix pi = r.policy(*p.params, e)[sz(t)];
      double mean_advantage = 0.0;
      for (int a = 0; a < kShape.n_actions; ++a) {
        const std::size_t value = at * sz(kShape.n_actions) + sz(a);
        CHECK(std::abs(p.trace.q[value] - q[e][sz(t)][sz(i)](a)) < 1e-5);
        CHECK(std::abs(p.trace.pi[value] - pi(i, a)) < 1e-6);
        mean_advantage += static_cast<double>(p.trace.pi[value]) * p.trace.q[value];
      }
      // The baseline is what the agent's own policy brings on average.
      const double taken = p.trace.q[at * sz(kShape.n_actions) + sz(r.action(e, t, i))];
      CHECK(std::abs(taken - mean_advantage - p.trace.advantages[at]) < 1e-5);
      return 0;
    });
    for (std::size_t e = 0; e < p.episodes.size(); ++e)
      for (int i = 0; i < kShape.n_agents && !p.episodes[e].terminated; ++i)
        CHECK(p.episodes[e].is_available(p.episodes[e].length, i,
                                         r.action(e, p.episodes[e].length, i)));
  }

  TEST_CASE("the critic's gradient in every slot") {
    Problem p(2, 0.0);  // a learning rate of 0 keeps the critic through all slots
    const auto targets = p.reference->targets(*p.target);
    for (int t = 0; t < p.reference->longest(); ++t) {
      CAPTURE(t);
      const auto numeric = numeric_gradient(
          *p.params, [&] { return p.reference->critic_loss(*p.params, t, targets); });
      check_close(p.layout(), p.trace.critic_grads[sz(t)], numeric, "critic.");
    }
  }

  TEST_CASE("the actor's gradient") {
    for (const std::uint64_t seed : {3U, 4U}) {
      TrainConfig config = small_config();
      config.agent.recurrent = seed == 3U;
      config.learner.standardise_rewards = seed == 4U;
      Problem p(seed, 0.0, config);
      const auto advantages = p.reference->per_step([&](std::size_t e, int t, int i) {
        return static_cast<double>(p.trace.advantages[p.place(e, t, i)]);
      });
      const auto numeric = numeric_gradient(
          *p.params, [&] { return p.reference->actor_loss(*p.params, advantages); });
      check_close(p.layout(), p.learner->gradient(), numeric, "agent.");
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
