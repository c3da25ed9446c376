#include "suite/run/directory_lock.hpp"

#include <atomic>
#include <chrono>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "tests/suite/support.hpp"

using namespace credo::suite;
using namespace credo::suite::testing;

namespace {

LockOwner elsewhere() {
  LockOwner owner = this_owner();
  owner.host = "node7";
  owner.system = "another boot";
  return owner;
}

void touch(const std::filesystem::path& path, std::int64_t seconds) {
  const timespec times[2] = {{seconds, 0}, {seconds, 0}};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
}

void make_old(const std::filesystem::path& path) { touch(path, 1); }

// By the clock of the file system, which is that of a new file.
void make_aged(const std::filesystem::path& path, std::int64_t age_s) {
  struct stat now {};
  const std::filesystem::path probe = path.string() + ".now";
  write_raw(probe, "");
  REQUIRE(::stat(probe.c_str(), &now) == 0);
  std::filesystem::remove(probe);
  touch(path, now.st_mtim.tv_sec - age_s);
}

std::string refusal(const ScratchFolder& scratch) {
  return user_error([&] { const DirectoryLock lock(scratch.path()); });
}

}  // namespace

TEST_CASE("a lock reads back and nothing else counts as one") {
  const LockOwner owner = elsewhere();
  const auto read = decode_lock(encode_lock(owner));
  REQUIRE(read);
  CHECK(read->token == owner.token);
  CHECK(read->text() == owner.text());
  CHECK(this_owner().token != owner.token);
  for (const char* text : {"", "{", "[]", R"({"schema":"credo.lock"})"}) CHECK(!decode_lock(text));
}

TEST_CASE("a lock is released and leaves nothing behind") {
  const ScratchFolder scratch;
  {
    const DirectoryLock lock(scratch.path());
    CHECK(live_owner(scratch.path()));
    CHECK_NOTHROW(lock.check());
  }
  CHECK(std::filesystem::is_empty(scratch.path()));
  CHECK(!live_owner(scratch.path()));
}

TEST_CASE("a living owner elsewhere keeps its folder, a silent one loses it") {
  const ScratchFolder scratch;
  write_raw(scratch / ".lock", encode_lock(elsewhere()));
  CHECK(contains(refusal(scratch), "node7"));
  make_old(scratch / ".lock");
  CHECK(!live_owner(scratch.path()));
  const DirectoryLock lock(scratch.path());
  CHECK(lock.was_taken_over());
}

TEST_CASE("an owner is silent after a minute, not before") {
  CHECK(DirectoryLock::kStaleAfter == std::chrono::seconds(60));
  // Twelve missed touches, less one for the time this test may take.
  CHECK(DirectoryLock::kStaleAfter >= 10 * DirectoryLock::kHeartbeat);
  for (const bool is_stale : {false, true}) {
    const ScratchFolder scratch;
    write_raw(scratch / ".lock", encode_lock(elsewhere()));
    make_aged(scratch / ".lock", is_stale ? 62 : 50);
    CHECK(live_owner(scratch.path()).has_value() == !is_stale);
    CHECK(refusal(scratch).empty() == is_stale);
    // What nobody can read is judged by its age alone, and so is a claim on a lock.
    write_raw(scratch / ".lock", "damaged");
    make_aged(scratch / ".lock", is_stale ? 62 : 50);
    CHECK(refusal(scratch).empty() == is_stale);
    const LockOwner owner = elsewhere();
    write_raw(scratch / ".lock", encode_lock(owner));
    make_old(scratch / ".lock");
    const auto claim = scratch / (".lock." + owner.token + ".claim");
    write_raw(claim, encode_lock(elsewhere()));
    make_aged(claim, is_stale ? 62 : 50);
    CHECK(refusal(scratch).empty() == is_stale);
  }
}

TEST_CASE("the folder of a dead process is free at once") {
  const ScratchFolder scratch;
  LockOwner owner = this_owner();
  owner.pid = ::fork();
  if (owner.pid == 0) ::_exit(0);
  ::waitpid(static_cast<pid_t>(owner.pid), nullptr, 0);
  write_raw(scratch / ".lock", encode_lock(owner));
  CHECK_NOTHROW(DirectoryLock(scratch.path()));
}

TEST_CASE("what a dead process left in the middle of locking is swept away") {
  const ScratchFolder scratch;
  LockOwner dead = this_owner();
  ++dead.started;
  for (const char* name : {"tmp", "new", "claim"})
    write_raw(scratch / (".lock." + dead.token + "." + name), encode_lock(dead));
  const LockOwner alive = elsewhere();
  const auto kept = scratch / (".lock." + alive.token + ".tmp");
  write_raw(kept, encode_lock(alive));
  write_raw(scratch / ".lock.0123456789abcdef.clock", "\n");
  make_old(scratch / ".lock.0123456789abcdef.clock");
  { const DirectoryLock lock(scratch.path()); }
  CHECK(std::filesystem::exists(kept));
  std::filesystem::remove(kept);
  CHECK(std::filesystem::is_empty(scratch.path()));
}

TEST_CASE("an empty file of a process that was killed while locking is swept away at once") {
  const ScratchFolder scratch;
  LockOwner dead = this_owner();
  ++dead.started;
  for (const char* ending : {"tmp", "new", "clock"}) {
    write_raw(scratch / side_file(dead, ending), "");
    { const DirectoryLock lock(scratch.path()); }
    CHECK(std::filesystem::is_empty(scratch.path()));
  }
  // One of a living process, of another machine, or of somebody else stays.
  for (const std::string& file :
       {side_file(this_owner(), "tmp"), side_file(elsewhere(), "tmp"), std::string(".lock.notes"),
        std::string(".lock.0123456789abcdef.txt"), std::string(".lock.0123.tmp")}) {
    write_raw(scratch / file, "");
    if (file == ".lock.notes") make_old(scratch / file);
    { const DirectoryLock lock(scratch.path()); }
    CHECK(std::filesystem::exists(scratch / file));
    std::filesystem::remove(scratch / file);
  }
}

TEST_CASE("a process number that was given again is another process") {
  const ScratchFolder scratch;
  LockOwner owner = this_owner();
  ++owner.started;
  write_raw(scratch / ".lock", encode_lock(owner));
  CHECK_NOTHROW(DirectoryLock(scratch.path()));
}

TEST_CASE("a job takes over from its earlier start, not from another job or a later start") {
  ::setenv("SLURM_JOB_ID", "12", 1);
  ::setenv("SLURM_RESTART_COUNT", "1", 1);
  const auto attempt = [](const std::string& job, std::int64_t restart) {
    const ScratchFolder scratch;
    LockOwner owner = elsewhere();
    if (!job.empty()) owner.job = job;
    owner.restart = restart;
    write_raw(scratch / ".lock", encode_lock(owner));
    return refusal(scratch).empty();
  };
  CHECK(attempt("", 0));
  CHECK(!attempt("", 1));
  CHECK(!attempt("", 2));
  CHECK(!attempt(":13", 0));
  ::unsetenv("SLURM_JOB_ID");
  ::unsetenv("SLURM_RESTART_COUNT");
}

TEST_CASE("an owner that lost its folder notices, and leaves the new one's lock alone") {
  const ScratchFolder scratch;
  {
    const DirectoryLock old(scratch.path());
    make_old(scratch / ".lock");
    const DirectoryLock fresh(scratch.path());
    CHECK_THROWS_AS(old.check(), LockLostError);
    CHECK_NOTHROW(fresh.check());
  }
  CHECK(!std::filesystem::exists(scratch / ".lock"));
  auto old = std::make_unique<DirectoryLock>(scratch.path());
  make_old(scratch / ".lock");
  const DirectoryLock fresh(scratch.path());
  old.reset();
  CHECK_NOTHROW(fresh.check());
}

TEST_CASE("of many that find a silent owner, one gets the folder") {
  const ScratchFolder scratch;
  write_raw(scratch / ".lock", encode_lock(elsewhere()));
  make_old(scratch / ".lock");
  std::atomic<int> holders{0};
  std::atomic<int> refused{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      try {
        const DirectoryLock lock(scratch.path());
        ++holders;
        while (holders + refused < 8) std::this_thread::yield();
      } catch (const InUseError&) {
        ++refused;
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(holders == 1);
  CHECK(refused == 7);
}
