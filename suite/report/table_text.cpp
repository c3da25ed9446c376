#include "suite/report/table_text.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <span>

#include "suite/common/text.hpp"

namespace credo::suite {

std::string shown(const std::optional<double>& value, int digits) {
  if (!value) return "–";
  std::string text = fmt::format("{:.{}f}", *value, digits);
  return text.find_first_not_of("-0.") == std::string::npos && text.front() == '-' ? text.substr(1)
                                                                                   : text;
}

std::string shown(const Estimate& estimate, int digits) {
  if (!estimate.interval) return shown(estimate.value, digits);
  return fmt::format("{} [{}, {}]", shown(estimate.value, digits),
                     shown(estimate.interval->low, digits), shown(estimate.interval->high, digits));
}

namespace {

// Resampling gives no p of 0.
std::string shown_p(const std::optional<double>& p) {
  constexpr double kSmallest = 1e-4;
  return p && *p < kSmallest ? "<0.0001" : shown(p, 4);
}

int digits_of(Measure measure) { return kEvaluationMetrics[metric_of(measure)].digits; }

std::string shown_or_dash(const std::optional<Estimate>& estimate, int digits) {
  return estimate ? shown(*estimate, digits) : "–";
}

// The statistics that are columns of a task's table: those beside wins come last.
std::vector<std::size_t> columns_of(std::span<const SummaryRow> rows) {
  const bool has_wins = rows.front().measure == Measure::kWinRate;
  std::vector<std::size_t> columns, last;
  for (std::size_t i = 0; i < kRowStatistics.size(); ++i) {
    const bool is_there = std::any_of(
        rows.begin(), rows.end(), [i](const SummaryRow& row) { return row.values[i].has_value(); });
    const Shown when = kRowStatistics[i].shown;
    if (when == Shown::kAlways || (when == Shown::kWhereThere && is_there)) columns.push_back(i);
    if (when == Shown::kBesideWins && has_wins) last.push_back(i);
  }
  columns.insert(columns.end(), last.begin(), last.end());
  return columns;
}

TaskTable task_table(std::span<const SummaryRow> rows) {
  const Measure measure = rows.front().measure;
  TaskTable table{
      .task = rows.front().task,
      .grid = {{{"algorithm", Column::Kind::kName}, {"seeds", Column::Kind::kSeeds}}, {}},
      .is_done = true};
  const auto columns = columns_of(rows);
  for (const std::size_t i : columns) {
    const RowStatistic& one = kRowStatistics[i];
    const bool is_win = measure == Measure::kWinRate && !one.win_title.empty();
    table.grid.columns.push_back({.title = std::string(is_win ? one.win_title : one.title)});
  }
  table.grid.columns.push_back({"status", Column::Kind::kStatus});
  for (const SummaryRow& row : rows) {
    std::vector<std::string> line = {row.algorithm,
                                     row.seeds.empty() ? "–" : seed_list_text(row.seeds)};
    for (const std::size_t i : columns) {
      const int digits = kRowStatistics[i].digits;
      line.push_back(
          shown_or_dash(row.values[i], digits == kMeasureDigits ? digits_of(measure) : digits));
    }
    line.push_back(row.status);
    table.grid.rows.push_back(std::move(line));
    table.is_done = table.is_done && row.is_done;
  }
  return table;
}

// Algorithms with fewer runs than `least` on some task.
std::vector<std::string> with_fewer_runs(const NormalisedScores& scores, std::size_t least) {
  std::vector<std::string> names;
  for (const auto& algorithm : scores.algorithms)
    if (std::any_of(algorithm.scores.begin(), algorithm.scores.end(),
                    [&](const auto& task) { return task.size() < least; }))
      names.push_back(algorithm.name);
  return names;
}

bool has_unequal_runs(const NormalisedScores& scores) {
  return std::any_of(scores.algorithms.begin(), scores.algorithms.end(), [](const auto& one) {
    return std::any_of(one.scores.begin(), one.scores.end(),
                       [&](const auto& task) { return task.size() != one.scores.front().size(); });
  });
}

}  // namespace

std::size_t text_width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

std::vector<TaskTable> task_tables(const std::vector<SummaryRow>& rows) {
  std::vector<TaskTable> tables;
  for (auto first = rows.begin(); first != rows.end();) {
    const auto end = std::find_if(first, rows.end(),
                                  [&](const SummaryRow& row) { return row.task != first->task; });
    tables.push_back(task_table(std::span(first, end)));
    first = end;
  }
  return tables;
}

Grid aggregate_grid(const Report& report) {
  Grid grid{{{"algorithm", Column::Kind::kName}, {"runs"}}, {}};
  for (const AggregateStatistic& one : kAggregateStatistics)
    grid.columns.push_back({.title = std::string(one.title)});
  if (!report.pairs.empty()) {
    grid.columns.push_back({fmt::format("P(> {})", report.pairs.front().y)});
    grid.columns.push_back({"p"});
  }
  for (const AggregateRow& row : report.aggregates) {
    std::vector<std::string> line = {row.algorithm, fmt::format("{}", row.n_runs)};
    for (const Estimate& score : row.scores) line.push_back(shown(score, 3));
    if (!report.pairs.empty()) {
      const auto pair =
          std::find_if(report.pairs.begin(), report.pairs.end(),
                       [&](const PairRow& candidate) { return candidate.x == row.algorithm; });
      line.push_back(pair == report.pairs.end() ? "–" : shown(pair->improvement, 2));
      line.push_back(pair == report.pairs.end() ? "–" : shown_p(pair->p_value));
    }
    grid.rows.push_back(std::move(line));
  }
  return grid;
}

namespace {

// Tasks whose bounds are not those of the published table, and whence they come.
std::vector<std::string> own_bounds_notes(const NormalisedScores& scores) {
  std::string text;
  for (const auto& [task, whence] : scores.own_bounds)
    text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", task, whence);
  if (text.empty()) return {};
  return {fmt::format("Bounds that are not published: {}.", text)};
}

}  // namespace

bool shows_aggregate(const Report& report, ReportPart part) {
  return !report.aggregates.empty() &&
         (part == ReportPart::kAggregate || report.scores.tasks.size() > 1);
}

std::vector<std::string> aggregate_notes(const Report& report, ReportPart part) {
  std::string left_out;
  for (const auto& [name, why] : report.scores.left_out)
    left_out += fmt::format("{}{} ({})", left_out.empty() ? "" : ", ", name, why);
  if (!shows_aggregate(report, part)) {
    const bool is_single =
        std::all_of(report.rows.begin(), report.rows.end(),
                    [&](const SummaryRow& row) { return row.task == report.rows.front().task; });
    if (is_single || left_out.empty()) return {};
    return {fmt::format("No scores over all tasks. Left out: {}.", left_out)};
  }
  const NormalisedScores& scores = report.scores;
  std::vector<std::string> notes = {fmt::format(
      "Mean returns on {} tasks, normalised by each task's bounds (0: the random policy, 1: the "
      "optimum or an upper bound), with 95% bootstrap intervals (50,000 resamples of the runs "
      "within each task).",
      scores.tasks.size())};
  notes.push_back(fmt::format(
      "Every task has the same weight: a run weighs 1 / ({} x the runs of its task). {}",
      scores.tasks.size(),
      has_unequal_runs(scores)
          ? "The numbers of runs differ between tasks, so the IQM cuts a quarter of the weight at "
            "each end, a run at the border in part."
          : "The numbers of runs are equal, so the IQM is rliable's: it cuts floor(n / 4) of the n "
            "runs at each end."));
  const auto single = with_fewer_runs(scores, kFewestForInterval);
  const auto few = with_fewer_runs(scores, kFewValues);
  if (!single.empty())
    notes.push_back(
        fmt::format("No interval with fewer than two runs on a task: {}.", joined(single)));
  if (few.size() > single.size())
    notes.emplace_back(
        "Fewer than five runs on some tasks: intervals leave out part of the spread there.");
  if (!report.pairs.empty())
    notes.push_back(
        fmt::format("P(> {0}): probability that a run beats one of {0} on the same task, mean over "
                    "tasks (2,000 resamples); p: two-sided paired sign-flip test of the score "
                    "differences over shared seeds, every task with the same weight, not corrected "
                    "for the number of comparisons.",
                    report.pairs.front().y));
  if (!left_out.empty()) notes.push_back("Left out: " + left_out + ".");
  for (std::string& note : own_bounds_notes(scores)) notes.push_back(std::move(note));
  return notes;
}

Grid overview_grid(const Report& report) {
  std::vector<std::string> tasks, algorithms;
  for (const SummaryRow& row : report.rows) {
    add_once(tasks, row.task);
    add_once(algorithms, row.algorithm);
  }
  Grid grid{{{"algorithm", Column::Kind::kName}}, {}};
  for (const std::string& task : tasks) {
    const bool has_wins = std::any_of(report.rows.begin(), report.rows.end(), [&](const auto& row) {
      return row.task == task && row.measure == Measure::kWinRate;
    });
    grid.columns.push_back({has_wins ? task + " (win rate)" : task});
  }
  for (const std::string& algorithm : algorithms) {
    std::vector<std::string>& line = grid.rows.emplace_back(1, algorithm);
    for (const std::string& task : tasks) {
      const auto row = std::find_if(report.rows.begin(), report.rows.end(), [&](const auto& one) {
        return one.task == task && one.algorithm == algorithm;
      });
      const bool has_score = row != report.rows.end() && row->iqm();
      line.push_back(has_score ? shown(row->iqm()->value, digits_of(row->measure)) : "–");
    }
  }
  return grid;
}

}  // namespace credo::suite
