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
#include "suite/results/credit_results.hpp"
#include "suite/results/suite_manifest.hpp"
#include "suite/results/training_results.hpp"
#include "suite/run/integrity.hpp"
#include "suite/run/runner.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> joined_columns(const std::vector<std::string>& before,
                                        std::string_view EvaluationMetric::*name,
                                        const std::vector<std::string>& after) {
  std::vector<std::string> columns = before;
  for (const EvaluationMetric& metric : kEvaluationMetrics)
    if (!(metric.*name).empty()) columns.emplace_back(metric.*name);
  columns.insert(columns.end(), after.begin(), after.end());
  return columns;
}

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
      : results_path_((folder / "results.csv").string()),
        results_(read_text(folder_file(folder, "results.csv")), results_path_),
        curves_path_((folder / "curves.csv").string()),
        curves_(read_text(folder_file(folder, "curves.csv")), curves_path_) {
    results_.need(results_columns());
    curves_.need(curves_columns());
    const fs::path credits = folder_file(folder, "credits.csv");
    std::error_code error;
    if (fs::exists(credits, error))
      credits_ = parse_credits_csv(read_text(credits), credits.string());
    const fs::path training = folder_file(folder, "training.csv");
    if (fs::exists(training, error))
      training_ = parse_training_csv(read_text(training), training.string());
    for (std::size_t row = 0; row < results_.n_rows(); ++row) rows_[key_of(results_, row)] = row;
    for (std::size_t row = 0; row < curves_.n_rows(); ++row)
      points_[key_of(curves_, row)].push_back(row);
    for (RecordedRun& record : read_run_records(folder)) {
      const CellKey key{record.names.task, record.names.algorithm,
                        static_cast<std::int64_t>(record.seed)};
      records_.insert_or_assign(key, std::move(record));
    }
  }

  void fill(RunResult& run) const {
    const CellKey key{run.names.task, run.names.algorithm, static_cast<std::int64_t>(run.seed)};
    const auto found = rows_.find(key);
    if (found == rows_.end()) return;
    const std::size_t row = found->second;
    const auto status = find_status(results_.text(row, "status"));
    if (!status)
      throw UserError(fmt::format("{}:{}: status = '{}': unknown", results_path_, row + 2,
                                  one_line(results_.text(row, "status"))));
    run.status = *status;
    if (const auto record = records_.find(key); record != records_.end())
      run.record = record->second;
    run.env_steps = results_.integer(row, "env_steps");
    run.episodes = results_.integer(row, "episodes");
    run.updates = results_.integer(row, "updates");
    if (const auto points = points_.find(key); points != points_.end())
      for (const std::size_t point : points->second) run.evaluations.push_back(read_point(point));
    const auto n = static_cast<int>(results_.integer(row, "eval_episodes"));
    for (EvaluationPoint& point : run.evaluations) point.episodes = n;
    if (const auto credits = credits_.find(key); credits != credits_.end())
      run.credits = credits->second;
    if (const auto training = training_.find(key); training != training_.end())
      run.training = training->second;
    const EvaluationMetric& score = kEvaluationMetrics[kReturnMetric];
    if (results_.number(row, score.column) && !run.evaluations.empty())
      run.final = run.evaluations.back();
    if (!results_.number(row, score.absolute)) return;
    EvaluationPoint& point = run.absolute.emplace();
    point.t_env = results_.integer(row, "absolute_t_env");
    point.episodes = static_cast<int>(results_.integer(row, "absolute_episodes"));
    for (std::size_t i = 0; i < kEvaluationMetrics.size(); ++i)
      if (const auto column = kEvaluationMetrics[i].absolute; !column.empty())
        point.values[i] = results_.number(row, column);
  }

 private:
  EvaluationPoint read_point(std::size_t row) const {
    EvaluationPoint point;
    point.t_env = curves_.integer(row, "t_env");
    for (std::size_t i = 0; i < kEvaluationMetrics.size(); ++i)
      point.values[i] = curves_.number(row, kEvaluationMetrics[i].column);
    point.credits =
        parse_credits(curves_.text(row, "credits"), fmt::format("{}:{}", curves_path_, row + 2));
    return point;
  }

  std::string results_path_;
  CsvTable results_;
  std::string curves_path_;
  CsvTable curves_;
  std::map<CellKey, std::size_t> rows_;
  std::map<CellKey, std::vector<std::size_t>> points_;
  CreditsByRun credits_;
  TrainingByRun training_;
  std::map<CellKey, RecordedRun> records_;
};

}  // namespace

std::vector<std::string> plan_columns() {
  return {"task",    "env",   "env_settings", "algorithm",      "base_algorithm", "seed",
          "profile", "t_max", "task_rank",    "algorithm_rank", "settings_id",    "run_id"};
}

std::vector<std::string> results_columns() {
  return joined_columns(
      joined_columns({"task", "env", "algorithm", "seed", "profile", "status", "env_steps",
                      "episodes", "updates", "eval_episodes"},
                     &EvaluationMetric::column, {"absolute_t_env", "absolute_episodes"}),
      &EvaluationMetric::absolute, {});
}

std::vector<std::string> curves_columns() {
  return joined_columns({"task", "algorithm", "seed", "t_env"}, &EvaluationMetric::column,
                        {"credits"});
}

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
  std::string text = csv_line(plan_columns());
  for (const PlannedCell& cell : cells)
    text += csv_line({cell.names.task, cell.env, cell.env_settings, cell.names.algorithm,
                      cell.base_algorithm, fmt::format("{}", cell.seed), cell.profile,
                      whole(cell.t_max), whole(cell.task_rank), whole(cell.algorithm_rank),
                      cell.settings_id, cell.run_id});
  return text;
}

std::vector<PlannedCell> parse_plan_csv(std::string_view text, const std::string& label) {
  const CsvTable table(text, label);
  table.need(plan_columns());
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
  std::string text = csv_line(results_columns());
  for (const RunResult& r : set.runs) {
    std::vector<std::string> fields = {
        r.names.task,       r.env,
        r.names.algorithm,  fmt::format("{}", r.seed),
        r.profile,          std::string(status_name(r.status)),
        whole(r.env_steps), whole(r.episodes),
        whole(r.updates),   whole(r.evaluations.empty() ? 0 : r.evaluations.back().episodes)};
    for (std::size_t i = 0; i < kEvaluationMetrics.size(); ++i)
      fields.push_back(r.final ? csv_number(r.final->values[i]) : "");
    fields.push_back(r.absolute ? whole(r.absolute->t_env) : "");
    fields.push_back(r.absolute ? whole(r.absolute->episodes) : "");
    for (std::size_t i = 0; i < kEvaluationMetrics.size(); ++i)
      if (!kEvaluationMetrics[i].absolute.empty())
        fields.push_back(r.absolute ? csv_number(r.absolute->values[i]) : "");
    text += csv_line(fields);
  }
  return text;
}

std::string curves_csv(const ResultSet& set) {
  std::string text = csv_line(curves_columns());
  for (const RunResult& r : set.runs)
    for (const EvaluationPoint& p : r.evaluations) {
      std::vector<std::string> fields = {r.names.task, r.names.algorithm, fmt::format("{}", r.seed),
                                         whole(p.t_env)};
      for (const auto& value : p.values) fields.push_back(csv_number(value));
      fields.push_back(credits_text(p.credits));
      text += csv_line(fields);
    }
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
      FolderRun entry{
          .run = {}, .task_rank = cell.task_rank, .algorithm_rank = cell.algorithm_rank};
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
        run.status = RunStatus::kMissing;
        run.run_id = cell.run_id;
        run.settings_id = cell.settings_id;
        run.t_max = cell.t_max;
        if (compact) compact->fill(run);
        if (run.status != RunStatus::kMissing) run.commit = commit;
      }
      found.push_back(std::move(entry));
    }
    return found;
  });
}

}  // namespace credo::suite
