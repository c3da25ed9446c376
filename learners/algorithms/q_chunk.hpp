// The work of one update on one chunk of its batch: agents, mixers, targets, losses, gradient.
// Internal to the learner (q_learner.hpp), which cuts a batch into chunks and sums their gradients.
#pragma once

#include <span>

#include "learners/algorithms/q_learner.hpp"
#include "learners/replay/packed_episodes.hpp"

namespace credo {

/// What all chunks of one update share.
struct UpdateContext {
  const EnvShape& shape;
  const TrainConfig& config;
  const Network& network;
  const float* params;
  const float* target;
  const AgentNetwork::Transposed& transposed;
  const AgentNetwork::Transposed& central_transposed;
  const RewardScale& rewards;
  const TargetValues& target_values;  ///< of the networks that give the targets
  const TargetValues& traced_values;  ///< of the target agents
  double steps;                       ///< N, of the whole batch
  double gre_lambda;                  ///< weight of H in the loss
  float td_weight;
  const OrderSource& orders;
  std::span<const std::int64_t> first_step;  ///< of each episode among the batch's steps
  UpdateTrace* trace;
};

class QChunk {
 public:
  /// episodes: longest first; places: where they are in the batch, for the trace.
  QChunk(const UpdateContext& context, std::span<const Episode* const> batch,
         std::span<const int> places, Scratch& scratch);

  /// Adds the chunk's gradient to grad and its losses to sums.
  void run(float* grad, UpdateSums& sums);

 private:
  /// Steps as a mixer reads them; what the mixer does not need stays null.
  struct Steps {
    float* q = nullptr;
    const float* state = nullptr;
    int* actions = nullptr;
    float* q_max = nullptr;
    int* greedy = nullptr;
    float* hidden = nullptr;
    const float* obs = nullptr;
    const int* orders = nullptr;
  };

  const Episode& episode(int e) const { return packed_.episode(e); }
  int row(int e, int t) const { return packed_.row(e, t); }
  /// Values of episode e's agents at slot t, [n_agents, n_actions].
  const float* values(const AgentPass& pass, int e, int t) const;
  const float* target_values(int e, int t) const;
  int best_action(const float* values, int e, int t, int agent) const;
  bool regularised() const;
  bool weighs_centrally() const;
  MixerInput input(const Steps& steps) const;

  void pack();
  void forward_agents();
  void choose_greedy();
  Steps allocate(const MixerNeeds& needs);
  void gather_states();
  void gather_obs();
  void draw_orders();
  void gather_values();
  void gather_central_values();
  void mix();
  void td_targets(const Episode& episode, const float* next, float* targets) const;
  void weigh();
  void td_loss(UpdateSums& sums);
  void central_loss(UpdateSums& sums);
  void constraint_loss(UpdateSums& sums);
  void credit_loss(UpdateSums& sums);
  void measure_shares(UpdateSums& sums);
  void penalty_loss(UpdateSums& sums);
  void backward(float* grad);
  /// Spreads [steps, n_agents, width] over rows; zeros elsewhere.
  float* rows_from_steps(const float* values, int width);
  void trace_slot(int e, int t) const;
  void trace_step(int e, int t) const;

  const UpdateContext& c_;
  const Mixer& mixer_;
  const JointNetwork* central_;
  Scratch& scratch_;
  PackedEpisodes packed_;
  int n_;
  int n_actions_;
  int hidden_;
  int outputs_;
  int count_;  // episodes
  MixerNeeds needs_;

  // Rows: slot t holds the live episodes' agents one after the other. Steps: episode by episode.
  int rows_ = 0;
  int n_steps_ = 0;
  int* first_step_ = nullptr;  // [episodes]
  int* action_ = nullptr;      // [rows], 0 in bootstrap slots

  AgentPass online_, central_online_;
  int* greedy_ = nullptr;       // [rows] by the online agents; null when nothing needs it
  int* next_choice_ = nullptr;  // [rows] actions that the targets are computed at

  Steps now_, next_, central_now_, central_next_, central_greedy_;
  MixerPass mixed_, mixed_next_, central_mixed_;
  float* targets_ = nullptr;
  float* weights_ = nullptr;  // [steps]; null: all 1
  float* entropy_ = nullptr;  // [steps]

  MixerGradient d_;
  MixerGradient d_central_;
};

}  // namespace credo
