#include "suite/results/summary.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>

#include "envs/core/error.hpp"
#include "suite/results/task_bounds.hpp"

namespace credo::suite {
namespace {

std::string status_text(const std::map<std::string_view, int>& statuses, int n_done,
                        int n_planned) {
  if (n_done == n_planned) return "done";
  std::string text = fmt::format("{}/{} done", n_done, n_planned);
  for (const auto& [status, count] : statuses) text += fmt::format(", {} {}", count, status);
  return text;
}

SummaryRow summarize_row(const RowRuns& of) {
  SummaryRow row;
  row.task = of.runs.front()->names.task;
  row.algorithm = of.runs.front()->names.algorithm;
  row.n_planned = static_cast<int>(of.runs.size());
  row.measure = of.measure;
  int n_done = 0;
  std::map<std::string_view, int> others;
  for (const RunResult* run : of.runs) {
    if (run->status == RunStatus::kDone)
      ++n_done;
    else
      ++others[status_name(run->status)];
    if (run->final) row.seeds.push_back(run->seed);
  }
  for (std::size_t i = 0; i < kRowStatistics.size(); ++i) row.values[i] = kRowStatistics[i].of(of);
  row.is_done = n_done == row.n_planned;
  row.status = status_text(others, n_done, row.n_planned);
  return row;
}

}  // namespace

Measure measure_of(const ResultSet& set, std::string_view task) {
  for (const RunResult& run : set.runs)
    if (run.names.task == task &&
        ((run.final && run.final->values[kWinMetric]) ||
         (!run.evaluations.empty() && run.evaluations.front().values[kWinMetric])))
      return Measure::kWinRate;
  return Measure::kReturn;
}

std::vector<SummaryRow> summarize(const ResultSet& set) {
  std::vector<SummaryRow> rows;
  for (std::size_t begin = 0; begin < set.runs.size();) {
    std::vector<const RunResult*> runs;
    const RunNames& names = set.runs[begin].names;
    for (; begin < set.runs.size() && set.runs[begin].names.task == names.task &&
           set.runs[begin].names.algorithm == names.algorithm;
         ++begin)
      runs.push_back(&set.runs[begin]);
    rows.push_back(summarize_row({.runs = runs, .measure = measure_of(set, names.task)}));
  }
  return rows;
}

std::optional<double> score_of(const RunResult& run, ScoreKind kind) {
  const auto& point = kind == ScoreKind::kFinal ? run.final : run.absolute;
  return point ? std::optional(point->return_mean()) : std::nullopt;
}

NormalisedScores normalised_scores(const ResultSet& set, ScoreKind kind,
                                   const ResultSet* bounds_of) {
  NormalisedScores out;
  for (const std::string& task : set.tasks) {
    TaskBounds found = task_bounds(bounds_of == nullptr ? set : *bounds_of, task);
    if (!found.bounds) {
      out.left_out.emplace_back(task, std::move(found.why_not));
      continue;
    }
    out.tasks.push_back(task);
    if (!found.is_published)
      out.own_bounds.emplace_back(
          task,
          fmt::format("0 at {:.4g}, {}; 1 at {:.4g}, {}", found.bounds->random,
                      found.bounds->random_source, found.bounds->best, found.bounds->best_source));
    out.bounds.push_back(*std::move(found.bounds));
  }
  if (out.tasks.empty()) return out;
  for (const std::string& name : set.algorithms) {
    NormalisedScores::Algorithm algorithm{.name = name, .scores = {}, .seeds = {}};
    std::vector<std::string> without;
    for (std::size_t k = 0; k < out.tasks.size(); ++k) {
      const std::string& task = out.tasks[k];
      auto& scores = algorithm.scores.emplace_back();
      auto& seeds = algorithm.seeds.emplace_back();
      for (const RunResult* run : set.of(task, name)) {
        const auto score = score_of(*run, kind);
        if (!score) continue;
        scores.push_back(out.bounds[k].normalise(*score));
        seeds.push_back(run->seed);
      }
      if (scores.empty()) without.push_back(task);
    }
    if (without.empty()) {
      out.algorithms.push_back(std::move(algorithm));
    } else {
      out.left_out.emplace_back(name, fmt::format("no finished run on {}{}", without.front(),
                                                  without.size() > 1 ? " and others" : ""));
    }
  }
  return out;
}

std::vector<AggregateRow> aggregate(const NormalisedScores& scores) {
  std::vector<AggregateRow> rows;
  for (const auto& algorithm : scores.algorithms) {
    AggregateRow row{
        .algorithm = algorithm.name, .n_runs = 0, .scores = aggregate_scores(algorithm.scores)};
    for (const auto& task : algorithm.scores) row.n_runs += task.size();
    rows.push_back(std::move(row));
  }
  return rows;
}

PairRow compare_pair(const NormalisedScores::Algorithm& x, const NormalisedScores::Algorithm& y) {
  CREDO_CHECK(x.scores.size() == y.scores.size(), "both algorithms need the same tasks");
  PairRow row;
  row.x = x.name;
  row.y = y.name;
  row.improvement = estimate_improvement(x.scores, y.scores);
  ScoreTable differences;
  for (std::size_t task = 0; task < x.scores.size(); ++task) {
    std::vector<double> of_task;
    for (std::size_t i = 0; i < x.seeds[task].size(); ++i) {
      const auto& seeds = y.seeds[task];
      const auto found = std::find(seeds.begin(), seeds.end(), x.seeds[task][i]);
      if (found == seeds.end()) continue;
      const auto k = static_cast<std::size_t>(found - seeds.begin());
      of_task.push_back(x.scores[task][i] - y.scores[task][k]);
    }
    row.n_pairs += of_task.size();
    if (!of_task.empty()) differences.push_back(std::move(of_task));
  }
  if (differences.empty()) return row;
  row.difference = estimate_mean_difference(differences);
  row.p_value = sign_flip_p_value(differences);
  return row;
}

std::vector<ScoreTable> scores_over_training(const ResultSet& set, const NormalisedScores& scores,
                                             const std::string& algorithm, int n_moments) {
  CREDO_CHECK(n_moments > 1, "a curve needs at least two moments");
  std::vector<ScoreTable> moments(static_cast<std::size_t>(n_moments),
                                  ScoreTable(scores.tasks.size()));
  for (std::size_t task = 0; task < scores.tasks.size(); ++task) {
    const Bounds& bounds = scores.bounds[task];
    for (const RunResult* run : set.of(scores.tasks[task], algorithm)) {
      if (!run->final) continue;
      std::size_t at = 0;
      for (std::size_t m = 0; m < moments.size(); ++m) {
        const double part = static_cast<double>(m) / static_cast<double>(n_moments - 1);
        const double t_env = part * static_cast<double>(run->t_max);
        while (at + 1 < run->evaluations.size() &&
               (m + 1 == moments.size() ||
                static_cast<double>(run->evaluations[at + 1].t_env) <= t_env))
          ++at;
        moments[m][task].push_back(bounds.normalise(run->evaluations[at].return_mean()));
      }
    }
  }
  return moments;
}

}  // namespace credo::suite
