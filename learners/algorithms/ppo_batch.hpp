// A batch of episodes as PPO learns from it: what is computed once per batch, with the parameters
// that played it, for every row (episode, slot, agent).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "learners/algorithms/value_norm.hpp"
#include "learners/config.hpp"
#include "learners/replay/episode.hpp"

namespace credo {

/// Of the whole batch.
struct PpoTargetStats {
  double advantage_mean = 0.0;  ///< over active rows, as the next
  double advantage_std = 0.0;
  double explained_variance = 0.0;  ///< 1 - Var(R - V) / Var(R), valid rows; 0 where R is constant
};

/// Rows of an episode lie together, slot by slot. A row is valid in the slots 0 .. L - 1 and active
/// if it is valid and its agent has a choice of at least two actions.
class PpoBatch {
 public:
  PpoBatch(const EnvShape& shape, const TrainConfig& config) : shape_(shape), config_(config) {}

  /// Starts a batch; the caller then fills old_log_prob and old_value.
  void take(std::span<const EpisodeView> episodes);
  /// Advantages, returns and targets from the old values:
  ///   V(t) = sigma v_old(t) + mu
  ///   A(t) = delta(t) + gamma lambda A(t+1),   delta(t) = r(t) + gamma V(t+1) - V(t)
  ///   R(t) = A(t) + V(t)                       V(L) = 0 after a true end, kept after a time limit
  /// The normaliser takes in R of all valid rows; targets are R by its new moments.
  PpoTargetStats compute_targets(ValueNorm& norm);

  std::span<const EpisodeView> views() const { return views_; }
  const EpisodeView& view(int e) const { return views_[static_cast<std::size_t>(e)]; }
  int count() const { return static_cast<int>(views_.size()); }
  int slots(int e) const { return view(e).length + 1; }
  std::size_t rows() const { return has_choice_.size(); }
  /// The row of the first agent.
  std::size_t row(int e, int t) const {
    return (first_slot_[static_cast<std::size_t>(e)] + static_cast<std::size_t>(t)) *
           static_cast<std::size_t>(shape_.n_agents);
  }
  /// The agent has at least two available actions; slots 0 .. L.
  bool has_choice(std::size_t row) const { return has_choice_[row] != 0; }

  std::vector<float> old_log_prob;    ///< [rows] of the actions taken; slots 0 .. L - 1
  std::vector<float> old_value;       ///< [rows] the critic's outputs, in normalised units
  std::vector<double> values;         ///< [rows] V, units of the return
  std::vector<double> advantages;     ///< [rows] A
  std::vector<double> returns;        ///< [rows] R
  std::vector<float> norm_advantage;  ///< [rows] (A - mean) / (std + 1e-5) over active rows
  std::vector<float> target;          ///< [rows] R in normalised units

 private:
  template <class Body>
  void for_valid_rows(const Body& body) const;
  void estimate_advantages(double mu, double sigma);

  EnvShape shape_;
  TrainConfig config_;
  std::vector<EpisodeView> views_;
  std::vector<std::size_t> first_slot_;
  std::vector<std::uint8_t> has_choice_;
};

}  // namespace credo
