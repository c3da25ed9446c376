#include "suite/cli/help.hpp"

#include <array>
#include <fmt/format.h>

#include "learners/hyperparameters.hpp"
#include "suite/common/build_info.hpp"
#include "suite/common/signals.hpp"
#include "suite/common/text.hpp"

namespace credo::suite {
namespace {

constexpr std::size_t kWidth = 80;
constexpr std::string_view kTitle =
    "credit assignment in cooperative multi-agent reinforcement learning";

struct ExitStatus {
  int code;
  const char* meaning;
};
constexpr std::array<ExitStatus, 5> kExitStatuses = {
    {{kExitOk, "success"},
     {kExitFailed, "a run failed or diverged, or an export or a comparison is incomplete"},
     {kExitUsage, "wrong usage or bad input: one line on stderr"},
     {kExitMismatch, "verification found a difference"},
     {kExitStopped, "stopped with a checkpoint saved; the same command, or resume, continues"}}};

std::string option_text(const Option& option) {
  return fmt::format("--{}{}{}", option.name, option.value.empty() ? "" : " ", option.value);
}

// "  left    text", the text in a column of its own.
std::string entry(const std::string& left, const std::string& text, std::size_t column) {
  const std::string lines = wrapped(text, kWidth, column);
  const std::string start = "  " + left;
  if (start.size() + 2 > column) return start + "\n" + lines;
  return start + std::string(column - start.size(), ' ') + lines.substr(column);
}

// ---- roff

std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out.starts_with('.') || out.starts_with('\'') ? "\\&" + out : out;
}

std::string roff_paragraphs(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    out += line.empty() ? ".PP\n" : roff(line) + "\n";
  }
  return out;
}

std::string roff_entry(const std::string& term, std::string_view value, const std::string& text) {
  return fmt::format(".TP\n.B {}{}\n{}\n", roff(term),
                     value.empty() ? "" : fmt::format(" \\fI{}\\fP", roff(value)), roff(text));
}

std::string roff_options(const std::vector<Option>& options) {
  std::string out;
  for (const Option& option : options)
    out += roff_entry("--" + option.name, option.value, option.help);
  return out;
}

std::string roff_command(const Command& command) {
  std::string out = fmt::format(".SS credo {}\n{}.\n.PP\n.B credo {}\n", roff(command.name),
                                roff(command.help), roff(command.name));
  if (!command.arguments.empty()) out += roff(command.arguments) + "\n";
  if (!command.details.empty()) out.append(".PP\n").append(roff_paragraphs(command.details));
  out += roff_options(command.options);
  if (command.examples.empty()) return out;
  out += ".PP\nExamples:\n.PP\n.nf\n";
  for (const std::string& example : command.examples) out += roff(example) + "\n";
  return out + ".fi\n";
}

std::string roff_settings(const std::vector<ParamSpec>& specs) {
  std::string out;
  for (const ParamSpec& spec : specs) {
    const std::string value = to_text(spec.value);
    out +=
        roff_entry(spec.name, {},
                   fmt::format("{} (default {}; {} {})", spec.help, value.empty() ? "none" : value,
                               spec.type_name(), spec.range_text()));
  }
  return out;
}

}  // namespace

std::string usage() {
  std::string text =
      fmt::format("credo: {}\n\nusage: credo COMMAND [OPTIONS]\n\ncommands:\n", kTitle);
  for (const Command& command : commands()) text += entry(command.name, command.help, 16);
  text +=
      "\n`credo help COMMAND` shows a command's options and examples, `credo --version`\n"
      "the build. Data goes to stdout, messages to stderr.\n\nexit status:\n";
  for (const ExitStatus& status : kExitStatuses)
    text += entry(fmt::format("{}", status.code), status.meaning, 16);
  return text;
}

std::string help_of(const Command& command) {
  std::string text = wrapped(fmt::format("credo {}: {}", command.name, command.help), kWidth) +
                     fmt::format("\nusage: credo {}{}{}\n", command.name,
                                 command.arguments.empty() ? "" : " ", command.arguments);
  if (!command.details.empty()) text.append("\n").append(wrapped(command.details, kWidth));
  text += "\noptions:\n";
  for (const Option& option : all_options(command))
    text += entry(option_text(option), option.help, 26);
  if (command.examples.empty()) return text;
  text += "\nexamples:\n";
  for (const std::string& example : command.examples)
    text.append("  ").append(example).append("\n");
  return text;
}

std::string manual_page() {
  std::string out = fmt::format(
      ".TH CREDO 1 \"\" \"Credo {}\" \"User Commands\"\n.SH NAME\ncredo \\- {}\n.SH SYNOPSIS\n"
      ".B credo\n.I COMMAND\n[\\fIOPTIONS\\fP]\n.SH DESCRIPTION\n",
      roff(build_info().version), roff(kTitle));
  out +=
      "Trains and evaluates cooperative multi\\-agent learners, measures how they assign credit,\n"
      "and reports whole benchmark suites. Results depend on configuration and seed alone.\n"
      "Data goes to standard output, messages to standard error.\n.SH COMMANDS\n";
  for (const Command& command : commands()) out += roff_command(command);
  out.append(".SH COMMON OPTIONS\n").append(roff_options(common_options()));
  out +=
      ".SH SETTINGS\nKeys of\n.B \\-\\-set\nand of TOML files. Those of environments, "
      "\\fBenv.\\fP\\fINAME\\fP, are shown by\n.BR \"credo describe\" .\n";
  out += roff_settings(run_params()) + roff_settings(train_params());
  out += ".SH EXIT STATUS\n";
  for (const ExitStatus& status : kExitStatuses)
    out += roff_entry(fmt::format("{}", status.code), {}, status.meaning);
  return out;
}

namespace {

int run_man(const Arguments&) {
  print_out(manual_page());
  return kExitOk;
}

}  // namespace

Command man_command() {
  Command command;
  command.name = "man";
  command.arguments = "";
  command.help = "print the manual page, credo(1), in roff";
  command.examples = {"credo man | man -l -"};
  command.run = run_man;
  command.needs_arena = false;
  return command;
}

}  // namespace credo::suite
