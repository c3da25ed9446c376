#include "learners/contributions/game.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "envs/core/error.hpp"
#include "learners/base/index.hpp"

namespace credo {

namespace {

constexpr int kMostEnumerated = 20;
constexpr std::int64_t kFewestReplicates = 8;

Coalition bit(int player) { return Coalition{1} << player; }

}  // namespace

std::vector<double> shapley_values(int k, std::span<const double> v) {
  CREDO_CHECK(k >= 0 && k <= kMostEnumerated, "too many players to enumerate their coalitions");
  CREDO_CHECK(v.size() == sz(1) << k, "a value for every coalition");
  // weight[s] = s! (k - s - 1)! / k!, by s: 1/k, then times s / (k - s).
  std::vector<double> weight(sz(std::max(k, 1)));
  weight[0] = 1.0 / std::max(k, 1);
  for (int s = 1; s < k; ++s) weight[sz(s)] = weight[sz(s - 1)] * s / (k - s);
  std::vector<double> phi(sz(k), 0.0);
  for (Coalition mask = 0; mask < v.size(); ++mask) {
    const int size = std::popcount(mask);
    for (int i = 0; i < k; ++i)
      if ((mask & bit(i)) == 0) phi[sz(i)] += weight[sz(size)] * (v[mask | bit(i)] - v[mask]);
  }
  return phi;
}

std::vector<double> differences(int k, std::span<const double> v) {
  std::vector<double> diff(sz(k));
  const Coalition all = grand_coalition(k);
  for (int i = 0; i < k; ++i) diff[sz(i)] = v[all] - v[all & ~bit(i)];
  return diff;
}

CoalitionPlan::CoalitionPlan(int k, int exact_up_to, std::span<const int> order)
    : k_(k), enumerated_(enumerates(k, exact_up_to)) {
  CREDO_CHECK(k >= 1 && k <= kMostPlayers, "a coalition plan is for 1 to 64 players");
  if (enumerated_) {
    CREDO_CHECK(k <= kMostEnumerated, "too many players to enumerate their coalitions");
    for (Coalition mask = 0; mask <= grand_coalition(k); ++mask) coalitions_.push_back(mask);
    all_at_ = coalitions_.size() - 1;
    return;
  }
  CREDO_CHECK(order.size() == sz(k), "an order names every player");
  order_.assign(order.begin(), order.end());
  coalitions_.push_back(0);
  Coalition prefix = 0;
  for (const int player : order_) coalitions_.push_back(prefix |= bit(player));
  all_at_ = sz(k);
  prefix = 0;
  for (int j = k - 1; j > 0; --j) coalitions_.push_back(prefix |= bit(order_[sz(j)]));
  for (int i = 0; i < k; ++i) coalitions_.push_back(grand_coalition(k) & ~bit(i));
}

std::int64_t CoalitionPlan::size(int k, int exact_up_to) {
  return enumerates(k, exact_up_to) ? std::int64_t{1} << k : std::int64_t{3} * k;
}

void CoalitionPlan::solve(std::span<const double> v, std::span<double> phi,
                          std::span<double> diff) const {
  if (enumerated_) {
    const std::vector<double> exact = shapley_values(k_, v);
    const std::vector<double> d = differences(k_, v);
    std::copy(exact.begin(), exact.end(), phi.begin());
    std::copy(d.begin(), d.end(), diff.begin());
    return;
  }
  // Forward prefixes of length j stand at j; backward ones of length j at k + j (1 <= j < k).
  const auto backward = [&](int length) {
    return length == 0 ? v[0] : length == k_ ? v[all_at_] : v[sz(k_ + length)];
  };
  for (int j = 0; j < k_; ++j) {
    const int length = k_ - 1 - j;  // players behind this one
    phi[sz(order_[sz(j)])] =
        0.5 * ((v[sz(j + 1)] - v[sz(j)]) + (backward(length + 1) - backward(length)));
  }
  for (int i = 0; i < k_; ++i) diff[sz(i)] = v[all_at_] - v[sz(2 * k_ + i)];
}

std::int64_t ReplicateRule::first(std::int64_t coalitions) const {
  return std::max(kFewestReplicates, least_branches / coalitions);
}

bool ReplicateRule::may_double(std::int64_t replicates, std::int64_t coalitions) const {
  return 2 * replicates * coalitions <= most_branches;
}

bool ReplicateRule::enough(std::span<const double> phi,
                           std::span<const double> standard_errors) const {
  const auto [low, high] = std::minmax_element(phi.begin(), phi.end());
  const double allowed = std::max((*high - *low) / 6.0, floor);
  return std::all_of(standard_errors.begin(), standard_errors.end(),
                     [allowed](double se) { return se <= allowed; });
}

void Moments::add(double x) {
  ++n_;
  const double before = x - mean_;
  mean_ += before / static_cast<double>(n_);
  m2_ += before * (x - mean_);
}

double Moments::standard_error() const {
  if (n_ < 2) return 0.0;
  const auto n = static_cast<double>(n_);
  return std::sqrt(m2_ / (n - 1.0) / n);
}

}  // namespace credo
