#include "suite/report/tables.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "suite/common/csv.hpp"
#include "suite/common/json.hpp"
#include "suite/common/text.hpp"
#include "suite/report/table_text.hpp"

namespace credo::suite {
namespace {

using Grid = std::vector<std::vector<std::string>>;

// Number of characters (not bytes) for lining up columns.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

// Text to the left (the first column and those named in `left`), numbers to the right.
std::string markdown_grid(const Grid& cells) {
  std::vector<std::size_t> widths(cells.front().size(), 3);
  for (const auto& row : cells)
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], width(row[c]));
  const auto is_left = [&](std::size_t c) { return c == 0 || cells.front()[c] == "status"; };
  std::string text;
  for (std::size_t r = 0; r < cells.size(); ++r) {
    for (std::size_t c = 0; c < cells[r].size(); ++c) {
      const std::string padding(widths[c] - width(cells[r][c]), ' ');
      text += is_left(c) ? fmt::format("| {}{} ", cells[r][c], padding)
                         : fmt::format("| {}{} ", padding, cells[r][c]);
    }
    text += "|\n";
    if (r != 0) continue;
    for (std::size_t c = 0; c < widths.size(); ++c)
      text += fmt::format("|{}{}", std::string(widths[c] + 1, '-'), is_left(c) ? "-" : ":");
    text += "|\n";
  }
  return text;
}

Json number(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json interval_json(const std::optional<Interval>& interval) {
  return interval ? Json::array({interval->low, interval->high}) : Json(nullptr);
}

Json estimate_json(const Estimate& estimate) {
  return Json{{"value", estimate.value}, {"ci", interval_json(estimate.interval)}};
}

std::vector<std::string> estimate_fields(const std::optional<Estimate>& estimate) {
  if (!estimate) return {"", "", ""};
  const auto& ci = estimate->interval;
  return {csv_number(estimate->value), ci ? csv_number(ci->low) : "",
          ci ? csv_number(ci->high) : ""};
}

}  // namespace

std::string markdown_tables(const std::vector<SummaryRow>& rows, const TableNotes& notes) {
  std::string text;
  for (const TaskTable& table : task_tables(rows)) {
    text += fmt::format("### {}\n\n{}\n", table.task, markdown_grid(table.cells));
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

std::string summary_csv(const std::vector<SummaryRow>& rows) {
  std::string text = csv_line({"task", "algorithm", "seeds", "n_done", "n_planned", "measure",
                               "mean", "iqm", "iqm_ci_low", "iqm_ci_high", "absolute_mean",
                               "return_mean", "win_rate", "entropy_mean", "status"});
  for (const SummaryRow& row : rows) {
    std::vector<std::string> fields = {row.task,
                                       row.algorithm,
                                       seed_list_text(row.seeds),
                                       fmt::format("{}", row.seeds.size()),
                                       fmt::format("{}", row.n_planned),
                                       std::string(measure_name(row.measure)),
                                       csv_number(row.mean)};
    for (std::string& field : estimate_fields(row.iqm)) fields.push_back(std::move(field));
    for (const auto& value : {row.absolute_mean, row.return_mean, row.win_rate, row.entropy_mean})
      fields.push_back(csv_number(value));
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
    item["mean"] = number(row.mean);
    item["iqm"] = row.iqm ? Json(row.iqm->value) : Json(nullptr);
    item["iqm_ci"] = row.iqm ? interval_json(row.iqm->interval) : Json(nullptr);
    item["absolute_mean"] = number(row.absolute_mean);
    item["return_mean"] = number(row.return_mean);
    item["win_rate"] = number(row.win_rate);
    item["entropy_mean"] = number(row.entropy_mean);
    item["status"] = row.status;
    list.push_back(std::move(item));
  }
  return json_text(list);
}

std::string aggregate_csv(const Report& report) {
  std::string text =
      csv_line({"algorithm", "n_tasks", "n_runs", "iqm", "iqm_ci_low", "iqm_ci_high", "median",
                "median_ci_low", "median_ci_high", "mean", "mean_ci_low", "mean_ci_high",
                "optimality_gap", "optimality_gap_ci_low", "optimality_gap_ci_high"});
  for (const AggregateRow& row : report.aggregates) {
    std::vector<std::string> fields = {row.algorithm, fmt::format("{}", report.scores.tasks.size()),
                                       fmt::format("{}", row.n_runs)};
    for (const Estimate& estimate :
         {row.scores.iqm, row.scores.median, row.scores.mean, row.scores.optimality_gap})
      for (std::string& field : estimate_fields(estimate)) fields.push_back(std::move(field));
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
  for (const AggregateRow& row : report.aggregates)
    out["aggregates"].push_back(Json{{"algorithm", row.algorithm},
                                     {"n_runs", row.n_runs},
                                     {"iqm", estimate_json(row.scores.iqm)},
                                     {"median", estimate_json(row.scores.median)},
                                     {"mean", estimate_json(row.scores.mean)},
                                     {"optimality_gap", estimate_json(row.scores.optimality_gap)}});
  out["pairs"] = Json::array();
  for (const PairRow& pair : report.pairs)
    out["pairs"].push_back(
        Json{{"x", pair.x},
             {"y", pair.y},
             {"probability_of_improvement", estimate_json(pair.improvement)},
             {"mean_difference", pair.difference ? estimate_json(*pair.difference) : Json(nullptr)},
             {"p_value", number(pair.p_value)},
             {"n_pairs", pair.n_pairs}});
  return json_text(out);
}

}  // namespace credo::suite
