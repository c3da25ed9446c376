// The numbers of training updates that results keep, each declared once. training.csv and
// docs/file-formats.md go by this table: a new number is one line of it.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace credo::suite {

struct TrainingMetric {
  std::string_view column;  ///< in training.csv
  std::string_view event;   ///< in the event `train` of metrics.jsonl
  std::string_view note;    ///< as docs/file-formats.md has it
};

inline constexpr auto kTrainingMetrics = std::to_array<TrainingMetric>({
    {"batch_entropy", "entropy_mean", "H of the credits dQ_tot/dQ_i on the minibatch"},
    {"contribution_entropy", "contribution_entropy",
     "H of the contributions g_i (q_i(a_i) - mean of q_i), in units of return"},
    {"credit_share_max", "credit_share_max", "largest share of the credits that an agent has"},
    {"entropy_grad_ratio", "entropy_grad_ratio",
     "norm of lambda times the gradient of H over that of the TD loss"},
    {"gre_lambda", "gre_lambda", "weight of the gradient entropy"},
});

using TrainingValues = std::array<std::optional<double>, kTrainingMetrics.size()>;

/// Place of a metric in that table by its column; a wrong name does not compile.
consteval std::size_t training_metric(std::string_view column) {
  for (std::size_t i = 0; i < kTrainingMetrics.size(); ++i)
    if (kTrainingMetrics[i].column == column) return i;
  throw "no such metric";
}

}  // namespace credo::suite
