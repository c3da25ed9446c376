// What changes behind the back of a run is noticed before it counts, and a run that nobody runs is
// called interrupted.
#include "suite/run/integrity.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite/batch/suite_run.hpp"
#include "suite/common/hashing.hpp"
#include "suite/run/runner.hpp"
#include "tests/suite/support.hpp"

using namespace credo::suite;
using namespace credo::suite::testing;

namespace {

namespace fs = std::filesystem;

RunConfig small_config(const std::string& algorithm = "vdn") {
  RunRequest request;
  request.env = "two_step";
  request.algorithm = algorithm;
  request.t_max = 400;
  request.are_sets_general = true;
  request.sets = {"learner.batch_size=4",        "run.log_interval=50", "evaluation.interval=100",
                  "run.checkpoint_interval=100", "agent.hidden_dim=5",  "evaluation.episodes=2"};
  return RunConfig::resolve(request);
}

// A run that fails right after its checkpoint of step 300, as by a kill: the manifest says
// "running", and a little more was written than the checkpoint knows.
fs::path killed_run(const fs::path& path) {
  RunOptions options;
  options.on_progress = [&](const RunProgress& now) {
    if (now.t_env >= 300) throw std::bad_alloc();
  };
  CHECK(start_run(small_config(), path, options).end == RunEnd::kFailed);
  std::string manifest = read_text(path / "manifest.json");
  const std::string failed = R"("status": "failed")";
  manifest.replace(manifest.find(failed), failed.size(), R"("status": "running")");
  write_raw(path / "manifest.json", manifest);
  return path;
}

void flip(const fs::path& path, std::size_t at) {
  std::string text = read_text(path);
  REQUIRE(at < text.size());
  text[at] = static_cast<char>(text[at] ^ 1);
  write_raw(path, text);
}

std::string changed_error(const fs::path& folder, const LoadOptions& options = {}) {
  try {
    load_results({folder}, options);
  } catch (const ChangedError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("hashes of pieces and prefixes are those of the whole") {
  const ScratchFolder scratch;
  const std::string text(1000000, 'x');
  write_raw(scratch / "file", text + "y");
  const auto bytes = std::as_bytes(std::span<const char>(text));
  CHECK(hash_prefix(scratch / "file", text.size()).value() == xxh64(bytes));
  CHECK(hash_prefix(scratch / "missing", 0).value() == xxh64({}));
  CHECK_THROWS_AS(hash_prefix(scratch / "file", text.size() + 2), FileError);
  CHECK(sha256_hex_of_file(scratch / "file") == sha256_hex(text + "y"));
  AppendFile file(scratch / "file", 999990);
  file.append("xxxxxxxxxx");
  CHECK(file.hash() == xxh64(bytes));
  CHECK_NOTHROW(file.check());
  flip(scratch / "file", 5);
  CHECK_THROWS_AS(file.check(), FileError);
}

TEST_CASE("a byte that flipped before the checkpoint stops the resume and names the file") {
  const ScratchFolder scratch;
  const fs::path killed = killed_run(scratch / "killed");
  for (const std::string name : {"metrics.jsonl", "eval_episodes.csv"}) {
    const auto size = fs::file_size(killed / name);
    const CheckpointState newest = *RunDirectory::open(killed)->load_checkpoint();
    const CheckpointState older = *RunDirectory::open(killed)->load_checkpoint("step_200");
    const bool is_metrics = name == "metrics.jsonl";
    const auto known = is_metrics ? newest.metrics_bytes : newest.eval_bytes;
    const auto known_before = is_metrics ? older.metrics_bytes : older.eval_bytes;
    REQUIRE(known_before < known);
    REQUIRE(known <= size);
    for (std::size_t at = 0; at < known; at += 7) {
      flip(killed / name, at);
      const std::string message =
          user_error([&] { RunDirectory::open(killed)->load_checkpoint(); });
      CHECK(contains(message, name + ": its first "));
      // The way round it is offered only where there is one.
      CHECK(contains(message, "--checkpoint step_200") == (at >= known_before));
      CHECK(contains(message, "no other sound checkpoint") == (at < known_before));
      flip(killed / name, at);
    }
    // What was written after it is written again.
    for (std::size_t at = known; at < size; at += 7) {
      flip(killed / name, at);
      CHECK_NOTHROW(RunDirectory::open(killed)->load_checkpoint());
      flip(killed / name, at);
    }
  }
  flip(killed / "metrics.jsonl", 3);
  const std::string manifest = read_text(killed / "manifest.json");
  CHECK(!user_error([&] { resume_run(killed, {}); }).empty());
  CHECK(read_text(killed / "manifest.json") == manifest);
}

TEST_CASE("the best weights come back from the checkpoint when their file was damaged") {
  const ScratchFolder scratch;
  start_run(small_config(), scratch / "whole", {});
  const auto same = [&](const fs::path& run) {
    for (const char* name : {"metrics.jsonl", "eval_episodes.csv", "checkpoints/best.safetensors"})
      CHECK(read_text(run / name) == read_text(scratch / "whole" / name));
  };
  const fs::path killed = killed_run(scratch / "killed");
  const std::string best = "checkpoints/best.safetensors";
  int n = 0;
  for (const std::size_t at : {std::size_t{0}, std::size_t{60}, fs::file_size(killed / best) - 2}) {
    const fs::path run = scratch / ("copy" + std::to_string(n++));
    fs::copy(killed, run, fs::copy_options::recursive);
    flip(run / best, at);
    CHECK(contains(user_error([&] { load_weights(run, "best"); }), "damaged weights"));
    const RunOutcome outcome = resume_run(run, {});
    CHECK(outcome.end == RunEnd::kDone);
    CHECK(contains(outcome.note, "best.safetensors was damaged"));
    same(run);
  }
  fs::copy(killed, scratch / "lost", fs::copy_options::recursive);
  fs::remove(scratch / "lost" / best);
  CHECK(contains(resume_run(scratch / "lost", {}).note, "missing"));
  same(scratch / "lost");
  // Saved after the checkpoint: nothing is wrong, and the run comes past that step again.
  fs::copy(killed, scratch / "later", fs::copy_options::recursive);
  const auto later = load_weights(scratch / "whole");
  write_file(scratch / "later" / best, later.bytes);
  CHECK(load_weights(scratch / "later", "best").bytes == later.bytes);
  CHECK(resume_run(scratch / "later", {}).note.empty());
  same(scratch / "later");
  flip(scratch / "whole" / best, 60);
  CHECK(contains(user_error([&] { load_weights(scratch / "whole", "best"); }), "damaged weights"));
}

TEST_CASE("a run does not certify what it did not write") {
  const ScratchFolder scratch;
  const fs::path run = scratch / "run";
  for (const char* name : {"metrics.jsonl", "eval_episodes.csv"}) {
    RunOptions options;
    bool is_done = false;
    options.on_progress = [&](const RunProgress& now) {
      if (now.t_env < 300 || is_done) return;
      flip(run / name, 2);
      is_done = true;
    };
    const RunOutcome outcome = start_run(small_config(), run, options);
    CHECK(outcome.end == RunEnd::kFailed);
    CHECK(contains(outcome.reason, name));
    CHECK(read_manifest(run).status != RunStatus::kDone);
    CHECK(read_manifest(run).sha256.empty());
    fs::remove_all(run);
  }
}

TEST_CASE("results that were edited after they were recorded are not published") {
  const ScratchFolder scratch;
  start_run(small_config("random"), scratch / "run", {});
  CHECK(changed_error(scratch.path()).empty());
  for (const char* name : {"metrics.jsonl", "eval_episodes.csv"}) {
    const fs::path path = scratch / "run" / name;
    const std::string good = read_text(path);
    // A digit, so that it reads as before.
    const std::size_t step = good.find(R"("episode":)");
    flip(path, step == std::string::npos ? good.size() - 3 : step + 10);
    CHECK(contains(changed_error(scratch.path()), path.string() + ": changed"));
    CHECK(changed_error(scratch.path(), {.verify = false}).empty());
    CHECK(changed_files(scratch / "run", read_manifest(scratch / "run")).size() == 1);
    fs::remove(path);
    CHECK(contains(changed_error(scratch.path()), "missing"));
    write_raw(path, good);
  }
  CHECK(changed_error(scratch.path()).empty());
}

TEST_CASE("a suite does not go on over an edited cell, nor a report over edited tables") {
  const ScratchFolder scratch;
  const SuiteSpec spec = parse_suite(
      "algs = [\"random\", \"noop\"]\nenvs = [\"two_step\"]\nseeds = \"0-1\"\n"
      "evaluation.episodes = 2\n",
      "test.toml", "test");
  const auto run = [&](bool verify) {
    Progress progress(ProgressMode::kNone);
    return run_suite(spec, make_plan(spec, {}), {.out = scratch / "suite", .verify = verify},
                     progress);
  };
  CHECK(run(true).n_done == 4);
  const fs::path cell = scratch / "suite/runs/two_step/noop/seed_1/eval_episodes.csv";
  flip(cell, fs::file_size(cell) - 3);
  CHECK_THROWS_AS(run(true), ChangedError);
  CHECK(run(false).n_done == 4);
  CHECK(!changed_error(scratch / "suite").empty());
  // The compact form has the tables only.
  fs::remove_all(scratch / "suite/runs");
  CHECK(changed_error(scratch / "suite").empty());
  const fs::path table = scratch / "suite/results.csv";
  flip(table, fs::file_size(table) - 3);
  CHECK(contains(changed_error(scratch / "suite"), "results.csv: changed"));
  CHECK(changed_error(scratch / "suite", {.verify = false}).empty());
}

TEST_CASE("a run without memory is failed, says so, and can go on") {
  const ScratchFolder scratch;
  for (const bool is_length : {false, true}) {
    const fs::path run = scratch / (is_length ? "length" : "alloc");
    RunOptions options;
    options.on_progress = [&](const RunProgress& now) {
      if (now.t_env < 200) return;
      if (is_length) throw std::length_error("vector");
      throw std::bad_alloc();
    };
    CHECK(start_run(small_config(), run, options).reason == "out of memory");
    const Manifest manifest = read_manifest(run);
    CHECK(manifest.status == RunStatus::kFailed);
    CHECK(manifest.reason == "out of memory");
    CHECK(resume_run(run, {}).end == RunEnd::kDone);
  }
}

TEST_CASE("a run that nobody runs is interrupted, with the step it would go on from") {
  const ScratchFolder scratch;
  const fs::path run = killed_run(scratch / "run");
  CHECK(status_now(run, read_manifest(run)) == RunStatus::kInterrupted);
  CHECK(steps_saved(run) == 300);
  const RunResult result = read_run_result(run);
  CHECK(result.status == RunStatus::kInterrupted);
  CHECK(result.env_steps == 300);
  CHECK(result.reason == "interrupted at step 300 of 400; `credo resume " + run.string() + "`");
  CHECK(contains(user_error([&] { start_run(small_config(), run, {}); }),
                 "already holds a run, interrupted at step 300 of 400; `credo resume"));
  {
    const DirectoryLock held(run);
    CHECK(status_now(run, read_manifest(run)) == RunStatus::kRunning);
    CHECK(read_run_result(run).status == RunStatus::kRunning);
  }
  fs::remove_all(run / "checkpoints");
  CHECK(steps_saved(run) == 0);
}

TEST_CASE("after a take-over the old owner's open files lead nowhere") {
  const ScratchFolder scratch;
  const fs::path run = killed_run(scratch / "run");
  // The previous owner, alive on another machine and silent for too long, between a check and a
  // write.
  LockOwner owner = this_owner();
  owner.system = "another boot";
  write_raw(run / ".lock", encode_lock(owner));
  const timespec times[2] = {{1, 0}, {1, 0}};
  REQUIRE(::utimensat(AT_FDCWD, (run / ".lock").c_str(), times, 0) == 0);
  std::vector<int> files;
  for (const char* name : {"metrics.jsonl", "eval_episodes.csv"})
    files.push_back(::open((run / name).c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  const auto resumed = RunDirectory::open(run);
  const auto state = resumed->load_checkpoint();
  resumed->open_streams(state);
  for (const int file : files) {
    CHECK(::write(file, "late\n", 5) == 5);
    ::close(file);
  }
  for (const char* name : {"metrics.jsonl", "eval_episodes.csv"})
    CHECK(!contains(read_text(run / name), "late"));
  CHECK(fs::file_size(run / "metrics.jsonl") == state->metrics_bytes);
}

TEST_CASE("a take-over drops unfinished files of the run and nobody else's") {
  const ScratchFolder scratch;
  const fs::path run = killed_run(scratch / "run");
  LockOwner dead = this_owner();
  ++dead.started;
  write_raw(run / ".lock", encode_lock(dead));
  for (const char* name : {"manifest.json.tmp", "checkpoints/latest.tmp",
                           "checkpoints/step_400.state.tmp", "notes.tmp", "checkpoints/mine.tmp"})
    write_raw(run / name, "x");
  RunDirectory::open(run);
  for (const char* name :
       {"manifest.json.tmp", "checkpoints/latest.tmp", "checkpoints/step_400.state.tmp"})
    CHECK(!fs::exists(run / name));
  for (const char* name : {"notes.tmp", "checkpoints/mine.tmp"}) CHECK(fs::exists(run / name));
}
