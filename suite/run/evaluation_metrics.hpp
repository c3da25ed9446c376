// The numbers of an evaluation, each declared once. metrics.jsonl, the CSV files, tables, the data
// of the report page and docs/file-formats.md go by this table: a new number is one line of it.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "learners/rollout/evaluation.hpp"

namespace credo::suite {

/// How the report page shows a number's values.
enum class MetricRange {
  kAny,
  kShare,   ///< in [0, 1], which the axis of its figure shows whole
  kNearOne  ///< in [0, 1], often next to 1: the page gets 1 - value, whose digits tell
};

struct EvaluationMetric {
  std::string_view column;    ///< in results.csv and curves.csv
  std::string_view event;     ///< in metrics.jsonl, PyMARL's name where it has one
  std::string_view absolute;  ///< column of results.csv for the best weights, "" = none
  std::string_view page;      ///< key in the data of the report page
  std::string_view title;     ///< of its column there
  std::string_view figure;    ///< heading of its figure there, "" = none
  int digits;                 ///< decimals in tables
  MetricRange range;
  std::optional<double> (*measure)(const Evaluation&);
  std::string_view note;  ///< as docs/file-formats.md has it
};

inline constexpr auto kEvaluationMetrics = std::to_array<EvaluationMetric>({
    {"return_mean", "test_return_mean", "absolute_return", "ret", "return", "Return", 2,
     MetricRange::kAny, [](const Evaluation& e) { return std::optional(e.return_mean()); },
     "mean return"},
    {"return_std", "test_return_std", "", "std", "± std", "", 2, MetricRange::kAny,
     [](const Evaluation& e) { return std::optional(e.return_std()); },
     "population standard deviation of the returns"},
    {"length_mean", "test_ep_length_mean", "", "len", "length", "", 1, MetricRange::kAny,
     [](const Evaluation& e) { return std::optional(e.length_mean()); }, "mean episode length"},
    {"win_rate", "test_battle_won_mean", "absolute_win_rate", "win", "win rate", "Win rate", 3,
     MetricRange::kShare, [](const Evaluation& e) { return e.win_rate(); },
     "share won, where the environment has wins"},
    {"entropy_mean", "entropy_mean", "", "dev", "H", "Entropy of the credits", 4,
     MetricRange::kNearOne, [](const Evaluation& e) { return e.entropy_mean; },
     "mean normalised entropy H of the credits, where the algorithm has a mixer"},
});

using EvaluationValues = std::array<std::optional<double>, kEvaluationMetrics.size()>;

/// Place of a metric in that table by its column; a wrong name does not compile.
consteval std::size_t evaluation_metric(std::string_view column) {
  for (std::size_t i = 0; i < kEvaluationMetrics.size(); ++i)
    if (kEvaluationMetrics[i].column == column) return i;
  throw "no such metric";
}
inline constexpr std::size_t kReturnMetric = evaluation_metric("return_mean");
inline constexpr std::size_t kWinMetric = evaluation_metric("win_rate");
inline constexpr std::size_t kEntropyMetric = evaluation_metric("entropy_mean");

}  // namespace credo::suite
