// One run, one folder (docs/file-formats.md):
//   manifest.json      what ran, where, how it ended; the only file with clocks and machines
//   config.toml        the effective configuration
//   metrics.jsonl      one event a line
//   eval_episodes.csv  one evaluation episode a line
//   events.out.tfevents.0.credo   with run.tensorboard: the events of metrics.jsonl
//   inputs/            copies of the files it reads beside its settings (inputs.hpp)
//   checkpoints/       step_<t>.safetensors (also those of run.keep_weights), step_<t>.state, replay_<n>.part, `latest`,
//                      best.safetensors
// All but the manifest are a function of the configuration alone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "suite/common/files.hpp"
#include "suite/run/checkpoint.hpp"
#include "suite/run/config.hpp"
#include "suite/run/directory_lock.hpp"
#include "suite/run/metrics.hpp"
#include "suite/run/run_files.hpp"
#include "suite/run/run_names.hpp"
#include "suite/run/run_status.hpp"

namespace credo::suite {

struct Manifest {
  RunStatus status = RunStatus::kRunning;
  std::string reason;  ///< why it failed or diverged, on one line
  std::string run_id;
  std::string env;
  std::string algorithm;
  RunNames names;
  std::string profile;
  std::uint64_t seed = 0;
  std::string parent;             ///< run_id of the run this one extends, "" = none
  std::int64_t parent_steps = 0;  ///< training steps taken over from it
  std::string version, commit, compiler, flags;
  std::string host, cpu;
  int cores = 0;
  int threads = 0;
  std::string isa;
  std::string started, ended;
  double wall_s = 0.0;
  int resumes = 0;
  std::int64_t env_steps = 0, episodes = 0, updates = 0;
  std::map<std::string, std::string> sha256;  ///< files of a finished run
};

/// Errors: UserError naming the file, also for names in it that lead out of the folder.
Manifest read_manifest(const std::filesystem::path& directory);
bool holds_run(const std::filesystem::path& directory);

/// What a checkpoint asks a trainer for (Trainer::save with ReplayContent::kOutsideParts).
struct TrainerSource {
  ByteSource state;
  std::vector<ReplayPart> parts;
  std::function<void(const ReplayPart&, const ByteSink&)> save_part;
};

/// Everything that writes throws LockLostError, and writes nothing, once another process has taken
/// the folder over.
class RunDirectory {
 public:
  /// A new run. Errors: UserError when the folder holds a run, is in use or cannot be written.
  static std::unique_ptr<RunDirectory> create(const std::filesystem::path& path,
                                              const RunConfig& config, const RunNames& names,
                                              int threads, const std::string& isa);
  /// An existing run, to be resumed. Errors: UserError (no run, in use, changed configuration).
  static std::unique_ptr<RunDirectory> open(const std::filesystem::path& path);
  /// Removes what the process that finished this run left when it was killed right after: its lock
  /// and the resumable states. Nothing happens while that process lives, or without permission.
  static void tidy_finished(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  const RunConfig& config() const { return config_; }
  Manifest& manifest() { return manifest_; }

  /// The newest checkpoint (or `name`, "step_<t>"), checked; nullopt when none was written yet.
  /// Errors: UserError when it is damaged or belongs to another configuration, or when what
  /// metrics.jsonl and eval_episodes.csv held at that moment has changed since.
  std::optional<CheckpointState> load_checkpoint(const std::string& name = "") const;

  /// Opens metrics.jsonl and eval_episodes.csv, cut to the checkpoint (or from the start), and puts
  /// best.safetensors back to what it was then. Returns what to tell the user of it, or "".
  std::string open_streams(const std::optional<CheckpointState>& from);
  void append_metrics(std::string_view lines);
  void append_episodes(std::string_view lines);
  void sync_streams();

  /// Writes new parts of the replay, weights and state, then `latest`; keeps the newest two. Fills
  /// in what the header says of the other files.
  void save_checkpoint(CheckpointHeader header, std::span<const std::byte> weights,
                       const TrainerSource& trainer);
  /// Weights that no later checkpoint replaces and the manifest of the finished run lists.
  void keep_weights(std::int64_t t_env, std::span<const std::byte> weights);
  /// The weights that training ended with, when nothing will go on from there: a process that is
  /// killed before the run is finished goes on from the checkpoint before.
  void save_final_weights(std::int64_t t_env, std::span<const std::byte> weights);

  /// The weights of the best evaluation so far; an older file is replaced.
  void save_best(std::span<const std::byte> weights);
  /// As this process saved them, whatever became of the file.
  std::span<const std::byte> best() const { return best_; }

  /// Writes the manifest; for a finished run with the hashes of its files. Errors: FileError when
  /// they are not as this process wrote them.
  void finish(RunStatus status, const std::string& reason);
  void write_manifest() const;

 private:
  RunDirectory(std::filesystem::path path, RunConfig config);
  CheckpointState read_checkpoint(const CheckpointName& files) const;
  std::string other_hint(std::int64_t t_env) const;
  void require_state(const std::string& name) const;
  std::string restore_best(const CheckpointState& from);
  void check_files() const;
  void drop_states() const;
  void check_kept(const KeptWeights& kept) const;
  bool keeps(std::int64_t t_env) const;
  void write_weights(std::int64_t t_env, std::span<const std::byte> weights);
  std::vector<StoredPart> store_parts(const TrainerSource& trainer) const;
  void check_episodes_header() const;
  void open_events();
  void append_events(const std::vector<MetricsEvent>& events);
  void leave_open_files_behind() const;
  void drop_unfinished_files() const;
  // Writes a file unless the folder has been taken over, also while it was being written.
  template <typename Content>
  void replace(const std::filesystem::path& path, Content content) const {
    write_file(path, content, [this] { lock_->check(); });
  }

  std::filesystem::path path_;
  RunConfig config_;
  std::unique_ptr<DirectoryLock> lock_;
  Manifest manifest_;
  std::vector<std::byte> best_;            // what best.safetensors should hold
  std::vector<StoredPart> parts_;          // files that the newest checkpoint names
  std::optional<CheckpointName> weights_;  // the newest weights, and what they should be
  std::uint64_t weights_hash_ = 0;
  std::vector<KeptWeights> kept_;  // oldest first
  std::unique_ptr<AppendFile> metrics_;
  std::unique_ptr<AppendFile> episodes_;
  std::unique_ptr<AppendFile> events_;  // with run.tensorboard only
};

/// config.toml, checked against the manifest's run_id. Errors: UserError.
std::string checked_config_text(const std::filesystem::path& directory, const Manifest& manifest);
/// The same as a configuration. Errors: UserError.
RunConfig read_run_config(const std::filesystem::path& directory);

}  // namespace credo::suite
