// Estimates before a suite starts: counts against what runs do, costs against sums done by hand.
#include "suite/plan/cost_model.hpp"

#include <doctest/doctest.h>
#include <sstream>

#include "suite/common/builtin_files.hpp"
#include "suite/common/files.hpp"
#include "suite/run/runner.hpp"
#include "tests/suite/support.hpp"

using namespace credo::suite;
using namespace credo::suite::testing;

namespace {

RunConfig config_of(const std::string& env, const std::string& algorithm,
                    std::vector<std::string> sets = {}) {
  RunRequest request;
  request.env = env;
  request.algorithm = algorithm;
  request.seed = 3;
  request.sets = std::move(sets);
  request.are_sets_general = true;
  return RunConfig::resolve(request);
}

// Steps of all evaluation episodes of a finished run.
double evaluation_steps(const std::filesystem::path& folder) {
  std::istringstream lines(read_text(folder / "eval_episodes.csv"));
  std::string line;
  std::getline(lines, line);
  double steps = 0;
  while (std::getline(lines, line)) {
    std::istringstream row(line);
    std::string field;
    for (int column = 0; column < 5; ++column) std::getline(row, field, ',');
    steps += std::stod(field);
  }
  return steps;
}

std::string table(const std::string& extra) {
  const BuiltinFile* file = find_builtin("costs", "costs");
  REQUIRE(file != nullptr);
  return extra + std::string(file->text);
}

}  // namespace

TEST_CASE("counts are those of the runs where episodes have one length") {
  const ScratchFolder scratch;
  const std::vector<std::string> sets = {"run.t_max=203", "evaluation.interval=50",
                                         "evaluation.episodes=3", "run.absolute_factor=4",
                                         "learner.batch_size=6"};
  int n = 0;
  for (const char* env : {"two_step", "matrix/climbing"})
    for (const char* algorithm : {"vdn", "qmix_gre", "coma", "random"})
      for (const char* more : {"rollout.n_envs=1", "rollout.n_envs=3"}) {
        CAPTURE(env);
        CAPTURE(algorithm);
        CAPTURE(more);
        auto all = sets;
        all.emplace_back(more);
        const RunConfig config = config_of(env, algorithm, all);
        const CellWork work = WorkCounter().count(config);
        const auto folder = scratch / std::to_string(n++);
        REQUIRE(start_run(config, folder, {}).end == RunEnd::kDone);
        const Manifest manifest = read_manifest(folder);
        CHECK(work.train_steps == static_cast<double>(manifest.env_steps));
        CHECK(work.train_episodes == static_cast<double>(manifest.episodes));
        CHECK(work.updates == static_cast<double>(manifest.updates));
        CHECK(work.evaluation_steps == evaluation_steps(folder));
      }
}

TEST_CASE("weights and stored bytes are those of the learner") {
  // fc1 (6+2+2 inputs), GRU and fc2 of two_step, hidden width 64.
  const CellWork iql = WorkCounter().count(config_of("two_step", "iql"));
  const double fc1 = (3 + 2 + 2) * 64 + 64;
  const double gru = 2 * (64 * 192 + 192);
  const double fc2 = 64 * 2 + 2;
  CHECK(iql.agent_weights == fc1 + gru + fc2);
  CHECK(iql.other_weights == 0);
  const CellWork qmix = WorkCounter().count(config_of("two_step", "qmix"));
  CHECK(qmix.agent_weights == iql.agent_weights);
  CHECK(qmix.other_weights > 0);
  CHECK(qmix.episode_length == 2);
  CHECK(qmix.replay_episodes == 5000);  // the capacity
  CHECK(qmix.episode_bytes > 20);
  CHECK(qmix.episode_bytes < 400);
}

TEST_CASE("an estimate is the sum of counts times costs") {
  const CostModel model = CostModel::parse(R"(
machine = "paper"
[run]
start_s = 1
evaluation_s = 10
checkpoint_s = 100
checkpoint_byte_ns = 5e8
[acting]
call_us = 1e6
agent_us = 2e6
weight_ns = 3e9
store_ns = 4e9
credit_ns = 5e9
[update]
call_us = 6e6
row_ns = 7e9
weight_ns = 8e9
read_ns = 9e9
parameter_ns = 10e9
thread_gain = 0.5
[memory]
program_bytes = 7
run_bytes = 1
weight_bytes = 10
row_bytes = 100
most_rows = 5
replay_factor = 1000
acting_factor = 10000
[env]
"*" = {step_us = 11e6, blind_step_us = 12e6}
"two*" = {step_us = 13e6}
[alg]
"*" = {step_ns = 14e9, weight_ns = 15e9}
"vdn" = {step_ns = 0}
)",
                                           "paper.toml");
  CellWork work;
  work.env = "two_step";
  work.algorithm = "qmix";
  work.is_learning = true;
  work.n_agents = 2;
  work.batch_size = 1;
  work.n_envs = 1;
  work.floats_per_step = 1;
  work.episode_limit = 1;
  work.episode_length = 1;
  work.train_steps = 3;
  work.agent_weights = 2;
  work.other_weights = 1;
  work.updates = 1;
  work.evaluations = 1;
  work.evaluation_steps = 8;
  work.checkpoints = 1;
  work.train_episodes = 3;
  work.replay_episodes = 1;
  work.episode_bytes = 4;
  const double agent_s = 2 * (2 + 3 * 2);
  const double playing = 3 * (13 + agent_s + 1 + 4);
  const double evaluating = 8 * (13 + agent_s + 5) + 1;
  const double update = 6 + 2 * 2 * (7 + 8 * 2) + 2 * 9 + 3 * 10 + 14 + 15;
  CHECK(model.estimate(work).seconds ==
        doctest::Approx(1 + 10 + playing + evaluating + update + 100 + 0.5 * 6));
  CHECK(model.estimate(work, 3).seconds ==
        doctest::Approx(1 + 10 + playing + (evaluating + update) / 2 + 100 + 0.5 * 6));
  CHECK(model.estimate(work).bytes == doctest::Approx(1 + 3 * 10 + 4 * 100 + 4 * 1000 + 9 * 10000));
  CHECK(model.base_bytes() == 7);
  work.batch_size = 10;  // 40 rows, of which 5 count
  CHECK(model.estimate(work).bytes == doctest::Approx(1 + 3 * 10 + 5 * 100 + 4 * 1000 + 9 * 10000));
  work.algorithm = "vdn";
  const double vdn = model.estimate(work).seconds;
  work.algorithm = "iql";
  CHECK(model.estimate(work).seconds - vdn == doctest::Approx(10 * 14));
  work.is_learning = false;
  CHECK(model.estimate(work).seconds == doctest::Approx(1 + 10 + (3 + 8) * 12));
  CHECK(model.estimate(work).bytes == 1);
}

TEST_CASE("jobs side by side take the longest first") {
  CHECK(makespan({}, 2) == 0);
  CHECK(makespan({3}, 8) == 3);
  CHECK(makespan({1, 2, 3, 4}, 1) == 10);
  CHECK(makespan({1, 2, 3, 4}, 2) == 5);
  CHECK(makespan({5, 1, 1, 1}, 2) == 5);
  CHECK(largest({1, 5, 3}, 2) == 8);
  CHECK(largest({1, 5, 3}, 7) == 9);
}

TEST_CASE("every algorithm and environment of the program's suites has an estimate") {
  const CostModel& model = CostModel::builtin();
  CHECK(!model.machine().empty());
  double shorter = 0.0;
  for (const std::string& algorithm : algorithm_names()) {
    CAPTURE(algorithm);
    if (algorithm.starts_with("scripted")) continue;  // two_step has no script
    const auto estimate = model.estimate(
        WorkCounter().count(config_of("two_step", algorithm, {"open_loop.budget=5000"})));
    CHECK(estimate.seconds > 0.0);
    CHECK(estimate.seconds < 1e5);
    CHECK(estimate.bytes >= 1e5);
    CHECK(estimate.bytes < 1e9);
    if (algorithm == "qmix") shorter = estimate.seconds;
  }
  const double longer =
      model.estimate(WorkCounter().count(config_of("two_step", "qmix", {"run.t_max=4100000"})))
          .seconds;
  CHECK(longer > 1.9 * shorter);
  CHECK(longer < 2.1 * shorter);
}

TEST_CASE("mistakes in a table of costs name file and line") {
  const auto error_of = [](const std::string& text) {
    return user_error([&] { CostModel::parse(text, "costs.toml"); });
  };
  CHECK(error_of(table("")).empty());
  CHECK(contains(error_of("machine = \"x\"\n"), "costs.toml: run.start_s is missing"));
  CHECK(contains(error_of(table("speed = 3\n")), "costs.toml:1: unknown key 'speed'"));
  CHECK(contains(error_of("alg.qmix.step_us = 3\n"), "costs.toml:1: unknown key"));
  CHECK(contains(error_of("run.start_s = -1\n"),
                 "costs.toml:1: run.start_s: allowed: a number of at least 0"));
  CHECK(contains(error_of("run.start_s = \"slow\"\n"), "costs.toml:1: run.start_s"));
  // A row before the one for everything.
  CHECK(contains(error_of("[alg]\nqmix = {step_ns = 1, weight_ns = 1}\n"), "is missing"));
}
