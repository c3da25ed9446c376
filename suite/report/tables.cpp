#include "suite/report/tables.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "suite/common/csv.hpp"
#include "suite/common/json.hpp"
#include "suite/common/text.hpp"
#include "suite/report/table_text.hpp"

namespace credo::suite {
namespace {

// Names and statuses to the left, numbers to the right.
std::string markdown_grid(const Grid& grid) {
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < grid.columns.size(); ++c) {
    widths.push_back(std::max(std::size_t{3}, text_width(grid.columns[c].title)));
    for (const auto& row : grid.rows) widths[c] = std::max(widths[c], text_width(row[c]));
  }
  std::string text;
  const auto add = [&](std::size_t c, const std::string& cell) {
    const std::string padding(widths[c] - text_width(cell), ' ');
    text += grid.columns[c].is_left() ? fmt::format("| {}{} ", cell, padding)
                                      : fmt::format("| {}{} ", padding, cell);
  };
  for (std::size_t c = 0; c < widths.size(); ++c) add(c, grid.columns[c].title);
  text += "|\n";
  for (std::size_t c = 0; c < widths.size(); ++c)
    text += fmt::format("|{}{}", std::string(widths[c] + 1, '-'),
                        grid.columns[c].is_left() ? "-" : ":");
  text += "|\n";
  for (const auto& row : grid.rows) {
    for (std::size_t c = 0; c < widths.size(); ++c) add(c, row[c]);
    text += "|\n";
  }
  return text;
}

Json interval_json(const std::optional<Interval>& interval) {
  return interval ? Json::array({interval->low, interval->high}) : Json(nullptr);
}

Json estimate_json(const Estimate& estimate) {
  return Json{{"value", estimate.value}, {"ci", interval_json(estimate.interval)}};
}

// A statistic's columns in CSV, and its fields.
void add_columns(std::vector<std::string>& columns, std::string_view key, bool has_interval) {
  columns.emplace_back(key);
  if (!has_interval) return;
  columns.push_back(fmt::format("{}_ci_low", key));
  columns.push_back(fmt::format("{}_ci_high", key));
}

void add_fields(std::vector<std::string>& fields, const std::optional<Estimate>& estimate,
                bool has_interval) {
  fields.push_back(estimate ? csv_number(estimate->value) : "");
  if (!has_interval) return;
  const auto ci = estimate ? estimate->interval : std::nullopt;
  fields.push_back(ci ? csv_number(ci->low) : "");
  fields.push_back(ci ? csv_number(ci->high) : "");
}

}  // namespace

std::string markdown_tables(const std::vector<SummaryRow>& rows, const TableNotes& notes) {
  std::string text;
  for (const TaskTable& table : task_tables(rows)) {
    text += fmt::format("### {}\n\n{}\n", table.task, markdown_grid(table.grid));
    for (const auto& [task, note] : notes.by_task)
      if (task == table.task) text += fmt::format("{}\n\n", note);
  }
  for (const std::string& line : notes.footer) text += line + "\n";
  return text;
}

std::string markdown_report(const Report& report, ReportPart part) {
  const bool is_all = part == ReportPart::kAll;
  std::string text = is_all ? markdown_tables(report.rows, {report.notes.by_task, {}}) : "";
  if (shows_aggregate(report, part))
    text += fmt::format("### All tasks\n\n{}\n", markdown_grid(aggregate_grid(report)));
  for (const std::string& line : aggregate_notes(report, part)) text += line + "\n\n";
  for (const std::string& line : report.notes.footer) text += line + "\n";
  return text;
}

std::vector<std::string> summary_columns() {
  std::vector<std::string> columns = {"task",   "algorithm", "seeds",
                                      "n_done", "n_planned", "measure"};
  for (const RowStatistic& one : kRowStatistics) add_columns(columns, one.key, one.has_interval);
  columns.emplace_back("status");
  return columns;
}

std::string summary_csv(const std::vector<SummaryRow>& rows) {
  std::string text = csv_line(summary_columns());
  for (const SummaryRow& row : rows) {
    std::vector<std::string> fields = {row.task,
                                       row.algorithm,
                                       seed_list_text(row.seeds),
                                       fmt::format("{}", row.seeds.size()),
                                       fmt::format("{}", row.n_planned),
                                       std::string(measure_name(row.measure))};
    for (std::size_t i = 0; i < row.values.size(); ++i)
      add_fields(fields, row.values[i], kRowStatistics[i].has_interval);
    fields.push_back(row.status);
    text += csv_line(fields);
  }
  return text;
}

std::string summary_json(const std::vector<SummaryRow>& rows) {
  Json list = Json::array();
  for (const SummaryRow& row : rows) {
    Json item;
    item["task"] = row.task;
    item["algorithm"] = row.algorithm;
    item["seeds"] = row.seeds;
    item["n_planned"] = row.n_planned;
    item["measure"] = measure_name(row.measure);
    for (std::size_t i = 0; i < row.values.size(); ++i) {
      const auto& value = row.values[i];
      const std::string key(kRowStatistics[i].key);
      item[key] = value ? Json(value->value) : Json(nullptr);
      if (kRowStatistics[i].has_interval)
        item[key + "_ci"] = value ? interval_json(value->interval) : Json(nullptr);
    }
    item["status"] = row.status;
    list.push_back(std::move(item));
  }
  return json_text(list);
}

std::vector<std::string> aggregate_columns() {
  std::vector<std::string> columns = {"algorithm", "n_tasks", "n_runs"};
  for (const AggregateStatistic& one : kAggregateStatistics) add_columns(columns, one.key, true);
  return columns;
}

std::string aggregate_csv(const Report& report) {
  std::string text = csv_line(aggregate_columns());
  for (const AggregateRow& row : report.aggregates) {
    std::vector<std::string> fields = {row.algorithm, fmt::format("{}", report.scores.tasks.size()),
                                       fmt::format("{}", row.n_runs)};
    for (const Estimate& estimate : row.scores) add_fields(fields, estimate, true);
    text += csv_line(fields);
  }
  return text;
}

std::string aggregate_json(const Report& report) {
  Json out;
  out["tasks"] = report.scores.tasks;
  out["left_out"] = Json::array();
  for (const auto& [name, why] : report.scores.left_out)
    out["left_out"].push_back(Json{{"name", name}, {"why", why}});
  out["aggregates"] = Json::array();
  for (const AggregateRow& row : report.aggregates) {
    Json item{{"algorithm", row.algorithm}, {"n_runs", row.n_runs}};
    for (std::size_t i = 0; i < row.scores.size(); ++i)
      item[std::string(kAggregateStatistics[i].key)] = estimate_json(row.scores[i]);
    out["aggregates"].push_back(std::move(item));
  }
  out["pairs"] = Json::array();
  for (const PairRow& pair : report.pairs)
    out["pairs"].push_back(
        Json{{"x", pair.x},
             {"y", pair.y},
             {"probability_of_improvement", estimate_json(pair.improvement)},
             {"mean_difference", pair.difference ? estimate_json(*pair.difference) : Json(nullptr)},
             {"p_value", json_or_null(pair.p_value)},
             {"n_pairs", pair.n_pairs}});
  return json_text(out);
}

}  // namespace credo::suite
