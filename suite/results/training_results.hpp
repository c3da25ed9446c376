// What the minibatches of a run showed of its credits during training, and training.csv, which
// keeps it without the run folders. Greedy evaluations (curves.csv) show other states: their H and
// that of the minibatches are different numbers.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "suite/results/result_set.hpp"

namespace credo::suite {

/// Means over the logged updates since the evaluation before, to kTrainingDigits significant
/// digits; without updates that have a mixer, nothing. `events` are all of a run, in order.
std::vector<TrainingPoint> training_points(const std::vector<MetricsEvent>& events);
inline constexpr int kTrainingDigits = 6;

/// The mean of a metric (its place in kTrainingMetrics) over a run's logged updates.
std::optional<double> training_mean(const RunResult& run, std::size_t metric);

bool has_training(const ResultSet& set);
std::vector<std::string> training_columns();
/// One line per TrainingPoint of every run.
std::string training_csv(const ResultSet& set);
/// By task, algorithm and seed. Errors: UserError naming the line.
using TrainingByRun =
    std::map<std::tuple<std::string, std::string, std::int64_t>, std::vector<TrainingPoint>>;
TrainingByRun parse_training_csv(std::string_view text, const std::string& label);

}  // namespace credo::suite
