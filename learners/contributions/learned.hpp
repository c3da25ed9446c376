// The learner's estimates for a situation, for comparison with the true contributions:
//   w(S)    = Q_tot(s, q^S),  q^S_i = q_i(a_i) for i in S, q_i(c_i) else     its estimate of v(S)
//   g_i     = dQ_tot/dq_i at w(N)                                            sensitivity
//   first_i = g_i (q_i(a_i) - b_i),  b_i = q_i(c_i), or the mean over available actions
//   delta_i = w(N) - w(N without i)                                          beside D_i
//   psi_i   = Shapley value of w                                             beside phi_i
// a: the policy's actions, c: the defaults (means over the draws of the random default). IQL has
// first_i = q_i(a_i) - b_i alone, COMA's critic delta_i = Q_i(a_i) - Q_i(c_i) alone, QTRAN no g.
// QPLEX's "coded" g is no derivative of w (docs/algorithms/qplex.md).
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "envs/core/bytes.hpp"
#include "learners/base/scratch.hpp"
#include "learners/config.hpp"
#include "learners/contributions/contribution.hpp"

namespace credo {

/// By player, in the order of Contribution::players; empty where undefined for the learner.
struct LearnedCredits {
  std::vector<double> g, first, delta, psi;
  std::vector<double> q_action, q_default;
  std::vector<double> w;  ///< [2^k] by coalition, where they are enumerated
  std::optional<double> w_all, w_none;

  void save(ByteWriter& out) const;
  void load(ByteReader& in);
};

/// Which network of weighted QMIX: the one that acts, or the one behind its targets.
enum class CreditSource { kMixer, kCentral };

/// Errors: none; a policy without weights has no credits.
LearnedCredits learned_credits(const Network& network, const float* params,
                               const TrainConfig& config, CreditSource source,
                               const Situation& situation, const Contribution& truth,
                               const ContributionOptions& options, Scratch& scratch);

}  // namespace credo
