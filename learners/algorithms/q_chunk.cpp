#include "learners/algorithms/q_chunk.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "envs/core/random.hpp"
#include "learners/algorithms/returns.hpp"
#include "learners/base/index.hpp"
#include "learners/credit/gradient_entropy.hpp"
#include "learners/kernels/kernels.hpp"

namespace credo {

QChunk::QChunk(const UpdateContext& context, std::span<const Episode* const> batch,
               std::span<const int> places, Scratch& scratch)
    : c_(context),
      mixer_(*context.network.mixer),
      central_(context.network.central.get()),
      scratch_(scratch.reset()),
      packed_(context.shape, batch, places, scratch),
      n_(context.shape.n_agents),
      n_actions_(context.shape.n_actions),
      hidden_(context.network.agent.hidden_dim()),
      outputs_(mixer_.outputs()),
      count_(packed_.count()),
      needs_(mixer_.needs()) {}

void QChunk::run(float* grad, UpdateSums& sums) {
  pack();
  forward_agents();
  choose_greedy();
  gather_states();
  if (needs_.obs) gather_obs();
  gather_values();
  if (needs_.orders > 0) draw_orders();
  if (central_ != nullptr) gather_central_values();
  mix();
  td_loss(sums);
  if (central_ != nullptr) central_loss(sums);
  if (mixed_.opt_error != nullptr) constraint_loss(sums);
  if (mixer_.has_credits()) credit_loss(sums);
  if (mixed_.penalty != nullptr) penalty_loss(sums);
  backward(grad);
  if (c_.trace == nullptr) return;
  for (int e = 0; e < count_; ++e)
    for (int t = 0; t < episode(e).slots(); ++t) {
      trace_slot(e, t);
      if (t < episode(e).length()) trace_step(e, t);
    }
}

const float* QChunk::values(const AgentPass& pass, int e, int t) const {
  return pass.q + at(row(e, t), n_actions_);
}

const float* QChunk::target_values(int e, int t) const {
  return c_.target_values.of(packed_.place(e)).q + at(t * n_, n_actions_);
}

/// First available action with the largest value; 0 when none is available.
int QChunk::best_action(const float* values, int e, int t, int agent) const {
  return kernels().best_allowed(n_actions_, values + at(agent, n_actions_),
                                episode(e).avail_bits(t), agent * n_actions_);
}

bool QChunk::regularised() const {
  return c_.config.entropy.enabled && mixer_.has_credits() && n_ > 1;
}

bool QChunk::weighs_centrally() const {
  return c_.config.mixer.wqmix.weighting == Weighting::kCentral;
}

MixerInput QChunk::input(const Steps& steps) const {
  return {.rows = n_steps_,
          .q = steps.q,
          .state = steps.state,
          .actions = steps.actions,
          .q_max = steps.q_max,
          .greedy = steps.greedy,
          .hidden = steps.hidden,
          .obs = steps.obs,
          .orders = steps.orders};
}

void QChunk::pack() {
  rows_ = packed_.rows().rows;
  action_ = scratch_.take<int>(sz(rows_));
  first_step_ = scratch_.take<int>(sz(count_));
  for (int e = 0; e < count_; ++e) {
    const Episode& ep = episode(e);
    first_step_[e] = n_steps_;
    n_steps_ += ep.length();
    for (int t = 0; t < ep.slots(); ++t)
      for (int i = 0; i < n_; ++i) action_[row(e, t) + i] = t < ep.length() ? ep.action(t, i) : 0;
  }
}

void QChunk::forward_agents() {
  const PackedRows& rows = packed_.rows();
  online_ = c_.network.agent.begin(rows, true, scratch_);
  if (central_ != nullptr) central_online_ = central_->agent.begin(rows, true, scratch_);
  for (int b = 0; b < rows.n_blocks(); ++b) {
    const float* obs = packed_.read_obs(b, b + 1);
    c_.network.agent.forward_block(c_.params, rows, online_, b, obs, scratch_);
    if (central_ != nullptr)
      central_->agent.forward_block(c_.params, rows, central_online_, b, obs, scratch_);
  }
}

// Weighted QMIX takes its targets at the online agents' choice, with or without double Q.
void QChunk::choose_greedy() {
  const auto choose = [&](int first_slot, const auto& values_at) {
    int* best = scratch_.take<int>(sz(rows_));
    for (int e = 0; e < count_; ++e)
      for (int t = first_slot; t < episode(e).slots(); ++t)
        for (int i = 0; i < n_; ++i) best[row(e, t) + i] = best_action(values_at(e, t), e, t, i);
    return best;
  };
  const bool now = needs_.greedy || needs_.q_max || weighs_centrally();
  const bool online_chooses = c_.config.learner.double_q || central_ != nullptr;
  if (now || online_chooses)
    greedy_ = choose(now ? 0 : 1, [&](int e, int t) { return values(online_, e, t); });
  next_choice_ =
      online_chooses ? greedy_ : choose(1, [&](int e, int t) { return target_values(e, t); });
}

QChunk::Steps QChunk::allocate(const MixerNeeds& needs) {
  const std::size_t values = sz(n_steps_) * sz(n_);
  Steps steps;
  steps.q = scratch_.floats(values);
  if (needs.actions) steps.actions = scratch_.take<int>(values);
  if (needs.q_max) steps.q_max = scratch_.floats(values);
  if (needs.greedy) steps.greedy = scratch_.take<int>(values);
  if (needs.hidden) steps.hidden = scratch_.floats(values * sz(hidden_));
  return steps;
}

// The states of all steps, and of the slots after them.
void QChunk::gather_states() {
  const int width = c_.shape.state_dim;
  if (count_ == 1) {  // the slots of one episode lie one after the other
    float* slots = scratch_.floats(sz(episode(0).slots()) * sz(width));
    for (int t = 0; t < episode(0).slots(); ++t) episode(0).read_state(t, slots + at(t, width));
    now_.state = central_now_.state = central_greedy_.state = slots;
    next_.state = central_next_.state = slots + width;
    return;
  }
  float* state = scratch_.floats(sz(n_steps_) * sz(width));
  float* next = scratch_.floats(sz(n_steps_) * sz(width));
  for (int e = 0; e < count_; ++e) {
    const Episode& ep = episode(e);
    for (int t = 0; t < ep.slots(); ++t) {
      const int step = first_step_[e] + t;
      if (t < ep.length()) ep.read_state(t, state + at(step, width));
      if (t == 0) continue;
      if (t < ep.length())
        std::memcpy(next + at(step - 1, width), state + at(step, width), sz(width) * sizeof(float));
      else
        ep.read_state(t, next + at(step - 1, width));
    }
  }
  now_.state = central_now_.state = central_greedy_.state = state;
  next_.state = central_next_.state = next;
}

// The observations of all steps and of the slots that follow them.
void QChunk::gather_obs() {
  const int width = n_ * c_.shape.obs_dim;
  float* obs = scratch_.floats(sz(n_steps_) * sz(width));
  float* next = scratch_.floats(sz(n_steps_) * sz(width));
  for (int e = 0; e < count_; ++e)
    for (int t = 0; t < episode(e).length(); ++t) {
      const int step = first_step_[e] + t;
      episode(e).read_obs(t, obs + at(step, width));
      episode(e).read_obs(t + 1, next + at(step, width));
    }
  now_.obs = obs;
  next_.obs = next;
}

// Orders of joining for the steps where an agent did not act greedily (and for all of a trace): keyed
// by update and step of the batch, so chunks draw what one after the other would.
void QChunk::draw_orders() {
  int* orders = scratch_.take<int>(sz(n_steps_) * sz(needs_.orders * n_));
  for (int e = 0; e < count_; ++e)
    for (int t = 0; t < episode(e).length(); ++t) {
      const int step = first_step_[e] + t;
      const std::ptrdiff_t first = at(step, n_);
      const bool greedy =
          std::equal(now_.actions + first, now_.actions + first + n_, now_.greedy + first);
      if (greedy && c_.trace == nullptr) continue;
      const std::int64_t place = c_.first_step[sz(packed_.place(e))] + t;
      int* of_step = orders + at(step, needs_.orders * n_);
      if (!c_.orders.given.empty()) {
        std::copy_n(c_.orders.given.data() + place * needs_.orders * n_, needs_.orders * n_,
                    of_step);
        continue;
      }
      Stream stream(c_.config.seed, purpose("shaq"), 0, c_.orders.update);
      stream.seek(static_cast<std::uint64_t>(place));
      for (int m = 0; m < needs_.orders; ++m) {
        const std::span<int> order(of_step + at(m, n_), sz(n_));
        std::iota(order.begin(), order.end(), 0);
        stream.shuffle(order);
      }
    }
  now_.orders = orders;
}

// Chosen-action values, values of the next slot's choice, and what else the mixer reads.
void QChunk::gather_values() {
  const Steps inputs = now_;
  const Steps inputs_next = next_;
  now_ = allocate(needs_);
  MixerNeeds next_needs = needs_;
  next_needs.greedy = false;
  if (central_ == nullptr) next_ = allocate(next_needs);
  now_.state = inputs.state;
  now_.obs = inputs.obs;
  next_.state = inputs_next.state;
  next_.obs = inputs_next.obs;
  for (int e = 0; e < count_; ++e) {
    const int length = episode(e).length();
    for (int t = 0; t <= length; ++t) {
      const int first = row(e, t);
      const int step = (first_step_[e] + t) * n_;
      const int before = step - n_;
      const bool next = t > 0 && central_ == nullptr;
      const float* online = values(online_, e, t);
      const float* target = target_values(e, t);
      for (int i = 0; i < n_; ++i) {
        const int r = first + i;
        const std::ptrdiff_t agent = at(i, n_actions_);
        if (t < length) {
          now_.q[step + i] = online[agent + action_[r]];
          if (needs_.actions) now_.actions[step + i] = action_[r];
          if (needs_.q_max) now_.q_max[step + i] = online[agent + greedy_[r]];
          if (needs_.greedy) now_.greedy[step + i] = greedy_[r];
        }
        if (next) {
          next_.q[before + i] = target[agent + next_choice_[r]];
          if (needs_.actions) next_.actions[before + i] = next_choice_[r];
          if (needs_.q_max) next_.q_max[before + i] = target[agent + best_action(target, e, t, i)];
        }
      }
      if (!needs_.hidden) continue;
      const std::size_t bytes = sz(n_ * hidden_) * sizeof(float);
      if (t < length)
        std::memcpy(now_.hidden + at(step, hidden_), online_.h + at(first, hidden_), bytes);
      if (next)
        std::memcpy(next_.hidden + at(before, hidden_),
                    c_.target_values.of(packed_.place(e)).hidden + at(t * n_, hidden_), bytes);
    }
  }
}

void QChunk::gather_central_values() {
  const auto fill = [&](Steps& steps, const int* actions, int first_slot, const auto& values_at) {
    steps.q = scratch_.floats(sz(n_steps_) * sz(n_));
    for (int e = 0; e < count_; ++e)
      for (int t = 0; t < episode(e).length(); ++t) {
        const int slot = t + first_slot;
        const float* of_agents = values_at(e, slot);
        for (int i = 0; i < n_; ++i)
          steps.q[(first_step_[e] + t) * n_ + i] =
              of_agents[at(i, n_actions_) + actions[row(e, slot) + i]];
      }
  };
  const auto target = [&](int e, int t) { return target_values(e, t); };
  fill(central_now_, action_, 0, [&](int e, int t) { return values(central_online_, e, t); });
  fill(central_next_, greedy_, 1, target);
  if (weighs_centrally()) fill(central_greedy_, greedy_, 0, target);
}

void QChunk::mix() {
  const bool published = c_.config.entropy.elu_derivative == EluDerivative::kPublished;
  mixed_ = mixer_.forward(c_.params, input(now_),
                          (regularised() && published) || c_.trace != nullptr, scratch_);
  const Mixer& target_mixer = central_ == nullptr ? mixer_ : *central_->mixer;
  mixed_next_ = target_mixer.forward_target(
      c_.target, input(central_ == nullptr ? next_ : central_next_), scratch_);
  targets_ = scratch_.floats(sz(n_steps_) * sz(outputs_));
  for (int e = 0; e < count_; ++e) {
    const std::ptrdiff_t first = at(first_step_[e], outputs_);
    td_targets(episode(e), mixed_next_.q_tot + first, targets_ + first);
  }
  if (central_ == nullptr) return;
  central_mixed_ = central_->mixer->forward(c_.params, input(central_now_), false, scratch_);
  weigh();
}

// Regression targets of one episode, [length, outputs].
// next[t] is the target networks' value of slot t + 1.
void QChunk::td_targets(const Episode& ep, const float* next, float* targets) const {
  const LearnerConfig& config = c_.config.learner;
  const ReturnSettings settings{.gamma = static_cast<float>(config.gamma),
                                .lambda = static_cast<float>(config.td_lambda),
                                .mixes_last = true};
  const auto reward = [&](int t) { return c_.rewards.apply(ep.reward(t)); };
  for (int k = 0; k < outputs_; ++k) {
    const auto value = [&](int t) { return next[t * outputs_ + k]; };
    const auto set = [&](int t, float target) { targets[t * outputs_ + k] = target; };
    if (config.n_step > 1)
      n_step_returns(settings.gamma, config.n_step, ep.length(), ep.terminated(), reward, value,
                     set);
    else
      lambda_returns(settings, ep.length(), ep.terminated(), reward, value, set);
  }
}

// Weighted QMIX: errors count in full where the mixer's value is too low (optimistic), or where the
// actions are greedy or look better than the greedy ones (central).
void QChunk::weigh() {
  const auto weight = static_cast<float>(c_.config.mixer.wqmix.weight);
  weights_ = scratch_.floats(sz(n_steps_));
  if (!weighs_centrally()) {
    for (int i = 0; i < n_steps_; ++i) weights_[i] = mixed_.q_tot[i] < targets_[i] ? 1.0F : weight;
    return;
  }
  const MixerPass best =
      central_->mixer->forward(c_.target, input(central_greedy_), false, scratch_);
  for (int e = 0; e < count_; ++e)
    for (int t = 0; t < episode(e).length(); ++t) {
      const int step = first_step_[e] + t;
      const int first = row(e, t);
      const bool greedy = std::equal(action_ + first, action_ + first + n_, greedy_ + first);
      weights_[step] = greedy || targets_[step] > best.q_tot[step] ? 1.0F : weight;
    }
}

void QChunk::td_loss(UpdateSums& sums) {
  const double coefficient = central_ == nullptr ? 1.0 : c_.config.mixer.wqmix.qmix_loss;
  const auto scale =
      static_cast<float>(2.0 * c_.config.learner.loss_scale * coefficient / (c_.steps * outputs_)) *
      c_.td_weight;
  float* d_q_tot = scratch_.floats(sz(n_steps_) * sz(outputs_));
  for (int i = 0; i < n_steps_ * outputs_; ++i) {
    const float weight = weights_ == nullptr ? 1.0F : weights_[i];
    const float delta = mixed_.q_tot[i] - targets_[i];
    d_q_tot[i] = scale * weight * delta;
    const double d = delta;
    sums.td += weight * (d * d);
    sums.td_abs += std::abs(d);
    sums.q += mixed_.q_tot[i];
    sums.target += targets_[i];
    sums.weight += weight;
  }
  d_.q_tot = d_q_tot;
}

void QChunk::central_loss(UpdateSums& sums) {
  const auto scale = static_cast<float>(2.0 * c_.config.learner.loss_scale *
                                        c_.config.mixer.wqmix.central_loss / c_.steps) *
                     c_.td_weight;
  float* d_q_tot = scratch_.floats(sz(n_steps_));
  for (int i = 0; i < n_steps_; ++i) {
    const float delta = central_mixed_.q_tot[i] - targets_[i];
    d_q_tot[i] = scale * delta;
    const double d = delta;
    sums.central += d * d;
  }
  d_central_.q_tot = d_q_tot;
}

// QTRAN: the errors that tie the agents' values to the joint value.
void QChunk::constraint_loss(UpdateSums& sums) {
  const QtranConfig& config = c_.config.mixer.qtran;
  const auto gradient = [&](const float* errors, double coefficient, double& sum) {
    const auto scale = static_cast<float>(2.0 * coefficient / c_.steps) * c_.td_weight;
    float* d = scratch_.floats(sz(n_steps_));
    for (int i = 0; i < n_steps_; ++i) {
      d[i] = scale * errors[i];
      sum += static_cast<double>(errors[i]) * errors[i];
    }
    return d;
  };
  d_.opt_error = gradient(mixed_.opt_error, config.opt_loss, sums.opt);
  d_.nopt_error = gradient(mixed_.nopt_error, config.nopt_min_loss, sums.nopt);
}

// Measures H and the credits, and adds the entropy term where it is part of the loss.
void QChunk::credit_loss(UpdateSums& sums) {
  const EntropyConfig& config = c_.config.entropy;
  d_.credit = {.elu_derivative = config.elu_derivative, .detach_agents = config.detach_agents};
  entropy_ = scratch_.floats(sz(n_steps_));
  gradient_entropy(n_steps_, n_, mixed_.credits, entropy_, 0.0F, nullptr, scratch_);
  for (int i = 0; i < n_steps_; ++i) sums.entropy += entropy_[i];
  if (mixed_.alpha != nullptr)
    for (int i = 0; i < n_steps_ * n_; ++i)
      if (now_.actions[i] != now_.greedy[i]) {
        sums.alpha += mixed_.alpha[i];
        ++sums.alphas;
      }
  for (int i = 0; i < n_steps_; ++i)
    for (int a = 0; a < n_; ++a) sums.credit[sz(a)] += mixed_.credits[at(i, n_) + a];
  measure_shares(sums);
  if (!regularised()) return;
  const bool published = config.elu_derivative == EluDerivative::kPublished;
  float* d_credit = scratch_.floats(sz(n_steps_) * sz(n_));
  gradient_entropy(n_steps_, n_, published ? mixed_.published : mixed_.credits, entropy_,
                   static_cast<float>(c_.gre_lambda / c_.steps), d_credit, scratch_);
  for (int i = 0; i < n_steps_; ++i) sums.entropy_in_loss += entropy_[i];
  d_.credit.d_credit = d_credit;
}

// The largest share of the credit, and H of the agents' first-order contributions. The latter are in
// units of return: scaling a credit and its agent's values against each other leaves them alone.
void QChunk::measure_shares(UpdateSums& sums) {
  float* contribution = scratch_.floats(sz(n_steps_) * sz(n_));
  for (int e = 0; e < count_; ++e)
    for (int t = 0; t < episode(e).length(); ++t) {
      const int step = first_step_[e] + t;
      const float* credit = mixed_.credits + at(step, n_);
      const float* q = values(online_, e, t);
      double total = 0.0, largest = 0.0;
      for (int i = 0; i < n_; ++i) {
        total += credit[i];
        largest = std::max<double>(largest, credit[i]);
        double sum = 0.0;
        int available = 0;
        for (int a = 0; a < n_actions_; ++a)
          if (episode(e).is_available(t, i, a)) {
            sum += q[at(i, n_actions_) + a];
            ++available;
          }
        const double above = available == 0 ? 0.0 : now_.q[step * n_ + i] - sum / available;
        contribution[at(step, n_) + i] = static_cast<float>(std::abs(credit[i] * above));
      }
      sums.largest_share += total > 0.0 ? largest / total : 1.0 / n_;
    }
  float* entropy = scratch_.floats(sz(n_steps_));
  gradient_entropy(n_steps_, n_, contribution, entropy, 0.0F, nullptr, scratch_);
  for (int i = 0; i < n_steps_; ++i) sums.contribution_entropy += entropy[i];
}

void QChunk::penalty_loss(UpdateSums& sums) {
  d_.penalty = static_cast<float>(mixer_.penalty_weight() / c_.steps) * c_.td_weight;
  for (int i = 0; i < n_steps_; ++i) sums.penalty += mixed_.penalty[i];
}

float* QChunk::rows_from_steps(const float* values, int width) {
  float* out = scratch_.zeros(sz(rows_) * sz(width));
  for (int e = 0; e < count_; ++e)
    for (int t = 0; t < episode(e).length(); ++t)
      std::copy_n(values + at((first_step_[e] + t) * n_, width), n_ * width,
                  out + at(row(e, t), width));
  return out;
}

void QChunk::backward(float* grad) {
  const std::size_t values = sz(n_steps_) * sz(n_);
  const AgentNetwork& agent = c_.network.agent;
  const PackedRows& rows = packed_.rows();
  MixerInputGradient to;
  to.q = scratch_.floats(values);
  if (needs_.sends_to_greedy()) to.q_max = scratch_.floats(values);
  if (needs_.hidden) to.hidden = scratch_.floats(values * sz(hidden_));
  mixer_.backward(input(now_), mixed_, c_.params, d_, to, grad, scratch_);
  AgentGradient d{.action = action_, .d_q = rows_from_steps(to.q, 1)};
  if (needs_.sends_to_greedy()) {
    d.second_action = greedy_;
    d.d_second = rows_from_steps(to.q_max, 1);
  }
  if (needs_.hidden) d.d_h = rows_from_steps(to.hidden, hidden_);
  AgentNetwork::Backward back = agent.begin_backward(rows, scratch_);

  AgentGradient d_central{.action = action_};
  AgentNetwork::Backward central_back;
  if (central_ != nullptr) {
    MixerInputGradient central_to;
    central_to.q = scratch_.floats(values);
    central_->mixer->backward(input(central_now_), central_mixed_, c_.params, d_central_,
                              central_to, grad, scratch_);
    d_central.d_q = rows_from_steps(central_to.q, 1);
    central_back = central_->agent.begin_backward(rows, scratch_);
  }
  for (int b = rows.n_blocks() - 1; b >= 0; --b) {
    const float* obs = packed_.read_obs(b, b - 1);
    agent.backward_block(c_.transposed, rows, online_, b, obs, d, back, grad, scratch_);
    if (central_ != nullptr)
      central_->agent.backward_block(c_.central_transposed, rows, central_online_, b, obs,
                                     d_central, central_back, grad, scratch_);
  }
  agent.end_backward(back, grad);
  if (central_ != nullptr) central_->agent.end_backward(central_back, grad);
}

void QChunk::trace_slot(int e, int t) const {
  UpdateTrace& trace = *c_.trace;
  const int place = packed_.place(e);
  const std::size_t to = (sz(place) * sz(trace.slots) + sz(t)) * sz(n_);
  const float* online = values(online_, e, t);
  const float* target = c_.traced_values.of(place).q + at(t * n_, n_actions_);
  std::copy_n(online, n_ * n_actions_, trace.agent_qs.data() + to * sz(n_actions_));
  std::copy_n(target, n_ * n_actions_, trace.target_agent_qs.data() + to * sz(n_actions_));
  for (int i = 0; i < n_; ++i) trace.greedy_actions[to + sz(i)] = best_action(online, e, t, i);
}

void QChunk::trace_step(int e, int t) const {
  UpdateTrace& trace = *c_.trace;
  const int step = first_step_[e] + t;
  const std::size_t to = sz(packed_.place(e)) * sz(trace.slots - 1) + sz(t);
  const auto copy = [&](const float* from, int width, std::vector<float>& out) {
    if (from != nullptr) std::copy_n(from + at(step, width), width, out.data() + to * sz(width));
  };
  copy(mixed_.q_tot, outputs_, trace.q_tot);
  copy(mixed_next_.q_tot, outputs_, trace.target_q_tot);
  copy(targets_, outputs_, trace.targets);
  copy(now_.q, n_, trace.q_taken);
  copy(mixed_.credits, n_, trace.credits_exact);
  copy(mixed_.published, n_, trace.credits_published);
  copy(entropy_, 1, trace.entropy);
  copy(weights_, 1, trace.td_weights);
  copy(central_mixed_.q_tot, 1, trace.central_q_tot);
  copy(mixed_.state_v, 1, trace.state_v);
  copy(mixed_.best_q, 1, trace.best_q_tot);
  copy(mixed_.attention, mixer_.heads() * n_, trace.attention);
  copy(mixed_.head_weights, mixer_.heads(), trace.head_weights);
  copy(mixed_.alpha, n_, trace.alpha);
  if (now_.orders != nullptr)
    std::copy_n(now_.orders + at(step, needs_.orders * n_), needs_.orders * n_,
                trace.orders.data() + to * sz(needs_.orders * n_));
}

}  // namespace credo
