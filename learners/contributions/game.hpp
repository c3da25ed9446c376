// Cooperative games: what each of k players contributes to the value of their coalitions. A
// coalition is a bit mask over players, bit j set when player j takes part; v holds the values of
// coalitions. Known sources: Shapley 1953; antithetic orders: Mitchell et al. 2022 (JMLR 23(43)).
//   phi_i = sum over S without i of |S|! (k-|S|-1)! / k! (v(S + i) - v(S))     Shapley value
//   D_i   = v(N) - v(N without i)                                             difference
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace credo {

using Coalition = std::uint64_t;
inline constexpr int kMostPlayers = 64;

/// All players. k in [0, 64].
constexpr Coalition grand_coalition(int k) {
  return k >= kMostPlayers ? ~Coalition{0} : (Coalition{1} << k) - 1;
}

/// Shapley values of k <= 20 players from the values of all 2^k coalitions, v[mask].
std::vector<double> shapley_values(int k, std::span<const double> v);

/// D of k players from the same table.
std::vector<double> differences(int k, std::span<const double> v);

/// The coalitions one replicate has to value. Up to `exact_up_to` players all 2^k of them, in the
/// order of their masks. Above, an order of the players and its reverse (an antithetic pair): the
/// prefixes of both, then those that D needs, N without i; 3k in all, the empty coalition first.
class CoalitionPlan {
 public:
  /// `order`: the players as the pair joins; unused where coalitions are enumerated.
  CoalitionPlan(int k, int exact_up_to, std::span<const int> order);

  static bool enumerates(int k, int exact_up_to) { return k <= exact_up_to; }
  /// Number of coalitions of a plan for k players.
  static std::int64_t size(int k, int exact_up_to);

  std::span<const Coalition> coalitions() const { return coalitions_; }
  /// One replicate's Shapley values (of a pair: its unbiased estimates, which also sum to
  /// v(N) - v(0)) and differences. v[c]: value of coalitions()[c].
  void solve(std::span<const double> v, std::span<double> phi, std::span<double> diff) const;
  double all(std::span<const double> v) const { return v[all_at_]; }
  double none(std::span<const double> v) const { return v[0]; }

 private:
  int k_;
  bool enumerated_;
  std::vector<int> order_;
  std::vector<Coalition> coalitions_;
  std::size_t all_at_ = 0;
};

/// How many replicates a state gets, and when they are enough.
struct ReplicateRule {
  std::int64_t least_branches = 512;  ///< replicates begin at max(8, least_branches / C)
  std::int64_t most_branches = 8192;  ///< and are doubled while that keeps within this
  double floor = 0.0;                 ///< a standard error that is always good enough

  std::int64_t first(std::int64_t coalitions) const;
  bool may_double(std::int64_t replicates, std::int64_t coalitions) const;
  /// Standard errors at most a sixth of the range of phi, or at most the floor.
  bool enough(std::span<const double> phi, std::span<const double> standard_errors) const;
};

/// Mean and standard error of replicates, added in order.
class Moments {
 public:
  void add(double x);
  std::int64_t count() const { return n_; }
  double mean() const { return mean_; }
  /// Sample standard deviation / sqrt(n); 0 for fewer than two values.
  double standard_error() const;

 private:
  std::int64_t n_ = 0;
  double mean_ = 0.0;
  double m2_ = 0.0;
};

}  // namespace credo
