#include "suite/plan/plan.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>

#include "envs/core/error.hpp"
#include "suite/common/text.hpp"
#include "suite/run/runner.hpp"

namespace credo::suite {
namespace {

bool is_wanted(const std::vector<std::string>& only, const Cell& cell) {
  const RunConfig& config = cell.config;
  return only.empty() || std::any_of(only.begin(), only.end(), [&](const std::string& pattern) {
           return is_meant(pattern, cell.names, {config.env_id(), config.algorithm()},
                           config.seed());
         });
}

std::string task_text(const std::string& env, const std::string& env_settings) {
  return env_settings.empty() ? env : env + " " + env_settings;
}

// An option that overrides a swept setting would leave names that lie.
void check_sets(const SuiteSpec& spec, const PlanOptions& options) {
  for (const SweepAxis& axis : spec.sweeps) {
    if (options.t_max && axis.key == "run.t_max")
      throw UserError(fmt::format("--t-max: the suite sweeps run.t_max ({})", axis.where));
    for (const std::string& set : options.sets)
      if (set.substr(0, set.find('=')) == axis.key)
        throw UserError(
            fmt::format("--set {}: the suite sweeps this setting ({})", set, axis.where));
  }
}

// Bounds for settings that no task has would never be used.
void check_bounds(const SuiteSpec& spec, const std::vector<std::string>& tasks) {
  for (const GivenBounds& given : spec.bounds) {
    const std::string task = task_text(given.env, given.env_settings);
    if (std::find(tasks.begin(), tasks.end(), task) == tasks.end())
      throw UserError(fmt::format("{}: {}", given.where,
                                  unknown_name_message("task of this suite", task, tasks)));
  }
}

}  // namespace

Shard parse_shard(std::string_view option, std::string_view text) {
  constexpr std::int64_t kMostShards = 1000000;
  const std::size_t slash = std::min(text.find('/'), text.size());
  const auto index = parse_int(text.substr(0, slash));
  const auto count = parse_int(text.substr(std::min(slash + 1, text.size())));
  if (!index || !count || *count < 1 || *count > kMostShards || *index < 0 || *index >= *count)
    throw UserError(
        fmt::format("{} = '{}': allowed: INDEX/COUNT with INDEX from 0 to COUNT - 1, such as 0/4",
                    option, text));
  return {static_cast<std::size_t>(*index), static_cast<std::size_t>(*count)};
}

namespace {

// What is swept or set for many cells at once must have an effect on some of them.
class Effects {
 public:
  void note(const std::string& what, const std::string& missing) {
    std::string& found = missing_.try_emplace(what, missing).first->second;
    if (missing.empty()) found.clear();
  }
  void check(std::string_view whom) const {
    for (const auto& [what, missing] : missing_)
      if (!missing.empty())
        throw UserError(fmt::format("{} has no effect on any {}: {}", what, whom, missing));
  }

 private:
  std::map<std::string, std::string> missing_;  // "" = it has an effect
};

class Planner {
 public:
  Planner(const SuiteSpec& spec, const PlanOptions& options) : spec_(spec), options_(options) {}

  std::vector<Cell> plan() {
    for (const std::string& env : spec_.envs) {
      for (const Variant& task : task_variants(spec_, env)) {
        ++task_rank_;
        int algorithm_rank = 0;
        for (const std::string& algorithm : spec_.algorithms_for(env))
          for (const Variant& variant : algorithm_variants(spec_, env, algorithm))
            add_cells(env, task, algorithm, variant, algorithm_rank++);
      }
    }
    if (options_.sets.empty()) check_bounds(spec_, tasks_);
    sets_.check("cell of the suite");
    sweeps_.check("algorithm it is for");
    if (n_wanted_ == 0)
      throw UserError(fmt::format("--only '{}' leaves no cell of suite '{}'; {}",
                                  joined(options_.only, "', '"), spec_.name, kPatternRule));
    if (cells_.empty())
      throw UserError(fmt::format("shard {}/{} is empty: there are only {} cells",
                                  options_.shard.index, options_.shard.count, n_wanted_));
    return std::move(cells_);
  }

 private:
  void add_cells(const std::string& env, const Variant& task, const std::string& algorithm,
                 const Variant& variant, int algorithm_rank) {
    const auto& seeds = options_.seeds ? *options_.seeds : spec_.seeds_for(env, algorithm);
    RunRequest request;
    request.env = env;
    request.algorithm = algorithm;
    request.profile = options_.profile ? *options_.profile : spec_.profile;
    request.t_max = options_.t_max;
    Overlay swept;
    swept.settings = task.settings;
    swept.settings.insert(swept.settings.end(), variant.settings.begin(), variant.settings.end());
    request.overlays = {spec_.overlay, swept};
    request.sets = options_.sets;
    request.are_sets_general = true;
    const std::vector<CellCredits> credits = credits_for(spec_.credits, env, algorithm);
    bool is_checked = false;  // the seed plays no part
    std::optional<RunNames> names;
    for (const std::uint64_t seed : seeds) {
      request.seed = seed;
      RunConfig config = RunConfig::resolve(request);
      if (!names) {
        note_sets(config);
        check_task(config, task);
        names = RunNames{env + task.suffix(), algorithm + effective(config, variant).suffix()};
        if (!taken_.insert(names->task + " " + names->algorithm).second) return;
      }
      Cell cell{.config = std::move(config),
                .names = *names,
                .name = cell_name(*names, seed),
                .folder = cell_folder(*names, seed),
                .task_rank = task_rank_,
                .algorithm_rank = algorithm_rank,
                .credits = credits};
      add_once(tasks_, task_text(env, cell.config.env_settings()));
      if (!is_wanted(options_.only, cell)) continue;
      if (!is_checked) check_run(cell.config);
      is_checked = true;
      if (n_wanted_++ % options_.shard.count == options_.shard.index)
        cells_.push_back(std::move(cell));
    }
  }

  void note_sets(const RunConfig& config) {
    if (options_.t_max) sets_.note("--t-max", config.without_effect("run.t_max"));
    for (const std::string& set : options_.sets)
      sets_.note("--set " + set, config.without_effect(set.substr(0, set.find('='))));
  }

  // Tasks that differ in nothing that matters to a learner would be trained on in vain. Policies
  // that do not learn cost little and are rows to compare with.
  static void check_task(const RunConfig& config, const Variant& task) {
    if (!config.is_learning()) return;
    for (const Setting& setting : task.settings)
      if (const std::string missing = config.without_effect(setting.key); !missing.empty())
        throw UserError(fmt::format(
            "{}: the sweep over {} makes tasks that are the same for '{}': {}; sweep it in "
            "[alg.\"NAME\".sweep] for the algorithms that have it",
            setting.where, setting.key, config.algorithm(), missing));
  }

  // Variants that differ only in what has no effect fall together.
  Variant effective(const RunConfig& config, const Variant& variant) {
    Variant left;
    for (std::size_t i = 0; i < variant.settings.size(); ++i) {
      const Setting& setting = variant.settings[i];
      const std::string missing = config.without_effect(setting.key);
      sweeps_.note(fmt::format("{}: the sweep over {}", setting.where, setting.key), missing);
      if (!missing.empty()) continue;
      left.names.push_back(variant.names[i]);
      left.settings.push_back(setting);
    }
    return left;
  }

  const SuiteSpec& spec_;
  const PlanOptions& options_;
  std::vector<Cell> cells_;
  std::vector<std::string> tasks_;  // with their settings
  std::set<std::string> taken_;
  Effects sets_, sweeps_;
  std::size_t n_wanted_ = 0;
  int task_rank_ = -1;
};

}  // namespace

std::vector<Cell> make_plan(const SuiteSpec& spec, const PlanOptions& options) {
  check_sets(spec, options);
  return Planner(spec, options).plan();
}

}  // namespace credo::suite
