#include <chrono>
#include <filesystem>
#include <fmt/format.h>
#include <limits>
#include <tuple>

#include "envs/core/error.hpp"
#include "learners/base/safetensors.hpp"
#include "learners/rollout/fixed_policy.hpp"
#include "suite/cli/cli.hpp"
#include "suite/common/files.hpp"
#include "suite/common/hashing.hpp"
#include "suite/common/json.hpp"
#include "suite/common/signals.hpp"
#include "suite/credits/credits_study.hpp"
#include "suite/run/run_directory.hpp"
#include "suite/run/runner.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostStates = 1000000;
constexpr std::int64_t kMostEpisodes = 100000;
constexpr std::int64_t kMostBranches = 100000000;
constexpr int kMostEnumerated = 12;

double read_gamma(const std::string& text) {
  std::size_t used = 0;
  double gamma = -1.0;
  try {
    gamma = std::stod(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  if (used != text.size() || text.empty() || !(gamma > 0.0 && gamma <= 1.0))
    throw UserError(fmt::format("--gamma '{}'; allowed: above 0 and at most 1", text));
  return gamma;
}

std::pair<std::int64_t, std::int64_t> read_branches(const std::string& text) {
  const std::size_t colon = text.find(':');
  std::int64_t low = 0;
  std::int64_t high = 0;
  try {
    std::size_t used_low = 0;
    std::size_t used_high = 0;
    if (colon != std::string::npos) {
      low = std::stoll(text.substr(0, colon), &used_low);
      high = std::stoll(text.substr(colon + 1), &used_high);
    }
    if (used_low != colon || used_high != text.size() - colon - 1) low = 0;
  } catch (const std::exception&) {
    low = 0;
  }
  if (low < 1 || high < low || high > kMostBranches)
    throw UserError(fmt::format("--branches '{}'; allowed: LOW:HIGH with 1 <= LOW <= HIGH <= {}",
                                text, kMostBranches));
  return {low, high};
}

CreditsOptions read_options(const Arguments& arguments, std::uint64_t seed) {
  CreditsOptions options;
  if (arguments.text("game") == "absence") options.game = GameKind::kAbsence;
  options.choice = arguments.text("default").value_or("auto");
  options.states = arguments.integer("states", 1, kMostStates).value_or(options.states);
  options.episodes =
      static_cast<int>(arguments.integer("episodes", 1, kMostEpisodes).value_or(options.episodes));
  if (const auto text = arguments.text("gamma")) options.gamma = read_gamma(*text);
  options.exact_up_to = static_cast<int>(
      arguments.integer("exact-up-to", 0, kMostEnumerated).value_or(options.exact_up_to));
  if (const auto text = arguments.text("branches"))
    std::tie(options.least_branches, options.most_branches) = read_branches(*text);
  options.budget = arguments.integer("budget", 1, std::numeric_limits<std::int64_t>::max());
  options.seed = seed;
  return options;
}

CreditsSubject fixed_subject(const Env& env, const std::string& policy, std::uint64_t seed,
                             std::int64_t budget) {
  CreditsSubject subject;
  subject.algorithm = policy;
  subject.label = policy;
  subject.fixed = make_fixed_policy(env, policy, seed, {.budget = budget});
  return subject;
}

CreditsSubject weights_subject(const std::string& directory, const RunConfig& config,
                               const Env& env, const std::string& checkpoint) {
  const WeightsFile file = load_weights(directory, checkpoint);
  const std::string label = file.path.string();
  CreditsSubject subject;
  subject.algorithm = config.algorithm();
  subject.label = file.path.stem().string();
  subject.config = config.train_config();
  subject.weights = parse_safetensors(file.bytes, label);
  subject.weights_hash = xxh64(file.bytes);
  check_weights(env.spec(), *subject.config, subject.weights, label);
  const auto t_env = subject.weights.metadata.find("t_env");
  if (t_env != subject.weights.metadata.end()) subject.t_env = std::stoll(t_env->second);
  return subject;
}

std::string measure_line(const std::string& name, const CreditMeasure& m) {
  if (!m.value) return "";
  std::string text = fmt::format("  {:<28} {:>9.4f}", name, *m.value);
  text += m.low ? fmt::format("  [{:.4f}, {:.4f}]", *m.low, *m.high) : "";
  return text + fmt::format("  {} states\n", m.states);
}

std::string describe(const Env& env, const CreditsSubject& subject, const CreditsPlan& plan,
                     const CreditsResult& result) {
  std::string text = fmt::format(
      "{} {} {}: game {}, default {}, gamma {}, {} states ({} decided), {} steps\n", env.spec().id,
      subject.algorithm, subject.label, plan.options.game == GameKind::kStep ? "step" : "absence",
      plan.choice_name, plan.options.gamma, result.fidelity.states, result.fidelity.decided_states,
      result.steps);
  text += "true contributions\n";
  for (const CreditMeasure& m : result.fidelity.truth) text += measure_line(m.name, m);
  for (const SignalMeasures& signal : result.fidelity.learned) {
    text += fmt::format("{} of the {} against {}\n", signal.signal, signal.learner,
                        signal.signal == "delta" ? "differences" : "contributions");
    for (const CreditMeasure& m : signal.measures) text += measure_line(m.name, m);
  }
  if (!result.fidelity.calibration.empty()) text += "calibration of Q_tot\n";
  for (const CreditMeasure& m : result.fidelity.calibration) text += measure_line(m.name, m);
  if (result.left_out > 0)
    text += fmt::format("{} sampled states are beyond the budget\n", result.left_out);
  if (result.fidelity.decided_states == 0)
    text += "no pair of agents was decided in any state, so agreement is undefined\n";
  return text;
}

// What is measured, and where its files go.
struct Study {
  std::unique_ptr<Env> env;
  std::string env_settings;
  std::vector<CreditsSubject> subjects;
  std::uint64_t seed = 0;
  std::optional<fs::path> folder;
};

Study study_of_run(const Arguments& arguments) {
  const std::string& directory = arguments.positional.front();
  for (const char* name : {"env", "policy", "set"})
    if (arguments.has(name))
      throw UserError(fmt::format("--{} has no meaning with DIR, whose config.toml says it", name));
  std::error_code error;
  if (fs::is_regular_file(directory, error))
    throw UserError(fmt::format("{}: a file holds no policy; give the run's folder", directory));
  const RunConfig config = read_run_config(directory);
  Study study;
  study.env = make_run_env(config);
  study.env_settings = config.env_settings();
  study.seed = arguments.seed().value_or(config.seed());
  study.folder = run_file(directory, "credits");
  const std::string checkpoint = arguments.text("checkpoint").value_or("");
  if (!config.is_learning()) {
    if (!checkpoint.empty()) throw UserError("--checkpoint has no meaning for a fixed policy");
    study.subjects.push_back(
        fixed_subject(*study.env, config.algorithm(), config.seed(), config.open_loop_budget()));
  } else if (checkpoint == "all") {
    for (const CheckpointName& name : list_checkpoints(directory))
      study.subjects.push_back(
          weights_subject(directory, config, *study.env, checkpoint_stem(name.t_env)));
    if (study.subjects.empty())
      throw UserError(fmt::format("{}: no checkpoint was written yet", directory));
  } else {
    study.subjects.push_back(weights_subject(directory, config, *study.env, checkpoint));
  }
  return study;
}

Study study_of_policy(const Arguments& arguments) {
  const auto id = arguments.text("env");
  const auto policy = arguments.text("policy");
  if (!id || !policy)
    throw UserError("nothing to measure; give a run folder, or --env and --policy");
  if (arguments.has("checkpoint")) throw UserError("--checkpoint has no meaning with --policy");
  Study study;
  study.env = make_policy_env(*id, *policy, arguments.list("set"));
  Params params(study.env->spec().params);
  study.env_settings = env_settings_text(*id, params);
  study.seed = arguments.seed().value_or(0);
  study.subjects.push_back(fixed_subject(*study.env, *policy, study.seed, kOpenLoopBudget));
  return study;
}

int run_credits_command(const Arguments& arguments) {
  Study study = arguments.positional.empty() ? study_of_policy(arguments) : study_of_run(arguments);
  if (const auto out = arguments.text("out")) study.folder = *out;
  const CreditsOptions options = read_options(arguments, study.seed);
  std::vector<CreditsPlan> plans;
  for (const CreditsSubject& subject : study.subjects)
    plans.push_back(plan_credits(*study.env, study.env_settings, subject, options));
  if (arguments.has("dry-run")) {
    for (std::size_t i = 0; i < plans.size(); ++i) {
      const CreditsEstimate e = estimate_credits(*study.env, study.subjects[i], plans[i]);
      print_out(fmt::format("{}: {} states, {:.0f} to {:.0f} steps, {} to {} on one core\n",
                            plans[i].stem, e.states, e.likely_steps, e.most_steps,
                            duration_text(e.likely_seconds), duration_text(e.most_seconds)));
    }
    return kExitOk;
  }
  if (study.folder) make_directories(*study.folder);
  install_stop_handlers();
  Progress progress(arguments.progress());
  Json all = Json::array();
  for (std::size_t i = 0; i < plans.size(); ++i) {
    const CreditsSubject& subject = study.subjects[i];
    const auto started = std::chrono::steady_clock::now();
    const auto seconds = [&] {
      return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    };
    const fs::path part =
        study.folder ? *study.folder / ("." + plans[i].stem + ".part") : fs::path();
    std::string note;
    const auto on_progress = [&](const CreditsProgress& p) {
      progress.update(fmt::format(
          "{}: {} of {} states, {} steps, {} left", plans[i].stem, p.done, p.total, p.steps,
          eta_text(static_cast<double>(p.done), static_cast<double>(p.total), seconds())));
    };
    const auto result = run_credits(*study.env, subject, plans[i], part, note, on_progress);
    progress.clear();
    if (!note.empty()) print_message(arguments, note);
    if (!result) {
      print_message(arguments,
                    fmt::format("stopped by {}; the same command goes on where it stopped",
                                stop_signal_name()));
      return kExitStopped;
    }
    print_message(arguments,
                  fmt::format("{}: {} steps in {:.1f} s", plans[i].stem, result->steps, seconds()));
    if (study.folder) {
      write_credits(*study.folder, *study.env, subject, plans[i], *result);
      std::error_code error;
      fs::remove(part, error);
    }
    if (arguments.json())
      all.push_back(credits_json(*study.env, subject, plans[i], *result));
    else
      print_out(describe(*study.env, subject, plans[i], *result));
  }
  if (arguments.json()) print_out(json_text(all));
  return kExitOk;
}

}  // namespace

Command credits_command() {
  Command command;
  command.name = "credits";
  command.arguments = "DIR | --env ENV --policy NAME [OPTIONS]";
  command.help = "measure what each agent really contributed, and whether learned credits agree";
  command.details =
      "Plays out sampled states of a policy's episodes with some agents held back and measures the "
      "true contribution of each (Shapley values, with standard errors), beside the credits of the "
      "learner (docs/credits.md). Writes CSV and JSON files into DIR/credits or --out; when stopped "
      "it exits with 75, and the same command goes on.";
  command.examples = {
      "credo credits runs/pp", "credo credits runs/pp --checkpoint all --states 64 --json",
      "credo credits --env skirmish/MMM2 --policy scripted:focus --out credits/mmm2 --dry-run",
      "credo credits --env hallway --policy scripted --game absence"};
  command.options = {
      {"checkpoint", "step_N", "step_N, best or all (default: the newest)"},
      {"env", "ENV", "environment, with --policy"},
      {"policy", "POLICY", "random, noop, scripted, scripted:NAME or open_loop"},
      {"set", "KEY=VALUE", "one setting of the environment; repeat for more", true},
      {"game", "step|absence", "held back for one step (default), or to the end of the episode"},
      {"default", "ACTION",
       "what held-back agents do: idle, random, an action's name, or auto (default): idle where "
       "the "
       "environment has an idle action, else random",
       false},
      {"states", "N", "states to sample (default 128)"},
      {"episodes", "N", "episodes to sample them from (default 32)"},
      {"gamma", "X", "discount (default: the learner's, 0.99 for fixed policies)"},
      {"exact-up-to", "N", "acting agents whose coalitions are all played (default 8)"},
      {"branches", "LOW:HIGH", "branches per state (default 512:8192)"},
      {"budget", "N", "play no more environment steps than this"},
      {"seed", "S", "of episodes and branches (default: the run's, else 0)"},
      {"out", "DIR", "folder for the files (default: DIR/credits)"},
      {"dry-run", "", "estimate steps and time, measure nothing"}};
  command.options.push_back(json_option());
  command.options.push_back(progress_option());
  command.positional = {"DIR"};
  command.run = run_credits_command;
  return command;
}

}  // namespace credo::suite
