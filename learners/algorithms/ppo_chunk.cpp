#include "learners/algorithms/ppo_chunk.hpp"

#include <algorithm>
#include <cmath>

#include "learners/algorithms/ppo_loss.hpp"
#include "learners/base/index.hpp"
#include "learners/kernels/kernels.hpp"
#include "learners/nets/sequence.hpp"
#include "learners/rollout/policy.hpp"

namespace credo {

void PpoSums::add(const PpoSums& other) {
  surrogate += other.surrogate;
  entropy += other.entropy;
  clipped += other.clipped;
  kl += other.kl;
  value_loss += other.value_loss;
  value_clipped += other.value_clipped;
}

PpoChunk::PpoChunk(const PpoContext& context, std::span<const int> places, Scratch& scratch)
    : c_(context),
      scratch_(scratch.reset()),
      packed_(context.shape, context.batch.views(), places, scratch),
      n_(context.shape.n_agents),
      n_actions_(context.shape.n_actions),
      rows_(packed_.rows().rows) {}

template <class Body>
void PpoChunk::for_valid_rows(const Body& body) const {
  for (int e = 0; e < packed_.count(); ++e)
    for (int t = 0; t < packed_.view(e).length; ++t)
      for (int i = 0; i < n_; ++i)
        body(packed_.row(e, t) + i, c_.batch.row(packed_.place(e), t) + sz(i));
}

// The critic of MAPPO reads the state, or zeros where death masking says that the agent has nothing
// to decide, and then what the actor reads.
void PpoChunk::read_critic(int block, float* out) const {
  if (!c_.config.ppo.central_critic) return packed_.read_obs(block, out);
  const int state_dim = c_.shape.state_dim;
  const int obs_dim = c_.shape.obs_dim;
  const PackedRows& rows = packed_.rows();
  for (int t = rows.block_begin(block); t < rows.block_begin(block + 1); ++t)
    for (int e = 0; e < rows.live[sz(t)]; ++e) {
      const EpisodeView& v = packed_.view(e);
      const std::size_t row = c_.batch.row(packed_.place(e), t);
      for (int i = 0; i < n_; ++i) {
        if (c_.config.ppo.death_masking && !c_.batch.has_choice(row + sz(i)))
          std::fill_n(out, state_dim, 0.0F);
        else
          std::copy_n(v.state + t * v.state_stride, state_dim, out);
        out = std::copy_n(v.obs + t * v.obs_stride + at(i, obs_dim), obs_dim, out + state_dim);
      }
    }
}

void PpoChunk::forward() {
  const PackedRows& rows = packed_.rows();
  const int width = c_.shape.obs_dim + (c_.config.ppo.central_critic ? c_.shape.state_dim : 0);
  obs_ = block_storage(rows, width, scratch_);
  actor_ = forward_sequence(
      c_.network.agent, c_.params, rows, obs_, [&](int b, float* out) { read_actor(b, out); },
      scratch_);
  critic_ = forward_sequence(
      *c_.network.value_critic, c_.params, rows, obs_,
      [&](int b, float* out) { read_critic(b, out); }, scratch_);
  log_pi_ = scratch_.floats(sz(rows_) * sz(n_actions_));
  pi_ = scratch_.floats(sz(rows_) * sz(n_actions_));
  masked_softmax(rows_, n_actions_, actor_.q, packed_.avail(), log_pi_, pi_);
}

void PpoChunk::evaluate(PpoBatch& batch) {
  forward();
  const int* actions = packed_.actions();
  for_valid_rows([&](int from, std::size_t to) {
    batch.old_log_prob[to] = log_pi_[at(from, n_actions_) + actions[from]];
  });
  for (int e = 0; e < packed_.count(); ++e)
    for (int t = 0; t <= packed_.view(e).length; ++t)
      std::copy_n(critic_.q + packed_.row(e, t), n_,
                  batch.old_value.data() + batch.row(packed_.place(e), t));
}

void PpoChunk::run(float* grad, PpoSums& sums) {
  forward();
  policy_loss(sums);
  value_loss(sums);
  if (c_.trace != nullptr)
    for (int e = 0; e < packed_.count(); ++e)
      for (int t = 0; t <= packed_.view(e).length; ++t) {
        const int from = packed_.row(e, t);
        const std::size_t to = c_.batch.row(packed_.place(e), t);
        std::copy_n(critic_.q + from, n_, c_.trace->critic_out.data() + to);
        std::copy_n(actor_.q + at(from, n_actions_), n_ * n_actions_,
                    c_.trace->logits.data() + to * sz(n_actions_));
      }
  backward(grad);
}

void PpoChunk::policy_loss(PpoSums& sums) {
  const PpoConfig& config = c_.config.ppo;
  const int* actions = packed_.actions();
  float* ratio = scratch_.zeros(sz(rows_));
  for_valid_rows([&](int row, std::size_t in_batch) {
    ratio[row] = log_pi_[at(row, n_actions_) + actions[row]] - c_.batch.old_log_prob[in_batch];
  });
  kernels().exp(ratio, ratio, sz(rows_));
  d_logits_ = scratch_.zeros(sz(rows_) * sz(n_actions_));
  const auto clip = static_cast<float>(config.clip);
  const auto entropy = static_cast<float>(config.entropy);
  const auto weight = static_cast<float>(1.0 / c_.active);
  for_valid_rows([&](int row, std::size_t in_batch) {
    if (!c_.batch.has_choice(in_batch)) return;
    const std::ptrdiff_t first = at(row, n_actions_);
    const PolicyRow result = policy_row(
        n_actions_, log_pi_ + first, pi_ + first, packed_.avail() + first, actions[row], ratio[row],
        c_.batch.norm_advantage[in_batch], clip, entropy, weight, d_logits_ + first);
    const float log_prob = log_pi_[first + actions[row]];
    sums.surrogate += result.surrogate;
    sums.entropy += result.entropy;
    sums.clipped += result.clipped ? 1.0 : 0.0;
    sums.kl += static_cast<double>(ratio[row]) - 1.0 -
               (static_cast<double>(log_prob) - c_.batch.old_log_prob[in_batch]);
    if (c_.trace == nullptr) return;
    c_.trace->log_probs[in_batch] = log_prob;
    c_.trace->ratio[in_batch] = ratio[row];
    c_.trace->entropy[in_batch] = result.entropy;
  });
}

void PpoChunk::value_loss(PpoSums& sums) {
  const PpoConfig& config = c_.config.ppo;
  const auto delta = static_cast<float>(config.huber_delta);
  const auto clip = static_cast<float>(config.value_clip);
  const auto scale = static_cast<float>(config.value_coef / c_.valid);
  d_values_ = scratch_.zeros(sz(rows_));
  for_valid_rows([&](int row, std::size_t in_batch) {
    const ValueRow result = value_row(critic_.q[row], c_.batch.old_value[in_batch],
                                      c_.batch.target[in_batch], delta, clip);
    d_values_[row] = scale * result.slope;
    sums.value_loss += result.loss;
    sums.value_clipped += result.clipped ? 1.0 : 0.0;
  });
}

void PpoChunk::backward(float* grad) {
  const PackedRows& rows = packed_.rows();
  backward_sequence(
      c_.network.agent, c_.actor_weights, rows, actor_, obs_,
      [&](int b, float* out) { read_actor(b, out); }, {.d_all = d_logits_}, grad, scratch_);
  backward_sequence(
      *c_.network.value_critic, c_.critic_weights, rows, critic_, obs_,
      [&](int b, float* out) { read_critic(b, out); }, {.d_all = d_values_}, grad, scratch_);
}

}  // namespace credo
