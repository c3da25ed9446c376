// Episodes as the rollout holds them, side by side as the agent network walks through them. The
// same for stored episodes: packed_episodes.hpp.
#pragma once

#include <cstdint>
#include <span>

#include "learners/base/packed_rows.hpp"
#include "learners/base/scratch.hpp"
#include "learners/replay/episode.hpp"

namespace credo {

class PackedViews {
 public:
  PackedViews() = default;
  /// places: which episodes of the batch, longest first. Storage belongs to scratch.
  PackedViews(const EnvShape& shape, std::span<const EpisodeView> batch,
              std::span<const int> places, Scratch& scratch);

  const PackedRows& rows() const { return rows_; }
  int count() const { return static_cast<int>(places_.size()); }
  /// Place of packed episode e in the batch.
  int place(int e) const { return places_[static_cast<std::size_t>(e)]; }
  const EpisodeView& view(int e) const { return batch_[static_cast<std::size_t>(place(e))]; }
  /// Row of its first agent at slot t.
  int row(int e, int t) const { return rows_.first_row(t) + e * shape_.n_agents; }

  /// [rows] actions taken; 0 in slot L, where the caller may put others.
  int* actions() const { return actions_; }
  /// [rows, n_actions]
  const std::uint8_t* avail() const { return avail_; }

  /// Observations of a block, [rows of the block, obs_dim].
  void read_obs(int block, float* out) const;

 private:
  EnvShape shape_;
  std::span<const EpisodeView> batch_;
  std::span<const int> places_;
  PackedRows rows_;
  int* actions_ = nullptr;
  std::uint8_t* avail_ = nullptr;
};

}  // namespace credo
