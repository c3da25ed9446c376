#include <algorithm>
#include <chrono>
#include <cmath>
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
#include "suite/credits/credits_folder.hpp"
#include "suite/credits/credits_study.hpp"
#include "suite/credits/subjects.hpp"
#include "suite/plan/credits_rules.hpp"
#include "suite/run/directory_lock.hpp"
#include "suite/run/run_directory.hpp"
#include "suite/run/runner.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;

constexpr double kLargestFactor = 1024.0;

// NaN for what is no number.
double read_number(const std::string& text) {
  std::size_t used = 0;
  double number = 0.0;
  try {
    number = std::stod(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  return used == text.size() && !text.empty() ? number : std::numeric_limits<double>::quiet_NaN();
}

double read_gamma(const std::string& text) {
  const double gamma = read_number(text);
  if (!(gamma > 0.0 && gamma <= 1.0))
    throw UserError(fmt::format("--gamma '{}'; allowed: above 0 and at most 1", text));
  return gamma;
}

// nullopt without --twin.
std::optional<double> read_twin(const Arguments& arguments) {
  const auto text = arguments.text("twin");
  if (!text) return std::nullopt;
  const double factor = read_number(*text);
  if (!(factor >= 1.0 / kLargestFactor && factor <= kLargestFactor) || factor == 1.0)
    throw UserError(fmt::format("--twin '{}'; allowed: from 1/{} to {}, but 1", *text,
                                kLargestFactor, kLargestFactor));
  return factor;
}

CreditsOptions read_options(const Arguments& arguments, std::uint64_t seed) {
  CreditsOptions options;
  if (arguments.text("game") == "absence") options.game = GameKind::kAbsence;
  options.choice = arguments.text("default").value_or("auto");
  options.states = arguments.integer("states", 1, kMostCreditStates).value_or(options.states);
  options.episodes = static_cast<int>(
      arguments.integer("episodes", 1, kMostCreditEpisodes).value_or(options.episodes));
  if (const auto text = arguments.text("gamma")) options.gamma = read_gamma(*text);
  options.exact_up_to = static_cast<int>(
      arguments.integer("exact-up-to", 0, kMostEnumerated).value_or(options.exact_up_to));
  if (const auto text = arguments.text("branches"))
    std::tie(options.least_branches, options.most_branches) = parse_branches("--branches", *text);
  options.budget = arguments.integer("budget", 1, std::numeric_limits<std::int64_t>::max());
  options.seed = seed;
  return options;
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

std::string entropy_of(const CreditsResult& result, std::string_view signal) {
  for (const SignalMeasures& one : result.fidelity.learned)
    if (one.signal == signal)
      if (const CreditMeasure* h = find_measure(one.measures, "h"))
        return fmt::format("{:.4f}", *h->value);
  return "undefined";
}

/// How the rescaled twin of a network compares with it, state by state.
struct TwinComparison {
  std::size_t states = 0, same_actions = 0;
  double q_tot_difference = 0.0;  ///< the largest
};

TwinComparison compare_twin(const CreditsResult& plain, const CreditsResult& twin) {
  TwinComparison found;
  found.states = std::min(plain.states.size(), twin.states.size());
  for (std::size_t i = 0; i < found.states; ++i) {
    const MeasuredState& a = plain.states[i];
    const MeasuredState& b = twin.states[i];
    if (a.truth.actions == b.truth.actions && a.truth.t == b.truth.t) ++found.same_actions;
    if (a.mixer.w_all && b.mixer.w_all)
      found.q_tot_difference =
          std::max(found.q_tot_difference, std::abs(*a.mixer.w_all - *b.mixer.w_all));
  }
  return found;
}

std::string describe_twin(const CreditsResult& plain, const CreditsResult& twin, double factor) {
  const TwinComparison c = compare_twin(plain, twin);
  return fmt::format(
      "the twin, agent 0's row of W1 times {0} and its values over {0}: the same actions in {1} of "
      "{2} states, Q_tot within {3:.1e}\n  H of g   {4} -> {5}\n  H of psi {6} -> {7}\n",
      factor, c.same_actions, c.states, c.q_tot_difference, entropy_of(plain, "g"),
      entropy_of(twin, "g"), entropy_of(plain, "psi"), entropy_of(twin, "psi"));
}

// Removes a folder that this command made and left empty, as a refusal does.
struct EmptyFolder {
  fs::path path;
  EmptyFolder() = default;
  EmptyFolder(const EmptyFolder&) = delete;
  EmptyFolder& operator=(const EmptyFolder&) = delete;
  ~EmptyFolder() {
    std::error_code error;
    if (!path.empty()) fs::remove(path, error);  // does nothing to one that holds files
  }
};

// What is measured, and where its files go.
struct Study {
  std::unique_ptr<Env> env;
  std::string env_settings;
  std::vector<CreditsSubject> subjects;
  std::uint64_t seed = 0;
  std::optional<fs::path> folder;
  std::optional<double> twin;  ///< factor; the twin of each subject follows it
};

Study study_of_run(const Arguments& arguments) {
  const std::string& directory = arguments.positional.front();
  for (const char* name : {"env", "policy", "set"})
    if (arguments.has(name))
      throw UserError(fmt::format("--{} has no meaning with DIR, whose config.toml says it", name));
  if (directory.empty()) throw UserError("an empty name is no run's folder");
  std::error_code error;
  if (fs::is_regular_file(directory, error))
    throw UserError(fmt::format("{}: a file holds no policy; give the run's folder", directory));
  const RunConfig config = read_run_config(directory);
  Study study;
  study.env = make_run_env(config);
  study.env_settings = config.env_settings();
  study.seed = arguments.seed().value_or(config.seed());
  study.folder = run_file(directory, kCreditsFolder);
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

void add_twins(Study& study) {
  std::vector<CreditsSubject> all;
  for (CreditsSubject& subject : study.subjects) {
    CreditsSubject twin = twin_subject(*study.env, subject, *study.twin);
    all.push_back(std::move(subject));
    all.push_back(std::move(twin));
  }
  study.subjects = std::move(all);
}

void print_estimates(const Study& study, const std::vector<CreditsPlan>& plans, bool json) {
  Json all = Json::array();
  for (std::size_t i = 0; i < plans.size(); ++i) {
    const CreditsEstimate e = estimate_credits(*study.env, study.subjects[i], plans[i],
                                               study.subjects[i].config.has_value());
    if (json)
      all.push_back({{"name", plans[i].stem},
                     {"states", e.states},
                     {"likely_steps", e.likely_steps},
                     {"most_steps", e.most_steps},
                     {"likely_seconds", e.likely_seconds},
                     {"most_seconds", e.most_seconds}});
    else
      print_out(fmt::format("{}: {} states, {:.0f} to {:.0f} steps, {} to {} on one core\n",
                            plans[i].stem, e.states, e.likely_steps, e.most_steps,
                            duration_text(e.likely_seconds), duration_text(e.most_seconds)));
  }
  if (json) print_out(json_text(all));
}

int run_credits_command(const Arguments& arguments) {
  Study study = arguments.positional.empty() ? study_of_policy(arguments) : study_of_run(arguments);
  if (const auto out = arguments.text("out")) {
    if (out->empty()) throw UserError("--out: no folder given");
    study.folder = *out;
  }
  study.twin = read_twin(arguments);
  if (study.twin) add_twins(study);
  const CreditsOptions options = read_options(arguments, study.seed);
  std::vector<CreditsPlan> plans;
  for (const CreditsSubject& subject : study.subjects)
    plans.push_back(plan_credits(*study.env, study.env_settings, subject, options));
  if (arguments.has("dry-run")) {
    print_estimates(study, plans, arguments.json());
    return kExitOk;
  }
  EmptyFolder empty;  // before the lock, whose file is in it
  std::optional<DirectoryLock> lock;
  if (study.folder) {
    std::error_code error;
    if (!fs::exists(*study.folder, error)) empty.path = *study.folder;
    check_credits_folder(*study.folder, plans);
    as_user_error([&] {
      make_directories(*study.folder);
      lock.emplace(*study.folder);
    });
    for (const CreditsPlan& plan : plans)
      if (replaces_credits(*study.folder, plan))
        print_message(arguments, fmt::format("{}: replaces a measurement of another environment, "
                                             "other weights or options",
                                             plan.stem));
  }
  install_stop_handlers();
  Progress progress(arguments.progress());
  Json all = Json::array();
  std::optional<CreditsResult> plain;  // of the subject before its twin
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
    auto result = run_credits(*study.env, subject, plans[i], part, note, on_progress);
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
      if (study.twin && i % 2 == 1)
        write_file(*study.folder / (subject.label + ".safetensors"),
                   serialize_safetensors(subject.weights));
      std::error_code error;
      fs::remove(part, error);
    }
    if (arguments.json())
      all.push_back(credits_json(*study.env, subject, plans[i], *result));
    else
      print_out(describe(*study.env, subject, plans[i], *result));
    if (!study.twin) continue;
    if (i % 2 == 0) {
      plain = std::move(result);
    } else if (arguments.json()) {
      const TwinComparison c = compare_twin(*plain, *result);
      all.back()["twin"] = {{"of", study.subjects[i - 1].label},
                            {"factor", *study.twin},
                            {"same_actions", c.same_actions},
                            {"q_tot_difference", c.q_tot_difference}};
    } else {
      print_out(describe_twin(*plain, *result, *study.twin));
    }
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
      {"twin", "X",
       "also measure the rescaled twin of a QMIX: agent 0's row of W1 times X, its values over X",
       false},
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
