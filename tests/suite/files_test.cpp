#include "suite/common/files.hpp"

#include <doctest/doctest.h>

#include "suite/common/hashing.hpp"
#include "suite/run/directory_lock.hpp"
#include "tests/suite/support.hpp"

using namespace credo::suite;
using namespace credo::suite::testing;

TEST_CASE("a written file reads back and leaves nothing beside it") {
  const ScratchFolder scratch;
  write_file(scratch / "a", std::string_view("one"));
  write_file(scratch / "a", std::string_view("two"));
  CHECK(read_text(scratch / "a") == "two");
  CHECK(std::distance(std::filesystem::directory_iterator(scratch.path()), {}) == 1);
}

TEST_CASE("a file that cannot be written stays as it was") {
  const ScratchFolder scratch;
  write_file(scratch / "a", std::string_view("old"));
  std::filesystem::create_directory(scratch / "a.tmp");  // the temporary name is taken
  CHECK_THROWS_AS(write_file(scratch / "a", std::string_view("new")), FileError);
  CHECK(read_text(scratch / "a") == "old");
  CHECK_THROWS_AS(write_file(scratch / "missing" / "a", std::string_view("x")), FileError);
  CHECK_THROWS_AS(write_file(scratch / "a" / "below", std::string_view("x")), FileError);
}

TEST_CASE("a full device is an error that names the file") {
  if (!std::filesystem::exists("/dev/full")) return;
  const ScratchFolder scratch;
  std::filesystem::create_symlink("/dev/full", scratch / "log");
  std::string message;
  try {
    AppendFile file(scratch / "log", 0);
    file.append("x");
  } catch (const FileError& error) {
    message = error.what();
  }
  CHECK(contains(message, "log"));
}

TEST_CASE("reading what is not there or not a file") {
  const ScratchFolder scratch;
  CHECK_THROWS_AS(read_text(scratch / "nothing"), FileError);
  CHECK_THROWS_AS(read_text(scratch.path()), FileError);
  CHECK(!read_text("/proc/self/status").empty());  // reports size 0
}

TEST_CASE("growing files are cut back to the recorded length") {
  const ScratchFolder scratch;
  {
    AppendFile file(scratch / "log", 0);
    file.append("one\n");
    file.append("two\n");
    CHECK(file.size() == 8);
    file.append("thr");  // a killed writer
  }
  {
    AppendFile file(scratch / "log", 8);
    file.append("three\n");
    file.sync();
  }
  CHECK(read_text(scratch / "log") == "one\ntwo\nthree\n");
  CHECK_THROWS_AS(AppendFile(scratch / "log", 1000), FileError);
  CHECK(read_text(scratch / "log") == "one\ntwo\nthree\n");
}

TEST_CASE("a folder has one holder at a time") {
  const ScratchFolder scratch;
  {
    const DirectoryLock lock(scratch.path());
    CHECK(contains(user_error([&] { const DirectoryLock second(scratch.path()); }), "in use"));
  }
  CHECK_NOTHROW(DirectoryLock(scratch.path()));
}

TEST_CASE("hashes are the well-known ones") {
  CHECK(sha256_hex(std::string_view("abc")) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hex64(xxh64({})) == "ef46db3751d8e999");
}

TEST_CASE("a file that may not be put in place leaves the old one and nothing beside it") {
  const ScratchFolder scratch;
  write_file(scratch / "file", "old");
  const auto refuse = [] { throw FileError("taken over"); };
  CHECK_THROWS_AS(write_file(scratch / "file", "new", refuse), FileError);
  CHECK(read_text(scratch / "file") == "old");
  CHECK(!std::filesystem::exists(scratch / "file.tmp"));
  // What somebody else began under the temporary name meanwhile is not ours to remove.
  const auto lose = [&] {
    std::filesystem::rename(scratch / "file.tmp", scratch / "away");
    write_raw(scratch / "file.tmp", "theirs");
    throw FileError("taken over");
  };
  CHECK_THROWS_AS(write_file(scratch / "file", "new", lose), FileError);
  CHECK(read_text(scratch / "file") == "old");
  CHECK(read_text(scratch / "file.tmp") == "theirs");
}
