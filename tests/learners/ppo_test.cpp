// PPO: worked examples, advantages against the brute-force sum, gradients against a double-precision
// reference, and what its batches and policies promise. Golden files: golden_check. Bits over
// threads and instruction sets, save and load: determinism_test.cpp.
#include "learners/algorithms/ppo.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <numeric>

#include "learners/algorithms/ppo_loss.hpp"
#include "learners/algorithms/returns.hpp"
#include "learners/reference/agent.hpp"
#include "learners/rollout/policy.hpp"
#include "tests/learners/episodes.hpp"
#include "tests/learners/gradients.hpp"
#include "tests/learners/training.hpp"

namespace {

using credo::EnvShape;
using credo::PpoLearner;
using credo::PpoStats;
using credo::TrainConfig;
using credo::ValueNorm;
using credo::reference::Matrix;
using credo::reference::Parameters;
using doctest::Approx;
using learner_tests::Draw;
using learner_tests::PlainEpisode;
using learner_tests::sz;

constexpr EnvShape kShape{.n_agents = 3, .n_actions = 4, .obs_dim = 5, .state_dim = 6};
const std::vector<int> kLengths = {4, 1, 3, 2, 4};

std::vector<double> estimates(const std::vector<double>& rewards, const std::vector<double>& values,
                              bool terminated, double gamma, double lambda) {
  std::vector<double> out(rewards.size());
  credo::advantage_estimates(
      gamma, lambda, static_cast<int>(rewards.size()), terminated,
      [&](int t) { return rewards[sz(t)]; }, [&](int t) { return values[sz(t)]; },
      [&](int t, double advantage) { out[sz(t)] = advantage; });
  return out;
}

TrainConfig small_config(const std::string& name) {
  TrainConfig c = learner_tests::algorithm_config(name);
  c.agent.hidden_dim = 6;
  return c;
}

/// Random episodes; agent 0 of the first has one available action from slot 2 on.
std::vector<PlainEpisode> random_episodes(Draw& draw) {
  std::vector<PlainEpisode> episodes;
  for (std::size_t i = 0; i < kLengths.size(); ++i)
    episodes.push_back(learner_tests::random_episode(draw, kShape, kLengths[i], i % 2 == 0));
  PlainEpisode& first = episodes.front();
  for (int t = 2; t <= first.length; ++t) {
    const std::size_t at = sz(t * kShape.n_agents * kShape.n_actions);
    for (int a = 0; a < kShape.n_actions; ++a) first.avail[at + sz(a)] = a == 0 ? 1 : 0;
    if (t < first.length) first.actions[sz(t * kShape.n_agents)] = 0;
  }
  return episodes;
}

/// The losses of ppo.hpp in double, with the batch's old values, advantages and targets.
class PpoReference {
 public:
  PpoReference(const TrainConfig& config, const std::vector<PlainEpisode>& episodes,
               const credo::PpoBatch& batch)
      : config_(config), episodes_(episodes), batch_(batch) {}

  double actor_loss(const Parameters& params) const {
    credo::reference::Tape tape;
    const credo::reference::Weights weights(tape, params, false);
    double sum = 0.0;
    int active = 0;
    for (std::size_t e = 0; e < episodes_.size(); ++e) {
      const PlainEpisode& ep = episodes_[e];
      const auto slots = credo::reference::unroll(weights, "agent.", config_.agent, ep);
      for (int t = 0; t < ep.length; ++t)
        for (int i = 0; i < kShape.n_agents; ++i) {
          const Matrix& logits = slots[sz(t)].q.value();
          int choices = 0;
          double total = 0.0;
          for (int a = 0; a < kShape.n_actions; ++a)
            if (ep.is_available(t, i, a)) {
              ++choices;
              total += std::exp(logits(i, a));
            }
          if (choices < 2) continue;
          ++active;
          double entropy = 0.0;
          for (int a = 0; a < kShape.n_actions; ++a) {
            const double p = std::exp(logits(i, a)) / total;
            if (ep.is_available(t, i, a)) entropy -= p * std::log(p);
          }
          const std::size_t row = batch_.row(static_cast<int>(e), t) + sz(i);
          const double log_prob = logits(i, ep.action(t, i)) - std::log(total);
          const double rho = std::exp(log_prob - static_cast<double>(batch_.old_log_prob[row]));
          const double advantage = batch_.norm_advantage[row];
          const double clip = config_.ppo.clip;
          sum += std::min(rho * advantage, std::clamp(rho, 1.0 - clip, 1.0 + clip) * advantage) +
                 config_.ppo.entropy * entropy;
        }
    }
    return -sum / active;
  }

  double critic_loss(const Parameters& params) const {
    credo::reference::Tape tape;
    const credo::reference::Weights weights(tape, params, false);
    double sum = 0.0;
    int valid = 0;
    for (std::size_t e = 0; e < episodes_.size(); ++e) {
      const PlainEpisode& ep = episodes_[e];
      std::vector<Matrix> inputs;
      for (int t = 0; t < ep.length; ++t) inputs.push_back(input(ep, t));
      const auto slots = credo::reference::unroll(weights, "critic.", config_.agent, inputs);
      for (int i = 0; i < kShape.n_agents; ++i) {
        for (int t = 0; t < ep.length; ++t, ++valid) {
          const double v = slots[sz(t)].q.value()(i, 0);
          const std::size_t row = batch_.row(static_cast<int>(e), t) + sz(i);
          const double old = batch_.old_value[row];
          const double clip = config_.ppo.value_clip;
          const double error = static_cast<double>(batch_.target[row]) - v;
          const double near = old + std::clamp(v - old, -clip, clip);
          const double clipped = static_cast<double>(batch_.target[row]) - near;
          sum += clip == 0.0 ? huber(error) : std::max(huber(error), huber(clipped));
        }
      }
    }
    return config_.ppo.value_coef * sum / valid;
  }

 private:
  double huber(double e) const {
    const double d = config_.ppo.huber_delta;
    return std::abs(e) <= d ? e * e / 2.0 : d * (std::abs(e) - d / 2.0);
  }
  // A row per agent.
  Matrix input(const PlainEpisode& ep, int t) const {
    Matrix rows;
    for (int agent = 0; agent < kShape.n_agents; ++agent) {
      std::vector<double> in;
      int choices = 0;
      for (int a = 0; a < kShape.n_actions; ++a) choices += ep.is_available(t, agent, a) ? 1 : 0;
      const bool sees = choices > 1 || !config_.ppo.death_masking;
      for (int k = 0; config_.ppo.central_critic && k < kShape.state_dim; ++k)
        in.push_back(sees ? static_cast<double>(ep.state[sz(t * kShape.state_dim + k)]) : 0.0);
      for (int k = 0; k < kShape.obs_dim; ++k)
        in.push_back(ep.obs[sz((t * kShape.n_agents + agent) * kShape.obs_dim + k)]);
      for (int u = 0; u < kShape.n_actions; ++u)
        in.push_back(t > 0 && ep.action(t - 1, agent) == u ? 1.0 : 0.0);
      for (int j = 0; config_.agent.shared && j < kShape.n_agents; ++j)
        in.push_back(agent == j ? 1.0 : 0.0);
      if (agent == 0) rows = Matrix::Zero(kShape.n_agents, static_cast<Eigen::Index>(in.size()));
      for (std::size_t k = 0; k < in.size(); ++k) rows(agent, static_cast<Eigen::Index>(k)) = in[k];
    }
    return rows;
  }

  TrainConfig config_;
  const std::vector<PlainEpisode>& episodes_;
  const credo::PpoBatch& batch_;
};

struct Problem {
  TrainConfig config;
  std::vector<PlainEpisode> episodes;
  std::unique_ptr<PpoLearner> learner;

  explicit Problem(const TrainConfig& base, std::uint64_t seed = 1) : config(base) {
    Draw draw("ppo", seed);
    config.seed = seed;
    episodes = random_episodes(draw);
    learner = std::make_unique<PpoLearner>(kShape, config);
    for (float& x : learner->params()) x *= 2.0F;
  }
  std::vector<credo::EpisodeView> views() const {
    std::vector<credo::EpisodeView> list;
    for (const PlainEpisode& e : episodes) list.push_back(e.view());
    return list;
  }
  void begin() {
    learner->begin(views());
    learner->finish_targets();
    learner->plan_epoch(0);
  }
  const credo::ParamLayout& layout() const { return learner->network().layout; }
};

/// The learner's gradients against central differences of the reference's losses. The old values are
/// moved away from the new ones, so that ratios and values lie on both sides of their clips.
void check_gradients(const TrainConfig& base, std::uint64_t seed) {
  Problem p(base, seed);
  p.learner->begin(p.views());
  p.learner->finish_targets();
  Draw draw("moved", seed);
  for (float& x : p.learner->batch().old_log_prob) x += draw.real(-0.5F, 0.5F);
  for (float& x : p.learner->batch().old_value) x += draw.real(-0.5F, 0.5F);
  p.learner->plan_epoch(0);
  Parameters params(p.layout(), p.learner->params());
  const PpoReference reference(p.config, p.episodes, p.learner->batch());
  credo::PpoTrace trace;
  const PpoStats stats = p.learner->step(0, &trace);
  CHECK(stats.loss == Approx(reference.actor_loss(params)).epsilon(1e-4));
  CHECK(stats.critic_loss == Approx(reference.critic_loss(params)).epsilon(1e-5));
  CHECK(stats.clip_fraction > 0.0);
  CHECK(stats.clip_fraction < 1.0);
  constexpr double kStep = 1e-6;
  std::size_t at = 0;
  double largest[2] = {0.0, 0.0};
  double worst[2] = {0.0, 0.0};
  for (const auto& entry : p.layout().entries()) {
    const bool critic = entry.name.starts_with("critic.");
    for (const float got : p.layout().extract(entry, trace.gradient)) {
      double& x = params.flat()[at++];
      const double middle = x;
      const auto loss = [&](double value) {
        x = value;
        return critic ? reference.critic_loss(params) : reference.actor_loss(params);
      };
      const double want = (loss(middle + kStep) - loss(middle - kStep)) / (2.0 * kStep);
      x = middle;
      largest[critic ? 1 : 0] = std::max(largest[critic ? 1 : 0], std::abs(want));
      worst[critic ? 1 : 0] = std::max(worst[critic ? 1 : 0], std::abs(want - got));
    }
  }
  for (const int network : {0, 1}) {
    CAPTURE(network);
    REQUIRE(largest[network] > 1e-4);
    CHECK(worst[network] <= 1e-5 * largest[network] + 1e-8);
  }
}

TEST_SUITE("ppo: worked examples") {
  TEST_CASE("advantages and returns, cut by the limit and terminated") {
    const std::vector<double> rewards = {1.0, 0.0, 2.0};
    const std::vector<double> values = {0.5, 0.4, 0.3, 0.7};
    const auto cut = estimates(rewards, values, false, 0.99, 0.95);
    const auto ended = estimates(rewards, values, true, 0.99, 0.95);
    const double want_cut[] = {2.91583331825, 2.1476165, 2.393};
    const double want_ended[] = {2.302846925, 1.49585, 1.7};
    for (std::size_t t = 0; t < 3; ++t) {
      CHECK(cut[t] == Approx(want_cut[t]).epsilon(1e-12));
      CHECK(ended[t] == Approx(want_ended[t]).epsilon(1e-12));
    }
  }

  TEST_CASE("advantages are the sum of the discounted deltas that follow") {
    Draw draw("advantages");
    for (int trial = 0; trial < 50; ++trial) {
      const int length = draw.integer(1, 12);
      const bool terminated = draw.chance(0.5);
      const double gamma = draw.real(0.5F, 1.0F);
      const double lambda = trial % 5 == 0 ? 0.0 : draw.real(0.0F, 1.0F);
      std::vector<double> rewards, values;
      for (int t = 0; t <= length; ++t) values.push_back(draw.real(-2.0F, 2.0F));
      for (int t = 0; t < length; ++t) rewards.push_back(draw.real(-2.0F, 2.0F));
      const auto got = estimates(rewards, values, terminated, gamma, lambda);
      for (int t = 0; t < length; ++t) {
        double sum = 0.0;
        for (int k = t; k < length; ++k) {
          const double next = k + 1 == length && terminated ? 0.0 : values[sz(k + 1)];
          sum += std::pow(gamma * lambda, k - t) * (rewards[sz(k)] + gamma * next - values[sz(k)]);
        }
        CHECK(got[sz(t)] == Approx(sum).epsilon(1e-10));
      }
    }
  }

  TEST_CASE("with lambda 1 advantage and value add up to the discounted return") {
    const std::vector<double> rewards = {1.0, 1.0, 1.0};
    const std::vector<double> values = {3.0, -1.0, 2.0, 10.0};
    const auto ended = estimates(rewards, values, true, 0.9, 1.0);
    const auto cut = estimates(rewards, values, false, 0.9, 1.0);
    const double want[] = {2.71, 1.9, 1.0};
    for (std::size_t t = 0; t < 3; ++t) {
      CHECK(ended[t] + values[t] == Approx(want[t]).epsilon(1e-12));
      CHECK(cut[t] + values[t] ==
            Approx(want[t] + std::pow(0.9, 3.0 - static_cast<double>(t)) * 10.0).epsilon(1e-12));
    }
  }

  TEST_CASE("value normalisation: the first batch") {
    ValueNorm norm(0.99999);
    CHECK(norm.mean() == 0.0);
    CHECK(norm.deviation() == 1.0);
    norm.update(7.0 / 3.0, 7.0);
    CHECK(norm.mean() == Approx(7.0 / 3.0).epsilon(1e-9));
    CHECK(norm.deviation() == Approx(1.2472191289).epsilon(1e-9));
    const double want[] = {-1.06904497, -0.26726124, 1.33630621};
    const double returns[] = {1.0, 2.0, 4.0};
    for (int i = 0; i < 3; ++i)
      CHECK((returns[i] - norm.mean()) / norm.deviation() == Approx(want[i]).epsilon(1e-8));
    norm.update(0.0, 0.0);  // with this beta all batches count alike
    CHECK(norm.mean() == Approx(7.0 / 6.0).epsilon(1e-4));
    ValueNorm constant(0.5);
    constant.update(3.0, 9.0);
    CHECK(constant.deviation() == 0.1);
  }

  TEST_CASE("the policy's loss on one row") {
    const float logits[] = {0.2F, 7.0F, 0.5F};
    const std::uint8_t avail[] = {1, 0, 1};
    float log_pi[3], pi[3], d[3];
    credo::masked_softmax(1, 3, logits, avail, log_pi, pi);
    CHECK(log_pi[2] == Approx(-0.55435524).epsilon(1e-6));
    CHECK(pi[1] == 0.0F);
    const float rho = 1.56149665F;
    auto row = credo::policy_row(3, log_pi, pi, avail, 2, rho, 1.0F, 0.2F, 0.01F, 1.0F, d);
    CHECK(row.entropy == Approx(0.68202249).epsilon(1e-6));
    CHECK(row.surrogate == Approx(1.2).epsilon(1e-6));
    CHECK(row.clipped);
    CHECK(d[0] == Approx(-0.00073337).epsilon(1e-4));
    CHECK(d[1] == 0.0F);
    CHECK(d[2] == Approx(0.00073337).epsilon(1e-4));
    row = credo::policy_row(3, log_pi, pi, avail, 2, rho, -1.0F, 0.2F, 0.01F, 1.0F, d);
    CHECK(row.surrogate == Approx(-1.56149665).epsilon(1e-6));
    CHECK(d[0] == Approx(-0.66523996).epsilon(1e-5));
    CHECK(d[1] == 0.0F);
    CHECK(d[2] == Approx(0.66523996).epsilon(1e-5));
  }

  TEST_CASE("the critic's loss on one row") {
    auto row = credo::value_row(0.9F, 0.5F, -0.3F, 1.0F, 0.2F);
    CHECK(row.loss == Approx(0.7).epsilon(1e-6));
    CHECK(row.slope == 1.0F);
    CHECK(row.clipped);
    row = credo::value_row(0.9F, 0.5F, 1.5F, 1.0F, 0.2F);
    CHECK(row.loss == Approx(0.32).epsilon(1e-6));
    CHECK(row.slope == 0.0F);
    row = credo::value_row(0.4F, 0.5F, 2.0F, 1.0F, 0.2F);
    CHECK(row.loss == Approx(1.1).epsilon(1e-6));
    CHECK(row.slope == -1.0F);
    CHECK_FALSE(row.clipped);
    row = credo::value_row(0.9F, 0.5F, 1.5F, 1.0F, 0.0F);  // no clipping
    CHECK(row.loss == Approx(0.18).epsilon(1e-6));
    CHECK(row.slope == Approx(-0.6).epsilon(1e-6));
  }
}

TEST_SUITE("ppo") {
  TEST_CASE("gradients of both losses, IPPO and MAPPO") {
    for (const std::string name : {"ippo", "mappo"}) {
      for (const bool recurrent : {true, false}) {
        CAPTURE(name);
        CAPTURE(recurrent);
        TrainConfig c = small_config(name);
        c.agent.recurrent = recurrent;
        c.ppo.policy_gain = 1.0;
        c.ppo.huber_delta = 0.4;
        c.ppo.value_coef = 0.7;
        check_gradients(c, recurrent ? 1 : 2);
      }
    }
  }
  TEST_CASE("gradients without clipping the values, normalising them or masking the dead") {
    TrainConfig c = small_config("mappo");
    c.ppo.policy_gain = 1.0;
    c.ppo.value_clip = 0.0;
    c.ppo.value_norm = false;
    c.ppo.death_masking = false;
    c.ppo.entropy = 0.3;
    check_gradients(c, 3);
  }

  TEST_CASE("gradients of actors and critics with weights of their own") {
    for (const std::string name : {"ippo", "mappo"}) {
      TrainConfig c = small_config(name);
      c.agent.shared = false;
      c.ppo.policy_gain = 1.0;
      check_gradients(c, 4);
    }
  }

  TEST_CASE("in the first step the ratio is 1") {
    for (const std::string name : {"ippo", "mappo"}) {
      Problem p(small_config(name));
      p.begin();
      credo::PpoTrace trace;
      const PpoStats stats = p.learner->step(0, &trace);
      CHECK(stats.clip_fraction == 0.0);
      CHECK(stats.approx_kl == 0.0);
      CHECK(stats.value_clip_fraction == 0.0);
      for (std::size_t r = 0; r < trace.ratio.size(); ++r)
        CHECK((trace.ratio[r] == 1.0F || trace.ratio[r] == 0.0F));
    }
  }

  TEST_CASE("the policy begins nearly uniform") {
    const PpoLearner learner(kShape, small_config("mappo"));
    for (const auto& entry : learner.network().layout.entries()) {
      const auto values = learner.network().layout.extract(entry, learner.params());
      const float largest =
          std::abs(*std::max_element(values.begin(), values.end(),
                                     [](float a, float b) { return std::abs(a) < std::abs(b); }));
      if (entry.name == "agent.fc2.weight") CHECK(largest <= 0.01F / std::sqrt(6.0F));
      if (entry.name == "agent.fc2.bias") CHECK(largest == 0.0F);
      if (entry.name == "critic.fc2.bias") CHECK(largest > 0.0F);
      if (entry.name == "critic.fc2.weight") CHECK(values.size() == 6);
    }
  }

  TEST_CASE("targets follow the definition, in the units of the return") {
    Problem p(small_config("mappo"));
    p.learner->value_norm().set({.mean = 0.5 * 3.0, .mean_square = 0.5 * 13.0, .weight = 0.5});
    p.begin();  // mean 3, deviation 2
    const credo::PpoBatch& batch = p.learner->batch();
    std::vector<double> active;
    for (std::size_t e = 0; e < p.episodes.size(); ++e) {
      const PlainEpisode& ep = p.episodes[e];
      for (int i = 0; i < kShape.n_agents; ++i) {
        std::vector<double> values;
        for (int t = 0; t <= ep.length; ++t)
          values.push_back(2.0 * static_cast<double>(
                                     batch.old_value[batch.row(static_cast<int>(e), t) + sz(i)]) +
                           3.0);
        const std::vector<double> rewards(ep.rewards.begin(), ep.rewards.end());
        const auto want = estimates(rewards, values, ep.terminated, 0.99, 0.95);
        for (int t = 0; t < ep.length; ++t) {
          const std::size_t r = batch.row(static_cast<int>(e), t) + sz(i);
          CHECK(batch.advantages[r] == Approx(want[sz(t)]).epsilon(1e-10));
          CHECK(batch.returns[r] == Approx(want[sz(t)] + values[sz(t)]).epsilon(1e-10));
          const ValueNorm& norm = p.learner->value_norm();
          CHECK(batch.target[r] ==
                Approx((batch.returns[r] - norm.mean()) / norm.deviation()).epsilon(1e-5));
          if (batch.has_choice(r))
            active.push_back(static_cast<double>(batch.norm_advantage[r]));
          else
            CHECK(batch.norm_advantage[r] == 0.0F);
        }
      }
    }
    const auto n = static_cast<double>(active.size());
    CHECK(std::abs(std::accumulate(active.begin(), active.end(), 0.0) / n) < 1e-6);
    CHECK(std::inner_product(active.begin(), active.end(), active.begin(), 0.0) / n ==
          Approx(1.0).epsilon(1e-3));
  }

  TEST_CASE("the state of an agent without a choice does not reach the critic") {
    for (const bool masking : {true, false}) {
      TrainConfig c = small_config("mappo");
      c.ppo.death_masking = masking;
      Problem a(c), b(c);
      // Only slots in which agent 0 of the first episode has one action, and only its value.
      for (int t = 2; t <= b.episodes[0].length; ++t)
        for (int k = 0; k < kShape.state_dim; ++k)
          b.episodes[0].state[sz(t * kShape.state_dim + k)] += 1.0F;
      a.begin();
      b.begin();
      const std::size_t row = a.learner->batch().row(0, 3);
      REQUIRE(a.learner->batch().has_choice(row + 1));
      CHECK((a.learner->batch().old_value[row] == b.learner->batch().old_value[row]) == masking);
      CHECK(a.learner->batch().old_value[row + 1] != b.learner->batch().old_value[row + 1]);
    }
  }

  TEST_CASE("minibatches deal out all episodes, differently in every epoch") {
    TrainConfig c = small_config("ippo");
    c.ppo.minibatches = 2;
    Problem p(c);
    p.begin();
    std::vector<std::vector<int>> seen;
    for (int epoch = 0; epoch < 6; ++epoch) {
      p.learner->plan_epoch(epoch);
      std::vector<int> all;
      for (int part = 0; part < 2; ++part) {
        const auto places = p.learner->places(part);
        CHECK((places.size() == 2 || places.size() == 3));
        for (std::size_t i = 1; i < places.size(); ++i)
          CHECK(p.episodes[sz(places[i - 1])].length >= p.episodes[sz(places[i])].length);
        all.insert(all.end(), places.begin(), places.end());
      }
      seen.push_back(all);
      std::sort(all.begin(), all.end());
      CHECK(all == std::vector<int>{0, 1, 2, 3, 4});
    }
    CHECK(std::count(seen.begin(), seen.end(), seen.front()) < 6);
  }

  TEST_CASE("where no agent has a choice only the critic learns") {
    Problem p(small_config("mappo"));
    for (PlainEpisode& e : p.episodes) {
      for (std::size_t i = 0; i < e.avail.size(); ++i)
        e.avail[i] = i % sz(kShape.n_actions) == 0 ? 1 : 0;
      std::fill(e.actions.begin(), e.actions.end(), 0);
    }
    p.begin();
    const std::vector<float> before(p.learner->params().begin(), p.learner->params().end());
    const PpoStats stats = p.learner->step(0);
    CHECK(stats.loss == 0.0);
    CHECK(stats.grad_norm == 0.0);
    CHECK(stats.critic_grad_norm > 0.0);
    const auto critic = static_cast<std::ptrdiff_t>(p.learner->network().critic_begin);
    const auto now = p.learner->params();
    CHECK(std::equal(before.begin(), before.begin() + critic, now.begin()));
    CHECK(!std::equal(before.begin() + critic, before.end(), now.begin() + critic));
  }

  TEST_CASE("numbers that are not finite stop the run and leave the parameters alone") {
    Problem p(small_config("mappo"));
    p.episodes[0].rewards.back() = std::numeric_limits<float>::infinity();
    const std::vector<float> before(p.learner->params().begin(), p.learner->params().end());
    p.begin();
    CHECK_THROWS_AS(p.learner->step(0), credo::DivergedError);
    CHECK(std::equal(before.begin(), before.end(), p.learner->params().begin()));
  }

  TEST_CASE("softmax over available actions, for any logits") {
    Draw draw("masked softmax");
    for (int trial = 0; trial < 200; ++trial) {
      const int n = draw.integer(1, 9);
      const std::vector<float> logits = draw.reals(sz(n), -300.0F, 300.0F);
      std::vector<std::uint8_t> avail(sz(n));
      for (auto& a : avail) a = draw.chance(0.5) ? 1 : 0;
      avail[sz(draw.integer(0, n - 1))] = 1;
      std::vector<float> log_pi(sz(n)), pi(sz(n));
      credo::masked_softmax(1, n, logits.data(), avail.data(), log_pi.data(), pi.data());
      double total = 0.0;
      for (int a = 0; a < n; ++a)
        if (avail[sz(a)] != 0) total += std::exp(static_cast<double>(logits[sz(a)]) - 300.0);
      double sum = 0.0;
      for (int a = 0; a < n; ++a) {
        sum += pi[sz(a)];
        if (avail[sz(a)] == 0) {
          CHECK(pi[sz(a)] == 0.0F);
          continue;
        }
        const double want = static_cast<double>(logits[sz(a)]) - 300.0 - std::log(total);
        CHECK(std::abs(log_pi[sz(a)] - want) < 1e-6 * std::max(10.0, std::abs(want)));
      }
      CHECK(std::abs(sum - 1.0) < 1e-5);
    }
  }

  TEST_CASE("bad settings are refused by name") {
    const auto message = [](const std::string& key, const std::string& value) {
      credo::Params params(credo::train_params());
      for (const auto& [name, v] : credo::find_algorithm("mappo").values) params.set(name, v);
      try {
        params.set_text(key, value);
        credo::make_train_config(params);
      } catch (const credo::UserError& error) {
        return std::string(error.what());
      }
      return std::string();
    };
    CHECK(message("ppo.epochs", "3").empty());
    for (const auto& [key, value] :
         std::initializer_list<std::pair<const char*, const char*>>{{"ppo.clip", "0"},
                                                                    {"ppo.epochs", "0"},
                                                                    {"ppo.minibatches", "33"},
                                                                    {"ppo.gae_lambda", "1.01"},
                                                                    {"ppo.huber_delta", "0"},
                                                                    {"ppo.value_clip", "-0.1"},
                                                                    {"ppo.value_norm_beta", "1"},
                                                                    {"ppo.policy_gain", "0"}}) {
      const std::string named = key;
      CAPTURE(named);
      CHECK(message(key, value).starts_with(key));
    }
    CHECK(message("ppo.minibatches", "33") ==
          "ppo.minibatches = 33 is larger than rollout.n_envs = 32: a minibatch would hold no "
          "episode");
  }
}

}  // namespace
