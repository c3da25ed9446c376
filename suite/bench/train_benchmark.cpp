#include "suite/bench/train_benchmark.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>
#include <thread>

#include "envs/core/error.hpp"
#include "envs/core/random.hpp"
#include "learners/algorithms/q_learner.hpp"
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

std::vector<Episode> synthetic_episodes(const Shape& s, bool real_lengths) {
  const auto n = static_cast<std::size_t>(s.env.n_agents);
  Stream stream(0, purpose("bench train"));
  EpisodeEncoder encoder(s.env);
  std::vector<Episode> episodes(kBatch);
  for (Episode& episode : episodes) {
    // Battles end early: a third to two thirds of the limit is what play shows.
    int length = s.limit;
    if (real_lengths)
      length =
          s.limit / 3 + static_cast<int>(stream.below(static_cast<std::uint32_t>(s.limit / 3)));
    const auto slots = static_cast<std::size_t>(length) + 1;
    std::vector<float> obs(slots * n * static_cast<std::size_t>(s.env.obs_dim));
    std::vector<float> state(slots * static_cast<std::size_t>(s.env.state_dim));
    std::vector<float> rewards(slots);
    std::vector<std::uint8_t> avail(slots * n * static_cast<std::size_t>(s.env.n_actions), 1);
    std::vector<int> actions(slots * n);
    for (float& x : obs) x = stream.uniform_float();
    for (float& x : state) x = stream.uniform_float();
    for (float& x : rewards) x = stream.uniform_float();
    for (int& x : actions)
      x = static_cast<int>(stream.below(static_cast<std::uint32_t>(s.env.n_actions)));
    const EpisodeArrays arrays{.obs = obs.data(),
                               .state = state.data(),
                               .avail = avail.data(),
                               .actions = actions.data(),
                               .rewards = rewards.data()};
    encoder.encode(arrays.view(s.env, length, true), episode);
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

/// One kind of update: a learner, its batch, and what was measured.
class Variant {
 public:
  Variant(const Shape& s, const char* name, bool entropy, bool real_lengths)
      : name_(name), episodes_(synthetic_episodes(s, real_lengths)), learner_(make(s, entropy)) {
    for (const Episode& e : episodes_) batch_.push_back(&e);
    double longest = 0.0;
    double steps = 0.0;
    for (const Episode& e : episodes_) {
      longest = std::max(longest, static_cast<double>(e.length()));
      steps += e.length();
    }
    const TrainConfig config;
    dense_ = dense_gflop(s, config, kBatch * (longest + 1), kBatch * longest);
    valid_ = dense_gflop(s, config, steps + kBatch, steps);
  }

  double update() {
    const auto start = Clock::now();
    learner_->apply_gradient(learner_->compute_gradient(batch_));
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
  static std::unique_ptr<QLearner> make(const Shape& s, bool entropy) {
    TrainConfig config;
    config.entropy.enabled = entropy;
    return std::make_unique<QLearner>(s.env, config);
  }

  const char* name_;
  std::vector<Episode> episodes_;
  std::unique_ptr<QLearner> learner_;
  std::vector<const Episode*> batch_;
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
  variants.emplace_back(s, "full", false, false);
  if (all) {
    variants.emplace_back(s, "real lengths", false, true);
    variants.emplace_back(s, "entropy", true, false);
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
