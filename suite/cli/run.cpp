#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <limits>

#include "envs/core/error.hpp"
#include "suite/cli/cli.hpp"
#include "suite/common/json.hpp"
#include "suite/common/signals.hpp"
#include "suite/common/text.hpp"
#include "suite/plan/memory_check.hpp"
#include "suite/run/extend.hpp"
#include "suite/run/integrity.hpp"
#include "suite/run/runner.hpp"

namespace credo::suite {
namespace {

RunOptions run_options(const Arguments& arguments, Progress& progress, std::string title) {
  RunOptions options;
  options.threads = arguments.threads();
  if (!progress.is_shown()) return options;
  const auto started = std::chrono::steady_clock::now();
  options.on_progress = [&progress, started, title = std::move(title)](const RunProgress& run) {
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started;
    const auto here = static_cast<double>(run.t_env - run.t_start);
    std::string line = fmt::format(
        "{}  {}/{} steps ({:.0f}%)  {:.0f} steps/s  ETA {}", title, with_thousands(run.t_env),
        with_thousands(run.t_max),
        std::min(100.0, 100.0 * static_cast<double>(run.t_env) / static_cast<double>(run.t_max)),
        here / std::max(elapsed.count(), 1e-9),
        eta_text(here, static_cast<double>(run.t_max - run.t_start), elapsed.count()));
    if (run.last_return) line += fmt::format("  return {:.2f}", *run.last_return);
    progress.update(line);
  };
  return options;
}

// Of training only: a fixed policy has no parts.
void show_timing(const Arguments& arguments, const RunOutcome& outcome) {
  const double total = outcome.timing.total();
  if (!arguments.has("timing") || arguments.json() || total <= 0.0) return;
  std::string text = fmt::format("{:<11} {:>9} {:>6}\n", "part", "s", "%");
  for (std::size_t i = 0; i < kRunPartNames.size(); ++i) {
    const double seconds = outcome.timing.seconds(static_cast<RunPart>(i));
    text += fmt::format("{:<11} {:>9.3f} {:>6.1f}\n", kRunPartNames[i], seconds,
                        100.0 * seconds / total);
  }
  text += fmt::format("{} steps, {:.0f} per second without evaluation\n", outcome.steps_here,
                      training_steps_per_second(outcome));
  print_out(text);
}

Json timing_json(const RunOutcome& outcome) {
  Json json;
  for (const auto& [part, seconds] : timing_parts(outcome.timing)) json[part] = seconds;
  json["steps"] = outcome.steps_here;
  return json;
}

// The result on stdout, what went wrong on stderr.
int conclude(const Arguments& arguments, const std::string& directory, const RunConfig& config,
             const RunOutcome& outcome) {
  if (!outcome.note.empty()) print_message(arguments, outcome.note);
  switch (outcome.end) {
    case RunEnd::kAlreadyDone:
      print_message(arguments, fmt::format("{}: already finished", directory));
      break;
    case RunEnd::kStopped:
      print_message(arguments, fmt::format("stopped by {}: {}", outcome.reason,
                                           interrupted_text(directory, budget(config))));
      break;
    case RunEnd::kTakenOver:
      print_message(arguments, outcome.reason + "; this process has stopped");
      break;
    case RunEnd::kFailed:
      print_error(fmt::format("{}: run failed: {}", directory, outcome.reason));
      break;
    case RunEnd::kDiverged:
      print_error(fmt::format("{}: run diverged: {}", directory, outcome.reason));
      break;
    case RunEnd::kDone:
      break;
  }
  if (!outcome.final_evaluation) return exit_code(outcome.end);
  const Evaluation& evaluation = *outcome.final_evaluation;
  if (arguments.json()) {
    Json row;
    row["env"] = config.env_id();
    row["algorithm"] = config.algorithm();
    row["seed"] = config.seed();
    row["status"] = "done";
    row["env_steps"] = outcome.t_env;
    row["episodes"] = evaluation.episodes.size();
    row["return_mean"] = evaluation.return_mean();
    row["length_mean"] = evaluation.length_mean();
    row["win_rate"] = json_or_null(evaluation.win_rate());
    row["entropy_mean"] = json_or_null(evaluation.entropy_mean);
    row["out"] = directory;
    if (arguments.has("timing")) row["timing"] = timing_json(outcome);
    print_out(json_text(Json::array({row})));
  } else {
    std::string line = fmt::format("{} {} seed {}: mean return {:.3f} over {} episodes",
                                   config.env_id(), config.algorithm(), config.seed(),
                                   evaluation.return_mean(), evaluation.episodes.size());
    if (const auto rate = evaluation.win_rate()) line += fmt::format(", win rate {:.3f}", *rate);
    if (evaluation.entropy_mean) line += fmt::format(", H {:.4f}", *evaluation.entropy_mean);
    print_out(line + "\n");
  }
  show_timing(arguments, outcome);
  return exit_code(outcome.end);
}

int run_run(const Arguments& arguments) {
  const auto out = arguments.text("out");
  const RunConfig config = RunConfig::resolve(make_request(arguments));
  if (!out || out->empty()) throw UserError("no output folder given; use --out DIR");
  const MemoryAdvice advice = check_memory({&config}, 1, available_memory());
  if (!advice.refusal.empty()) throw UserError(advice.refusal);
  if (!advice.warning.empty()) print_message(arguments, advice.warning);
  install_stop_handlers();
  Progress progress(arguments.progress());
  const auto options =
      run_options(arguments, progress,
                  fmt::format("{} {} seed {}", config.env_id(), config.algorithm(), config.seed()));
  const RunOutcome outcome = start_run(config, *out, options);
  progress.clear();
  return conclude(arguments, *out, config, outcome);
}

int run_resume(const Arguments& arguments) {
  const std::string& directory = arguments.single("DIR");
  const auto t_max = arguments.t_max();
  const auto out = arguments.text("out");
  if (t_max.has_value() != (out && !out->empty()))
    throw UserError(
        "--t-max N and --out DIR go together: the longer run is a new one, in a folder of its own");
  if (t_max && arguments.has("checkpoint"))
    throw UserError("--checkpoint cannot be used with --t-max: the run is extended from its end");
  const RunConfig config = read_run_config(directory);
  install_stop_handlers();
  Progress progress(arguments.progress());
  auto options =
      run_options(arguments, progress,
                  fmt::format("{} {} seed {}", config.env_id(), config.algorithm(), config.seed()));
  options.checkpoint = arguments.text("checkpoint").value_or("");
  const RunOutcome outcome =
      t_max ? extend_run(directory, *t_max, *out, options) : resume_run(directory, options);
  progress.clear();
  return conclude(arguments, t_max ? *out : directory, config, outcome);
}

Option timing_option() { return {"timing", "", "end with a table of where the time went"}; }

}  // namespace

Command run_command() {
  Command command;
  command.name = "run";
  command.arguments = "--env ENV --alg ALG --out DIR [OPTIONS]";
  command.help = "train an algorithm, or play a fixed policy, and write a run folder";
  command.details =
      "Settings come from the defaults, the profile, the algorithm, --config, and --t-max and "
      "--set; later ones override earlier ones. Options that cannot affect the run are refused.\n"
      "\n"
      "SIGINT, SIGTERM, SIGHUP and SIGUSR1 save a checkpoint and exit with status 75; `credo "
      "resume` continues to the same result.";
  command.examples = {
      "credo run --env two_step --alg qmix --profile two_step --out runs/two_step",
      "credo run --env predator_prey/5x5 --alg qmix_gre --seed 3 --t-max 1e5 --set env.limit=25 "
      "--set learner.gamma=0.98 --out runs/pp",
      "credo run --env predator_prey/5x5 --alg vdn --init-weights weights.safetensors "
      "--out runs/warm"};
  command.options = request_options();
  command.options.push_back(init_weights_option());
  command.options.push_back({"out", "DIR", "folder of the run; must not hold one already"});
  command.options.push_back(timing_option());
  command.options.push_back(json_option());
  command.options.push_back(progress_option());
  command.run = run_run;
  return command;
}

Command resume_command() {
  Command command;
  command.name = "resume";
  command.arguments = "DIR [--checkpoint step_N] [--t-max N --out DIR2]";
  command.help = "continue an interrupted run, or extend a finished one";
  command.details =
      "The result equals that of a run that was never interrupted.\n\n"
      "With --t-max, a finished run that kept its state (run.keep_state=true) is trained up to N "
      "environment steps. The longer run gets a folder of its own, DIR2, which records DIR as its "
      "parent and holds the same bytes as a run of N steps in one go.";
  command.examples = {"credo resume runs/pp",
                      "credo resume runs/pp --t-max 2e5 --out runs/pp_200k"};
  command.positional = {"DIR"};
  command.options = {{"checkpoint", "step_N", "start from this checkpoint (default: the newest)"},
                     {"t-max", "N", "extend a finished run to N environment steps"},
                     {"out", "DIR", "folder of the extended run"},
                     timing_option(),
                     json_option(),
                     progress_option()};
  command.run = run_resume;
  return command;
}

}  // namespace credo::suite
