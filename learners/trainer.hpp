// One training run: rollouts fill the replay buffer, updates follow at a fixed ratio, evaluations
// at fixed env-step intervals. A Trainer holds, saves and loads the complete state of a run, so a
// resumed run continues bit for bit. Files, clocks and the number of threads belong to the caller
// (suite); parallel work runs in the caller's oneTBB arena.
//
//   Trainer trainer(*env, config);
//   while (!trainer.finished()) {
//     if (trainer.evaluation_due()) report(trainer.evaluate());
//     trainer.iterate();
//     if (trainer.log_due()) log(trainer.take_train_metrics());
//   }
//   report(trainer.evaluate());
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "envs/core/env.hpp"
#include "learners/algorithms/training.hpp"
#include "learners/base/metrics.hpp"
#include "learners/base/safetensors.hpp"
#include "learners/rollout/evaluation.hpp"

namespace credo {

/// Everything a training record may hold, in the order in which it is logged.
std::vector<MetricInfo> train_metrics();

class Trainer {
 public:
  Trainer(const Env& prototype, const TrainConfig& config);
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  /// Begins with these weights, in online and target networks, instead of random ones. Call it
  /// before the first iterate().
  /// Errors: UserError naming `label` and the tensor that is missing, unknown or of another shape.
  void start_from(const TensorFile& weights, const std::string& label);

  std::int64_t t_env() const;     ///< environment steps taken in training
  std::int64_t episodes() const;  ///< training episodes finished
  std::int64_t updates() const;   ///< optimiser steps taken
  bool finished() const;          ///< t_env >= t_max

  /// `hook` is called at the beginning of each part of iterate(); empty: none.
  void on_phase(PhaseHook hook);
  /// `watch` is called with a record of every update, which costs copies; empty: none.
  void on_update(UpdateWatch watch);
  /// One batch of n_envs episodes, then the updates that the ratio asks for.
  /// Errors: DivergedError.
  void iterate();

  /// True at t_env 0 and whenever t_env has crossed a multiple of evaluation.interval.
  bool evaluation_due() const;
  /// config.evaluation_episodes greedy episodes on the evaluation streams; does not move t_env.
  Evaluation evaluate();

  /// True when t_env has crossed a multiple of run.log_interval.
  bool log_due() const;
  /// Means, since the last call, of those train_metrics() that were measured.
  Metrics take_train_metrics();

  /// Agents and mixer, and the online parameters in the layout's order of storage.
  const Network& network() const;
  std::span<const float> params() const;
  /// Online weights under their PyTorch names ("agent.fc1.weight", "mixer.V.0.bias", ...);
  /// metadata names the architecture.
  TensorFile weights() const;
  /// Hash of everything `weights` holds plus target networks and optimiser state.
  std::uint64_t state_hash() const;

  /// Everything that later training depends on, in pieces. With kOutsideParts the episodes of
  /// replay_parts() are left out, for save_part: a part never changes, so it needs saving once.
  void save(const ByteSink& sink, ReplayContent content = ReplayContent::kAll) const;
  std::vector<ReplayPart> replay_parts() const;
  void save_part(const ReplayPart& part, const ByteSink& sink) const;

  /// Afterwards each of missing_parts() has to be loaded before the next iterate().
  /// Errors: Error when the bytes are damaged or belong to another configuration.
  void load(ByteReader& in);
  std::vector<ReplayPart> missing_parts() const;
  void load_part(const ReplayPart& part, ByteReader& in);

 private:
  friend std::vector<MetricInfo> train_metrics();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace credo
