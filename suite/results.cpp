#include "suite/results.hpp"

#include <algorithm>
#include <map>
#include <system_error>
#include <tuple>

#include "envs/core/error.hpp"
#include "envs/core/registry.hpp"
#include "suite/config.hpp"
#include "suite/metrics.hpp"
#include "suite/run_directory.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;

int count_final_episodes(const fs::path& path, std::int64_t t_env) {
  const std::string text = read_text(path);
  const std::string prefix = std::to_string(t_env) + ",";
  int count = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    if (text.compare(begin, prefix.size(), prefix) == 0) ++count;
    begin = end + 1;
  }
  return count;
}

}  // namespace

RunResult read_run_result(const fs::path& directory) {
  const Manifest manifest = read_manifest(directory);
  RunResult result;
  result.task = manifest.names.task;
  result.env = manifest.env;
  result.algorithm = manifest.names.algorithm;
  result.profile = manifest.profile;
  result.seed = manifest.seed;
  result.status = status_name(manifest.status);
  result.reason = manifest.reason;
  result.env_steps = manifest.env_steps;
  result.episodes = manifest.episodes;
  result.updates = manifest.updates;
  result.commit = manifest.commit;
  result.wall_s = manifest.wall_s;
  const fs::path metrics_path = directory / "metrics.jsonl";
  std::error_code error;
  if (!fs::exists(metrics_path, error)) return result;
  try {
    for (const MetricsEvent& event :
         parse_metrics(read_text(metrics_path), metrics_path.string())) {
      const auto return_mean = event.find("test_return_mean");
      if (!return_mean) continue;
      result.curve.push_back({event.t_env, *return_mean, event.find("entropy_mean")});
      if (event.event != "final" || manifest.status != RunStatus::kDone) continue;
      result.return_mean = return_mean;
      result.return_std = event.find("test_return_std");
      result.length_mean = event.find("test_ep_length_mean");
      result.win_rate = event.find("test_battle_won_mean");
      result.entropy_mean = event.find("entropy_mean");
      result.final_episodes = count_final_episodes(directory / "eval_episodes.csv", event.t_env);
    }
  } catch (const FileError& problem) {
    throw UserError(problem.what());
  }
  return result;
}

std::vector<fs::path> find_runs(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) throw UserError(path.string() + " is not a folder");
  std::vector<fs::path> found;
  const auto is_run = [](const fs::path& folder) {
    if (!holds_run(folder)) return false;
    // A suite keeps a manifest of its own beside its runs.
    std::error_code missing;
    return fs::exists(folder / "config.toml", missing);
  };
  if (is_run(path)) return {path};
  for (auto it = fs::recursive_directory_iterator(path, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    if (it->is_directory(error) && is_run(it->path())) {
      found.push_back(it->path());
      it.disable_recursion_pending();
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

void sort_results(std::vector<RunResult>& results) {
  const auto envs = list_envs();
  const auto algorithms = algorithm_names();
  const auto place = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) - names.begin();
  };
  const auto key = [&](const RunResult& r) {
    return std::tuple(place(envs, r.env), r.task, place(algorithms, r.algorithm), r.algorithm,
                      r.seed);
  };
  std::stable_sort(results.begin(), results.end(),
                   [&](const RunResult& a, const RunResult& b) { return key(a) < key(b); });
}

std::vector<SummaryRow> summarize(const std::vector<RunResult>& results) {
  struct Group {
    std::vector<double> returns, entropies, win_rates;
    std::map<std::string, int> statuses;
  };
  std::vector<SummaryRow> rows;
  std::vector<Group> groups;
  for (const RunResult& result : results) {
    std::size_t at = 0;
    while (at < rows.size() &&
           (rows[at].task != result.task || rows[at].algorithm != result.algorithm))
      ++at;
    if (at == rows.size()) {
      SummaryRow row;
      row.task = result.task;
      row.algorithm = result.algorithm;
      rows.push_back(std::move(row));
      groups.emplace_back();
    }
    ++rows[at].n_planned;
    ++groups[at].statuses[result.status];
    if (!result.return_mean) continue;
    rows[at].seeds.push_back(result.seed);
    groups[at].returns.push_back(*result.return_mean);
    if (result.entropy_mean) groups[at].entropies.push_back(*result.entropy_mean);
    if (result.win_rate) groups[at].win_rates.push_back(*result.win_rate);
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    SummaryRow& row = rows[i];
    const Group& group = groups[i];
    if (!group.returns.empty()) {
      const ScoreTable scores = {group.returns};
      const auto iqm = [](const ScoreTable& table) { return interquartile_mean(table); };
      row.return_mean = mean(group.returns);
      row.return_iqm = iqm(scores);
      row.iqm_interval = bootstrap_interval(scores, iqm);
    }
    if (!group.entropies.empty()) row.entropy_mean = mean(group.entropies);
    if (!group.win_rates.empty()) row.win_rate = mean(group.win_rates);
    const auto done = group.statuses.find("done");
    if (done != group.statuses.end() && done->second == row.n_planned) {
      row.status = "done";
      continue;
    }
    row.status = std::to_string(done == group.statuses.end() ? 0 : done->second) + "/" +
                 std::to_string(row.n_planned) + " done";
    for (const auto& [status, count] : group.statuses)
      if (status != "done") row.status += ", " + std::to_string(count) + " " + status;
  }
  return rows;
}

}  // namespace credo::suite
