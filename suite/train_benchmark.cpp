#include "suite/train_benchmark.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "envs/core/error.hpp"
#include "envs/core/random.hpp"
#include "learners/kernels/kernels.hpp"
#include "learners/q_learner.hpp"
#include "learners/replay/episode.hpp"

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

/// Multiply-adds of a dense implementation, two operations each: all slots of all episodes for the
/// agents, all steps for the mixers; no input gradient for layers that read observations or states.
double dense_gflop(const Shape& s, const TrainConfig& c) {
  const double n = s.env.n_agents;
  const double a = s.env.n_actions;
  const double h = c.agent.hidden_dim;
  const double e = c.mixer.embed_dim;
  const double k = c.mixer.hypernet_embed;
  const double fc1 = (s.env.obs_dim + a + n) * h;
  const double agent = fc1 + 6.0 * h * h + h * a;
  const double first = s.env.state_dim * (2.0 * k + 2.0 * e);
  const double mixer = first + k * n * e + k * e + e + n * e + e;
  const double rows = static_cast<double>(kBatch) * (s.limit + 1) * n;
  const double steps = static_cast<double>(kBatch) * s.limit;
  const double agents = rows * (4.0 * agent - fc1);  // two forward passes, one backward
  const double mixers = steps * (4.0 * mixer - first);
  return 2.0 * (agents + mixers) / 1e9;
}

std::vector<Episode> synthetic_episodes(const Shape& s, bool real_lengths) {
  const auto n = static_cast<std::size_t>(s.env.n_agents);
  Stream stream(0, purpose("bench train"));
  EpisodeEncoder encoder(s.env);
  std::vector<Episode> episodes(kBatch);
  for (Episode& episode : episodes) {
    EpisodeView view;
    // Battles end early: a third to two thirds of the limit is what play shows.
    view.length = s.limit;
    if (real_lengths)
      view.length =
          s.limit / 3 + static_cast<int>(stream.below(static_cast<std::uint32_t>(s.limit / 3)));
    view.terminated = true;
    const auto slots = static_cast<std::size_t>(view.length) + 1;
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
    view.obs = obs.data();
    view.obs_stride = s.env.n_agents * s.env.obs_dim;
    view.state = state.data();
    view.state_stride = s.env.state_dim;
    view.avail = avail.data();
    view.avail_stride = s.env.n_agents * s.env.n_actions;
    view.actions = actions.data();
    view.action_stride = s.env.n_agents;
    view.rewards = rewards.data();
    view.reward_stride = 1;
    encoder.encode(view, episode);
  }
  return episodes;
}

/// FMA peak of `threads` threads in GFLOP/s, median of several short bursts.
double measure_peak(int threads) {
  constexpr std::size_t kIterations = 1'000'000;
  const KernelTable& table = kernels();
  std::vector<double> rates;
  for (int repeat = 0; repeat < 9; ++repeat) {
    std::vector<std::thread> others;
    const auto start = Clock::now();
    for (int i = 1; i < threads; ++i)
      others.emplace_back([&table] { table.fma_peak(kIterations); });
    table.fma_peak(kIterations);
    for (std::thread& t : others) t.join();
    rates.push_back(static_cast<double>(threads) * kIterations * table.peak_flops /
                    seconds_since(start) / 1e9);
  }
  return median(rates);
}

}  // namespace

std::vector<std::string> train_benchmark_shapes() {
  std::vector<std::string> names;
  for (const Shape& s : kShapes) names.emplace_back(s.name);
  return names;
}

TrainBenchmarkRow benchmark_training(const std::string& shape, int threads, bool entropy,
                                     bool real_lengths) {
  const Shape& s = find_shape(shape);
  TrainConfig config;
  config.entropy.enabled = entropy;
  QLearner learner(s.env, config);
  const std::vector<Episode> episodes = synthetic_episodes(s, real_lengths);
  std::vector<const Episode*> batch;
  for (const Episode& e : episodes) batch.push_back(&e);

  const auto update = [&] {
    const auto start = Clock::now();
    learner.apply_gradient(learner.compute_gradient(batch));
    return 1e3 * seconds_since(start);
  };
  update();  // first touch of all working memory
  update();
  const double peak_before = measure_peak(threads);
  std::vector<double> times;
  const auto start = Clock::now();
  while (times.size() < 9 || (seconds_since(start) < 1.5 && times.size() < 201))
    times.push_back(update());
  const double peak_after = measure_peak(threads);

  TrainBenchmarkRow row;
  row.shape = shape;
  row.threads = threads;
  row.batch = kBatch;
  row.entropy = entropy;
  row.real_lengths = real_lengths;
  row.ms = median(times);
  row.gflop = dense_gflop(s, config);
  row.gflops = row.gflop / row.ms * 1e3;
  row.peak_gflops = std::max(peak_before, peak_after);
  row.fraction_of_peak = row.gflops / row.peak_gflops;
  return row;
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
  Scratch scratch;
  constexpr int kCalls = 200;
  std::vector<double> times;
  for (int repeat = 0; repeat < 15; ++repeat) {
    const auto start = Clock::now();
    for (int i = 0; i < kCalls; ++i) {
      scratch.reset();
      agent.act(learner.params().data(), rows, obs.data(), last_action.data(), h.data(), q.data(),
                scratch);
    }
    times.push_back(1e6 * seconds_since(start) / kCalls);
  }
  return {.shape = shape, .n_envs = n_envs, .us = median(times)};
}

}  // namespace credo::suite
