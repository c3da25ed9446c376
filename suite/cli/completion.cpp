#include "suite/cli/completion.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "envs/core/error.hpp"
#include "envs/core/registry.hpp"
#include "learners/hyperparameters.hpp"
#include "suite/cli/cli.hpp"
#include "suite/common/builtin_files.hpp"
#include "suite/common/text.hpp"

namespace credo::suite {
namespace {

// The words before the one being typed, as far as they matter.
struct Line {
  const Command* command = nullptr;
  std::set<std::string> given;  // options
  std::string env;
  std::size_t n_positional = 0;
  const Option* pending = nullptr;  // an option whose value is being typed
};

class Completer {
 public:
  explicit Completer(std::string typed) : typed_(std::move(typed)) {}

  void add(const std::string& word, const std::string& help = "") {
    if (word.starts_with(typed_)) out_.candidates.push_back({prefix_ + word, help});
  }
  void add_all(const std::vector<std::string>& words) {
    for (const std::string& word : words) add(word);
  }

  // What fits a placeholder of the option tables.
  void add_values(std::string_view placeholder, const Line& line) {
    if (placeholder.ends_with("...")) placeholder.remove_suffix(3);
    add_all(choices_of(placeholder));
    if (placeholder == "ENV") add_all(list_envs());
    if (placeholder == "ALG")
      for (const std::string& name : algorithm_names()) add(name, algorithm_help(name));
    if (placeholder == "POLICY") add_policies(line.env);
    if (placeholder == "PROFILE") add_builtin("profiles");
    if (placeholder == "SUITE") add_builtin("suites");
    if (placeholder == "COMMAND")
      for (const Command& command : commands()) add(command.name, command.help);
    if (placeholder == "KEY=VALUE") add_settings(line.env);
    if (placeholder == "env.KEY=VALUE" && !line.env.empty())
      add_params(env_params(line.env), "env.");
    if (placeholder == "DIR") out_.paths = Completion::Paths::kFolders;
    for (const char* file : {"FILE", "PATH", "PROFILE", "SUITE", "DIR|LOG"})
      if (placeholder == file) out_.paths = Completion::Paths::kFiles;
  }

  void add_options(const Line& line) {
    for (const Option& option : all_options(*line.command))
      if (option.repeats || !line.given.contains(option.name)) add("--" + option.name, option.help);
  }

  // "--option=value": the option stays, its value is completed.
  void split(const Option& option) {
    prefix_ = fmt::format("--{}=", option.name);
    typed_.erase(0, prefix_.size());
  }

  Completion result() && { return std::move(out_); }

 private:
  void add_policies(const std::string& env) {
    for (const std::string& name : algorithm_names())
      if (is_fixed_policy(name)) add(name, algorithm_help(name));
    if (env.empty()) return;
    const auto made = make_env(env);
    for (const ScriptedInfo& policy : made->spec().scripted)
      add("scripted:" + policy.name, policy.help);
  }

  void add_builtin(std::string_view folder) { add_all(builtin_names(folder)); }

  void add_settings(const std::string& env) {
    add_params(Params(train_params()), "");
    add_params(Params(run_params()), "");
    if (!env.empty()) add_params(env_params(env), "env.");
  }

  // "key=", and after the sign the values it may have.
  void add_params(const Params& params, const std::string& prefix) {
    for (const ParamSpec& spec : params.specs()) {
      const std::string key = prefix + spec.name + "=";
      if (!typed_.starts_with(key)) {
        add(key, spec.help);
        continue;
      }
      for (const std::string& choice : spec.choices) add(key + choice);
      if (spec.type_name() == "bool") add_all({key + "true", key + "false"});
      if (spec.is_path) out_.paths = Completion::Paths::kFiles;
    }
  }

  std::string typed_;
  std::string prefix_;  // of every candidate, before typed_
  Completion out_;
};

const Option* find_option(const std::vector<Option>& options, std::string_view word) {
  if (!word.starts_with("--")) return nullptr;
  word.remove_prefix(2);
  word = word.substr(0, word.find('='));
  for (const Option& option : options)
    if (option.name == word) return &option;
  return nullptr;
}

Line read_line(const Command& command, const std::vector<Option>& options,
               const std::vector<std::string>& words) {
  Line line;
  line.command = &command;
  for (std::size_t i = 1; i + 1 < words.size(); ++i) {
    if (line.pending != nullptr) {
      if (line.pending->value == "ENV") line.env = words[i];
      line.pending = nullptr;
      continue;
    }
    const Option* option = find_option(options, words[i]);
    if (option == nullptr && words[i].starts_with('-')) continue;
    if (option == nullptr) {
      const auto& kinds = command.positional;
      if (line.n_positional < kinds.size() && kinds[line.n_positional] == "ENV")
        line.env = words[i];
      ++line.n_positional;
      continue;
    }
    line.given.insert(option->name);
    const std::size_t equals = words[i].find('=');
    if (equals == std::string::npos && !option->value.empty()) line.pending = option;
    if (equals != std::string::npos && option->value == "ENV")
      line.env = words[i].substr(equals + 1);
  }
  return line;
}

Completion completed(const std::vector<std::string>& words) {
  const std::string& typed = words.back();
  Completer completer(typed);
  if (words.size() == 1) {
    for (const Command& command : commands()) completer.add(command.name, command.help);
    completer.add("help", "show what a command does");
    completer.add_all({"--help", "--version"});
    return std::move(completer).result();
  }
  if (words.front() == "help") {
    if (words.size() == 2) completer.add_values("COMMAND", {});
    return std::move(completer).result();
  }
  const Command* command = find_command(words.front());
  if (command == nullptr) return {};
  const std::vector<Option> options = all_options(*command);
  const Line line = read_line(*command, options, words);
  const Option* option = find_option(options, typed);
  if (line.pending != nullptr) {
    completer.add_values(line.pending->value, line);
  } else if (option != nullptr && !option->value.empty() && typed.find('=') != std::string::npos) {
    completer.split(*option);
    completer.add_values(option->value, line);
  } else if (typed.starts_with('-')) {
    completer.add_options(line);
  } else if (const auto& kinds = command->positional; !kinds.empty()) {
    const std::size_t at = std::min(line.n_positional, kinds.size() - 1);
    if (line.n_positional < kinds.size() || kinds.back().ends_with("..."))
      completer.add_values(kinds[at], line);
  }
  return std::move(completer).result();
}

int run_completion(const Arguments& arguments) {
  const std::string& shell = arguments.single("the shell (bash, zsh or fish)");
  print_out(find_builtin("cli/completion", "credo." + shell)->text);
  return kExitOk;
}

}  // namespace

Completion complete(const std::vector<std::string>& words) {
  if (words.empty()) return {};
  try {
    return completed(words);
  } catch (const UserError&) {
    return {};
  }
}

std::string completion_text(const Completion& completion) {
  std::string text;
  for (const Completion::Candidate& candidate : completion.candidates)
    text += fmt::format("{}\t{}\n", candidate.word, one_line(candidate.help));
  if (completion.paths == Completion::Paths::kFiles) text += ":files\n";
  if (completion.paths == Completion::Paths::kFolders) text += ":folders\n";
  return text;
}

Command completion_command() {
  Command command;
  command.name = "completion";
  command.arguments = "bash|zsh|fish";
  command.help = "print a completion script for a shell";
  command.details =
      "`cmake --install` puts the scripts where the shells look for them. Without it, load one "
      "into the running shell as below, or save it: for zsh as _credo in a folder of $fpath, for "
      "fish as ~/.config/fish/completions/credo.fish.";
  command.examples = {"source <(credo completion bash)", "credo completion fish | source"};
  command.positional = {"bash|zsh|fish"};
  command.run = run_completion;
  command.needs_arena = false;
  return command;
}

}  // namespace credo::suite
