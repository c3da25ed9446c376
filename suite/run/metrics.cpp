#include "suite/run/metrics.hpp"

#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "envs/core/error.hpp"
#include "suite/run/evaluation_metrics.hpp"

namespace credo::suite {
namespace {

constexpr std::size_t kLongestLine = std::size_t{1} << 20;

std::string number(double value) {
  return std::isfinite(value) ? fmt::format("{}", value) : "null";
}

}  // namespace

std::string metrics_line(std::int64_t t_env, std::string_view event, std::int64_t episodes,
                         std::int64_t updates, const Metrics& metrics) {
  std::string line =
      fmt::format(R"({{"t_env":{},"event":"{}","episode":{},"update":{},"metrics":{{)", t_env,
                  event, episodes, updates);
  bool first = true;
  for (const auto& [name, value] : metrics) {
    line += fmt::format(R"({}"{}":{})", first ? "" : ",", name, number(value));
    first = false;
  }
  return line + "}}\n";
}

Metrics evaluation_metrics(const Evaluation& evaluation) {
  Metrics metrics;
  for (const EvaluationMetric& metric : kEvaluationMetrics)
    if (const auto value = metric.measure(evaluation)) metrics.emplace_back(metric.event, *value);
  for (std::size_t agent = 0; agent < evaluation.credit_mean.size(); ++agent)
    metrics.emplace_back(fmt::format("credit_{}", agent), evaluation.credit_mean[agent]);
  return metrics;
}

std::string episode_lines(std::int64_t t_env, std::string_view event, std::uint64_t seed,
                          const Evaluation& evaluation) {
  std::string lines;
  for (const EpisodeResult& episode : evaluation.episodes)
    lines += fmt::format("{},{},{},{},{},{},{}\n", t_env, episode.index, seed,
                         episode.episode_return, episode.length,
                         !episode.won   ? ""
                         : *episode.won ? "1"
                                        : "0",
                         event);
  return lines;
}

std::optional<double> MetricsEvent::find(std::string_view name) const {
  for (const auto& [key, value] : metrics)
    if (key == name) return value;
  return std::nullopt;
}

std::vector<MetricsEvent> parse_metrics(std::string_view text, const std::string& label) {
  std::vector<MetricsEvent> events;
  int line_number = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) break;
    ++line_number;
    if (end > kLongestLine)
      throw UserError(
          fmt::format("{}:{}: not an event line: longer than 1 MiB", label, line_number));
    try {
      const auto json = nlohmann::ordered_json::parse(text.substr(0, end));
      MetricsEvent event;
      event.t_env = json.at("t_env").get<std::int64_t>();
      event.event = json.at("event").get<std::string>();
      event.episodes = json.at("episode").get<std::int64_t>();
      event.updates = json.at("update").get<std::int64_t>();
      for (const auto& [name, value] : json.at("metrics").items())
        if (!value.is_null()) event.metrics.emplace_back(name, value.get<double>());
      events.push_back(std::move(event));
    } catch (const nlohmann::json::exception&) {
      throw UserError(fmt::format("{}:{}: not an event line", label, line_number));
    }
    text.remove_prefix(end + 1);
  }
  return events;
}

}  // namespace credo::suite
