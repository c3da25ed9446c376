// How far a learner's account of contributions agrees with the truth, state by state and over a
// policy's states, with bootstrap intervals over episodes.
//
// A pair of players is decided when |phi_i - phi_j| > 3 standard errors, a state when it has such a
// pair. The primary measure is pair agreement (Somers' d of the learner given the truth),
//   A = (agreeing - opposing) / decided pairs,
// in which a pair the learner ties (relative 1e-6) counts 0; A = 1 for whoever ranks like the truth
// whatever is tied by noise. Kendall's tau-b and Spearman's rho are there for comparability.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "learners/contributions/contribution.hpp"
#include "learners/contributions/learned.hpp"
#include "suite/credits/credits_record.hpp"

namespace credo::suite {

struct PairCount {
  int agreeing = 0;
  int opposing = 0;
  int learner_ties = 0;  ///< among the decided pairs
  int truth_ties = 0;    ///< pairs that are not decided

  int decided() const { return agreeing + opposing + learner_ties; }
  /// A; nullopt without a decided pair.
  std::optional<double> agreement() const;
};

/// [k, k], symmetric: 1 where a pair of players is decided.
std::vector<std::uint8_t> decided_pairs(const Contribution& truth);

/// decided: as decided_pairs.
PairCount count_pairs(std::span<const double> truth, std::span<const double> learned,
                      std::span<const std::uint8_t> decided);

/// 0 where the learner ties everything; nullopt where the truth does.
std::optional<double> kendall_tau_b(std::span<const double> truth, std::span<const double> learned);
/// With mid-ranks; 0 and nullopt as tau-b.
std::optional<double> spearman(std::span<const double> truth, std::span<const double> learned);
/// nullopt where either side is constant.
std::optional<double> pearson(std::span<const double> x, std::span<const double> y);

/// The learner's chance of naming the truth's best (its ties share it); nullopt where the truth has
/// no decided best.
std::optional<double> top_one(std::span<const double> truth, std::span<const double> learned,
                              std::span<const std::uint8_t> decided);

/// How evenly |x| is spread: -sum p ln p / ln n_all, p = |x| / sum |x|, 0 ln 0 = 0. nullopt where
/// all are 0 or n_all < 2. n_all >= x.size(): agents beyond x count as zeros.
std::optional<double> share_entropy(std::span<const double> x, std::size_t n_all);
/// The same over positive parts.
std::optional<double> positive_entropy(std::span<const double> x, std::size_t n_all);

struct MeasuredState {
  Contribution truth;
  LearnedCredits mixer;
  LearnedCredits central;  ///< of weighted QMIX's second network
};

struct Fidelity {
  std::vector<CreditMeasure> truth;  ///< shares of states and agents, H of true contributions
  std::vector<SignalMeasures> learned;
  std::vector<CreditMeasure> calibration;  ///< of Q_tot, mixer first
  std::int64_t states = 0;
  std::int64_t decided_states = 0;
};

/// gamma and limit decide which states calibration may use: those whose episode truly ends, or
/// gamma^(limit - t) < 0.05. central: there is a second network.
Fidelity measure_fidelity(std::span<const MeasuredState> states, double gamma, int episode_limit,
                          int n_agents, bool central, std::uint64_t seed);

}  // namespace credo::suite
