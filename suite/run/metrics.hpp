// Lines of metrics.jsonl and eval_episodes.csv. Fixed order of fields, shortest floats that read
// back as the same value, no clocks: equal runs give equal bytes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "learners/base/metrics.hpp"
#include "learners/rollout/evaluation.hpp"

namespace credo::suite {

/// Events of metrics.jsonl. All but the first are evaluations, whose episodes eval_episodes.csv has.
inline constexpr std::string_view kTrainEvent = "train";
inline constexpr std::string_view kEvalEvent = "eval";
inline constexpr std::string_view kFinalEvent = "final";
inline constexpr std::string_view kAbsoluteEvent = "absolute";
inline constexpr std::array kEvents = {kTrainEvent, kEvalEvent, kFinalEvent, kAbsoluteEvent};
/// A metric of the absolute event: the step of the weights that were played.
inline constexpr std::string_view kBestStep = "best_t_env";

/// {"t_env":..,"event":"..","episode":..,"update":..,"metrics":{..}} and a line end. Values that
/// are not finite become null, for JSON has no NaN.
std::string metrics_line(std::int64_t t_env, std::string_view event, std::int64_t episodes,
                         std::int64_t updates, const Metrics& metrics);

/// The metrics of evaluation_metrics.hpp that the evaluation has, then credit_<agent>.
Metrics evaluation_metrics(const Evaluation& evaluation);

/// The header of eval_episodes.csv, with its line end.
inline constexpr std::string_view kEpisodesHeader = "t_env,episode,seed,return,length,won,event\n";

/// One line per episode (won: 1, 0 or empty); `event` as in metrics.jsonl tells the final policy's
/// episodes from those of the best one, which have the same t_env.
std::string episode_lines(std::int64_t t_env, std::string_view event, std::uint64_t seed,
                          const Evaluation& evaluation);

/// An event read back.
struct MetricsEvent {
  std::int64_t t_env = 0;
  std::string event;
  std::int64_t episodes = 0;
  std::int64_t updates = 0;
  Metrics metrics;
  std::optional<double> find(std::string_view name) const;
};

/// All whole lines; a last line without its end (a killed writer) is left out.
/// Errors: UserError "label:line: ..." for anything else that is not an event.
std::vector<MetricsEvent> parse_metrics(std::string_view text, const std::string& label);

}  // namespace credo::suite
