#include "learners/base/packed_rows.hpp"

#include <algorithm>

#include "learners/base/index.hpp"

namespace credo {

namespace {

constexpr int kBlockRows = 96;  // rows the layers pass on to each other

}  // namespace

// Blocks of slots have about kBlockRows rows.
PackedRows pack_rows(int n_agents, std::span<const int> slots, Scratch& scratch) {
  const int n_slots = slots.front();
  int* live = scratch.take<int>(sz(n_slots));
  int* slot_row = scratch.take<int>(sz(n_slots));
  int* blocks = scratch.take<int>(sz(n_slots) + 1);
  PackedRows packed;
  packed.n_agents = n_agents;
  for (int t = 0, alive = static_cast<int>(slots.size()); t < n_slots; ++t) {
    while (slots[sz(alive - 1)] <= t) --alive;
    live[t] = alive;
    slot_row[t] = packed.rows;
    packed.rows += alive * n_agents;
  }
  const auto row_after = [&](int t) { return slot_row[t] + live[t] * n_agents; };
  int n_blocks = 0;
  for (int t = 0; t < n_slots;) {
    blocks[n_blocks++] = t;
    const int first = slot_row[t];
    int end = t + 1;
    while (end < n_slots && row_after(end) - first <= kBlockRows) ++end;
    packed.block_rows = std::max(packed.block_rows, row_after(end - 1) - first);
    t = end;
  }
  blocks[n_blocks] = n_slots;
  packed.live = {live, sz(n_slots)};
  packed.slot_row = {slot_row, sz(n_slots)};
  packed.blocks = {blocks, sz(n_blocks) + 1};
  return packed;
}

}  // namespace credo
