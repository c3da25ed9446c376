#include "suite/report/report.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>

#include "envs/core/error.hpp"
#include "envs/core/registry.hpp"
#include "suite/common/text.hpp"

namespace credo::suite {
namespace {

std::string joined_or_none(const std::vector<std::string>& parts) {
  return parts.empty() ? "none" : joined(parts);
}

// "500,000 (switch/2, stag_hunt/8x8)", tasks with the same budget together.
std::string budgets_of(const ResultSet& set) {
  std::map<std::string, std::int64_t> of_task;
  for (const RunResult& run : set.runs)
    if (!is_fixed_policy(run.base_algorithm))
      of_task[run.names.task] = std::max(of_task[run.names.task], run.t_max);
  std::vector<std::pair<std::int64_t, std::vector<std::string>>> groups;
  for (const std::string& task : set.tasks) {
    const std::int64_t budget = of_task[task];
    if (budget == 0) continue;
    auto at = std::find_if(groups.begin(), groups.end(),
                           [&](const auto& group) { return group.first == budget; });
    if (at == groups.end()) at = groups.insert(at, {budget, {}});
    at->second.push_back(task);
  }
  std::vector<std::string> texts;
  for (const auto& [budget, tasks] : groups)
    texts.push_back(fmt::format("{} ({})", with_thousands(budget), joined_or_none(tasks)));
  return joined_or_none(texts);
}

}  // namespace

std::string noop_note(const std::string& env) {
  const auto made = make_env(env);
  if (made->spec().noop_action) return "";
  return fmt::format(
      "noop: {} has no action that does nothing; the lowest-numbered available action is played.",
      env);
}

TableNotes make_notes(const ResultSet& set, const std::vector<SummaryRow>& rows) {
  TableNotes notes;
  std::vector<std::string> profiles;
  std::vector<std::string> episodes;
  std::vector<std::string> absolute_episodes;
  std::vector<std::string> searches;
  std::vector<std::uint64_t> seeds;
  for (const RunResult& run : set.runs) {
    add_once(profiles, run.profile);
    if (run.base_algorithm == "open_loop") add_once(searches, with_thousands(run.t_max));
    if (run.final) add_once(episodes, fmt::format("{}", run.final->episodes));
    if (run.absolute) add_once(absolute_episodes, fmt::format("{}", run.absolute->episodes));
    if (std::find(seeds.begin(), seeds.end(), run.seed) == seeds.end()) seeds.push_back(run.seed);
    const bool is_first = notes.by_task.empty() || notes.by_task.back().first != run.names.task;
    if (run.base_algorithm != "noop" || !is_first || !is_env(run.env)) continue;
    if (const std::string note = noop_note(run.env); !note.empty())
      notes.by_task.emplace_back(run.names.task, note);
  }
  std::sort(seeds.begin(), seeds.end());
  const auto commits = set.commits();
  notes.footer = {
      fmt::format("{}profile {}, seeds {}, commit {}.",
                  set.suite.empty() ? fmt::format("{} runs, ", set.runs.size())
                                    : fmt::format("Suite {}, ", set.suite),
                  joined_or_none(profiles), seed_list_text(seeds), joined_or_none(commits)),
      fmt::format("Training budget in environment steps: {}.", budgets_of(set)),
  };
  for (std::size_t i = 0; i < kRowStatistics.size(); ++i) {
    const RowStatistic& one = kRowStatistics[i];
    // Between the statistics of every table and those of some.
    if (one.shown == Shown::kWhereThere && !searches.empty()) {
      notes.footer.push_back(
          fmt::format("open_loop: the best plan of a search of at most {} environment steps.",
                      joined(searches)));
      searches.clear();
    }
    const bool is_there = one.shown != Shown::kWhereThere ||
                          std::any_of(rows.begin(), rows.end(), [i](const SummaryRow& row) {
                            return row.values[i].has_value();
                          });
    if (is_there && !one.footnote.empty())
      notes.footer.push_back(
          fmt::format(fmt::runtime(one.footnote), fmt::arg("episodes", joined_or_none(episodes)),
                      fmt::arg("absolute_episodes", joined_or_none(absolute_episodes))));
  }
  return notes;
}

std::string few_values_note(const std::vector<SummaryRow>& rows) {
  const auto some = [&](std::size_t least, std::size_t most) {
    return std::any_of(rows.begin(), rows.end(), [&](const SummaryRow& row) {
      return row.seeds.size() >= least && row.seeds.size() <= most;
    });
  };
  std::string text;
  if (some(1, kFewestForInterval - 1)) text = "One seed has no interval.";
  if (some(kFewestForInterval, kFewValues - 1))
    text += fmt::format(
        "{}Intervals from fewer than five seeds are too narrow: two hold the centre of the "
        "distribution half of the time, three three quarters.",
        text.empty() ? "" : " ");
  return text;
}

Report make_report(const ResultSet& set, const std::string& baseline) {
  Report report;
  report.suite = set.suite;
  report.rows = summarize(set);
  report.scores = normalised_scores(set);
  report.aggregates = aggregate(report.scores);
  report.notes = make_notes(set, report.rows);
  if (std::string note = few_values_note(report.rows); !note.empty())
    report.notes.footer.push_back(std::move(note));
  const std::string name = baseline.empty() ? "qmix" : baseline;
  const auto& algorithms = report.scores.algorithms;
  const auto base = std::find_if(algorithms.begin(), algorithms.end(),
                                 [&](const auto& algorithm) { return algorithm.name == name; });
  if (base == algorithms.end()) {
    if (baseline.empty()) return report;
    std::vector<std::string> names;
    for (const auto& algorithm : algorithms) names.push_back(algorithm.name);
    throw UserError("--baseline: " + unknown_name_message("algorithm", name, names));
  }
  for (const auto& algorithm : algorithms)
    if (algorithm.name != name) report.pairs.push_back(compare_pair(algorithm, *base));
  return report;
}

}  // namespace credo::suite
