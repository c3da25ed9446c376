#include "suite/results/bootstrap.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "envs/core/error.hpp"
#include "envs/core/random.hpp"

namespace credo::suite {
namespace {

constexpr std::size_t kMostExact = 20;  // differences of an exact sign-flip test
constexpr int kFlips = 50000;           // random ones above that

void check_table(const ScoreTable& scores) {
  CREDO_CHECK(!scores.empty(), "a bootstrap needs at least one task");
  for (const auto& task : scores) mean(task);
}

void check_options(const BootstrapOptions& options) {
  CREDO_CHECK(options.repetitions > 0, "a bootstrap needs repetitions");
  CREDO_CHECK(options.confidence > 0.0 && options.confidence < 1.0, "a confidence lies in (0, 1)");
}

// percentile() of values that may be reordered: two selections instead of a sort.
double take_percentile(std::vector<double>& values, double percent) {
  const double at = percent / 100.0 * static_cast<double>(values.size() - 1);
  const auto index = static_cast<std::size_t>(std::floor(at));
  const auto nth = values.begin() + static_cast<std::ptrdiff_t>(index);
  std::nth_element(values.begin(), nth, values.end());
  if (index + 1 >= values.size()) return *nth;
  const double above = *std::min_element(nth + 1, values.end());
  return *nth + (at - std::floor(at)) * (above - *nth);
}

std::optional<Interval> take_interval(std::vector<double>& values, double confidence) {
  if (values.empty()) return std::nullopt;
  const double tail = 50.0 * (1.0 - confidence);
  const double low = take_percentile(values, tail);
  return Interval{low, take_percentile(values, 100.0 - tail)};
}

// Resamples to draw: none where a task has too few runs to be drawn from.
std::size_t n_resamples(const ScoreTable& scores, const BootstrapOptions& options) {
  check_options(options);
  return has_interval(scores) ? static_cast<std::size_t>(options.repetitions) : 0;
}

// The scores of all tasks in one row, with their order. A resample is a count for each of them.
class Pool {
 public:
  explicit Pool(const ScoreTable& scores) {
    const auto weights = task_weights(scores);
    for (std::size_t task = 0; task < scores.size(); ++task) {
      begins_.push_back(values_.size());
      values_.insert(values_.end(), scores[task].begin(), scores[task].end());
      weights_.resize(values_.size(), weights[task]);
      is_even_ = is_even_ && weights[task] == 1;
    }
    begins_.push_back(values_.size());
    total_ = std::accumulate(weights_.begin(), weights_.end(), std::int64_t{0});
    order_.resize(values_.size());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::stable_sort(order_.begin(), order_.end(), [this](std::size_t a, std::size_t b) {
      return std::pair(values_[a], weights_[a]) < std::pair(values_[b], weights_[b]);
    });
  }

  std::size_t size() const { return values_.size(); }
  std::size_t n_tasks() const { return begins_.size() - 1; }
  std::size_t begin_of(std::size_t task) const { return begins_[task]; }
  std::size_t n_runs(std::size_t task) const { return begins_[task + 1] - begins_[task]; }
  double value(std::size_t at) const { return values_[at]; }
  /// What a run counts (task_weights), and what all do.
  double weight(std::size_t at) const { return static_cast<double>(weights_[at]); }
  double total_weight() const { return static_cast<double>(total_); }

  /// Task by task, run by run.
  void draw(Stream& stream, std::vector<std::size_t>& drawn) const {
    drawn.resize(values_.size());
    std::size_t at = 0;
    for (std::size_t task = 0; task < n_tasks(); ++task) {
      const auto n = static_cast<std::uint32_t>(n_runs(task));
      for (; at < begins_[task + 1]; ++at) drawn[at] = begins_[task] + stream.below(n);
    }
  }

  /// Interquartile mean of a resample with so many of each score, summed in ascending order as
  /// interquartile_mean does.
  double iqm(const std::vector<int>& counts) const {
    const std::int64_t cut = is_even_ ? total_ / 4 * 4 : total_;
    const std::int64_t end = 4 * total_ - cut;
    std::int64_t seen = 0;
    double sum = 0.0;
    for (const std::size_t at : order_) {
      const std::int64_t whole = 4 * weights_[at];
      for (int k = 0; k < counts[at]; ++k, seen += whole) {
        const std::int64_t part = std::min(seen + whole, end) - std::max(seen, cut);
        if (part > 0) sum += static_cast<double>(part) / 4.0 * values_[at];
      }
      if (seen >= end) break;
    }
    return sum / (static_cast<double>(end - cut) / 4.0);
  }

 private:
  std::vector<double> values_;
  std::vector<std::int64_t> weights_;
  std::int64_t total_ = 0;
  bool is_even_ = true;  ///< every run counts the same
  std::vector<std::size_t> begins_;
  std::vector<std::size_t> order_;
};

Stream stream_of(const BootstrapOptions& options, std::size_t repetition, std::uint64_t index = 0) {
  return {options.seed, purpose("bootstrap"), index, repetition};
}

double drawn_mean(const Pool& pool, const std::vector<std::size_t>& drawn, std::size_t task) {
  double sum = 0.0;
  const std::size_t begin = pool.begin_of(task);
  for (std::size_t i = 0; i < pool.n_runs(task); ++i) sum += pool.value(drawn[begin + i]);
  return sum / static_cast<double>(pool.n_runs(task));
}

}  // namespace

class ScoreDraw {
 public:
  /// The scores as they are.
  explicit ScoreDraw(const Pool& pool) : pool_(pool), drawn_(pool.size()) {
    std::iota(drawn_.begin(), drawn_.end(), std::size_t{0});
    count();
  }
  void again(Stream& stream) {
    pool_.draw(stream, drawn_);
    count();
  }
  double iqm() const { return pool_.iqm(counts_); }
  const std::vector<double>& task_means() const { return task_means_; }
  /// Mean of min(score, most), every task with the same weight.
  double capped_mean(double most) const {
    double sum = 0.0;
    for (const std::size_t at : drawn_) sum += pool_.weight(at) * std::min(pool_.value(at), most);
    return sum / pool_.total_weight();
  }

 private:
  void count() {
    counts_.assign(drawn_.size(), 0);
    for (const std::size_t at : drawn_) ++counts_[at];
    task_means_.resize(pool_.n_tasks());
    for (std::size_t task = 0; task < task_means_.size(); ++task)
      task_means_[task] = drawn_mean(pool_, drawn_, task);
  }

  const Pool& pool_;
  std::vector<std::size_t> drawn_;
  std::vector<int> counts_;
  std::vector<double> task_means_;
};

double iqm_of(const ScoreDraw& draw) { return draw.iqm(); }

double median_of_task_means_of(const ScoreDraw& draw) {
  std::vector<double> means = draw.task_means();
  return take_percentile(means, 50.0);
}

double mean_of_task_means_of(const ScoreDraw& draw) {
  double sum = 0.0;
  for (const double value : draw.task_means()) sum += value;
  return sum / static_cast<double>(draw.task_means().size());
}

double optimality_gap_of(const ScoreDraw& draw) { return 1.0 - draw.capped_mean(1.0); }

AggregateScores aggregate_scores(const ScoreTable& scores, const BootstrapOptions& options) {
  check_table(scores);
  const Pool pool(scores);
  ScoreDraw draw(pool);
  AggregateScores out;
  for (std::size_t i = 0; i < out.size(); ++i) out[i].value = kAggregateStatistics[i].of(draw);
  std::array<std::vector<double>, kAggregateStatistics.size()> values;
  for (auto& of_one : values) of_one.resize(n_resamples(scores, options));
  for (std::size_t repetition = 0; repetition < values.front().size(); ++repetition) {
    Stream stream = stream_of(options, repetition);
    draw.again(stream);
    for (std::size_t i = 0; i < out.size(); ++i)
      values[i][repetition] = kAggregateStatistics[i].of(draw);
  }
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i].interval = take_interval(values[i], options.confidence);
  return out;
}

Estimate estimate_iqm(const ScoreTable& scores, const BootstrapOptions& options) {
  return efficiency_curve({scores}, options).front();
}

Estimate estimate_improvement(const ScoreTable& x, const ScoreTable& y,
                              const BootstrapOptions& options) {
  const double value = probability_of_improvement(x, y);
  check_table(x);
  const Pool pool_x(x);
  const Pool pool_y(y);
  std::vector<double> values(has_interval(y) ? n_resamples(x, options) : 0);
  std::vector<std::size_t> drawn_x;
  std::vector<std::size_t> drawn_y;
  for (std::size_t repetition = 0; repetition < values.size(); ++repetition) {
    Stream stream_x = stream_of(options, repetition, 0);
    Stream stream_y = stream_of(options, repetition, 1);
    pool_x.draw(stream_x, drawn_x);
    pool_y.draw(stream_y, drawn_y);
    double sum = 0.0;
    for (std::size_t task = 0; task < x.size(); ++task) {
      double wins = 0.0;
      for (std::size_t i = 0; i < x[task].size(); ++i) {
        const double a = pool_x.value(drawn_x[pool_x.begin_of(task) + i]);
        for (std::size_t k = 0; k < y[task].size(); ++k) {
          const double b = pool_y.value(drawn_y[pool_y.begin_of(task) + k]);
          wins += a > b ? 1.0 : a == b ? 0.5 : 0.0;
        }
      }
      sum += wins / static_cast<double>(x[task].size() * y[task].size());
    }
    values[repetition] = sum / static_cast<double>(x.size());
  }
  return {value, take_interval(values, options.confidence)};
}

std::vector<Estimate> performance_profile(const ScoreTable& scores, std::span<const double> taus,
                                          const BootstrapOptions& options) {
  check_table(scores);
  const Pool pool(scores);
  const auto share = [&](const auto& is_above) {
    double above = 0.0;
    for (std::size_t at = 0; at < pool.size(); ++at)
      if (is_above(at)) above += pool.weight(at);
    return above / pool.total_weight();
  };
  const std::size_t n = n_resamples(scores, options);
  std::vector<std::vector<double>> values(taus.size(), std::vector<double>(n));
  std::vector<std::size_t> drawn;
  for (std::size_t repetition = 0; repetition < n; ++repetition) {
    Stream stream = stream_of(options, repetition);
    pool.draw(stream, drawn);
    for (std::size_t t = 0; t < taus.size(); ++t)
      values[t][repetition] =
          share([&](std::size_t at) { return pool.value(drawn[at]) > taus[t]; });
  }
  std::vector<Estimate> profile;
  for (std::size_t t = 0; t < taus.size(); ++t)
    profile.push_back({share([&](std::size_t at) { return pool.value(at) > taus[t]; }),
                       take_interval(values[t], options.confidence)});
  return profile;
}

std::vector<Estimate> efficiency_curve(const std::vector<ScoreTable>& scores,
                                       const BootstrapOptions& options) {
  CREDO_CHECK(!scores.empty(), "a curve needs at least one moment");
  std::vector<Pool> pools;
  for (const ScoreTable& moment : scores) {
    check_table(moment);
    pools.emplace_back(moment);
    bool is_same = moment.size() == scores.front().size();
    for (std::size_t task = 0; is_same && task < moment.size(); ++task)
      is_same = moment[task].size() == scores.front()[task].size();
    CREDO_CHECK(is_same, "every moment of a curve needs the same runs");
  }
  const std::size_t n = n_resamples(scores.front(), options);
  std::vector<std::vector<double>> values(pools.size(), std::vector<double>(n));
  std::vector<std::size_t> drawn;
  std::vector<int> counts;
  for (std::size_t repetition = 0; repetition < n; ++repetition) {
    Stream stream = stream_of(options, repetition);
    pools.front().draw(stream, drawn);
    counts.assign(drawn.size(), 0);
    for (const std::size_t at : drawn) ++counts[at];
    for (std::size_t m = 0; m < pools.size(); ++m) values[m][repetition] = pools[m].iqm(counts);
  }
  std::vector<Estimate> curve;
  for (std::size_t m = 0; m < pools.size(); ++m)
    curve.push_back({interquartile_mean(scores[m]), take_interval(values[m], options.confidence)});
  return curve;
}

double sign_flip_p_value(std::span<const double> differences, std::uint64_t seed) {
  mean(differences);
  const std::size_t n = differences.size();
  const auto sum_with = [&](const auto& is_negative) {
    double sum = 0.0;
    for (std::size_t i = 0; i < n; ++i) sum += is_negative(i) ? -differences[i] : differences[i];
    return std::fabs(sum);
  };
  double size = 0.0;
  for (const double difference : differences) size += std::fabs(difference);
  // Sums that are equal in exact arithmetic count as equal.
  const double observed = sum_with([](std::size_t) { return false; }) - 1e-12 * size;
  if (n <= kMostExact) {
    const std::uint32_t patterns = 1U << n;
    std::uint32_t extreme = 0;
    for (std::uint32_t pattern = 0; pattern < patterns; ++pattern)
      if (sum_with([&](std::size_t i) { return (pattern >> i & 1U) != 0; }) >= observed) ++extreme;
    return static_cast<double>(extreme) / static_cast<double>(patterns);
  }
  int extreme = 0;
  for (int flip = 0; flip < kFlips; ++flip) {
    Stream stream(seed, purpose("sign_flip"), 0, static_cast<std::uint64_t>(flip));
    if (sum_with([&](std::size_t) { return (stream.bits32() & 1U) != 0; }) >= observed) ++extreme;
  }
  return static_cast<double>(extreme + 1) / static_cast<double>(kFlips + 1);
}

double sign_flip_p_value(const ScoreTable& differences, std::uint64_t seed) {
  const auto weights = task_weights(differences);
  std::vector<double> weighted;
  for (std::size_t task = 0; task < differences.size(); ++task)
    for (const double difference : differences[task])
      weighted.push_back(static_cast<double>(weights[task]) * difference);
  return sign_flip_p_value(weighted, seed);
}

double smallest_sign_flip_p(std::size_t n_pairs) {
  if (n_pairs == 0) return 1.0;
  if (n_pairs > kMostExact) return 1.0 / (kFlips + 1);
  return std::ldexp(1.0, 1 - static_cast<int>(n_pairs));
}

Estimate estimate_mean_difference(const ScoreTable& differences, const BootstrapOptions& options) {
  check_table(differences);
  const Pool pool(differences);
  std::vector<double> values(n_resamples(differences, options));
  std::vector<std::size_t> drawn;
  for (std::size_t repetition = 0; repetition < values.size(); ++repetition) {
    Stream stream = stream_of(options, repetition);
    pool.draw(stream, drawn);
    double sum = 0.0;
    for (std::size_t task = 0; task < pool.n_tasks(); ++task) sum += drawn_mean(pool, drawn, task);
    values[repetition] = sum / static_cast<double>(pool.n_tasks());
  }
  return {mean_of_task_means(differences), take_interval(values, options.confidence)};
}

}  // namespace credo::suite
