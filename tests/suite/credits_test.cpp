// Credits measured from runs and suites: rules of suite files, files and hashes, stops, tables, and the
// twin of a network that plays the same with another H.
#include <cmath>
#include <doctest/doctest.h>
#include <numeric>

#include "envs/core/registry.hpp"
#include "learners/algorithm_table.hpp"
#include "suite/batch/credits_run.hpp"
#include "suite/batch/suite_run.hpp"
#include "suite/common/files.hpp"
#include "suite/common/hashing.hpp"
#include "suite/credits/credits_folder.hpp"
#include "suite/credits/subjects.hpp"
#include "suite/report/html_report.hpp"
#include "suite/report/latex.hpp"
#include "suite/report/page_data.hpp"
#include "suite/report/tables.hpp"
#include "suite/results/credit_results.hpp"
#include "suite/results/suite_folder.hpp"
#include "suite/run/directory_lock.hpp"
#include "suite/run/integrity.hpp"
#include "suite/run/runner.hpp"
#include "tests/suite/results_support.hpp"
#include "tests/suite/support.hpp"

using namespace credo::suite;
using namespace credo::suite::testing;

namespace {

namespace fs = std::filesystem;

constexpr const char* kSuite = R"(
algs = ["random", "vdn", "qmix"]
envs = ["predator_prey/5x5", "two_step"]
seeds = "0-1"
run.t_max = 120
run.keep_weights = "0,50%"
learner.batch_size = 4
agent.hidden_dim = 6
evaluation.interval = 60
evaluation.episodes = 2
[credits]
checkpoints = "kept,best,final"
states = 6
episodes = 5
branches = "16:32"
[credits.random]
checkpoints = "final"
default = "random"
[when."predator_prey/*"]
env.limit = 8
[when."two_step".credits.random]
checkpoints = ""
[when."two_step".alg."vdn".credits]
checkpoints = ""
)";

SuiteOutcome run(const fs::path& out, int jobs) {
  const SuiteSpec spec = parse_suite(kSuite, "test.toml", "test");
  Progress progress(ProgressMode::kNone);
  return run_suite(spec, make_plan(spec, {}), {.out = out, .jobs = jobs, .command = "test"},
                   progress);
}

std::vector<CellCredits> rules(const std::string& text, const std::string& env = "switch/2",
                               const std::string& algorithm = "qmix") {
  const std::string head = "algs = [\"qmix\"]\nenvs = [\"switch/2\"]\n";
  return credits_for(parse_suite(head + text, "t.toml", "t").credits, env, algorithm);
}

std::vector<std::string> credit_files(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().parent_path().filename() == "credits")
      names.push_back(fs::relative(entry.path(), folder).string());
  std::sort(names.begin(), names.end());
  return names;
}

RunConfig config_of(const std::string& algorithm, const std::vector<std::string>& more = {}) {
  RunRequest request;
  request.env = "predator_prey/5x5";
  request.algorithm = algorithm;
  request.t_max = 300;
  request.are_sets_general = true;
  request.sets = {"env.limit=10", "learner.batch_size=4", "agent.hidden_dim=6",
                  "evaluation.episodes=2"};
  request.sets.insert(request.sets.end(), more.begin(), more.end());
  return RunConfig::resolve(request);
}

double entropy(const CreditsResult& result, const char* signal) {
  for (const SignalMeasures& one : result.fidelity.learned)
    if (one.signal == signal) return *find_measure(one.measures, "h")->value;
  return -1.0;
}

}  // namespace

TEST_CASE("sections [credits] say what is measured of which cells") {
  CHECK(rules("").empty());
  const auto one = rules("[credits]\nstates = 7\n");
  REQUIRE(one.size() == 1);
  CHECK(one[0].options.integer("states") == 7);
  CHECK(one[0].options.integer("episodes") == 32);
  CHECK((one[0].has_final && !one[0].has_best && !one[0].has_kept));
  // A named section is one more, with what differs.
  const auto two = rules(
      "[credits]\nstates = 7\ncheckpoints = \"kept, best\"\n[credits.long]\ngame = \"absence\"\n"
      "[alg.\"qmix\".credits.long]\nstates = 3\n[alg.\"vdn\".credits]\nstates = 4\n");
  REQUIRE(two.size() == 2);
  CHECK((two[0].has_kept && two[0].has_best && !two[0].has_final));
  CHECK(two[0].options.integer("states") == 7);
  CHECK(two[1].options.text("game") == "absence");
  CHECK(two[1].options.integer("states") == 3);
  CHECK(two[1].has_kept);
  CHECK(rules("[credits]\n[alg.\"qmix\".credits]\ncheckpoints = \"\"\n").empty());

  const auto error = [](const std::string& text) { return user_error([&] { rules(text); }); };
  CHECK(contains(error("[credits]\nstate = 7\n"), "t.toml:4"));
  CHECK(contains(error("[credits]\nstate = 7\n"), "states"));
  CHECK(contains(error("[credits]\nstates = 0\n"), "[1, 1000000]"));
  CHECK(contains(error("[credits]\ncheckpoints = \"last\"\n"),
                 "allowed, separated by commas: final"));
  CHECK(contains(error("[credits]\nbranches = \"9:3\"\n"), "1 <= LOW <= HIGH"));
}

TEST_CASE("what cannot be measured is refused before anything runs") {
  const ScratchFolder scratch;
  const auto error = [&](const std::string& text) {
    return user_error([&] {
      const SuiteSpec spec = parse_suite(text, "t.toml", "t");
      Progress progress(ProgressMode::kNone);
      run_suite(spec, make_plan(spec, {}), {.out = scratch / "out", .command = ""}, progress);
    });
  };
  const std::string noop =
      error("algs = [\"noop\"]\nenvs = [\"switch/2\"]\n[credits]\nstates = 5\n");
  CHECK(contains(noop, "[credits]: switch/2/noop/seed_0: the policy noop"));
  CHECK(contains(noop,
                 "checkpoints = \"\" in [when.\"switch/2\".alg.\"noop\".credits] leaves it out"));
  CHECK(
      contains(error("algs = [\"random\"]\nenvs = [\"switch/2\"]\n[credits]\ndefault = \"jump\"\n"),
               "unknown default 'jump'"));
  CHECK(contains(error("algs = [\"random\"]\nenvs = [\"switch/2\"]\n[credits]\nbudget = 1\n"),
                 "a budget of 1 environment steps does not pay"));
  // The default `auto` is `random` in games without an idle action: two studies, one name of files.
  const std::string same = error(
      "algs = [\"random\"]\nenvs = [\"two_step\"]\n[credits]\nstates = 5\n[credits.other]\n"
      "default = \"random\"\n");
  CHECK(contains(same, "[credits.other]: two_step/random/seed_0: its files would have the names"));
  CHECK(contains(same, "[when.\"two_step\".alg.\"random\".credits.other] leaves it out"));
  CHECK(!fs::exists(scratch / "out"));
  // Of other policies they have other names.
  check_credits(
      make_plan(parse_suite("algs = [\"qmix\"]\nenvs = [\"switch/2\"]\n[credits]\nstates = 5\n"
                            "[credits.training]\ncheckpoints = \"kept\"\nstates = 3\n",
                            "t.toml", "t"),
                {}));
}

TEST_CASE("a suite measures credits, the same bytes for any number of jobs, once") {
  const ScratchFolder scratch;
  const SuiteOutcome one = run(scratch / "one", 1);
  const SuiteOutcome three = run(scratch / "three", 3);
  CHECK(one.n_credits_failed == 0);
  const auto names = credit_files(scratch / "one");
  REQUIRE(names == credit_files(scratch / "three"));
  for (const std::string& name : names)
    CHECK_MESSAGE(read_bytes(scratch / "one" / name) == read_bytes(scratch / "three" / name), name);
  const fs::path cell = scratch / "one" / "runs" / "predator_prey" / "5x5" / "qmix" / "seed_0";
  // Two kept steps, the best and the last, and the last again with the other default.
  const auto records = read_credits(cell / "credits", true);
  CHECK(records.size() == 5);
  CHECK(!fs::exists(scratch / "one" / "runs" / "two_step" / "vdn" / "seed_0" / "credits"));
  CHECK(read_credits(scratch / "one/runs/predator_prey/5x5/random/seed_0/credits", true).size() ==
        2);

  // Again: nothing is measured, files stay. A missing and a changed one are measured again.
  const std::string first = (cell / "credits" / "step_0.step.idle.json").string();
  const auto before = fs::last_write_time(first);
  run(scratch / "one", 2);
  CHECK(fs::last_write_time(first) == before);
  const auto good = read_bytes(first);
  write_raw(first, "damaged");
  fs::remove(cell / "credits" / "best.step.idle.agents.csv");
  run(scratch / "one", 2);
  CHECK(read_bytes(first) == good);
  CHECK(credit_files(scratch / "one") == names);
}

TEST_CASE("credits are in tables, published and read back, and changed files are found") {
  const ScratchFolder scratch;
  const fs::path out = scratch / "out";
  const SuiteOutcome outcome = run(out, 2);
  CHECK(contains(outcome.tables, "credit A [95% CI] |"));
  CHECK(contains(outcome.tables, "true H"));
  CHECK(contains(outcome.tables, "Credit A: agreement of the learner's credits"));
  CHECK(contains(latex_report(outcome.report, ReportPart::kAll), "true H"));
  const auto rows = outcome.report.rows;
  const std::size_t agreement = row_statistic("credit_agreement");
  const std::size_t entropy_at = row_statistic("true_entropy");
  for (const SummaryRow& row : rows) {
    CAPTURE(row.task);
    CAPTURE(row.algorithm);
    // The first move of the two-step game is decided, whatever the policy.
    if (row.task != "two_step") continue;
    CHECK(row.values[agreement].has_value() == (row.algorithm == "qmix"));
    CHECK(row.values[entropy_at].has_value() == (row.algorithm != "vdn"));
  }
  // The number of a row is the mean over its runs.
  double sum = 0.0;
  for (const RunResult* one : outcome.set.of("predator_prey/5x5", "qmix")) {
    REQUIRE(final_credits(*one) != nullptr);
    CHECK(final_credits(*one)->choice == "idle");
  }
  for (const RunResult* one : outcome.set.of("two_step", "qmix")) {
    REQUIRE(final_credits(*one) != nullptr);
    CHECK(credits_over_training(*one).size() == 3);
    sum += *true_entropy(*final_credits(*one)) / 2.0;
  }
  for (const SummaryRow& row : rows)
    if (row.task == "two_step" && row.algorithm == "qmix")
      CHECK(row.values[entropy_at]->value == doctest::Approx(sum));

  const auto page = page_data(outcome.set, outcome.report, {});
  REQUIRE(page.contains("credits"));
  CHECK(page["credits"]["rows"].size() == 5);
  const auto is_true_entropy = [](const auto& column) { return column["title"] == "true H"; };
  CHECK(std::any_of(page["credits"]["columns"].begin(), page["credits"]["columns"].end(),
                    is_true_entropy));

  // Without the runs the same tables.
  const fs::path compact = scratch / "compact";
  fs::create_directories(compact);
  for (const char* name : {"plan.csv", "results.csv", "curves.csv", "credits.csv", "runs.json",
                           "tables.md", "manifest.json"})
    fs::copy_file(out / name, compact / name);
  const ResultSet again = load_results({compact}, {});
  CHECK(markdown_report(make_report(again)) == markdown_report(outcome.report));
  CHECK(credits_csv(again) == read_text(out / "credits.csv"));
  CHECK(page_data(again, make_report(again), {})["credits"] == page["credits"]);
  write_raw(compact / "credits.csv", read_text(out / "credits.csv") + "x");
  CHECK_THROWS_AS(load_results({compact}, {}), ChangedError);

  const fs::path credits = out / "runs/predator_prey/5x5/qmix/seed_1/credits";
  std::size_t n_files = 0;
  CHECK(changed_credits(credits, n_files).empty());
  CHECK(n_files == 15);
  write_raw(credits / "best.step.idle.states.csv", "changed");
  CHECK(changed_credits(credits, n_files).size() == 1);
  CHECK_THROWS_AS(load_results({out}, {}), ChangedError);
  CHECK(load_results({out}, {.verify = false}).runs.size() == 12);
  write_raw(credits / "manifest.json", "{");
  CHECK(contains(user_error([&] { load_results({out}, {}); }), "manifest.json: damaged"));
}

TEST_CASE("a set without credits has no trace of them") {
  const ResultSet set = made_set({made_run("switch/2", "qmix", 0, 1.0)});
  CHECK(!has_credits(set));
  CHECK(!contains(markdown_report(make_report(set)), "credit A"));
  CHECK(!page_data(set, make_report(set), {}).contains("credits"));
}

TEST_CASE("what is to be measured is counted before it runs") {
  const SuiteSpec spec = parse_suite(kSuite, "test.toml", "test");
  CreditsCounter counter;
  std::int64_t n = 0;
  for (const Cell& cell : make_plan(spec, {})) {
    const CreditsCost cost = counter.count(cell);
    if (cost.measurements > 0) {
      CHECK(cost.likely_seconds > 0.0);
      CHECK(cost.most_seconds >= cost.likely_seconds);
    }
    n += cost.measurements;
  }
  // Of two seeds. Predator-prey: 0, 50%, best, last, and the last again, of both learners; random with both
  // defaults. Two-step: the first four of qmix, and random.
  CHECK(n == 2 * (2 * 5 + 2) + 2 * (4 + 1));
}

TEST_CASE("every algorithm can be measured, and its Shapley values add up") {
  const ScratchFolder scratch;
  for (const credo::Algorithm& algorithm : credo::learning_algorithms()) {
    CAPTURE(algorithm.name);
    const RunConfig config = config_of(algorithm.name, {"run.t_max=60"});
    const fs::path folder = scratch / algorithm.name;
    REQUIRE(start_run(config, folder, {}).end == RunEnd::kDone);
    const auto env = make_run_env(config);
    const CreditsSubject subject = weights_subject(folder, config, *env, "");
    CreditsOptions options;
    options.states = 6;
    options.episodes = 5;
    options.least_branches = 16;
    options.most_branches = 16;
    std::string note;
    const auto result = run_credits(
        *env, subject, plan_credits(*env, config.env_settings(), subject, options), "", note);
    REQUIRE(result.has_value());
    for (const MeasuredState& state : result->states) {
      const credo::LearnedCredits& mixer = state.mixer;
      CHECK((mixer.psi.empty() || mixer.psi.size() == state.truth.phi.size()));
      if (mixer.psi.empty()) continue;
      const double sum = std::accumulate(mixer.psi.begin(), mixer.psi.end(), 0.0);
      CHECK(std::isfinite(sum));
      CHECK(sum == doctest::Approx(*mixer.w_all - *mixer.w_none).epsilon(1e-4).scale(1.0));
    }
  }
}

TEST_CASE("the rescaled twin plays the same and has another H") {
  const ScratchFolder scratch;
  for (const std::string agents : {"agent.recurrent=true", "agent.recurrent=false"}) {
    for (const std::string layers : {"mixer.hypernet_layers=2", "mixer.hypernet_layers=1"}) {
      CAPTURE(agents);
      CAPTURE(layers);
      const RunConfig config = config_of("qmix", {agents, layers});
      const fs::path folder = scratch / (agents + layers);
      REQUIRE(start_run(config, folder, {}).end == RunEnd::kDone);
      const auto env = make_run_env(config);
      const CreditsSubject subject = weights_subject(folder, config, *env, "");
      const CreditsSubject twin = twin_subject(*env, subject, 64.0);
      CreditsOptions options;
      options.states = 24;
      options.episodes = 6;
      options.least_branches = 32;
      options.most_branches = 32;
      const auto measure = [&](const CreditsSubject& of) {
        std::string note;
        return *run_credits(*env, of, plan_credits(*env, config.env_settings(), of, options), "",
                            note);
      };
      const CreditsResult a = measure(subject);
      const CreditsResult b = measure(twin);
      REQUIRE(a.states.size() == b.states.size());
      for (std::size_t i = 0; i < a.states.size(); ++i) {
        // It plays the same, so what the agents are worth is the same to the bit.
        CHECK(a.states[i].truth.actions == b.states[i].truth.actions);
        CHECK(a.states[i].truth.phi == b.states[i].truth.phi);
        CHECK(*b.states[i].mixer.w_all ==
              doctest::Approx(*a.states[i].mixer.w_all).epsilon(1e-4).scale(1.0));
        for (std::size_t k = 0; k < a.states[i].mixer.psi.size(); ++k) {
          CHECK(b.states[i].mixer.psi[k] ==
                doctest::Approx(a.states[i].mixer.psi[k]).epsilon(1e-3).scale(1.0));
          const double factor = a.states[i].truth.players[k] == 0 ? 64.0 : 1.0;
          CHECK(b.states[i].mixer.g[k] ==
                doctest::Approx(factor * a.states[i].mixer.g[k]).epsilon(1e-3));
        }
      }
      CHECK(std::abs(entropy(a, "psi") - entropy(b, "psi")) < 1e-3);
      CHECK(entropy(a, "g") - entropy(b, "g") > 0.2);
    }
  }
  const auto error = [&](const std::string& algorithm, const std::vector<std::string>& more) {
    const RunConfig config = config_of(algorithm, more);
    const fs::path folder = scratch / (algorithm + std::to_string(more.size()));
    start_run(config, folder, {});
    const auto env = make_run_env(config);
    return user_error([&] { twin_subject(*env, weights_subject(folder, config, *env, ""), 2.0); });
  };
  CHECK(contains(error("vdn", {}), "--twin needs the mixer qmix"));
  CHECK(contains(error("ow_qmix", {}), "second network"));
  CHECK(contains(error("qmix", {"agent.obs_agent_id=false"}), "agent.obs_agent_id = true"));
}

TEST_CASE("credits files are recorded, read back, and changes of them found") {
  const ScratchFolder scratch;
  const RunConfig config = config_of("vdn");
  const auto env = make_run_env(config);
  const CreditsSubject subject = fixed_subject(*env, "scripted", 0, 1);
  CreditsOptions options;
  options.states = 8;
  options.episodes = 5;
  options.least_branches = 16;
  options.most_branches = 16;
  const CreditsPlan plan = plan_credits(*env, config.env_settings(), subject, options);
  const fs::path folder = scratch / "credits";
  CHECK(!has_credits(folder, plan));
  std::string note;
  const auto result = run_credits(*env, subject, plan, "", note);
  write_credits(folder, *env, subject, plan, *result);
  CHECK(has_credits(folder, plan));
  const auto records = read_credits(folder, true);
  REQUIRE(records.size() == 1);
  CHECK(records[0].label == "scripted");
  CHECK(records[0].choice == "idle");
  CHECK(records[0].identity == plan.identity);
  CHECK(records[0].learned.empty());
  CHECK(best_account(records[0]) == nullptr);
  const CreditMeasure* decided = find_measure(records[0].truth, "share_decided");
  REQUIRE(decided != nullptr);
  for (const CreditMeasure& m : result->fidelity.truth)
    if (m.name == "share_decided") CHECK(*decided->value == *m.value);
  // Other options are another measurement.
  options.states = 7;
  CHECK(!has_credits(folder, plan_credits(*env, config.env_settings(), subject, options)));

  std::size_t n_files = 0;
  CHECK(changed_credits(folder, n_files).empty());
  CHECK(n_files == 3);
  write_raw(folder / "scripted.step.idle.states.csv", "changed");
  CHECK(changed_credits(folder, n_files).size() == 1);
  CHECK(!has_credits(folder, plan));
  CHECK_THROWS_AS(read_credits(folder, true), ChangedError);
  write_raw(folder / "manifest.json", "{");
  CHECK(contains(user_error([&] { read_credits(folder, false); }), "manifest.json: damaged"));
  CHECK(changed_credits(scratch / "none", n_files).empty());
  CHECK(n_files == 0);
}
