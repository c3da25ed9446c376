#include "suite/run/runner.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <fmt/format.h>
#include <new>
#include <span>
#include <stdexcept>
#include <utility>

#include "envs/core/registry.hpp"
#include "learners/base/isa.hpp"
#include "learners/trainer.hpp"
#include "suite/common/build_info.hpp"
#include "suite/common/signals.hpp"
#include "suite/run/metrics.hpp"
#include "suite/run/replay_parts.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kInitWeights = "run.init_weights";

std::optional<TensorFile> initial_weights(const RunConfig& config) {
  const FileSource source = config.run_params().source(kInitWeights);
  const auto bytes = source.read();
  if (!bytes) return std::nullopt;
  return parse_safetensors(std::as_bytes(std::span<const char>(*bytes)), source.label());
}

std::string reason_of(const std::exception& error) {
  // A size that no container can have is asked for by the same settings as one that is too large.
  const bool is_memory = dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
                         dynamic_cast<const std::length_error*>(&error) != nullptr;
  return is_memory ? "out of memory" : error.what();
}

class Run {
 public:
  Run(RunDirectory& directory, const RunOptions& options)
      : directory_(directory),
        config_(directory.config()),
        options_(options),
        started_(std::chrono::steady_clock::now()),
        wall_before_s_(directory.manifest().wall_s) {
    if (config_.is_learning()) keep_rule_ = config_.keep_rule();
  }

  RunOutcome drive(std::optional<CheckpointState> from) {
    RunOutcome outcome;
    try {
      outcome = go(std::move(from));
    } catch (const LockLostError& error) {
      return taken_over(error);
    } catch (const DivergedError& error) {
      outcome.end = RunEnd::kDiverged;
      outcome.reason = error.what();
    } catch (const UserError&) {
      throw;
    } catch (const std::exception& error) {
      outcome.end = RunEnd::kFailed;
      outcome.reason = reason_of(error);
    }
    outcome.note = note_;
    outcome.t_env = directory_.manifest().env_steps;
    timing_.enter(RunPart::kOther);
    outcome.timing = timing_;
    outcome.steps_here = outcome.t_env - progress_.t_start;
    try {
      record(outcome);
    } catch (const LockLostError& error) {
      return taken_over(error);
    }
    return outcome;
  }

 private:
  // Everything that takes memory is gone when it returns, also by an exception: what became of the
  // run can be written down then.
  RunOutcome go(std::optional<CheckpointState> from) {
    std::unique_ptr<Env> env;
    std::unique_ptr<Trainer> trainer;
    try {
      env = make_run_env(config_);
      if (config_.is_learning()) trainer = make_trainer(*env, from);
      note_ = directory_.open_streams(from);
    } catch (const UserError&) {
      throw;
    } catch (const LockLostError&) {
      throw;
    } catch (const Error& error) {
      throw UserError(fmt::format("{}: {}", directory_.path().string(), error.what()));
    }
    const bool is_resumed = from.has_value();
    from.reset();  // it is as large as the newest episodes of the replay
    try {
      return trainer ? train(*env, *trainer, is_resumed) : play(*env);
    } catch (const UserError& error) {
      throw Error(error.what());  // not the input's fault any more
    }
  }

  // The folder is another process's now, the manifest included.
  RunOutcome taken_over(const LockLostError& error) {
    RunOutcome outcome;
    outcome.end = RunEnd::kTakenOver;
    outcome.reason = error.what();
    outcome.t_env = directory_.manifest().env_steps;
    return outcome;
  }

  std::unique_ptr<Trainer> make_trainer(const Env& env,
                                        const std::optional<CheckpointState>& from) {
    const TrainConfig train_config = config_.train_config();
    auto trainer = std::make_unique<Trainer>(env, train_config);
    if (const auto weights = initial_weights(config_); weights && !from)
      trainer->start_from(*weights, std::string(kInitWeights));
    if (from) {
      load(*from, *trainer);
      best_t_env_ = from->best_t_env;
      best_return_ = from->best_return;
    }
    progress_.t_max = train_config.t_max;
    progress_.t_start = trainer->t_env();
    return trainer;
  }

  void load(const CheckpointState& from, Trainer& trainer) const {
    ByteReader in(from.trainer);
    trainer.load(in);
    for (const StoredPart& stored : from.parts) {
      const std::vector<std::byte> bytes = read_part(directory_.path(), stored);
      ByteReader part(bytes);
      trainer.load_part(stored.part, part);
    }
    CREDO_CHECK(trainer.missing_parts().empty(),
                "the checkpoint names too few parts of the replay");
  }

  RunOutcome train(const Env& env, Trainer& trainer, bool is_saved) {
    const std::int64_t interval = config_.run_params().integer("run.checkpoint_interval");
    trainer.on_phase([this](Phase phase) {
      timing_.enter(phase == Phase::kRollout  ? RunPart::kRollout
                    : phase == Phase::kReplay ? RunPart::kReplay
                                              : RunPart::kUpdate);
    });
    if (!is_saved && keep_rule_.is_due(-1, trainer.t_env())) keep(trainer);
    while (!trainer.finished()) {
      if (stop_requested()) {
        if (!is_saved) save(trainer);
        count(trainer);
        RunOutcome outcome;
        outcome.end = RunEnd::kStopped;
        outcome.reason = stop_signal_name();
        return outcome;
      }
      if (trainer.evaluation_due()) {
        report(trainer, evaluate(trainer), kEvalEvent);
        if (keep_rule_.evaluations) keep(trainer);
      }
      const std::int64_t before = trainer.t_env();
      trainer.iterate();
      timing_.enter(RunPart::kOther);
      is_saved = false;
      if (trainer.log_due())
        directory_.append_metrics(metrics_line(trainer.t_env(), kTrainEvent, trainer.episodes(),
                                               trainer.updates(), trainer.take_train_metrics()));
      if (keep_rule_.is_due(before, trainer.t_env())) keep(trainer);
      if (before / interval != trainer.t_env() / interval && !trainer.finished()) {
        save(trainer);
        is_saved = true;
      }
      count(trainer);
      show(trainer);
    }
    // Nothing but an extension goes on from here; a process that is killed in the evaluations below
    // goes on from the checkpoint before.
    if (!is_saved && config_.run_params().boolean("run.keep_state"))
      save(trainer);
    else if (!is_saved)
      directory_.save_final_weights(trainer.t_env(), serialize_safetensors(trainer.weights()));
    count(trainer);
    RunOutcome outcome;
    outcome.final_evaluation = evaluate(trainer);
    report(trainer, *outcome.final_evaluation, kFinalEvent);
    timing_.enter(RunPart::kEvaluation);
    measure_absolute(env, trainer, outcome);
    timing_.enter(RunPart::kOther);
    return outcome;
  }

  Evaluation evaluate(Trainer& trainer) {
    timing_.enter(RunPart::kEvaluation);
    Evaluation evaluation = trainer.evaluate();
    timing_.enter(RunPart::kOther);
    return evaluation;
  }

  RunOutcome play(const Env& env) {
    progress_.t_max = budget(config_);
    const FixedPolicy policy =
        make_fixed_policy(env, config_.algorithm(), config_.seed(),
                          {.budget = config_.open_loop_budget(), .keep_going = [this](auto steps) {
                             progress_.t_env = steps;
                             if (options_.on_progress) options_.on_progress(progress_);
                             return !stop_requested();
                           }});
    RunOutcome outcome;
    Manifest& manifest = directory_.manifest();
    if (policy.search != nullptr) {
      if (policy.search->stopped) {
        outcome.end = RunEnd::kStopped;
        outcome.reason = stop_signal_name();
        return outcome;
      }
      manifest.env_steps = policy.search->env_steps;
      manifest.episodes = policy.search->episodes;
    }
    outcome.final_evaluation = evaluate_fixed_policy(
        env, policy, config_.train_params().integer32("evaluation.episodes"), config_.seed());
    write(manifest.env_steps, manifest.episodes, 0, *outcome.final_evaluation, kFinalEvent);
    const int count = absolute_episodes();
    if (count == 0) return outcome;
    outcome.absolute = evaluate_fixed_policy(env, policy, count, config_.seed(),
                                             next_episode(*outcome.final_evaluation));
    write(manifest.env_steps, manifest.episodes, 0, *outcome.absolute, kAbsoluteEvent,
          {{std::string(kBestStep), static_cast<double>(manifest.env_steps)}});
    return outcome;
  }

  // The absolute metric (Gorsane et al. 2022): the weights of the best evaluation, played again
  // over new and many more episodes, so that the choice of the maximum does not flatter them.
  void measure_absolute(const Env& env, const Trainer& trainer, RunOutcome& outcome) {
    const int count = absolute_episodes();
    if (count == 0) return;
    const TensorFile weights = parse_safetensors(directory_.best(), "the best weights");
    outcome.absolute = evaluate_weights(env, config_.train_config(), weights, count, config_.seed(),
                                        next_episode(*outcome.final_evaluation));
    write(trainer.t_env(), trainer.episodes(), trainer.updates(), *outcome.absolute, kAbsoluteEvent,
          {{std::string(kBestStep), static_cast<double>(best_t_env_)}});
  }

  int absolute_episodes() const {
    return config_.absolute_factor() * config_.train_params().integer32("evaluation.episodes");
  }

  static std::int64_t next_episode(const Evaluation& evaluation) {
    return evaluation.episodes.back().index + 1;
  }

  // The first of equals stays. A file from beyond a checkpoint does no harm: a resumed run comes
  // past that step again.
  void keep_best(const Trainer& trainer, const Evaluation& evaluation) {
    if (config_.absolute_factor() == 0) return;
    const double score = evaluation.return_mean();
    if (best_t_env_ >= 0 && score <= best_return_) return;
    directory_.save_best(serialize_safetensors(trainer.weights()));
    best_t_env_ = trainer.t_env();
    best_return_ = score;
  }

  void write(std::int64_t t_env, std::int64_t episodes, std::int64_t updates,
             const Evaluation& evaluation, std::string_view event, Metrics metrics = {}) {
    for (auto& metric : evaluation_metrics(evaluation)) metrics.push_back(std::move(metric));
    directory_.append_episodes(episode_lines(t_env, event, config_.seed(), evaluation));
    directory_.append_metrics(metrics_line(t_env, event, episodes, updates, metrics));
    directory_.sync_streams();
    progress_.last_return = evaluation.return_mean();
  }

  void report(const Trainer& trainer, const Evaluation& evaluation, std::string_view event) {
    write(trainer.t_env(), trainer.episodes(), trainer.updates(), evaluation, event);
    keep_best(trainer, evaluation);
  }

  void keep(const Trainer& trainer) {
    timing_.enter(RunPart::kCheckpoint);
    directory_.keep_weights(trainer.t_env(), serialize_safetensors(trainer.weights()));
    timing_.enter(RunPart::kOther);
  }

  void save(const Trainer& trainer) {
    timing_.enter(RunPart::kCheckpoint);
    CheckpointHeader header;
    header.t_env = trainer.t_env();
    header.best_t_env = best_t_env_;
    header.best_return = best_return_;
    directory_.save_checkpoint(
        std::move(header), serialize_safetensors(trainer.weights()),
        {[&](const ByteSink& sink) { trainer.save(sink, ReplayContent::kOutsideParts); },
         trainer.replay_parts(),
         [&](const ReplayPart& part, const ByteSink& sink) { trainer.save_part(part, sink); }});
    timing_.enter(RunPart::kOther);
  }

  void count(const Trainer& trainer) {
    Manifest& manifest = directory_.manifest();
    manifest.env_steps = trainer.t_env();
    manifest.episodes = trainer.episodes();
    manifest.updates = trainer.updates();
  }

  void show(const Trainer& trainer) {
    if (!options_.on_progress) return;
    progress_.t_env = trainer.t_env();
    options_.on_progress(progress_);
  }

  // Writes the manifest. A disk that is full now leaves the status "running", and the run can be
  // resumed from its last checkpoint later.
  void record(RunOutcome& outcome) {
    Manifest& manifest = directory_.manifest();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started_;
    manifest.wall_s = wall_before_s_ + elapsed.count();
    try {
      switch (outcome.end) {
        case RunEnd::kDone:
          directory_.finish(RunStatus::kDone, "");
          break;
        case RunEnd::kFailed:
          directory_.finish(RunStatus::kFailed, outcome.reason);
          break;
        case RunEnd::kDiverged:
          directory_.finish(RunStatus::kDiverged, outcome.reason);
          break;
        default:
          manifest.status = RunStatus::kInterrupted;
          directory_.write_manifest();
          break;
      }
    } catch (const FileError& error) {
      if (outcome.end != RunEnd::kFailed) outcome.reason = error.what();
      outcome.end = RunEnd::kFailed;
    }
  }

  RunDirectory& directory_;
  const RunConfig& config_;
  const RunOptions& options_;
  std::chrono::steady_clock::time_point started_;
  double wall_before_s_;
  KeepRule keep_rule_;
  std::int64_t best_t_env_ = -1;
  double best_return_ = 0.0;
  std::string note_;
  RunProgress progress_;
  RunTiming timing_;
};

}  // namespace

std::unique_ptr<Env> make_run_env(const RunConfig& config) {
  config.check_inputs();
  return make_env(config.env_id(), config.env_params());
}

void check_run(const RunConfig& config) {
  const auto env = make_run_env(config);
  if (config.is_learning()) {
    const TrainConfig train = config.train_config();
    if (const auto weights = initial_weights(config))
      check_weights(env->spec(), train, *weights, config.run_params().text(kInitWeights));
    return;
  }
  check_fixed_policy(env->spec(), config.algorithm());
  if (config.algorithm() == "open_loop")
    check_open_loop_budget(env->spec(), config.open_loop_budget());
}

RunOutcome start_run(const RunConfig& config, const fs::path& directory,
                     const RunOptions& options) {
  check_run(config);
  RunNames names = options.names;
  if (names.task.empty()) names.task = config.env_id();
  if (names.algorithm.empty()) names.algorithm = config.algorithm();
  const auto run = RunDirectory::create(directory, config, names, options.threads, current_isa());
  return Run(*run, options).drive(std::nullopt);
}

RunOutcome resume_run(const fs::path& directory, const RunOptions& options) {
  const auto run = RunDirectory::open(directory);
  Manifest& manifest = run->manifest();
  const auto ended = [&](RunEnd end, const std::string& reason) {
    RunOutcome outcome;
    outcome.end = end;
    outcome.reason = reason;
    outcome.t_env = manifest.env_steps;
    return outcome;
  };
  if (manifest.status == RunStatus::kDone) return ended(RunEnd::kAlreadyDone, "");
  if (manifest.status == RunStatus::kDiverged) return ended(RunEnd::kDiverged, manifest.reason);
  std::optional<CheckpointState> state;
  try {
    state = run->load_checkpoint(options.checkpoint);
  } catch (const std::bad_alloc& error) {
    run->finish(RunStatus::kFailed, reason_of(error));
    return ended(RunEnd::kFailed, reason_of(error));
  }
  check_run(run->config());
  manifest.status = RunStatus::kRunning;
  manifest.reason.clear();
  manifest.ended.clear();
  manifest.threads = options.threads;
  manifest.isa = current_isa();
  ++manifest.resumes;
  // Results are those of both programs then, and the manifest says so.
  if (const std::string& now = build_info().commit; manifest.commit.find(now) == std::string::npos)
    manifest.commit += ", " + now;
  as_user_error([&] { run->write_manifest(); });
  return Run(*run, options).drive(std::move(state));
}

std::int64_t budget(const RunConfig& config) {
  if (config.is_learning()) return config.train_config().t_max;
  return config.algorithm() == "open_loop" ? config.open_loop_budget() : 0;
}

double training_steps_per_second(const RunOutcome& outcome) {
  const double training = outcome.timing.total() - outcome.timing.seconds(RunPart::kEvaluation);
  return static_cast<double>(outcome.steps_here) / std::max(training, 1e-9);
}

int exit_code(RunEnd end) {
  switch (end) {
    case RunEnd::kDone:
    case RunEnd::kAlreadyDone:
      return 0;
    case RunEnd::kStopped:
      return kExitStopped;
    default:
      return 1;
  }
}

}  // namespace credo::suite
