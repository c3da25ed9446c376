#include <algorithm>
#include <fmt/format.h>

#include "envs/core/error.hpp"
#include "suite/batch/publish.hpp"
#include "suite/cli/cli.hpp"
#include "suite/common/build_info.hpp"
#include "suite/common/files.hpp"
#include "suite/common/safe_path.hpp"
#include "suite/common/text.hpp"
#include "suite/report/html_report.hpp"
#include "suite/report/latex.hpp"
#include "suite/report/tables.hpp"
#include "suite/results/marl_eval.hpp"
#include "suite/results/result_set.hpp"
#include "suite/results/suite_manifest.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;

// Merges suite folders into one: their plans, tables and curves, without the runs.
void merge_into(const fs::path& out, const std::vector<fs::path>& sources, const ResultSet& set,
                const Report& report, const std::string& command) {
  if (set.suite.empty())
    throw UserError("--out needs folders of one suite; these belong to none, or to several");
  std::error_code error;
  if (fs::exists(out / "runs", error))
    throw UserError(fmt::format("--out: {} has runs of its own; use another folder", out.string()));
  as_user_error([&] {
    if (const std::string other = suite_of_folder(out); !other.empty() && other != set.suite)
      throw UserError(fmt::format("--out: {} belongs to suite '{}'", out.string(), other));
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
  });
}

// To the file of --out, or to stdout.
void print_file(const Arguments& arguments, const std::string& format, const std::string& bytes) {
  const auto out = arguments.text("out");
  if (!out) return print_out(bytes);
  std::error_code error;
  if (fs::is_directory(*out, error))
    throw UserError(fmt::format("--out: {} is a folder; --format {} writes a file", *out, format));
  as_user_error([&] { write_file(*out, bytes); });
}

void print_html(const Arguments& arguments, const std::vector<fs::path>& sources,
                const ResultSet& set, const Report& report) {
  const auto out = arguments.text("out");
  print_file(
      arguments, "html",
      html_report(set, report,
                  {.sources = sources, .folder = out ? fs::path(*out).parent_path() : fs::path()}));
}

// For other programs, whose formats have no place for everything.
int print_export(const Arguments& arguments, const std::string& format, const ResultSet& set) {
  const Export file = format == "rliable" ? rliable_json(set)
                      : format == "npz"   ? rliable_npz(set)
                                          : marl_eval_json(set);
  print_file(arguments, format, file.bytes);
  for (const std::string& note : file.notes) print_message(arguments, note);
  for (const std::string& entry : file.left_out)
    print_message(arguments, fmt::format("left out: {}", entry));
  for (const std::string& problem : file.problems)
    print_message(arguments, fmt::format("violates the format's rules: {}", problem));
  return file.is_whole() ? kExitOk : kExitFailed;
}

// Options that a format has no use for are refused, not ignored.
void check_options(const Arguments& arguments, const std::string& format) {
  const auto refuse = [&](const char* option, const std::vector<std::string>& formats) {
    if (arguments.has(option) && std::find(formats.begin(), formats.end(), format) == formats.end())
      throw UserError(fmt::format("--{} cannot be used with --format {}; it is for {}", option,
                                  format, joined(formats)));
  };
  refuse("runs", {"csv"});
  refuse("aggregate", {"md", "csv", "json", "latex"});
  refuse("baseline", {"md", "csv", "json", "latex", "html"});
  if (arguments.has("runs") && (arguments.has("aggregate") || arguments.has("baseline")))
    throw UserError(
        "--runs prints one line per run and cannot be used with --aggregate or --baseline");
}

// How to resume runs that were interrupted.
void tell_unfinished(const Arguments& arguments, const ResultSet& set) {
  constexpr int kMostLines = 5;
  int n = 0;
  for (const RunResult& run : set.runs)
    if (run.status == RunStatus::kInterrupted && n++ < kMostLines)
      print_message(arguments, run.reason);
  if (n > kMostLines)
    print_message(arguments, fmt::format("and {} more interrupted runs", n - kMostLines));
}

int run_report(const Arguments& arguments) {
  if (arguments.positional.empty()) throw UserError("DIR is missing");
  const std::string format = arguments.text("format").value_or(arguments.json() ? "json" : "md");
  check_options(arguments, format);
  const std::vector<fs::path> directories(arguments.positional.begin(), arguments.positional.end());
  const ResultSet set = load_results(directories, {.allow_mixed = arguments.has("allow-mixed"),
                                                   .verify = !arguments.has("no-verify")});
  tell_unfinished(arguments, set);
  for (const std::string& name : set.unknown_names())
    print_message(
        arguments,
        fmt::format("this program does not have {}; its runs are shown as they are recorded",
                    name));
  if (format == "marl-eval" || format == "rliable" || format == "npz")
    return print_export(arguments, format, set);
  const Report report = make_report(set, arguments.text("baseline").value_or(""));
  if (format == "html") {
    print_html(arguments, directories, set, report);
    return kExitOk;
  }
  const bool over_tasks = arguments.has("aggregate");
  if (over_tasks && report.aggregates.empty()) {
    std::vector<std::string> reasons;
    for (const auto& [name, why] : report.scores.left_out)
      reasons.push_back(fmt::format("{} ({})", name, why));
    throw UserError(fmt::format("--aggregate: there are no scores over all tasks; left out: {}",
                                joined(reasons)));
  }
  if (const auto out = arguments.text("out"))
    merge_into(*out, directories, set, report, arguments.command_line);
  const ReportPart part = over_tasks ? ReportPart::kAggregate : ReportPart::kAll;
  if (format == "csv") {
    print_out(arguments.has("runs") ? results_csv(set)
              : over_tasks          ? aggregate_csv(report)
                                    : summary_csv(report.rows));
  } else if (format == "json") {
    print_out(over_tasks ? aggregate_json(report) : summary_json(report.rows));
  } else {
    print_out(format == "latex" ? latex_report(report, part) : markdown_report(report, part));
  }
  // This format alone has no place to say it.
  if (format == "csv" && over_tasks)
    for (const auto& [name, why] : report.scores.left_out)
      print_message(arguments, fmt::format("left out: {}: {}", name, why));
  return kExitOk;
}

}  // namespace

Command report_command() {
  Command command;
  command.name = "report";
  command.arguments = "DIR... [--format FORMAT] [--out PATH]";
  command.help = "print tables, or write a page of figures, for runs and suites";
  command.details =
      "Several folders are merged: shards of a suite, parts made with --only, single runs. Runs of "
      "different programs, and runs of one row with different settings, are refused unless "
      "--allow-mixed is given. With --out, the merged tables, curves and plan of one suite are "
      "kept in a folder that report, compare and verify read like the original.\n\n"
      "--format html writes one self-contained page with tables, figures and a page per cell.\n\n"
      "marl-eval, rliable and npz (rliable's arrays for NumPy) are formats of other tools. They "
      "cannot hold runs without a score, or seeds and algorithms that are missing on some tasks: "
      "what is left out is named on stderr, and the exit status is then 1.";
  command.examples = {"credo report runs/",
                      "credo report results/quick --format csv --runs > runs.csv",
                      "credo report results/standard --format json --aggregate --baseline qmix",
                      "credo report results/standard --format html --out standard.html",
                      "credo report results/quick --format npz --out quick.npz",
                      "credo report shard0 shard1 --out merged"};
  command.positional = {"DIR..."};
  command.options = {
      {"format", "md|csv|json|latex|marl-eval|rliable|npz|html", "default: md"},
      {"runs", "", "csv: one line per run instead of one per row"},
      {"aggregate", "", "md, csv, json, latex: only the scores over all tasks"},
      {"baseline", "ALG", "compare every algorithm with this one (default: qmix)"},
      {"out", "PATH",
       "html, marl-eval, rliable, npz: the file to write; other formats: also write the merged "
       "folder"},
      {"allow-mixed", "", "accept different programs and settings in one table"},
      no_verify_option(),
      json_option()};
  command.run = run_report;
  command.needs_arena = false;
  return command;
}

}  // namespace credo::suite
