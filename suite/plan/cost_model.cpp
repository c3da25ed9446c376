#include "suite/plan/cost_model.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>

#include "envs/core/error.hpp"
#include "suite/common/builtin_files.hpp"
#include "suite/common/text.hpp"
#include "suite/common/toml_reader.hpp"

namespace credo::suite {
namespace {

constexpr std::array kNumbers = {
    "run.start_s",      "run.evaluation_s",    "run.checkpoint_s",   "run.checkpoint_byte_ns",
    "acting.call_us",   "acting.agent_us",     "acting.weight_ns",   "acting.store_ns",
    "acting.credit_ns", "update.call_us",      "update.row_ns",      "update.weight_ns",
    "update.read_ns",   "update.parameter_ns", "update.thread_gain", "memory.program_bytes",
    "memory.run_bytes", "memory.weight_bytes", "memory.row_bytes",   "memory.replay_factor",
    "memory.most_rows", "memory.acting_factor"};
constexpr std::array kEnvKeys = {"step_us", "blind_step_us"};
constexpr std::array kAlgorithmKeys = {"step_ns", "weight_ns"};

constexpr double kMicro = 1e-6;
constexpr double kNano = 1e-9;
constexpr double kSideBySide = 8;  // episodes of an evaluation that act together

template <typename Names>
bool is_one_of(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

double parameters(const CellWork& work) {
  return work.agent_weights + work.other_weights + work.further_weights;
}

double cost_of(const Setting& setting) {
  double value = -1.0;
  if (const auto* real = std::get_if<double>(&setting.value)) value = *real;
  if (const auto* integer = std::get_if<std::int64_t>(&setting.value))
    value = static_cast<double>(*integer);
  if (std::isfinite(value) && value >= 0.0) return value;
  throw UserError(
      fmt::format("{}: {}: allowed: a number of at least 0", setting.where, setting.key));
}

}  // namespace

CostModel CostModel::parse(std::string_view text, const std::string& label) {
  CostModel model;
  for (const Setting& setting : read_toml(text, label).settings) {
    const std::string& key = setting.key;
    if (key == "machine") {
      if (const auto* name = std::get_if<std::string>(&setting.value)) model.machine_ = *name;
      continue;
    }
    const double cost = cost_of(setting);
    if (is_one_of(kNumbers, key)) {
      model.numbers_.emplace_back(key, cost);
      continue;
    }
    // env."PATTERN".KEY or alg."PATTERN".KEY
    const std::size_t first = key.find('.');
    const std::size_t last = key.rfind('.');
    const bool is_env = key.starts_with("env.");
    const std::string leaf = key.substr(last + 1);
    const bool is_known =
        first != last && (is_env ? is_one_of(kEnvKeys, leaf)
                                 : key.starts_with("alg.") && is_one_of(kAlgorithmKeys, leaf));
    if (!is_known) throw UserError(fmt::format("{}: unknown key '{}'", setting.where, key));
    std::vector<Row>& rows = is_env ? model.envs_ : model.algorithms_;
    const std::string pattern = key.substr(first + 1, last - first - 1);
    auto row = std::find_if(rows.begin(), rows.end(),
                            [&](const Row& known) { return known.pattern == pattern; });
    if (row == rows.end()) row = rows.insert(row, {pattern, {}});
    row->values.emplace_back(leaf, cost);
  }
  model.check(label);
  return model;
}

void CostModel::check(const std::string& label) const {
  for (const char* key : kNumbers)
    if (std::none_of(numbers_.begin(), numbers_.end(),
                     [&](const auto& entry) { return entry.first == key; }))
      throw UserError(fmt::format("{}: {} is missing", label, key));
  // A row for everything, so that no environment or algorithm goes without.
  const auto covers_all = [](const std::vector<Row>& rows, std::size_t n_keys) {
    return !rows.empty() && rows.front().pattern == "*" && rows.front().values.size() == n_keys;
  };
  if (machine_.empty() || !covers_all(envs_, kEnvKeys.size()) ||
      !covers_all(algorithms_, kAlgorithmKeys.size()))
    throw UserError(
        fmt::format("{}: needs machine, and [env.\"*\"] and [alg.\"*\"] before other rows", label));
}

const CostModel& CostModel::builtin() {
  static const CostModel kModel = [] {
    const BuiltinFile* file = find_builtin("costs", "costs");
    CREDO_CHECK(file != nullptr, "the table of costs is part of the program");
    return parse(file->text, file->label);
  }();
  return kModel;
}

double CostModel::number(std::string_view key) const {
  return std::find_if(numbers_.begin(), numbers_.end(),
                      [&](const auto& entry) { return entry.first == key; })
      ->second;
}

double CostModel::of_row(const std::vector<Row>& rows, std::string_view name,
                         std::string_view key) {
  for (auto row = rows.rbegin(); row != rows.rend(); ++row)
    if (glob_match(row->pattern, name))
      for (const auto& [known, value] : row->values)
        if (known == key) return value;
  throw Error(fmt::format("no {} for '{}'", key, name));
}

CellEstimate CostModel::estimate(const CellWork& work, int threads) const {
  CellEstimate estimate;
  if (!work.is_learning) {
    estimate.seconds = number("run.start_s") + work.evaluations * number("run.evaluation_s") +
                       (work.train_steps + work.evaluation_steps) *
                           of_row(envs_, work.env, "blind_step_us") * kMicro;
    estimate.bytes = number("memory.run_bytes");
    return estimate;
  }
  estimate.seconds = learning_seconds(work, threads);
  // An update works on so many rows at a time, whatever the batch.
  const double rows = std::min(number("memory.most_rows"),
                               work.batch_size * (work.episode_length + 1) * work.n_agents);
  estimate.bytes = number("memory.run_bytes") + parameters(work) * number("memory.weight_bytes") +
                   rows * number("memory.row_bytes") +
                   work.replay_episodes * work.episode_bytes * number("memory.replay_factor") +
                   (work.n_envs + kSideBySide) * work.episode_limit * work.floats_per_step *
                       number("memory.acting_factor");
  return estimate;
}

double CostModel::learning_seconds(const CellWork& work, int threads) const {
  const double shared = 1.0 + number("update.thread_gain") * (threads - 1);
  const double steps = work.train_steps + work.evaluation_steps;
  const double env_s = of_row(envs_, work.env, "step_us") * kMicro;
  const double agent_s = work.n_agents * (number("acting.agent_us") * kMicro +
                                          number("acting.weight_ns") * kNano * work.agent_weights);
  const double call_s = number("acting.call_us") * kMicro;
  const double playing =
      work.train_steps * (env_s + agent_s + call_s / work.n_envs +
                          number("acting.store_ns") * kNano * work.floats_per_step);
  const double evaluating =
      (steps - work.train_steps) * (env_s + agent_s + call_s / kSideBySide +
                                    number("acting.credit_ns") * kNano * work.other_weights);

  const double slots = work.batch_size * (work.episode_length + 1);
  const double learnt_steps = work.batch_size * work.episode_length;
  const double update =
      number("update.call_us") * kMicro +
      kNano *
          (slots * work.n_agents *
               (number("update.row_ns") + number("update.weight_ns") * work.agent_weights) +
           slots * work.floats_per_step * number("update.read_ns") +
           parameters(work) * number("update.parameter_ns") +
           learnt_steps * (of_row(algorithms_, work.algorithm, "step_ns") +
                           of_row(algorithms_, work.algorithm, "weight_ns") * work.other_weights));
  // Every episode is written once, those after the last checkpoint excepted.
  const double written =
      work.train_episodes * work.episode_bytes * work.checkpoints / (work.checkpoints + 1);
  const double saving = work.checkpoints * number("run.checkpoint_s") +
                        number("run.checkpoint_byte_ns") * kNano * written;
  return number("run.start_s") + work.evaluations * number("run.evaluation_s") + playing +
         evaluating / shared + work.updates * update / shared + saving;
}

double CostModel::acting_step_seconds(std::string_view env, int agents) const {
  return (of_row(envs_, env, "step_us") + agents * number("acting.agent_us")) * kMicro;
}

double makespan(std::vector<double> seconds, int workers) {
  std::sort(seconds.begin(), seconds.end(), std::greater<>());
  std::vector<double> busy_until(static_cast<std::size_t>(std::max(workers, 1)));
  for (const double cell : seconds) *std::min_element(busy_until.begin(), busy_until.end()) += cell;
  return *std::max_element(busy_until.begin(), busy_until.end());
}

double largest(std::vector<double> values, int count) {
  std::sort(values.begin(), values.end(), std::greater<>());
  double sum = 0.0;
  for (std::size_t i = 0; i < values.size() && i < static_cast<std::size_t>(count); ++i)
    sum += values[i];
  return sum;
}

}  // namespace credo::suite
