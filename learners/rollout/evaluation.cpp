#include "learners/rollout/evaluation.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task_arena.h>

#include "learners/base/index.hpp"
#include "learners/credit/gradient_entropy.hpp"
#include "learners/rollout/evaluator.hpp"

namespace credo {

namespace {

constexpr int kBlock = 8;  // episodes played side by side; only a matter of speed

template <typename Get>
double mean_over(const std::vector<EpisodeResult>& episodes, const Get& get) {
  double sum = 0.0;
  for (const EpisodeResult& e : episodes) sum += get(e);
  return episodes.empty() ? 0.0 : sum / static_cast<double>(episodes.size());
}

}  // namespace

EpisodeStreams evaluation_streams(std::uint64_t seed, std::int64_t index) {
  const auto episode = static_cast<std::uint64_t>(index);
  return {.env = Stream(seed, purpose("eval_env"), 0, episode),
          .policy = Stream(seed, purpose("eval_policy"), 0, episode)};
}

double Evaluation::return_mean() const {
  return mean_over(episodes, [](const EpisodeResult& e) { return e.episode_return; });
}

double Evaluation::return_std() const {
  const double mean = return_mean();
  return std::sqrt(mean_over(episodes, [mean](const EpisodeResult& e) {
    const double d = e.episode_return - mean;
    return d * d;
  }));
}

double Evaluation::length_mean() const {
  return mean_over(episodes, [](const EpisodeResult& e) { return static_cast<double>(e.length); });
}

std::optional<double> Evaluation::win_rate() const {
  if (episodes.empty() || !episodes.front().won.has_value()) return std::nullopt;
  return mean_over(episodes,
                   [](const EpisodeResult& e) { return e.won.value_or(false) ? 1.0 : 0.0; });
}

std::int64_t Evaluation::env_steps() const {
  std::int64_t steps = 0;
  for (const EpisodeResult& e : episodes) steps += e.length;
  return steps;
}

Evaluation evaluate_fixed_policy(const Env& prototype, const FixedPolicy& policy, int count,
                                 std::uint64_t seed, std::int64_t first) {
  Evaluation evaluation;
  evaluation.episodes.resize(sz(count));
  const auto play_range = [&](const oneapi::tbb::blocked_range<int>& range) {
    const std::unique_ptr<Env> env = prototype.clone();
    FixedPlayer player(*env, policy);
    std::vector<int> actions(sz(prototype.spec().n_agents));
    for (int i = range.begin(); i < range.end(); ++i) {
      EpisodeResult& result = evaluation.episodes[sz(i)];
      result.index = first + i;
      EpisodeStreams streams = evaluation_streams(seed, result.index);
      env->reset(streams.env);
      player.reset();
      while (!env->done()) {
        streams.policy.seek(static_cast<std::uint64_t>(env->t()));
        player.act(*env, streams.policy, actions);
        result.episode_return += env->step(actions).reward;
      }
      result.length = env->t();
      result.won = env->won();
    }
  };
  oneapi::tbb::parallel_for(oneapi::tbb::blocked_range<int>(0, count, kBlock), play_range);
  return evaluation;
}

Evaluation evaluate_fixed_policy(const Env& prototype, const std::string& policy, int count,
                                 std::uint64_t seed, std::int64_t first) {
  return evaluate_fixed_policy(prototype, make_fixed_policy(prototype, policy, seed), count, seed,
                               first);
}

struct Evaluator::Block {
  explicit Block(const Env& prototype) : rollout(prototype, kBlock, false) {}
  Rollout rollout;
  Scratch scratch;
  std::vector<EpisodeStreams> streams;
};

Evaluator::Evaluator(const Env& prototype) : prototype_(prototype.clone()) {}
Evaluator::~Evaluator() = default;

// By the mixer's exact gradient at the values acted on.
void Evaluator::measure_credits(const Network& network, const float* params, Block& block,
                                int episode, double* sums) {
  const EpisodeView view = block.rollout.episode(episode);
  const EnvShape& shape = block.rollout.shape();
  block.scratch.reset();
  float* states = block.scratch.floats(sz(view.length) * sz(shape.state_dim));
  for (int t = 0; t < view.length; ++t)
    std::copy_n(view.state + t * view.state_stride, shape.state_dim,
                states + static_cast<std::ptrdiff_t>(t) * shape.state_dim);
  int* actions = block.scratch.take<int>(sz(view.length) * sz(shape.n_agents));
  for (int t = 0; t < view.length; ++t)
    std::copy_n(view.actions + t * view.action_stride, shape.n_agents,
                actions + static_cast<std::ptrdiff_t>(t) * shape.n_agents);
  float* obs = nullptr;
  if (network.mixer->needs().obs) {
    const int width = shape.n_agents * shape.obs_dim;
    obs = block.scratch.floats(sz(view.length) * sz(width));
    for (int t = 0; t < view.length; ++t)
      std::copy_n(view.obs + t * view.obs_stride, width, obs + at(t, width));
  }
  // Evaluation is greedy: the chosen actions are the greedy ones.
  const float* q = block.rollout.chosen_q(episode);
  const MixerPass pass = network.mixer->forward(params,
                                                {.rows = view.length,
                                                 .q = q,
                                                 .state = states,
                                                 .actions = actions,
                                                 .q_max = q,
                                                 .greedy = actions,
                                                 .obs = obs},
                                                false, block.scratch);
  float* entropy = block.scratch.floats(sz(view.length));
  gradient_entropy(view.length, shape.n_agents, pass.credits, entropy, 0.0F, nullptr,
                   block.scratch);
  for (int t = 0; t < view.length; ++t) {
    sums[0] += entropy[t];
    for (int i = 0; i < shape.n_agents; ++i)
      sums[1 + i] += pass.credits[static_cast<std::ptrdiff_t>(t) * shape.n_agents + i];
  }
}

Evaluation Evaluator::run(const Network& network, const float* params, int count,
                          std::uint64_t seed, std::int64_t first) {
  Evaluation evaluation;
  evaluation.episodes.resize(sz(count));
  const int n = prototype_->spec().n_agents;
  const int n_blocks = (count + kBlock - 1) / kBlock;
  const bool has_credits = network.mixer != nullptr && network.mixer->has_credits();
  std::vector<double> sums(sz(n_blocks) * sz(n + 1));
  blocks_.resize(std::max(blocks_.size(), sz(oneapi::tbb::this_task_arena::max_concurrency())));
  const auto run_block = [&](int b) {
    // No task is spawned below, so a thread works on one block at a time.
    auto& slot = blocks_[sz(oneapi::tbb::this_task_arena::current_thread_index())];
    if (slot == nullptr) slot = std::make_unique<Block>(*prototype_);
    Block& block = *slot;
    const int begin = b * kBlock;
    const int end = std::min(count, begin + kBlock);
    block.streams.clear();
    for (int i = begin; i < end; ++i) block.streams.push_back(evaluation_streams(seed, first + i));
    block.rollout.play(network, params, {}, block.streams);
    for (int i = begin; i < end; ++i) {
      const int e = i - begin;
      evaluation.episodes[sz(i)] = {.index = first + i,
                                    .episode_return = block.rollout.episode_return(e),
                                    .length = block.rollout.episode(e).length,
                                    .won = block.rollout.env(e).won()};
      if (has_credits) measure_credits(network, params, block, e, sums.data() + sz(b) * sz(n + 1));
    }
  };
  oneapi::tbb::parallel_for(0, n_blocks, run_block, oneapi::tbb::simple_partitioner{});

  if (!has_credits) return evaluation;
  std::vector<double> total(sz(n + 1));
  for (std::size_t i = 0; i < sums.size(); ++i) total[i % total.size()] += sums[i];
  const auto steps = static_cast<double>(std::max<std::int64_t>(1, evaluation.env_steps()));
  for (double& x : total) x /= steps;
  if (n > 1) evaluation.entropy_mean = total[0];
  evaluation.credit_mean.assign(total.begin() + 1, total.end());
  return evaluation;
}

namespace {

std::vector<float> read_params(const Network& network, const TensorFile& weights,
                               const std::string& label) {
  std::vector<float> params(network.layout.size());
  network.layout.from_tensors(weights, label, params);
  return params;
}

}  // namespace

Evaluation evaluate_weights(const Env& prototype, const TrainConfig& config,
                            const TensorFile& weights, int count, std::uint64_t seed,
                            std::int64_t first) {
  const Network network(shape_of(prototype.spec()), config);
  const std::vector<float> params = read_params(network, weights, "weights");
  return Evaluator(prototype).run(network, params.data(), count, seed, first);
}

void check_weights(const EnvSpec& spec, const TrainConfig& config, const TensorFile& weights,
                   const std::string& label) {
  read_params(Network(shape_of(spec), config), weights, label);
}

}  // namespace credo
