#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "envs/core/registry.hpp"
#include "suite/results.hpp"
#include "suite/text.hpp"

namespace credo::suite {
namespace {

std::string shown(const std::optional<double>& value, int digits) {
  if (!value) return "–";
  std::string text = fmt::format("{:.{}f}", *value, digits);
  return text.find_first_not_of("-0.") == std::string::npos && text.front() == '-' ? text.substr(1)
                                                                                   : text;
}

std::string exact(const std::optional<double>& value) {
  return value ? fmt::format("{}", *value) : "";
}

// Number of characters (not bytes) for lining up columns.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

std::string table(const std::vector<std::vector<std::string>>& cells) {
  std::vector<std::size_t> widths(cells.front().size(), 3);
  for (const auto& row : cells)
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], width(row[c]));
  std::string text;
  for (std::size_t r = 0; r < cells.size(); ++r) {
    for (std::size_t c = 0; c < cells[r].size(); ++c) {
      const std::string padding(widths[c] - width(cells[r][c]), ' ');
      // Text to the left, numbers to the right.
      text += c == 0 || c + 1 == cells[r].size() ? fmt::format("| {}{} ", cells[r][c], padding)
                                                 : fmt::format("| {}{} ", padding, cells[r][c]);
    }
    text += "|\n";
    if (r != 0) continue;
    for (std::size_t c = 0; c < widths.size(); ++c) {
      const bool left = c == 0 || c + 1 == widths.size();
      text += fmt::format("|{}{}", std::string(widths[c] + 1, '-'), left ? "-" : ":");
    }
    text += "|\n";
  }
  return text;
}

}  // namespace

std::string noop_note(const std::string& env) {
  const auto made = make_env(env);
  if (made->spec().noop_action) return "";
  return fmt::format(
      "noop: {} has no action that does nothing; the lowest-numbered available action is played.",
      env);
}

std::string markdown_tables(const std::vector<SummaryRow>& rows, const TableNotes& notes) {
  std::vector<std::string> tasks;
  for (const SummaryRow& row : rows)
    if (std::find(tasks.begin(), tasks.end(), row.task) == tasks.end()) tasks.push_back(row.task);
  std::string text;
  for (const std::string& task : tasks) {
    const bool has_wins = std::any_of(rows.begin(), rows.end(), [&](const SummaryRow& row) {
      return row.task == task && row.win_rate.has_value();
    });
    std::vector<std::vector<std::string>> cells = {
        {"algorithm", "seeds", "mean return", "IQM [95% CI]", "H"}};
    if (has_wins) cells.front().push_back("win rate");
    cells.front().push_back("status");
    for (const SummaryRow& row : rows) {
      if (row.task != task) continue;
      std::string iqm = shown(row.return_iqm, 2);
      if (row.iqm_interval)
        iqm += fmt::format(" [{}, {}]", shown(row.iqm_interval->low, 2),
                           shown(row.iqm_interval->high, 2));
      std::vector<std::string> line = {row.algorithm,
                                       row.seeds.empty() ? "–" : seed_list_text(row.seeds),
                                       shown(row.return_mean, 2), iqm, shown(row.entropy_mean, 4)};
      if (has_wins) line.push_back(shown(row.win_rate, 3));
      line.push_back(row.status);
      cells.push_back(std::move(line));
    }
    text += fmt::format("### {}\n\n{}\n", task, table(cells));
    for (const auto& [noted_task, note] : notes.by_task)
      if (noted_task == task) text += fmt::format("{}\n\n", note);
  }
  for (const std::string& line : notes.footer) text += line + "\n";
  return text;
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string field = "\"";
  for (const char c : text) {
    if (c == '"') field += '"';
    field += c;
  }
  return field + "\"";
}

std::string summary_csv(const std::vector<SummaryRow>& rows) {
  std::string text =
      "task,algorithm,seeds,n_done,n_planned,return_mean,return_iqm,iqm_ci_low,iqm_ci_high,"
      "entropy_mean,win_rate,status\n";
  for (const SummaryRow& row : rows) {
    const auto& interval = row.iqm_interval;
    text +=
        fmt::format("{},{},{},{},{},{},{},{},{},{},{},{}\n", csv_field(row.task),
                    csv_field(row.algorithm), csv_field(seed_list_text(row.seeds)),
                    row.seeds.size(), row.n_planned, exact(row.return_mean), exact(row.return_iqm),
                    interval ? exact(interval->low) : "", interval ? exact(interval->high) : "",
                    exact(row.entropy_mean), exact(row.win_rate), csv_field(row.status));
  }
  return text;
}

std::string summary_json(const std::vector<SummaryRow>& rows) {
  using Json = nlohmann::ordered_json;
  const auto number = [](const std::optional<double>& value) {
    return value ? Json(*value) : Json(nullptr);
  };
  Json list = Json::array();
  for (const SummaryRow& row : rows) {
    Json item;
    item["task"] = row.task;
    item["algorithm"] = row.algorithm;
    item["seeds"] = row.seeds;
    item["n_planned"] = row.n_planned;
    item["return_mean"] = number(row.return_mean);
    item["return_iqm"] = number(row.return_iqm);
    item["iqm_ci"] = row.iqm_interval ? Json::array({row.iqm_interval->low, row.iqm_interval->high})
                                      : Json(nullptr);
    item["entropy_mean"] = number(row.entropy_mean);
    item["win_rate"] = number(row.win_rate);
    item["status"] = row.status;
    list.push_back(std::move(item));
  }
  return list.dump(2) + "\n";
}

std::string results_csv(const std::vector<RunResult>& results) {
  std::string text =
      "task,env,algorithm,seed,profile,status,env_steps,episodes,updates,eval_episodes,return_mean,"
      "return_std,length_mean,win_rate,entropy_mean\n";
  for (const RunResult& r : results)
    text += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", csv_field(r.task),
                        csv_field(r.env), csv_field(r.algorithm), r.seed, csv_field(r.profile),
                        r.status, r.env_steps, r.episodes, r.updates, r.final_episodes,
                        exact(r.return_mean), exact(r.return_std), exact(r.length_mean),
                        exact(r.win_rate), exact(r.entropy_mean));
  return text;
}

std::string curves_csv(const std::vector<RunResult>& results) {
  std::string text = "task,algorithm,seed,t_env,return_mean,entropy_mean\n";
  for (const RunResult& r : results)
    for (const RunResult::Point& point : r.curve)
      text += fmt::format("{},{},{},{},{},{}\n", csv_field(r.task), csv_field(r.algorithm), r.seed,
                          point.t_env, exact(point.return_mean), exact(point.entropy_mean));
  return text;
}

}  // namespace credo::suite
