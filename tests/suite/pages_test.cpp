// The pages that describe files and streams against the code that writes them.
#include <algorithm>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "envs/core/registry.hpp"
#include "suite/common/files.hpp"
#include "suite/common/text.hpp"
#include "suite/report/tables.hpp"
#include "suite/results/credit_results.hpp"
#include "suite/results/suite_folder.hpp"
#include "suite/results/suite_manifest.hpp"
#include "suite/results/training_results.hpp"
#include "suite/run/runner.hpp"
#include "suite/run/tensorboard.hpp"
#include "tests/suite/support.hpp"

using namespace credo::suite;
using namespace credo::suite::testing;

namespace fs = std::filesystem;

namespace {

std::string page(const std::string& name) {
  return read_text(fs::path(CREDO_SOURCE_DIR) / "docs" / name);
}

// The code span that follows `heading`, line breaks and indents left out.
std::string span_after(const std::string& text, const std::string& heading) {
  const std::size_t at = text.find(heading + "`");
  if (at == std::string::npos) return "";
  const std::size_t begin = at + heading.size() + 1;
  std::string span = text.substr(begin, text.find('`', begin) - begin);
  std::erase_if(span, [](char c) { return c == '\n' || c == ' '; });
  return span;
}

// The rows of the Markdown table whose header begins with `header`: the cells of each.
std::vector<std::vector<std::string>> table_after(const std::string& text,
                                                  const std::string& heading,
                                                  const std::string& header) {
  std::vector<std::vector<std::string>> rows;
  const std::size_t start = text.find(header, text.find(heading));
  if (start == std::string::npos) return rows;
  std::istringstream lines(text.substr(start));
  std::string line;
  std::getline(lines, line);
  std::getline(lines, line);  // the rule below the header
  while (std::getline(lines, line) && line.find('|') != std::string::npos) {
    std::vector<std::string>& cells = rows.emplace_back();
    std::istringstream parts(line.substr(line.find('|') + 1));
    for (std::string cell; std::getline(parts, cell, '|');) {
      const std::size_t first = cell.find_first_not_of(" `");
      const std::size_t last = cell.find_last_not_of(" `");
      cells.push_back(first == std::string::npos ? "" : cell.substr(first, last + 1 - first));
    }
  }
  return rows;
}

bool is_named(const std::string& text, std::string_view name) {
  return contains(text, fmt::format("`{}`", name));
}

}  // namespace

TEST_CASE("file-formats.md lists the columns of every CSV file, in order") {
  const std::string text = page("file-formats.md");
  CHECK(span_after(text, "- plan.csv: ") == joined(plan_columns(), ","));
  CHECK(span_after(text, "- results.csv: ") == joined(results_columns(), ","));
  CHECK(span_after(text, "- curves.csv: ") == joined(curves_columns(), ","));
  CHECK(span_after(text, "- training.csv: ") == joined(training_columns(), ","));
  CHECK(span_after(text, "- credits.csv: ") == joined(credits_columns(), ","));
  CHECK(span_after(text, "- `credo report DIR --format csv`: ") == joined(summary_columns(), ","));
  CHECK(span_after(text, "- `credo report DIR --format csv --aggregate`: ") ==
        joined(aggregate_columns(), ","));
  CHECK(span_after(text, "**eval_episodes.csv** (RFC 4180): ") + "\n" == kEpisodesHeader);
}

TEST_CASE("file-formats.md explains every metric of an evaluation and every statistic") {
  const std::string text = page("file-formats.md");
  const auto metrics = table_after(text, "**metrics.jsonl**", "| metric |");
  REQUIRE(metrics.size() == kEvaluationMetrics.size());
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    const EvaluationMetric& metric = kEvaluationMetrics[i];
    CHECK(metrics[i] == std::vector<std::string>{std::string(metric.event),
                                                 std::string(metric.column),
                                                 std::string(metric.note)});
  }
  const auto training = table_after(text, "- training.csv:", "| column |");
  REQUIRE(training.size() == kTrainingMetrics.size());
  for (std::size_t i = 0; i < training.size(); ++i)
    CHECK(training[i] == std::vector<std::string>{std::string(kTrainingMetrics[i].column),
                                                  std::string(kTrainingMetrics[i].event),
                                                  std::string(kTrainingMetrics[i].note)});
  const auto statistics = table_after(text, "--format csv`:", "| statistic |");
  REQUIRE(statistics.size() == kRowStatistics.size());
  for (std::size_t i = 0; i < statistics.size(); ++i)
    CHECK(statistics[i] == std::vector<std::string>{std::string(kRowStatistics[i].key),
                                                    std::string(kRowStatistics[i].note)});
  const auto aggregates = table_after(text, "--aggregate`:", "| statistic |");
  REQUIRE(aggregates.size() == kAggregateStatistics.size());
  for (std::size_t i = 0; i < aggregates.size(); ++i)
    CHECK(aggregates[i] == std::vector<std::string>{std::string(kAggregateStatistics[i].key),
                                                    std::string(kAggregateStatistics[i].note)});
}

TEST_CASE("file-formats.md names what runs write: files, events, and the format of checkpoints") {
  const std::string text = page("file-formats.md");
  std::string events;
  for (const std::string_view event : kEvents)
    events += (events.empty() ? "" : "|") + std::string(event);
  CHECK(contains(text, fmt::format("\"event\":\"{}\"", events)));
  CHECK(is_named(text, kBestStep));
  CHECK(contains(text, fmt::format("u32 format ({})", kCheckpointFormat)));
  for (const std::string_view name : {kManifest, kConfig, kMetrics, kEpisodes, kCheckpoints})
    CHECK(contains(text, name));
  CHECK(contains(text, kEventFile));
  CHECK(is_named(text, fs::path(kBestWeights).filename().string()));
  CHECK(is_named(text, fs::path(kLatest).filename().string()));
}

TEST_CASE("file-formats.md names every metric that training logs, and every field of manifests") {
  const std::string text = page("file-formats.md");
  const ScratchFolder scratch;
  for (const std::string& algorithm : algorithm_names()) {
    if (is_fixed_policy(algorithm)) continue;
    CAPTURE(algorithm);
    RunRequest request;
    request.env = "two_step";
    request.algorithm = algorithm;
    request.are_sets_general = true;
    request.sets = {"run.t_max=40", "run.log_interval=20", "evaluation.interval=20",
                    "evaluation.episodes=2", "learner.batch_size=4"};
    const fs::path folder = scratch / algorithm;
    start_run(RunConfig::resolve(request), folder, {});
    std::set<std::string> seen;
    for (const MetricsEvent& event :
         parse_metrics(read_text(folder / kMetrics), std::string(kMetrics))) {
      seen.insert(event.event);
      for (const auto& [name, value] : event.metrics) {
        const std::string metric = name;
        CAPTURE(metric);
        CHECK(is_named(text, name.starts_with("credit_") ? "credit_<agent>" : name));
      }
    }
    CHECK(seen == std::set<std::string>(kEvents.begin(), kEvents.end()));
  }
  const auto check_fields = [&](const fs::path& manifest) {
    const auto json = nlohmann::json::parse(read_text(manifest));
    for (const auto& [field, value] : json.items()) {
      const std::string shown = field;
      CAPTURE(shown);
      CHECK(is_named(text, field));
    }
  };
  check_fields(scratch / "vdn" / kManifest);
  SuiteManifest manifest;
  manifest.ended = "now";
  write_suite_manifest(scratch.path(), manifest);
  check_fields(scratch / kManifest);
}

TEST_CASE("protocol.md defines every evaluation event") {
  const std::string text = page("protocol.md");
  const std::size_t begin = text.find("\n## Evaluation");
  const std::string section = text.substr(begin, text.find("\n## ", begin + 1) - begin);
  for (const std::string_view event : {kFinalEvent, kAbsoluteEvent})
    CHECK(contains(section, fmt::format("the event `{}`", event)));
  CHECK(contains(section, "absolute metric of Gorsane"));
  for (const char* setting : {"run.absolute_factor", "evaluation.episodes", "evaluation.interval"})
    CHECK(is_named(section, setting));
}
