#include "suite/results/row_statistics.hpp"

namespace credo::suite {
namespace {

std::vector<double> values_of(const std::vector<const RunResult*>& runs,
                              std::optional<EvaluationPoint> RunResult::*point,
                              std::size_t metric) {
  std::vector<double> values;
  for (const RunResult* run : runs)
    if (const auto& one = run->*point; one && one->values[metric])
      values.push_back(*one->values[metric]);
  return values;
}

}  // namespace

std::string_view measure_name(Measure measure) {
  return measure == Measure::kWinRate ? "win_rate" : "return";
}

std::vector<double> RowRuns::finals(std::size_t metric) const {
  return values_of(runs, &RunResult::final, metric);
}

std::vector<double> RowRuns::absolutes(std::size_t metric) const {
  return values_of(runs, &RunResult::absolute, metric);
}

std::vector<double> RowRuns::training(std::size_t metric) const {
  std::vector<double> values;
  for (const RunResult* run : runs)
    if (const auto value = run->final ? training_mean(*run, metric) : std::nullopt)
      values.push_back(*value);
  return values;
}

std::vector<double> RowRuns::credits(std::optional<double> (*of)(const CreditsRecord&)) const {
  std::vector<double> values;
  for (const RunResult* run : runs)
    if (const CreditsRecord* record = final_credits(*run))
      if (const auto value = of(*record)) values.push_back(*value);
  return values;
}

std::optional<Estimate> interval_if_any(const std::vector<double>& values) {
  if (values.empty()) return std::nullopt;
  return estimate_mean_difference({values});
}

std::optional<Estimate> mean_if_any(const std::vector<double>& values) {
  if (values.empty()) return std::nullopt;
  return Estimate{mean(values), std::nullopt};
}

std::optional<Estimate> iqm_if_any(const std::vector<double>& values) {
  if (values.empty()) return std::nullopt;
  return estimate_iqm({values});
}

}  // namespace credo::suite
