// Targets along an episode.
#pragma once

#include <algorithm>

namespace credo {

struct ReturnSettings {
  float gamma = 0.99F;
  float lambda = 0.0F;
  /// The return after the last step is the value V of the slot after it, rounded either as
  /// (1 - lambda) V + lambda V or as V.
  bool mixes_last = false;
};

/// lambda-returns of the steps 0 .. length - 1:
///   G_t = r_t + gamma ((1 - lambda) V_{t+1} + lambda G_{t+1})      G_length = V_length
/// A terminated episode has V_length = 0. reward(t): r_t; next(t): V_{t+1}; set(t, G_t) takes them.
template <class Reward, class Next, class Set>
void lambda_returns(const ReturnSettings& settings, int length, bool terminated,
                    const Reward& reward, const Next& next, const Set& set) {
  const float lambda = settings.lambda;
  float later = 0.0F;  // G_{t+1}
  for (int t = length - 1; t >= 0; --t) {
    const bool last = t == length - 1;
    const float value = next(t);
    if (last) later = value;
    const float mixed = lambda == 0.0F || (last && !settings.mixes_last)
                            ? value
                            : (1.0F - lambda) * value + lambda * later;
    later = reward(t) + (last && terminated ? 0.0F : settings.gamma * mixed);
    set(t, later);
  }
}

/// n-step returns of the steps 0 .. length - 1, with m = min(n, length - t):
///   G_t = r_t + gamma r_{t+1} + ... + gamma^{m-1} r_{t+m-1} + gamma^m V_{t+m}
/// summed from its end. A terminated episode has V_length = 0. reward(t): r_t; next(t): V_{t+1};
/// set(t, G_t) takes them. n = 1 rounds as lambda_returns with lambda = 0 does.
template <class Reward, class Next, class Set>
void n_step_returns(float gamma, int n, int length, bool terminated, const Reward& reward,
                    const Next& next, const Set& set) {
  for (int t = 0; t < length; ++t) {
    const int last = t + std::min(n, length - t) - 1;
    float sum = reward(last) + (last == length - 1 && terminated ? 0.0F : gamma * next(last));
    for (int k = last - 1; k >= t; --k) sum = reward(k) + gamma * sum;
    set(t, sum);
  }
}

/// Generalised advantage estimates (Schulman et al. 2016) of the steps 0 .. length - 1:
///   A_t = delta_t + gamma lambda A_{t+1}     delta_t = r_t + gamma V_{t+1} - V_t     A_length = 0
/// A terminated episode has V_length = 0. reward(t): r_t; value(t): V_t; set(t, A_t) takes them.
template <class Reward, class Value, class Set>
void advantage_estimates(double gamma, double lambda, int length, bool terminated,
                         const Reward& reward, const Value& value, const Set& set) {
  double later = 0.0;  // A_{t+1}
  for (int t = length - 1; t >= 0; --t) {
    const double next = t == length - 1 && terminated ? 0.0 : value(t + 1);
    later = reward(t) + gamma * next - value(t) + gamma * lambda * later;
    set(t, later);
  }
}

}  // namespace credo
