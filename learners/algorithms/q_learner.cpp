#include "learners/algorithms/q_learner.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task_arena.h>
#include <utility>

#include "learners/algorithms/q_chunk.hpp"
#include "learners/base/index.hpp"
#include "learners/kernels/kernels.hpp"

namespace credo {

namespace {

constexpr int kMaxGroups = 8;       // gradient buffers, and so the parallelism of one update
constexpr int kMaxChunkRows = 768;  // agent rows per chunk: the working set stays in cache
constexpr int kMinChunkRows = 128;

}  // namespace

QLearner::QLearner(const EnvShape& shape, const TrainConfig& config)
    : shape_(shape),
      config_(config),
      network_(shape, config),
      params_(network_.layout.size()),
      grad_(network_.layout.size()),
      optimizer_(config.optimizer, network_.layout.size()),
      target_values_(shape, network_.mixer->needs().hidden ? config.agent.hidden_dim : 0,
                     config.replay_capacity),
      traced_target_values_(shape, 0, 1) {
  network_.layout.initialise(config.seed, params_);
  target_ = params_;
}

void QLearner::take_in_rewards(std::span<const Episode* const> batch) {
  rewards_.clear();
  for (const Episode* e : batch)
    for (int t = 0; t < e->length(); ++t) rewards_.push_back(e->reward(t));
  reward_scale_.update(rewards_);
}

// Chunks of neighbouring lengths, each with about the same number of rows. Depends on the episodes'
// lengths only.
void QLearner::plan_chunks(std::span<const Episode* const> batch) {
  order_longest_first(
      batch.size(), [&](int i) { return batch[sz(i)]->length(); }, order_);
  int total = 0;
  for (const Episode* e : batch) total += e->slots() * shape_.n_agents;
  const int wanted = std::clamp(total / kMaxGroups, kMinChunkRows, kMaxChunkRows);
  chunks_.clear();
  int rows = 0;
  for (int i = 0; i < static_cast<int>(order_.size()); ++i) {
    if (chunks_.empty() || rows >= wanted) {
      chunks_.push_back({.first = i});
      rows = 0;
    }
    ++chunks_.back().count;
    rows += batch[sz(order_[sz(i)])]->slots() * shape_.n_agents;
  }
}

void UpdateSums::clear(int n_agents) {
  std::vector<double> storage = std::move(credit);
  *this = {};
  credit = std::move(storage);
  credit.assign(sz(n_agents), 0.0);
}

void UpdateSums::add(const UpdateSums& other) {
  td += other.td;
  central += other.central;
  opt += other.opt;
  nopt += other.nopt;
  entropy_in_loss += other.entropy_in_loss;
  td_abs += other.td_abs;
  q += other.q;
  target += other.target;
  weight += other.weight;
  entropy += other.entropy;
  for (std::size_t i = 0; i < credit.size(); ++i) credit[i] += other.credit[i];
}

void QLearner::clear_trace(std::size_t batch, UpdateTrace& trace) const {
  const std::size_t slots = sz(trace.slots);
  const std::size_t steps = batch * (slots - 1);
  const std::size_t n = sz(shape_.n_agents);
  trace.agent_qs.assign(batch * slots * n * sz(shape_.n_actions), 0.0F);
  trace.target_agent_qs = trace.agent_qs;
  trace.greedy_actions.assign(batch * slots * n, 0);
  trace.q_taken.assign(steps * n, 0.0F);
  trace.credits_exact = trace.credits_published = trace.q_taken;
  trace.q_tot.assign(steps * sz(network_.mixer->outputs()), 0.0F);
  trace.target_q_tot = trace.targets = trace.q_tot;
  trace.entropy.assign(steps, 0.0F);
  trace.td_weights = trace.central_q_tot = trace.state_v = trace.best_q_tot = trace.entropy;
}

const UpdateStats& QLearner::compute_gradient(std::span<const Episode* const> batch,
                                              UpdateTrace* trace, float td_weight) {
  std::int64_t steps = 0;
  for (const Episode* e : batch) steps += e->length();
  if (trace != nullptr) clear_trace(batch.size(), *trace);
  if (config_.learner.standardise_rewards) take_in_rewards(batch);
  plan_chunks(batch);
  network_.agent.transpose(params_.data(), transposed_);
  network_.mixer->prepare_backward(params_.data());
  if (network_.central != nullptr) {
    network_.central->agent.transpose(params_.data(), central_transposed_);
    network_.central->mixer->prepare_backward(params_.data());
  }
  while (static_cast<int>(scratch_.size()) < oneapi::tbb::this_task_arena::max_concurrency())
    scratch_.push_back(std::make_unique<Scratch>());
  const AgentNetwork& target_agent =
      network_.central == nullptr ? network_.agent : network_.central->agent;
  // A target network that moves with every update leaves nothing to keep.
  const bool keep = trace == nullptr && config_.learner.target_tau == 0.0;
  target_values_.prepare(target_agent, target_.data(), batch, order_, keep, scratch_);
  const bool both = trace != nullptr && network_.central != nullptr;
  if (both)
    traced_target_values_.prepare(network_.agent, target_.data(), batch, order_, false, scratch_);
  const UpdateContext context{.shape = shape_,
                              .config = config_,
                              .network = network_,
                              .params = params_.data(),
                              .target = target_.data(),
                              .transposed = transposed_,
                              .central_transposed = central_transposed_,
                              .rewards = reward_scale_,
                              .target_values = target_values_,
                              .traced_values = both ? traced_target_values_ : target_values_,
                              .steps = static_cast<double>(steps),
                              .td_weight = td_weight,
                              .trace = trace};
  const std::size_t n_groups = std::min<std::size_t>(kMaxGroups, chunks_.size());
  while (groups_.size() < n_groups) {
    groups_.push_back(std::make_unique<Group>());
    groups_.back()->grad.resize(params_.size());
  }
  if (!groups_are_zero_)  // an exception left them as they were
    for (const auto& group : groups_) std::fill(group->grad.begin(), group->grad.end(), 0.0F);
  groups_are_zero_ = false;
  const auto run_group = [&](std::size_t g) {
    Group& group = *groups_[g];
    group.sums.clear(shape_.n_agents);
    Scratch& scratch = *scratch_[sz(oneapi::tbb::this_task_arena::current_thread_index())];
    for (std::size_t c = g; c < chunks_.size(); c += n_groups) {
      const std::span<const int> places(order_.data() + chunks_[c].first, sz(chunks_[c].count));
      QChunk(context, batch, places, scratch).run(group.grad.data(), group.sums);
    }
  };
  oneapi::tbb::parallel_for(std::size_t{0}, n_groups, run_group, oneapi::tbb::simple_partitioner{});
  reduce_groups(n_groups);
  groups_are_zero_ = true;

  sums_.clear(shape_.n_agents);
  for (std::size_t g = 0; g < n_groups; ++g) sums_.add(groups_[g]->sums);
  make_statistics(steps, td_weight);
  return stats_;
}

void QLearner::make_statistics(std::int64_t n_steps, float td_weight) {
  std::vector<double> storage = std::move(stats_.credit_mean);
  storage.clear();
  stats_ = {};
  stats_.credit_mean = std::move(storage);
  stats_.steps = n_steps;
  if (n_steps == 0) return;
  const auto steps = static_cast<double>(n_steps);
  const double values = steps * network_.mixer->outputs();
  const UpdateSums& sums = sums_;
  UpdateStats& stats = stats_;
  stats.td_loss = sums.td / values;
  stats.central_loss = sums.central / steps;
  stats.opt_loss = sums.opt / steps;
  stats.nopt_loss = sums.nopt / steps;
  stats.td_weight_mean = sums.weight / values;
  stats.entropy_loss =
      config_.entropy.enabled ? config_.entropy.lambda * sums.entropy_in_loss / steps : 0.0;
  double td_loss = stats.td_loss;
  if (network_.central != nullptr)
    td_loss = config_.mixer.wqmix.qmix_loss * stats.td_loss +
              config_.mixer.wqmix.central_loss * stats.central_loss;
  stats.loss = td_weight * config_.learner.loss_scale * td_loss + stats.entropy_loss;
  if (network_.mixer->has_constraints())
    stats.loss += td_weight * (config_.mixer.qtran.opt_loss * stats.opt_loss +
                               config_.mixer.qtran.nopt_min_loss * stats.nopt_loss);
  stats.td_error_abs = sums.td_abs / values;
  stats.q_taken_mean = sums.q / values;
  stats.target_mean = sums.target / values;
  if (network_.mixer->has_credits()) {
    stats.entropy_mean = sums.entropy / steps;
    for (const double c : sums.credit) stats.credit_mean.push_back(c / steps);
  }
  stats.grad_norm = gradient_norm(grad_);
}

// Pairs of groups, then pairs of pairs: the same tree for any number of threads. Leaves zeros for
// the next update, since the groups are in cache now.
void QLearner::reduce_groups(std::size_t count) {
  constexpr std::size_t kBlock = 512;  // of all groups: stays in the first-level cache
  const std::size_t blocks = (grad_.size() + kBlock - 1) / kBlock;
  const auto reduce_block = [&](std::size_t block) {
    const std::size_t begin = block * kBlock;
    const std::size_t n = std::min(kBlock, grad_.size() - begin);
    for (std::size_t stride = 1; stride < count; stride *= 2)
      for (std::size_t g = 0; g + stride < count; g += 2 * stride)
        kernels().add(groups_[g]->grad.data() + begin, groups_[g + stride]->grad.data() + begin, n);
    if (count > 0)
      std::memcpy(grad_.data() + begin, groups_[0]->grad.data() + begin, n * sizeof(float));
    else
      std::memset(grad_.data() + begin, 0, n * sizeof(float));
    for (std::size_t g = 0; g < count; ++g)
      std::memset(groups_[g]->grad.data() + begin, 0, n * sizeof(float));
  };
  oneapi::tbb::parallel_for(oneapi::tbb::blocked_range<std::size_t>(0, blocks, 16),
                            [&](const oneapi::tbb::blocked_range<std::size_t>& range) {
                              for (std::size_t b = range.begin(); b < range.end(); ++b)
                                reduce_block(b);
                            });
}

void QLearner::apply_gradient(const UpdateStats& stats) {
  if (stats.steps == 0) return;
  optimizer_.step(params_, grad_, clip_factor(config_.optimizer, stats.grad_norm));
}

void QLearner::sync_target() {
  target_ = params_;
  target_values_.forget();
}

void QLearner::blend_target() {
  kernels().blend(target_.data(), static_cast<float>(config_.learner.target_tau), params_.data(),
                  params_.size());
  target_values_.forget();
}

std::span<float> QLearner::target() {
  target_values_.forget();
  return target_;
}

void QLearner::save(ByteWriter& out) const {
  out.put_tag("q_learner");
  out.put_span(std::span<const float>(params_));
  out.put_span(std::span<const float>(target_));
  optimizer_.save(out);
  if (config_.learner.standardise_rewards) reward_scale_.save(out);
}

void QLearner::load(ByteReader& in) {
  in.expect_tag("q_learner");
  in.get_span(std::span<float>(params_));
  in.get_span(std::span<float>(target_));
  optimizer_.load(in);
  if (config_.learner.standardise_rewards) reward_scale_.load(in);
  target_values_.forget();
}

}  // namespace credo
