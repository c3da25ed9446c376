#include "suite/plan.hpp"

#include <doctest/doctest.h>

#include "suite/runner.hpp"
#include "tests/suite/support.hpp"

using namespace credo::suite;
using credo::suite::testing::contains;
using credo::suite::testing::user_error;

namespace {

constexpr const char* kSuite =
    "help = \"a test\"\nprofile = \"fast\"\nseeds = \"0-1\"\nalgs = [\"random\", \"vdn\"]\n"
    "envs = [\"two_step\", \"switch/2\"]\nrun.t_max = 10\n[when.\"switch/*\"]\nrun.t_max = 20\n";

std::string error_of(const std::string& text) {
  return user_error([&] { parse_suite(text, "s.toml", "s"); });
}

std::size_t count(const std::string& only) {
  PlanOptions options;
  options.only = only;
  return make_plan(parse_suite(kSuite, "s.toml", "s"), options).size();
}

}  // namespace

TEST_CASE("a plan is environments by algorithms by seeds, in that order") {
  const auto cells = make_plan(parse_suite(kSuite, "s.toml", "s"), {});
  REQUIRE(cells.size() == 8);
  CHECK(cells[0].name == "two_step/random/seed_0");
  CHECK(cells[3].name == "two_step/vdn/seed_1");
  CHECK(cells[7].name == "switch/2/vdn/seed_1");
  CHECK(cells[7].folder == "runs/switch/2/vdn/seed_1");
  CHECK(cells[0].config.profile() == "fast");
  CHECK(budget(cells[0].config) == 0);
  CHECK(budget(cells[3].config) == 10);
  CHECK(budget(cells[7].config) == 20);
}

TEST_CASE("scripts and blind plans are rows of a suite") {
  const std::string text =
      "algs = [\"scripted:focus\", \"open_loop\"]\nenvs = [\"skirmish/3m\"]\n"
      "open_loop.budget = 1000\n";
  const auto cells = make_plan(parse_suite(text, "s.toml", "s"), {});
  REQUIRE(cells.size() == 6);
  CHECK(cells[0].config.algorithm() == "scripted:focus");
  CHECK(budget(cells[0].config) == 0);
  CHECK(budget(cells[3].config) == 1000);
  CHECK(contains(cells[3].config.to_toml(), "[open_loop]\nbudget = 1000\n"));
  CHECK(!contains(cells[0].config.to_toml(), "open_loop.budget"));
  const std::string misspelt = "algs = [\"scripted:fcus\"]\nenvs = [\"skirmish/3m\"]\n";
  CHECK(contains(user_error([&] { make_plan(parse_suite(misspelt, "s.toml", "s"), {}); }),
                 "did you mean 'scripted:focus'?"));
  PlanOptions options;
  options.sets = {"open_loop.budget=59"};
  CHECK(contains(user_error([&] { make_plan(parse_suite(text, "s.toml", "s"), options); }),
                 "open_loop.budget = '59'"));
}

TEST_CASE("parts of a plan") {
  CHECK(count("two_step") == 4);
  CHECK(count("vdn") == 4);
  CHECK(count("switch/*") == 4);
  CHECK(count("switch/2/vdn") == 2);
  CHECK(count("*/seed_1") == 4);
  CHECK(count("switch/2/random/seed_0") == 1);
  CHECK(contains(user_error([] { count("nothing"); }), "--only 'nothing' leaves no cell"));
  PlanOptions options;
  options.seeds = std::vector<std::uint64_t>{5};
  options.sets = {"learner.gamma=0.5"};
  options.t_max = 77;
  const auto cells = make_plan(parse_suite(kSuite, "s.toml", "s"), options);
  CHECK(cells.size() == 4);
  CHECK(cells[1].config.seed() == 5);
  CHECK(budget(cells[1].config) == 77);
  CHECK(cells[1].config.train_params().real("learner.gamma") == 0.5);
}

TEST_CASE("mistakes in a suite name file and line") {
  CHECK(contains(error_of("algs = [\"vdn\"]\nenvs = [\"two_stp\"]\n"), "s.toml:2: unknown env"));
  CHECK(contains(error_of("algs = [\"vdm\"]\nenvs = [\"two_step\"]\n"), "did you mean 'vdn'?"));
  CHECK(contains(error_of("algs = [\"vdn\", \"vdn\"]\nenvs = [\"two_step\"]\n"), "appears twice"));
  CHECK(contains(error_of("algs = [\"vdn\"]\n"), "needs the lists envs and algs"));
  CHECK(contains(error_of("alg = [\"vdn\"]\n"), "s.toml:1: unknown list 'alg'"));
  CHECK(contains(error_of("algs = [1]\n"), "s.toml:1: algs: a list may only hold strings"));
  CHECK(contains(error_of("algs = [\"vdn\"]\nenvs = [\"two_step\"]\nseeds = \"3-1\"\n"),
                 "s.toml:3: seeds"));
  CHECK(contains(error_of("profile = 3\n"), "s.toml:1: profile"));
  const std::string bad_key = "algs = [\"vdn\"]\nenvs = [\"two_step\"]\n[learner]\ngama = 1\n";
  CHECK(contains(user_error([&] { make_plan(parse_suite(bad_key, "s.toml", "s"), {}); }),
                 "s.toml:4: unknown key 'learner.gama'"));
  const std::string no_script = "algs = [\"scripted\"]\nenvs = [\"matrix/qtran\"]\n";
  CHECK_NOTHROW(parse_suite(no_script, "s.toml", "s"));
}
