#include "suite/table_text.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "suite/text.hpp"

namespace credo::suite {

std::string shown(const std::optional<double>& value, int digits) {
  if (!value) return "–";
  std::string text = fmt::format("{:.{}f}", *value, digits);
  return text.find_first_not_of("-0.") == std::string::npos && text.front() == '-' ? text.substr(1)
                                                                                   : text;
}

std::string shown(const Estimate& estimate, int digits) {
  return fmt::format("{} [{}, {}]", shown(estimate.value, digits),
                     shown(estimate.interval.low, digits), shown(estimate.interval.high, digits));
}

namespace {

// Resampling gives no p of 0.
std::string shown_p(const std::optional<double>& p) {
  constexpr double kSmallest = 1e-4;
  return p && *p < kSmallest ? "<0.0001" : shown(p, 4);
}

// Tasks whose bounds are not those of the published table, and whence they come.
std::vector<std::string> own_bounds_notes(const NormalisedScores& scores) {
  std::string text;
  for (const auto& [task, whence] : scores.own_bounds)
    text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", task, whence);
  if (text.empty()) return {};
  return {fmt::format("Bounds that are not published: {}.", text)};
}

}  // namespace

std::vector<TaskTable> task_tables(const std::vector<SummaryRow>& rows) {
  std::vector<TaskTable> tables;
  for (std::size_t begin = 0; begin < rows.size();) {
    const auto first = rows.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto end = std::find_if(first, rows.end(),
                                  [&](const SummaryRow& row) { return row.task != first->task; });
    const auto has = [&](const auto& member) {
      return std::any_of(first, end,
                         [&](const SummaryRow& row) { return (row.*member).has_value(); });
    };
    const bool has_absolute = has(&SummaryRow::absolute_mean);
    const bool has_wins = has(&SummaryRow::win_rate);
    TaskTable table{first->task, {{"algorithm", "seeds", "mean return", "IQM [95% CI]"}}};
    auto& header = table.cells.front();
    if (has_absolute) header.emplace_back("absolute");
    header.emplace_back("H");
    if (has_wins) header.emplace_back("win rate");
    header.emplace_back("status");
    for (auto row = first; row != end; ++row) {
      std::vector<std::string> line = {
          row->algorithm, row->seeds.empty() ? "–" : seed_list_text(row->seeds),
          shown(row->return_mean, 2), row->return_iqm ? shown(*row->return_iqm, 2) : "–"};
      if (has_absolute) line.push_back(shown(row->absolute_mean, 2));
      line.push_back(shown(row->entropy_mean, 4));
      if (has_wins) line.push_back(shown(row->win_rate, 3));
      line.push_back(row->status);
      table.cells.push_back(std::move(line));
    }
    tables.push_back(std::move(table));
    begin = static_cast<std::size_t>(end - rows.begin());
  }
  return tables;
}

std::vector<std::vector<std::string>> aggregate_grid(const Report& report) {
  std::vector<std::vector<std::string>> cells = {
      {"algorithm", "runs", "IQM [95% CI]", "median", "mean", "optimality gap"}};
  if (!report.pairs.empty()) {
    cells.front().push_back(fmt::format("P(> {})", report.pairs.front().y));
    cells.front().emplace_back("p");
  }
  for (const AggregateRow& row : report.aggregates) {
    std::vector<std::string> line = {row.algorithm,
                                     fmt::format("{}", row.n_runs),
                                     shown(row.scores.iqm, 3),
                                     shown(row.scores.median, 3),
                                     shown(row.scores.mean, 3),
                                     shown(row.scores.optimality_gap, 3)};
    if (!report.pairs.empty()) {
      const auto pair =
          std::find_if(report.pairs.begin(), report.pairs.end(),
                       [&](const PairRow& candidate) { return candidate.x == row.algorithm; });
      line.push_back(pair == report.pairs.end() ? "–" : shown(pair->improvement, 2));
      line.push_back(pair == report.pairs.end() ? "–" : shown_p(pair->p_value));
    }
    cells.push_back(std::move(line));
  }
  return cells;
}

std::vector<std::string> aggregate_notes(const Report& report) {
  std::vector<std::string> notes = {fmt::format(
      "Scores of {} tasks, normalised by published bounds (0: the random policy, 1: the optimum or "
      "an upper bound), with 95% bootstrap intervals (50,000 resamples of the runs within each "
      "task).",
      report.scores.tasks.size())};
  if (!report.pairs.empty())
    notes.push_back(fmt::format(
        "P(> {0}): probability that a run beats one of {0} on the same task (2,000 resamples); p: "
        "two-sided paired sign-flip test of the score differences over shared seeds, not corrected "
        "for the number of comparisons.",
        report.pairs.front().y));
  std::string left_out;
  for (const auto& [name, why] : report.scores.left_out)
    left_out += fmt::format("{}{} ({})", left_out.empty() ? "" : ", ", name, why);
  if (!left_out.empty()) notes.push_back("Left out: " + left_out + ".");
  for (std::string& note : own_bounds_notes(report.scores)) notes.push_back(std::move(note));
  return notes;
}

}  // namespace credo::suite
