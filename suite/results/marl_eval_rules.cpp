#include "suite/results/marl_eval_rules.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <set>

#include "suite/common/json.hpp"

namespace credo::suite {
namespace {

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// Rules of one run's entries; every run must have the shape of the first.
struct Shape {
  std::vector<std::string> steps;
  std::set<std::string> metrics;
  std::vector<std::int64_t> counts;                      // step_count of every step
  std::map<std::string, std::set<std::size_t>> lengths;  // of a metric's lists, over the steps
  std::map<std::string, std::size_t> absolute_lengths;
};

// marl-eval keeps only the mean interval between steps, so they must be about equally far apart.
void check_spacing(const Shape& shape, const std::string& where,
                   std::vector<std::string>& problems) {
  const std::size_t n = shape.counts.size();
  if (n < 3) return;
  const double mean =
      static_cast<double>(shape.counts.back() - shape.counts.front()) / static_cast<double>(n - 1);
  for (std::size_t k = 1; k < n; ++k) {
    const auto gap = static_cast<double>(shape.counts[k] - shape.counts[k - 1]);
    if (gap < mean / 2 || gap > mean * 2) {
      problems.push_back(fmt::format("{}.step_{}: steps are not equally far apart", where, k));
      return;
    }
  }
}

// Steps are compared by their number, so those of all runs must be about equally far into training.
bool same_moments(const Shape& a, const Shape& b) {
  const std::size_t n = a.counts.size();
  if (n < 2 || b.counts.size() != n) return true;
  const double gap =
      static_cast<double>(a.counts.back() - a.counts.front()) / static_cast<double>(n - 1);
  for (std::size_t k = 0; k < n; ++k)
    if (std::fabs(static_cast<double>(a.counts[k] - b.counts[k])) > gap) return false;
  return true;
}

// A metric has one value per episode or a single aggregate: the same number in every step, ten
// times as many (or one) in absolute_metrics.
void check_lengths(const Shape& shape, const std::string& where,
                   std::vector<std::string>& problems) {
  constexpr std::size_t kTimesAtTheEnd = 10;
  for (const auto& [name, lengths] : shape.lengths)
    if (lengths.size() > 1)
      problems.push_back(
          fmt::format("{}: {} has another number of values from step to step", where, name));
  for (const auto& [name, n_values] : shape.absolute_lengths) {
    const auto found = shape.lengths.find(name);
    if (n_values != 1 && found != shape.lengths.end() &&
        n_values != kTimesAtTheEnd * *found->second.begin())
      problems.push_back(fmt::format("{}: the absolute {} needs 1 or {} times the values of a step",
                                     where, name, kTimesAtTheEnd));
  }
}

std::optional<Shape> shape_of(const Json& run, const std::string& where,
                              std::vector<std::string>& problems) {
  Shape shape;
  int n_absolute = 0;
  std::int64_t last = -1;
  for (const auto& [key, step] : run.items()) {
    if (!step.is_object()) {
      problems.push_back(fmt::format("{}.{}: not an object", where, key));
      return std::nullopt;
    }
    const bool is_absolute = key.find("absolute") != std::string::npos;
    n_absolute += is_absolute ? 1 : 0;
    if (!is_absolute) {
      if (key != fmt::format("step_{}", shape.steps.size()))
        problems.push_back(fmt::format("{}.{}: steps must be step_0, step_1, ...", where, key));
      if (!step.contains("step_count") || !step["step_count"].is_number_integer()) {
        problems.push_back(fmt::format("{}.{}: step_count is missing", where, key));
      } else {
        const auto count = step["step_count"].get<std::int64_t>();
        if (count <= last)
          problems.push_back(fmt::format("{}.{}: step_count does not rise", where, key));
        last = count;
        shape.counts.push_back(count);
      }
      shape.steps.push_back(key);
    }
    std::set<std::string> names;
    for (const auto& [name, values] : step.items()) {
      if (name == "step_count") {
        if (is_absolute) problems.push_back(fmt::format("{}.{}: has a step_count", where, key));
        continue;
      }
      names.insert(name);
      // Names are split at "_" and searched for others' names, which "return" and "win_rate"
      // survive.
      const bool misleads = name.find("step_count") != std::string::npos ||
                            name == "elapsed_time" ||
                            (name != "return" && lower(name).find("return") != std::string::npos);
      if (misleads)
        problems.push_back(fmt::format("{}.{}: metric name '{}' misleads", where, key, name));
      const bool is_list =
          values.is_array() && !values.empty() &&
          std::all_of(values.begin(), values.end(), [](const Json& v) { return v.is_number(); });
      const std::string place = fmt::format("{}.{}.{}", where, key, name);
      if (is_list) {
        if (is_absolute) shape.absolute_lengths[name] = values.size();
        if (!is_absolute) shape.lengths[name].insert(values.size());
      } else {
        problems.push_back(place + ": not a list of numbers");
      }
    }
    if (shape.metrics.empty()) shape.metrics = names;
    if (names != shape.metrics || names.empty())
      problems.push_back(fmt::format("{}.{}: other metrics than in the first step", where, key));
  }
  if (n_absolute != 1)
    problems.push_back(fmt::format("{}: needs exactly one absolute_metrics", where));
  if (!shape.metrics.contains("return"))
    problems.push_back(fmt::format("{}: no metric 'return'", where));
  check_spacing(shape, where, problems);
  check_lengths(shape, where, problems);
  return shape;
}

// The digits of "seed_7" or "7" without leading zeros; "" for other names.
std::string seed_of(std::string name) {
  if (name.starts_with("seed_")) name.erase(0, 5);
  if (name.empty() ||
      !std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c) != 0; }))
    return "";
  name.erase(0, std::min(name.find_first_not_of('0'), name.size() - 1));
  return name;
}

void check_environment(const std::string& name, const Json& tasks,
                       std::vector<std::string>& problems) {
  std::optional<std::set<std::string>> algorithms;
  std::optional<std::size_t> n_runs;
  std::optional<Shape> shape;
  std::set<std::string> task_names;
  for (const auto& [task, rows] : tasks.items()) {
    if (!task_names.insert(lower(task)).second)
      problems.push_back(fmt::format("{}.{}: differs from another name by case alone", name, task));
    std::set<std::string> names;
    for (const auto& [algorithm, runs] : rows.items()) {
      const std::string where = fmt::format("{}.{}.{}", name, task, algorithm);
      if (!names.insert(lower(algorithm)).second)
        problems.push_back(where + ": differs from another name by case alone");
      if (algorithm.find(',') != std::string::npos)
        problems.push_back(where + ": a comma in an algorithm's name");
      if (n_runs && *n_runs != runs.size()) problems.push_back(where + ": another number of runs");
      n_runs = runs.size();
      std::set<std::string> seeds;
      for (const auto& [run, steps] : runs.items()) {
        const std::string place = where + "." + run;
        const std::string seed = seed_of(run);
        if (seed.empty()) problems.push_back(place + ": runs are named seed_N");
        if (!seed.empty() && !seeds.insert(seed).second)
          problems.push_back(place + ": the same seed twice");
        const auto found = shape_of(steps, place, problems);
        if (!found) continue;
        if (shape && (shape->steps.size() != found->steps.size()))
          problems.push_back(place + ": another number of steps");
        if (shape && shape->metrics != found->metrics)
          problems.push_back(place + ": other metrics");
        if (shape && !same_moments(*shape, *found))
          problems.push_back(place + ": steps at other times than in the first run");
        if (!shape) shape = found;
      }
    }
    if (algorithms && *algorithms != names)
      problems.push_back(fmt::format("{}.{}: other algorithms than in other tasks", name, task));
    algorithms = names;
  }
}

}  // namespace

std::vector<std::string> marl_eval_problems(std::string_view json) {
  std::vector<std::string> problems;
  Json root;
  try {
    root = Json::parse(json);
  } catch (const nlohmann::json::exception& error) {
    return {fmt::format("not JSON: {}", error.what())};
  }
  if (!root.is_object() || root.empty()) return {"not an object of environments"};
  std::set<std::string> names;
  for (const auto& [name, tasks] : root.items())
    if (!names.insert(lower(name)).second)
      problems.push_back(name + ": differs from another name by case alone");
  for (const auto& [name, tasks] : root.items()) {
    bool is_deep = tasks.is_object() && !tasks.empty();
    if (is_deep)
      for (const auto& [task, rows] : tasks.items()) {
        is_deep = is_deep && rows.is_object() && !rows.empty();
        if (!is_deep) break;
        for (const auto& [algorithm, runs] : rows.items()) {
          is_deep = is_deep && runs.is_object() && !runs.empty();
          if (!is_deep) break;
          for (const auto& [run, steps] : runs.items()) is_deep = is_deep && steps.is_object();
        }
      }
    if (!is_deep) {
      problems.push_back(name + ": not environment > task > algorithm > run > step");
    } else {
      check_environment(name, tasks, problems);
    }
  }
  return problems;
}

}  // namespace credo::suite
