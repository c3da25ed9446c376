#include "suite/run/rerun.hpp"

#include <doctest/doctest.h>

#include "tests/suite/support.hpp"

using namespace credo::suite;
using namespace credo::suite::testing;

TEST_CASE("runs to repeat are spread over all, or those that match") {
  const ScratchFolder scratch;
  std::vector<std::filesystem::path> folders;
  for (const char* env : {"matrix/climbing", "two_step"})
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
      RunRequest request;
      request.env = env;
      request.algorithm = "random";
      request.seed = seed;
      folders.push_back(scratch / std::to_string(folders.size()));
      start_run(RunConfig::resolve(request), folders.back(), {});
    }
  const auto runs = finished_runs(folders);
  REQUIRE(runs.size() == 6);
  CHECK(runs[4].cell() == "two_step/random/seed_1");
  const auto cells = [&](const std::vector<std::string>& choices) {
    std::vector<std::filesystem::path> chosen;
    for (const RecordedRun& run : choose_runs(runs, choices)) chosen.push_back(run.folder);
    return chosen;
  };
  using Folders = std::vector<std::filesystem::path>;
  CHECK(cells({"1"}) == Folders{folders[0]});
  CHECK(cells({"2"}) == Folders{folders[0], folders[3]});
  CHECK(cells({"3"}) == Folders{folders[0], folders[2], folders[4]});
  CHECK(cells({"100"}) == folders);
  CHECK(cells({"seed_2", "two_step/random/seed_1", "seed_2"}) ==
        Folders{folders[2], folders[4], folders[5]});
  CHECK(cells({"1", "two_step"}) == Folders{folders[0], folders[3], folders[4], folders[5]});
  CHECK(contains(user_error([&] { choose_runs(runs, {"0"}); }), "at least 1"));
  CHECK(contains(user_error([&] { choose_runs(runs, {"-3"}); }), "at least 1"));
  CHECK(contains(user_error([&] { choose_runs(runs, {"qmix"}); }), "matches none of the 6"));
  CHECK(contains(user_error([&] { choose_runs({}, {"2"}); }), "no finished runs here"));

  const RerunOutcome same = rerun(runs[1], scratch / "again", {});
  CHECK(same.end == RunEnd::kDone);
  CHECK(same.n_files == 3);
  CHECK(same.differences.empty());
}

TEST_CASE("records of runs give back the configuration of each") {
  const ScratchFolder scratch;
  std::vector<std::filesystem::path> folders;
  for (const auto& [algorithm, rate] : {std::pair{"vdn", "0.001"}, std::pair{"qmix", "5e-4"}})
    for (const std::uint64_t seed : {std::uint64_t{3}, std::uint64_t{4294967297}}) {
      RunRequest request;
      request.env = "two_step";
      request.algorithm = algorithm;
      request.seed = seed;
      request.t_max = 100;
      request.sets = {std::string("optimizer.lr=") + rate, "evaluation.episodes=2"};
      folders.push_back(scratch / std::to_string(folders.size()));
      start_run(RunConfig::resolve(request), folders.back(), {});
    }
  const auto runs = finished_runs(folders);
  std::vector<const RecordedRun*> all;
  for (const RecordedRun& run : runs) all.push_back(&run);
  write_raw(scratch / "runs.json", run_records_json(all));
  const auto read = read_run_records(scratch.path());
  REQUIRE(read.size() == runs.size());
  for (std::size_t i = 0; i < runs.size(); ++i) {
    CHECK(read[i].cell() == runs[i].cell());
    CHECK(read[i].env == "two_step");
    CHECK(read[i].algorithm == runs[i].algorithm);
    CHECK(read[i].sha256 == runs[i].sha256);
    CHECK(RunConfig::from_toml(read[i].config, "").to_toml() == runs[i].config);
  }
  CHECK(read_run_records(scratch / "0").empty());
  const RerunOutcome again = rerun(read[2], scratch / "again", {});
  CHECK(again.n_files == static_cast<int>(runs[2].sha256.size()));
  CHECK(again.differences.empty());
}
