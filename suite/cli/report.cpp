#include <algorithm>
#include <fmt/format.h>

#include "envs/core/error.hpp"
#include "suite/build_info.hpp"
#include "suite/cli/cli.hpp"
#include "suite/files.hpp"
#include "suite/marl_eval.hpp"
#include "suite/publish.hpp"
#include "suite/report/html_report.hpp"
#include "suite/result_set.hpp"
#include "suite/safe_path.hpp"
#include "suite/tables.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;

// Merges suite folders into one: their plans, tables and curves, without the runs.
void merge_into(const fs::path& out, const std::vector<fs::path>& sources, const ResultSet& set,
                const Report& report, const std::string& command) {
  if (set.suite.empty())
    throw UserError("--out: needs folders of one suite; these are none, or of several");
  std::error_code error;
  if (fs::exists(out / "runs", error))
    throw UserError(fmt::format("--out: {} has runs of its own; use another folder", out.string()));
  try {
    if (const std::string other = suite_of_folder(out); !other.empty() && other != set.suite)
      throw UserError(fmt::format("--out: {} is of suite '{}'", out.string(), other));
    std::vector<PlannedCell> plan;
    for (const fs::path& source : sources)
      plan = join_plans(std::move(plan), parse_plan_csv(read_text(folder_file(source, "plan.csv")),
                                                        (source / "plan.csv").string()));
    make_directories(out);
    publish(out, plan, set, report,
            {.suite = set.suite,
             .status = publish_status(set),
             .command = command,
             .started = utc_now()});
  } catch (const FileError& problem) {
    throw UserError(problem.what());
  }
}

void print_html(const Arguments& arguments, const std::vector<fs::path>& sources,
                const ResultSet& set, const Report& report) {
  const auto out = arguments.text("out");
  std::error_code error;
  if (out && fs::is_directory(*out, error))
    throw UserError(fmt::format("--out: {} is a folder; --format html writes a file", *out));
  const std::string page = html_report(
      set, report, {.sources = sources, .folder = out ? fs::path(*out).parent_path() : fs::path()});
  if (!out) return print_out(page);
  try {
    write_file(*out, page);
  } catch (const FileError& problem) {
    throw UserError(problem.what());
  }
}

// How to go on with runs that were interrupted.
void tell_unfinished(const Arguments& arguments, const ResultSet& set) {
  constexpr int kMostLines = 5;
  int n = 0;
  for (const RunResult& run : set.runs)
    if (run.status == status_name(RunStatus::kInterrupted) && n++ < kMostLines)
      print_message(arguments, run.reason);
  if (n > kMostLines)
    print_message(arguments, fmt::format("and {} more interrupted runs", n - kMostLines));
}

int run_report(const Arguments& arguments) {
  if (arguments.positional.empty()) throw UserError("DIR is missing");
  const std::vector<std::string> formats = {"md",        "csv",     "json", "latex",
                                            "marl-eval", "rliable", "html"};
  const std::string format = arguments.text("format").value_or(arguments.json() ? "json" : "md");
  if (std::find(formats.begin(), formats.end(), format) == formats.end())
    throw UserError("--format: " + unknown_name_message("format", format, formats));
  const std::vector<fs::path> directories(arguments.positional.begin(), arguments.positional.end());
  const ResultSet set = load_results(directories, {.allow_mixed = arguments.has("allow-mixed"),
                                                   .verify = !arguments.has("no-verify")});
  tell_unfinished(arguments, set);
  if (format == "csv" && arguments.has("runs")) {
    print_out(results_csv(set));
    return kExitOk;
  }
  if (format == "marl-eval" || format == "rliable") {
    print_out(format == "rliable" ? rliable_json(normalised_scores(set)) : marl_eval_json(set));
    return kExitOk;
  }
  const Report report = make_report(set, arguments.text("baseline").value_or(""));
  if (format == "html") {
    print_html(arguments, directories, set, report);
    return kExitOk;
  }
  if (const auto out = arguments.text("out"))
    merge_into(*out, directories, set, report, arguments.command_line);
  const bool over_tasks = arguments.has("aggregate");
  if (format == "csv") {
    print_out(over_tasks ? aggregate_csv(report) : summary_csv(report.rows));
  } else if (format == "json") {
    print_out(over_tasks ? aggregate_json(report) : summary_json(report.rows));
  } else {
    print_out(format == "latex" ? latex_report(report) : markdown_report(report));
  }
  return kExitOk;
}

}  // namespace

Command report_command() {
  Command command;
  command.name = "report";
  command.arguments = "DIR... [--format md|csv|json|latex|marl-eval|rliable|html] [--out PATH]";
  command.help = "tables, or a page of figures, over runs, suites and shards of suites";
  command.details =
      "Several folders are merged: shards of a suite, parts made with --only, single runs. Runs "
      "of\n"
      "different programs, or of one row with different settings, are refused unless\n"
      "--allow-mixed is given. --out keeps the merged tables, curves and plan of one suite as a\n"
      "folder that report, compare and verify read like the whole.\n"
      "--format html makes one page with tables, figures and a page per cell that needs no "
      "network;\n--out names its file.\n\n"
      "examples:\n  credo report runs/\n"
      "  credo report results/quick --format csv --runs > runs.csv\n"
      "  credo report results/standard --format json --aggregate --baseline qmix\n"
      "  credo report results/standard --format html --out standard.html\n"
      "  credo report shard0 shard1 --out merged\n";
  command.options = {
      {"format", "F", "md (default), csv, json, latex, marl-eval, rliable, html", false},
      {"runs", "", "csv: one line per run instead of one per row", false},
      {"aggregate", "", "csv, json: scores over all tasks instead of rows", false},
      {"baseline", "ALG", "compare every algorithm with this one (default: qmix)", false},
      {"out", "PATH", "html: the page's file; else: also write the merged folder", false},
      {"allow-mixed", "", "put different programs or settings together", false},
      no_verify_option(),
      json_option()};
  command.most_positional = 1000000;
  command.run = run_report;
  command.needs_arena = false;
  return command;
}

}  // namespace credo::suite
