// Shards, parts and tables alone come to the same results as one whole run.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "suite/batch/publish.hpp"
#include "suite/batch/suite_run.hpp"
#include "suite/common/files.hpp"
#include "suite/common/hashing.hpp"
#include "suite/results/training_results.hpp"
#include "tests/suite/support.hpp"

using namespace credo::suite;
using namespace credo::suite::testing;

namespace {

namespace fs = std::filesystem;

const std::string kSuite = std::string(kTinyRuns) + R"(
algs = ["random", "vdn", "qmix"]
envs = ["two_step", "matrix/climbing"]
run.t_max = 40
run.log_interval = 5
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
  for (const char* name : {"plan.csv", "results.csv", "curves.csv", "training.csv", "tables.md"}) {
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
  CHECK(training_csv(merged) == read_text(scratch / "whole" / "training.csv"));
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

TEST_CASE("a run that is there twice counts once, unless anything of its results differs") {
  const ScratchFolder scratch;
  PlanOptions part;
  part.only = {"two_step/qmix/seed_0"};
  run(scratch / "a", part);
  run(scratch / "b", part);
  publish_copy(scratch / "a", scratch / "tables");
  CHECK(load_results({scratch / "a", scratch / "b"}, {}).runs.size() == 1);
  CHECK(load_results({scratch / "tables", scratch / "a"}, {}).runs.size() == 1);
  const fs::path metrics =
      scratch / "b" / "runs" / "two_step" / "qmix" / "seed_0" / "metrics.jsonl";
  const std::string text = read_text(metrics);
  const auto refuses = [&](const std::string& changed) {
    write_file(metrics, changed);
    for (const char* other : {"a", "tables"})
      for (const bool is_first : {true, false}) {
        const fs::path x = scratch / (is_first ? "b" : other);
        const fs::path y = scratch / (is_first ? other : "b");
        if (!contains(user_error([&] {
                        load_results({x, y}, {.verify = false});
                      }),
                      "twice with different results"))
          return false;
      }
    return true;
  };
  // A digit before the value of one metric in one event, all others as they were.
  const auto with_digit = [&](std::string_view event, std::string_view metric) {
    const std::size_t line = text.find(fmt::format("\"event\":\"{}\"", event));
    const std::size_t at = text.find(fmt::format("\"{}\":", metric), line) + metric.size() + 3;
    return text.substr(0, at) + '1' + text.substr(at);
  };
  for (const char* event : {"eval", "final", "absolute"}) {
    CAPTURE(event);
    CHECK(refuses(with_digit(event, "test_return_mean")));
  }
  for (const char* metric :
       {"test_return_std", "test_ep_length_mean", "entropy_mean", "credit_1"}) {
    CAPTURE(metric);
    CHECK(refuses(with_digit("final", metric)));
    CHECK(refuses(with_digit("eval", metric)));
  }
  CHECK(refuses(text.substr(text.find('\n') + 1)));  // without the first evaluation
  write_file(metrics, text);
  CHECK(load_results({scratch / "a", scratch / "b"}, {}).runs.size() == 1);
}

TEST_CASE("a run of an environment or algorithm that this program lacks is read all the same") {
  const ScratchFolder scratch;
  PlanOptions part;
  part.only = {"two_step/qmix/*"};
  run(scratch / "a", part);
  const ResultSet here = load_results({scratch / "a"}, {});
  CHECK(here.unknown_names().empty());
  const std::pair<std::string, std::string> names[] = {{"two_step", "my_game/7"},
                                                       {"qmix", "my_alg"}};
  for (const auto& name : names) {
    const std::string& old_name = name.first;
    const std::string& new_name = name.second;
    CAPTURE(new_name);
    for (const int seed : {0, 1}) {
      const fs::path from =
          scratch / "a" / "runs" / "two_step" / "qmix" / fmt::format("seed_{}", seed);
      const fs::path to = scratch / new_name.substr(0, 6) / fmt::format("seed_{}", seed);
      fs::create_directories(to.parent_path());
      fs::copy(from, to, fs::copy_options::recursive);
      const auto replace = [&](std::string text) {
        for (std::size_t at = 0; (at = text.find('"' + old_name + '"', at)) != std::string::npos;)
          text.replace(at + 1, old_name.size(), new_name);
        return text;
      };
      const std::string config = replace(read_text(to / "config.toml"));
      write_file(to / "config.toml", config);
      std::string manifest = replace(read_text(to / "manifest.json"));
      const std::string run_id = sha256_hex_of_file(from / "config.toml");
      for (std::size_t at = 0; (at = manifest.find(run_id, at)) != std::string::npos;)
        manifest.replace(at, run_id.size(), sha256_hex(config));
      write_file(to / "manifest.json", manifest);
    }
    const ResultSet set = load_results({scratch / new_name.substr(0, 6)}, {});
    REQUIRE(set.runs.size() == 2);
    CHECK(set.unknown_names().size() == 1);
    CHECK(contains(set.unknown_names().front(), new_name));
    for (std::size_t i = 0; i < 2; ++i) {
      CHECK(set.runs[i].evaluations == here.runs[i].evaluations);
      CHECK(set.runs[i].final == here.runs[i].final);
      CHECK(set.runs[i].absolute == here.runs[i].absolute);
      CHECK(set.runs[i].t_max == 40);
      CHECK(set.runs[i].settings_id == set.runs[0].settings_id);
    }
    CHECK(!set.runs[0].env_settings.empty());
    CHECK(make_report(set).rows.size() == 1);
    CHECK(load_results({scratch / "a", scratch / new_name.substr(0, 6)}, {}).runs.size() == 4);
  }
}
