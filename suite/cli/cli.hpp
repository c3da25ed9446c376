// The command line: a table of subcommands, each in its own file, and the rules they share. Data
// goes to stdout, messages to stderr; every user error is one line and exit code 2.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "envs/core/env.hpp"
#include "suite/common/progress.hpp"
#include "suite/run/config.hpp"

namespace credo::suite {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitMismatch = 3;

/// The program: parses, dispatches, turns exceptions into messages and exit codes.
int run_cli(const std::vector<std::string>& arguments);

struct Option {
  std::string name;  ///< without dashes
  /// "" for a flag; "auto|bar|none": one of these words; else a placeholder. What it stands for
  /// decides what completion offers: ENV, ALG, POLICY, PROFILE, SUITE, FILE, DIR, KEY=VALUE, ...
  std::string value;
  std::string help;
  bool repeats = false;
};
/// The words of "auto|bar|none"; empty for a placeholder, which has capitals.
std::vector<std::string> choices_of(std::string_view value);

/// Parsed command line of one subcommand.
class Arguments {
 public:
  std::vector<std::string> positional;
  std::map<std::string, std::vector<std::string>> values;  ///< flags hold one ""
  std::string command_line;                                ///< as typed, for manifests

  bool has(const std::string& name) const { return values.contains(name); }
  std::optional<std::string> text(const std::string& name) const;
  std::vector<std::string> list(const std::string& name) const;
  /// Errors: UserError naming the option, the value and the range.
  std::optional<std::int64_t> integer(const std::string& name, std::int64_t low,
                                      std::int64_t high) const;
  std::optional<std::uint64_t> seed() const;
  /// Environment steps of --t-max, in the range of run.t_max.
  std::optional<std::int64_t> t_max() const;
  /// The only positional argument. Errors: UserError "WHAT is missing".
  const std::string& single(std::string_view what) const;

  int threads() const;
  bool quiet() const { return has("quiet"); }
  bool json() const { return has("json"); }
  ProgressMode progress() const;
};

struct Command {
  std::string name;
  std::string arguments;                ///< usage after the name, e.g. "DIR [--episodes N]"
  std::string help;                     ///< one line
  std::string details;                  ///< paragraphs, wrapped where they are shown
  std::vector<std::string> examples;    ///< whole commands
  std::vector<std::string> positional;  ///< as Option::value; "DIR..." takes any number
  std::vector<Option> options;
  int (*run)(const Arguments&) = nullptr;
  bool needs_arena = true;  ///< run inside a oneTBB arena of --threads
};

/// All subcommands, in the order of the help.
const std::vector<Command>& commands();
/// nullptr when there is none.
const Command* find_command(std::string_view name);
/// Options that every command has.
const std::vector<Option>& common_options();
/// Its own, then the common ones.
std::vector<Option> all_options(const Command& command);

// One function per file of this folder.
Command list_command();
Command describe_command();
Command run_command();
Command resume_command();
Command eval_command();
Command credits_command();
Command suite_command();
Command report_command();
Command compare_command();
Command playthrough_command();
Command replay_command();
Command bench_command();
Command check_command();
Command show_config_command();
Command verify_command();
Command completion_command();
Command man_command();

/// --env, --alg, --seed, --profile, --config, --t-max, --set.
std::vector<Option> request_options();
RunRequest make_request(const Arguments& arguments);
/// --init-weights, for the commands that train (make_request reads it).
Option init_weights_option();
/// --json and --progress.
Option json_option();
Option progress_option();
/// --no-verify: finished runs are not compared with their recorded hashes.
Option no_verify_option();

/// Applies --set env.KEY=VALUE to an environment's parameters; other keys are refused.
/// Errors: UserError.
Params env_params_with_sets(const std::string& env, const std::vector<std::string>& sets);
/// The environment in which a fixed policy plays: with what its script needs turned on.
/// Errors: UserError.
std::unique_ptr<Env> make_policy_env(const std::string& env, const std::string& policy,
                                     const std::vector<std::string>& sets);

/// Writes to stdout. Errors: UserError when it cannot be written; a closed pipe ends the program
/// quietly.
void print_out(std::string_view text);
/// "credo: error: ..." on stderr.
void print_error(std::string_view text);
/// "credo: ..." on stderr unless --quiet.
void print_message(const Arguments& arguments, std::string_view text);

}  // namespace credo::suite
