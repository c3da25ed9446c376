// Rows of a packed batch: episodes sorted by length, longest first, so that at slot t the live
// episodes are the first live[t]; their rows follow those of slot t-1. No padded row exists.
#pragma once

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

#include "learners/base/scratch.hpp"

namespace credo {

struct Ahead;  // learners/kernels/kernels.hpp

/// Rows of a packed batch: slot t holds live[t] * n_agents rows starting at slot_row[t], ordered by
/// (episode, agent).
struct PackedRows {
  int n_agents = 0;
  int rows = 0;
  std::span<const int> live;         ///< [slots], non-increasing
  std::span<const int> slot_row;     ///< [slots], first row of each slot
  const int* last_action = nullptr;  ///< [rows], -1 where there is none
  std::span<const int> blocks;       ///< first slot of each block, then the number of slots
  int block_rows = 0;                ///< rows of the largest block
  Ahead* ahead = nullptr;            ///< what products of one block prefetch for the next; or null

  int slot_rows(int t) const { return live[static_cast<std::size_t>(t)] * n_agents; }
  int first_row(int t) const { return slot_row[static_cast<std::size_t>(t)]; }
  int slots() const { return static_cast<int>(live.size()); }
  int n_blocks() const { return static_cast<int>(blocks.size()) - 1; }
  int block_begin(int b) const { return blocks[static_cast<std::size_t>(b)]; }
  /// Rows of block b.
  int rows_of(int b) const {
    const int end = block_begin(b + 1);
    return (end < slots() ? first_row(end) : rows) - first_row(block_begin(b));
  }
};

/// Positions 0 .. count - 1 of episodes, the longest first, equals in their order.
template <class Length>
void order_longest_first(std::size_t count, const Length& length, std::vector<int>& order) {
  order.resize(count);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int a, int b) {  // std::stable_sort allocates
    const int difference = length(a) - length(b);
    return difference != 0 ? difference > 0 : a < b;
  });
}

/// Rows of episodes with these numbers of slots, longest first; last_action is left to the caller.
PackedRows pack_rows(int n_agents, std::span<const int> slots, Scratch& scratch);

}  // namespace credo
