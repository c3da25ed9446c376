// The losses of PPO on one row (docs/algorithms/ppo.md), with their gradients.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace credo {

/// rho = pi(u) / pi_old(u), A the normalised advantage, H the entropy of pi:
///   L = -min(rho A, clip(rho, 1 - eps, 1 + eps) A) - c H
struct PolicyRow {
  float surrogate = 0.0F;  ///< min(rho A, clip(rho) A)
  float entropy = 0.0F;
  bool clipped = false;  ///< |rho - 1| > eps
};

/// d_logits [n]: gradient of weight * L. log_pi, pi: of all actions; weight may be 0.
inline PolicyRow policy_row(int n, const float* log_pi, const float* pi, const std::uint8_t* avail,
                            int action, float ratio, float advantage, float clip,
                            float entropy_weight, float weight, float* d_logits) {
  PolicyRow row;
  for (int a = 0; a < n; ++a)
    if (avail[a] != 0) row.entropy -= pi[a] * log_pi[a];
  const float plain = ratio * advantage;
  const float bounded = std::clamp(ratio, 1.0F - clip, 1.0F + clip) * advantage;
  row.surrogate = std::min(plain, bounded);
  row.clipped = std::abs(ratio - 1.0F) > clip;
  const float g = plain <= bounded ? -plain * weight : 0.0F;
  const float c = entropy_weight * weight;
  for (int a = 0; a < n; ++a)
    d_logits[a] = avail[a] == 0 ? 0.0F
                                : g * ((a == action ? 1.0F : 0.0F) - pi[a]) +
                                      c * pi[a] * (log_pi[a] + row.entropy);
  return row;
}

struct ValueRow {
  float loss = 0.0F;
  float slope = 0.0F;    ///< its derivative by v
  bool clipped = false;  ///< |v - v_old| > clip
};

/// Huber's loss of the error y - v; with clip > 0 the larger of it and that of v kept within clip of
/// v_old.
inline ValueRow value_row(float v, float v_old, float y, float delta, float clip) {
  const auto huber = [delta](float e) {
    const float size = std::abs(e);
    return size <= delta ? 0.5F * e * e : delta * (size - 0.5F * delta);
  };
  const auto bounded = [delta](float e) { return std::clamp(e, -delta, delta); };
  const float error = y - v;
  ValueRow row{.loss = huber(error), .slope = -bounded(error)};
  if (clip == 0.0F) return row;
  const float change = v - v_old;
  row.clipped = std::abs(change) > clip;
  const float clipped_error = y - (v_old + std::clamp(change, -clip, clip));
  const float clipped_loss = huber(clipped_error);
  if (row.loss >= clipped_loss) return row;
  row.loss = clipped_loss;
  row.slope = row.clipped ? 0.0F : -bounded(clipped_error);
  return row;
}

}  // namespace credo
