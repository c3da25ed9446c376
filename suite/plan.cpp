#include "suite/plan.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "envs/core/error.hpp"
#include "envs/core/registry.hpp"
#include "suite/builtin_files.hpp"
#include "suite/files.hpp"
#include "suite/runner.hpp"
#include "suite/text.hpp"

namespace credo::suite {
namespace {

// `check_name` throws a UserError for a name that is none.
template <typename Check>
void check_names(const SettingList& list, std::string_view kind, const Check& check_name) {
  for (std::size_t i = 0; i < list.values.size(); ++i) {
    try {
      check_name(list.values[i]);
    } catch (const UserError& error) {
      throw UserError(fmt::format("{}: {}", list.where, error.what()));
    }
    for (std::size_t k = 0; k < i; ++k)
      if (list.values[k] == list.values[i])
        throw UserError(fmt::format("{}: {} '{}' appears twice", list.where, kind, list.values[i]));
  }
}

bool is_wanted(const std::string& only, const RunConfig& config) {
  if (only.empty()) return true;
  const std::string row = config.env_id() + "/" + config.algorithm();
  return glob_match(only, row + fmt::format("/seed_{}", config.seed())) || glob_match(only, row) ||
         glob_match(only, config.env_id()) || glob_match(only, config.algorithm());
}

}  // namespace

SuiteSpec parse_suite(std::string_view text, const std::string& label, const std::string& name) {
  TomlSettings file = read_toml(text, label);
  SuiteSpec spec;
  spec.name = name;
  spec.profile = "pymarl";
  std::string seeds = "0-2";
  std::string seeds_where = label;
  for (const SettingList& list : file.lists) {
    if (list.key == "envs") {
      check_names(list, "environment", [](const std::string& id) { env_params(id); });
      spec.envs = list.values;
    } else if (list.key == "algs") {
      check_names(list, "algorithm", [](const std::string& algorithm) {
        const auto known = algorithm_names();
        // Which scripts there are depends on the environment: make_plan sees to it.
        if (is_fixed_policy(algorithm)) return;
        if (std::find(known.begin(), known.end(), algorithm) == known.end())
          throw UserError(unknown_name_message("algorithm", algorithm, known));
      });
      spec.algorithms = list.values;
    } else {
      const std::vector<std::string> allowed = {"envs", "algs"};
      throw UserError(
          fmt::format("{}: {}", list.where, unknown_name_message("list", list.key, allowed)));
    }
  }
  file.lists.clear();
  std::vector<Setting> rest;
  for (Setting& setting : file.settings) {
    if (setting.key != "profile" && setting.key != "seeds") {
      rest.push_back(std::move(setting));
      continue;
    }
    const auto* value = std::get_if<std::string>(&setting.value);
    if (value == nullptr)
      throw UserError(fmt::format("{}: {} = '{}': not of type string", setting.where, setting.key,
                                  to_text(setting.value)));
    if (setting.key == "profile") {
      spec.profile = *value;
    } else {
      seeds = *value;
      seeds_where = setting.where + ": seeds";
    }
  }
  file.settings = std::move(rest);
  spec.seeds = parse_seed_list(seeds_where, seeds);
  spec.overlay = make_overlay(std::move(file));
  spec.help = spec.overlay.help;
  if (spec.envs.empty() || spec.algorithms.empty())
    throw UserError(fmt::format("{}: a suite needs the lists envs and algs", label));
  return spec;
}

SuiteSpec load_suite(const std::string& name_or_path) {
  if (name_or_path.find('/') != std::string::npos || name_or_path.ends_with(".toml")) {
    try {
      return parse_suite(read_text(name_or_path), name_or_path,
                         std::filesystem::path(name_or_path).stem().string());
    } catch (const FileError& error) {
      throw UserError(error.what());
    }
  }
  if (const BuiltinFile* file = find_builtin("suites", name_or_path))
    return parse_suite(file->text, file->label, file->name);
  throw UserError(unknown_name_message("suite", name_or_path, builtin_names("suites")));
}

std::vector<Cell> make_plan(const SuiteSpec& spec, const PlanOptions& options) {
  const auto& seeds = options.seeds ? *options.seeds : spec.seeds;
  std::vector<Cell> cells;
  for (const std::string& env : spec.envs) {
    for (const std::string& algorithm : spec.algorithms) {
      for (const std::uint64_t seed : seeds) {
        RunRequest request;
        request.env = env;
        request.algorithm = algorithm;
        request.seed = seed;
        request.profile = options.profile ? *options.profile : spec.profile;
        request.t_max = options.t_max;
        request.overlays = {spec.overlay};
        request.sets = options.sets;
        RunConfig config = RunConfig::resolve(request);
        if (!is_wanted(options.only, config)) continue;
        check_run(config);
        std::string name = fmt::format("{}/{}/seed_{}", env, algorithm, seed);
        std::filesystem::path folder = std::filesystem::path("runs") / name;
        cells.push_back({std::move(config), std::move(name), std::move(folder)});
      }
    }
  }
  if (cells.empty())
    throw UserError(
        fmt::format("--only '{}' leaves no cell of suite '{}'; a pattern is matched "
                    "with ENV/ALG/seed_N, ENV/ALG, ENV or ALG",
                    options.only, spec.name));
  return cells;
}

}  // namespace credo::suite
