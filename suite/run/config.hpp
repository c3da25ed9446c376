// The effective configuration of a run: who plays what with which seed, every parameter of the
// environment, every hyperparameter, and how the run is kept. It is written beside the results,
// reads back with --config, and its SHA-256 is the run's identity.
//
// Later sources win: defaults < profile < algorithm < suite file < --config file < options < --set.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "envs/core/params.hpp"
#include "suite/common/toml_reader.hpp"
#include "suite/run/inputs.hpp"
#include "suite/run/kept_weights.hpp"

namespace credo {
struct TrainConfig;
}

namespace credo::suite {

/// Rows of a table that do not learn: random, noop, scripted, scripted:NAME, open_loop.
bool is_fixed_policy(std::string_view algorithm);

/// Names for `--alg`, in the order of the tables: fixed policies, then learning algorithms.
std::vector<std::string> algorithm_names();
/// One line about an algorithm or fixed policy.
std::string algorithm_help(const std::string& name);

/// Parameters of the run itself ("run.checkpoint_interval", "open_loop.budget"), beside those of
/// train_params().
std::vector<ParamSpec> run_params();

/// Whom a section of a file is for: [when."ENV"], [alg."ALG"] or [when."ENV".alg."ALG"].
struct Condition {
  std::string env = "*";  ///< pattern for the environment's id
  std::string algorithm = "*";
  bool of_algorithm = false;  ///< it has an `alg` part, be it [alg."*"]
  bool operator==(const Condition&) const = default;
  bool matches(std::string_view env_id, std::string_view algorithm_name) const;
};

/// Takes the condition off a dotted key: `when.switch/2.alg.vdn.run.t_max` leaves `run.t_max`.
/// Errors: UserError naming `where` when nothing can match or no key is left.
Condition take_condition(std::string& key, const std::string& where);

/// A TOML file of settings with optional sections for environments and algorithms.
struct Overlay {
  std::string label;
  std::string help;
  std::vector<Setting> settings;
  struct Section {
    Condition condition;
    std::vector<Setting> settings;
  };
  std::vector<Section> sections;  ///< in the order of the file; applied after `settings`
};

/// Splits off `help` and the sections. Errors: UserError with file and line.
Overlay make_overlay(TomlSettings file);

/// A profile by name (compiled in) or by path ("./mine.toml", anything with '/' or ".toml").
/// Errors: UserError.
Overlay find_profile(const std::string& name_or_path);

/// What the user (or a suite) asked for.
struct RunRequest {
  std::optional<std::string> env;
  std::optional<std::string> algorithm;
  std::optional<std::uint64_t> seed;
  std::optional<std::string> profile;
  std::optional<std::int64_t> t_max;
  std::string config_path;        ///< "" = none
  std::vector<Overlay> overlays;  ///< suite files, weakest first
  std::vector<std::string> sets;  ///< "key=value", in the order given
  /// The sets (and t_max) are for many runs: those without effect on this one are passed over.
  bool are_sets_general = false;
  std::optional<std::string> init_weights;  ///< file, for run.init_weights
  std::string fallback_profile = "pymarl";
};

/// Parameters of an environment that differ from its defaults (those that follow other parameters
/// follow them): "limit=25 penalty=0", or "". `shown` writes a value.
std::string env_settings_text(
    const std::string& env_id, const Params& params,
    const std::function<std::string(const ParamSpec&)>& shown = [](const ParamSpec& param) {
      return to_text(param.value);
    });

class RunConfig {
 public:
  /// Errors: UserError naming file and line (or option), key, value, what is allowed.
  static RunConfig resolve(const RunRequest& request);
  /// Reads back what to_toml wrote. `label` names the file in messages; the copies of what the run
  /// read are in inputs/ beside it, and check_inputs says whether they were found.
  static RunConfig from_toml(std::string_view text, const std::string& label);

  const std::string& env_id() const { return env_id_; }
  const std::string& algorithm() const { return algorithm_; }
  const std::string& profile() const { return profile_; }
  std::uint64_t seed() const { return seed_; }
  bool is_learning() const { return !is_fixed_policy(algorithm_); }

  const Params& env_params() const { return env_; }
  const Params& run_params() const { return run_; }
  const Params& train_params() const { return train_; }
  /// Environment steps the search of open_loop may take.
  std::int64_t open_loop_budget() const;
  /// Ready for Trainer and evaluate_weights.
  /// Errors: UserError when values contradict each other.
  TrainConfig train_config() const;

  /// "" where the value of `key` can change this run, else what that needs: "it needs ...".
  /// Errors: UserError for an unknown key.
  std::string without_effect(std::string_view key) const;

  /// Does to_toml have a line for `key`? Not where it has no effect, nor for an option that is off
  /// and came after the first runs, whose identity stays.
  bool is_recorded(std::string_view key) const;

  /// Files this run reads beside its settings: their bytes, for a copy.
  InputFiles input_files() const;
  /// Errors: UserError when a copy in the run's folder is missing or was changed.
  void check_inputs() const;
  /// The same run for another number of environment steps.
  RunConfig with_t_max(std::int64_t t_max) const;

  /// The canonical text: identity, then every parameter that can influence the run, by section, and
  /// the hashes of the files it reads. Where those files are on disk plays no part.
  std::string to_toml() const;
  /// SHA-256 of to_toml().
  std::string id() const;
  /// The same without the seed: equal for runs that may stand in one row. 16 digits.
  std::string settings_id() const;
  /// env_settings_text of the environment; a path is shown as a hash of what was read there.
  std::string env_settings() const;
  /// Episodes of the absolute metric per evaluation episode; 0 = it is not measured.
  int absolute_factor() const { return run_.integer32("run.absolute_factor"); }
  /// Weights to keep beside the newest. Errors: UserError.
  KeepRule keep_rule() const;

 private:
  RunConfig() = default;
  void set(const Setting& setting);
  void apply(const std::vector<Setting>& settings);
  void apply(const Overlay& overlay);
  std::vector<std::string> all_keys() const;
  const ParamSpec* find_spec(std::string_view key) const;
  void refuse_without_effect(const RunRequest& request) const;
  void read_inputs();
  std::string contents_id(const std::string& key) const;

  std::string env_id_;
  std::string algorithm_;
  std::string profile_;
  std::uint64_t seed_ = 0;
  Params env_;
  Params run_;
  Params train_;
  InputHashes inputs_;         // recorded, or of what is held
  std::string input_problem_;  // why the copies of a run folder cannot be used
};

}  // namespace credo::suite
