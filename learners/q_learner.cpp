#include "learners/q_learner.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>

#include "learners/credit/gradient_entropy.hpp"
#include "learners/kernels/kernels.hpp"

namespace credo {

namespace {

constexpr int kMaxGroups = 8;       // gradient buffers, and so the parallelism of one update
constexpr int kMaxChunkRows = 768;  // agent rows per chunk: the working set stays in cache
constexpr int kMinChunkRows = 128;
constexpr int kBlockRows = 96;  // rows the layers pass on to each other within a chunk

std::size_t sz(int n) { return static_cast<std::size_t>(n); }

/// First available action with the largest value; 0 when none is available.
int greedy_action(const Episode& episode, int slot, int agent, const float* q, int n_actions) {
  int best = -1;
  for (int a = 0; a < n_actions; ++a)
    if (episode.is_available(slot, agent, a) && (best < 0 || q[a] > q[best])) best = a;
  return best < 0 ? 0 : best;
}

}  // namespace

QLearner::QLearner(const EnvShape& shape, const TrainConfig& config)
    : shape_(shape),
      config_(config),
      network_(shape, config.agent, config.mixer),
      params_(network_.layout.size()),
      target_(),
      grad_(network_.layout.size()),
      optimizer_(config.optimizer, network_.layout.size()) {
  network_.layout.initialise(config.seed, params_);
  target_ = params_;
}

// Chunks of neighbouring lengths, each with about the same number of rows. Depends on the episodes'
// lengths only.
void QLearner::plan_chunks(std::span<const Episode* const> batch) {
  order_.resize(batch.size());
  std::iota(order_.begin(), order_.end(), 0);
  std::stable_sort(order_.begin(), order_.end(),
                   [&](int a, int b) { return batch[sz(a)]->length() > batch[sz(b)]->length(); });
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

UpdateStats QLearner::compute_gradient(std::span<const Episode* const> batch, UpdateTrace* trace,
                                       float td_weight) {
  UpdateStats stats;
  for (const Episode* e : batch) stats.steps += e->length();
  if (trace != nullptr) {
    const std::size_t slots = sz(trace->slots);
    const std::size_t steps = batch.size() * (slots - 1);
    const std::size_t n = sz(shape_.n_agents);
    const std::size_t outputs = sz(network_.mixer->outputs());
    trace->agent_qs.assign(batch.size() * slots * n * sz(shape_.n_actions), 0.0F);
    trace->target_agent_qs = trace->agent_qs;
    trace->greedy_actions.assign(batch.size() * slots * n, 0);
    trace->q_taken.assign(steps * n, 0.0F);
    trace->credits_exact = trace->credits_published = trace->q_taken;
    trace->q_tot.assign(steps * outputs, 0.0F);
    trace->target_q_tot = trace->targets = trace->q_tot;
    trace->entropy.assign(steps, 0.0F);
  }

  plan_chunks(batch);
  network_.agent.transpose(params_.data(), transposed_);
  network_.mixer->prepare_backward(params_.data());
  const std::size_t n_groups = std::min<std::size_t>(kMaxGroups, chunks_.size());
  while (groups_.size() < n_groups) {
    groups_.push_back(std::make_unique<Group>());
    groups_.back()->grad.resize(params_.size());
  }
  const auto run_group = [&](std::size_t g) {
    Group& group = *groups_[g];
    std::fill(group.grad.begin(), group.grad.end(), 0.0F);
    std::vector<double> credit = std::move(group.sums.credit);
    credit.assign(sz(shape_.n_agents), 0.0);
    group.sums = {};
    group.sums.credit = std::move(credit);
    for (std::size_t c = g; c < chunks_.size(); c += n_groups)
      run_chunk(batch, chunks_[c], static_cast<double>(stats.steps), td_weight, group, trace);
  };
  oneapi::tbb::parallel_for(std::size_t{0}, n_groups, run_group, oneapi::tbb::simple_partitioner{});
  reduce_groups(n_groups);

  if (stats.steps == 0) return stats;
  Sums sum;
  sum.credit.assign(sz(shape_.n_agents), 0.0);
  for (std::size_t g = 0; g < n_groups; ++g) {
    const Sums& part = groups_[g]->sums;
    sum.td += part.td;
    sum.entropy_in_loss += part.entropy_in_loss;
    sum.td_abs += part.td_abs;
    sum.q += part.q;
    sum.target += part.target;
    sum.entropy += part.entropy;
    for (std::size_t i = 0; i < sum.credit.size(); ++i) sum.credit[i] += part.credit[i];
  }
  const auto steps = static_cast<double>(stats.steps);
  const double values = steps * network_.mixer->outputs();
  stats.td_loss = sum.td / values;
  stats.entropy_loss =
      config_.entropy.enabled ? config_.entropy.lambda * sum.entropy_in_loss / steps : 0.0;
  stats.loss = td_weight * config_.learner.loss_scale * stats.td_loss + stats.entropy_loss;
  stats.td_error_abs = sum.td_abs / values;
  stats.q_taken_mean = sum.q / values;
  stats.target_mean = sum.target / values;
  if (network_.mixer->has_credits()) {
    stats.entropy_mean = sum.entropy / steps;
    for (double& c : sum.credit) c /= steps;
    stats.credit_mean = std::move(sum.credit);
  }
  stats.grad_norm = gradient_norm(grad_);
  return stats;
}

// Pairs of groups, then pairs of pairs: the same tree for any number of threads.
void QLearner::reduce_groups(std::size_t count) {
  constexpr std::size_t kBlock = 4096;
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
  };
  oneapi::tbb::parallel_for(std::size_t{0}, blocks, reduce_block);
}

void QLearner::apply_gradient(const UpdateStats& stats) {
  if (stats.steps == 0) return;
  const double scale = std::min(1.0, config_.optimizer.grad_norm_clip / (stats.grad_norm + 1e-6));
  optimizer_.step(params_, grad_, static_cast<float>(scale));
}

void QLearner::save(ByteWriter& out) const {
  out.put_tag("q_learner");
  out.put_vector(params_);
  out.put_vector(target_);
  optimizer_.save(out);
}

void QLearner::load(ByteReader& in) {
  in.expect_tag("q_learner");
  in.get_span(std::span<float>(params_));
  in.get_span(std::span<float>(target_));
  optimizer_.load(in);
}

// Regression targets of one episode, [length, outputs].
// next[t] is the target networks' value of slot t + 1.
static void td_targets(const Episode& episode, const LearnerConfig& config, int outputs,
                       const float* next, float* targets) {
  const auto gamma = static_cast<float>(config.gamma);
  const auto lambda = static_cast<float>(config.td_lambda);
  const int length = episode.length();
  for (int k = 0; k < outputs; ++k) {
    float later = 0.0F;  // lambda-return of slot t + 1
    for (int t = length - 1; t >= 0; --t) {
      const bool last = t == length - 1;
      const float value = next[t * outputs + k];
      const bool ends = last && episode.terminated();
      if (last || lambda == 0.0F) later = value;
      const float mixed = lambda == 0.0F ? value : (1.0F - lambda) * value + lambda * later;
      later = episode.reward(t) + (ends ? 0.0F : gamma * mixed);
      targets[t * outputs + k] = later;
    }
  }
}

void QLearner::run_chunk(std::span<const Episode* const> batch, const Chunk& chunk, double steps,
                         float td_weight, Group& group, UpdateTrace* trace) const {
  Scratch& scratch = group.scratch;
  scratch.reset();
  const int n = shape_.n_agents;
  const int n_actions = shape_.n_actions;
  const int count = chunk.count;
  const auto episode = [&](int e) -> const Episode& {
    return *batch[sz(order_[sz(chunk.first + e)])];
  };

  // Pack: slot t holds the live episodes' rows one after the other.
  const int slots = episode(0).slots();
  int* live = scratch.take<int>(sz(slots));
  int* slot_row = scratch.take<int>(sz(slots));
  int rows = 0;
  for (int t = 0, alive = count; t < slots; ++t) {
    while (episode(alive - 1).slots() <= t) --alive;
    live[t] = alive;
    slot_row[t] = rows;
    rows += alive * n;
  }
  int* last_action = scratch.take<int>(sz(rows));
  int* action = scratch.take<int>(sz(rows));
  int* first_step = scratch.take<int>(sz(count));
  int n_steps = 0;
  for (int e = 0; e < count; ++e) {
    const Episode& ep = episode(e);
    first_step[e] = n_steps;
    n_steps += ep.length();
    for (int t = 0; t < ep.slots(); ++t) {
      const int row = slot_row[t] + e * n;
      for (int i = 0; i < n; ++i) {
        last_action[row + i] = t > 0 ? ep.action(t - 1, i) : -1;
        action[row + i] = t < ep.length() ? ep.action(t, i) : 0;
      }
    }
  }
  // Blocks of slots of about kBlockRows rows: what the network works on at a time.
  int* blocks = scratch.take<int>(sz(slots) + 1);
  int n_blocks = 0;
  int block_rows = 0;
  for (int t = 0; t < slots;) {
    blocks[n_blocks++] = t;
    const int first = slot_row[t];
    int end = t + 1;
    const auto row_after = [&](int slot) { return slot_row[slot] + live[slot] * n; };
    while (end < slots && row_after(end) - first <= kBlockRows) ++end;
    block_rows = std::max(block_rows, row_after(end - 1) - first);
    t = end;
  }
  blocks[n_blocks] = slots;
  const PackedRows packed{.n_agents = n,
                          .rows = rows,
                          .live = {live, sz(slots)},
                          .slot_row = {slot_row, sz(slots)},
                          .last_action = last_action,
                          .blocks = {blocks, sz(n_blocks) + 1},
                          .block_rows = block_rows};
  float* obs = scratch.floats(sz(block_rows) * sz(shape_.obs_dim));
  const auto read_obs = [&](int block) {
    float* out = obs;
    for (int t = blocks[block]; t < blocks[block + 1]; ++t)
      for (int e = 0; e < live[t]; ++e, out += n * shape_.obs_dim) episode(e).read_obs(t, out);
  };
  const AgentNetwork& agent = network_.agent;
  AgentPass online = agent.begin(packed, true, scratch);
  AgentPass target = agent.begin(packed, false, scratch);
  for (int b = 0; b < n_blocks; ++b) {
    read_obs(b);
    agent.forward_block(params_.data(), packed, online, b, obs, scratch);
    agent.forward_block(target_.data(), packed, target, b, obs, scratch);
  }

  // Chosen-action values, greedy values of the next slot, and the states of both.
  const auto values = sz(n_steps) * sz(n);
  float* q_taken = scratch.floats(values);
  float* q_next = scratch.floats(values);
  float* state = scratch.floats(sz(n_steps) * sz(shape_.state_dim));
  float* state_next = scratch.floats(sz(n_steps) * sz(shape_.state_dim));
  for (int e = 0; e < count; ++e) {
    const Episode& ep = episode(e);
    for (int t = 0; t < ep.slots(); ++t) {
      const int step = first_step[e] + t;
      if (t < ep.length())
        ep.read_state(t, state + static_cast<std::ptrdiff_t>(step) * shape_.state_dim);
      if (t > 0) {
        float* out = state_next + static_cast<std::ptrdiff_t>(step - 1) * shape_.state_dim;
        if (t < ep.length())
          std::memcpy(out, state + static_cast<std::ptrdiff_t>(step) * shape_.state_dim,
                      sz(shape_.state_dim) * sizeof(float));
        else
          ep.read_state(t, out);
      }
      for (int i = 0; i < n; ++i) {
        const int row = slot_row[t] + e * n + i;
        const float* q = online.q + static_cast<std::ptrdiff_t>(row) * n_actions;
        const float* q_target = target.q + static_cast<std::ptrdiff_t>(row) * n_actions;
        if (t < ep.length()) q_taken[step * n + i] = q[action[row]];
        if (t > 0) {
          const float* chooser = config_.learner.double_q ? q : q_target;
          q_next[(step - 1) * n + i] = q_target[greedy_action(ep, t, i, chooser, n_actions)];
        }
      }
    }
  }

  const Mixer& mixer = *network_.mixer;
  const int outputs = mixer.outputs();
  const EntropyConfig& entropy = config_.entropy;
  const bool regularised = entropy.enabled && mixer.has_credits() && n > 1;
  const bool published = entropy.elu_derivative == EluDerivative::kPublished;
  const MixerInput in{.rows = n_steps, .q = q_taken, .state = state};
  const MixerPass mixed =
      mixer.forward(params_.data(), in, (regularised && published) || trace != nullptr, scratch);
  const MixerPass mixed_next = mixer.forward(
      target_.data(), {.rows = n_steps, .q = q_next, .state = state_next}, false, scratch);

  float* targets = scratch.floats(sz(n_steps) * sz(outputs));
  for (int e = 0; e < count; ++e)
    td_targets(episode(e), config_.learner, outputs,
               mixed_next.q_tot + static_cast<std::ptrdiff_t>(first_step[e]) * outputs,
               targets + static_cast<std::ptrdiff_t>(first_step[e]) * outputs);

  // Loss and its gradient.
  float* d_q_tot = scratch.floats(sz(n_steps) * sz(outputs));
  const auto td_scale =
      static_cast<float>(2.0 * config_.learner.loss_scale / (steps * outputs)) * td_weight;
  for (int i = 0; i < n_steps * outputs; ++i) {
    const float delta = mixed.q_tot[i] - targets[i];
    d_q_tot[i] = td_scale * delta;
    const double d = delta;
    group.sums.td += d * d;
    group.sums.td_abs += std::abs(d);
    group.sums.q += mixed.q_tot[i];
    group.sums.target += targets[i];
  }
  CreditGradient credit{.elu_derivative = entropy.elu_derivative,
                        .detach_agents = entropy.detach_agents};
  float* step_entropy = nullptr;
  if (mixer.has_credits()) {
    step_entropy = scratch.floats(sz(n_steps));
    gradient_entropy(n_steps, n, mixed.credits, step_entropy, 0.0F, nullptr, scratch);
    for (int i = 0; i < n_steps; ++i) group.sums.entropy += step_entropy[i];
    for (int i = 0; i < n_steps; ++i)
      for (int a = 0; a < n; ++a)
        group.sums.credit[sz(a)] += mixed.credits[static_cast<std::ptrdiff_t>(i) * n + a];
  }
  if (regularised) {
    float* d_credit = scratch.floats(values);
    const auto scale = static_cast<float>(entropy.lambda / steps);
    gradient_entropy(n_steps, n, published ? mixed.published : mixed.credits, step_entropy, scale,
                     d_credit, scratch);
    for (int i = 0; i < n_steps; ++i) group.sums.entropy_in_loss += step_entropy[i];
    credit.d_credit = d_credit;
  }

  float* d_q = scratch.floats(values);
  mixer.backward(in, mixed, params_.data(), d_q_tot, credit, d_q, group.grad.data(), scratch);

  float* d_rows = scratch.zeros(sz(rows));
  for (int e = 0; e < count; ++e)
    for (int t = 0; t < episode(e).length(); ++t)
      for (int i = 0; i < n; ++i)
        d_rows[slot_row[t] + e * n + i] = d_q[(first_step[e] + t) * n + i];
  AgentNetwork::Backward back = agent.begin_backward(packed, scratch);
  for (int b = n_blocks - 1; b >= 0; --b) {
    read_obs(b);
    agent.backward_block(transposed_, packed, online, b, obs, action, d_rows, back,
                         group.grad.data(), scratch);
  }
  agent.end_backward(back, group.grad.data());

  if (trace == nullptr) return;
  for (int e = 0; e < count; ++e) {
    const Episode& ep = episode(e);
    const std::size_t b = sz(order_[sz(chunk.first + e)]);
    for (int t = 0; t < ep.slots(); ++t) {
      for (int i = 0; i < n; ++i) {
        const int row = slot_row[t] + e * n + i;
        const std::size_t to = (b * sz(trace->slots) + sz(t)) * sz(n) + sz(i);
        const float* q = online.q + static_cast<std::ptrdiff_t>(row) * n_actions;
        const float* q_target = target.q + static_cast<std::ptrdiff_t>(row) * n_actions;
        std::copy(q, q + n_actions, trace->agent_qs.data() + to * sz(n_actions));
        std::copy(q_target, q_target + n_actions,
                  trace->target_agent_qs.data() + to * sz(n_actions));
        trace->greedy_actions[to] = greedy_action(ep, t, i, q, n_actions);
      }
      if (t == ep.length()) continue;
      const int step = first_step[e] + t;
      const std::size_t to = b * sz(trace->slots - 1) + sz(t);
      for (int k = 0; k < outputs; ++k) {
        const std::size_t out = to * sz(outputs) + sz(k);
        trace->q_tot[out] = mixed.q_tot[step * outputs + k];
        trace->target_q_tot[out] = mixed_next.q_tot[step * outputs + k];
        trace->targets[out] = targets[step * outputs + k];
      }
      for (int i = 0; i < n; ++i) {
        trace->q_taken[to * sz(n) + sz(i)] = q_taken[step * n + i];
        if (!mixer.has_credits()) continue;
        trace->credits_exact[to * sz(n) + sz(i)] = mixed.credits[step * n + i];
        trace->credits_published[to * sz(n) + sz(i)] = mixed.published[step * n + i];
      }
      if (step_entropy != nullptr) trace->entropy[to] = step_entropy[step];
    }
  }
}

}  // namespace credo
