// A double-precision learner that trains beside another one, from the same weights and on the same
// episodes, with its own formulas.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "learners/algorithms/update_record.hpp"
#include "learners/reference/q_learning.hpp"

namespace credo::reference {

/// What one update computed.
struct Outcome {
  Numbers losses{};
  Arrays values{};
  /// Of every optimiser step, in the order of Parameters::flat(), before clipping.
  std::vector<std::vector<double>> gradients{};
  /// How far another learner's gradient may be from it, per entry (tolerance.hpp). Inputs of a kink
  /// that rounding may put on the other side widen it.
  std::vector<std::vector<double>> gradient_tolerances{};
  int ties = 0;  ///< choices between equal values that were taken from the other learner
};

class Learner {
 public:
  Learner(const EnvShape& shape, const TrainConfig& config, const ParamLayout& layout,
          std::span<const float> params);
  Learner(const Learner&) = delete;
  Learner& operator=(const Learner&) = delete;
  virtual ~Learner() = default;

  /// Learns from the record's episodes. From the other learner it takes only random draws, and
  /// choices where its own values are equal within rounding.
  virtual Outcome update(const UpdateRecord& record) = 0;
  /// Called after the updates of a batch. episodes: training episodes played so far.
  virtual void played(std::int64_t episodes) = 0;

  const Parameters& params() const { return params_; }
  /// How far another learner's parameters may be from these by now, per entry.
  const std::vector<double>& params_tolerance() const { return params_tolerance_; }
  const Parameters& target() const { return target_; }

 protected:
  /// Adds the batch to the running moments, where rewards are standardised.
  RewardMoments take_in_rewards(const std::vector<PlainEpisode>& episodes);
  /// In the flat array: where the tensors whose names begin with `prefix` begin.
  std::size_t first_of(const std::string& prefix) const;
  /// target' = (1 - tau) target + tau params, of tensors whose name begins with `prefix`.
  void blend_target(const std::string& prefix = "");
  /// Tolerance of a gradient whose other side of kinks is `flipped`; flipped may be empty.
  std::vector<double> tolerance_of(const std::vector<double>& gradient,
                                   const std::vector<double>& flipped) const;

  EnvShape shape_;
  TrainConfig config_;
  Parameters params_, target_;
  std::vector<double> params_tolerance_;
  std::vector<std::vector<double>> rewards_;
};

/// The reference of a configuration's algorithm. params: in the layout's order of storage.
std::unique_ptr<Learner> make_learner(const EnvShape& shape, const TrainConfig& config,
                                      const ParamLayout& layout, std::span<const float> params);

}  // namespace credo::reference
