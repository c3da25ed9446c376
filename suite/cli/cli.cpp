#include "suite/cli/cli.hpp"

#include <algorithm>
#include <boost/program_options.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <fmt/format.h>
#include <limits>
#include <new>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/task_arena.h>
#include <system_error>
#include <unistd.h>

#include "envs/core/error.hpp"
#include "envs/core/registry.hpp"
#include "learners/base/isa.hpp"
#include "learners/hyperparameters.hpp"
#include "learners/rollout/fixed_policy.hpp"
#include "suite/cli/completion.hpp"
#include "suite/cli/help.hpp"
#include "suite/common/build_info.hpp"
#include "suite/common/text.hpp"
#include "suite/run/integrity.hpp"

namespace credo::suite {
namespace {

namespace po = boost::program_options;

constexpr std::int64_t kMostThreads = 1024;

// Thrown when the reader of our stdout has gone.
struct OutputClosed {};

// The words that are allowed, where the tables say so.
void check_choice(std::string_view value, const std::string& word, std::string_view kind,
                  std::string_view where = "") {
  const std::vector<std::string> choices = choices_of(value);
  if (!choices.empty() && std::find(choices.begin(), choices.end(), word) == choices.end())
    throw UserError(fmt::format("{}{}", where, unknown_name_message(kind, word, choices)));
}

bool takes_any_number(const Command& command) {
  return !command.positional.empty() && command.positional.back().ends_with("...");
}

Arguments parse(const Command& command, const std::vector<std::string>& words) {
  const std::vector<Option> options = all_options(command);
  po::options_description described;
  std::vector<std::string> names;
  for (const Option& option : options) {
    names.push_back("--" + option.name);
    if (option.value.empty()) {
      described.add_options()(option.name.c_str(), "");
    } else if (option.repeats) {
      described.add_options()(option.name.c_str(), po::value<std::vector<std::string>>(), "");
    } else {
      described.add_options()(option.name.c_str(), po::value<std::string>(), "");
    }
  }
  const std::string kRest = "positional words";
  described.add_options()(kRest.c_str(), po::value<std::vector<std::string>>(), "");
  po::positional_options_description positional;
  positional.add(kRest.c_str(), -1);

  Arguments arguments;
  try {
    namespace style = po::command_line_style;
    const auto parsed =
        po::command_line_parser(words)
            .options(described)
            .positional(positional)
            .style(style::allow_long | style::long_allow_next | style::long_allow_adjacent)
            .run();
    po::variables_map map;
    po::store(parsed, map);
    for (const auto& [name, value] : map) {
      if (name == kRest) {
        arguments.positional = value.as<std::vector<std::string>>();
      } else if (const auto* one = boost::any_cast<std::string>(&value.value())) {
        arguments.values[name] = {*one};
      } else {
        const auto* many = boost::any_cast<std::vector<std::string>>(&value.value());
        arguments.values[name] = many != nullptr ? *many : std::vector<std::string>{""};
      }
    }
  } catch (const po::unknown_option& error) {
    throw UserError(unknown_name_message(
        "option",
        "--" + error.get_option_name().substr(std::min(
                   error.get_option_name().find_first_not_of('-'), error.get_option_name().size())),
        names));
  } catch (const po::multiple_occurrences& error) {
    throw UserError(fmt::format("{} is given more than once", error.get_option_name()));
  } catch (const po::error& error) {
    throw UserError(error.what());
  }
  // Single-dash words are no options here, but surely meant as some.
  for (const std::string& word : arguments.positional)
    if (word.size() > 1 && word.front() == '-')
      throw UserError(unknown_name_message("option", word, names));
  const std::size_t most = command.positional.size();
  if (arguments.positional.size() > most && !takes_any_number(command))
    throw UserError(fmt::format("{}: unexpected argument '{}'; usage: credo {} {}", command.name,
                                arguments.positional[most], command.name, command.arguments));
  for (std::size_t i = 0; i < std::min(most, arguments.positional.size()); ++i)
    check_choice(command.positional[i], arguments.positional[i], "argument", command.name + ": ");
  for (const Option& option : options)
    for (const std::string& value : arguments.list(option.name))
      check_choice(option.value, value, "--" + option.name);
  return arguments;
}

void choose_isa(const Arguments& arguments) {
  const auto name = arguments.text("isa");
  if (!name) return;
  try {
    select_isa(*name);
  } catch (const UserError& error) {
    throw UserError(fmt::format("--isa: {}", error.what()));
  }
}

int dispatch(const std::vector<std::string>& words) {
  if (words.empty()) throw UserError("no command given; `credo --help` lists them");
  const std::string& first = words.front();
  if (first == "--version" || first == "-V") {
    print_out(version_text());
    return kExitOk;
  }
  if (first == "complete") {  // asked by the shells' completion scripts, never by people
    const auto dashes = std::find(words.begin(), words.end(), "--");
    print_out(
        completion_text(complete({dashes == words.end() ? dashes : dashes + 1, words.end()})));
    return kExitOk;
  }
  const bool asks_for_help = first == "--help" || first == "-h" || first == "help";
  if (asks_for_help && words.size() == 1) {
    print_out(usage());
    return kExitOk;
  }
  if (asks_for_help && words.size() > 2)
    throw UserError("help shows one command at a time; usage: credo help COMMAND");
  const std::string& name = asks_for_help ? words[1] : first;
  const Command* command = find_command(name);
  if (command == nullptr) {
    std::vector<std::string> names;
    for (const Command& known : commands()) names.push_back(known.name);
    throw UserError(unknown_name_message("command", name, names));
  }
  const std::vector<std::string> rest(words.begin() + 1, words.end());
  if (asks_for_help || std::any_of(rest.begin(), rest.end(), [](const std::string& word) {
        return word == "--help" || word == "-h";
      })) {
    print_out(help_of(*command));
    return kExitOk;
  }
  Arguments arguments = parse(*command, rest);
  arguments.command_line = "credo";
  for (const std::string& word : words) arguments.command_line += " " + word;
  choose_isa(arguments);
  const int threads = arguments.threads();
  // The pool never grows beyond what was asked for, and may exceed the cores when it was.
  const auto limit = static_cast<std::size_t>(std::max(threads, tbb::info::default_concurrency()));
  const tbb::global_control control(tbb::global_control::max_allowed_parallelism, limit);
  if (!command->needs_arena) return command->run(arguments);
  tbb::task_arena arena(threads);
  return arena.execute([&] { return command->run(arguments); });
}

// A closed standard stream would lend its number to the next file we open.
void reopen_closed_streams() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(descriptor, F_GETFD) != -1 || errno != EBADF) continue;
    const int opened = ::open("/dev/null", descriptor == STDIN_FILENO ? O_RDONLY : O_WRONLY);
    if (opened >= 0 && opened != descriptor) {
      ::dup2(opened, descriptor);
      ::close(opened);
    }
  }
}

int complain(std::string_view message, int code) {
  print_error(message);
  return code;
}

}  // namespace

int run_cli(const std::vector<std::string>& words) {
  reopen_closed_streams();
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a file-size limit is an error like a full disk
  try {
    return dispatch(words);
  } catch (const OutputClosed&) {
    return kExitOk;
  } catch (const ChangedError& error) {
    return complain(error.what(), kExitMismatch);
  } catch (const UserError& error) {
    return complain(error.what(), kExitUsage);
  } catch (const std::bad_alloc&) {
    return complain("out of memory", kExitFailed);
  } catch (const std::exception& error) {
    return complain(error.what(), kExitFailed);
  }
}

const std::vector<Command>& commands() {
  static const std::vector<Command> all = {
      list_command(),    describe_command(),    run_command(),    resume_command(),
      eval_command(),    credits_command(),     suite_command(),  report_command(),
      compare_command(), playthrough_command(), replay_command(), bench_command(),
      check_command(),   show_config_command(), verify_command(), completion_command(),
      man_command()};
  return all;
}

const Command* find_command(std::string_view name) {
  const auto found = std::find_if(commands().begin(), commands().end(),
                                  [&](const Command& command) { return command.name == name; });
  return found == commands().end() ? nullptr : &*found;
}

const std::vector<Option>& common_options() {
  static const std::vector<Option> options = {
      {"threads", "N", "worker threads (default: all cores); never changes results"},
      {"isa", "auto|scalar|avx2|avx512|neon", "instruction set; never changes results"},
      {"quiet", "", "no messages and no progress on stderr"},
      {"help", "", "show this help"}};
  return options;
}

std::vector<Option> all_options(const Command& command) {
  std::vector<Option> options = command.options;
  options.insert(options.end(), common_options().begin(), common_options().end());
  return options;
}

std::vector<std::string> choices_of(std::string_view value) {
  const bool is_placeholder =
      std::any_of(value.begin(), value.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  std::vector<std::string> choices;
  while (!is_placeholder && !value.empty()) {
    const std::size_t bar = std::min(value.find('|'), value.size());
    choices.emplace_back(value.substr(0, bar));
    value.remove_prefix(std::min(bar + 1, value.size()));
  }
  return choices;
}

std::optional<std::string> Arguments::text(const std::string& name) const {
  const auto found = values.find(name);
  if (found == values.end()) return std::nullopt;
  return found->second.back();
}

std::vector<std::string> Arguments::list(const std::string& name) const {
  const auto found = values.find(name);
  return found == values.end() ? std::vector<std::string>{} : found->second;
}

std::optional<std::int64_t> Arguments::integer(const std::string& name, std::int64_t low,
                                               std::int64_t high) const {
  const auto value = text(name);
  if (!value) return std::nullopt;
  return parse_option_int("--" + name, *value, low, high);
}

std::optional<std::uint64_t> Arguments::seed() const {
  const auto value = integer("seed", 0, std::numeric_limits<std::int64_t>::max());
  if (!value) return std::nullopt;
  return static_cast<std::uint64_t>(*value);
}

std::optional<std::int64_t> Arguments::t_max() const {
  for (const ParamSpec& spec : train_params())
    if (spec.name == "run.t_max")
      return integer("t-max", static_cast<std::int64_t>(spec.low),
                     static_cast<std::int64_t>(spec.high));
  throw Error("there is no setting run.t_max");
}

const std::string& Arguments::single(std::string_view what) const {
  if (positional.empty()) throw UserError(fmt::format("{} is missing", what));
  return positional.front();
}

int Arguments::threads() const {
  return static_cast<int>(
      integer("threads", 1, kMostThreads).value_or(tbb::info::default_concurrency()));
}

ProgressMode Arguments::progress() const {
  const ProgressMode mode = parse_progress_mode(text("progress").value_or("auto"));
  return quiet() ? ProgressMode::kNone : mode;
}

std::vector<Option> request_options() {
  return {
      {"env", "ENV", "environment (credo list envs)"},
      {"alg", "ALG", "algorithm or fixed policy (credo list algs)"},
      {"seed", "S", "random seed (default 0)"},
      {"profile", "PROFILE", "named hyperparameters, or a TOML file (default pymarl)"},
      {"config", "FILE", "TOML file of settings, e.g. the config.toml of a run"},
      {"t-max", "N", "environment steps to train for; 1e5 is 100000"},
      {"set", "KEY=VALUE", "one setting; repeat for more (credo show-config lists them)", true}};
}

RunRequest make_request(const Arguments& arguments) {
  RunRequest request;
  request.env = arguments.text("env");
  request.algorithm = arguments.text("alg");
  request.seed = arguments.seed();
  request.profile = arguments.text("profile");
  request.config_path = arguments.text("config").value_or("");
  request.t_max = arguments.t_max();
  request.sets = arguments.list("set");
  request.init_weights = arguments.text("init-weights");
  if (request.init_weights && request.init_weights->empty())
    throw UserError("--init-weights: a file is missing");
  return request;
}

Option init_weights_option() {
  return {"init-weights", "FILE", "begin with these weights (safetensors) instead of random ones"};
}

Option json_option() { return {"json", "", "machine-readable output"}; }

Option progress_option() {
  return {"progress", "auto|bar|plain|none", "how progress is shown on stderr (default auto)"};
}

Option no_verify_option() {
  return {"no-verify", "", "do not compare finished runs with their recorded hashes"};
}

Params env_params_with_sets(const std::string& env, const std::vector<std::string>& sets) {
  constexpr std::string_view kPrefix = "env.";
  Params params = env_params(env);
  for (const std::string& text : sets) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos)
      throw UserError(fmt::format("--set '{}': expected KEY=VALUE", text));
    const std::string key = text.substr(0, equals);
    if (!key.starts_with(kPrefix))
      throw UserError(
          fmt::format("--set '{}': only env.KEY=VALUE has an effect on this command", text));
    try {
      params.set_text(key.substr(kPrefix.size()), text.substr(equals + 1));
    } catch (const UserError& error) {
      throw UserError(fmt::format("--set: {}", error.what()));
    }
  }
  return params;
}

std::unique_ptr<Env> make_policy_env(const std::string& env, const std::string& policy,
                                     const std::vector<std::string>& sets) {
  Params params = env_params_with_sets(env, sets);
  set_script_params(make_env(env, params)->spec(), policy, params);
  return make_env(env, params);
}

void print_out(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (written && std::fflush(stdout) == 0) return;
  const int error = errno;
  if (error == EPIPE) throw OutputClosed{};
  throw UserError(
      fmt::format("cannot write to standard output: {}", std::generic_category().message(error)));
}

void print_error(std::string_view text) {
  write_stderr(fmt::format("credo: error: {}\n", one_line(text)));
}

void print_message(const Arguments& arguments, std::string_view text) {
  if (!arguments.quiet()) write_stderr(fmt::format("credo: {}\n", one_line(text)));
}

}  // namespace credo::suite
