// How values become actions: the greedy choice, and the stochastic policy of on-policy learners
// (docs/algorithms/coma.md, docs/algorithms/ppo.md).
#pragma once

#include <cstdint>
#include <span>

#include "envs/core/random.hpp"

namespace credo {

/// The available action with the largest value, the first of equals; -1 when none is available.
int greedy_action(int n, const float* q, const std::uint8_t* avail);

/// Rows of action probabilities from rows of logits z over n actions, as PyMARL's `pi_logits`:
///   softmax = softmax(z)                               over all actions
///   f_a     = (1 - epsilon) softmax_a + epsilon / n
///   pi_a    = f_a / sum of f over available actions
/// and 0 for unavailable ones. epsilon > 0 keeps every available action possible. softmax and pi:
/// out [rows, n]; avail [rows, n], 1 = may be taken.
void floored_softmax(int rows, int n, const float* logits, const std::uint8_t* avail, float epsilon,
                     float* softmax, float* pi);

/// Gradient of sum over rows of weight[row] * log pi[row, action[row]] with respect to the logits:
/// d_logits, out [rows, n].
void floored_softmax_backward(int rows, int n, const float* softmax, const std::uint8_t* avail,
                              float epsilon, const int* action, const float* weight,
                              float* d_logits);

/// Rows of log-probabilities and probabilities of softmax over the available actions. Unavailable
/// ones: probability 0; their log-probability is not to be read. All [rows, n].
void masked_softmax(int rows, int n, const float* logits, const std::uint8_t* avail, float* log_pi,
                    float* pi);

/// Draws from a row of probabilities; never an action of probability 0.
int draw_action(std::span<const float> pi, Stream& stream);

}  // namespace credo
