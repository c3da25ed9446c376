// Whole passes of an agent network over packed rows, block by block.
#pragma once

#include "learners/base/index.hpp"
#include "learners/nets/agent.hpp"

namespace credo {

/// Storage for the observations of any one block of `rows`.
inline float* block_storage(const PackedRows& rows, int width, Scratch& scratch) {
  return scratch.floats(sz(rows.block_rows) * sz(width));
}

/// read(block, obs) writes the observations of a block. The pass keeps what backward needs.
template <class Read>
AgentPass forward_sequence(const AgentNetwork& network, const float* params, const PackedRows& rows,
                           float* obs, const Read& read, Scratch& scratch) {
  AgentPass pass = network.begin(rows, true, scratch);
  for (int b = 0; b < rows.n_blocks(); ++b) {
    read(b, obs);
    network.forward_block(params, rows, pass, b, obs, scratch);
  }
  return pass;
}

/// Adds the gradient of `d` to grad.
template <class Read>
void backward_sequence(const AgentNetwork& network, const AgentNetwork::Transposed& weights,
                       const PackedRows& rows, const AgentPass& pass, float* obs, const Read& read,
                       const AgentGradient& d, float* grad, Scratch& scratch) {
  AgentNetwork::Backward back = network.begin_backward(rows, scratch);
  for (int b = rows.n_blocks() - 1; b >= 0; --b) {
    read(b, obs);
    network.backward_block(weights, rows, pass, b, obs, d, back, grad, scratch);
  }
  network.end_backward(back, grad);
}

}  // namespace credo
