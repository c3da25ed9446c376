#include "suite/results/training_results.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "suite/common/csv.hpp"
#include "suite/common/text.hpp"

namespace credo::suite {
namespace {

constexpr std::size_t kBatchEntropy = training_metric("batch_entropy");

// Sums over the updates since an evaluation.
struct Sums {
  std::int64_t updates = 0;
  std::array<double, kTrainingMetrics.size()> sum{};
  std::array<std::int64_t, kTrainingMetrics.size()> n{};

  void add(const MetricsEvent& event) {
    if (!event.find(kTrainingMetrics[kBatchEntropy].event)) return;
    ++updates;
    for (std::size_t i = 0; i < kTrainingMetrics.size(); ++i)
      if (const auto value = event.find(kTrainingMetrics[i].event);
          value && std::isfinite(*value)) {
        sum[i] += *value;
        ++n[i];
      }
  }

  TrainingPoint point(std::int64_t t_env) const {
    TrainingPoint point{.t_env = t_env, .updates = updates, .values = {}};
    for (std::size_t i = 0; i < kTrainingMetrics.size(); ++i)
      if (n[i] > 0) point.values[i] = rounded(sum[i] / static_cast<double>(n[i]), kTrainingDigits);
    return point;
  }
};

}  // namespace

std::vector<TrainingPoint> training_points(const std::vector<MetricsEvent>& events) {
  std::vector<TrainingPoint> points;
  Sums since;
  std::int64_t last = 0;
  const auto close = [&](std::int64_t t_env) {
    if (since.updates > 0) points.push_back(since.point(t_env));
    since = {};
  };
  for (const MetricsEvent& event : events) {
    if (event.event == kTrainEvent) {
      since.add(event);
      last = event.t_env;
    } else if (event.event != kAbsoluteEvent) {
      close(event.t_env);
    }
  }
  close(last);  // of a run that was stopped after its last evaluation
  return points;
}

std::optional<double> training_mean(const RunResult& run, std::size_t metric) {
  double sum = 0.0;
  std::int64_t n = 0;
  for (const TrainingPoint& point : run.training)
    if (const auto& value = point.values[metric]) {
      sum += *value * static_cast<double>(point.updates);
      n += point.updates;
    }
  return n == 0 ? std::nullopt : std::optional(sum / static_cast<double>(n));
}

bool has_training(const ResultSet& set) {
  return std::any_of(set.runs.begin(), set.runs.end(),
                     [](const RunResult& run) { return !run.training.empty(); });
}

std::vector<std::string> training_columns() {
  std::vector<std::string> columns = {"task", "algorithm", "seed", "t_env", "updates"};
  for (const TrainingMetric& metric : kTrainingMetrics) columns.emplace_back(metric.column);
  return columns;
}

std::string training_csv(const ResultSet& set) {
  std::string text = csv_line(training_columns());
  for (const RunResult& run : set.runs)
    for (const TrainingPoint& point : run.training) {
      std::vector<std::string> fields = {
          run.names.task, run.names.algorithm, fmt::format("{}", run.seed),
          fmt::format("{}", point.t_env), fmt::format("{}", point.updates)};
      for (const auto& value : point.values) fields.push_back(csv_number(value));
      text += csv_line(fields);
    }
  return text;
}

TrainingByRun parse_training_csv(std::string_view text, const std::string& label) {
  const CsvTable table(text, label);
  table.need(training_columns());
  TrainingByRun runs;
  for (std::size_t row = 0; row < table.n_rows(); ++row) {
    TrainingPoint point{.t_env = table.integer(row, "t_env"),
                        .updates = table.integer(row, "updates"),
                        .values = {}};
    for (std::size_t i = 0; i < kTrainingMetrics.size(); ++i)
      point.values[i] = table.number(row, kTrainingMetrics[i].column);
    runs[{table.text(row, "task"), table.text(row, "algorithm"), table.integer(row, "seed")}]
        .push_back(std::move(point));
  }
  return runs;
}

}  // namespace credo::suite
