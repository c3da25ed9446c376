#include "suite/run/extend.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <system_error>

#include "learners/base/isa.hpp"
#include "suite/common/hashing.hpp"
#include "suite/run/metrics.hpp"
#include "suite/run/replay_parts.hpp"
#include "suite/run/run_directory.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;

/// What the old run left at its last training step: its final evaluation, which a longer run does
/// not make there, is cut off.
struct KeptState {
  fs::path directory;
  CheckpointState state;
  std::vector<std::byte> weights;
  std::string metrics, episodes;
  std::vector<std::pair<std::int64_t, std::vector<std::byte>>> kept;  // step, weights
};

void check_finished(const fs::path& directory, const Manifest& manifest) {
  if (manifest.status != RunStatus::kDone)
    throw UserError(
        fmt::format("{}: the run is {}; only a finished run can be extended{}", directory.string(),
                    status_name(manifest.status),
                    manifest.status == RunStatus::kDiverged
                        ? ""
                        : fmt::format(", `credo resume {}` finishes it", directory.string())));
  for (const auto& [name, hash] : manifest.sha256) {
    std::error_code error;
    const fs::path path = directory / name;
    if (!fs::exists(path, error) || sha256_hex_of_file(path) != hash)
      throw UserError(fmt::format("{}: missing or changed since the run ended", path.string()));
  }
}

std::string beginning(const fs::path& path, std::uint64_t bytes) {
  std::string text = read_text(path);
  if (text.size() < bytes)
    throw UserError(fmt::format("{}: shorter than its checkpoint recorded", path.string()));
  text.resize(bytes);
  return text;
}

KeptState load_kept_state(const fs::path& directory, const Manifest& manifest) {
  check_finished(directory, manifest);
  const auto checkpoints = list_checkpoints(directory);
  if (checkpoints.empty()) throw UserError(fmt::format("{} has no checkpoint", directory.string()));
  const CheckpointName& last = checkpoints.back();
  std::error_code error;
  if (!fs::exists(last.state, error))
    throw UserError(fmt::format(
        "{} kept no state to continue from; run it with --set run.keep_state=true, or begin a new "
        "run from its weights with --init-weights {}",
        directory.string(), last.weights.string()));
  KeptState kept;
  kept.directory = directory;
  kept.state = decode_checkpoint(read_bytes(last.state), last.state.string());
  if (kept.state.config_id != manifest.run_id)
    throw UserError(fmt::format("{}: belongs to another configuration", last.state.string()));
  for (const StoredPart& stored : kept.state.parts) check_part(directory, stored);
  kept.weights = read_bytes(last.weights);
  if (xxh64(kept.weights) != kept.state.weights_hash)
    throw UserError(
        fmt::format("{}: damaged weights: the checksum does not match", last.weights.string()));
  kept.metrics = beginning(directory / "metrics.jsonl", kept.state.metrics_bytes);
  kept.episodes = beginning(directory / "eval_episodes.csv", kept.state.eval_bytes);
  return kept;
}

// Of the weights the old run kept, those that the longer one would have kept by now. Percentages
// mean other steps there, so it may want some that are gone.
void load_kept_weights(const RunConfig& config, KeptState& kept) {
  const KeepRule rule = config.keep_rule();
  const RunConfig old = read_run_config(kept.directory);
  const KeepRule old_rule = old.keep_rule();
  std::set<std::int64_t> wanted;
  const auto& all = kept.state.kept;
  const auto missing = [&](std::string_view what) {
    return UserError(fmt::format(
        "{}: {} = '{}' asks the longer run for the weights of {}, which this run did not keep",
        kept.directory.string(), kKeepWeightsKey, config.run_params().text(kKeepWeightsKey), what));
  };
  if (rule.evaluations) {
    if (!old_rule.evaluations) throw missing("every evaluation");
    for (const MetricsEvent& event : parse_metrics(kept.metrics, ""))
      if (event.event == kEvalEvent) wanted.insert(event.t_env);
  }
  for (const std::int64_t step : rule.steps) {
    if (step > kept.state.t_env) break;
    const auto& steps = old_rule.steps;
    const auto at = std::find_if(all.begin(), all.end(),
                                 [&](const KeptWeights& one) { return one.t_env >= step; });
    if (std::find(steps.begin(), steps.end(), step) == steps.end() || at == all.end())
      throw missing(fmt::format("step {}", step));
    wanted.insert(at->t_env);
  }
  for (const KeptWeights& one : all)
    if (wanted.contains(one.t_env))
      kept.kept.emplace_back(one.t_env,
                             read_bytes(run_file(kept.directory, weights_name(one.t_env))));
}

// Until the checkpoint stands, the folder is that of a run at its very beginning: whenever this is
// interrupted, `credo resume` ends in the same bytes.
void write_beginning(const KeptState& kept, RunDirectory& run) {
  run.write_manifest();
  run.open_streams(std::nullopt);
  run.append_metrics(kept.metrics);
  run.append_episodes(std::string_view(kept.episodes).substr(kept.episodes.find('\n') + 1));
  if (!kept.state.best.empty()) run.save_best(kept.state.best);
  for (const auto& [t_env, weights] : kept.kept) run.keep_weights(t_env, weights);
  const auto save_part = [&](const ReplayPart& part, const ByteSink& sink) {
    const auto stored = std::find_if(kept.state.parts.begin(), kept.state.parts.end(),
                                     [&](const StoredPart& other) { return other.part == part; });
    sink(read_part(kept.directory, *stored));
  };
  TrainerSource trainer{[&](const ByteSink& sink) { sink(kept.state.trainer); }, {}, save_part};
  for (const StoredPart& stored : kept.state.parts) trainer.parts.push_back(stored.part);
  run.save_checkpoint(kept.state, kept.weights, trainer);
}

}  // namespace

RunOutcome extend_run(const fs::path& directory, std::int64_t t_max, const fs::path& out,
                      const RunOptions& options) {
  const RunConfig old = read_run_config(directory);
  if (!old.is_learning())
    throw UserError(fmt::format("{}: '{}' does not learn: there is nothing to extend",
                                directory.string(), old.algorithm()));
  const RunConfig config = old.with_t_max(t_max);
  const Manifest parent = read_manifest(directory);
  as_user_error([&] {
    KeptState kept = load_kept_state(directory, parent);
    const std::int64_t trained = std::max(kept.state.t_env, budget(old));
    if (t_max <= trained)
      throw UserError(
          fmt::format("--t-max {}: {} has trained for {} environment steps; allowed: more", t_max,
                      directory.string(), trained));
    check_run(config);
    load_kept_weights(config, kept);
    const auto run =
        RunDirectory::create(out, config, parent.names, options.threads, current_isa());
    Manifest& manifest = run->manifest();
    manifest.parent = parent.run_id;
    manifest.parent_steps = kept.state.t_env;
    manifest.wall_s = parent.wall_s;
    if (parent.commit.find(manifest.commit) == std::string::npos)
      manifest.commit = parent.commit + ", " + manifest.commit;
    write_beginning(kept, *run);
  });
  return resume_run(out, options);
}

}  // namespace credo::suite
