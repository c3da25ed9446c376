#include "suite/plan.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "envs/core/error.hpp"
#include "suite/runner.hpp"
#include "suite/suite_folder.hpp"
#include "suite/text.hpp"

namespace credo::suite {
namespace {

bool is_wanted(const std::vector<std::string>& only, const Cell& cell) {
  if (only.empty()) return true;
  const RunConfig& config = cell.config;
  const std::string seed = fmt::format("seed_{}", config.seed());
  std::vector<std::string> names = {seed};
  for (const std::string& task : {cell.names.task, config.env_id()}) {
    names.push_back(task);
    for (const std::string& algorithm : {cell.names.algorithm, config.algorithm()}) {
      names.push_back(algorithm);
      names.push_back(task + "/" + algorithm);
      names.push_back(task + "/" + algorithm + "/" + seed);
    }
  }
  return std::any_of(only.begin(), only.end(), [&](const std::string& pattern) {
    return std::any_of(names.begin(), names.end(),
                       [&](const std::string& name) { return glob_match(pattern, name); });
  });
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

std::vector<Cell> make_plan(const SuiteSpec& spec, const PlanOptions& options) {
  check_sets(spec, options);
  std::vector<Cell> cells;
  std::size_t n_wanted = 0;
  int task_rank = -1;
  const auto add_cells = [&](const std::string& env, const Variant& task,
                             const std::string& algorithm, const Variant& variant,
                             int algorithm_rank) {
    const auto& seeds = options.seeds ? *options.seeds : spec.seeds_for(env, algorithm);
    Overlay swept;
    swept.settings = task.settings;
    swept.settings.insert(swept.settings.end(), variant.settings.begin(), variant.settings.end());
    bool is_checked = false;  // the seed plays no part
    for (const std::uint64_t seed : seeds) {
      RunRequest request;
      request.env = env;
      request.algorithm = algorithm;
      request.seed = seed;
      request.profile = options.profile ? *options.profile : spec.profile;
      request.t_max = options.t_max;
      request.overlays = {spec.overlay, swept};
      request.sets = options.sets;
      RunNames names{env + task.suffix, algorithm + variant.suffix};
      std::string name = fmt::format("{}/{}/seed_{}", names.task, names.algorithm, seed);
      const auto folder = cell_folder(names, seed);
      Cell cell{
          RunConfig::resolve(request), std::move(names), name, folder, task_rank, algorithm_rank};
      if (!is_wanted(options.only, cell)) continue;
      if (!is_checked) check_run(cell.config);
      is_checked = true;
      if (n_wanted++ % options.shard.count == options.shard.index) cells.push_back(std::move(cell));
    }
  };
  for (const std::string& env : spec.envs) {
    for (const Variant& task : task_variants(spec, env)) {
      ++task_rank;
      int algorithm_rank = 0;
      for (const std::string& algorithm : spec.algorithms_for(env))
        for (const Variant& variant : algorithm_variants(spec, env, algorithm))
          add_cells(env, task, algorithm, variant, algorithm_rank++);
    }
  }
  if (n_wanted == 0)
    throw UserError(
        fmt::format("--only '{}' leaves no cell of suite '{}'; a pattern is matched "
                    "with TASK/ALG/seed_N, TASK/ALG, TASK, ALG or seed_N",
                    joined(options.only, "', '"), spec.name));
  if (cells.empty())
    throw UserError(fmt::format("shard {}/{} is empty: there are only {} cells",
                                options.shard.index, options.shard.count, n_wanted));
  return cells;
}

}  // namespace credo::suite
