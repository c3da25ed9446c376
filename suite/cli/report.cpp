#include <algorithm>
#include <fmt/format.h>

#include "envs/core/error.hpp"
#include "suite/cli/cli.hpp"
#include "suite/results.hpp"

namespace credo::suite {
namespace {

int run_report(const Arguments& arguments) {
  if (arguments.positional.empty()) throw UserError("DIR is missing");
  const std::vector<std::string> formats = {"md", "csv", "json"};
  const std::string format = arguments.text("format").value_or(arguments.json() ? "json" : "md");
  if (std::find(formats.begin(), formats.end(), format) == formats.end())
    throw UserError("--format: " + unknown_name_message("format", format, formats));
  std::vector<RunResult> results;
  TableNotes notes;
  for (const std::string& directory : arguments.positional) {
    const auto runs = find_runs(directory);
    if (runs.empty()) throw UserError(fmt::format("{} holds no run", directory));
    for (const auto& run : runs) results.push_back(read_run_result(run));
  }
  sort_results(results);
  const auto rows = summarize(results);
  if (format == "csv") {
    print_out(arguments.has("runs") ? results_csv(results) : summary_csv(rows));
  } else if (format == "json") {
    print_out(summary_json(rows));
  } else {
    notes.footer = {
        fmt::format("{} runs. Mean return: greedy episodes after training, averaged over seeds.",
                    results.size()),
        "IQM: interquartile mean over seeds with a 95% percentile bootstrap interval (50,000 "
        "resamples of the seeds).",
        "H: normalised entropy of the agents' credits dQ_tot/dQ_i; 1 = equal credit."};
    print_out(markdown_tables(rows, notes));
  }
  return kExitOk;
}

}  // namespace

Command report_command() {
  Command command;
  command.name = "report";
  command.arguments = "DIR... [--format md|csv|json]";
  command.help = "tables over finished runs";
  command.details =
      "examples:\n  credo report runs/\n"
      "  credo report results/quick --format csv --runs > runs.csv\n";
  command.options = {{"format", "F", "md (default), csv or json", false},
                     {"runs", "", "csv: one line per run instead of one per row", false},
                     json_option()};
  command.most_positional = 1000000;
  command.run = run_report;
  command.needs_arena = false;
  return command;
}

}  // namespace credo::suite
