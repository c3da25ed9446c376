// Stored episodes side by side, as the agent network walks through them.
#pragma once

#include <cstddef>
#include <span>

#include "learners/base/packed_rows.hpp"
#include "learners/base/scratch.hpp"
#include "learners/kernels/kernels.hpp"
#include "learners/replay/episode.hpp"

namespace credo {

class PackedEpisodes {
 public:
  /// places: which episodes of the batch, longest first. Storage belongs to scratch.
  PackedEpisodes(const EnvShape& shape, std::span<const Episode* const> batch,
                 std::span<const int> places, Scratch& scratch);
  PackedEpisodes(const PackedEpisodes&) = delete;
  PackedEpisodes& operator=(const PackedEpisodes&) = delete;

  const PackedRows& rows() const { return rows_; }
  int count() const { return static_cast<int>(places_.size()); }
  /// Place of packed episode e in the batch.
  int place(int e) const { return places_[static_cast<std::size_t>(e)]; }
  const Episode& episode(int e) const { return *batch_[static_cast<std::size_t>(place(e))]; }
  /// Row of its first agent at slot t.
  int row(int e, int t) const { return rows_.first_row(t) + e * shape_.n_agents; }

  /// Observations of a block, [rows of the block, obs_dim], until the next call. Products of this
  /// block then fetch those of block `next`, where there is one. Blocks are first read in ascending
  /// order.
  const float* read_obs(int block, int next);

 private:
  const EnvShape& shape_;
  std::span<const Episode* const> batch_;
  std::span<const int> places_;
  PackedRows rows_;
  float* obs_ = nullptr;  // of one block, or of all
  bool all_;
  int decoded_ = 0;  // blocks that lie in obs_, when it holds all
  Ahead ahead_;
};

}  // namespace credo
