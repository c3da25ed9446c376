#include "suite/batch/suite_run.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "suite/results/marl_eval.hpp"
#include "suite/run/directory_lock.hpp"
#include "suite/run/run_directory.hpp"
#include "tests/suite/support.hpp"

using namespace credo::suite;
using namespace credo::suite::testing;

namespace {

// QMIX on two_step diverges at once: with this learning rate its products of weights overflow.
const std::string kSuite = std::string(kTinyRuns) + R"(
algs = ["random", "noop", "vdn", "qmix"]
envs = ["matrix/climbing", "two_step"]
run.t_max = 60
run.log_interval = 5
[when."two_step"]
optimizer.lr = 1e12
)";

SuiteOutcome run(const std::filesystem::path& out, int jobs, const std::string& only = "") {
  const SuiteSpec spec = parse_suite(kSuite, "test.toml", "test");
  PlanOptions options;
  if (!only.empty()) options.only = {only};
  Progress progress(ProgressMode::kNone);
  return run_suite(spec, make_plan(spec, options), {.out = out, .jobs = jobs, .command = "test"},
                   progress);
}

}  // namespace

TEST_CASE("a suite ends in the same tables for every number of jobs") {
  const ScratchFolder scratch;
  const SuiteOutcome one = run(scratch / "one", 1);
  const SuiteOutcome four = run(scratch / "four", 4);
  CHECK(one.tables == four.tables);
  for (const char* name : {"results.csv", "curves.csv", "training.csv", "tables.md"})
    CHECK(read_text(scratch / "one" / name) == read_text(scratch / "four" / name));
  CHECK(one.set.runs.size() == 16);
  CHECK(!one.stopped);
}

TEST_CASE("a cell that diverges does not stop the others") {
  const ScratchFolder scratch;
  const SuiteOutcome outcome = run(scratch.path(), 2);
  CHECK(outcome.n_done == 14);
  CHECK(outcome.n_failed == 2);
  for (const RunResult& result : outcome.set.runs) {
    const bool is_absurd = result.env == "two_step" && result.names.algorithm == "qmix";
    const RunStatus status = is_absurd ? RunStatus::kDiverged : RunStatus::kDone;
    CHECK(result.status == status);
    CHECK(result.final.has_value() == !is_absurd);
    CHECK(result.absolute.has_value() == !is_absurd);
    CHECK(result.reason.empty() == !is_absurd);
  }
  CHECK(contains(outcome.tables, "0/2 done, 2 diverged"));
}

TEST_CASE("finished cells are not run again") {
  const ScratchFolder scratch;
  run(scratch.path(), 2, "matrix/*");
  const auto manifest =
      scratch / "runs" / "matrix" / "climbing" / "vdn" / "seed_0" / "manifest.json";
  const std::string before = read_text(manifest);
  const SuiteOutcome whole = run(scratch.path(), 2);
  CHECK(read_text(manifest) == before);
  CHECK(whole.n_done == 14);
}

TEST_CASE("what a process left that was killed right after its last write is tidied up") {
  const ScratchFolder scratch;
  const std::string only = "two_step/vdn";
  const auto folder = scratch / "runs" / "two_step" / "vdn" / "seed_0";
  run(scratch.path(), 1, only);
  const auto files_now = [&] {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
      files.push_back(entry.path().string());
    std::sort(files.begin(), files.end());
    return files;
  };
  const auto files = files_now();
  const auto checkpoint = list_checkpoints(folder).back();
  LockOwner dead = this_owner();
  ++dead.started;
  for (const char* left : {".lock", ".lock.0123456789abcdef.tmp"}) {
    write_raw(checkpoint.state, "state");
    write_raw(folder / left, encode_lock(dead));
    run(scratch.path(), 1, only);
    CHECK(files_now() == files);
  }
  // Somebody who lives may still be at it.
  LockOwner alive = this_owner();
  alive.host = "node7";
  alive.system = "another boot";
  write_raw(checkpoint.state, "state");
  write_raw(folder / ".lock", encode_lock(alive));
  CHECK(run(scratch.path(), 1, only).n_done == 2);
  CHECK(files_now().size() == files.size() + 2);
}

TEST_CASE("folders of something else are refused") {
  const ScratchFolder scratch;
  write_raw(scratch / "manifest.json", R"({"schema": "credo.suite", "suite": "other"})");
  CHECK(contains(user_error([&] { run(scratch.path(), 1); }), "not of suite 'test'"));
  write_raw(scratch / "manifest.json", R"({"schema": "of something else"})");
  CHECK(contains(user_error([&] { run(scratch.path(), 1); }), "not of suite 'test'"));
  write_raw(scratch / "manifest.json", "precious");
  CHECK(contains(user_error([&] { run(scratch.path(), 1); }), "manifest.json: damaged"));
  CHECK(read_text(scratch / "manifest.json") == "precious");
}

TEST_CASE("a cell whose configuration changed is refused before anything runs") {
  const ScratchFolder scratch;
  run(scratch.path(), 1, "matrix/climbing/vdn");
  const SuiteSpec spec = parse_suite(kSuite, "test.toml", "test");
  PlanOptions options;
  options.sets = {"learner.gamma=0.5"};
  Progress progress(ProgressMode::kNone);
  const auto cells = make_plan(spec, options);
  CHECK(contains(user_error([&] { run_suite(spec, cells, {.out = scratch.path()}, progress); }),
                 "another configuration"));
  CHECK(!holds_run(scratch / "runs" / "two_step" / "random" / "seed_0"));
}

TEST_CASE("reports find the runs of a suite in table order") {
  const ScratchFolder scratch;
  run(scratch.path(), 2);
  const auto rows = summarize(load_results({scratch / "runs"}, {}));
  REQUIRE(rows.size() == 8);
  CHECK(rows[0].task == "matrix/climbing");
  CHECK(rows[0].algorithm == "random");
  CHECK(rows[3].algorithm == "qmix");
  CHECK(rows[7].status == "0/2 done, 2 diverged");
  CHECK(find_runs(scratch / "runs" / "two_step").size() == 8);
}

TEST_CASE(
    "what a suite exports keeps the rules of marl-eval, with ten episodes for one at the end") {
  const ScratchFolder scratch;
  const SuiteOutcome outcome = run(scratch.path(), 2);
  const Export file = marl_eval_json(outcome.set);
  CAPTURE(file.problems.empty() ? "" : file.problems.front());
  CHECK(file.problems.empty());
  CHECK(file.left_out == std::vector<std::string>{"two_step/qmix: seeds 0-1 diverged",
                                                  "two_step/qmix: no finished run on two_step"});
  const auto json = nlohmann::json::parse(file.bytes);
  const auto& run = json["two_step"]["two_step"]["vdn"]["seed_1"];
  CHECK(run["step_0"]["return"].size() == 2);
  CHECK(run["step_3"]["step_count"] == 60);
  CHECK(run["absolute_metrics"]["return"].size() == 20);
}
