#include "suite/run/directory_lock.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fmt/format.h>
#include <span>
#include <sstream>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include "suite/common/hashing.hpp"
#include "suite/common/json.hpp"
#include "suite/common/system.hpp"
#include "suite/common/text.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kLock = ".lock";

[[noreturn]] void fail(std::string_view action, const fs::path& path, int error) {
  throw FileError(fmt::format("cannot {} {}: {}", action, path.string(),
                              std::generic_category().message(error)));
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

std::string read_or_empty(const fs::path& path) {
  try {
    return read_text(path, kLargestManifest);
  } catch (const FileError&) {
    return "";
  }
}

struct ProcessState {
  bool is_alive = false;
  std::uint64_t started = 0;
};

// From /proc/PID/stat; the fields after the name in parentheses are counted from its end. A zombie
// writes nothing any more.
ProcessState process_state(std::int64_t pid) {
  const std::string stat = read_or_empty(fmt::format("/proc/{}/stat", pid));
  const std::size_t end = stat.rfind(')');
  if (end == std::string::npos) {
    const bool gone = ::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH;
    return {!gone, 0};
  }
  std::istringstream fields(stat.substr(end + 1));
  std::string state;
  fields >> state;
  std::string field;
  constexpr int kBetween = 18;  // ppid to itrealvalue
  for (int i = 0; i < kBetween; ++i) fields >> field;
  ProcessState found;
  fields >> found.started;
  found.is_alive = state != "Z" && state != "X";
  return found;
}

std::string this_job() {
  const std::string array = environment("SLURM_ARRAY_JOB_ID");
  const std::string job = array.empty() ? environment("SLURM_JOB_ID") : array;
  if (job.empty()) return "";
  const std::string element = environment("SLURM_ARRAY_TASK_ID");
  return fmt::format("{}:{}{}{}", environment("SLURM_CLUSTER_NAME"), job,
                     element.empty() ? "" : "_", element);
}

std::string new_token() { return hex64(random_token()); }

// Who made a file, for its name.
std::string maker(const LockOwner& owner) {
  return fmt::format("{}-{}-{}", hex64(xxh64(std::as_bytes(std::span(owner.system)))), owner.pid,
                     owner.started);
}

fs::path temporary_of(const fs::path& directory, const LockOwner& owner) {
  return directory / side_file(owner, "tmp");
}

// The parts of a name between its dots: ".lock.TOKEN.MAKER.tmp", or without the maker.
std::vector<std::string> parts_of(const std::string& name) {
  std::vector<std::string> parts;
  std::istringstream text(name);
  for (std::string part; std::getline(text, part, '.');) parts.push_back(part);
  return parts;
}

bool is_token(std::string_view text) {
  return text.size() == 16 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Is this a file of ours beside a lock? Nothing else is ever removed.
bool is_side_file(const std::string& name) {
  static constexpr std::array<std::string_view, 4> kEndings = {"tmp", "new", "claim", "clock"};
  const auto parts = parts_of(name);
  return (parts.size() == 4 || parts.size() == 5) && parts[0].empty() && parts[1] == "lock" &&
         is_token(parts[2]) &&
         std::find(kEndings.begin(), kEndings.end(), parts.back()) != kEndings.end();
}

// The maker of a file of this machine; nullopt where its name does not tell.
std::optional<LockOwner> maker_of(const std::string& name, const LockOwner& self) {
  const auto parts = parts_of(name);
  if (parts.size() != 5) return std::nullopt;
  const std::string own = maker(self);
  const std::string prefix = own.substr(0, own.find('-') + 1);
  if (!parts[3].starts_with(prefix)) return std::nullopt;
  const std::string rest = parts[3].substr(prefix.size());
  const std::size_t dash = std::min(rest.find('-'), rest.size());
  const auto pid = parse_int(rest.substr(0, dash));
  const auto started = parse_int(rest.substr(std::min(dash + 1, rest.size())));
  if (!pid || !started || *pid <= 0 || *started < 0) return std::nullopt;
  LockOwner owner;
  owner.system = self.system;
  owner.pid = *pid;
  owner.started = static_cast<std::uint64_t>(*started);
  return owner;
}

// A file that has its content before anybody can see it under its final name. The name is that of
// the token, so no other process writes to it.
void write_temporary(const fs::path& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0) fail("write", path, errno);
  const ssize_t written = ::write(file, text.data(), text.size());
  int error = written == static_cast<ssize_t>(text.size()) ? 0 : written < 0 ? errno : ENOSPC;
  if (::close(file) != 0 && error == 0) error = errno;
  if (error == 0) return;
  ::unlink(path.c_str());
  fail("write", path, error);
}

// Makes `name` a second name of `temporary` unless it exists. A network file system may repeat a
// request whose answer was lost and then report EEXIST: the number of names tells.
bool link_new(const fs::path& temporary, const fs::path& name) {
  if (::link(temporary.c_str(), name.c_str()) == 0) return true;
  const int error = errno;
  struct stat status {};
  if (::stat(temporary.c_str(), &status) == 0 && status.st_nlink == 2) return true;
  if (error == EEXIST) return false;
  if (error != EPERM && error != EOPNOTSUPP && error != ENOSYS && error != EMLINK)
    fail("write", name, error);
  // A file system without links: what a reader may see of this one is incomplete for a moment,
  // which counts as held.
  const int file = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0) {
    if (errno == EEXIST) return false;
    fail("write", name, errno);
  }
  ::close(file);
  write_file(name, read_text(temporary));
  return true;
}

class Remover {
 public:
  explicit Remover(fs::path path) : path_(std::move(path)) {}
  Remover(const Remover&) = delete;
  Remover& operator=(const Remover&) = delete;
  ~Remover() { ::unlink(path_.c_str()); }

 private:
  fs::path path_;
};

// How long ago a file was touched, by the clock of the machine that keeps the files.
std::chrono::seconds age(const fs::path& directory, const fs::path& file, const LockOwner& self) {
  struct stat touched {};
  if (::stat(file.c_str(), &touched) != 0) return std::chrono::seconds{0};
  struct stat now {};
  const fs::path probe = directory / fmt::format("{}.{}.{}.clock", kLock, new_token(), maker(self));
  const int descriptor = ::open(probe.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (descriptor >= 0) {
    const Remover remover(probe);
    const bool known = ::write(descriptor, "\n", 1) == 1 && ::fstat(descriptor, &now) == 0;
    ::close(descriptor);
    if (known) return std::chrono::seconds{now.st_mtime - touched.st_mtime};
  }
  const auto here = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(here) -
         std::chrono::seconds{touched.st_mtime};
}

bool is_gone(const LockOwner& owner, const LockOwner& self) {
  if (owner.system != self.system) return false;
  const ProcessState process = process_state(owner.pid);
  return !process.is_alive || (process.started != owner.started && process.started != 0);
}

bool is_earlier_start(const LockOwner& owner, const LockOwner& self) {
  return !owner.job.empty() && owner.job == self.job && owner.restart < self.restart;
}

bool is_stale(const fs::path& directory, const fs::path& file, const LockOwner& self) {
  return age(directory, file, self) > DirectoryLock::kStaleAfter;
}

// The right to replace or remove the lock with a certain token belongs to the one process that
// could create this file. Dropped again at once, so an old one is left over from a dead process.
class Claim {
 public:
  Claim(const fs::path& directory, const LockOwner& self, const std::string& token)
      : path_(directory / fmt::format("{}.{}.claim", kLock, token)) {
    const fs::path temporary = temporary_of(directory, self);
    is_held_ = link_new(temporary, path_);
    if (is_held_ || !is_stale(directory, path_, self)) return;
    ::unlink(path_.c_str());
    is_held_ = link_new(temporary, path_);
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  ~Claim() {
    if (is_held_) ::unlink(path_.c_str());
  }
  bool is_held() const { return is_held_; }

 private:
  fs::path path_;
  bool is_held_ = false;
};

// Removes files of processes that died between two steps. Without the lock a claim must be left
// alone; to its holder only claims on its own token matter.
void sweep(const fs::path& directory, const LockOwner& self) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const fs::path& path = entry.path();
    const std::string name = path.filename().string();
    if (!is_side_file(name) || name.find(self.token) != std::string::npos) continue;
    auto owner = decode_lock(read_or_empty(path));
    if (!owner) owner = maker_of(name, self);
    if (owner ? is_gone(*owner, self) : is_stale(directory, path, self)) ::unlink(path.c_str());
  }
}

}  // namespace

std::string LockOwner::text() const {
  return fmt::format("process {} on {}{}", pid, host, job.empty() ? "" : ", job " + job);
}

LockOwner this_owner() {
  LockOwner owner;
  owner.token = new_token();
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) == 0) owner.host = host.data();
  owner.system = one_line(system_identity());
  owner.pid = ::getpid();
  owner.started = process_state(owner.pid).started;
  owner.job = this_job();
  owner.restart = parse_int(environment("SLURM_RESTART_COUNT")).value_or(0);
  return owner;
}

std::string side_file(const LockOwner& owner, std::string_view ending) {
  return fmt::format("{}.{}.{}.{}", kLock, owner.token, maker(owner), ending);
}

std::string encode_lock(const LockOwner& owner) {
  const Json json{{"schema", "credo.lock"}, {"token", owner.token},    {"host", owner.host},
                  {"system", owner.system}, {"pid", owner.pid},        {"started", owner.started},
                  {"job", owner.job},       {"restart", owner.restart}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::optional<LockOwner> decode_lock(const std::string& text) {
  try {
    const Json json = Json::parse(text);
    if (json.value("schema", "") != "credo.lock") return std::nullopt;
    LockOwner owner;
    owner.token = json.at("token").get<std::string>();
    owner.host = json.at("host").get<std::string>();
    owner.system = json.at("system").get<std::string>();
    owner.pid = json.at("pid").get<std::int64_t>();
    owner.started = json.at("started").get<std::uint64_t>();
    owner.job = json.at("job").get<std::string>();
    owner.restart = json.at("restart").get<std::int64_t>();
    if (!is_token(owner.token)) return std::nullopt;
    return owner;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

std::optional<LockOwner> live_owner(const fs::path& directory) {
  const fs::path path = directory / kLock;
  auto owner = decode_lock(read_or_empty(path));
  if (!owner) return std::nullopt;
  const LockOwner self = this_owner();
  if (is_gone(*owner, self) || is_stale(directory, path, self)) return std::nullopt;
  return owner;
}

bool has_lock_files(const fs::path& directory) {
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error))
    if (it->path().filename().string().starts_with(kLock)) return true;
  return false;
}

DirectoryLock::DirectoryLock(fs::path directory)
    : directory_(std::move(directory)), self_(this_owner()) {
  const fs::path temporary = temporary_of(directory_, self_);
  write_temporary(temporary, encode_lock(self_));
  const Remover remover(temporary);
  acquire();
  sweep(directory_, self_);
  heart_ = std::thread([this] { beat(); });
}

void DirectoryLock::acquire() {
  const fs::path path = directory_ / kLock;
  constexpr int kTries = 20;  // locks that vanish or change hands while we look
  for (int i = 0; i < kTries; ++i) {
    if (link_new(temporary_of(directory_, self_), path)) return;
    const std::string text = read_or_empty(path);
    const auto owner = decode_lock(text);
    // What is no lock of ours (an older program's, a damaged one) can only be judged by its age.
    LockOwner unknown;
    unknown.token = std::string(16, '0');
    const LockOwner old = owner.value_or(unknown);
    const bool is_free = owner && (is_gone(old, self_) || is_earlier_start(old, self_));
    if (is_free || is_stale(directory_, path, self_)) {
      if (take_over(old, !owner)) return;
      continue;
    }
    std::error_code error;
    if (!fs::exists(path, error)) continue;
    throw InUseError(fmt::format("{} is in use by another running credo ({})", directory_.string(),
                                 owner ? owner->text() : "of unknown process"));
  }
  throw InUseError(fmt::format("{} is wanted by several credo processes at once; try again",
                               directory_.string()));
}

bool DirectoryLock::take_over(const LockOwner& old, bool is_foreign) {
  const fs::path path = directory_ / kLock;
  const fs::path successor = directory_ / side_file(self_, "new");
  write_temporary(successor, encode_lock(self_));
  const Remover remover(successor);
  const Claim claim(directory_, self_, old.token);
  if (!claim.is_held()) return false;
  const auto now = decode_lock(read_or_empty(path));
  std::error_code error;
  if (now ? now->token != old.token : !is_foreign || !fs::exists(path, error)) return false;
  if (::rename(successor.c_str(), path.c_str()) != 0) fail("write", path, errno);
  taken_over_ = true;
  return true;
}

DirectoryLock::~DirectoryLock() {
  {
    const std::lock_guard guard(mutex_);
    ends_ = true;
  }
  wake_.notify_all();
  heart_.join();
  try {
    const fs::path temporary = temporary_of(directory_, self_);
    write_temporary(temporary, encode_lock(self_));
    const Remover remover(temporary);
    const Claim claim(directory_, self_, self_.token);
    if (claim.is_held() && is_mine()) ::unlink((directory_ / kLock).c_str());
  } catch (const Error&) {
    // The folder is gone or full: the lock goes stale, or its process is seen to be dead.
  }
}

bool DirectoryLock::is_mine() const {
  // Opening the file makes a network file system look at the server; a mere stat may not.
  const auto owner = decode_lock(read_or_empty(directory_ / kLock));
  return owner && owner->token == self_.token;
}

void DirectoryLock::check() const {
  if (!is_mine())
    throw LockLostError(
        fmt::format("{} has been taken over by another process", directory_.string()));
}

void DirectoryLock::beat() {
  std::unique_lock guard(mutex_);
  while (!wake_.wait_for(guard, kHeartbeat, [this] { return ends_; })) {
    if (is_mine()) ::utimensat(AT_FDCWD, (directory_ / kLock).c_str(), nullptr, 0);
  }
}

}  // namespace credo::suite
