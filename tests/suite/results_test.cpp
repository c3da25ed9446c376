#include <cmath>
#include <doctest/doctest.h>

#include "suite/common/csv.hpp"
#include "suite/report/tables.hpp"
#include "suite/results/result_set.hpp"
#include "suite/run/metrics.hpp"
#include "tests/suite/results_support.hpp"
#include "tests/suite/support.hpp"

using namespace credo::suite;
using credo::suite::testing::contains;
using credo::suite::testing::made_run;
using credo::suite::testing::made_set;
using credo::suite::testing::user_error;

namespace {

ResultSet sample() {
  std::vector<RunResult> runs;
  for (std::uint64_t seed = 0; seed < 3; ++seed)
    runs.push_back(made_run("two_step", "vdn", seed, static_cast<double>(seed)));
  runs.push_back(made_run("two_step", "qmix", 0, 8.0));
  runs.back().final->entropy_mean = 0.75;
  RunResult diverged = made_run("two_step", "qmix", 1, 0.0);
  diverged.status = "diverged";
  diverged.final.reset();
  runs.push_back(diverged);
  runs.push_back(made_run("switch/2", "vdn", 0, -10.0));
  runs.back().final->win_rate = 0.5;
  return made_set(std::move(runs));
}

}  // namespace

TEST_CASE("a summary groups runs and counts what is missing") {
  const auto rows = summarize(sample());
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].algorithm == "vdn");
  CHECK(rows[0].return_mean == 1.0);
  CHECK(rows[0].return_iqm->value == 1.0);
  CHECK(rows[0].return_iqm->interval.low == 0.0);
  CHECK(rows[0].return_iqm->interval.high == 2.0);
  CHECK(rows[0].status == "done");
  CHECK(rows[1].status == "1/2 done, 1 diverged");
  CHECK(rows[1].return_mean == 8.0);
  CHECK(rows[1].entropy_mean == 0.75);
  CHECK(!rows[0].entropy_mean);
  CHECK(rows[2].win_rate == 0.5);
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
        "| qmix      |     0 |        8.00 | 8.00 [8.00, 8.00] | 0.7500 | 1/2 done, 1 diverged |\n"
        "\nA note.\n\n"
        "### switch/2\n\n"
        "| algorithm | seeds | mean return |            IQM [95% CI] |   H | win rate | status |\n"
        "|-----------|------:|------------:|------------------------:|----:|---------:|--------|\n"
        "| vdn       |     0 |      -10.00 | -10.00 [-10.00, -10.00] |   – |    0.500 | done   |\n"
        "\nA footer.\n");
}

TEST_CASE("CSV follows RFC 4180 and reads back") {
  CHECK(csv_field("plain") == "plain");
  CHECK(csv_field("a,b") == "\"a,b\"");
  CHECK(csv_field("say \"x\"") == "\"say \"\"x\"\"\"");
  const std::string text = summary_csv(summarize(sample()));
  CHECK(contains(text, "two_step,vdn,0-2,3,3,1,1,0,2,,,,done\n"));
  CHECK(contains(text, "two_step,qmix,0,1,2,8,8,8,8,,0.75,,\"1/2 done, 1 diverged\"\n"));
  const CsvTable table(
      text + csv_line({"a,\"b\"\nc", "", "", "1", "2", "3", "4", "5", "6", "7", "", "1e-3", "x"}),
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
  CHECK(episode_lines(100, 2, evaluation) == "100,7,2,1.5,3,\n100,8,2,-0.1,4,1\n100,9,2,0,5,0\n");
}

TEST_CASE("noop is noted where no action does nothing") {
  CHECK(contains(noop_note("matrix/climbing"), "no action that does nothing"));
  CHECK(noop_note("switch/2").empty());
}
