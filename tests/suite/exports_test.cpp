// Files for marl-eval and rliable: what is in them, and that what is not is named.
#include <cstring>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "suite/common/files.hpp"
#include "suite/common/npz.hpp"
#include "suite/plan/bounds.hpp"
#include "suite/results/marl_eval.hpp"
#include "suite/results/marl_eval_rules.hpp"
#include "tests/suite/results_support.hpp"
#include "tests/suite/support.hpp"

using namespace credo::suite;
using namespace credo::suite::testing;

namespace {

// Evaluations at these steps; the last is the final one.
void set_curve(RunResult& run, const std::vector<std::int64_t>& t_env) {
  run.evaluations.assign(t_env.size(), *run.final);
  for (std::size_t k = 0; k < t_env.size(); ++k) run.evaluations[k].t_env = t_env[k];
  run.final = run.evaluations.back();
  run.t_max = t_env.back();
}

RunResult learner(const std::string& task, const std::string& algorithm, std::uint64_t seed,
                  const std::vector<std::int64_t>& t_env) {
  RunResult run = made_run(task, algorithm, seed, static_cast<double>(seed));
  set_curve(run, t_env);
  run.absolute = run.final;
  return run;
}

bool mentions(const std::vector<std::string>& texts, std::string_view part) {
  return std::any_of(texts.begin(), texts.end(),
                     [&](const std::string& text) { return contains(text, part); });
}

std::uint64_t number_at(const std::string& bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i)
    value |= std::uint64_t{static_cast<unsigned char>(bytes.at(at + i))} << (8 * i);
  return value;
}

}  // namespace

TEST_CASE("marl-eval: what is written keeps the rules, and what breaks them is named") {
  std::vector<RunResult> runs;
  for (const char* task : {"switch/2", "switch/4"})
    for (const char* algorithm : {"random", "qmix"})
      for (std::uint64_t seed = 0; seed < 3; ++seed) {
        RunResult run = made_run(task, algorithm, seed, static_cast<double>(seed));
        if (run.base_algorithm == "qmix") set_curve(run, {0, 100, 200, 300, 400});
        run.absolute = run.final;
        if (std::string(task) != "switch/4" || seed < 2) runs.push_back(run);
      }
  const Export file = marl_eval_json(made_set(runs));
  CHECK(file.left_out == std::vector<std::string>{
                             "switch: 2 runs of seed 2, which not every task and algorithm has"});
  CHECK(file.problems.empty());
  CHECK(!file.is_whole());
  const std::string& text = file.bytes;
  const auto problems = marl_eval_problems(text);
  CAPTURE(problems.empty() ? "" : problems.front());
  CHECK(problems.empty());
  const auto json = nlohmann::json::parse(text);
  CHECK(json["switch"]["switch/2"]["qmix"].size() == 2);  // seeds both tasks have
  CHECK(json["switch"]["switch/2"]["random"]["seed_0"]["step_4"]["step_count"] == 400);

  const auto breaks = [&](const auto& damage) {
    auto copy = json;
    damage(copy["switch"]);
    return !marl_eval_problems(copy.dump()).empty();
  };
  using Json = nlohmann::json;
  CHECK(breaks([](Json& j) { j["switch/2"].erase("random"); }));
  CHECK(breaks([](Json& j) { j["switch/2"]["qmix"].erase("seed_1"); }));
  CHECK(breaks([](Json& j) { j["switch/2"]["qmix"]["seed_1"].erase("step_4"); }));
  CHECK(breaks([](Json& j) { j["switch/2"]["qmix"]["seed_1"].erase("absolute_metrics"); }));
  CHECK(breaks([](Json& j) { j["switch/2"]["qmix"]["seed_1"]["step_0"]["elapsed_time"] = {1}; }));
  CHECK(breaks([](Json& j) { j["switch/2"]["qmix"]["seed_1"]["step_0"]["return"] = 1; }));
  CHECK(breaks([](Json& j) { j["switch/2"]["QMIX"] = j["switch/2"]["qmix"]; }));
  CHECK(
      breaks([](Json& j) { j["switch/2"]["qmix"]["run_a_b"] = j["switch/2"]["qmix"]["seed_1"]; }));
  const auto run_of = [](Json& j) -> Json& { return j["switch/2"]["qmix"]["seed_1"]; };
  CHECK(breaks([&](Json& j) { run_of(j)["step_1"]["return"] = {1, 2}; }));
  CHECK(breaks([&](Json& j) { run_of(j)["absolute_metrics"]["return"] = {1, 2}; }));
  CHECK(!breaks([&](Json& j) { run_of(j)["absolute_metrics"]["return"] = Json(10, 1.5); }));
  CHECK(breaks([&](Json& j) { run_of(j)["absolute_metrics"]["step_count"] = 400; }));
  CHECK(breaks([&](Json& j) { run_of(j)["absolute_2"] = run_of(j)["absolute_metrics"]; }));
  CHECK(breaks([&](Json& j) { run_of(j)["step_4"]["step_count"] = 10000; }));
  CHECK(breaks([&](Json& j) { run_of(j)["step_2"]["step_count"] = 100; }));
  CHECK(breaks([&](Json& j) { run_of(j)["step_2"]["return"] = {nullptr}; }));
  CHECK(breaks([](Json& j) {
    for (Json& rows : j)
      for (Json& row : rows)
        for (Json& steps : row)
          for (Json& step : steps) step["agents_return"] = {1};
  }));
  CHECK(breaks([](Json& j) {
    for (Json& rows : j)
      for (Json& row : rows) row["1"] = row["seed_1"];
  }));
  CHECK(breaks([](Json& j) {
    for (Json& rows : j) rows["a,b"] = rows["qmix"];
  }));
  CHECK(breaks([](Json& j) {  // another budget, as evenly evaluated
    for (int k = 1; k < 5; ++k)
      j["switch/4"]["qmix"]["seed_1"]["step_" + std::to_string(k)]["step_count"] = 200 * k;
  }));
  CHECK(breaks([](Json& j) { j["SWITCH/2"] = j["switch/2"]; }));
  auto twice = json;
  twice["Switch"] = twice["switch"];
  CHECK(!marl_eval_problems(twice.dump()).empty());
  CHECK(!marl_eval_problems("{\"a\": 1}").empty());
  CHECK(!marl_eval_problems("[").empty());
}

TEST_CASE("marl-eval: every algorithm, family and run that does not fit is named") {
  std::vector<RunResult> runs;
  for (std::uint64_t seed = 0; seed < 2; ++seed) {
    runs.push_back(learner("switch/2", "vdn", seed, {0, 100, 200}));
    runs.push_back(learner("switch/2", "qmix", seed, {0, 100, 200}));
    runs.push_back(learner("switch/4", "vdn", seed, {0, 100, 200}));
    RunResult diverged = learner("two_step", "vdn", seed, {0, 100, 200});
    diverged.status = RunStatus::kDiverged;
    diverged.final.reset();
    diverged.absolute.reset();
    runs.push_back(diverged);
  }
  const Export file = marl_eval_json(made_set(runs));
  CHECK(mentions(file.left_out, "switch/qmix: no finished run on switch/4"));
  CHECK(mentions(file.left_out, "two_step/vdn: seeds 0-1 diverged"));
  CHECK(mentions(file.left_out, "two_step: no seed that finished"));
  CHECK(!file.is_whole());
  CHECK(contains(user_error([&] { marl_eval_json(made_set({runs[3]})); }), "two_step/vdn"));
  // Everything fits: nothing to say.
  const Export whole = marl_eval_json(made_set({runs[0], runs[2], runs[4], runs[6]}));
  CHECK(whole.is_whole());
  CHECK(whole.notes.empty());
}

TEST_CASE("marl-eval: tasks of other budgets are another environment") {
  std::vector<RunResult> runs;
  for (std::uint64_t seed = 0; seed < 2; ++seed) {
    runs.push_back(learner("switch/2", "vdn", seed, {0, 100, 200}));
    runs.push_back(learner("switch/4", "vdn", seed, {0, 200, 400}));
    for (const char* task : {"switch/2", "switch/4"}) {
      runs.push_back(made_run(task, "random", seed, 0.0));
      runs.back().absolute = runs.back().final;
    }
  }
  const Export file = marl_eval_json(made_set(runs));
  CHECK(file.is_whole());
  const auto json = nlohmann::json::parse(file.bytes);
  CHECK(json.size() == 2);
  CHECK(json["switch-200"]["switch/2"].size() == 2);
  CHECK(json["switch-400"]["switch/4"]["random"]["seed_1"]["step_2"]["step_count"] == 400);
}

TEST_CASE("marl-eval: a final evaluation off the grid is no step, and steps stay even") {
  const Export file =
      marl_eval_json(made_set({learner("switch/2", "vdn", 0, {0, 300, 600, 900, 1000})}));
  CHECK(file.is_whole());
  CHECK(mentions(file.notes, "switch: the final evaluation of 1 run is no step"));
  const auto run = nlohmann::json::parse(file.bytes)["switch"]["switch/2"]["vdn"]["seed_0"];
  CHECK(run.size() == 5);  // four steps and the absolute metric
  CHECK(run["step_3"]["step_count"] == 900);
  // Twice as many evaluations as another run: every second one. Other ratios do not fit.
  const Export thinned =
      marl_eval_json(made_set({learner("switch/2", "vdn", 0, {0, 200, 400}),
                               learner("switch/2", "qmix", 0, {0, 100, 200, 300, 400})}));
  CHECK(thinned.is_whole());
  CHECK(nlohmann::json::parse(
            thinned.bytes)["switch"]["switch/2"]["qmix"]["seed_0"]["step_1"]["step_count"] == 200);
  const Export odd = marl_eval_json(made_set({learner("switch/2", "vdn", 0, {0, 200, 400}),
                                              learner("switch/2", "qmix", 0, {0, 134, 267, 400})}));
  CHECK(mentions(odd.left_out, "switch/qmix: its numbers of evaluations (4)"));
  CHECK(odd.problems.empty());
}

TEST_CASE("rliable: rows are seeds that every task has") {
  std::vector<RunResult> runs;
  for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{2}})
    runs.push_back(made_run("two_step", "vdn", seed, static_cast<double>(seed)));
  for (const std::uint64_t seed : {std::uint64_t{2}, std::uint64_t{1}, std::uint64_t{5}})
    runs.push_back(made_run("matrix/qtran", "vdn", seed, static_cast<double>(seed)));
  runs.push_back(made_run("two_step", "qmix", 0, 8.0));
  const Export file = rliable_json(made_set(runs));
  const auto json = nlohmann::json::parse(file.bytes);
  CHECK(json["seeds"]["vdn"] == std::vector<int>{1, 2});
  const auto& rows = json["scores"]["vdn"];
  REQUIRE(rows.size() == 2);
  for (std::size_t row = 0; row < 2; ++row) {
    const double score = static_cast<double>(row + 1);
    CHECK(rows[row][0] == find_bounds("two_step", "")->normalise(score));
    CHECK(rows[row][1] == find_bounds("matrix/qtran", "")->normalise(score));
  }
  CHECK(!json["scores"].contains("qmix"));
  CHECK(mentions(file.left_out, "vdn: 2 of 6 runs, of seeds 0,5, which not every task has"));
  CHECK(mentions(file.left_out, "qmix: no finished run on matrix/qtran"));
  CHECK(!file.is_whole());

  runs.clear();
  runs.push_back(made_run("no_bounds", "vdn", 0, 1.0));
  CHECK(contains(user_error([&] { rliable_json(made_set(runs)); }),
                 "no optimum or bound of its return"));
  runs.clear();
  runs.push_back(made_run("two_step", "vdn", 0, 1.0));
  runs.push_back(made_run("matrix/qtran", "vdn", 1, 1.0));
  CHECK(contains(user_error([&] { rliable_npz(made_set(runs)); }), "vdn: 2 of 2 runs"));
}

TEST_CASE("npz: an archive of arrays as NumPy writes them") {
  const std::string bytes = npz_bytes(
      {{"qmix_gre@lambda=0.1", 3, 2, {0.0, -1.5, 2.0, 1e300, 0.1, -0.0}}, {"b", 1, 1, {7}}},
      "{\"tasks\":[]}");
  CHECK(bytes == npz_bytes({{"qmix_gre@lambda=0.1", 3, 2, {0.0, -1.5, 2.0, 1e300, 0.1, -0.0}},
                            {"b", 1, 1, {7}}},
                           "{\"tasks\":[]}"));
  // The end record says where the directory is; the directory where the members are.
  const std::size_t end = bytes.rfind("PK\x05\x06");
  REQUIRE(end != std::string::npos);
  CHECK(number_at(bytes, end + 10, 2) == 2);
  CHECK(bytes.substr(end + 22) == "{\"tasks\":[]}");
  CHECK(number_at(bytes, end + 20, 2) == 12);
  const std::size_t directory = number_at(bytes, end + 16, 4);
  CHECK(directory + number_at(bytes, end + 12, 4) == end);
  CHECK(bytes.substr(directory, 4) == "PK\x01\x02");
  CHECK(number_at(bytes, directory + 10, 2) == 0);  // stored
  const std::size_t size = number_at(bytes, directory + 24, 4);
  const std::size_t name_size = number_at(bytes, directory + 28, 2);
  CHECK(bytes.substr(directory + 46, name_size) == "qmix_gre@lambda=0.1.npy");
  const std::size_t local = number_at(bytes, directory + 42, 4);
  CHECK(bytes.substr(local, 4) == "PK\x03\x04");
  CHECK(number_at(bytes, local + 14, 4) == number_at(bytes, directory + 16, 4));  // CRC-32
  const std::string npy = bytes.substr(local + 30 + name_size, size);
  CHECK(npy.substr(0, 8) == std::string("\x93NUMPY\x01\x00", 8));
  const std::size_t header = number_at(npy, 8, 2);
  CHECK((10 + header) % 64 == 0);
  CHECK(npy.substr(10, 60) == "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), } ");
  CHECK(npy[10 + header - 1] == '\n');
  REQUIRE(npy.size() == 10 + header + 6 * 8);
  std::vector<double> values(6);
  std::memcpy(values.data(), npy.data() + 10 + header, 6 * sizeof(double));
  CHECK(values == std::vector<double>{0.0, -1.5, 2.0, 1e300, 0.1, -0.0});
}
