#include "suite/run/run_directory.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <sstream>
#include <system_error>

#include "envs/core/error.hpp"
#include "suite/common/build_info.hpp"
#include "suite/common/hashing.hpp"
#include "suite/common/json.hpp"
#include "suite/common/safe_path.hpp"
#include "suite/common/text.hpp"
#include "suite/run/integrity.hpp"
#include "suite/run/manifest_fields.hpp"
#include "suite/run/replay_parts.hpp"
#include "suite/run/runner.hpp"
#include "suite/run/tensorboard.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;
constexpr int kSchemaVersion = 1;
constexpr std::size_t kKeptCheckpoints = 2;

// All but schema and status.
template <class M, class Io>
void manifest_fields(M& m, const Io& io) {
  io("reason", m.reason);
  io.required("run_id", m.run_id);
  io.required("env", m.env);
  io.required("algorithm", m.algorithm);
  io("task", m.names.task);
  io("label", m.names.algorithm);
  io.required("seed", m.seed);
  io("profile", m.profile);
  if (Io::kReads || !m.parent.empty()) {
    io("parent", m.parent);
    io("parent_steps", m.parent_steps);
  }
  io("env_steps", m.env_steps);
  io("episodes", m.episodes);
  io("updates", m.updates);
  io("started", m.started);
  io("ended", m.ended);
  io("wall_s", m.wall_s);
  io("resumes", m.resumes);
  program_fields(m, io);
  io("host", m.host);
  machine_fields(m, io);
  io("sha256", m.sha256);
}

Json to_json(const Manifest& m) {
  Json out;
  out["schema"] = "credo.run";
  out["schema_version"] = kSchemaVersion;
  out["status"] = status_name(m.status);
  manifest_fields(m, FieldWriter{out});
  return out;
}

Manifest from_json(const Json& in) {
  Manifest m;
  const auto written = in.at("status").get<std::string>();
  const auto status = find_status(written);
  if (!status || !is_recorded(*status)) throw Error(fmt::format("unknown status '{}'", written));
  m.status = *status;
  manifest_fields(m, FieldReader{in});
  if (m.names.task.empty()) m.names.task = m.env;
  if (m.names.algorithm.empty()) m.names.algorithm = m.algorithm;
  check_path_name(m.names.task, "task");
  check_path_name(m.names.algorithm, "label");
  for (const auto& [name, hash] : m.sha256) check_path_name(name, "sha256");
  return m;
}

// Files of somebody else are never overwritten. What a run left behind that was killed before its
// manifest was written (its own config.toml and nothing more) may be.
void refuse_foreign_files(const fs::path& directory, const std::string& config_text) {
  std::error_code error;
  const auto refuse = [&](std::string_view name) {
    throw UserError(
        fmt::format("{} exists; use an empty folder for --out", (directory / name).string()));
  };
  for (const std::string_view name : {kMetrics, kEpisodes, kEventFile})
    if (fs::exists(run_file(directory, name), error)) refuse(name);
  const fs::path config = run_file(directory, kConfig);
  if (fs::exists(config, error) && read_text(config, kLargestDocument) != config_text)
    refuse(kConfig);
  if (!fs::exists(config, error) && fs::exists(run_file(directory, kInputsFolder), error))
    refuse(kInputsFolder);
  const fs::path checkpoints = run_file(directory, kCheckpoints);
  if (fs::exists(checkpoints, error) && !fs::is_empty(checkpoints, error)) refuse(kCheckpoints);
}

}  // namespace

bool holds_run(const fs::path& directory) {
  std::error_code error;
  return fs::exists(directory / kManifest, error);
}

Manifest read_manifest(const fs::path& directory) {
  const fs::path path = run_file(directory, kManifest);
  std::error_code error;
  if (!fs::exists(path, error))
    throw UserError(fmt::format("{} holds no run (there is no {})", directory.string(), kManifest));
  const std::string text = as_user_error([&] { return read_text(path, kLargestManifest); });
  try {
    const Json json = Json::parse(text);
    if (json.value("schema", "") != "credo.run") throw Error("not the manifest of a run");
    return from_json(json);
  } catch (const nlohmann::json::exception& problem) {
    throw UserError(fmt::format("{}: damaged: {}", path.string(), problem.what()));
  } catch (const Error& problem) {
    throw UserError(fmt::format("{}: {}", path.string(), problem.what()));
  }
}

std::string checked_config_text(const fs::path& directory, const Manifest& manifest) {
  const fs::path path = run_file(directory, kConfig);
  const std::string text = as_user_error([&] { return read_text(path, kLargestDocument); });
  if (sha256_hex(text) != manifest.run_id)
    throw UserError(fmt::format("{}: changed since the run began (its SHA-256 is not the run_id)",
                                path.string()));
  return text;
}

RunConfig read_run_config(const fs::path& directory) {
  return RunConfig::from_toml(checked_config_text(directory, read_manifest(directory)),
                              (directory / kConfig).string());
}

RunDirectory::RunDirectory(fs::path path, RunConfig config)
    : path_(std::move(path)), config_(std::move(config)) {}

std::unique_ptr<RunDirectory> RunDirectory::create(const fs::path& path, const RunConfig& config,
                                                   const RunNames& names, int threads,
                                                   const std::string& isa) {
  return as_user_error([&] {
    make_directories(path);
    std::unique_ptr<RunDirectory> run(new RunDirectory(path, config));
    run->lock_ = std::make_unique<DirectoryLock>(path);
    if (holds_run(path)) {
      const Manifest old = read_manifest(path);
      if (old.status == RunStatus::kDone)
        throw UserError(
            fmt::format("{} already holds a finished run; use another --out", path.string()));
      // This process holds the lock now, so nobody else is running it.
      const bool is_left =
          old.status == RunStatus::kRunning || old.status == RunStatus::kInterrupted;
      if (is_left)
        throw UserError(fmt::format("{} already holds a run, {}; or use another --out",
                                    path.string(),
                                    interrupted_text(path, budget(read_run_config(path)))));
      throw UserError(
          fmt::format("{} already holds a run that {}; use another --out, or `credo resume {}`",
                      path.string(), status_name(old.status), path.string()));
    }
    refuse_foreign_files(path, config.to_toml());
    Manifest& manifest = run->manifest_;
    manifest.run_id = config.id();
    manifest.env = config.env_id();
    manifest.algorithm = config.algorithm();
    manifest.names = names;
    manifest.profile = config.profile();
    manifest.seed = config.seed();
    record_program(manifest);
    manifest.host = machine_info().host;
    manifest.threads = threads;
    manifest.isa = isa;
    manifest.started = utc_now();
    make_directories(run_file(path, kCheckpoints));
    write_file(run_file(path, kConfig), config.to_toml());
    save_inputs(path, config.input_files());
    // The manifest comes last: a folder with a manifest is a run that can be resumed.
    run->write_manifest();
    return run;
  });
}

std::unique_ptr<RunDirectory> RunDirectory::open(const fs::path& path) {
  return as_user_error([&] {
    std::error_code error;
    if (!fs::is_directory(path, error))
      throw UserError(fmt::format("{} is not a folder", path.string()));
    read_manifest(path);  // before locking, so that a wrong folder is not written to
    auto lock = std::make_unique<DirectoryLock>(path);
    std::unique_ptr<RunDirectory> run(new RunDirectory(path, read_run_config(path)));
    run->manifest_ = read_manifest(path);
    run->lock_ = std::move(lock);
    if (run->lock_->was_taken_over()) run->drop_unfinished_files();
    if (run->manifest_.status == RunStatus::kDone) run->drop_states();
    return run;
  });
}

void RunDirectory::tidy_finished(const fs::path& path) {
  if (!has_lock_files(path)) return;  // the lock goes last
  try {
    open(path);
  } catch (const Error&) {
    // Held, or not ours to write: the results are complete all the same.
  }
}

std::optional<CheckpointState> RunDirectory::load_checkpoint(const std::string& name) const {
  if (!name.empty()) require_state(name);
  const auto files = as_user_error([&] { return find_checkpoint(path_, name); });
  if (!files) {
    // A run begins with this folder, so one that has written results has lost its checkpoints.
    std::error_code error;
    const auto written = fs::file_size(run_file(path_, kMetrics), error);
    const fs::path folder = run_file(path_, kCheckpoints);
    if (!error && written > 0 && !fs::is_directory(folder, error))
      throw UserError(fmt::format("{}: missing; run it again in another folder", folder.string()));
    return std::nullopt;
  }
  try {
    return read_checkpoint(*files);
  } catch (const Error& error) {
    throw UserError(error.what() + other_hint(files->t_env));
  }
}

// Errors: UserError where no state of that name can be resumed from.
void RunDirectory::require_state(const std::string& name) const {
  std::vector<std::string> names;
  std::error_code error;
  for (const CheckpointName& one : list_checkpoints(path_))
    if (fs::exists(one.state, error)) names.push_back(checkpoint_stem(one.t_env));
  if (std::find(names.begin(), names.end(), name) == names.end())
    throw UserError("--checkpoint: " + unknown_name_message("checkpoint", name, names));
}

// Errors: Error for everything that is not as it was when the checkpoint was saved.
CheckpointState RunDirectory::read_checkpoint(const CheckpointName& files) const {
  CheckpointState state = decode_checkpoint(read_bytes(files.state), files.state.string());
  if (state.config_id != manifest_.run_id)
    throw UserError(fmt::format("{}: belongs to another configuration", files.state.string()));
  if (state.t_env != files.t_env)
    throw UserError(fmt::format("{}: belongs to step {}", files.state.string(), state.t_env));
  const auto check = [&](std::string_view name, std::uint64_t size, std::uint64_t hash) {
    const fs::path path = run_file(path_, name);
    if (hash_prefix(path, size).value() != hash)
      throw UserError(fmt::format("{}: its first {} bytes changed since the checkpoint of step {}",
                                  path.string(), size, state.t_env));
  };
  check(kMetrics, state.metrics_bytes, state.metrics_hash);
  check(kEpisodes, state.eval_bytes, state.eval_hash);
  for (const StoredPart& stored : state.parts) check_part(path_, stored);
  for (const KeptWeights& kept : state.kept) check_kept(kept);
  return state;
}

// What to do when a checkpoint is unusable.
std::string RunDirectory::other_hint(std::int64_t t_env) const {
  const auto all = list_checkpoints(path_);
  for (auto name = all.rbegin(); name != all.rend(); ++name) {
    if (name->t_env == t_env) continue;
    try {
      read_checkpoint(*name);
      return fmt::format("; to resume from another one: --checkpoint {}",
                         checkpoint_stem(name->t_env));
    } catch (const Error&) {
      continue;
    }
  }
  return "; there is no other sound checkpoint: run it again in another folder";
}

std::string RunDirectory::open_streams(const std::optional<CheckpointState>& from) {
  lock_->check();
  if (lock_->was_taken_over()) leave_open_files_behind();
  const std::uint64_t episodes_bytes = from ? from->eval_bytes : 0;
  if (episodes_bytes > 0) check_episodes_header();
  metrics_ =
      std::make_unique<AppendFile>(run_file(path_, kMetrics), from ? from->metrics_bytes : 0);
  episodes_ = std::make_unique<AppendFile>(run_file(path_, kEpisodes), episodes_bytes);
  if (episodes_bytes == 0) episodes_->append(kEpisodesHeader);
  if (config_.run_params().boolean("run.tensorboard")) open_events();
  if (from) {
    parts_ = from->parts;
    weights_ = checkpoint_at(path_, from->t_env);
    weights_hash_ = from->weights_hash;
    kept_ = from->kept;
  }
  return from ? restore_best(*from) : "";
}

std::string RunDirectory::restore_best(const CheckpointState& from) {
  best_ = from.best;
  if (best_.empty()) return "";
  const fs::path path = run_file(path_, kBestWeights);
  std::vector<std::byte> found;
  try {
    found = read_bytes(path);
  } catch (const FileError&) {
    found.clear();
  }
  if (found == best_) return "";
  replace(path, std::span<const std::byte>(best_));
  if (is_of_later_step(found, from.t_env)) return "";
  return fmt::format("{} was {}; restored from the checkpoint", path.string(),
                     found.empty() ? "missing" : "damaged");
}

// One file has one set of columns.
void RunDirectory::check_episodes_header() const {
  const fs::path path = run_file(path_, kEpisodes);
  if (!read_text(path).starts_with(kEpisodesHeader))
    throw UserError(fmt::format(
        "{}: its columns are those of another version of the program, which has to finish this run",
        path.string()));
}

// What metrics.jsonl holds by now is written again: then both hold the same, whenever the run was
// killed.
void RunDirectory::open_events() {
  const fs::path metrics = run_file(path_, kMetrics);
  const std::string past = read_text(metrics);
  events_ = std::make_unique<AppendFile>(run_file(path_, kEventFile), 0);
  events_->append(event_file_header());
  append_events(parse_metrics(past, metrics.string()));
}

void RunDirectory::append_events(const std::vector<MetricsEvent>& events) {
  for (const MetricsEvent& event : events) events_->append(event_record(event));
}

// The previous owner may be alive, between a check and a write: its open files get other inodes.
void RunDirectory::leave_open_files_behind() const {
  std::error_code error;
  for (const std::string_view name : {kMetrics, kEpisodes, kEventFile}) {
    const fs::path path = run_file(path_, name);
    if (fs::exists(path, error)) write_file(path, read_text(path));
  }
}

// The previous owner may be in the middle of a file: ours get other inodes. Only names that a run
// writes are touched.
void RunDirectory::drop_unfinished_files() const {
  std::vector<fs::path> files;
  for (const std::string_view name :
       {kManifest, kConfig, kMetrics, kEpisodes, kEventFile, kLatest, kBestWeights})
    files.push_back(run_file(path_, name));
  std::error_code error;
  const fs::path folder = run_file(path_, kCheckpoints);
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const fs::path file = folder / it->path().stem();
    if (is_checkpoint_file(file.filename().string())) files.push_back(file);
  }
  for (fs::path& file : files) {
    file += ".tmp";
    if (fs::is_regular_file(fs::symlink_status(file, error))) fs::remove(file, error);
  }
}

void RunDirectory::append_metrics(std::string_view lines) {
  lock_->check();
  metrics_->append(lines);
  if (events_) append_events(parse_metrics(lines, (path_ / kMetrics).string()));
}

void RunDirectory::append_episodes(std::string_view lines) {
  lock_->check();
  episodes_->append(lines);
}

void RunDirectory::sync_streams() {
  metrics_->sync();
  episodes_->sync();
  if (events_) events_->sync();
}

std::vector<StoredPart> RunDirectory::store_parts(const TrainerSource& trainer) const {
  std::vector<StoredPart> stored;
  for (const ReplayPart& part : trainer.parts) {
    const auto known = std::find_if(parts_.begin(), parts_.end(),
                                    [&](const StoredPart& old) { return old.part == part; });
    stored.push_back(known != parts_.end()
                         ? *known
                         : write_part(
                               path_, part,
                               [&](const ByteSink& sink) { trainer.save_part(part, sink); },
                               [this] { lock_->check(); }));
  }
  return stored;
}

void RunDirectory::write_weights(std::int64_t t_env, std::span<const std::byte> weights) {
  weights_ = checkpoint_at(path_, t_env);
  weights_hash_ = xxh64(weights);
  replace(weights_->weights, weights);
}

void RunDirectory::keep_weights(std::int64_t t_env, std::span<const std::byte> weights) {
  lock_->check();
  const KeptWeights kept{.t_env = t_env, .hash = xxh64(weights)};
  replace(checkpoint_at(path_, t_env).weights, weights);
  if (!kept_.empty() && kept_.back().t_env == t_env)
    kept_.back() = kept;
  else
    kept_.push_back(kept);
}

// Errors: UserError when the file is not as it was kept.
void RunDirectory::check_kept(const KeptWeights& kept) const {
  const fs::path path = checkpoint_at(path_, kept.t_env).weights;
  std::error_code error;
  if (!fs::exists(path, error) || xxh64(read_bytes(path)) != kept.hash)
    throw UserError(fmt::format("{}: missing, or changed since these weights were kept ({})",
                                path.string(), kKeepWeightsKey));
}

bool RunDirectory::keeps(std::int64_t t_env) const {
  return std::any_of(kept_.begin(), kept_.end(),
                     [&](const KeptWeights& kept) { return kept.t_env == t_env; });
}

void RunDirectory::save_final_weights(std::int64_t t_env, std::span<const std::byte> weights) {
  lock_->check();
  write_weights(t_env, weights);
}

void RunDirectory::save_checkpoint(CheckpointHeader header, std::span<const std::byte> weights,
                                   const TrainerSource& trainer) {
  lock_->check();
  sync_streams();
  write_weights(header.t_env, weights);
  header.config_id = manifest_.run_id;
  header.metrics_bytes = metrics_->size();
  header.metrics_hash = metrics_->hash();
  header.eval_bytes = episodes_->size();
  header.eval_hash = episodes_->hash();
  header.best = best_;
  header.weights_hash = weights_hash_;
  header.parts = store_parts(trainer);
  header.kept = kept_;
  replace(weights_->state,
          [&](const ByteSink& sink) { write_checkpoint(header, trainer.state, sink); });
  replace(run_file(path_, kLatest), std::string_view(latest_text(header.t_env, weights_hash_)));
  lock_->check();
  parts_ = header.parts;

  // Checkpoints beyond this one can only be left over from before a fall-back to an older one.
  std::vector<CheckpointName> older;
  std::error_code ignored;
  for (const CheckpointName& name : list_checkpoints(path_)) {
    if (name.t_env >= header.t_env) continue;
    if (fs::exists(name.state, ignored))
      older.push_back(name);
    else if (!keeps(name.t_env))
      fs::remove(name.weights, ignored);
  }
  for (std::size_t i = 0; i + kKeptCheckpoints - 1 < older.size(); ++i) {
    fs::remove(older[i].state, ignored);
    if (!keeps(older[i].t_env)) fs::remove(older[i].weights, ignored);
  }
  const std::size_t kept = std::min(older.size(), kKeptCheckpoints - 1);
  drop_parts(path_, parts_, [&] {
    std::vector<StoredPart> needed;
    for (std::size_t i = older.size() - kept; i < older.size(); ++i) {
      const CheckpointHeader before =
          decode_checkpoint_header(read_bytes(older[i].state), older[i].state.string());
      needed.insert(needed.end(), before.parts.begin(), before.parts.end());
    }
    return needed;
  });
}

void RunDirectory::save_best(std::span<const std::byte> weights) {
  lock_->check();
  replace(run_file(path_, kBestWeights), weights);
  best_.assign(weights.begin(), weights.end());
}

void RunDirectory::drop_states() const {
  std::error_code ignored;
  const auto all = list_checkpoints(path_);
  if (all.empty()) return;
  const CheckpointName& last = all.back();
  const fs::path latest = run_file(path_, kLatest);
  const std::string text = latest_text(last.t_env, xxh64(read_bytes(last.weights)));
  if (!fs::exists(latest, ignored) || read_text(latest, kLargestManifest) != text)
    replace(latest, std::string_view(text));
  const bool keeps_state = config_.run_params().boolean("run.keep_state");
  for (const CheckpointName& name : all) {
    if (name.t_env == last.t_env && keeps_state) continue;
    fs::remove(name.state, ignored);
    if (!manifest_.sha256.contains(weights_name(name.t_env))) fs::remove(name.weights, ignored);
  }
  drop_parts(path_, {}, [&] {
    return keeps_state ? decode_checkpoint_header(read_bytes(last.state), last.state.string()).parts
                       : std::vector<StoredPart>{};
  });
}

// Nothing is certified that this process did not write.
void RunDirectory::check_files() const {
  for (const auto* stream : {&metrics_, &episodes_, &events_})
    if (*stream) (*stream)->check();
  if (weights_ && xxh64(read_bytes(weights_->weights)) != weights_hash_)
    throw FileError(fmt::format("{}: damaged weights: the checksum does not match",
                                weights_->weights.string()));
  for (const KeptWeights& kept : kept_) check_kept(kept);
  const fs::path best = run_file(path_, kBestWeights);
  if (!best_.empty() && read_bytes(best) != best_) replace(best, std::span<const std::byte>(best_));
}

void RunDirectory::finish(RunStatus status, const std::string& reason) {
  manifest_.status = status;
  manifest_.reason = one_line(reason);
  manifest_.ended = utc_now();
  manifest_.sha256.clear();
  if (status == RunStatus::kDone) {
    check_files();
    std::vector<std::string> names = {std::string(kConfig), std::string(kMetrics),
                                      std::string(kEpisodes)};
    if (const auto all = list_checkpoints(path_); !all.empty())
      names.push_back(weights_name(all.back().t_env));
    for (const KeptWeights& kept : kept_) names.push_back(weights_name(kept.t_env));
    std::error_code error;
    for (const std::string_view optional : {kBestWeights, kEventFile})
      if (fs::exists(run_file(path_, optional), error)) names.emplace_back(optional);
    for (const std::string& name : names)
      manifest_.sha256[name] = sha256_hex_of_file(run_file(path_, name));
    for (const auto& [name, hash] : hash_inputs(config_.input_files()))
      manifest_.sha256[(fs::path(kInputsFolder) / name).string()] = hash;
  }
  write_manifest();
  if (status == RunStatus::kDone) drop_states();
}

void RunDirectory::write_manifest() const {
  lock_->check();
  const std::string text =
      to_json(manifest_).dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  replace(run_file(path_, kManifest), std::string_view(text));
}

}  // namespace credo::suite
