#include "suite/results/marl_eval.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <set>

#include "envs/core/error.hpp"
#include "suite/common/json.hpp"
#include "suite/common/npz.hpp"
#include "suite/common/text.hpp"
#include "suite/results/marl_eval_rules.hpp"

namespace credo::suite {
namespace {

// Episodes of the absolute metric for each of a step's.
constexpr std::size_t kAbsoluteFactor = 10;
// A final evaluation this much nearer to the one before than the mean gap is no step.
constexpr double kShortGap = 0.75;

// What becomes one environment of the file: tasks of one family and budget.
struct Group {
  std::string name;
  std::vector<const RunResult*> runs;
  std::vector<std::string> tasks;
  std::vector<std::string> algorithms;
  std::vector<std::uint64_t> seeds;
  std::size_t n_steps = 1;
  bool has_wins = true;

  const RunResult* find(const std::string& task, const std::string& algorithm,
                        std::uint64_t seed) const {
    for (const RunResult* run : runs)
      if (run->names.task == task && run->names.algorithm == algorithm && run->seed == seed)
        return run;
    return nullptr;
  }
};

bool is_complete(const RunResult* run) { return run != nullptr && run->final && run->absolute; }

std::string family_of(const std::string& task) { return task.substr(0, task.find_first_of("/@")); }

std::string runs_text(std::size_t n) { return fmt::format("{} {}", n, n == 1 ? "run" : "runs"); }

// "switch/2/vdn: seeds 0-1 diverged", every row with runs that have no score.
std::vector<std::string> without_score(const ResultSet& set, bool needs_absolute) {
  std::map<std::pair<std::string, std::string>, std::vector<std::uint64_t>> found;
  std::vector<std::pair<std::string, std::string>> order;
  for (const RunResult& run : set.runs) {
    if (run.final && (!needs_absolute || run.absolute)) continue;
    const std::string why =
        run.final ? "without its absolute metric" : std::string(status_name(run.status));
    const std::pair key(fmt::format("{}/{}", run.names.task, run.names.algorithm), why);
    if (!found.contains(key)) order.push_back(key);
    found[key].push_back(run.seed);
  }
  std::vector<std::string> texts;
  for (const auto& key : order)
    texts.push_back(fmt::format("{}: seed{} {} {}", key.first, found[key].size() == 1 ? "" : "s",
                                seed_list_text(found[key]), key.second));
  return texts;
}

std::vector<Group> groups_of(const ResultSet& set) {
  std::vector<std::string> families;
  for (const std::string& task : set.tasks) add_once(families, family_of(task));
  std::vector<Group> groups;
  for (const std::string& family : families) {
    std::set<std::int64_t> budgets;
    for (const RunResult& run : set.runs)
      if (family_of(run.names.task) == family && !is_fixed_policy(run.base_algorithm))
        budgets.insert(run.t_max);
    if (budgets.empty()) budgets.insert(0);  // nothing learns here
    for (const std::int64_t budget : budgets) {
      Group group;
      group.name = budgets.size() == 1 ? family : fmt::format("{}-{}", family, budget);
      for (const RunResult& run : set.runs)
        if (family_of(run.names.task) == family &&
            (budget == 0 || (!is_fixed_policy(run.base_algorithm) && run.t_max == budget)))
          add_once(group.tasks, run.names.task);
      for (const RunResult& run : set.runs) {
        const bool is_in = is_fixed_policy(run.base_algorithm) || run.t_max == budget;
        if (is_in &&
            std::find(group.tasks.begin(), group.tasks.end(), run.names.task) != group.tasks.end())
          group.runs.push_back(&run);
      }
      groups.push_back(std::move(group));
    }
  }
  return groups;
}

// A curve's evaluations: each step once, without a final one that comes too soon after the last.
struct Curve {
  std::vector<std::size_t> places;  ///< in RunResult::evaluations
  bool drops_final = false;
};

Curve curve_of(const RunResult& run) {
  Curve curve;
  const auto& points = run.evaluations;
  for (std::size_t i = 0; i < points.size(); ++i)
    if (i + 1 == points.size() || points[i + 1].t_env > points[i].t_env) curve.places.push_back(i);
  const std::size_t n = curve.places.size();
  if (n < 3) return curve;
  const auto at = [&](std::size_t k) { return static_cast<double>(points[curve.places[k]].t_env); };
  const double mean_gap = (at(n - 2) - at(0)) / static_cast<double>(n - 2);
  curve.drops_final = at(n - 1) - at(n - 2) < kShortGap * mean_gap;
  if (curve.drops_final) curve.places.pop_back();
  return curve;
}

// Algorithms that finished on every task, then the seeds all of them share.
void keep_common_runs(const ResultSet& set, Group& group, Export& out) {
  for (const std::string& algorithm : set.algorithms) {
    std::vector<std::string> missing;
    bool is_here = false;
    for (const std::string& task : group.tasks) {
      bool has_run = false;
      for (const RunResult* run : group.runs)
        if (run->names.task == task && run->names.algorithm == algorithm) {
          is_here = true;
          has_run = has_run || is_complete(run);
        }
      if (!has_run) missing.push_back(task);
    }
    if (missing.empty()) group.algorithms.push_back(algorithm);
    if (is_here && !missing.empty())
      out.left_out.push_back(
          fmt::format("{}/{}: no finished run on {}", group.name, algorithm, joined(missing)));
  }
  std::set<std::uint64_t> seeds;
  std::size_t n_complete = 0;
  for (const RunResult* run : group.runs) {
    const auto& names = group.algorithms;
    if (!is_complete(run) ||
        std::find(names.begin(), names.end(), run->names.algorithm) == names.end())
      continue;
    seeds.insert(run->seed);
    ++n_complete;
  }
  std::vector<std::uint64_t> partial;
  for (const std::uint64_t seed : seeds) {
    bool everywhere = true;
    for (const std::string& task : group.tasks)
      for (const std::string& algorithm : group.algorithms)
        everywhere = everywhere && is_complete(group.find(task, algorithm, seed));
    (everywhere ? group.seeds : partial).push_back(seed);
  }
  const std::size_t n_kept = group.tasks.size() * group.algorithms.size() * group.seeds.size();
  if (n_kept < n_complete)
    out.left_out.push_back(fmt::format(
        "{}: {} of seed{} {}, which not every task and algorithm has", group.name,
        runs_text(n_complete - n_kept), partial.size() == 1 ? "" : "s", seed_list_text(partial)));
}

// The steps of the shortest run; longer ones must have a whole multiple of its intervals.
void fit_steps(Group& group, Export& out) {
  std::size_t n_dropped = 0;
  const auto lengths_of = [&](const std::string& algorithm) {
    std::vector<std::size_t> lengths;
    for (const std::string& task : group.tasks)
      for (const std::uint64_t seed : group.seeds)
        lengths.push_back(curve_of(*group.find(task, algorithm, seed)).places.size());
    return lengths;
  };
  for (bool is_stable = false; !is_stable;) {
    is_stable = true;
    std::size_t shortest = 0;
    for (const std::string& algorithm : group.algorithms)
      for (const std::size_t n : lengths_of(algorithm))
        if (n > 1) shortest = shortest == 0 ? n : std::min(shortest, n);
    group.n_steps = std::max(shortest, std::size_t{1});
    for (auto algorithm = group.algorithms.begin(); algorithm != group.algorithms.end();
         ++algorithm) {
      const auto lengths = lengths_of(*algorithm);
      const bool fits = std::all_of(lengths.begin(), lengths.end(), [&](std::size_t n) {
        return n < 2 || (n - 1) % (group.n_steps - 1) == 0;
      });
      if (fits) continue;
      out.left_out.push_back(fmt::format(
          "{}/{}: its numbers of evaluations ({}) have no common spacing with {}", group.name,
          *algorithm, *std::max_element(lengths.begin(), lengths.end()), group.n_steps));
      group.algorithms.erase(algorithm);
      is_stable = false;
      break;
    }
  }
  for (const std::string& task : group.tasks)
    for (const std::string& algorithm : group.algorithms)
      for (const std::uint64_t seed : group.seeds) {
        const RunResult& run = *group.find(task, algorithm, seed);
        group.has_wins =
            group.has_wins && run.final->values[kWinMetric] && run.absolute->values[kWinMetric];
        n_dropped += curve_of(run).drops_final ? 1U : 0U;
      }
  if (n_dropped > 0)
    out.notes.push_back(
        fmt::format("{}: the final evaluation of {} is no step, for it comes sooner after the last "
                    "than evaluations do; absolute_metrics is unaffected",
                    group.name, runs_text(n_dropped)));
}

Json metrics(const EvaluationPoint& point, const std::vector<EpisodeRow>* episodes, bool has_wins) {
  Json values = Json::array();
  if (episodes == nullptr) {
    values.push_back(point.return_mean());
  } else {
    for (const EpisodeRow& episode : *episodes) values.push_back(episode.episode_return);
  }
  Json out;
  out["return"] = std::move(values);
  if (has_wins) out["win_rate"] = Json::array({point.values[kWinMetric].value_or(0.0)});
  return out;
}

// step_count of every step, from a run that learns on this task.
std::vector<std::int64_t> step_counts(const Group& group, const std::string& task) {
  for (const RunResult* run : group.runs) {
    if (run->names.task != task || !is_complete(run)) continue;
    const Curve curve = curve_of(*run);
    const std::size_t n = curve.places.size();
    if (n < 2 || group.n_steps < 2 || (n - 1) % (group.n_steps - 1) != 0) continue;
    std::vector<std::int64_t> counts;
    for (std::size_t k = 0; k < group.n_steps; ++k)
      counts.push_back(run->evaluations[curve.places[k * ((n - 1) / (group.n_steps - 1))]].t_env);
    return counts;
  }
  std::vector<std::int64_t> counts;
  for (std::size_t k = 0; k < group.n_steps; ++k) counts.push_back(static_cast<std::int64_t>(k));
  return counts;
}

Json run_json(const RunResult& run, const Group& group, const std::vector<std::int64_t>& counts,
              std::size_t& n_averaged) {
  const auto episodes = read_episodes(run);
  const Curve curve = curve_of(run);
  const std::size_t n = curve.places.size();
  Json out;
  std::size_t n_episodes = 1;
  for (std::size_t k = 0; k < group.n_steps; ++k) {
    const bool repeats = n < 2;
    const std::size_t stride = repeats || group.n_steps < 2 ? 0 : (n - 1) / (group.n_steps - 1);
    const std::size_t at = curve.places[repeats ? 0 : k * stride];
    Json step;
    step["step_count"] = repeats ? counts[k] : run.evaluations[at].t_env;
    step.update(
        metrics(run.evaluations[at], episodes.empty() ? nullptr : &episodes[at], group.has_wins));
    n_episodes = step["return"].size();
    out[fmt::format("step_{}", k)] = std::move(step);
  }
  const bool has_all = !episodes.empty() && episodes.back().size() == kAbsoluteFactor * n_episodes;
  if (!episodes.empty() && !has_all) ++n_averaged;
  out["absolute_metrics"] =
      metrics(*run.absolute, has_all ? &episodes.back() : nullptr, group.has_wins);
  return out;
}

struct RliableTable {
  std::vector<std::string> tasks;
  struct Algorithm {
    std::string name;
    std::vector<std::uint64_t> seeds;
    std::vector<double> scores;  ///< [seed][task]
  };
  std::vector<Algorithm> algorithms;
};

RliableTable rliable_table(const ResultSet& set, Export& out) {
  const NormalisedScores scores = normalised_scores(set);
  out.left_out = without_score(set, false);
  for (const auto& [name, why] : scores.left_out) out.left_out.push_back(name + ": " + why);
  RliableTable table{scores.tasks, {}};
  for (const auto& algorithm : scores.algorithms) {
    RliableTable::Algorithm kept{algorithm.name, {}, {}};
    std::vector<std::uint64_t> seeds, partial;
    std::size_t n_runs = 0;
    for (const auto& of_task : algorithm.seeds) {
      n_runs += of_task.size();
      seeds.insert(seeds.end(), of_task.begin(), of_task.end());
    }
    std::sort(seeds.begin(), seeds.end());
    seeds.erase(std::unique(seeds.begin(), seeds.end()), seeds.end());
    for (const std::uint64_t seed : seeds) {
      std::vector<double> row;
      for (std::size_t task = 0; task < scores.tasks.size(); ++task) {
        const auto& of_task = algorithm.seeds[task];
        const auto at = std::find(of_task.begin(), of_task.end(), seed);
        if (at != of_task.end())
          row.push_back(algorithm.scores[task][static_cast<std::size_t>(at - of_task.begin())]);
      }
      const bool is_whole = row.size() == scores.tasks.size();
      (is_whole ? kept.seeds : partial).push_back(seed);
      if (is_whole) kept.scores.insert(kept.scores.end(), row.begin(), row.end());
    }
    if (!partial.empty())
      out.left_out.push_back(fmt::format("{}: {} of {}, of seed{} {}, which not every task has",
                                         algorithm.name, n_runs - kept.scores.size(),
                                         runs_text(n_runs), partial.size() == 1 ? "" : "s",
                                         seed_list_text(partial)));
    if (!kept.seeds.empty()) table.algorithms.push_back(std::move(kept));
  }
  if (table.algorithms.empty())
    throw UserError(
        fmt::format("rliable: no algorithm has a seed that finished on every task with bounds: {}",
                    joined(out.left_out, "; ")));
  return table;
}

Json rliable_head(const RliableTable& table) {
  Json out;
  out["tasks"] = table.tasks;
  out["seeds"] = Json::object();
  for (const auto& algorithm : table.algorithms) out["seeds"][algorithm.name] = algorithm.seeds;
  return out;
}

}  // namespace

Export marl_eval_json(const ResultSet& set) {
  Export out;
  out.left_out = without_score(set, true);
  Json json = Json::object();
  std::size_t n_averaged = 0;
  for (Group& group : groups_of(set)) {
    keep_common_runs(set, group, out);
    fit_steps(group, out);
    if (group.seeds.empty() || group.algorithms.empty()) {
      out.left_out.push_back(group.name + ": no seed that finished on all of its tasks");
      continue;
    }
    for (const std::string& task : group.tasks) {
      const auto counts = step_counts(group, task);
      for (const std::string& algorithm : group.algorithms)
        for (const std::uint64_t seed : group.seeds)
          json[group.name][task][algorithm][seed_name(seed)] =
              run_json(*group.find(task, algorithm, seed), group, counts, n_averaged);
    }
  }
  if (json.empty())
    throw UserError(
        fmt::format("marl-eval: no environment has an algorithm and a seed that finished, with its "
                    "absolute metric, on all of its tasks: {}",
                    joined(out.left_out, "; ")));
  if (n_averaged > 0)
    out.notes.push_back(fmt::format(
        "the absolute metric of {} is a mean: marl-eval takes one value or {} times the "
        "values of a step",
        runs_text(n_averaged), kAbsoluteFactor));
  out.bytes = json.dump(1) + "\n";
  out.problems = marl_eval_problems(out.bytes);
  return out;
}

Export rliable_json(const ResultSet& set) {
  Export out;
  const RliableTable table = rliable_table(set, out);
  Json json = rliable_head(table);
  json["scores"] = Json::object();
  const auto n_tasks = static_cast<std::ptrdiff_t>(table.tasks.size());
  for (const auto& algorithm : table.algorithms) {
    Json rows = Json::array();
    for (auto at = algorithm.scores.begin(); at != algorithm.scores.end(); at += n_tasks)
      rows.push_back(std::vector<double>(at, at + n_tasks));
    json["scores"][algorithm.name] = std::move(rows);
  }
  out.bytes = json.dump(1) + "\n";
  return out;
}

Export rliable_npz(const ResultSet& set) {
  Export out;
  const RliableTable table = rliable_table(set, out);
  std::vector<NamedMatrix> matrices;
  for (const auto& algorithm : table.algorithms)
    matrices.push_back(
        {algorithm.name, algorithm.seeds.size(), table.tasks.size(), algorithm.scores});
  out.bytes = npz_bytes(matrices, rliable_head(table).dump());
  return out;
}

}  // namespace credo::suite
