// One writer per folder, on local and network file systems alike.
//
// `.lock` names its owner: machine, process, Slurm job, and a random token. It appears complete by
// link(2) and is replaced by rename(2), both atomic on NFS, where flock(2) may reach one machine
// only. Its owner touches it every few seconds. A lock is taken over when its owner is provably
// gone (same machine, process dead), has not touched it for kStaleAfter by the file system's own
// clock, or is an earlier start of the same Slurm job. An owner that lost its lock this way finds
// another token in the file before its next write, and stops.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "envs/core/error.hpp"
#include "suite/common/files.hpp"

namespace credo::suite {

/// A folder is held by another process.
class InUseError : public UserError {
 public:
  using UserError::UserError;
};

/// Another process has taken this folder over.
class LockLostError : public Error {
 public:
  using Error::Error;
};

struct LockOwner {
  std::string token;  ///< 16 hexadecimal digits, another one for every lock
  std::string host;
  std::string system;  ///< boot and process namespace: where `pid` means something
  std::int64_t pid = 0;
  std::uint64_t started = 0;  ///< of the process, in clock ticks since boot
  std::string job;            ///< "cluster:job_element", "" outside Slurm
  std::int64_t restart = 0;   ///< how often Slurm has restarted the job

  /// "process 71 on node3, job main:12_4"
  std::string text() const;
};

/// This process, with a new token.
LockOwner this_owner();

/// The name of a short-lived file of `owner` beside a lock: ".lock.TOKEN.MAKER.ENDING". The maker
/// is in the name, since a process that is killed between making a file and writing to it leaves it
/// empty.
std::string side_file(const LockOwner& owner, std::string_view ending);

/// What a lock file holds; nullopt for anything that is no complete lock.
std::string encode_lock(const LockOwner& owner);
std::optional<LockOwner> decode_lock(const std::string& text);

/// The owner of a folder that is held right now. Writes nothing but a short-lived file to compare
/// clocks; without permission for that it compares with the clock of this machine.
std::optional<LockOwner> live_owner(const std::filesystem::path& directory);

/// Whether anybody, dead or alive, left a lock there, complete or not.
bool has_lock_files(const std::filesystem::path& directory);

/// Holds a folder until destruction. Thread-safe.
class DirectoryLock {
 public:
  static constexpr std::chrono::seconds kHeartbeat{5};
  static constexpr std::chrono::seconds kStaleAfter{60};

  /// Errors: InUseError naming the owner, FileError when the folder is not writable.
  explicit DirectoryLock(std::filesystem::path directory);
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;
  ~DirectoryLock();

  /// To be called before every write. Errors: LockLostError.
  void check() const;
  /// The previous owner may still be alive and hold open files.
  bool was_taken_over() const { return taken_over_; }

 private:
  void acquire();
  bool take_over(const LockOwner& old, bool is_foreign);
  void beat();
  bool is_mine() const;

  std::filesystem::path directory_;
  LockOwner self_;
  bool taken_over_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ends_ = false;
  std::thread heart_;
};

}  // namespace credo::suite
