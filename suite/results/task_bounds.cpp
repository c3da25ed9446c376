#include "suite/results/task_bounds.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "envs/core/error.hpp"
#include "envs/core/registry.hpp"
#include "suite/results/result_set.hpp"

namespace credo::suite {
namespace {

struct Declared {
  std::optional<double> random, best;
  const char* best_source = "";
  std::string why_not;
};

Declared declared_by(const std::string& env, const std::string& env_settings) {
  Declared declared;
  if (!is_env(env)) {
    declared.why_not = "this program does not have the environment";
    return declared;
  }
  try {
    Params params = env_params(env);
    for (const auto& [name, value] : parts_of_settings(env_settings)) params.set_text(name, value);
    const auto made = make_env(env, params);
    const EnvSpec& spec = made->spec();
    declared.random = spec.random_return;
    declared.best = spec.best_return ? spec.best_return : spec.return_bound;
    declared.best_source = spec.best_return ? "declared by the environment"
                                            : "the environment's bound of an episode's return";
    declared.why_not = "the environment declares none";
  } catch (const UserError& error) {
    declared.why_not = fmt::format("the environment cannot be made here: {}", error.what());
  }
  return declared;
}

void measure_random(const ResultSet& set, const std::string& task, std::optional<double>& random,
                    std::string& source) {
  double sum = 0.0;
  int n_runs = 0;
  int n_episodes = 0;
  for (const RunResult& run : set.runs) {
    if (run.names.task != task || run.base_algorithm != "random" || !run.final) continue;
    sum += run.final->return_mean();
    n_episodes += run.final->episodes;
    ++n_runs;
  }
  if (n_runs == 0) return;
  random = sum / n_runs;
  source = fmt::format("measured, {} episodes", n_episodes);
}

}  // namespace

TaskBounds task_bounds(const ResultSet& set, const std::string& task) {
  const auto run = std::find_if(set.runs.begin(), set.runs.end(), [&](const RunResult& candidate) {
    return candidate.names.task == task;
  });
  const auto none = [](std::string why) {
    return TaskBounds{.bounds = std::nullopt, .why_not = std::move(why)};
  };
  if (run == set.runs.end()) return none("there is no run of it");
  std::optional<double> random, best;
  Bounds bounds;
  bounds.env = run->env;
  bounds.env_settings = run->env_settings;
  for (const GivenBounds& given : set.bounds) {
    if (given.env != run->env || given.env_settings != run->env_settings) continue;
    random = given.random;
    best = given.best;
    bounds.random_source = given.random_source.empty() ? "the suite" : given.random_source;
    bounds.best_source = given.best_source.empty() ? "the suite" : given.best_source;
  }
  const bool is_given = random || best;
  const Bounds* published = find_bounds(run->env, run->env_settings);
  if (published != nullptr) {
    if (!random) bounds.random_source = published->random_source;
    if (!best) bounds.best_source = published->best_source;
    random = random.value_or(published->random);
    best = best.value_or(published->best);
  }
  std::string why_not;
  if (!random || !best) {
    const Declared declared = declared_by(run->env, run->env_settings);
    why_not = declared.why_not;
    if (!best) {
      best = declared.best;
      bounds.best_source = declared.best_source;
    }
    if (!random && declared.random) {
      random = declared.random;
      bounds.random_source = "declared by the environment";
    }
  }
  if (!random) measure_random(set, task, random, bounds.random_source);
  if (!best) return none("no optimum or bound of its return: " + why_not);
  if (!random) return none("no return of random play: no finished run of `random` measures it");
  if (*best <= *random)
    return none(
        fmt::format("its best return {} is not above that of random play, {}", *best, *random));
  bounds.random = *random;
  bounds.best = *best;
  return {.bounds = bounds, .is_published = published != nullptr && !is_given};
}

}  // namespace credo::suite
