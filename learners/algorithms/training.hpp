// The interface of a learning algorithm: its networks, and how it learns from the episodes just
// played. One implementation serves every value-based algorithm (value_training.cpp); the others,
// COMA (coma.cpp) and PPO (ppo.cpp), learn from each batch of episodes and then discard it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "learners/algorithms/reward_scale.hpp"
#include "learners/algorithms/update_record.hpp"
#include "learners/base/diverged.hpp"
#include "learners/base/metrics.hpp"
#include "learners/config.hpp"
#include "learners/replay/replay_buffer.hpp"
#include "learners/rollout/rollout.hpp"

namespace credo {

/// The parts of a training iteration. A caller that measures time is called when each begins; the
/// learner itself reads no clock.
enum class Phase { kRollout, kReplay, kUpdate };
using PhaseHook = std::function<void(Phase)>;

/// The episodes that every environment of a rollout has just finished.
struct Played {
  const Rollout& rollout;
  double epsilon;         ///< they were played with
  std::int64_t episodes;  ///< training episodes so far, these included
  const PhaseHook& hook;  ///< may be empty

  void enter(Phase phase) const {
    if (hook) hook(phase);
  }
};

class Training {
 public:
  Training() = default;
  Training(const Training&) = delete;
  Training& operator=(const Training&) = delete;
  virtual ~Training() = default;

  virtual const Network& network() const = 0;
  virtual std::span<const float> params() const = 0;
  /// How training episodes are played (rollout.hpp), where epsilon is that of the schedule.
  virtual Behaviour behaviour(double epsilon) const = 0;

  /// Sets online and target networks. Errors: UserError as ParamLayout::from_tensors.
  virtual void start_from(const TensorFile& weights, const std::string& label) = 0;

  /// Errors: DivergedError.
  virtual void learn(const Played& played) = 0;
  virtual std::int64_t updates() const = 0;

  /// Appends the means since the last call, in a fixed order.
  virtual void take_metrics(Metrics& metrics) = 0;
  /// Continues `hash` over everything that later updates depend on, replay excepted.
  virtual std::uint64_t hash(std::uint64_t hash) const = 0;

  /// All but the replay.
  virtual void save(ByteWriter& out) const = 0;
  virtual void load(ByteReader& in) = 0;
  /// Null where nothing is kept between batches of episodes.
  virtual ReplayBuffer* replay() { return nullptr; }

  /// Calls `watch` with a record of every update from now on; empty: none.
  void watch(UpdateWatch watch) { watch_ = std::move(watch); }

 protected:
  UpdateWatch watch_;
};

/// The implementation that config.learner.kind names.
std::unique_ptr<Training> make_training(const EnvShape& shape, const TrainConfig& config);
std::unique_ptr<Training> make_value_training(const EnvShape& shape, const TrainConfig& config);
std::unique_ptr<Training> make_coma_training(const EnvShape& shape, const TrainConfig& config);
std::unique_ptr<Training> make_ppo_training(const EnvShape& shape, const TrainConfig& config);

/// Continues `hash` over the bytes of `values`.
std::uint64_t hash_floats(std::uint64_t hash, std::span<const float> values);
std::uint64_t hash_doubles(std::uint64_t hash, std::span<const double> values);
/// Continues `hash` over the moments once rewards have been taken in.
std::uint64_t hash_reward_scale(std::uint64_t hash, const RewardScale& scale);
/// Errors: DivergedError unless both are finite. `what`: whose they are, e.g. "critic".
void check_finite(std::int64_t update, const char* what, double loss, double grad_norm);

/// What the learners measure in every update.
std::vector<MetricInfo> update_metrics();

}  // namespace credo
