#include "suite/results/result_set.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>
#include <system_error>
#include <tuple>

#include "envs/core/error.hpp"
#include "envs/core/registry.hpp"
#include "suite/common/csv.hpp"
#include "suite/common/files.hpp"
#include "suite/common/hashing.hpp"
#include "suite/common/text.hpp"
#include "suite/common/toml_reader.hpp"
#include "suite/credits/credits_folder.hpp"
#include "suite/results/suite_folder.hpp"
#include "suite/results/suite_manifest.hpp"
#include "suite/results/training_results.hpp"
#include "suite/run/integrity.hpp"
#include "suite/run/runner.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;

EvaluationPoint to_point(const MetricsEvent& event, int episodes) {
  EvaluationPoint point;
  point.t_env = event.t_env;
  point.episodes = episodes;
  for (std::size_t i = 0; i < kEvaluationMetrics.size(); ++i)
    point.values[i] = event.find(kEvaluationMetrics[i].event);
  for (int agent = 0;; ++agent) {
    const auto credit = event.find(fmt::format("credit_{}", agent));
    if (!credit) break;
    point.credits.push_back(*credit);
  }
  return point;
}

void read_metrics(const fs::path& path, int episodes, int absolute_factor, RunResult& result) {
  const bool is_done = result.status == RunStatus::kDone;
  const auto events = parse_metrics(read_text(path), path.string());
  result.training = training_points(events);
  for (const MetricsEvent& event : events) {
    if (!event.find(kEvaluationMetrics[kReturnMetric].event)) continue;
    if (event.event == kAbsoluteEvent) {
      EvaluationPoint point = to_point(event, episodes * absolute_factor);
      if (const auto best = event.find(kBestStep)) point.t_env = static_cast<std::int64_t>(*best);
      if (is_done) result.absolute = std::move(point);
      continue;
    }
    result.evaluations.push_back(to_point(event, episodes));
    if (event.event == kFinalEvent && is_done) result.final = result.evaluations.back();
  }
}

// Two copies of a run: the finished one counts; two finished ones must agree.
bool is_better(const RunResult& a, const RunResult& b) {
  const auto rank = [](const RunResult& run) {
    return run.final ? 2 : run.status == RunStatus::kMissing ? 0 : 1;
  };
  if (rank(a) != rank(b)) return rank(a) > rank(b);
  if (a.credits.empty() != b.credits.empty()) return b.credits.empty();
  return a.folder.empty() < b.folder.empty();
}

// Tables keep less of the absolute metric than run folders do.
bool same_absolute(const std::optional<EvaluationPoint>& a,
                   const std::optional<EvaluationPoint>& b) {
  if (!a || !b) return a.has_value() == b.has_value();
  bool is_same = a->t_env == b->t_env && a->episodes == b->episodes;
  for (std::size_t i = 0; i < kEvaluationMetrics.size(); ++i)
    is_same = is_same && (kEvaluationMetrics[i].absolute.empty() || a->values[i] == b->values[i]);
  return is_same;
}

bool same_result(const RunResult& a, const RunResult& b) {
  // The last evaluation of a finished run is the final one.
  return a.run_id == b.run_id && a.evaluations == b.evaluations &&
         same_absolute(a.absolute, b.absolute);
}

std::vector<GivenBounds> read_given_bounds(const fs::path& directory) {
  const fs::path path = directory / "bounds.toml";
  std::error_code error;
  if (!fs::exists(path, error)) return {};
  return parse_given_bounds(as_user_error([&] { return read_text(path); }), path.string());
}

using RunKey = std::tuple<std::string, std::string, std::uint64_t>;
RunKey key_of(const RunResult& run) { return {run.names.task, run.names.algorithm, run.seed}; }

std::string name_of(const RunResult& run) { return cell_name(run.names, run.seed); }

void add_run(std::vector<RunResult>& runs, std::map<RunKey, std::size_t>& places, RunResult run) {
  const auto [place, is_new] = places.try_emplace(key_of(run), runs.size());
  if (is_new) {
    runs.push_back(std::move(run));
    return;
  }
  RunResult& other = runs[place->second];
  if (run.final && other.final && !same_result(run, other))
    throw UserError(fmt::format("{} is there twice with different results: {} and {}", name_of(run),
                                other.folder.string(), run.folder.string()));
  if (is_better(run, other)) other = std::move(run);
}

void check_mixed(const ResultSet& set) {
  if (const auto commits = set.commits(); commits.size() > 1) {
    std::string list;
    for (const std::string& commit : commits) {
      const auto n = std::count_if(set.runs.begin(), set.runs.end(),
                                   [&](const RunResult& run) { return run.commit == commit; });
      list += fmt::format("{}{} ({} runs)", list.empty() ? "" : ", ", commit, n);
    }
    throw UserError(
        fmt::format("the runs come from different programs: {}; --allow-mixed puts "
                    "them together anyway",
                    list));
  }
  std::map<std::pair<std::string, std::string>, const RunResult*> first;
  for (const RunResult& run : set.runs) {
    if (run.settings_id.empty()) continue;
    const auto [place, is_new] = first.try_emplace({run.names.task, run.names.algorithm}, &run);
    if (is_new || place->second->settings_id == run.settings_id) continue;
    throw UserError(
        fmt::format("{} and {} have different settings; --allow-mixed puts them "
                    "together anyway",
                    name_of(*place->second), name_of(run)));
  }
}

template <typename Get>
std::vector<std::string> names_in_order(const std::vector<RunResult>& runs, const Get& get) {
  std::vector<std::string> names;
  std::set<std::string> seen;
  for (const RunResult& run : runs)
    if (seen.insert(get(run)).second) names.push_back(get(run));
  return names;
}

// What results need of a configuration.
struct RunSettings {
  std::string settings_id, env_settings;
  std::int64_t t_max = 0;
  int episodes = 0, absolute_factor = 0;
};

bool is_known_algorithm(const std::string& algorithm) {
  const auto names = algorithm_names();
  return is_fixed_policy(algorithm) ||
         std::find(names.begin(), names.end(), algorithm) != names.end();
}

// The text of config.toml with another seed; it stands on a line of its own (RunConfig::to_toml).
std::string with_seed_zero(std::string text, std::uint64_t seed) {
  const std::string line = fmt::format("\nseed = {}\n", seed);
  if (const std::size_t at = text.find(line); at != std::string::npos)
    text.replace(at, line.size(), "\nseed = 0\n");
  return text;
}

// Without the declarations of a foreign environment or algorithm: the file as it is written.
RunSettings read_foreign_settings(const fs::path& directory, const Manifest& manifest) {
  const fs::path path = directory / "config.toml";
  const std::string text = checked_config_text(directory, manifest);
  RunSettings found;
  constexpr std::size_t kDigits = 16;
  found.settings_id = sha256_hex(with_seed_zero(text, manifest.seed)).substr(0, kDigits);
  const TomlSettings file = read_toml(text, path.string());
  const bool searches = manifest.algorithm == "open_loop";
  for (const Setting& setting : file.settings) {
    if (setting.key.starts_with("env."))
      found.env_settings += fmt::format("{}{}={}", found.env_settings.empty() ? "" : " ",
                                        setting.key.substr(4), to_text(setting.value));
    const auto* number = std::get_if<std::int64_t>(&setting.value);
    if (number == nullptr) continue;
    if (setting.key == "evaluation.episodes") found.episodes = static_cast<int>(*number);
    if (setting.key == "run.absolute_factor") found.absolute_factor = static_cast<int>(*number);
    if (setting.key == (searches ? "open_loop.budget" : "run.t_max")) found.t_max = *number;
  }
  return found;
}

RunSettings read_settings(const fs::path& directory, const Manifest& manifest) {
  if (!is_env(manifest.env) || !is_known_algorithm(manifest.algorithm))
    return read_foreign_settings(directory, manifest);
  const RunConfig config = read_run_config(directory);
  return {.settings_id = config.settings_id(),
          .env_settings = config.env_settings(),
          .t_max = budget(config),
          .episodes = config.train_params().integer32("evaluation.episodes"),
          .absolute_factor = config.absolute_factor()};
}

}  // namespace

RunResult read_run_result(const fs::path& directory, bool verify) {
  const Manifest manifest = read_manifest(directory);
  if (verify && manifest.status == RunStatus::kDone)
    require_unchanged(changed_files(directory, manifest));
  const RunStatus status = status_now(directory, manifest);
  const RunSettings settings = read_settings(directory, manifest);
  RunResult result;
  result.names = manifest.names;
  result.env = manifest.env;
  result.base_algorithm = manifest.algorithm;
  result.profile = manifest.profile;
  result.seed = manifest.seed;
  result.status = status;
  result.reason = manifest.reason;
  result.run_id = manifest.run_id;
  result.settings_id = settings.settings_id;
  result.env_settings = settings.env_settings;
  result.commit = manifest.commit;
  result.t_max = settings.t_max;
  result.env_steps = manifest.env_steps;
  result.episodes = manifest.episodes;
  result.updates = manifest.updates;
  result.wall_s = manifest.wall_s;
  result.folder = directory;
  if (status == RunStatus::kDone) result.record = recorded_run(directory, manifest);
  if (status == RunStatus::kInterrupted) {
    result.reason = interrupted_text(directory, result.t_max);
    result.env_steps = std::max(result.env_steps, steps_saved(directory));
  }
  if (status == RunStatus::kDone)
    result.credits = read_credits(run_file(directory, kCreditsFolder), verify);
  const fs::path metrics_path = run_file(directory, kMetrics);
  std::error_code error;
  if (!fs::exists(metrics_path, error)) return result;
  as_user_error(
      [&] { read_metrics(metrics_path, settings.episodes, settings.absolute_factor, result); });
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

std::vector<std::vector<EpisodeRow>> read_episodes(const RunResult& run) {
  if (run.folder.empty()) return {};
  const fs::path path = run_file(run.folder, kEpisodes);
  std::error_code error;
  if (!fs::exists(path, error)) return {};
  std::string text = as_user_error([&] { return read_text(path); });
  text.erase(text.rfind('\n') + 1);  // a killed writer leaves a last line without its end
  const CsvTable table(text, path.string());
  table.need({"t_env", "episode", "return", "length", "won", "event"});
  std::vector<std::vector<EpisodeRow>> evaluations;
  std::vector<int> sizes;
  for (const EvaluationPoint& point : run.evaluations) sizes.push_back(point.episodes);
  if (run.absolute) sizes.push_back(run.absolute->episodes);
  const std::size_t n_evaluations = run.evaluations.size();
  std::size_t row = 0;
  for (std::size_t place = 0; place < sizes.size(); ++place) {
    const bool is_absolute = place == n_evaluations;
    const bool is_final = run.final && place + 1 == n_evaluations;
    const std::string_view event = is_absolute ? kAbsoluteEvent
                                   : is_final  ? kFinalEvent
                                               : kEvalEvent;
    std::vector<EpisodeRow>& episodes = evaluations.emplace_back();
    for (int i = 0; i < sizes[place] && row < table.n_rows(); ++i, ++row) {
      const auto value = table.number(row, "return");
      if (!value) throw UserError(fmt::format("{}:{}: no return", path.string(), row + 2));
      const std::string& won = table.text(row, "won");
      episodes.push_back({.t_env = table.integer(row, "t_env"),
                          .event = table.text(row, "event"),
                          .index = table.integer(row, "episode"),
                          .episode_return = *value,
                          .length = static_cast<int>(table.integer(row, "length")),
                          .won = won.empty() ? std::nullopt : std::optional(won == "1")});
      const EpisodeRow& read = episodes.back();
      const bool is_here = is_absolute || read.t_env == run.evaluations[place].t_env;
      if (read.event != event || !is_here)
        throw UserError(fmt::format("{}:{}: event = '{}' at t_env {}, where metrics.jsonl has '{}'",
                                    path.string(), row + 2, one_line(read.event), read.t_env,
                                    event));
    }
  }
  return evaluations;
}

std::vector<MetricsEvent> read_train_metrics(const RunResult& run) {
  if (run.folder.empty()) return {};
  const fs::path path = run_file(run.folder, kMetrics);
  std::error_code error;
  if (!fs::exists(path, error)) return {};
  auto events = parse_metrics(as_user_error([&] { return read_text(path); }), path.string());
  std::erase_if(events, [](const MetricsEvent& event) { return event.event != kTrainEvent; });
  return events;
}

std::vector<const RunResult*> ResultSet::of(std::string_view task,
                                            std::string_view algorithm) const {
  std::vector<const RunResult*> found;
  for (const RunResult& run : runs)
    if (run.names.task == task && run.names.algorithm == algorithm) found.push_back(&run);
  return found;
}

std::vector<std::string> ResultSet::commits() const {
  std::vector<std::string> found;
  for (const RunResult& run : runs)
    if (!run.commit.empty() && std::find(found.begin(), found.end(), run.commit) == found.end())
      found.push_back(run.commit);
  return found;
}

std::vector<std::string> ResultSet::unknown_names() const {
  std::vector<std::string> found;
  for (const RunResult& run : runs) {
    if (!is_env(run.env)) add_once(found, fmt::format("environment '{}'", run.env));
    if (!is_known_algorithm(run.base_algorithm))
      add_once(found, fmt::format("algorithm '{}'", run.base_algorithm));
  }
  return found;
}

ResultSet load_results(const std::vector<fs::path>& directories, const LoadOptions& options) {
  ResultSet set;
  std::map<RunKey, std::size_t> places;
  std::map<RunKey, std::pair<int, int>> ranks;
  std::set<std::string> suites;
  for (const fs::path& directory : directories) {
    const std::string suite = suite_of_folder(directory);
    suites.insert(suite);
    join_given_bounds(set.bounds, read_given_bounds(directory));
    if (!suite.empty()) {
      for (FolderRun& entry : read_suite_folder(directory, options.verify)) {
        ranks[key_of(entry.run)] = {entry.task_rank, entry.algorithm_rank};
        add_run(set.runs, places, std::move(entry.run));
      }
      continue;
    }
    const auto folders = find_runs(directory);
    if (folders.empty()) throw UserError(fmt::format("{} holds no run", directory.string()));
    for (const fs::path& folder : folders)
      add_run(set.runs, places, read_run_result(folder, options.verify));
  }
  if (suites.size() == 1) {
    set.suite = *suites.begin();
  } else {
    ranks.clear();
  }
  // A suite has its own order; other runs stand in the order of `credo list`.
  const auto envs = list_envs();
  const auto algorithms = algorithm_names();
  const auto place = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) - names.begin();
  };
  const auto key = [&](const RunResult& run) {
    const auto rank = ranks.find(key_of(run));
    const auto task = rank == ranks.end() ? place(envs, run.env) : rank->second.first;
    const auto algorithm =
        rank == ranks.end() ? place(algorithms, run.base_algorithm) : rank->second.second;
    return std::tuple(task, run.names.task, algorithm, run.names.algorithm, run.seed);
  };
  std::stable_sort(set.runs.begin(), set.runs.end(),
                   [&](const RunResult& a, const RunResult& b) { return key(a) < key(b); });
  set.tasks = names_in_order(set.runs, [](const RunResult& run) { return run.names.task; });
  // Tasks may have different algorithms; over all of them the order is that of `credo list algs`.
  std::map<std::string, std::string> bases;
  for (const RunResult& run : set.runs) bases[run.names.algorithm] = run.base_algorithm;
  set.algorithms =
      names_in_order(set.runs, [](const RunResult& run) { return run.names.algorithm; });
  std::stable_sort(set.algorithms.begin(), set.algorithms.end(),
                   [&](const std::string& a, const std::string& b) {
                     return place(algorithms, bases.at(a)) < place(algorithms, bases.at(b));
                   });
  if (!options.allow_mixed) check_mixed(set);
  return set;
}

}  // namespace credo::suite
