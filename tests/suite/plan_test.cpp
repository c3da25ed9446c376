#include "suite/plan/plan.hpp"

#include <doctest/doctest.h>

#include "suite/run/runner.hpp"
#include "tests/suite/support.hpp"

using namespace credo::suite;
using namespace credo::suite::testing;

namespace {

constexpr const char* kSuite =
    "help = \"a test\"\nprofile = \"fast\"\nseeds = \"0-1\"\nalgs = [\"random\", \"vdn\"]\n"
    "envs = [\"two_step\", \"switch/2\"]\nrun.t_max = 10\n[when.\"switch/*\"]\nrun.t_max = 20\n";

std::string error_of(const std::string& text) {
  return user_error([&] { parse_suite(text, "s.toml", "s"); });
}

std::size_t count(const std::string& only) {
  PlanOptions options;
  options.only = {only};
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

TEST_CASE("scripts and open-loop plans are rows of a suite") {
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

namespace {

constexpr const char* kSweep = R"(
algs = ["random", "vdn", "qmix_gre"]
envs = ["two_step", "predator_prey/5x5"]
seeds = "0-1"
run.t_max = 1000

[when."two_step"]
algs = ["vdn"]

[when."predator_prey/*"]
seeds = "0"

[when."predator_prey/*".sweep]
"env.penalty" = [0, -0.5]
"exploration.epsilon_anneal_steps" = [50, 100]

[alg."qmix_gre"]
learner.gamma = 0.9

[alg."qmix_gre".sweep]
"gre.lambda" = [0.001, 0.1]
)";

std::vector<std::string> names_of(const std::vector<Cell>& cells) {
  std::vector<std::string> names;
  for (const Cell& cell : cells) names.push_back(cell.name);
  return names;
}

}  // namespace

TEST_CASE("a sweep is a cross product whose values are in the names, folders and settings") {
  const SuiteSpec spec = parse_suite(kSweep, "s.toml", "s");
  const auto cells = make_plan(spec, {});
  // two_step: vdn x 2 seeds; predator_prey: 4 variants x (random, vdn, qmix_gre x 2 lambdas).
  REQUIRE(cells.size() == 2 + 4 * 4);
  CHECK(spec.n_cells() == cells.size());
  CHECK(cells[1].name == "two_step/vdn/seed_1");
  const Cell& cell = cells[2 + 4 + 3];
  CHECK(cell.names.task == "predator_prey/5x5@penalty=0@epsilon_anneal_steps=100");
  CHECK(cell.names.algorithm == "qmix_gre@lambda=0.1");
  CHECK(cell.folder ==
        "runs/predator_prey/5x5@penalty=0@epsilon_anneal_steps=100/"
        "qmix_gre@lambda=0.1/seed_0");
  CHECK(cell.config.env_params().real("penalty") == 0.0);
  CHECK(cell.config.train_params().integer("exploration.epsilon_anneal_steps") == 100);
  CHECK(cell.config.train_params().real("gre.lambda") == 0.1);
  CHECK(cell.config.train_params().real("learner.gamma") == 0.9);
  CHECK(cells[2 + 4 + 1].config.train_params().real("learner.gamma") == 0.99);
  CHECK(cells.back().config.env_params().real("penalty") == -0.5);
  CHECK(cells.back().task_rank == 4);
  CHECK(cells.back().algorithm_rank == 3);
}

TEST_CASE("variants that differ in nothing that matters to an algorithm are one") {
  const std::string head = "envs = [\"two_step\"]\nseeds = \"0\"\n";
  const auto names = [&](const std::string& algorithms, const std::string& sweep) {
    return names_of(
        make_plan(parse_suite(head + "algs = " + algorithms + "\n" + sweep, "s.toml", "s"), {}));
  };
  using Names = std::vector<std::string>;
  CHECK(names("[\"qmix\", \"qmix_gre\"]", "[alg.\"qmix*\".sweep]\n\"gre.lambda\" = [0.1, 0.2]\n") ==
        Names{"two_step/qmix/seed_0", "two_step/qmix_gre@lambda=0.1/seed_0",
              "two_step/qmix_gre@lambda=0.2/seed_0"});
  // It may depend on what else is swept.
  CHECK(names("[\"vdn\"]",
              "[alg.\"vdn\".sweep]\n\"optimizer.type\" = [\"rmsprop\", \"adam\"]\n"
              "\"optimizer.adam_beta1\" = [0.8, 0.9]\n") ==
        Names{"two_step/vdn@type=rmsprop/seed_0", "two_step/vdn@type=adam@adam_beta1=0.8/seed_0",
              "two_step/vdn@type=adam@adam_beta1=0.9/seed_0"});
  const auto error = [&](const std::string& algorithms, const std::string& sweep) {
    return user_error([&] { names(algorithms, sweep); });
  };
  CHECK(contains(error("[\"vdn\"]", "[alg.\"vdn\".sweep]\n\"gre.lambda\" = [0.1, 0.2]\n"),
                 "s.toml:5: the sweep over gre.lambda has no effect on any algorithm it is for: it "
                 "needs gre.enabled = true"));
  CHECK(contains(error("[\"qmix_gre\", \"vdn\"]", "[sweep]\n\"gre.lambda\" = [0.1, 0.2]\n"),
                 "s.toml:5: the sweep over gre.lambda makes tasks that are the same for 'vdn'"));
  CHECK(names("[\"qmix_gre\", \"random\"]", "[sweep]\n\"gre.lambda\" = [0.1, 0.2]\n").size() == 4);
}

TEST_CASE("a set is for the cells on which it has an effect, and there must be some") {
  const auto plan = [](const std::string& set) {
    PlanOptions options;
    options.sets = {set};
    return make_plan(parse_suite(kSuite, "s.toml", "s"), options);
  };
  CHECK(plan("learner.gamma=0.5").size() == 8);
  CHECK(plan("learner.gamma=0.5")[0].config.id() ==
        make_plan(parse_suite(kSuite, "s.toml", "s"), {})[0].config.id());
  CHECK(contains(user_error([&] { plan("gre.lambda=5"); }),
                 "--set gre.lambda=5 has no effect on any cell of the suite: it needs"));
  // A part of the plan is not asked on its own: an array's element has the options of the whole.
  PlanOptions options;
  options.sets = {"learner.gamma=0.5"};
  options.only = {"random"};
  options.t_max = 5;
  CHECK(make_plan(parse_suite(kSuite, "s.toml", "s"), options).size() == 4);
}

TEST_CASE("parts of a sweep are chosen with and without the swept values") {
  const SuiteSpec spec = parse_suite(kSweep, "s.toml", "s");
  const auto count = [&](std::vector<std::string> only) {
    PlanOptions options;
    options.only = std::move(only);
    return make_plan(spec, options).size();
  };
  CHECK(count({"predator_prey/5x5"}) == 16);
  CHECK(count({"*@penalty=-0.5@*"}) == 8);
  CHECK(count({"qmix_gre"}) == 8);
  CHECK(count({"qmix_gre@lambda=0.1"}) == 4);
  CHECK(count({"seed_1"}) == 1);
  CHECK(count({"two_step", "random"}) == 2 + 4);
}

TEST_CASE("shards are disjoint and together the whole plan") {
  const SuiteSpec spec = parse_suite(kSweep, "s.toml", "s");
  const auto whole = names_of(make_plan(spec, {}));
  for (const std::size_t n : {std::size_t{1}, std::size_t{2}, std::size_t{5}, whole.size()}) {
    std::vector<std::string> together(whole.size());
    for (std::size_t i = 0; i < n; ++i) {
      PlanOptions options;
      options.shard = {i, n};
      const auto part = names_of(make_plan(spec, options));
      for (std::size_t k = 0; k < part.size(); ++k) together[k * n + i] = part[k];
    }
    CHECK(together == whole);
  }
  CHECK(parse_shard("--shard", "3/4").index == 3);
  for (const char* bad : {"4/4", "-1/4", "1", "1/0", "a/b", "1/2/3", ""})
    CHECK(contains(user_error([&] { parse_shard("--shard", bad); }), "INDEX/COUNT"));
}

TEST_CASE("seeds are a text or a list, in the suite and in sections") {
  const std::string head = "envs = [\"two_step\"]\nalgs = [\"vdn\", \"iql\"]\n";
  using Seeds = std::vector<std::uint64_t>;
  CHECK(parse_suite(head + "seeds = [0, 1]\n", "s.toml", "s").seeds == Seeds{0, 1});
  CHECK(parse_suite(head + "seeds = [\"0-2\", 7]\n", "s.toml", "s").seeds == Seeds{0, 1, 2, 7});
  const SuiteSpec spec =
      parse_suite(head + "seeds = \"0-1\"\n[alg.\"iql\"]\nseeds = [5]\n", "s.toml", "s");
  CHECK(spec.seeds_for("two_step", "vdn") == Seeds{0, 1});
  CHECK(spec.seeds_for("two_step", "iql") == Seeds{5});
  CHECK(contains(error_of(head + "seeds = [0, 0]\n"), "s.toml:3: seeds = '0,0': seed 0 appears"));
  CHECK(contains(error_of(head + "seeds = [1.5]\n"), "'1.5' is not a seed"));
  CHECK(contains(error_of(head + "seeds = []\n"), "s.toml:3: seeds"));
  CHECK(contains(error_of(head + "seeds = 3\n"), "s.toml:3: seeds = 3: write [3], or \"0-4\""));
}

TEST_CASE("a sweep in a section of algorithms names the algorithm, be it all of them") {
  const auto names = [](const std::string& section) {
    std::vector<std::string> found;
    for (const Cell& cell : make_plan(parse_suite("envs = [\"two_step\"]\nseeds = [0]\n"
                                                  "algs = [\"vdn\", \"iql\"]\n" +
                                                      section + "\"optimizer.lr\" = [0.1, 0.2]\n",
                                                  "s.toml", "s"),
                                      {}))
      found.push_back(cell.name);
    return found;
  };
  const std::vector<std::string> of_algorithm = {
      "two_step/vdn@lr=0.1/seed_0", "two_step/vdn@lr=0.2/seed_0", "two_step/iql@lr=0.1/seed_0",
      "two_step/iql@lr=0.2/seed_0"};
  CHECK(names("[alg.\"*\".sweep]\n") == of_algorithm);
  CHECK(names("[when.\"two*\".alg.\"*\".sweep]\n") == of_algorithm);
  CHECK(names("[sweep]\n").front() == "two_step@lr=0.1/vdn/seed_0");
  const std::string head = "envs = [\"two_step\"]\nalgs = [\"vdn\"]\nseeds = [0]\n";
  CHECK(contains(error_of(head + "[alg.\"*\"]\nalgs = [\"iql\"]\n"), "s.toml:5: unknown list"));
  const auto cells =
      make_plan(parse_suite(head + "[alg.\"*\"]\nrun.t_max = 7\n", "s.toml", "s"), {});
  CHECK(budget(cells.front().config) == 7);
}

TEST_CASE("mistakes in sweeps and sections name file and line") {
  const std::string head = "algs = [\"vdn\"]\nenvs = [\"two_step\"]\n";
  CHECK(contains(error_of(head + "[sweep]\n\"learner.gamma\" = 0.5\n"), "s.toml:4: sweep.learner"));
  CHECK(contains(error_of(head + "[sweep]\n\"learner.gamma\" = []\n"), "s.toml:4"));
  CHECK(contains(error_of(head + "[sweep]\n\"learner.gamma\" = [0.5, 0.5]\n"), "appears twice"));
  CHECK(contains(error_of(head + "[sweep]\n\"learner.gamma\" = [[1]]\n"), "may only hold"));
  CHECK(contains(error_of(head + "[alg.\"vdm\"]\nlearner.gamma = 1\n"), "no algorithm matches"));
  CHECK(contains(error_of(head + "[when.\"two_step\"]\nenvs = [\"two_step\"]\n"), "unknown list"));
  const auto plan_error = [&](const std::string& tail, const PlanOptions& options = {}) {
    return user_error([&] { make_plan(parse_suite(head + tail, "s.toml", "s"), options); });
  };
  CHECK(contains(plan_error("[sweep]\n\"learner.gama\" = [0.5]\n"), "s.toml:4: unknown key"));
  CHECK(contains(plan_error("[sweep]\n\"learner.gamma\" = [0.5]\n[when.\"two*\".sweep]\n"
                            "\"learner.gamma\" = [0.6]\n"),
                 "swept twice"));
  PlanOptions options;
  options.sets = {"learner.gamma=0.5"};
  CHECK(contains(plan_error("[sweep]\n\"learner.gamma\" = [0.6]\n", options), "sweeps this"));
}
