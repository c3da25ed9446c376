#include "suite/batch/slurm.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "suite/common/builtin_files.hpp"
#include "suite/common/external_command.hpp"
#include "suite/common/text.hpp"
#include "suite/run/runner.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;

// A fixed policy costs something too.
std::int64_t cost(const Cell& cell) { return std::max<std::int64_t>(budget(cell.config), 500); }

std::string replaced(std::string text, std::string_view name, const std::string& value) {
  for (std::size_t at = text.find(name); at != std::string::npos;
       at = text.find(name, at + value.size()))
    text.replace(at, name.size(), value);
  return text;
}

// sbatch splits a directive at spaces and understands quotes and backslashes.
std::string directive(const std::string& option) {
  if (option.find_first_of(" \t\"'\\#") == std::string::npos) return "#SBATCH " + option + "\n";
  const std::size_t equals = std::min(option.find('='), option.size());
  std::string text = "#SBATCH " + option.substr(0, equals);
  if (equals == option.size()) return text + "\n";
  text += "=\"";
  for (const char c : option.substr(equals + 1)) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + "\"\n";
}

// In file names sbatch puts values in place of %A and the like.
std::string log_path(const Submission& submission, std::string_view pattern) {
  return replaced((submission.folder() / "log").string(), "%", "%%") + "/" + std::string(pattern);
}

std::string script(const Submission& submission, std::string_view name,
                   const std::vector<std::string>& directives) {
  const BuiltinFile* file = find_builtin("slurm", name);
  if (file == nullptr) throw Error(fmt::format("no template '{}'", name));
  std::string lines;
  for (const std::string& option : directives) lines += directive(option);
  for (const std::string& option : submission.options.directives) lines += directive(option);
  if (submission.options.time) lines += directive("--time=" + *submission.options.time);
  lines.pop_back();
  std::string text = replaced(std::string(file->text), "@DIRECTIVES@", lines);
  text = replaced(text, "@SUBMISSION@", fmt::format("{}", submission.number));
  return replaced(text, "@COMMAND@", shell_line(submission.command));
}

std::string array_range(const Submission& submission, std::size_t count) {
  const std::string range = fmt::format("0-{}", count - 1);
  const auto& limit = submission.options.max_parallel;
  return limit ? fmt::format("{}%{}", range, *limit) : range;
}

}  // namespace

std::int64_t parse_time_limit(std::string_view option, std::string_view text) {
  constexpr std::int64_t kShortest = 5;
  constexpr std::int64_t kLargest = 1000000;
  const auto refuse = [&]() -> std::int64_t {
    throw UserError(
        fmt::format("{} = '{}': allowed: at least {} minutes, as MINUTES, MM:SS, "
                    "HH:MM:SS, DAYS-HH, DAYS-HH:MM or DAYS-HH:MM:SS",
                    option, text, kShortest));
  };
  std::string_view rest = text;
  std::int64_t days = 0;
  const std::size_t dash = text.find('-');
  const bool has_days = dash != std::string_view::npos;
  if (has_days) {
    const auto value = parse_int(text.substr(0, dash));
    if (!value || *value < 0 || *value > kLargest) return refuse();
    days = *value;
    rest = text.substr(dash + 1);
  }
  std::vector<std::int64_t> parts;
  for (;;) {
    const std::size_t colon = std::min(rest.find(':'), rest.size());
    const auto value = parse_int(rest.substr(0, colon));
    if (!value || *value < 0 || *value > kLargest || parts.size() == 3) return refuse();
    parts.push_back(*value);
    if (colon == rest.size()) break;
    rest = rest.substr(colon + 1);
  }
  std::int64_t seconds = 0;
  if (has_days || parts.size() == 3) {
    constexpr std::array<std::int64_t, 3> kUnits = {3600, 60, 1};
    for (std::size_t i = 0; i < parts.size(); ++i) seconds += parts[i] * kUnits[i];
  } else {
    seconds = parts[0] * 60 + (parts.size() == 2 ? parts[1] : 0);
  }
  seconds += days * 86400;
  return seconds < kShortest * 60 ? refuse() : (seconds + 59) / 60;
}

Elements pack_cells(const std::vector<const Cell*>& cells, std::optional<std::size_t> pack) {
  std::int64_t largest = 0;
  for (const Cell* cell : cells) largest = std::max(largest, cost(*cell));
  Elements elements;
  std::int64_t sum = 0;
  for (const Cell* cell : cells) {
    const bool is_full =
        elements.empty() || (pack ? elements.back().size() >= *pack : sum + cost(*cell) > largest);
    if (is_full) {
      elements.emplace_back();
      sum = 0;
    }
    elements.back().push_back(cell->name);
    sum += cost(*cell);
  }
  return elements;
}

std::vector<ArrayPart> split_array(std::size_t n_elements, std::size_t max_array_size) {
  std::vector<ArrayPart> parts;
  for (std::size_t first = 0; first < n_elements; first += max_array_size)
    parts.push_back({first, std::min(max_array_size, n_elements - first)});
  return parts;
}

fs::path Submission::folder() const { return out / "slurm" / fmt::format("{}", number); }

std::string elements_text(const Elements& elements) {
  std::string text;
  for (const auto& cells : elements) {
    for (std::size_t i = 0; i < cells.size(); ++i) text += (i == 0 ? "" : "\t") + cells[i];
    text += "\n";
  }
  return text;
}

std::string array_script(const Submission& submission, std::size_t max_array_size) {
  const std::size_t count = std::min(submission.elements.size(), max_array_size);
  // The warning goes to the script, which passes it on: Slurm would not send it to a program that
  // was started without srun.
  return script(
      submission, "array",
      {"--job-name=credo-" + submission.suite, "--array=" + array_range(submission, count),
       "--output=" + log_path(submission, "%A_%a.out"), "--open-mode=append", "--requeue",
       "--signal=B:USR1@120", "--ntasks=1",
       fmt::format("--cpus-per-task={}", submission.options.cpus)});
}

std::string report_script(const Submission& submission) {
  return script(
      submission, "report",
      {"--job-name=credo-" + submission.suite + "-report",
       "--output=" + log_path(submission, "report_%j.out"), "--open-mode=append", "--ntasks=1"});
}

std::vector<std::string> array_command(const Submission& submission, const ArrayPart& part,
                                       const std::string& after) {
  std::vector<std::string> words = {"sbatch", "--parsable",
                                    "--array=" + array_range(submission, part.count)};
  if (!after.empty()) words.push_back("--dependency=afterany:" + after);
  words.push_back((submission.folder() / "array.sh").string());
  words.push_back(fmt::format("{}", part.first));
  return words;
}

std::vector<std::string> report_command(const Submission& submission,
                                        const std::vector<std::string>& after) {
  std::string jobs;
  for (const std::string& job : after) jobs += ":" + job;
  return {"sbatch", "--parsable", "--dependency=afterany" + jobs,
          (submission.folder() / "report.sh").string()};
}

}  // namespace credo::suite
