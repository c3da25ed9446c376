#include "suite/credits/fidelity.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <utility>

#include "learners/base/index.hpp"

namespace credo::suite {

namespace {

constexpr double kTie = 1e-6;  // relative: closer values of a learner are tied
constexpr int kResamples = 10000;
constexpr std::size_t kFewestEpisodes = 5;  // no interval below
constexpr double kForgotten = 0.05;         // what is cut counts less than that

bool tied(double a, double b) {
  return std::abs(a - b) <= kTie * std::max(std::abs(a), std::abs(b));
}

bool constant(std::span<const double> x) {
  return std::all_of(x.begin(), x.end(), [&](double y) { return tied(x[0], y); });
}

std::vector<double> mid_ranks(std::span<const double> x) {
  std::vector<std::size_t> order(x.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return x[a] < x[b]; });
  std::vector<double> ranks(x.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    while (end < order.size() && tied(x[order[end]], x[order[begin]])) ++end;
    const double rank = 0.5 * static_cast<double>(begin + end - 1);
    for (std::size_t i = begin; i < end; ++i) ranks[order[i]] = rank;
    begin = end;
  }
  return ranks;
}

std::optional<double> entropy_of(std::span<const double> x, std::size_t n_all,
                                 double (*part)(double)) {
  double total = 0.0;
  for (const double value : x) total += part(value);
  if (total <= 0.0 || n_all < 2) return std::nullopt;
  double sum = 0.0;
  for (const double value : x) {
    const double p = part(value) / total;
    if (p > 0.0) sum -= p * std::log(p);
  }
  return sum / std::log(static_cast<double>(n_all));
}

}  // namespace

std::optional<double> PairCount::agreement() const {
  if (decided() == 0) return std::nullopt;
  return static_cast<double>(agreeing - opposing) / decided();
}

std::vector<std::uint8_t> decided_pairs(const Contribution& truth) {
  const std::size_t k = truth.phi.size();
  std::vector<std::uint8_t> decided(k * k, 0);
  for (std::size_t i = 0; i < k; ++i)
    for (std::size_t j = 0; j < k; ++j)
      if (i != j && truth.decided(i, j)) decided[i * k + j] = 1;
  return decided;
}

PairCount count_pairs(std::span<const double> truth, std::span<const double> learned,
                      std::span<const std::uint8_t> decided) {
  PairCount count;
  const std::size_t k = truth.size();
  for (std::size_t i = 0; i < k; ++i)
    for (std::size_t j = 0; j < i; ++j) {
      if (decided[i * k + j] == 0)
        ++count.truth_ties;
      else if (tied(learned[i], learned[j]))
        ++count.learner_ties;
      else if ((truth[i] > truth[j]) == (learned[i] > learned[j]))
        ++count.agreeing;
      else
        ++count.opposing;
    }
  return count;
}

std::optional<double> kendall_tau_b(std::span<const double> truth,
                                    std::span<const double> learned) {
  if (truth.size() < 2 || constant(truth)) return std::nullopt;
  double balance = 0.0;
  double truth_pairs = 0.0;
  double learned_pairs = 0.0;
  for (std::size_t i = 0; i < truth.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      const bool truth_tie = tied(truth[i], truth[j]);
      const bool learned_tie = tied(learned[i], learned[j]);
      if (!truth_tie) truth_pairs += 1.0;
      if (!learned_tie) learned_pairs += 1.0;
      if (!truth_tie && !learned_tie)
        balance += (truth[i] > truth[j]) == (learned[i] > learned[j]) ? 1.0 : -1.0;
    }
  if (learned_pairs == 0.0) return 0.0;
  return balance / std::sqrt(truth_pairs * learned_pairs);
}

std::optional<double> pearson(std::span<const double> x, std::span<const double> y) {
  if (x.size() < 2 || constant(x) || constant(y)) return std::nullopt;
  const auto n = static_cast<double>(x.size());
  const double mean_x = std::accumulate(x.begin(), x.end(), 0.0) / n;
  const double mean_y = std::accumulate(y.begin(), y.end(), 0.0) / n;
  double xx = 0.0;
  double yy = 0.0;
  double xy = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    yy += (y[i] - mean_y) * (y[i] - mean_y);
    xy += (x[i] - mean_x) * (y[i] - mean_y);
  }
  return xy / std::sqrt(xx * yy);
}

std::optional<double> spearman(std::span<const double> truth, std::span<const double> learned) {
  if (truth.size() < 2 || constant(truth)) return std::nullopt;
  if (constant(learned)) return 0.0;
  return pearson(mid_ranks(truth), mid_ranks(learned));
}

std::optional<double> top_one(std::span<const double> truth, std::span<const double> learned,
                              std::span<const std::uint8_t> decided) {
  const std::size_t k = truth.size();
  if (k < 2) return std::nullopt;
  const auto best =
      static_cast<std::size_t>(std::max_element(truth.begin(), truth.end()) - truth.begin());
  for (std::size_t j = 0; j < k; ++j)
    if (j != best && decided[best * k + j] == 0) return std::nullopt;
  const double most = *std::max_element(learned.begin(), learned.end());
  const auto ties =
      std::count_if(learned.begin(), learned.end(), [most](double x) { return tied(x, most); });
  return tied(learned[best], most) ? 1.0 / static_cast<double>(ties) : 0.0;
}

std::optional<double> share_entropy(std::span<const double> x, std::size_t n_all) {
  return entropy_of(x, n_all, [](double y) { return std::abs(y); });
}

std::optional<double> positive_entropy(std::span<const double> x, std::size_t n_all) {
  return entropy_of(x, n_all, [](double y) { return std::max(y, 0.0); });
}

namespace {

// A measure is a function of sums over states, so that resampled episodes only add their sums.
struct Definition {
  std::string name;
  std::string help;
  std::size_t first = 0;  // of its sums
  std::size_t count = 0;  // of them
  std::function<std::optional<double>(const double*)> value;
  std::int64_t states = 0;
};

std::optional<double> ratio(const double* s) {
  if (s[1] <= 0.0) return std::nullopt;
  return s[0] / s[1];
}

// Sums 1, x, y, xx, yy, xy: x is what is said, y the truth.
std::optional<double> correlation(const double* s) {
  if (s[0] < 2.0) return std::nullopt;
  const double xx = s[3] - s[1] * s[1] / s[0];
  const double yy = s[4] - s[2] * s[2] / s[0];
  if (xx <= 0.0 || yy <= 0.0) return std::nullopt;
  return (s[5] - s[1] * s[2] / s[0]) / std::sqrt(xx * yy);
}
// Slope of y on x.
std::optional<double> slope(const double* s) {
  if (s[0] < 2.0) return std::nullopt;
  const double xx = s[3] - s[1] * s[1] / s[0];
  if (xx <= 0.0) return std::nullopt;
  return (s[5] - s[1] * s[2] / s[0]) / xx;
}
// Share of the variance of y that x, taken as it is, explains.
std::optional<double> explained(const double* s) {
  if (s[0] < 2.0) return std::nullopt;
  const double yy = s[4] - s[2] * s[2] / s[0];
  if (yy <= 0.0) return std::nullopt;
  return 1.0 - (s[3] + s[4] - 2.0 * s[5]) / yy;
}
std::optional<double> bias(const double* s) {
  if (s[0] <= 0.0) return std::nullopt;
  return (s[1] - s[2]) / s[0];
}
std::optional<double> rmse(const double* s) {
  if (s[0] <= 0.0) return std::nullopt;
  return std::sqrt(std::max(0.0, (s[3] + s[4] - 2.0 * s[5]) / s[0]));
}
// Sums hits, chance, states.
std::optional<double> kappa(const double* s) {
  if (s[2] <= 0.0 || s[1] >= s[2]) return std::nullopt;
  return (s[0] - s[1]) / (s[2] - s[1]);
}

// Collects sums by episode and evaluates definitions on them.
class Table {
 public:
  explicit Table(std::vector<std::int64_t> episodes) : episodes_(std::move(episodes)) {}

  std::size_t define(std::string name, std::string help, std::size_t sums,
                     std::function<std::optional<double>(const double*)> value) {
    definitions_.push_back({std::move(name), std::move(help), width_, sums, std::move(value), 0});
    width_ += sums;
    return definitions_.size() - 1;
  }
  /// All that use the sums of `other`.
  std::size_t define_on(std::size_t other, std::string name, std::string help,
                        std::function<std::optional<double>(const double*)> value) {
    const Definition& base = definitions_[other];
    definitions_.push_back(
        {std::move(name), std::move(help), base.first, base.count, std::move(value), 0});
    shared_.emplace_back(definitions_.size() - 1, other);
    return definitions_.size() - 1;
  }
  void start() { sums_.assign(episodes_.size() * width_, 0.0); }

  void select(std::int64_t episode) {
    row_ = static_cast<std::size_t>(std::find(episodes_.begin(), episodes_.end(), episode) -
                                    episodes_.begin());
  }
  void add(std::size_t definition, std::initializer_list<double> values) {
    double* to = sums_.data() + row_ * width_ + definitions_[definition].first;
    for (const double value : values) *to++ += value;
  }
  void count_state(std::size_t definition) { ++definitions_[definition].states; }
  void add_mean(std::size_t definition, std::optional<double> value) {
    if (!value) return;
    add(definition, {*value, 1.0});
    count_state(definition);
  }
  void add_point(std::size_t definition, double x, double y) {
    add(definition, {1.0, x, y, x * x, y * y, x * y});
  }

  std::vector<CreditMeasure> evaluate(std::size_t begin, std::size_t end, std::uint64_t seed) {
    for (const auto& [mine, other] : shared_)
      definitions_[mine].states = definitions_[other].states;
    if (resamples_.empty()) resample(seed);
    std::vector<double> total(width_, 0.0);
    for (std::size_t e = 0; e < episodes_.size(); ++e) add_row(e, total);
    std::vector<CreditMeasure> measures;
    for (std::size_t d = begin; d < end; ++d) {
      const Definition& definition = definitions_[d];
      CreditMeasure m{.name = definition.name,
                      .help = definition.help,
                      .value = definition.value(total.data() + definition.first),
                      .low = {},
                      .high = {},
                      .states = definition.states};
      if (m.value && episodes_.size() >= kFewestEpisodes) {
        std::vector<double> values;
        for (int r = 0; r < kResamples; ++r)
          if (const auto x =
                  definition.value(resamples_.data() + sz(r) * width_ + definition.first))
            values.push_back(*x);
        std::sort(values.begin(), values.end());
        if (values.size() >= kResamples / 2) {
          const auto quantile = [&](double p) {
            const double place = p * static_cast<double>(values.size() - 1);
            const auto below = static_cast<std::size_t>(place);
            const std::size_t above = std::min(below + 1, values.size() - 1);
            return values[below] +
                   (place - static_cast<double>(below)) * (values[above] - values[below]);
          };
          m.low = quantile(0.025);
          m.high = quantile(0.975);
        }
      }
      measures.push_back(std::move(m));
    }
    return measures;
  }

  std::size_t size() const { return definitions_.size(); }

 private:
  void add_row(std::size_t episode, std::span<double> to) const {
    for (std::size_t i = 0; i < width_; ++i) to[i] += sums_[episode * width_ + i];
  }
  void resample(std::uint64_t seed) {
    resamples_.assign(sz(kResamples) * width_, 0.0);
    for (int r = 0; r < kResamples; ++r) {
      Stream stream(seed, purpose("credits_bootstrap"), 0, static_cast<std::uint64_t>(r));
      stream.seek(0);
      const std::span<double> row(resamples_.data() + sz(r) * width_, width_);
      for (std::size_t e = 0; e < episodes_.size(); ++e)
        add_row(stream.below(static_cast<std::uint32_t>(episodes_.size())), row);
    }
  }

  std::vector<std::int64_t> episodes_;
  std::vector<Definition> definitions_;
  std::vector<std::pair<std::size_t, std::size_t>> shared_;
  std::size_t width_ = 0;
  std::size_t row_ = 0;
  std::vector<double> sums_;       // [episodes, width]
  std::vector<double> resamples_;  // [kResamples, width]
};

// The rows of one kind of credit.
struct SignalRows {
  explicit SignalRows(Table& table)
      : begin(table.size()),
        agreement(table.define("agreement",
                               "pair agreement A: (agreeing - opposing) / decided pairs, mean over "
                               "decided states",
                               2, ratio)),
        without_inert(table.define("agreement_without_inert",
                                   "the same without agents that changed nothing", 2, ratio)),
        tau(table.define("tau_b", "Kendall's tau-b", 2, ratio)),
        rho(table.define("spearman", "Spearman's rank correlation", 2, ratio)),
        top(table.define("top1", "share of states whose best contributor is named", 3,
                         [](const double* s) {
                           return s[2] > 0.0 ? std::optional(s[0] / s[2]) : std::nullopt;
                         })),
        top_chance(table.define_on(top, "top1_chance", "the same by chance",
                                   [](const double* s) {
                                     return s[2] > 0.0 ? std::optional(s[1] / s[2]) : std::nullopt;
                                   })),
        top_kappa(table.define_on(top, "top1_kappa", "(top1 - chance) / (1 - chance)", kappa)),
        positives(table.define("recall_positive", "share of agents with phi > 0 given credit > 0",
                               2, ratio)),
        negatives(table.define("recall_negative", "share of agents with phi < 0 given credit < 0",
                               2, ratio)),
        raw(table.define("pearson", "correlation over all acting agents", 6, correlation)),
        within(table.define("pearson_within", "the same within states", 6, correlation)),
        within_slope(table.define_on(within, "slope_within",
                                     "slope of the truth on the credit within states", slope)),
        entropy(table.define("h", "H of |credit| over acting agents", 2, ratio)),
        entropy_gap(
            table.define("h_minus_truth", "H of |credit| - H of |phi|, same states", 2, ratio)),
        end(table.size()) {}

  void add(Table& table, const Contribution& truth, std::span<const double> target,
           std::span<const std::uint8_t> decided, std::span<const double> learned) const {
    const std::size_t k = learned.size();
    if (k == 0) return;
    const PairCount pairs = count_pairs(target, learned, decided);
    if (k >= 2 && pairs.decided() > 0) {
      table.add_mean(agreement, pairs.agreement());
      table.add_mean(tau, kendall_tau_b(target, learned));
      table.add_mean(rho, spearman(target, learned));
      std::vector<std::uint8_t> active(decided.begin(), decided.end());
      for (std::size_t i = 0; i < k; ++i)
        for (std::size_t j = 0; j < k; ++j)
          if (truth.inert[i] != 0 || truth.inert[j] != 0) active[i * k + j] = 0;
      table.add_mean(without_inert, count_pairs(target, learned, active).agreement());
    }
    if (const auto hit = top_one(target, learned, decided)) {
      table.add(top, {*hit, 1.0 / static_cast<double>(k), 1.0});
      table.count_state(top);
    }
    double mean_x = 0.0;
    double mean_y = 0.0;
    for (std::size_t i = 0; i < k; ++i) {
      mean_x += learned[i] / static_cast<double>(k);
      mean_y += target[i] / static_cast<double>(k);
    }
    bool signs = false;
    for (std::size_t i = 0; i < k; ++i) {
      table.add_point(raw, learned[i], target[i]);
      if (k >= 2) table.add_point(within, learned[i] - mean_x, target[i] - mean_y);
      if (!truth.is_nonzero(i)) continue;
      table.add(truth.phi[i] > 0.0 ? positives : negatives,
                {(truth.phi[i] > 0.0 ? learned[i] > 0.0 : learned[i] < 0.0) ? 1.0 : 0.0, 1.0});
      signs = true;
    }
    if (signs) {
      table.count_state(positives);
      table.count_state(negatives);
    }
    table.count_state(raw);
    if (k >= 2) table.count_state(within);
    const auto h = share_entropy(learned, k);
    table.add_mean(entropy, h);
    const auto truth_h = share_entropy(truth.phi, k);
    if (h && truth_h) table.add_mean(entropy_gap, *h - *truth_h);
  }

  std::size_t begin, agreement, without_inert, tau, rho, top, top_chance, top_kappa, positives,
      negatives, raw, within, within_slope, entropy, entropy_gap, end;
};

struct SignalKind {
  const char* name;
  std::vector<double> LearnedCredits::*values;
  bool against_difference;  // beside D, not phi
};

// Pairs of D, decided by both standard errors as if they were independent. They share their random
// numbers, which makes this cautious.
std::vector<std::uint8_t> decided_differences(const Contribution& truth) {
  const std::size_t k = truth.diff.size();
  std::vector<std::uint8_t> decided(k * k, 0);
  for (std::size_t i = 0; i < k; ++i)
    for (std::size_t j = 0; j < k; ++j) {
      const double error = std::hypot(truth.diff_se[i], truth.diff_se[j]);
      if (i != j && std::abs(truth.diff[i] - truth.diff[j]) > 3.0 * error + 1e-12)
        decided[i * k + j] = 1;
    }
  return decided;
}

}  // namespace

Fidelity measure_fidelity(std::span<const MeasuredState> states, double gamma, int episode_limit,
                          int n_agents, bool central, std::uint64_t seed) {
  std::vector<std::int64_t> episodes;
  for (const MeasuredState& s : states)
    if (std::find(episodes.begin(), episodes.end(), s.truth.episode) == episodes.end())
      episodes.push_back(s.truth.episode);
  Table table(episodes);

  const auto share = [&](const char* name, const char* help) {
    return table.define(name, help, 2, ratio);
  };
  const std::size_t ranked = share("share_ranked", "states with two or more acting agents");
  const std::size_t decided_share = share("share_decided", "states with a decided pair");
  const std::size_t pair_share = share("share_decided_pairs", "pairs of acting agents decided");
  const std::size_t capped = share("share_capped", "states that ran out of branches");
  const std::size_t inert = share("share_inert", "acting agents that changed nothing");
  const std::size_t harmful = share("share_negative", "acting agents with phi < 0 (3 errors)");
  const std::size_t ceiling =
      share("ceiling", "agreement of even and odd replicates: what a learner can reach");
  const std::size_t h_abs = share("h_phi", "H of |phi| over acting agents");
  const std::size_t h_low = share("h_phi_low", "the same, phi within 3 errors of 0 set to 0");
  const std::size_t h_pos = share("h_phi_positive", "H of positive parts of phi");
  const std::size_t h_all = share("h_phi_all", "H of |phi| over all agents");
  const std::size_t truth_end = table.size();

  const std::array<SignalKind, 4> kinds = {{{"psi", &LearnedCredits::psi, false},
                                            {"first", &LearnedCredits::first, false},
                                            {"g", &LearnedCredits::g, false},
                                            {"delta", &LearnedCredits::delta, true}}};
  struct Source {
    const char* name;
    LearnedCredits MeasuredState::*credits;
  };
  std::vector<Source> sources = {{"mixer", &MeasuredState::mixer}};
  if (central) sources.push_back({"central", &MeasuredState::central});
  std::vector<std::pair<std::size_t, std::size_t>> listed;  // source, kind
  std::vector<SignalRows> rows;
  for (std::size_t s = 0; s < sources.size(); ++s)
    for (std::size_t k = 0; k < kinds.size(); ++k) {
      const bool any = std::any_of(states.begin(), states.end(), [&](const MeasuredState& state) {
        return !((state.*(sources[s].credits)).*(kinds[k].values)).empty();
      });
      if (!any) continue;
      listed.emplace_back(s, k);
      rows.emplace_back(table);
    }

  const std::size_t calibration_begin = table.size();
  std::vector<std::array<std::size_t, 3>> fits;
  for (const Source& source : sources) {
    const std::string prefix = source.name == sources[0].name ? "" : "central_";
    const std::size_t level = table.define(prefix + "bias", "mean of Q_tot - v(N)", 6, bias);
    table.define_on(level, prefix + "rmse", "root mean square of Q_tot - v(N)", rmse);
    table.define_on(level, prefix + "r2", "share of the variance of v(N) explained", explained);
    table.define_on(level, prefix + "slope", "slope of v(N) on Q_tot", slope);
    const std::size_t gain =
        table.define(prefix + "gain_bias", "mean of [w(N) - w(0)] - [v(N) - v(0)]", 6, bias);
    table.define_on(gain, prefix + "gain_rmse", "root mean square of the same", rmse);
    table.define_on(gain, prefix + "gain_r2", "share of the variance of v(N) - v(0) explained",
                    explained);
    table.define_on(gain, prefix + "gain_slope", "slope of v(N) - v(0) on w(N) - w(0)", slope);
    const std::size_t fit = table.define(
        prefix + "coalition_r2",
        "share of the variance of v(S) - v(0) that w(S) - w(0) explains, all coalitions", 6,
        explained);
    fits.push_back({level, gain, fit});
  }
  const std::size_t calibration_end = table.size();

  table.start();
  Fidelity result;
  result.states = static_cast<std::int64_t>(states.size());
  for (const MeasuredState& state : states) {
    const Contribution& truth = state.truth;
    const std::size_t k = truth.phi.size();
    table.select(truth.episode);
    table.add_mean(ranked, k >= 2 ? 1.0 : 0.0);
    const std::vector<std::uint8_t> decided = decided_pairs(truth);
    const auto n_decided = std::count(decided.begin(), decided.end(), 1) / 2;
    table.add_mean(decided_share, n_decided > 0 ? 1.0 : 0.0);
    if (n_decided > 0) ++result.decided_states;
    if (k >= 2) {
      table.add(pair_share, {static_cast<double>(n_decided), static_cast<double>(k * (k - 1) / 2)});
      table.count_state(pair_share);
    }
    table.add_mean(capped, truth.capped ? 1.0 : 0.0);
    for (std::size_t i = 0; i < k; ++i) {
      table.add(inert, {truth.inert[i] != 0 ? 1.0 : 0.0, 1.0});
      table.add(harmful, {truth.is_nonzero(i) && truth.phi[i] < 0.0 ? 1.0 : 0.0, 1.0});
    }
    if (k > 0) {
      table.count_state(inert);
      table.count_state(harmful);
    }
    if (n_decided > 0 && !truth.phi_even.empty())
      table.add_mean(ceiling, count_pairs(truth.phi_even, truth.phi_odd, decided).agreement());
    bool any = false;
    std::vector<double> sure(k, 0.0);
    for (std::size_t i = 0; i < k; ++i)
      if (truth.is_nonzero(i)) {
        sure[i] = truth.phi[i];
        any = true;
      }
    if (any) {
      table.add_mean(h_abs, share_entropy(truth.phi, k));
      table.add_mean(h_low, share_entropy(sure, k));
      table.add_mean(h_pos, positive_entropy(truth.phi, k));
      table.add_mean(h_all, share_entropy(truth.phi, sz(n_agents)));
    }
    const std::vector<std::uint8_t> decided_diff = decided_differences(truth);
    for (std::size_t r = 0; r < rows.size(); ++r) {
      const auto& [s, kind] = listed[r];
      const bool diff = kinds[kind].against_difference;
      rows[r].add(table, truth, diff ? truth.diff : truth.phi, diff ? decided_diff : decided,
                  (state.*(sources[s].credits)).*(kinds[kind].values));
    }
    const bool comparable = truth.ends || std::pow(gamma, episode_limit - truth.t) < kForgotten;
    for (std::size_t s = 0; s < sources.size(); ++s) {
      const LearnedCredits& credits = state.*(sources[s].credits);
      if (!credits.w_all) continue;
      if (comparable) {
        table.add_point(fits[s][0], *credits.w_all, truth.v_all);
        table.add_point(fits[s][1], *credits.w_all - *credits.w_none, truth.v_all - truth.v_none);
        table.count_state(fits[s][0]);
        table.count_state(fits[s][1]);
      }
      if (credits.w.size() != truth.v.size() || truth.v.empty()) continue;
      for (std::size_t c = 1; c < truth.v.size(); ++c)
        table.add_point(fits[s][2], credits.w[c] - credits.w[0], truth.v[c] - truth.v[0]);
      table.count_state(fits[s][2]);
    }
  }

  result.truth = table.evaluate(0, truth_end, seed);
  for (std::size_t r = 0; r < rows.size(); ++r)
    result.learned.push_back({.learner = sources[listed[r].first].name,
                              .signal = kinds[listed[r].second].name,
                              .measures = table.evaluate(rows[r].begin, rows[r].end, seed)});
  for (CreditMeasure& m : table.evaluate(calibration_begin, calibration_end, seed))
    if (m.value) result.calibration.push_back(std::move(m));
  return result;
}

}  // namespace credo::suite
