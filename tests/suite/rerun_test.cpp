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
  CHECK(runs[4].cell == "two_step/random/seed_1");
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
