#include "learners/algorithms/q_learner.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "learners/algorithms/q_chunk.hpp"
#include "learners/base/index.hpp"
#include "learners/kernels/kernels.hpp"

namespace credo {

QLearner::QLearner(const EnvShape& shape, const TrainConfig& config)
    : shape_(shape),
      config_(config),
      network_(shape, config),
      params_(network_.layout.size()),
      grad_(network_.layout.size()),
      mixer_begin_(network_.mixer->learning_rate() ? network_.mixer_begin : network_.layout.size()),
      optimizer_(config.optimizer, mixer_begin_),
      gre_lambda_(config.entropy.target_entropy > 0.0 ? 0.0 : config.entropy.lambda),
      target_values_(shape, network_.mixer->needs().hidden ? config.agent.hidden_dim : 0,
                     config.replay_capacity),
      traced_target_values_(shape, 0, 1),
      groups_(network_.layout.size()) {
  network_.layout.initialise(config.seed, params_);
  target_ = params_;
  if (const auto rate = network_.mixer->learning_rate()) {
    OptimizerConfig own = config.optimizer;
    own.lr = *rate;
    mixer_optimizer_ = std::make_unique<Optimizer>(own, params_.size() - mixer_begin_);
  }
}

void QLearner::take_in_rewards(std::span<const Episode* const> batch) {
  rewards_.clear();
  for (const Episode* e : batch)
    for (int t = 0; t < e->length(); ++t) rewards_.push_back(e->reward(t));
  reward_scale_.update(rewards_);
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
  penalty += other.penalty;
  alpha += other.alpha;
  alphas += other.alphas;
  entropy_in_loss += other.entropy_in_loss;
  td_abs += other.td_abs;
  q += other.q;
  target += other.target;
  weight += other.weight;
  entropy += other.entropy;
  largest_share += other.largest_share;
  contribution_entropy += other.contribution_entropy;
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
  const std::size_t heads = sz(network_.mixer->heads());
  trace.head_weights.assign(steps * heads, 0.0F);
  trace.attention.assign(steps * heads * n, 0.0F);
  trace.alpha = trace.q_taken;
  trace.orders.assign(steps * sz(network_.mixer->needs().orders) * n, 0);
}

const UpdateStats& QLearner::compute_gradient(std::span<const Episode* const> batch,
                                              UpdateTrace* trace, float td_weight,
                                              const OrderSource& orders) {
  if (trace != nullptr) clear_trace(batch.size(), *trace);
  if (config_.learner.standardise_rewards) take_in_rewards(batch);
  differentiate(batch, trace, td_weight, orders);
  return stats_;
}

GradientNorms QLearner::gradient_norms(std::span<const Episode* const> batch) {
  differentiate(batch, nullptr, 1.0F, {});
  std::vector<float> td(grad_.begin(), grad_.end());
  differentiate(batch, nullptr, 0.0F, {});
  GradientNorms norms{.td = 0.0, .entropy = stats_.grad_norm};
  for (std::size_t i = 0; i < td.size(); ++i) td[i] -= grad_[i];
  norms.td = gradient_norm(td);
  return norms;
}

void QLearner::differentiate(std::span<const Episode* const> batch, UpdateTrace* trace,
                             float td_weight, const OrderSource& orders) {
  std::int64_t steps = 0;
  first_step_.clear();
  for (const Episode* e : batch) {
    first_step_.push_back(steps);
    steps += e->length();
  }
  order_longest_first(
      batch.size(), [&](int i) { return batch[sz(i)]->length(); }, order_);
  plan_chunks(
      static_cast<int>(batch.size()),
      [&](int i) { return batch[sz(order_[sz(i)])]->slots() * shape_.n_agents; }, chunks_);
  network_.agent.transpose(params_.data(), transposed_);
  network_.mixer->prepare_backward(params_.data());
  if (network_.central != nullptr) {
    network_.central->agent.transpose(params_.data(), central_transposed_);
    network_.central->mixer->prepare_backward(params_.data());
  }
  const AgentNetwork& target_agent =
      network_.central == nullptr ? network_.agent : network_.central->agent;
  // With soft updates the target network changes in every update: nothing can be cached.
  const bool keep = trace == nullptr && config_.learner.target_tau == 0.0;
  target_values_.prepare(target_agent, target_.data(), batch, order_, keep, groups_.scratch());
  const bool both = trace != nullptr && network_.central != nullptr;
  if (both)
    traced_target_values_.prepare(network_.agent, target_.data(), batch, order_, false,
                                  groups_.scratch());
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
                              .gre_lambda = gre_lambda_,
                              .td_weight = td_weight,
                              .orders = orders,
                              .first_step = first_step_,
                              .trace = trace};
  const std::size_t n_groups = GradientGroups::count(chunks_.size());
  group_sums_.resize(std::max(group_sums_.size(), n_groups));
  for (std::size_t g = 0; g < n_groups; ++g) group_sums_[g].clear(shape_.n_agents);
  groups_.run(
      chunks_.size(),
      [&](std::size_t c, std::size_t group, float* grad, Scratch& scratch) {
        const std::span<const int> places(order_.data() + chunks_[c].first, sz(chunks_[c].count));
        QChunk(context, batch, places, scratch).run(grad, group_sums_[group]);
      },
      grad_);

  sums_.clear(shape_.n_agents);
  for (std::size_t g = 0; g < n_groups; ++g) sums_.add(group_sums_[g]);
  make_statistics(steps, td_weight);
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
  stats.entropy_in_loss = sums.entropy_in_loss / steps;
  if (config_.entropy.enabled) {
    stats.gre_lambda = gre_lambda_;
    stats.entropy_loss = gre_lambda_ * stats.entropy_in_loss;
  }
  double td_loss = stats.td_loss;
  if (network_.central != nullptr)
    td_loss = config_.mixer.wqmix.qmix_loss * stats.td_loss +
              config_.mixer.wqmix.central_loss * stats.central_loss;
  stats.loss = td_weight * config_.learner.loss_scale * td_loss + stats.entropy_loss;
  if (network_.mixer->has_constraints())
    stats.loss += td_weight * (config_.mixer.qtran.opt_loss * stats.opt_loss +
                               config_.mixer.qtran.nopt_min_loss * stats.nopt_loss);
  stats.penalty = sums.penalty / steps;
  stats.loss += td_weight * network_.mixer->penalty_weight() * stats.penalty;
  stats.alpha_mean = sums.alphas > 0 ? sums.alpha / static_cast<double>(sums.alphas) : 1.0;
  stats.td_error_abs = sums.td_abs / values;
  stats.q_taken_mean = sums.q / values;
  stats.target_mean = sums.target / values;
  if (network_.mixer->has_credits()) {
    stats.entropy_mean = sums.entropy / steps;
    stats.largest_share = sums.largest_share / steps;
    stats.contribution_entropy = sums.contribution_entropy / steps;
    for (const double c : sums.credit) stats.credit_mean.push_back(c / steps);
  }
  stats.grad_norm = gradient_norm(std::span(grad_).first(mixer_begin_));
  if (mixer_optimizer_ != nullptr)
    stats.mixer_grad_norm = gradient_norm(std::span(grad_).subspan(mixer_begin_));
}

void QLearner::apply_gradient(const UpdateStats& stats) {
  if (stats.steps == 0) return;
  optimizer_.step(std::span(params_).first(mixer_begin_), std::span(grad_).first(mixer_begin_),
                  clip_factor(config_.optimizer, stats.grad_norm));
  if (mixer_optimizer_ != nullptr)
    mixer_optimizer_->step(std::span(params_).subspan(mixer_begin_),
                           std::span(grad_).subspan(mixer_begin_),
                           clip_factor(config_.optimizer, stats.mixer_grad_norm));
  if (!holds_entropy()) return;
  // The method of multipliers for "H equals the target": the multiplier's step, and the penalty's
  // slope, which damps the oscillation that the former alone has.
  const EntropyConfig& config = config_.entropy;
  const double gap = stats.entropy_in_loss - config.target_entropy;
  const auto bounded = [&](double x) {
    return std::clamp(x, -config.lambda_max, config.lambda_max);
  };
  gre_multiplier_ = bounded(gre_multiplier_ + config.target_lr * gap);
  gre_lambda_ = bounded(gre_multiplier_ + config.target_gain * gap);
}

bool QLearner::holds_entropy() const {
  return config_.entropy.enabled && config_.entropy.target_entropy > 0.0 && shape_.n_agents > 1;
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
  if (mixer_optimizer_ != nullptr) mixer_optimizer_->save(out);
  if (config_.learner.standardise_rewards) reward_scale_.save(out);
  if (holds_entropy()) {
    out.put(gre_multiplier_);
    out.put(gre_lambda_);
  }
}

void QLearner::load(ByteReader& in) {
  in.expect_tag("q_learner");
  in.get_span(std::span<float>(params_));
  in.get_span(std::span<float>(target_));
  optimizer_.load(in);
  if (mixer_optimizer_ != nullptr) mixer_optimizer_->load(in);
  if (config_.learner.standardise_rewards) reward_scale_.load(in);
  if (holds_entropy()) {
    gre_multiplier_ = in.get<double>();
    gre_lambda_ = in.get<double>();
  }
  target_values_.forget();
}

}  // namespace credo
