#include <cmath>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <set>
#include <sstream>

#include "suite/common/csv.hpp"
#include "suite/report/latex.hpp"
#include "suite/report/tables.hpp"
#include "suite/results/result_set.hpp"
#include "suite/results/training_results.hpp"
#include "suite/run/metrics.hpp"
#include "tests/suite/results_support.hpp"
#include "tests/suite/support.hpp"

using namespace credo::suite;
using namespace credo::suite::testing;

namespace {

ResultSet sample() {
  std::vector<RunResult> runs;
  for (std::uint64_t seed = 0; seed < 3; ++seed)
    runs.push_back(made_run("two_step", "vdn", seed, static_cast<double>(seed)));
  runs.push_back(made_run("two_step", "qmix", 0, 8.0));
  runs.back().final->values[kEntropyMetric] = 0.75;
  RunResult diverged = made_run("two_step", "qmix", 1, 0.0);
  diverged.status = RunStatus::kDiverged;
  diverged.final.reset();
  runs.push_back(diverged);
  runs.push_back(made_run("switch/2", "vdn", 0, -10.0));
  runs.back().final->values[kWinMetric] = 0.5;
  runs.back().absolute = runs.back().final;
  runs.back().absolute->values[kWinMetric] = 0.75;
  return made_set(std::move(runs));
}

}  // namespace

TEST_CASE("a summary groups runs and counts what is missing") {
  const auto rows = summarize(sample());
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].algorithm == "vdn");
  CHECK(rows[0].measure == Measure::kReturn);
  const auto value = [&](std::size_t row, std::size_t statistic) {
    const auto& found = rows[row].values[statistic];
    return found ? std::optional(found->value) : std::nullopt;
  };
  CHECK(value(0, row_statistic("mean")) == 1.0);
  CHECK(rows[0].iqm()->value == 1.0);
  REQUIRE(rows[0].iqm()->interval);
  CHECK(rows[0].iqm()->interval->low == 0.0);
  CHECK(rows[0].iqm()->interval->high == 2.0);
  CHECK(rows[0].status == "done");
  CHECK(rows[1].status == "1/2 done, 1 diverged");
  CHECK(value(1, row_statistic("return_mean")) == 8.0);
  CHECK(!rows[1].iqm()->interval);  // one seed
  CHECK(value(1, row_statistic("entropy_mean")) == 0.75);
  CHECK(!value(0, row_statistic("entropy_mean")));
  CHECK(value(2, row_statistic("win_rate")) == 0.5);
  // Where there are wins, they are what counts.
  CHECK(rows[2].measure == Measure::kWinRate);
  CHECK(value(2, row_statistic("mean")) == 0.5);
  CHECK(rows[2].iqm()->value == 0.5);
  CHECK(value(2, row_statistic("absolute_mean")) == 0.75);
  CHECK(value(2, row_statistic("return_mean")) == -10.0);
}

TEST_CASE("tables line up and show a column for wins only where there are some") {
  TableNotes notes;
  notes.by_task = {{"two_step", "A note."}};
  notes.footer = {"A footer."};
  const std::string text = markdown_tables(summarize(sample()), notes);
  CHECK(text ==
        "### two_step\n\n"
        "| algorithm | seeds | mean return |      IQM [95% CI] |      H | status               |\n"
        "|-----------|------:|------------:|------------------:|-------:|----------------------|\n"
        "| vdn       |   0-2 |        1.00 | 1.00 [0.00, 2.00] |      – | done                 |\n"
        "| qmix      |     0 |        8.00 |              8.00 | 0.7500 | 1/2 done, 1 diverged |\n"
        "\nA note.\n\n"
        "### switch/2\n\n"
        "| algorithm | seeds | win rate | IQM [95% CI] | absolute |   H | mean return | status |\n"
        "|-----------|------:|---------:|-------------:|---------:|----:|------------:|--------|\n"
        "| vdn       |     0 |    0.500 |        0.500 |    0.750 |   – |      -10.00 | done   |\n"
        "\nA footer.\n");
}

TEST_CASE("CSV follows RFC 4180 and reads back") {
  CHECK(csv_field("plain") == "plain");
  CHECK(csv_field("a,b") == "\"a,b\"");
  CHECK(csv_field("say \"x\"") == "\"say \"\"x\"\"\"");
  const std::string text = summary_csv(summarize(sample()));
  CHECK(contains(text, "two_step,vdn,0-2,3,3,return,1,1,0,2,,1,,,,,,,,,,,done\n"));
  CHECK(contains(text,
                 "two_step,qmix,0,1,2,return,8,8,,,,8,,0.75,,,,,,,,,\"1/2 done, 1 diverged\"\n"));
  const CsvTable table(
      text + csv_line({"a,\"b\"\nc", "", "", "1", "2", "", "3", "4", "5", "6", "7", "",
                       "1e-3",       "", "", "",  "",  "", "",  "",  "",  "",  "x"}),
      "t.csv");
  REQUIRE(table.n_rows() == 4);
  CHECK(table.text(3, "task") == "a,\"b\"\nc");
  CHECK(table.integer(1, "n_planned") == 2);
  CHECK(table.number(1, "entropy_mean") == 0.75);
  CHECK(!table.number(0, "win_rate"));
  CHECK(table.number(3, "win_rate") == 1e-3);
  CHECK(contains(user_error([&] { table.number(1, "status"); }), "t.csv:3: status"));
  CHECK(contains(user_error([&] { CsvTable("a,b\n1\n", "t.csv"); }), "t.csv:2: 1 fields"));
  CHECK(contains(user_error([&] { CsvTable("a\n\"1\n", "t.csv"); }), "no end"));
  CHECK(contains(user_error([&] { table.need({"colour"}); }), "no column 'colour'"));
}

TEST_CASE("an event line reads back and is valid JSON for values that are not finite") {
  const credo::Metrics metrics = {{"a", 0.1}, {"b", 1e300}, {"c", std::nan("")}};
  const std::string line = metrics_line(5, "train", 2, 1, metrics);
  CHECK(line ==
        "{\"t_env\":5,\"event\":\"train\",\"episode\":2,\"update\":1,"
        "\"metrics\":{\"a\":0.1,\"b\":1e+300,\"c\":null}}\n");
  const auto events = parse_metrics(line + line + "{\"t_env\":", "m");
  REQUIRE(events.size() == 2);
  CHECK(events[0].find("a") == 0.1);
  CHECK(events[0].find("b") == 1e300);
  CHECK(!events[0].find("c"));
  CHECK(contains(user_error([&] { parse_metrics(line + "nonsense\n", "m.jsonl"); }), "m.jsonl:2"));
}

TEST_CASE("episode lines") {
  credo::Evaluation evaluation;
  evaluation.episodes = {{7, 1.5, 3, std::nullopt}, {8, -0.1, 4, true}, {9, 0.0, 5, false}};
  CHECK(kEpisodesHeader == "t_env,episode,seed,return,length,won,event\n");
  CHECK(episode_lines(100, "final", 2, evaluation) ==
        "100,7,2,1.5,3,,final\n100,8,2,-0.1,4,1,final\n100,9,2,0,5,0,final\n");
}

TEST_CASE("noop is noted where no action does nothing") {
  CHECK(contains(noop_note("matrix/climbing"), "no action that does nothing"));
  CHECK(noop_note("switch/2").empty());
}

TEST_CASE("tables say where seeds are too few for an interval") {
  const auto rows = [](const std::vector<std::size_t>& n_seeds) {
    std::vector<RunResult> runs;
    for (std::size_t row = 0; row < n_seeds.size(); ++row)
      for (std::uint64_t seed = 0; seed < n_seeds[row]; ++seed)
        runs.push_back(made_run("two_step", row == 0 ? "vdn" : "qmix", seed, 1.0));
    return summarize(made_set(std::move(runs)));
  };
  CHECK(few_values_note(rows({5, 8})).empty());
  CHECK(few_values_note(rows({5, 1})) == "One seed has no interval.");
  CHECK(contains(few_values_note(rows({4, 5})), "fewer than five seeds"));
  CHECK(!contains(few_values_note(rows({2, 5})), "One seed"));
  const std::string report = markdown_report(make_report(sample()));
  CHECK(contains(report, "One seed has no interval. Intervals from fewer than five"));
}

TEST_CASE("the table over all tasks says how tasks weigh and what it leaves out") {
  std::vector<RunResult> runs;
  for (std::uint64_t seed = 0; seed < 4; ++seed)
    runs.push_back(made_run("two_step", "vdn", seed, static_cast<double>(seed)));
  for (std::uint64_t seed = 0; seed < 2; ++seed)
    runs.push_back(made_run("matrix/qtran", "vdn", seed, 8.0));
  runs.push_back(made_run("no_bounds", "vdn", 0, 1.0));
  const Report report = make_report(made_set(runs));
  REQUIRE(report.aggregates.size() == 1);
  CHECK(report.aggregates[0].scores[aggregate_statistic("iqm")].value ==
        interquartile_mean(report.scores.algorithms[0].scores));
  const std::string text = markdown_report(report, ReportPart::kAggregate);
  CHECK(text.starts_with("### All tasks\n"));
  CHECK(!contains(text, "### two_step"));
  CHECK(contains(text, "a run weighs 1 / (2 x the runs of its task)"));
  CHECK(contains(text, "numbers of runs differ between tasks"));
  CHECK(contains(text, "Fewer than five runs on some tasks"));
  CHECK(contains(text, "Left out: no_bounds (no optimum or bound of its return"));
  CHECK(contains(markdown_report(report), "### two_step"));
  // One run on a task: a value, no interval.
  runs.erase(runs.begin() + 5);
  const std::string lonely = markdown_report(make_report(made_set(runs)), ReportPart::kAggregate);
  CHECK(contains(lonely, "No interval with fewer than two runs on a task: vdn."));
  CHECK(!contains(lonely, "0.5 ["));
  // Without scores over all tasks the tables still say what is missing.
  const std::string none = markdown_report(make_report(
      made_set({made_run("no_bounds", "vdn", 0, 1.0), made_run("other", "vdn", 0, 1.0)})));
  CHECK(contains(none, "No scores over all tasks. Left out: no_bounds ("));
  CHECK(contains(none, "other ("));
}

TEST_CASE("pairs are compared with the same weight for every task") {
  const NormalisedScores::Algorithm x{"x", {{1, 1, 1, 9}, {0}}, {{0, 1, 2, 7}, {3}}};
  const NormalisedScores::Algorithm y{"y", {{0, 0, 0}, {1, 5}}, {{2, 1, 0}, {3, 4}}};
  const PairRow pair = compare_pair(x, y);
  CHECK(pair.n_pairs == 4);  // seeds 0 to 2 of one task, 3 of the other
  CHECK(pair.difference->value == 0.0);
  CHECK(!pair.difference->interval);
  CHECK(pair.p_value == 1.0);  // unweighted it would be 10 / 16
  CHECK(pair.improvement.value == 0.5);
}

namespace {

// Environments and their ends, labels, and the largest number of columns.
struct LatexShape {
  int n_tables = 0;
  std::vector<std::string> labels;
  double widest = 0.0;
};

// Width in points from the characters of every cell, read from the text itself.
LatexShape latex_shape(const std::string& text) {
  LatexShape shape;
  std::vector<std::size_t> widths;
  double character = 0.0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (contains(line, "\\begin{table}")) ++shape.n_tables;
    if (contains(line, "\\small")) character = 4.9;
    if (contains(line, "\\footnotesize")) character = 4.3;
    if (contains(line, "\\scriptsize")) character = 3.8;
    if (const std::size_t at = line.find("\\label{"); at != std::string::npos)
      shape.labels.push_back(line.substr(at + 7, line.find('}', at) - at - 7));
    if (contains(line, "\\begin{tabular}")) widths.clear();
    if (line.ends_with("\\\\")) {
      std::istringstream cells(line.substr(4, line.size() - 7));
      std::size_t column = 0;
      for (std::string one; std::getline(cells, one, '&'); ++column) {
        std::erase_if(one, [](char c) { return c == '\\' || c == '$' || c == '{' || c == '}'; });
        if (widths.size() <= column) widths.push_back(0);
        const std::size_t n =
            one.starts_with(" rotatebox90") ? 3 : one.size() - (column > 0 ? 2 : 1);
        widths[column] = std::max(widths[column], n);
      }
    }
    if (contains(line, "\\end{tabular}")) {
      double width = 8.0 * static_cast<double>(widths.size() - 1);
      for (const std::size_t n : widths) width += character * static_cast<double>(n);
      shape.widest = std::max(shape.widest, width);
    }
  }
  return shape;
}

}  // namespace

TEST_CASE("LaTeX: tables fit the page, carry labels, and have no idle column") {
  std::vector<RunResult> runs;
  std::vector<std::string> tasks = {"two_step",
                                    "matrix/qtran",
                                    "matrix/climbing",
                                    "switch/2",
                                    "switch/4",
                                    "a_b",
                                    "a/b",
                                    "stag_hunt/8x8@miscapture=-0.5"};
  for (int i = 0; i < 12; ++i) tasks.push_back("skirmish/map_" + std::to_string(i));
  for (const std::string& task : tasks)
    for (const char* algorithm : {"qmix", "qmix_gre_exact", "qmix_gre@lambda=0.0003", "ow_qmix"})
      for (std::uint64_t seed = 0; seed < 3; ++seed) {
        RunResult run = made_run(task, algorithm, seed, -10.0 * static_cast<double>(seed) - 0.5);
        run.final->values[kEntropyMetric] = 0.5;
        if (task.starts_with("skirmish"))
          run.final->values[kWinMetric] = 1.0 / (1.0 + static_cast<double>(seed));
        run.absolute = run.final;
        runs.push_back(run);
      }
  ResultSet set = made_set(runs);
  set.suite = "mine";
  const std::string text = latex_report(make_report(set));
  const LatexShape shape = latex_shape(text);
  CHECK(shape.widest > 200.0);
  CHECK(shape.widest < 345.0);  // the text of an article
  CHECK(shape.labels.size() == static_cast<std::size_t>(shape.n_tables));
  CHECK(std::set<std::string>(shape.labels.begin(), shape.labels.end()).size() ==
        shape.labels.size());
  for (const char* label :
       {"tab:mine:overview", "tab:mine:two-step", "tab:mine:a-b", "tab:mine:a-b-2", "tab:mine:all"})
    CHECK(std::count(shape.labels.begin(), shape.labels.end(), label) == 1);
  CHECK(!contains(text, "status"));
  CHECK(contains(text, "skirmish/map\\_0 (win rate)"));
  // The overview has a row per algorithm and, over its parts, a column per task.
  const std::size_t start = text.find("tab:mine:overview");
  const std::string overview = text.substr(start, text.find("two\\_step.", start) - start);
  for (const std::string& task : tasks) {
    std::string name;
    for (const char c : task) name += c == '_' ? "\\_" : std::string(1, c);
    CAPTURE(name);
    CHECK(contains(overview, "\\rotatebox{90}{" + name));
  }
  // Where something is missing, the column is there.
  runs.front().status = RunStatus::kDiverged;
  runs.front().final.reset();
  const std::string with_status = latex_report(make_report(made_set(runs)));
  CHECK(contains(with_status, "2/3 done, 1 diverged"));
  CHECK(contains(with_status, "\\label{tab:overview}"));
  const std::string only = latex_report(make_report(made_set(runs)), ReportPart::kAggregate);
  CHECK(!contains(only, "tab:two-step"));
}

TEST_CASE("training between evaluations is the mean of its logged updates") {
  const auto line = [](int t_env, std::string_view event, const std::string& metrics) {
    return fmt::format(R"({{"t_env":{},"event":"{}","episode":1,"update":1,"metrics":{{{}}}}})",
                       t_env, event, metrics) +
           "\n";
  };
  const auto train = [&](int t_env, double entropy, const std::string& more = "") {
    return line(t_env, "train", fmt::format(R"("entropy_mean":{}{})", entropy, more));
  };
  const auto points = training_points(
      parse_metrics(line(0, "eval", R"("test_return_mean":1)") +
                        line(3, "train", R"("epsilon":1)") +  // no update
                        train(5, 0.5) + train(8, 0.8, R"(,"gre_lambda":-0.25)") + train(9, 1.0) +
                        line(10, "eval", R"("test_return_mean":1)") +
                        line(20, "eval", R"("test_return_mean":1)") + train(25, 1.0 / 3.0) +
                        line(30, "final", R"("test_return_mean":1)") +
                        line(30, "absolute", R"("test_return_mean":1)"),
                    "metrics.jsonl"));
  constexpr std::size_t kEntropy = training_metric("batch_entropy");
  constexpr std::size_t kLambda = training_metric("gre_lambda");
  REQUIRE(points.size() == 2);
  CHECK(points[0].t_env == 10);
  CHECK(points[0].updates == 3);
  CHECK(points[0].values[kEntropy] == 0.766667);
  CHECK(points[0].values[kLambda] == -0.25);
  CHECK(points[1].t_env == 30);
  CHECK(points[1].values[kEntropy] == 0.333333);
  CHECK(!points[1].values[kLambda]);

  RunResult run;
  run.names = {"matrix/climbing", "qmix"};
  run.seed = 7;
  run.training = points;
  CHECK(*training_mean(run, kEntropy) == doctest::Approx((3 * 0.766667 + 0.333333) / 4));
  CHECK(!training_mean(run, training_metric("credit_share_max")));
  ResultSet set;
  set.runs.push_back(run);
  CHECK(training_csv(set) ==
        "task,algorithm,seed,t_env,updates,batch_entropy,contribution_entropy,credit_share_max,"
        "entropy_grad_ratio,gre_lambda\n"
        "matrix/climbing,qmix,7,10,3,0.766667,,,,-0.25\n"
        "matrix/climbing,qmix,7,30,1,0.333333,,,,\n");
  ResultSet again = set;
  again.runs.front().training =
      parse_training_csv(training_csv(set), "training.csv").at({"matrix/climbing", "qmix", 7});
  CHECK(training_csv(again) == training_csv(set));
  CHECK(contains(user_error([] { parse_training_csv("task,algorithm,seed\n", "training.csv"); }),
                 "training.csv"));
}
