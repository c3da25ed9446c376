// The work of PPO on one chunk of its batch: actor and critic over whole episodes, losses, gradient.
// Internal to the learner (ppo.hpp), which cuts a batch into chunks and sums their gradients.
#pragma once

#include <span>

#include "learners/algorithms/ppo_batch.hpp"
#include "learners/network.hpp"
#include "learners/replay/packed_views.hpp"

namespace credo {

/// Everything a step computes, by rows of the batch; for checks.
struct PpoTrace {
  std::vector<float> logits;                     ///< [rows, n_actions]
  std::vector<float> critic_out;                 ///< [rows] v
  std::vector<float> log_probs, ratio, entropy;  ///< [rows]
  std::vector<float> gradient;                   ///< the layout's order, before clipping
};

/// Sums over the rows of a part of the batch; aligned, since threads write to neighbouring ones.
struct alignas(64) PpoSums {
  double surrogate = 0.0, entropy = 0.0, clipped = 0.0, kl = 0.0;  // active rows
  double value_loss = 0.0, value_clipped = 0.0;                    // valid rows

  void add(const PpoSums& other);
};

/// What all chunks of one step share.
struct PpoContext {
  const EnvShape& shape;
  const TrainConfig& config;
  const Network& network;
  const float* params;
  const AgentNetwork::Transposed& actor_weights;   ///< of params
  const AgentNetwork::Transposed& critic_weights;  ///< of params
  const PpoBatch& batch;
  double active = 0.0;  ///< rows of the policy loss in the step's episodes
  double valid = 0.0;   ///< rows of the value loss
  PpoTrace* trace = nullptr;
};

class PpoChunk {
 public:
  /// places: episodes of the batch, longest first.
  PpoChunk(const PpoContext& context, std::span<const int> places, Scratch& scratch);

  /// Writes log-probabilities of the actions taken and values into the batch, as the old ones.
  void evaluate(PpoBatch& batch);
  /// Adds the gradient of the chunk to grad and its losses to sums.
  void run(float* grad, PpoSums& sums);

 private:
  void forward();
  void policy_loss(PpoSums& sums);
  void value_loss(PpoSums& sums);
  void backward(float* grad);
  void read_actor(int block, float* out) const { packed_.read_obs(block, out); }
  void read_critic(int block, float* out) const;
  /// body(packed row, batch row) for all valid rows.
  template <class Body>
  void for_valid_rows(const Body& body) const;

  const PpoContext& c_;
  Scratch& scratch_;
  PackedViews packed_;
  int n_;
  int n_actions_;
  int rows_ = 0;
  float* obs_ = nullptr;  // of one block
  AgentPass actor_, critic_;
  float* log_pi_ = nullptr;  // [rows, n_actions]
  float* pi_ = nullptr;      // [rows, n_actions]
  float* d_logits_ = nullptr;
  float* d_values_ = nullptr;
};

}  // namespace credo
