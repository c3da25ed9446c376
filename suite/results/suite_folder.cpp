#include "suite/results/suite_folder.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <system_error>
#include <tuple>

#include "envs/core/error.hpp"
#include "suite/common/csv.hpp"
#include "suite/common/files.hpp"
#include "suite/common/safe_path.hpp"
#include "suite/common/text.hpp"
#include "suite/results/suite_manifest.hpp"
#include "suite/run/integrity.hpp"
#include "suite/run/runner.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kPlanColumns = {
    "task",    "env",   "env_settings", "algorithm",      "base_algorithm", "seed",
    "profile", "t_max", "task_rank",    "algorithm_rank", "settings_id",    "run_id"};

const std::vector<std::string> kResultColumns = {"task",
                                                 "env",
                                                 "algorithm",
                                                 "seed",
                                                 "profile",
                                                 "status",
                                                 "env_steps",
                                                 "episodes",
                                                 "updates",
                                                 "eval_episodes",
                                                 "return_mean",
                                                 "return_std",
                                                 "length_mean",
                                                 "win_rate",
                                                 "entropy_mean",
                                                 "absolute_t_env",
                                                 "absolute_episodes",
                                                 "absolute_return",
                                                 "absolute_win_rate"};

const std::vector<std::string> kCurveColumns = {
    "task",       "algorithm",   "seed",     "t_env",        "return_mean",
    "return_std", "length_mean", "win_rate", "entropy_mean", "credits"};

std::string whole(std::int64_t value) { return fmt::format("{}", value); }

std::string credits_text(const std::vector<double>& credits) {
  std::string text;
  for (const double credit : credits) text += fmt::format("{}{}", text.empty() ? "" : " ", credit);
  return text;
}

std::vector<double> parse_credits(const std::string& text, const std::string& where) {
  std::vector<double> credits;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const std::string one = "x\n" + text.substr(begin, end - begin) + "\n";
    credits.push_back(CsvTable(one, where + ": credits").number(0, "x").value_or(0.0));
    begin = end + 1;
  }
  return credits;
}

using CellKey = std::tuple<std::string, std::string, std::int64_t>;

CellKey key_of(const CsvTable& table, std::size_t row) {
  return {table.text(row, "task"), table.text(row, "algorithm"), table.integer(row, "seed")};
}

// Results without their run folders.
class CompactFolder {
 public:
  explicit CompactFolder(const fs::path& folder)
      : results_(read_text(folder_file(folder, "results.csv")), (folder / "results.csv").string()),
        curves_path_((folder / "curves.csv").string()),
        curves_(read_text(folder_file(folder, "curves.csv")), curves_path_) {
    results_.need(kResultColumns);
    curves_.need(kCurveColumns);
    for (std::size_t row = 0; row < results_.n_rows(); ++row) rows_[key_of(results_, row)] = row;
    for (std::size_t row = 0; row < curves_.n_rows(); ++row)
      points_[key_of(curves_, row)].push_back(row);
  }

  void fill(RunResult& run) const {
    const CellKey key{run.names.task, run.names.algorithm, static_cast<std::int64_t>(run.seed)};
    const auto found = rows_.find(key);
    if (found == rows_.end()) return;
    const std::size_t row = found->second;
    run.status = results_.text(row, "status");
    run.env_steps = results_.integer(row, "env_steps");
    run.episodes = results_.integer(row, "episodes");
    run.updates = results_.integer(row, "updates");
    if (const auto points = points_.find(key); points != points_.end())
      for (const std::size_t point : points->second) run.evaluations.push_back(read_point(point));
    const auto n = static_cast<int>(results_.integer(row, "eval_episodes"));
    for (EvaluationPoint& point : run.evaluations) point.episodes = n;
    if (results_.number(row, "return_mean") && !run.evaluations.empty())
      run.final = run.evaluations.back();
    if (const auto score = results_.number(row, "absolute_return")) {
      EvaluationPoint point;
      point.t_env = results_.integer(row, "absolute_t_env");
      point.episodes = static_cast<int>(results_.integer(row, "absolute_episodes"));
      point.return_mean = *score;
      point.win_rate = results_.number(row, "absolute_win_rate");
      run.absolute = std::move(point);
    }
  }

 private:
  EvaluationPoint read_point(std::size_t row) const {
    EvaluationPoint point;
    point.t_env = curves_.integer(row, "t_env");
    point.return_mean = curves_.number(row, "return_mean").value_or(0.0);
    point.return_std = curves_.number(row, "return_std");
    point.length_mean = curves_.number(row, "length_mean");
    point.win_rate = curves_.number(row, "win_rate");
    point.entropy_mean = curves_.number(row, "entropy_mean");
    point.credits =
        parse_credits(curves_.text(row, "credits"), fmt::format("{}:{}", curves_path_, row + 2));
    return point;
  }

  CsvTable results_;
  std::string curves_path_;
  CsvTable curves_;
  std::map<CellKey, std::size_t> rows_;
  std::map<CellKey, std::vector<std::size_t>> points_;
};

}  // namespace

PlannedCell planned(const Cell& cell) {
  const RunConfig& config = cell.config;
  return {.names = cell.names,
          .env = config.env_id(),
          .base_algorithm = config.algorithm(),
          .env_settings = config.env_settings(),
          .seed = config.seed(),
          .profile = config.profile(),
          .t_max = budget(config),
          .task_rank = cell.task_rank,
          .algorithm_rank = cell.algorithm_rank,
          .settings_id = config.settings_id(),
          .run_id = config.id()};
}

std::string plan_csv(const std::vector<PlannedCell>& cells) {
  std::string text = csv_line(kPlanColumns);
  for (const PlannedCell& cell : cells)
    text += csv_line({cell.names.task, cell.env, cell.env_settings, cell.names.algorithm,
                      cell.base_algorithm, fmt::format("{}", cell.seed), cell.profile,
                      whole(cell.t_max), whole(cell.task_rank), whole(cell.algorithm_rank),
                      cell.settings_id, cell.run_id});
  return text;
}

std::vector<PlannedCell> parse_plan_csv(std::string_view text, const std::string& label) {
  const CsvTable table(text, label);
  table.need(kPlanColumns);
  std::vector<PlannedCell> cells;
  for (std::size_t row = 0; row < table.n_rows(); ++row)
    cells.push_back({.names = {table.text(row, "task"), table.text(row, "algorithm")},
                     .env = table.text(row, "env"),
                     .base_algorithm = table.text(row, "base_algorithm"),
                     .env_settings = table.text(row, "env_settings"),
                     .seed = static_cast<std::uint64_t>(table.integer(row, "seed")),
                     .profile = table.text(row, "profile"),
                     .t_max = table.integer(row, "t_max"),
                     .task_rank = static_cast<int>(table.integer(row, "task_rank")),
                     .algorithm_rank = static_cast<int>(table.integer(row, "algorithm_rank")),
                     .settings_id = table.text(row, "settings_id"),
                     .run_id = table.text(row, "run_id")});
  for (std::size_t row = 0; row < cells.size(); ++row)
    for (const std::string& name : {cells[row].names.task, cells[row].names.algorithm})
      check_path_name(name, fmt::format("{}:{}", label, row + 2));
  return cells;
}

std::vector<PlannedCell> join_plans(std::vector<PlannedCell> old_plan,
                                    const std::vector<PlannedCell>& added) {
  const auto key = [](const PlannedCell& cell) {
    return std::tuple(cell.task_rank, cell.names.task, cell.algorithm_rank, cell.names.algorithm,
                      cell.seed);
  };
  const auto folder = [](const PlannedCell& cell) { return cell_folder(cell.names, cell.seed); };
  std::map<fs::path, PlannedCell> cells;
  for (PlannedCell& cell : old_plan) cells.insert_or_assign(folder(cell), std::move(cell));
  for (const PlannedCell& cell : added) cells.insert_or_assign(folder(cell), cell);
  std::vector<PlannedCell> joined;
  for (auto& [path, cell] : cells) joined.push_back(std::move(cell));
  std::sort(joined.begin(), joined.end(),
            [&](const PlannedCell& a, const PlannedCell& b) { return key(a) < key(b); });
  return joined;
}

std::string results_csv(const ResultSet& set) {
  std::string text = csv_line(kResultColumns);
  for (const RunResult& r : set.runs) {
    const auto of = [](const std::optional<EvaluationPoint>& point, const auto& get) {
      return point ? csv_number(get(*point)) : "";
    };
    const auto score = [](const EvaluationPoint& p) { return std::optional(p.return_mean); };
    const auto wins = [](const EvaluationPoint& p) { return p.win_rate; };
    text += csv_line(
        {r.names.task, r.env, r.names.algorithm, fmt::format("{}", r.seed), r.profile, r.status,
         whole(r.env_steps), whole(r.episodes), whole(r.updates),
         whole(r.evaluations.empty() ? 0 : r.evaluations.back().episodes), of(r.final, score),
         of(r.final, [](const EvaluationPoint& p) { return p.return_std; }),
         of(r.final, [](const EvaluationPoint& p) { return p.length_mean; }), of(r.final, wins),
         of(r.final, [](const EvaluationPoint& p) { return p.entropy_mean; }),
         r.absolute ? whole(r.absolute->t_env) : "", r.absolute ? whole(r.absolute->episodes) : "",
         of(r.absolute, score), of(r.absolute, wins)});
  }
  return text;
}

std::string curves_csv(const ResultSet& set) {
  std::string text = csv_line(kCurveColumns);
  for (const RunResult& r : set.runs)
    for (const EvaluationPoint& p : r.evaluations)
      text +=
          csv_line({r.names.task, r.names.algorithm, fmt::format("{}", r.seed), whole(p.t_env),
                    csv_number(p.return_mean), csv_number(p.return_std), csv_number(p.length_mean),
                    csv_number(p.win_rate), csv_number(p.entropy_mean), credits_text(p.credits)});
  return text;
}

std::vector<FolderRun> read_suite_folder(const fs::path& folder, bool verify) {
  const fs::path path = folder_file(folder, "plan.csv");
  return as_user_error([&] {
    std::vector<FolderRun> found;
    std::error_code error;
    const bool has_runs = fs::is_directory(folder / "runs", error);
    std::optional<CompactFolder> compact;
    std::string commit;
    if (!has_runs && fs::exists(folder / "results.csv", error)) {
      const SuiteManifest manifest = read_suite_manifest(folder).value_or(SuiteManifest{});
      commit = manifest.commit;
      if (verify) require_unchanged(changed_files(folder, manifest.sha256));
      compact.emplace(folder);
    }
    for (const PlannedCell& cell : parse_plan_csv(read_text(path), path.string())) {
      FolderRun entry{{}, cell.task_rank, cell.algorithm_rank};
      RunResult& run = entry.run;
      const fs::path cell_path = folder / cell_folder(cell.names, cell.seed);
      if (has_runs && holds_run(cell_path)) {
        run = read_run_result(cell_path, verify);
      } else {
        run.names = cell.names;
        run.env = cell.env;
        run.base_algorithm = cell.base_algorithm;
        run.env_settings = cell.env_settings;
        run.profile = cell.profile;
        run.seed = cell.seed;
        run.status = "missing";
        run.run_id = cell.run_id;
        run.settings_id = cell.settings_id;
        run.t_max = cell.t_max;
        if (compact) compact->fill(run);
        if (run.status != "missing") run.commit = commit;
      }
      found.push_back(std::move(entry));
    }
    return found;
  });
}

}  // namespace credo::suite
