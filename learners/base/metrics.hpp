// Named numbers of a training run, in the order in which they are logged, and their declarations:
// a number is declared once, beside what computes it, and read by logs, tables and documentation.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "envs/core/bytes.hpp"

namespace credo {

using Metrics = std::vector<std::pair<std::string, double>>;

/// What a logged number is.
struct MetricInfo {
  const char* name;  ///< in metrics.jsonl; "credit_<agent>" stands for one number per agent
  int digits;        ///< decimals where it is shown
  const char* note;  ///< what it measures, one line
};

/// A number that every update measures.
template <class Stats>
struct UpdateMetric {
  MetricInfo info;
  double Stats::*value;
  int group = 0;  ///< logged group by group; a learner may leave a group out
};

/// Means of such numbers over the updates since the last record; part of the saved state, so that a
/// resumed run logs the same.
template <class Stats>
class UpdateMeans {
 public:
  explicit UpdateMeans(const std::vector<UpdateMetric<Stats>>& table)
      : table_(&table), sums_(table.size()) {}

  void add(const Stats& stats) {
    ++updates_;
    for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] += stats.*(*table_)[i].value;
  }
  std::int64_t updates() const { return updates_; }

  /// Appends the means of a group; nothing without an update.
  void append(int group, Metrics& metrics) const {
    if (updates_ == 0) return;
    for (std::size_t i = 0; i < sums_.size(); ++i)
      if ((*table_)[i].group == group)
        metrics.emplace_back((*table_)[i].info.name, sums_[i] / static_cast<double>(updates_));
  }
  void clear() {
    updates_ = 0;
    sums_.assign(sums_.size(), 0.0);
  }

  void save(ByteWriter& out) const {
    out.put(updates_);
    for (const double sum : sums_) out.put(sum);
  }
  void load(ByteReader& in) {
    updates_ = in.get<std::int64_t>();
    for (double& sum : sums_) sum = in.get<double>();
  }

 private:
  const std::vector<UpdateMetric<Stats>>* table_;
  std::int64_t updates_ = 0;
  std::vector<double> sums_;
};

}  // namespace credo
