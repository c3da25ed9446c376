#include "suite/cli/slurm.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fmt/format.h>

#include "envs/core/error.hpp"
#include "suite/batch/slurm.hpp"
#include "suite/batch/slurm_submit.hpp"
#include "suite/batch/suite_status.hpp"
#include "suite/common/external_command.hpp"
#include "suite/common/json.hpp"
#include "suite/common/text.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;

// What sbatch gets as it is.
constexpr std::array<const char*, 4> kPassedOn = {"partition", "account", "qos", "mem"};
constexpr std::array<const char*, 9> kOnlyWithSlurm = {
    "partition", "account", "qos", "mem", "time", "cpus", "pack", "sbatch", "max-parallel"};
// What decides about the cells, and how they may be run.
constexpr std::array<std::string_view, 8> kPlanOptions = {"seeds", "only", "shard", "profile",
                                                          "t-max", "set",  "isa",   "allow-mixed"};

std::string out_folder(const Arguments& arguments) {
  const auto out = arguments.text("out");
  if (!out || out->empty()) throw UserError("no output folder given; use --out DIR");
  return fs::absolute(*out).lexically_normal().string();
}

// A script is made of lines, and a bash script cannot hold a zero byte.
void check_plain(std::string_view option, const std::string& text) {
  if (text.empty() || std::any_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) < 32 || c == 127;
      }))
    throw UserError(
        fmt::format("{} = '{}': allowed: text without line breaks and control characters", option,
                    one_line(text)));
}

SlurmOptions make_slurm_options(const Arguments& arguments) {
  SlurmOptions options;
  for (const char* name : kPassedOn) {
    const auto value = arguments.text(name);
    if (!value) continue;
    check_plain(fmt::format("--{}", name), *value);
    options.directives.push_back(fmt::format("--{}={}", name, *value));
  }
  for (const std::string& option : arguments.list("sbatch")) {
    check_plain("--sbatch", option);
    if (!option.starts_with("--"))
      throw UserError(fmt::format(
          "--sbatch = '{}': allowed: an option of sbatch, such as --sbatch=--nice=100", option));
    options.directives.push_back(option);
  }
  options.time = arguments.text("time");
  if (options.time) parse_time_limit("--time", *options.time);
  options.cpus = static_cast<int>(arguments.integer("cpus", 1, 1024).value_or(1));
  if (const auto limit = arguments.integer("max-parallel", 1, 1000000))
    options.max_parallel = static_cast<int>(*limit);
  if (const auto pack = arguments.integer("pack", 1, 1000000))
    options.pack = static_cast<std::size_t>(*pack);
  return options;
}

bool is_file(const std::string& name) {
  return name.find('/') != std::string::npos || name.ends_with(".toml");
}

// The same plan again, from any folder.
std::vector<std::string> plan_command(const Arguments& arguments, const std::string& out) {
  const auto absolute = [](const std::string& name) {
    return is_file(name) ? fs::absolute(name).lexically_normal().string() : name;
  };
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  std::vector<std::string> words = {error ? "credo" : program.string(), "suite",
                                    absolute(arguments.positional.front())};
  for (const auto& [name, values] : arguments.values) {
    if (std::find(kPlanOptions.begin(), kPlanOptions.end(), name) == kPlanOptions.end()) continue;
    for (const std::string& value : values) {
      words.push_back("--" + name);
      words.push_back(name == "profile" ? absolute(value) : value);
    }
  }
  words.insert(words.end(), {"--out", out, "--progress", "plain"});
  return words;
}

// Both scripts and what would be done with them.
int show(const Submission& submission) {
  const std::size_t max_array_size = ask_max_array_size();
  std::string text =
      fmt::format("# {}\n{}\n# {}\n{}\n# {}\n{}\n", (submission.folder() / "elements.txt").string(),
                  elements_text(submission.elements), (submission.folder() / "array.sh").string(),
                  array_script(submission, max_array_size),
                  (submission.folder() / "report.sh").string(), report_script(submission));
  const auto parts = split_array(submission.elements.size(), max_array_size);
  std::vector<std::string> jobs;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string after = submission.options.max_parallel && i > 0 ? jobs.back() : "";
    jobs.push_back(fmt::format("JOB{}", i + 1));
    text += shell_line(array_command(submission, parts[i], after)) + "\n";
  }
  print_out(text + shell_line(report_command(submission, jobs)) + "\n");
  return kExitOk;
}

}  // namespace

std::vector<Option> slurm_options() {
  return {
      {"slurm", "", "submit the missing cells as Slurm job arrays, with a report job"},
      {"partition", "P", "--slurm: as for sbatch"},
      {"account", "A", "--slurm: as for sbatch"},
      {"qos", "Q", "--slurm: as for sbatch"},
      {"mem", "SIZE", "--slurm: memory per array element, as for sbatch"},
      {"time", "LIMIT", "--slurm: time limit per element (longer cells resume after a requeue)"},
      {"cpus", "N", "--slurm: threads per element (default 1)"},
      {"max-parallel", "N", "--slurm: elements at a time"},
      {"pack", "N", "--slurm: cells per element (default: short cells share one)"},
      {"sbatch", "OPTION", "--slurm: another option of sbatch; repeat for more", true},
      {"status", "", "list done, running, queued, failed and missing cells; run nothing"},
      {"element", "N/K", "run the cells of element K of submission N (for the job scripts)"},
      {"stage", "all|cells|tables",
       "run cells and write tables (default), only the cells, or only the tables"}};
}

void check_slurm_options(const Arguments& arguments) {
  if (!arguments.has("slurm"))
    for (const char* name : kOnlyWithSlurm)
      if (arguments.has(name))
        throw UserError(fmt::format("--{} can only be used with --slurm", name));
  std::vector<std::string> modes;
  for (const char* name : {"slurm", "status", "element", "stage"})
    if (arguments.has(name)) modes.push_back(fmt::format("--{}", name));
  if (modes.size() > 1)
    throw UserError(fmt::format("{} and {} cannot be used together", modes[0], modes[1]));
  for (const char* name : {"slurm", "status"})
    if (arguments.has(name) && arguments.has("jobs"))
      throw UserError(fmt::format("--jobs has no effect with --{}{}", name,
                                  name == std::string("slurm") ? "; --cpus and --pack do" : ""));
}

int run_slurm(const Arguments& arguments, const SuiteSpec& spec, const std::vector<Cell>& cells) {
  Submission submission;
  submission.suite = spec.name;
  check_plain("the suite's name", spec.name);
  submission.options = make_slurm_options(arguments);
  submission.out = out_folder(arguments);
  check_plain("--out", submission.out.string());
  submission.command = plan_command(arguments, submission.out.string());
  check_suite_folder(submission.out, spec.name);
  const auto submissions = read_submissions(submission.out);
  if (!submissions.empty()) submission.number = submissions.back().number + 1;
  const auto queue = ask_queue();
  std::vector<const Cell*> missing;
  std::size_t n_held = 0;
  for (const CellReport& report : inspect_cells(submission.out, cells, submissions, queue)) {
    if (is_to_submit(report.status)) missing.push_back(report.cell);
    if (report.status == RunStatus::kRunning || report.status == RunStatus::kQueued) ++n_held;
  }
  if (missing.empty()) {
    print_message(arguments, fmt::format("nothing to submit: of {} cells {} are finished and {} "
                                         "running or queued",
                                         cells.size(), cells.size() - n_held, n_held));
    return kExitOk;
  }
  submission.elements = pack_cells(missing, submission.options.pack);
  if (arguments.has("dry-run")) return show(submission);
  check_sbatch();
  begin_suite(spec, cells,
              {.out = submission.out,
               .command = arguments.command_line,
               .allow_mixed = arguments.has("allow-mixed")});
  const std::string& name = arguments.positional.front();
  const auto told =
      submit(submission, is_file(name) ? fs::path(submission.command[2]) : fs::path());
  for (const std::string& line : told) print_message(arguments, line);
  print_message(
      arguments,
      fmt::format("{} of {} cells submitted; use --status instead of --slurm to follow them",
                  missing.size(), cells.size()));
  return kExitOk;
}

int run_status(const Arguments& arguments, const std::vector<Cell>& cells) {
  const fs::path out = out_folder(arguments);
  const auto submissions = read_submissions(out);
  const auto queue = submissions.empty() ? Queue{} : ask_queue();
  if (!queue) print_message(arguments, "squeue is not available: queued cells count as missing");
  const auto reports = inspect_cells(out, cells, submissions, queue);
  const auto commands = resubmit_commands(out, reports, submissions, ask_max_array_size());
  const std::string tables = commands.empty() ? "" : tables_command(out, submissions);
  if (arguments.json()) {
    Json rows = Json::array();
    for (const CellReport& report : reports)
      rows.push_back(Json{{"cell", report.cell->name},
                          {"status", status_name(report.status)},
                          {"note", report.note}});
    print_out(json_text(Json{{"cells", rows}, {"resubmit", commands}, {"afterwards", tables}}));
    return kExitOk;
  }
  std::string text;
  std::string counts;
  for (const RunStatus status : kAllStatuses) {
    int count = 0;
    for (const CellReport& report : reports) {
      if (report.status != status) continue;
      ++count;
      if (status == RunStatus::kDone) continue;
      text += fmt::format("{:<12} {}{}\n", status_name(status), report.cell->name,
                          report.note.empty() ? "" : "  (" + one_line(report.note) + ")");
    }
    if (count > 0 || status == RunStatus::kDone)
      counts += fmt::format("{}{} {}", counts.empty() ? "" : ", ", count, status_name(status));
  }
  text = fmt::format("{} cells: {}\n", reports.size(), counts) + text;
  for (const std::string& command : commands) text += "resubmit: " + command + "\n";
  if (!tables.empty()) text += "afterwards: " + tables + "\n";
  print_out(text);
  return kExitOk;
}

void apply_element(const Arguments& arguments, std::vector<Cell>& cells, SuiteOptions& options) {
  const auto element = arguments.text("element");
  if (!element) return;
  const auto names = read_element(options.out, *element);
  for (const std::string& name : names)
    if (std::none_of(cells.begin(), cells.end(),
                     [&](const Cell& cell) { return cell.name == name; }))
      throw UserError(fmt::format("--element = '{}': the suite no longer has a cell {}", *element,
                                  one_line(name)));
  std::vector<Cell> chosen;
  for (Cell& cell : cells)
    if (std::find(names.begin(), names.end(), cell.name) != names.end())
      chosen.push_back(std::move(cell));
  cells = std::move(chosen);
  options.stage = SuiteStage::kCells;
  if (!arguments.has("jobs"))
    options.jobs = std::min(options.threads, static_cast<int>(cells.size()));
}

SuiteStage stage_of(const Arguments& arguments) {
  const std::string name = arguments.text("stage").value_or("all");
  if (name == "cells") return SuiteStage::kCells;
  return name == "tables" ? SuiteStage::kTables : SuiteStage::kAll;
}

}  // namespace credo::suite
