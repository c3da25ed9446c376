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
#include "learners/rollout/fixed_policy.hpp"
#include "suite/common/build_info.hpp"
#include "suite/common/text.hpp"
#include "suite/run/integrity.hpp"

namespace credo::suite {
namespace {

namespace po = boost::program_options;

constexpr std::int64_t kMostThreads = 1024;

// Thrown when the reader of our stdout has gone.
struct OutputClosed {};

std::vector<Command> commands() {
  return {list_command(),        describe_command(), run_command(),    resume_command(),
          eval_command(),        credits_command(),     suite_command(),    report_command(), compare_command(),
          playthrough_command(), replay_command(),   bench_command(),  show_config_command(),
          verify_command(),      check_command()};
}

std::vector<Option> common_options() {
  return {{"threads", "N", "worker threads (default: all cores); never changes results", false},
          {"isa", "NAME", "auto, scalar, avx2, avx512 or neon; never changes results", false},
          {"quiet", "", "no messages and no progress on stderr", false},
          {"help", "", "show this help", false}};
}

std::string usage() {
  std::string text =
      "credo: credit assignment in cooperative multi-agent reinforcement learning\n\n"
      "usage: credo COMMAND [OPTIONS]\n\ncommands:\n";
  for (const Command& command : commands())
    text += fmt::format("  {:<12} {}\n", command.name, command.help);
  return text +
         "\n`credo COMMAND --help` shows options and examples; `credo --version` the build.\n"
         "Data goes to stdout, messages to stderr. Exit codes: 0 ok, 1 run failed or diverged,\n"
         "or an export or comparison is not whole, 2 usage or bad input, 3 verification mismatch,\n"
         "75 stopped with a checkpoint saved.\n";
}

std::string help_of(const Command& command) {
  std::string text = fmt::format("{}\n\nusage: credo {} {}\n\noptions:\n", command.help,
                                 command.name, command.arguments);
  std::vector<Option> options = command.options;
  for (const Option& option : common_options()) options.push_back(option);
  for (const Option& option : options)
    text += fmt::format(
        "  {:<22} {}\n",
        fmt::format("--{}{}", option.name, option.value.empty() ? "" : " " + option.value),
        option.help);
  return command.details.empty() ? text : text + "\n" + command.details;
}

Arguments parse(const Command& command, const std::vector<std::string>& words) {
  std::vector<Option> options = command.options;
  for (const Option& option : common_options()) options.push_back(option);
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
  if (arguments.positional.size() > command.most_positional)
    throw UserError(fmt::format("{}: unexpected argument '{}'; usage: credo {} {}", command.name,
                                arguments.positional[command.most_positional], command.name,
                                command.arguments));
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
  if (first == "--help" || first == "-h" || first == "help") {
    print_out(usage());
    return kExitOk;
  }
  if (first == "--version") {
    print_out(version_text());
    return kExitOk;
  }
  const auto all = commands();
  const auto command =
      std::find_if(all.begin(), all.end(), [&](const Command& c) { return c.name == first; });
  if (command == all.end()) {
    std::vector<std::string> names;
    for (const Command& known : all) names.push_back(known.name);
    throw UserError(unknown_name_message("command", first, names));
  }
  const std::vector<std::string> rest(words.begin() + 1, words.end());
  if (std::any_of(rest.begin(), rest.end(),
                  [](const std::string& word) { return word == "--help" || word == "-h"; })) {
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
      {"env", "ENV", "environment (credo list envs)", false},
      {"alg", "ALG", "algorithm or fixed policy (credo list algs)", false},
      {"seed", "S", "random seed (default 0)", false},
      {"profile", "P", "named hyperparameters or a TOML file (default pymarl)", false},
      {"config", "FILE", "TOML file of settings, e.g. the config.toml of a run", false},
      {"t-max", "N", "environment steps to train for", false},
      {"set", "KEY=VALUE", "one setting; repeat for more (credo show-config lists them)", true}};
}

RunRequest make_request(const Arguments& arguments) {
  RunRequest request;
  request.env = arguments.text("env");
  request.algorithm = arguments.text("alg");
  request.seed = arguments.seed();
  request.profile = arguments.text("profile");
  request.config_path = arguments.text("config").value_or("");
  request.t_max = arguments.integer("t-max", std::numeric_limits<std::int64_t>::min(),
                                    std::numeric_limits<std::int64_t>::max());
  request.sets = arguments.list("set");
  request.init_weights = arguments.text("init-weights");
  if (request.init_weights && request.init_weights->empty())
    throw UserError("--init-weights: a file is missing");
  return request;
}

Option init_weights_option() {
  return {"init-weights", "FILE", "begin with these weights (safetensors) instead of random ones",
          false};
}

Option json_option() { return {"json", "", "machine-readable output", false}; }

Option progress_option() { return {"progress", "MODE", "auto, bar, plain or none", false}; }

Option no_verify_option() {
  return {"no-verify", "", "do not compare finished runs with their recorded hashes", false};
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
