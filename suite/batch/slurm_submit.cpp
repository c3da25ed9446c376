#include "suite/batch/slurm_submit.hpp"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <sstream>
#include <sys/stat.h>
#include <system_error>

#include "suite/common/external_command.hpp"
#include "suite/common/files.hpp"
#include "suite/common/text.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDefaultMaxArraySize = 1001;

Elements parse_elements(const std::string& text) {
  Elements elements;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    elements.emplace_back();
    std::istringstream cells(line);
    for (std::string cell; std::getline(cells, cell, '\t');) elements.back().push_back(cell);
  }
  return elements;
}

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
}

// The number of the job, from "123" or "123;cluster".
std::string submit_one(const std::vector<std::string>& words) {
  const CommandOutput output = run_command_words(words);
  if (output.code != 0)
    throw UserError(
        fmt::format("sbatch refused: {}; what was submitted before goes on, and the "
                    "same command submits the rest later",
                    one_line(trimmed(output.err))));
  const std::string job = trimmed(output.out);
  const std::string number = job.substr(0, job.find(';'));
  if (!parse_int(number))
    throw UserError(fmt::format("sbatch gave no job number but '{}'", one_line(job)));
  return number;
}

// The next number nobody has taken: creating a folder is atomic.
void take_number(Submission& submission) {
  make_directories(submission.out / "slurm");
  while (::mkdir(submission.folder().c_str(), 0777) != 0) {
    if (errno != EEXIST)
      throw FileError(fmt::format("cannot create {}: {}", submission.folder().string(),
                                  std::generic_category().message(errno)));
    ++submission.number;
  }
}

void write_script(const fs::path& path, const std::string& text) {
  write_file(path, text);
  std::error_code ignored;  // sbatch does not need it; people who try a script do
  fs::permissions(path, fs::perms::owner_exec | fs::perms::group_exec, fs::perm_options::add,
                  ignored);
}

}  // namespace

std::vector<std::string> read_element(const fs::path& out, std::string_view text) {
  const std::size_t slash = std::min(text.find('/'), text.size());
  const auto submission = parse_int(text.substr(0, slash));
  const auto element = parse_int(text.substr(std::min(slash + 1, text.size())));
  if (!submission || !element || *submission < 1 || *element < 0)
    throw UserError(
        fmt::format("--element = '{}': allowed: SUBMISSION/ELEMENT, such as 1/0", text));
  const fs::path path = out / "slurm" / fmt::format("{}", *submission) / "elements.txt";
  const Elements elements = as_user_error([&] { return parse_elements(read_text(path)); },
                                          fmt::format("--element = '{}': ", text));
  if (static_cast<std::size_t>(*element) >= elements.size())
    throw UserError(fmt::format("--element = '{}': {} has elements 0 to {}", text, path.string(),
                                elements.size() - 1));
  return elements[static_cast<std::size_t>(*element)];
}

std::vector<OldSubmission> read_submissions(const fs::path& out) {
  std::vector<OldSubmission> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(out / "slurm", error)) {
    const auto number = parse_int(entry.path().filename().string());
    if (!number || !fs::exists(entry.path() / "elements.txt", error)) continue;
    OldSubmission submission;
    submission.number = static_cast<int>(*number);
    as_user_error([&] {
      submission.elements = parse_elements(read_text(entry.path() / "elements.txt"));
      const fs::path jobs = entry.path() / "jobs.txt";
      std::istringstream lines(fs::exists(jobs, error) ? read_text(jobs) : "");
      for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string kind;
        std::string job;
        ArrayPart part;
        if (!(words >> kind >> job) || (kind == "array" && !(words >> part.first >> part.count)))
          throw UserError(fmt::format("{}: damaged line '{}'", jobs.string(), one_line(line)));
        if (kind == "array") submission.arrays.emplace_back(job, part);
      }
    });
    found.push_back(std::move(submission));
  }
  std::sort(found.begin(), found.end(),
            [](const OldSubmission& a, const OldSubmission& b) { return a.number < b.number; });
  return found;
}

std::size_t ask_max_array_size() {
  const CommandOutput output = run_command_words({"scontrol", "show", "config"});
  std::istringstream lines(output.out);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    std::string equals;
    std::string value;
    words >> name >> equals >> value;
    if (name != "MaxArraySize") continue;
    const auto size = parse_int(value);
    if (size && *size > 0) return static_cast<std::size_t>(*size);
  }
  return kDefaultMaxArraySize;
}

Queue parse_queue(const std::string& text) {
  Queue queue;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string job;
    std::string element;
    std::string state;
    if (!(words >> job >> element >> state)) continue;
    if (const auto index = parse_int(element); index && *index >= 0)
      queue[job][static_cast<std::size_t>(*index)] = state;
  }
  return queue;
}

std::optional<Queue> ask_queue() {
  const CommandOutput output =
      run_command_words({"squeue", "--noheader", "--array", "--me", "--format=%F %K %T"});
  if (!output.was_found || output.code != 0) return std::nullopt;
  return parse_queue(output.out);
}

void check_sbatch() {
  if (!run_command_words({"sbatch", "--version"}).was_found)
    throw UserError(
        "--slurm: there is no sbatch here; use a login node of the cluster, or --dry-run");
}

std::vector<std::string> submit(Submission& submission, const fs::path& suite_file) {
  return as_user_error([&] {
    const std::size_t max_array_size = ask_max_array_size();
    take_number(submission);
    const fs::path folder = submission.folder();
    make_directories(folder / "log");
    if (!suite_file.empty()) {
      // As it is now: the jobs may start in a week.
      const fs::path copy = folder / suite_file.filename();
      write_file(copy, read_text(suite_file));
      std::replace(submission.command.begin(), submission.command.end(), suite_file.string(),
                   copy.string());
    }
    write_file(folder / "elements.txt", elements_text(submission.elements));
    write_script(folder / "array.sh", array_script(submission, max_array_size));
    write_script(folder / "report.sh", report_script(submission));

    std::vector<std::string> told;
    std::vector<std::string> jobs;
    std::string record;
    for (const ArrayPart& part : split_array(submission.elements.size(), max_array_size)) {
      // One array after another, where only so many elements may run at a time.
      const std::string after = submission.options.max_parallel && !jobs.empty() ? jobs.back() : "";
      jobs.push_back(submit_one(array_command(submission, part, after)));
      record += fmt::format("array {} {} {}\n", jobs.back(), part.first, part.count);
      write_file(folder / "jobs.txt", record);
      told.push_back(fmt::format("job {}: elements {} to {} of {}", jobs.back(), part.first,
                                 part.first + part.count - 1, folder.string()));
    }
    const std::string report = submit_one(report_command(submission, jobs));
    write_file(folder / "jobs.txt", record + fmt::format("report {}\n", report));
    told.push_back(fmt::format("job {}: the tables, after them", report));
    return told;
  });
}

}  // namespace credo::suite
