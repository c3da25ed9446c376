#include "suite/run/run_directory.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <sstream>
#include <system_error>

#include "suite/common/build_info.hpp"
#include "suite/common/hashing.hpp"
#include "suite/common/json.hpp"
#include "suite/common/text.hpp"
#include "suite/run/tensorboard.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;
constexpr int kSchemaVersion = 1;
constexpr std::size_t kKeptCheckpoints = 2;
constexpr std::string_view kManifest = "manifest.json";
constexpr std::string_view kConfig = "config.toml";
constexpr std::string_view kMetrics = "metrics.jsonl";
constexpr std::string_view kEpisodes = "eval_episodes.csv";
constexpr std::string_view kCheckpoints = "checkpoints";
constexpr std::string_view kLatest = "latest";
constexpr std::string_view kBest = "best";
constexpr std::string_view kBestWeights = "best.safetensors";

constexpr std::array<std::pair<RunStatus, std::string_view>, 4> kStatusNames = {
    {{RunStatus::kRunning, "running"},
     {RunStatus::kDone, "done"},
     {RunStatus::kFailed, "failed"},
     {RunStatus::kDiverged, "diverged"}}};

Json to_json(const Manifest& m) {
  Json out;
  out["schema"] = "credo.run";
  out["schema_version"] = kSchemaVersion;
  out["status"] = status_name(m.status);
  out["reason"] = m.reason;
  out["run_id"] = m.run_id;
  out["env"] = m.env;
  out["algorithm"] = m.algorithm;
  out["task"] = m.names.task;
  out["label"] = m.names.algorithm;
  out["seed"] = m.seed;
  out["profile"] = m.profile;
  if (!m.parent.empty()) {
    out["parent"] = m.parent;
    out["parent_steps"] = m.parent_steps;
  }
  out["env_steps"] = m.env_steps;
  out["episodes"] = m.episodes;
  out["updates"] = m.updates;
  out["started"] = m.started;
  out["ended"] = m.ended;
  out["wall_s"] = m.wall_s;
  out["resumes"] = m.resumes;
  out["threads"] = m.threads;
  out["isa"] = m.isa;
  out["version"] = m.version;
  out["commit"] = m.commit;
  out["compiler"] = m.compiler;
  out["flags"] = m.flags;
  out["host"] = m.host;
  out["cpu"] = m.cpu;
  out["cores"] = m.cores;
  out["sha256"] = m.sha256;
  return out;
}

Manifest from_json(const Json& in) {
  Manifest m;
  const auto status = in.at("status").get<std::string>();
  const auto* const found = std::find_if(kStatusNames.begin(), kStatusNames.end(),
                                         [&](const auto& entry) { return entry.second == status; });
  if (found == kStatusNames.end()) throw Error("unknown status '" + status + "'");
  m.status = found->first;
  m.reason = in.value("reason", "");
  m.run_id = in.at("run_id").get<std::string>();
  m.env = in.at("env").get<std::string>();
  m.algorithm = in.at("algorithm").get<std::string>();
  m.names = {in.value("task", m.env), in.value("label", m.algorithm)};
  m.seed = in.at("seed").get<std::uint64_t>();
  m.profile = in.value("profile", "");
  m.parent = in.value("parent", "");
  m.parent_steps = in.value("parent_steps", std::int64_t{0});
  m.env_steps = in.value("env_steps", std::int64_t{0});
  m.episodes = in.value("episodes", std::int64_t{0});
  m.updates = in.value("updates", std::int64_t{0});
  m.started = in.value("started", "");
  m.ended = in.value("ended", "");
  m.wall_s = in.value("wall_s", 0.0);
  m.resumes = in.value("resumes", 0);
  m.threads = in.value("threads", 0);
  m.isa = in.value("isa", "");
  m.version = in.value("version", "");
  m.commit = in.value("commit", "");
  m.compiler = in.value("compiler", "");
  m.flags = in.value("flags", "");
  m.host = in.value("host", "");
  m.cpu = in.value("cpu", "");
  m.cores = in.value("cores", 0);
  m.sha256 = in.value("sha256", std::map<std::string, std::string>{});
  return m;
}

std::string checkpoint_stem(std::int64_t t_env) { return fmt::format("step_{}", t_env); }

CheckpointName named(const fs::path& directory, std::int64_t t_env) {
  const fs::path folder = directory / kCheckpoints;
  const std::string stem = checkpoint_stem(t_env);
  return {t_env, folder / (stem + ".safetensors"), folder / (stem + ".state")};
}

std::optional<std::int64_t> step_of(std::string_view stem) {
  constexpr std::string_view kStem = "step_";
  if (!stem.starts_with(kStem)) return std::nullopt;
  const auto t_env = parse_int(stem.substr(kStem.size()));
  return t_env && *t_env >= 0 ? t_env : std::nullopt;
}

// Content of `latest`: "step_<t> <XXH64 of the weights>".
struct Latest {
  std::int64_t t_env = 0;
  std::string weights_hash;
};

std::optional<Latest> read_latest(const fs::path& directory) {
  const fs::path path = directory / kCheckpoints / kLatest;
  std::error_code error;
  if (!fs::exists(path, error)) return std::nullopt;
  std::istringstream text(read_text(path));
  std::string stem;
  Latest latest;
  text >> stem >> latest.weights_hash;
  const auto t_env = step_of(stem);
  if (!t_env || latest.weights_hash.size() != 16)
    throw UserError(fmt::format("{}: damaged; expected 'step_<t> <hash>'", path.string()));
  latest.t_env = *t_env;
  return latest;
}

// The step a caller means: `name`, or the newest.
std::optional<Latest> choose(const fs::path& directory, const std::string& name) {
  if (name.empty()) return read_latest(directory);
  const auto t_env = step_of(name);
  const auto all = list_checkpoints(directory);
  if (!t_env || std::none_of(all.begin(), all.end(),
                             [&](const CheckpointName& c) { return c.t_env == *t_env; })) {
    std::vector<std::string> names;
    for (const CheckpointName& checkpoint : all) names.push_back(checkpoint_stem(checkpoint.t_env));
    names.emplace_back(kBest);
    throw UserError("--checkpoint: " + unknown_name_message("checkpoint", name, names));
  }
  return Latest{*t_env, ""};
}

// A hint when the newest checkpoint is unusable and an older one is there.
std::string older_hint(const fs::path& directory, std::int64_t t_env) {
  std::string hint;
  for (const CheckpointName& name : list_checkpoints(directory)) {
    std::error_code error;
    if (name.t_env < t_env && fs::exists(name.state, error))
      hint = fmt::format("; to go on from the one before it: --checkpoint {}",
                         checkpoint_stem(name.t_env));
  }
  return hint;
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
    if (fs::exists(directory / name, error)) refuse(name);
  const bool has_config = fs::exists(directory / kConfig, error);
  if (has_config && read_text(directory / kConfig) != config_text) refuse(kConfig);
  if (!has_config && fs::exists(directory / kInputsFolder, error)) refuse(kInputsFolder);
  if (fs::exists(directory / kCheckpoints, error) && !fs::is_empty(directory / kCheckpoints, error))
    refuse(kCheckpoints);
}

}  // namespace

std::string_view status_name(RunStatus status) {
  for (const auto& [value, name] : kStatusNames)
    if (value == status) return name;
  return "running";
}

bool holds_run(const fs::path& directory) {
  std::error_code error;
  return fs::exists(directory / kManifest, error);
}

Manifest read_manifest(const fs::path& directory) {
  const fs::path path = directory / kManifest;
  std::error_code error;
  if (!fs::exists(path, error))
    throw UserError(fmt::format("{} holds no run (there is no {})", directory.string(), kManifest));
  try {
    const Json json = Json::parse(read_text(path));
    if (json.value("schema", "") != "credo.run") throw Error("not the manifest of a run");
    return from_json(json);
  } catch (const nlohmann::json::exception& problem) {
    throw UserError(fmt::format("{}: damaged: {}", path.string(), problem.what()));
  } catch (const Error& problem) {
    throw UserError(fmt::format("{}: {}", path.string(), problem.what()));
  }
}

std::string checked_config_text(const fs::path& directory, const Manifest& manifest) {
  const fs::path path = directory / kConfig;
  std::string text;
  try {
    text = read_text(path);
  } catch (const FileError& error) {
    throw UserError(error.what());
  }
  if (sha256_hex(text) != manifest.run_id)
    throw UserError(fmt::format("{}: changed since the run began (its SHA-256 is not the run_id)",
                                path.string()));
  return text;
}

RunConfig read_run_config(const fs::path& directory) {
  return RunConfig::from_toml(checked_config_text(directory, read_manifest(directory)),
                              (directory / kConfig).string());
}

std::vector<CheckpointName> list_checkpoints(const fs::path& directory) {
  std::vector<CheckpointName> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory / kCheckpoints, error)) {
    if (entry.path().extension() != ".safetensors") continue;
    if (const auto t_env = step_of(entry.path().stem().string()))
      found.push_back(named(directory, *t_env));
  }
  std::sort(found.begin(), found.end(),
            [](const CheckpointName& a, const CheckpointName& b) { return a.t_env < b.t_env; });
  return found;
}

WeightsFile load_weights(const fs::path& directory, const std::string& name) {
  try {
    if (name == kBest) {
      const fs::path path = directory / kCheckpoints / kBestWeights;
      return {path, read_bytes(path)};
    }
    const auto chosen = choose(directory, name);
    if (!chosen) throw UserError(fmt::format("{} has no checkpoint yet", directory.string()));
    const CheckpointName files = named(directory, chosen->t_env);
    WeightsFile weights{files.weights, read_bytes(files.weights)};
    std::string expected = chosen->weights_hash;
    std::error_code error;
    if (expected.empty() && fs::exists(files.state, error))
      expected =
          hex64(decode_checkpoint(read_bytes(files.state), files.state.string()).weights_hash);
    if (!expected.empty() && hex64(xxh64(weights.bytes)) != expected)
      throw UserError(
          fmt::format("{}: damaged weights: the checksum does not match", files.weights.string()));
    return weights;
  } catch (const FileError& error) {
    throw UserError(error.what());
  }
}

RunDirectory::RunDirectory(fs::path path, RunConfig config)
    : path_(std::move(path)), config_(std::move(config)) {}

std::unique_ptr<RunDirectory> RunDirectory::create(const fs::path& path, const RunConfig& config,
                                                   const RunNames& names, int threads,
                                                   const std::string& isa) {
  try {
    make_directories(path);
    std::unique_ptr<RunDirectory> run(new RunDirectory(path, config));
    run->lock_ = std::make_unique<DirectoryLock>(path);
    if (holds_run(path)) {
      const Manifest old = read_manifest(path);
      const bool finished = old.status == RunStatus::kDone;
      throw UserError(fmt::format(
          "{} already holds a {} run; use another --out{}", path.string(),
          finished ? "finished" : status_name(old.status),
          finished ? "" : fmt::format(", or go on with `credo resume {}`", path.string())));
    }
    refuse_foreign_files(path, config.to_toml());
    Manifest& manifest = run->manifest_;
    const BuildInfo& build = build_info();
    const MachineInfo machine = machine_info();
    manifest.run_id = config.id();
    manifest.env = config.env_id();
    manifest.algorithm = config.algorithm();
    manifest.names = names;
    manifest.profile = config.profile();
    manifest.seed = config.seed();
    manifest.version = build.version;
    manifest.commit = build.commit;
    manifest.compiler = build.compiler;
    manifest.flags = build.flags;
    manifest.host = machine.host;
    manifest.cpu = machine.cpu;
    manifest.cores = machine.cores;
    manifest.threads = threads;
    manifest.isa = isa;
    manifest.started = utc_now();
    make_directories(path / kCheckpoints);
    write_file(path / kConfig, config.to_toml());
    save_inputs(path, config.input_files());
    // The manifest comes last: a folder with a manifest is a run that can be resumed.
    run->write_manifest();
    return run;
  } catch (const FileError& error) {
    throw UserError(error.what());
  }
}

std::unique_ptr<RunDirectory> RunDirectory::open(const fs::path& path) {
  try {
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
  } catch (const FileError& error) {
    throw UserError(error.what());
  }
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
  const auto chosen = choose(path_, name);
  if (!chosen) return std::nullopt;
  const CheckpointName files = named(path_, chosen->t_env);
  try {
    CheckpointState state = decode_checkpoint(read_bytes(files.state), files.state.string());
    if (state.config_id != manifest_.run_id)
      throw UserError(fmt::format("{}: belongs to another configuration", files.state.string()));
    return state;
  } catch (const Error& error) {
    throw UserError(error.what() + older_hint(path_, chosen->t_env));
  }
}

void RunDirectory::open_streams(const std::optional<CheckpointState>& from) {
  lock_->check();
  if (lock_->was_taken_over()) leave_open_files_behind();
  const std::uint64_t episodes_bytes = from ? from->eval_bytes : 0;
  if (episodes_bytes > 0) check_episodes_header();
  metrics_ = std::make_unique<AppendFile>(path_ / kMetrics, from ? from->metrics_bytes : 0);
  episodes_ = std::make_unique<AppendFile>(path_ / kEpisodes, episodes_bytes);
  if (episodes_bytes == 0) episodes_->append(kEpisodesHeader);
  if (config_.run_params().boolean("run.tensorboard")) open_events();
}

// One file has one set of columns.
void RunDirectory::check_episodes_header() const {
  const fs::path path = path_ / kEpisodes;
  if (!read_text(path).starts_with(kEpisodesHeader))
    throw UserError(fmt::format(
        "{}: its columns are those of another version of the program, which has to finish this run",
        path.string()));
}

// What metrics.jsonl holds by now is written again: then both hold the same, whenever the run was
// killed.
void RunDirectory::open_events() {
  const fs::path metrics = path_ / kMetrics;
  const std::string past = read_text(metrics);
  events_ = std::make_unique<AppendFile>(path_ / kEventFile, 0);
  events_->append(event_file_header());
  append_events(parse_metrics(past, metrics.string()));
}

void RunDirectory::append_events(const std::vector<MetricsEvent>& events) {
  for (const MetricsEvent& event : events) events_->append(event_record(event));
}

// The previous owner may be alive, between a check and a write: its open files get other inodes.
void RunDirectory::leave_open_files_behind() const {
  std::error_code error;
  for (const std::string_view name : {kMetrics, kEpisodes, kEventFile})
    if (fs::exists(path_ / name, error)) write_file(path_ / name, read_text(path_ / name));
}

// The previous owner may be in the middle of a file: ours get other inodes.
void RunDirectory::drop_unfinished_files() const {
  for (const fs::path& folder : {path_, path_ / kCheckpoints}) {
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      const std::string name = it->path().filename().string();
      std::error_code ignored;
      if (name.ends_with(".tmp") && !name.starts_with('.')) fs::remove(it->path(), ignored);
    }
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

void RunDirectory::save_checkpoint(CheckpointState state, std::span<const std::byte> weights) {
  lock_->check();
  sync_streams();
  state.config_id = manifest_.run_id;
  state.metrics_bytes = metrics_->size();
  state.eval_bytes = episodes_->size();
  state.weights_hash = xxh64(weights);
  const CheckpointName files = named(path_, state.t_env);
  const std::vector<std::byte> encoded = encode_checkpoint(state);
  replace(files.weights, weights);
  replace(files.state, std::span<const std::byte>(encoded));
  replace(path_ / kCheckpoints / kLatest,
          std::string_view(
              fmt::format("{} {}\n", checkpoint_stem(state.t_env), hex64(state.weights_hash))));
  lock_->check();

  // Checkpoints beyond this one can only be left over from before a fall-back to an older one.
  std::vector<CheckpointName> older;
  for (const CheckpointName& name : list_checkpoints(path_))
    if (name.t_env < state.t_env) older.push_back(name);
  std::error_code ignored;
  for (std::size_t i = 0; i + kKeptCheckpoints - 1 < older.size(); ++i) {
    fs::remove(older[i].state, ignored);
    fs::remove(older[i].weights, ignored);
  }
}

void RunDirectory::save_best(std::span<const std::byte> weights) {
  lock_->check();
  replace(path_ / kCheckpoints / kBestWeights, weights);
}

void RunDirectory::drop_states() const {
  std::error_code ignored;
  const auto all = list_checkpoints(path_);
  for (const CheckpointName& name : all) {
    if (name.t_env == all.back().t_env && config_.run_params().boolean("run.keep_state")) continue;
    fs::remove(name.state, ignored);
    if (name.t_env != all.back().t_env) fs::remove(name.weights, ignored);
  }
}

void RunDirectory::finish(RunStatus status, const std::string& reason) {
  manifest_.status = status;
  manifest_.reason = one_line(reason);
  manifest_.ended = utc_now();
  manifest_.sha256.clear();
  if (status == RunStatus::kDone) {
    for (const std::string_view name : {kConfig, kMetrics, kEpisodes})
      manifest_.sha256[std::string(name)] = sha256_hex_of_file(path_ / name);
    if (const auto all = list_checkpoints(path_); !all.empty()) {
      const fs::path weights = all.back().weights;
      manifest_.sha256[fs::relative(weights, path_).string()] = sha256_hex_of_file(weights);
    }
    std::error_code error;
    for (const fs::path& optional : {fs::path(kCheckpoints) / kBestWeights, fs::path(kEventFile)})
      if (fs::exists(path_ / optional, error))
        manifest_.sha256[optional.string()] = sha256_hex_of_file(path_ / optional);
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
  replace(path_ / kManifest, std::string_view(text));
}

}  // namespace credo::suite
