#include "suite/bench/train_benchmark.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>
#include <thread>
#include <utility>

#include "envs/core/error.hpp"
#include "envs/core/random.hpp"
#include "learners/algorithm_table.hpp"
#include "learners/algorithms/ppo.hpp"
#include "learners/algorithms/q_learner.hpp"
#include "learners/hyperparameters.hpp"
#include "learners/kernels/kernels.hpp"
#include "learners/replay/episode.hpp"
#include "learners/rollout/policy.hpp"

namespace credo::suite {
namespace {

using Clock = std::chrono::steady_clock;

/// Sizes of SMAC's maps: the shapes the literature's timings are quoted for.
struct Shape {
  const char* name;
  EnvShape env;
  int limit;
};
constexpr Shape kShapes[] = {
    {"3m", {.n_agents = 3, .n_actions = 9, .obs_dim = 30, .state_dim = 48}, 60},
    {"2s3z", {.n_agents = 5, .n_actions = 11, .obs_dim = 80, .state_dim = 120}, 120},
    {"8m", {.n_agents = 8, .n_actions = 14, .obs_dim = 80, .state_dim = 168}, 120},
    {"MMM2", {.n_agents = 10, .n_actions = 18, .obs_dim = 176, .state_dim = 322}, 180},
    {"27m_vs_30m", {.n_agents = 27, .n_actions = 36, .obs_dim = 285, .state_dim = 1170}, 180},
};
constexpr int kBatch = 32;

const Shape& find_shape(const std::string& name) {
  for (const Shape& s : kShapes)
    if (name == s.name) return s;
  throw UserError(unknown_name_message("shape", name, train_benchmark_shapes()));
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Multiply-adds of a dense implementation, two operations each: `slots` slots for the agents,
/// `steps` steps for the mixers; no input gradient for layers that read observations or states.
double dense_gflop(const Shape& s, const TrainConfig& c, double slots, double steps) {
  const double n = s.env.n_agents;
  const double a = s.env.n_actions;
  const double h = c.agent.hidden_dim;
  const double e = c.mixer.embed_dim;
  const double k = c.mixer.hypernet_embed;
  const double fc1 = (s.env.obs_dim + a + n) * h;
  const double agent = fc1 + 6.0 * h * h + h * a;
  const double first = s.env.state_dim * (2.0 * k + 2.0 * e);
  const double mixer = first + k * n * e + k * e + e + n * e + e;
  const double agents = slots * n * (4.0 * agent - fc1);  // two forward passes, one backward
  const double mixers = steps * (4.0 * mixer - first);
  return 2.0 * (agents + mixers) / 1e9;
}

/// Of PPO: a forward pass of actor and critic for the old values, then one forward and one backward
/// pass of both in every epoch.
double dense_ppo_gflop(const Shape& s, const TrainConfig& c, double slots) {
  const double h = c.agent.hidden_dim;
  const auto passes = [&](double inputs, double outputs) {
    const double fc1 = inputs * h;
    const double network = fc1 + 6.0 * h * h + h * outputs;
    return network + c.ppo.epochs * (3.0 * network - fc1);
  };
  const double own = s.env.obs_dim + s.env.n_actions + s.env.n_agents;
  const double state = c.ppo.central_critic ? s.env.state_dim : 0.0;
  return 2.0 * slots * s.env.n_agents * (passes(own, s.env.n_actions) + passes(state + own, 1.0)) /
         1e9;
}

/// Random numbers in the shape of an episode.
struct Synthetic {
  std::vector<float> obs, state, rewards;
  std::vector<std::uint8_t> avail;
  std::vector<int> actions;
  int length = 0;

  EpisodeView view(const EnvShape& shape) const {
    const EpisodeArrays arrays{.obs = obs.data(),
                               .state = state.data(),
                               .avail = avail.data(),
                               .actions = actions.data(),
                               .rewards = rewards.data()};
    return arrays.view(shape, length, true);
  }
};

std::vector<Synthetic> synthetic_episodes(const Shape& s, bool real_lengths) {
  const auto n = static_cast<std::size_t>(s.env.n_agents);
  Stream stream(0, purpose("bench train"));
  std::vector<Synthetic> episodes(kBatch);
  for (Synthetic& e : episodes) {
    // Battles end early: a third to two thirds of the limit is what play shows.
    e.length = s.limit;
    if (real_lengths)
      e.length =
          s.limit / 3 + static_cast<int>(stream.below(static_cast<std::uint32_t>(s.limit / 3)));
    const auto slots = static_cast<std::size_t>(e.length) + 1;
    e.obs.resize(slots * n * static_cast<std::size_t>(s.env.obs_dim));
    e.state.resize(slots * static_cast<std::size_t>(s.env.state_dim));
    e.rewards.resize(slots);
    e.avail.assign(slots * n * static_cast<std::size_t>(s.env.n_actions), 1);
    e.actions.resize(slots * n);
    for (std::vector<float>* values : {&e.obs, &e.state, &e.rewards})
      for (float& x : *values) x = stream.uniform_float();
    for (int& x : e.actions)
      x = static_cast<int>(stream.below(static_cast<std::uint32_t>(s.env.n_actions)));
  }
  return episodes;
}

/// FMA peak of `threads` threads in GFLOP/s: the sum of what each reaches in `seconds`.
double measure_peak(int threads, double seconds) {
  constexpr std::size_t kPiece = 20'000;
  const KernelTable& table = kernels();
  std::vector<double> rates(static_cast<std::size_t>(threads));
  const auto run = [&](std::size_t i) {
    const auto start = Clock::now();
    double elapsed = 0.0;
    std::size_t iterations = 0;
    do {
      table.fma_peak(kPiece);
      iterations += kPiece;
      elapsed = seconds_since(start);
    } while (elapsed < seconds);
    rates[i] = static_cast<double>(iterations) * table.peak_flops / elapsed / 1e9;
  };
  std::vector<std::thread> others;
  for (std::size_t i = 1; i < rates.size(); ++i) others.emplace_back(run, i);
  run(0);
  for (std::thread& t : others) t.join();
  return std::accumulate(rates.begin(), rates.end(), 0.0);
}

/// A learner with its batch.
class Learning {
 public:
  Learning() = default;
  Learning(const Learning&) = delete;
  Learning& operator=(const Learning&) = delete;
  virtual ~Learning() = default;
  virtual void update() = 0;
  /// Dense count of slots and steps in all.
  virtual double gflop(double slots, double steps) const = 0;
};

class QmixLearning final : public Learning {
 public:
  QmixLearning(const Shape& s, const std::vector<Synthetic>& episodes, bool entropy)
      : shape_(s), episodes_(episodes.size()) {
    config_.entropy.enabled = entropy;
    learner_ = std::make_unique<QLearner>(s.env, config_);
    EpisodeEncoder encoder(s.env);
    for (std::size_t i = 0; i < episodes.size(); ++i) {
      encoder.encode(episodes[i].view(s.env), episodes_[i]);
      batch_.push_back(&episodes_[i]);
    }
  }
  void update() override { learner_->apply_gradient(learner_->compute_gradient(batch_)); }
  double gflop(double slots, double steps) const override {
    return dense_gflop(shape_, config_, slots, steps);
  }

 private:
  const Shape& shape_;
  TrainConfig config_;
  std::unique_ptr<QLearner> learner_;
  std::vector<Episode> episodes_;
  std::vector<const Episode*> batch_;
};

class PpoLearning final : public Learning {
 public:
  PpoLearning(const Shape& s, std::vector<Synthetic> episodes, const std::string& algorithm)
      : shape_(s), episodes_(std::move(episodes)) {
    Params params(train_params());
    for (const auto& [name, value] : find_algorithm(algorithm).values) params.set(name, value);
    // Random rewards again and again would end in a policy without choices.
    params.set("optimizer.lr", 0.0);
    params.set("ppo.critic_lr", 0.0);
    config_ = make_train_config(params);
    learner_ = std::make_unique<PpoLearner>(s.env, config_);
    for (const Synthetic& e : episodes_) views_.push_back(e.view(s.env));
  }
  void update() override {
    learner_->learn(views_, [](const PpoStats&) {});
  }
  double gflop(double slots, double) const override {
    return dense_ppo_gflop(shape_, config_, slots);
  }

 private:
  const Shape& shape_;
  std::vector<Synthetic> episodes_;
  TrainConfig config_;
  std::unique_ptr<PpoLearner> learner_;
  std::vector<EpisodeView> views_;
};

/// One kind of update and what was measured of it.
class Variant {
 public:
  /// algorithm: empty for QMIX.
  Variant(const Shape& s, const char* name, const std::string& algorithm = "",
          bool real_lengths = false, bool entropy = false)
      : name_(name) {
    std::vector<Synthetic> episodes = synthetic_episodes(s, real_lengths);
    double longest = 0.0;
    double steps = 0.0;
    for (const Synthetic& e : episodes) {
      longest = std::max(longest, static_cast<double>(e.length));
      steps += e.length;
    }
    if (algorithm.empty())
      learning_ = std::make_unique<QmixLearning>(s, episodes, entropy);
    else
      learning_ = std::make_unique<PpoLearning>(s, std::move(episodes), algorithm);
    dense_ = learning_->gflop(kBatch * (longest + 1), kBatch * longest);
    valid_ = learning_->gflop(steps + kBatch, steps);
  }

  double update() {
    const auto start = Clock::now();
    learning_->update();
    return seconds_since(start);
  }

  /// An update between two measurements of the peak, of which the first is already there.
  void measure(int threads, double full_s, double& peak) {
    const double seconds = update();
    const double after = measure_peak(threads, std::clamp(0.05 * seconds, 0.001, 0.02));
    const double around = 0.5 * (peak + after);
    seconds_.push_back(seconds);
    peaks_.push_back(around);
    floors_.push_back(seconds * around / dense_);
    fulls_.push_back(full_s > 0.0 ? seconds / full_s : 1.0);
    peak = after;
  }
  double last() const { return seconds_.back(); }

  TrainBenchmarkRow row(const std::string& shape, int threads) const {
    TrainBenchmarkRow row;
    row.shape = shape;
    row.variant = name_;
    row.threads = threads;
    row.batch = kBatch;
    row.updates = static_cast<int>(seconds_.size());
    row.ms = 1e3 * median(seconds_);
    row.gflop = dense_;
    row.gflop_valid = valid_;
    row.gflops = dense_ / row.ms * 1e3;
    row.peak_gflops = median(peaks_);
    row.times_floor = median(floors_);
    row.times_full = median(fulls_);
    return row;
  }

 private:
  const char* name_;
  std::unique_ptr<Learning> learning_;
  double dense_ = 0.0;
  double valid_ = 0.0;
  std::vector<double> seconds_, peaks_, floors_, fulls_;
};

}  // namespace

std::vector<std::string> train_benchmark_shapes() {
  std::vector<std::string> names;
  for (const Shape& s : kShapes) names.emplace_back(s.name);
  return names;
}

std::vector<TrainBenchmarkRow> benchmark_training(const std::string& shape, int threads, bool all) {
  constexpr double kSeconds = 2.0;
  constexpr int kMinRounds = 9;
  constexpr int kMaxRounds = 400;
  const Shape& s = find_shape(shape);
  std::vector<Variant> variants;
  variants.emplace_back(s, "full");
  if (all) {
    variants.emplace_back(s, "real lengths", "", true);
    variants.emplace_back(s, "entropy", "", false, true);
    variants.emplace_back(s, "ippo", "ippo");
    variants.emplace_back(s, "mappo", "mappo");
  }
  for (Variant& v : variants)  // first touch of all working memory
    for (int i = 0; i < 2; ++i) v.update();
  double peak = measure_peak(threads, 0.02);
  const auto start = Clock::now();
  for (int round = 0; round < kMaxRounds; ++round) {
    if (round >= kMinRounds &&
        seconds_since(start) > kSeconds * static_cast<double>(variants.size()))
      break;
    variants.front().measure(threads, 0.0, peak);
    for (std::size_t i = 1; i < variants.size(); ++i)
      variants[i].measure(threads, variants.front().last(), peak);
  }
  std::vector<TrainBenchmarkRow> rows;
  for (const Variant& v : variants) rows.push_back(v.row(shape, threads));
  return rows;
}

ActionBenchmarkRow benchmark_acting(const std::string& shape, int n_envs) {
  const Shape& s = find_shape(shape);
  const QLearner learner(s.env, TrainConfig{});
  const AgentNetwork& agent = learner.network().agent;
  const int rows = n_envs * s.env.n_agents;
  const auto n_rows = static_cast<std::size_t>(rows);
  std::vector<float> obs(n_rows * static_cast<std::size_t>(s.env.obs_dim), 0.5F);
  std::vector<float> h(n_rows * static_cast<std::size_t>(agent.hidden_dim()));
  std::vector<float> q(n_rows * static_cast<std::size_t>(s.env.n_actions));
  const std::vector<int> last_action(n_rows, 1);
  const std::vector<std::uint8_t> avail(q.size(), 1);
  std::vector<int> actions(n_rows);
  Scratch scratch;
  constexpr int kCalls = 200;
  std::vector<double> times;
  for (int repeat = 0; repeat < 15; ++repeat) {
    const auto start = Clock::now();
    for (int i = 0; i < kCalls; ++i) {
      scratch.reset();
      agent.act(learner.params().data(), rows, obs.data(), last_action.data(), h.data(), q.data(),
                scratch);
      for (std::size_t row = 0; row < n_rows; ++row) {
        const std::size_t at = row * static_cast<std::size_t>(s.env.n_actions);
        actions[row] = greedy_action(s.env.n_actions, q.data() + at, avail.data() + at);
      }
    }
    times.push_back(1e6 * seconds_since(start) / kCalls);
  }
  return {.shape = shape, .n_envs = n_envs, .us = median(times)};
}

}  // namespace credo::suite
