// Shards, parts and tables alone come to the same results as one whole run.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "suite/files.hpp"
#include "suite/publish.hpp"
#include "suite/suite_run.hpp"
#include "tests/suite/support.hpp"

using namespace credo::suite;
using credo::suite::testing::contains;
using credo::suite::testing::ScratchFolder;
using credo::suite::testing::user_error;
using credo::suite::testing::write_raw;

namespace {

namespace fs = std::filesystem;

constexpr const char* kSuite = R"(
algs = ["random", "vdn", "qmix"]
envs = ["two_step", "matrix/climbing"]
seeds = "0-1"
run.t_max = 40
learner.batch_size = 4
agent.hidden_dim = 5
evaluation.interval = 20
evaluation.episodes = 2
[alg."vdn".sweep]
"learner.gamma" = [0.5, 0.9]
)";

SuiteOutcome run(const fs::path& out, const PlanOptions& options = {}, bool allow_mixed = false) {
  const SuiteSpec spec = parse_suite(kSuite, "test.toml", "test");
  Progress progress(ProgressMode::kNone);
  return run_suite(spec, make_plan(spec, options), {.out = out, .allow_mixed = allow_mixed},
                   progress);
}

PlanOptions shard(std::size_t index, std::size_t count) {
  PlanOptions options;
  options.shard = {index, count};
  return options;
}

void check_same(const fs::path& a, const fs::path& b) {
  for (const char* name : {"plan.csv", "results.csv", "curves.csv", "tables.md"}) {
    CAPTURE(name);
    CHECK(read_text(a / name) == read_text(b / name));
  }
}

// Everything but the runs, as kept in a repository.
void publish_copy(const fs::path& from, const fs::path& to) {
  const ResultSet set = load_results({from}, {});
  fs::create_directories(to);
  publish(to, parse_plan_csv(read_text(from / "plan.csv"), "plan.csv"), set, make_report(set),
          {.suite = "test", .status = publish_status(set)});
}

}  // namespace

TEST_CASE("shards in one folder, and shards merged, are one whole run") {
  const ScratchFolder scratch;
  run(scratch / "whole");
  for (const std::size_t i : {std::size_t{2}, std::size_t{0}, std::size_t{1}}) {
    run(scratch / "shared", shard(i, 3));
    run(scratch / fmt::format("shard{}", i), shard(i, 3));
  }
  check_same(scratch / "whole", scratch / "shared");

  const std::vector<fs::path> shards = {scratch / "shard0", scratch / "shard1", scratch / "shard2"};
  const ResultSet merged = load_results(shards, {});
  CHECK(merged.suite == "test");
  CHECK(results_csv(merged) == read_text(scratch / "whole" / "results.csv"));
  CHECK(curves_csv(merged) == read_text(scratch / "whole" / "curves.csv"));
  CHECK(results_csv(load_results({scratch / "whole", scratch / "shard1"}, {})) ==
        results_csv(merged));
  CHECK(merged.of("two_step", "vdn@learner.gamma=0.5").empty());
  CHECK(merged.of("two_step", "vdn@gamma=0.5").size() == 2);
}

TEST_CASE("tables alone hold what the runs hold") {
  const ScratchFolder scratch;
  run(scratch / "whole");
  publish_copy(scratch / "whole", scratch / "compact");
  publish_copy(scratch / "compact", scratch / "again");
  check_same(scratch / "whole", scratch / "compact");
  check_same(scratch / "whole", scratch / "again");
  const ResultSet set = load_results({scratch / "compact"}, {});
  CHECK(set.runs.front().folder.empty());
  CHECK(read_episodes(set.runs.front()).empty());
  CHECK(set.of("two_step", "qmix").front()->final->credits.size() == 2);

  write_raw(scratch / "compact" / "results.csv", "task,algorithm\n");
  CHECK(contains(user_error([&] { load_results({scratch / "compact"}, {.verify = false}); }),
                 "no column"));
}

TEST_CASE("different programs and settings are not mixed unless asked") {
  const ScratchFolder scratch;
  PlanOptions first;
  first.seeds = std::vector<std::uint64_t>{0};
  first.only = {"two_step/qmix"};
  run(scratch / "a", first);
  PlanOptions other = first;
  other.seeds = std::vector<std::uint64_t>{1};
  other.sets = {"learner.td_lambda=0.3"};
  CHECK(contains(user_error([&] { run(scratch / "a", other); }), "another configuration"));
  CHECK(run(scratch / "a", other, true).n_done == 1);
  CHECK(contains(user_error([&] { load_results({scratch / "a"}, {}); }), "different settings"));
  CHECK(load_results({scratch / "a"}, {.allow_mixed = true}).runs.size() == 2);

  run(scratch / "b", first);
  const fs::path path = scratch / "b" / "runs" / "two_step" / "qmix" / "seed_0" / "manifest.json";
  std::string manifest = read_text(path);
  const std::size_t at = manifest.find("\"commit\": \"");
  manifest.insert(at + 11, "other-");
  write_file(path, manifest);
  other.sets.clear();
  CHECK(contains(user_error([&] { run(scratch / "b", other); }), "another program"));
  run(scratch / "c", other);
  CHECK(contains(user_error([&] {
                   load_results({scratch / "b", scratch / "c"}, {});
                 }),
                 "different programs"));
  CHECK(load_results({scratch / "b", scratch / "c"}, {.allow_mixed = true}).runs.size() == 2);
}

TEST_CASE("a run that is there twice counts once, unless the results differ") {
  const ScratchFolder scratch;
  PlanOptions part;
  part.only = {"two_step/qmix/seed_0"};
  run(scratch / "a", part);
  run(scratch / "b", part);
  CHECK(load_results({scratch / "a", scratch / "b"}, {}).runs.size() == 1);
  const fs::path metrics =
      scratch / "b" / "runs" / "two_step" / "qmix" / "seed_0" / "metrics.jsonl";
  std::string text = read_text(metrics);
  const std::size_t at = text.rfind("\"test_return_mean\":") + 19;
  text = text.substr(0, at) + '1' + text.substr(at);
  write_file(metrics, text);
  CHECK(contains(user_error([&] {
                   load_results({scratch / "a", scratch / "b"}, {.verify = false});
                 }),
                 "twice with different results"));
}
