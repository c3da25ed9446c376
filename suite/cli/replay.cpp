#include <chrono>
#include <filesystem>
#include <fmt/format.h>
#include <thread>
#include <unistd.h>

#include "envs/core/error.hpp"
#include "learners/base/safetensors.hpp"
#include "learners/rollout/fixed_policy.hpp"
#include "suite/cli/cli.hpp"
#include "suite/common/files.hpp"
#include "suite/common/progress.hpp"
#include "suite/common/signals.hpp"
#include "suite/common/text.hpp"
#include "suite/credits/subjects.hpp"
#include "suite/replay/episode_text.hpp"
#include "suite/replay/replay_log.hpp"
#include "suite/replay/replay_page.hpp"
#include "suite/replay/replay_record.hpp"
#include "suite/run/run_directory.hpp"
#include "suite/run/runner.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostEpisodes = 10000;

void refuse(const Arguments& arguments, std::initializer_list<const char*> names,
            std::string_view with) {
  for (const char* name : names)
    if (arguments.has(name))
      throw UserError(fmt::format("--{} cannot be used with {}", name, with));
}

int episodes_of(const Arguments& arguments) {
  return static_cast<int>(arguments.integer("episodes", 1, kMostEpisodes).value_or(1));
}

ReplayLog record_run(const Arguments& arguments, const std::string& directory) {
  refuse(arguments, {"env", "policy", "set"}, "DIR, whose config.toml sets it");
  const RunConfig config = read_run_config(directory);
  const auto env = make_run_env(config);
  const std::uint64_t seed = arguments.seed().value_or(config.seed());
  const int episodes = episodes_of(arguments);
  if (!config.is_learning()) {
    refuse(arguments, {"checkpoint"}, "the run of a fixed policy");
    return record_fixed_policy(*env,
                               make_fixed_policy(*env, config.algorithm(), config.seed(),
                                                 {.budget = config.open_loop_budget()}),
                               episodes, seed);
  }
  const WeightsFile file = load_weights(directory, arguments.text("checkpoint").value_or(""));
  const std::string label = file.path.string();
  try {
    return record_weights(*env, config, parse_safetensors(file.bytes, label), episodes, seed);
  } catch (const UserError& error) {
    throw UserError(fmt::format("{}: {}", label, error.what()));
  }
}

ReplayLog record_policy(const Arguments& arguments) {
  refuse(arguments, {"checkpoint"}, "--policy");
  const auto id = arguments.text("env");
  const auto policy = arguments.text("policy");
  if (!id || !policy)
    throw UserError("nothing to replay; give a run folder, a replay log, or --env and --policy");
  const auto env = make_policy_env(*id, *policy, arguments.list("set"));
  const std::uint64_t seed = arguments.seed().value_or(0);
  return record_fixed_policy(*env, make_fixed_policy(*env, *policy, seed), episodes_of(arguments),
                             seed);
}

ReplayLog read_log(const Arguments& arguments, const std::string& path) {
  refuse(arguments, {"env", "policy", "set", "seed", "episodes", "checkpoint"},
         "a replay log, which records it");
  return as_user_error([&] { return decode_replay(read_bytes(path, kLargestReplay), path); });
}

ReplayLog obtain(const Arguments& arguments) {
  if (arguments.positional.empty()) return record_policy(arguments);
  const std::string& source = arguments.positional.front();
  std::error_code error;
  return fs::is_directory(source, error) ? record_run(arguments, source)
                                         : read_log(arguments, source);
}

// Of the run or policy on the command line; nullopt when a signal stopped it.
std::optional<ReplayCredits> measure(const Arguments& arguments, const ReplayLog& log) {
  std::unique_ptr<Env> env;
  std::string settings;
  CreditsSubject subject;
  std::error_code error;
  if (arguments.positional.empty()) {
    const std::string policy = *arguments.text("policy");
    env = make_policy_env(log.env, policy, arguments.list("set"));
    settings = env_settings_text(log.env, Params(env->spec().params));
    subject = fixed_subject(*env, policy, log.seed, kOpenLoopBudget);
  } else if (const std::string& source = arguments.positional.front();
             fs::is_directory(source, error)) {
    const RunConfig config = read_run_config(source);
    env = make_run_env(config);
    settings = config.env_settings();
    subject =
        config.is_learning()
            ? weights_subject(source, config, *env, arguments.text("checkpoint").value_or(""))
            : fixed_subject(*env, config.algorithm(), config.seed(), config.open_loop_budget());
  } else {
    throw UserError(
        "--credits: a replay log holds actions and no policy; give the run's folder, or --env and "
        "--policy");
  }
  install_stop_handlers();
  Progress progress(ProgressMode::kAuto);
  const auto started = std::chrono::steady_clock::now();
  return measure_replay_credits(
      *env, settings, subject, static_cast<int>(log.episodes.size()), log.seed,
      [&](const CreditsProgress& now) {
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started;
        progress.update(fmt::format("credits of {} of {} steps, {} left", now.done, now.total,
                                    eta_text(static_cast<double>(now.done),
                                             static_cast<double>(now.total), elapsed.count())));
      });
}

std::string episode_line(const LoggedEpisode& episode, std::string_view outcome) {
  return fmt::format("episode {}: {}\n", episode.index,
                     result_text(episode.episode_return, episode.length, outcome));
}

// On a terminal a film, one picture over the other; else all of them one after another.
void show(const ReplayLog& log, const std::string& label, double speed) {
  const bool is_film = ::isatty(STDOUT_FILENO) == 1;
  if (is_film) install_stop_handlers();
  const auto env = make_replay_env(log, label);
  const auto pause = std::chrono::duration<double>(1.0 / speed);
  // Slices, so that Ctrl-C is answered at once.
  const auto wait = [&] {
    const auto until = std::chrono::steady_clock::now() + pause;
    while (!stop_requested() && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
  };
  for (const LoggedEpisode& episode : log.episodes) {
    std::string text = fmt::format("{} policy {} seed {} episode {}\n", log.env, log.policy,
                                   log.seed, episode.index);
    ReplayWatcher watcher;
    watcher.on_step = [&](const Env& now, std::span<const int> actions, const StepResult& result) {
      if (!is_film) {
        text += step_text(now, actions, result);
        return;
      }
      if (stop_requested()) return;
      print_out("\x1b[H\x1b[2J" + text + step_text(now, actions, result));
      wait();
    };
    const std::string end =
        episode_line(episode, replay_episode(*env, log, episode, watcher, label));
    if (stop_requested()) return;
    print_out(is_film ? end : text + end);
  }
}

void write(const std::string& path, std::span<const std::byte> bytes) {
  as_user_error([&] { write_file(path, bytes); });
}

double speed_of(const Arguments& arguments) {
  const auto text = arguments.text("speed");
  if (!text) return 4.0;
  std::size_t used = 0;
  double speed = 0.0;
  try {
    speed = std::stod(*text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  if (used != text->size() || text->empty() || !(speed >= 0.1 && speed <= 1000.0))
    throw UserError(fmt::format("--speed '{}'; allowed: steps per second in [0.1, 1000]", *text));
  return speed;
}

int run_replay(const Arguments& arguments) {
  const double speed = speed_of(arguments);
  const auto log_path = arguments.text("log");
  const auto html_path = arguments.text("html");
  for (const auto& path : {log_path, html_path})
    if (path && path->empty()) throw UserError("an output file needs a name");
  if (arguments.has("credits") && !html_path)
    throw UserError("--credits shows them on the page; add --html FILE");
  const ReplayLog log = obtain(arguments);
  const std::string label = arguments.positional.empty() ? log.env : arguments.positional.front();
  try {
    if (!log_path && !html_path) {
      show(log, label, speed);
      return kExitOk;
    }
    // A log is played again before it is kept, and so is what goes into a page.
    const auto env = make_replay_env(log, label);
    std::string text;
    for (const LoggedEpisode& episode : log.episodes)
      text += episode_line(episode, replay_episode(*env, log, episode, {}, label));
    std::optional<ReplayCredits> credits;
    if (arguments.has("credits")) {
      credits = measure(arguments, log);
      if (!credits) {
        print_message(arguments,
                      fmt::format("stopped by {}; nothing is written", stop_signal_name()));
        return kExitStopped;
      }
    }
    const std::string page =
        html_path ? replay_page(log, label, credits ? &*credits : nullptr) : "";
    if (log_path) write(*log_path, encode_replay(log));
    if (html_path) write(*html_path, std::as_bytes(std::span(page)));
    print_out(text);
  } catch (const ReplayMismatch& mismatch) {
    print_error(mismatch.what());
    return kExitMismatch;
  }
  return kExitOk;
}

}  // namespace

Command replay_command() {
  Command command;
  command.name = "replay";
  command.arguments = "DIR | LOG | --env ENV --policy POLICY [--log FILE] [--html FILE] [OPTIONS]";
  command.help = "show episodes in the terminal or as a web page; write and read replay logs";
  command.details =
      "DIR is a run folder: its greedy policy plays the episodes that `credo eval` plays. LOG is a "
      "file written by --log, which holds environment, seed and actions. It is simulated again and "
      "must reproduce the recorded returns bit for bit; otherwise the exit status is 3.\n\n"
      "--html writes one self-contained page; --credits adds what `credo credits` measures, at every "
      "step of the episodes shown. Without --log and --html the episodes are printed as "
      "text, animated on a terminal.";
  command.examples = {"credo replay --env skirmish/3m --policy scripted:kite --html 3m.html",
                      "credo replay runs/pp --episodes 5 --log pp.replay --html pp.html",
                      "credo replay pp.replay --speed 8",
                      "credo replay runs/pp --checkpoint step_100000",
                      "credo replay runs/pp --html pp.html --credits"};
  command.positional = {"DIR|LOG"};
  command.options = {
      {"env", "ENV", "environment, with --policy"},
      {"policy", "POLICY", "random, noop, scripted, scripted:NAME or open_loop"},
      {"set", "env.KEY=VALUE", "one parameter, with --policy; repeat for more", true},
      {"seed", "S", "random seed (default: that of the run, else 0)"},
      {"checkpoint", "step_N", "checkpoint of DIR (default: the newest)"},
      {"episodes", "N", "episodes to play (default 1)"},
      {"log", "FILE", "write the replay log"},
      {"html", "FILE", "write the page"},
      {"credits", "", "--html: each agent's true contribution and learned credit at every step"},
      {"speed", "X", "steps per second on a terminal (default 4)"}};
  command.run = run_replay;
  return command;
}

}  // namespace credo::suite
