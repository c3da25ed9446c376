#include <fmt/format.h>
#include <oneapi/tbb/info.h>

#include "envs/core/error.hpp"
#include "suite/batch/suite_run.hpp"
#include "suite/cli/cli.hpp"
#include "suite/cli/slurm.hpp"
#include "suite/cli/suite_plan.hpp"
#include "suite/common/signals.hpp"
#include "suite/common/text.hpp"
#include "suite/plan/memory_check.hpp"
#include "suite/report/tables.hpp"
#include "suite/run/integrity.hpp"

namespace credo::suite {
namespace {

int run_suite_command(const Arguments& arguments) {
  check_slurm_options(arguments);
  const SuiteSpec spec = load_suite(arguments.single("the name of the suite (credo list suites)"));
  PlanOptions plan_options;
  if (const auto seeds = arguments.text("seeds"))
    plan_options.seeds = parse_seed_list("--seeds", *seeds);
  plan_options.only = arguments.list("only");
  if (const auto shard = arguments.text("shard"))
    plan_options.shard = parse_shard("--shard", *shard);
  plan_options.profile = arguments.text("profile");
  plan_options.t_max = arguments.t_max();
  plan_options.sets = arguments.list("set");
  std::vector<Cell> cells = make_plan(spec, plan_options);
  const auto out = arguments.text("out");
  SuiteOptions options;
  options.jobs = static_cast<int>(
      arguments.integer("jobs", 1, 1024).value_or(tbb::info::default_concurrency()));
  options.threads = arguments.threads();
  options.command = arguments.command_line;
  options.allow_mixed = arguments.has("allow-mixed");
  options.verify = !arguments.has("no-verify");
  if (arguments.has("slurm")) return run_slurm(arguments, spec, cells);
  if (arguments.has("status")) return run_status(arguments, cells);
  if (arguments.has("dry-run")) return show_plan(arguments, cells, options, out.value_or(""));
  if (!out || out->empty()) throw UserError("no output folder given; use --out DIR");
  options.out = *out;
  options.stage = stage_of(arguments);
  apply_element(arguments, cells, options);

  if (options.stage != SuiteStage::kTables) {
    check_suite_folder(options.out, spec.name);
    std::vector<const RunConfig*> to_run;
    for (const Cell& cell : cells)
      if (!is_finished(cell_status(options.out / cell.folder, cell.config)))
        to_run.push_back(&cell.config);
    const MemoryAdvice advice = check_memory(to_run, options.jobs, available_memory());
    if (!advice.refusal.empty()) throw UserError(advice.refusal);
    if (!advice.warning.empty()) print_message(arguments, advice.warning);
  }
  install_stop_handlers();
  Progress progress(arguments.progress());
  const SuiteOutcome outcome = run_suite(spec, cells, options, progress);
  progress.clear();
  if (outcome.stopped) {
    print_message(arguments, fmt::format("stopped by {} with {} of {} cells done and the running "
                                         "ones saved; the same command continues",
                                         stop_signal_name(), outcome.n_done, cells.size()));
    return kExitStopped;
  }
  if (!outcome.taken_over.empty()) {
    print_message(arguments, outcome.taken_over + "; this process has stopped");
    return kExitFailed;
  }
  const bool has_tables = options.stage != SuiteStage::kCells;
  if (has_tables) print_out(arguments.json() ? summary_json(outcome.report.rows) : outcome.tables);
  if (outcome.n_busy > 0) {
    print_message(arguments, fmt::format("{} of {} cells are being run by other processes; the "
                                         "same command continues",
                                         outcome.n_busy, cells.size()));
    return kExitStopped;
  }
  if (outcome.n_credits_failed > 0)
    print_error(
        fmt::format("{} measurements of credits are missing; the same command tries again{}",
                    outcome.n_credits_failed,
                    outcome.credits_problem.empty() ? "" : "; " + outcome.credits_problem));
  const bool is_failed = outcome.n_failed > 0 || outcome.n_credits_failed > 0;
  if (!has_tables) return is_failed ? kExitFailed : kExitOk;
  if (outcome.n_done + outcome.n_failed < std::ssize(cells))
    print_message(arguments,
                  fmt::format("only {} of {} cells have run", outcome.n_done, cells.size()));
  return outcome.n_done == std::ssize(cells) && !is_failed ? kExitOk : kExitFailed;
}

}  // namespace

Command suite_command() {
  Command command;
  command.name = "suite";
  command.arguments = "SUITE --out DIR [OPTIONS]";
  command.help = "run environments x algorithms x seeds and print a table";
  command.details =
      "SUITE is a built-in suite (credo list suites) or a TOML file. Up to --jobs cells run at the "
      "same time; with more than one job, each cell uses one thread.\n\n"
      "The same command continues an interrupted suite: finished cells are skipped, interrupted "
      "ones resumed.";
  command.examples = {
      "credo suite quick --out results/quick",
      "credo suite quick --only 'switch/2/*' --seeds 0-4 --dry-run",
      "credo suite ./mine.toml --shard 0/4 --out part0",
      "credo suite quick --slurm --partition short --time 4:00:00 --out results/quick",
      "credo suite quick --status --out results/quick"};
  command.positional = {"SUITE"};
  command.options = {
      {"out", "DIR", "folder for runs, tables and manifest"},
      {"seeds", "LIST", "0-4 or 0,2,5 (default: the suite's)"},
      {"jobs", "N", "cells at a time (default: all cores)"},
      {"only", "GLOB",
       "cells matching TASK/ALG/seed_N, TASK/ALG, TASK, ALG or seed_N; repeat for more", true},
      {"shard", "I/N", "every N-th cell, starting with cell I (from 0/N to N-1/N)"},
      {"profile", "PROFILE", "use this profile instead of the suite's"},
      {"t-max", "N", "environment steps of every learning cell"},
      {"set", "KEY=VALUE", "one setting for every cell; repeat for more", true},
      {"allow-mixed", "", "continue a folder with runs of another program or other settings"},
      no_verify_option(),
      {"dry-run", "", "show the cells and what they cost; with --slurm, the job scripts"},
      json_option(),
      progress_option()};
  for (const Option& option : slurm_options()) command.options.push_back(option);
  command.run = run_suite_command;
  command.needs_arena = false;  // every worker brings its own
  return command;
}

}  // namespace credo::suite
