#include <chrono>
#include <cmath>
#include <fmt/format.h>
#include <memory>

#include "envs/core/error.hpp"
#include "envs/core/registry.hpp"
#include "learners/base/safetensors.hpp"
#include "learners/config.hpp"
#include "learners/rollout/evaluation.hpp"
#include "learners/rollout/fixed_policy.hpp"
#include "suite/cli/cli.hpp"
#include "suite/common/json.hpp"
#include "suite/results/statistics.hpp"
#include "suite/run/run_directory.hpp"
#include "suite/run/runner.hpp"

namespace credo::suite {
namespace {

constexpr std::int64_t kMostEpisodes = 100000000;
constexpr std::int64_t kMostBudget = 1000000000000;
constexpr int kDefaultEpisodes = 32;

struct Played {
  std::string env;
  std::string policy;
  std::uint64_t seed = 0;
  Evaluation evaluation;
  std::int64_t budget = 0;  // of the search, open_loop only
  std::shared_ptr<const OpenLoopSearch> search{};
};

// Weights that do not fit are the file's fault, so the message names it.
Evaluation play_greedy(const RunConfig& config, const Env& env, const TensorFile& weights,
                       const std::string& label, int episodes, std::uint64_t seed) {
  try {
    return evaluate_weights(env, config.train_config(), weights, episodes, seed);
  } catch (const UserError& error) {
    throw UserError(fmt::format("{}: {}", label, error.what()));
  }
}

Played play_policy(const Env& env, const std::string& name, int episodes, std::uint64_t seed,
                   std::uint64_t search_seed, std::int64_t budget) {
  const FixedPolicy policy = make_fixed_policy(env, name, search_seed, {.budget = budget});
  return {.env = env.spec().id,
          .policy = name,
          .seed = seed,
          .evaluation = evaluate_fixed_policy(env, policy, episodes, seed),
          .budget = budget,
          .search = policy.search};
}

Played play_fixed(const Arguments& arguments, const std::string& policy, int episodes) {
  const auto env_id = arguments.text("env");
  if (!env_id) throw UserError("--policy needs --env ENV");
  for (const char* name : {"alg", "profile", "config", "weights", "checkpoint"})
    if (arguments.has(name))
      throw UserError(fmt::format("--{} cannot be used with --policy", name));
  if (!arguments.positional.empty()) throw UserError("give either DIR or --policy, not both");
  const auto env = make_policy_env(*env_id, policy, arguments.list("set"));
  const std::uint64_t seed = arguments.seed().value_or(0);
  if (arguments.has("budget") && policy != "open_loop")
    throw UserError(fmt::format("--budget cannot be used with --policy {}", policy));
  const std::int64_t budget = arguments.integer("budget", 1, kMostBudget).value_or(kOpenLoopBudget);
  return play_policy(*env, policy, episodes, seed, seed, budget);
}

Played play_run(const Arguments& arguments, int episodes) {
  const std::string& directory = arguments.positional.front();
  for (const char* name : {"env", "alg", "profile", "config", "set", "budget"})
    if (arguments.has(name))
      throw UserError(fmt::format("--{} cannot be used with DIR, whose config.toml sets it", name));
  const RunConfig config = read_run_config(directory);
  const auto env = make_run_env(config);
  const std::uint64_t seed = arguments.seed().value_or(config.seed());
  // An open loop stays the run's own: only the episodes come from another seed.
  if (!config.is_learning())
    return play_policy(*env, config.algorithm(), episodes, seed, config.seed(),
                       config.open_loop_budget());
  Played played{
      .env = config.env_id(), .policy = config.algorithm(), .seed = seed, .evaluation = {}};
  if (const auto path = arguments.text("weights")) {
    played.evaluation = play_greedy(config, *env, read_safetensors(*path), *path, episodes, seed);
    return played;
  }
  const WeightsFile file = load_weights(directory, arguments.text("checkpoint").value_or(""));
  const std::string label = file.path.string();
  played.evaluation =
      play_greedy(config, *env, parse_safetensors(file.bytes, label), label, episodes, seed);
  return played;
}

Played play_weights(const Arguments& arguments, int episodes) {
  if (arguments.has("budget")) throw UserError("--budget cannot be used with --weights");
  const RunConfig config = RunConfig::resolve(make_request(arguments));
  if (!config.is_learning())
    throw UserError(
        fmt::format("--weights needs a learning algorithm, not '{}'", config.algorithm()));
  const auto env = make_run_env(config);
  const std::string path = *arguments.text("weights");
  const std::uint64_t seed = config.seed();
  return {.env = config.env_id(),
          .policy = config.algorithm(),
          .seed = seed,
          .evaluation = play_greedy(config, *env, read_safetensors(path), path, episodes, seed)};
}

int run_eval(const Arguments& arguments) {
  const int episodes =
      static_cast<int>(arguments.integer("episodes", 1, kMostEpisodes).value_or(kDefaultEpisodes));
  const auto started = std::chrono::steady_clock::now();
  Played played;
  if (const auto policy = arguments.text("policy")) {
    played = play_fixed(arguments, *policy, episodes);
  } else if (!arguments.positional.empty()) {
    played = play_run(arguments, episodes);
  } else if (arguments.has("weights")) {
    played = play_weights(arguments, episodes);
  } else {
    throw UserError("nothing to evaluate; give DIR, --policy NAME or --weights FILE");
  }
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - started;

  const Evaluation& evaluation = played.evaluation;
  std::vector<double> returns;
  for (const EpisodeResult& episode : evaluation.episodes)
    returns.push_back(episode.episode_return);
  const auto deviation = sample_std(returns);
  const auto error = standard_error(returns);
  if (arguments.json()) {
    Json row;
    row["env"] = played.env;
    row["policy"] = played.policy;
    row["episodes"] = returns.size();
    row["seed"] = played.seed;
    row["return_mean"] = evaluation.return_mean();
    row["return_std"] = json_or_null(deviation);
    row["return_se"] = json_or_null(error);
    row["length_mean"] = evaluation.length_mean();
    row["win_rate"] = json_or_null(evaluation.win_rate());
    row["entropy_mean"] = json_or_null(evaluation.entropy_mean);
    if (!evaluation.credit_mean.empty()) row["credit_mean"] = evaluation.credit_mean;
    if (played.search != nullptr) {
      row["search_budget"] = played.budget;
      row["search_steps"] = played.search->env_steps;
    }
    row["env_steps"] = evaluation.env_steps();
    row["wall_s"] = wall.count();
    print_out(json_text(Json::array({row})));
    return kExitOk;
  }
  std::string text =
      fmt::format("{} {}: mean return {:.4f}", played.env, played.policy, evaluation.return_mean());
  if (error)
    text += fmt::format(" +- {:.4f} (standard error{})", *error,
                        returns.size() < kFewValues ? ", of few values" : "");
  text += fmt::format(" over {} {}, mean length {:.2f}", returns.size(),
                      returns.size() == 1 ? "episode" : "episodes", evaluation.length_mean());
  if (const auto rate = evaluation.win_rate()) text += fmt::format(", win rate {:.4f}", *rate);
  if (evaluation.entropy_mean) text += fmt::format(", H {:.4f}", *evaluation.entropy_mean);
  if (played.search != nullptr)
    text += fmt::format(", after a search of {} environment steps", played.search->env_steps);
  print_out(text + "\n");
  return kExitOk;
}

}  // namespace

Command eval_command() {
  Command command;
  command.name = "eval";
  command.arguments =
      "DIR | --policy POLICY --env ENV | --weights FILE --env ENV --alg ALG [OPTIONS]";
  command.help = "play greedy episodes with a run's weights, or episodes of a fixed policy";
  command.details =
      "Reports the mean return, its standard error, and in JSON the sample standard deviation "
      "(return_std); return_se = return_std / sqrt(episodes). One episode has neither.";
  command.examples = {"credo eval runs/pp --episodes 320 --json",
                      "credo eval --policy random --env switch/2 --episodes 1000 --seed 1",
                      "credo eval --policy open_loop --env skirmish/2s3z --budget 1e6",
                      "credo eval --weights weights.safetensors --env predator_prey/5x5 --alg vdn"};
  command.positional = {"DIR"};
  command.options = request_options();
  command.options.push_back(
      {"policy", "POLICY", "random, noop, scripted, scripted:NAME or open_loop"});
  command.options.push_back(
      {"budget", "N", "environment steps of open_loop's search (default 500000)"});
  command.options.push_back({"weights", "FILE", "safetensors file of the weights to play with"});
  command.options.push_back({"checkpoint", "step_N", "checkpoint of DIR (default: the newest)"});
  command.options.push_back({"episodes", "N", "episodes to play (default 32)"});
  command.options.push_back(json_option());
  command.run = run_eval;
  return command;
}

}  // namespace credo::suite
