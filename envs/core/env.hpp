// The environment contract: the only header an environment author reads.
//
// A cooperative multi-agent environment with discrete actions. All agents act at once, share one
// team reward and end together. An environment is single-threaded and pure: same stream and same
// actions give the same bits; different environments may run on different threads.
//
//   auto env = credo::make_env("predator_prey/5x5");           // envs/core/registry.hpp
//   env->reset(credo::Stream(seed, credo::purpose("example"), 0, episode));
//   while (!env->done()) {
//     env->write_obs(obs);                                      // [n_agents, obs_dim]
//     const credo::StepResult r = env->step(actions);           // actions: [n_agents]
//   }
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "envs/core/bytes.hpp"
#include "envs/core/error.hpp"
#include "envs/core/params.hpp"
#include "envs/core/random.hpp"
#include "envs/core/scene.hpp"

namespace credo {

/// One number of an observation or state vector.
struct Feature {
  std::string name;   ///< e.g. "own.row", "cell(-1,+2).prey"
  float low = 0.0F;   ///< smallest value it takes
  float high = 1.0F;  ///< largest value it takes
};

/// A scripted policy an environment offers as a reference row of the tables.
struct ScriptedInfo {
  std::string name;  ///< "default" for `--policy scripted`, else `--policy scripted:NAME`
  std::string help;
  /// Parameter values that the policy requires.
  std::vector<std::pair<std::string, ParamValue>> params = {};
};

/// Facts about an environment instance (after its parameters are applied).
struct EnvSpec {
  std::string id;  ///< "family/variant" or "family"
  std::string help;
  int n_agents = 0;
  int n_actions = 0;
  int obs_dim = 0;
  int state_dim = 0;
  /// The state begins with n_agents blocks of so many numbers, the i-th about agent i; 0: it does not.
  int unit_dim = 0;
  int episode_limit = 0;           ///< steps after which the episode is cut
  bool limit_is_terminal = false;  ///< true: the cut is reported as terminated (no bootstrap)
  double reward_low = 0.0;         ///< bounds of one step's team reward
  double reward_high = 0.0;
  std::optional<double> return_bound;  ///< upper bound of an episode's return, where known
  /// Mean returns that normalise to 0 and 1 in tables over several tasks. Without `random_return`
  /// random play is measured; without `best_return`, `return_bound` is used.
  std::optional<double> random_return;  ///< of uniform play over the available actions, exact
  std::optional<double> best_return;    ///< of the best policy, or an upper bound of it
  bool is_stochastic = true;       ///< false: two seeds give the same episode for the same actions
  std::optional<int> noop_action;  ///< the action that does nothing, if there is one
  /// What an agent does that takes no part: noop_action unless the environment names another (a
  /// living soldier cannot do nothing, but it can stop). Where it is not available, the
  /// lowest-numbered available action stands in.
  std::optional<int> idle_action;
  std::vector<std::string> action_names;  ///< [n_actions]
  std::vector<Feature> obs_features;      ///< [obs_dim]
  std::vector<Feature> state_features;    ///< [state_dim]
  std::vector<ScriptedInfo> scripted;     ///< empty: no scripted policy
  std::vector<ParamSpec> params;          ///< every parameter with the value in force
  /// Contents read through each path parameter in use (FileSource::contents_read); part of the
  /// environment's identity.
  std::map<std::string, FileContents> inputs = {};
};

struct StepResult {
  double reward = 0.0;
  bool terminated = false;  ///< a true end: no bootstrap
  bool truncated = false;   ///< cut by the time limit, not an end of the task: bootstrap
};

class Env;

/// Chooses actions with full access to the environment; may keep state within an episode.
class ScriptedPolicy {
 public:
  ScriptedPolicy() = default;
  ScriptedPolicy(const ScriptedPolicy&) = delete;
  ScriptedPolicy& operator=(const ScriptedPolicy&) = delete;
  virtual ~ScriptedPolicy() = default;
  virtual void reset() {}
  /// Fills actions [n_agents] with available actions; `stream` is positioned at the current step.
  virtual void act(const Env& env, Stream& stream, std::span<int> actions) = 0;
  /// An independent copy that goes on as this one does. Null, the default, says that nothing is
  /// remembered between steps, so that a fresh policy goes on alike.
  virtual std::unique_ptr<ScriptedPolicy> clone() const { return nullptr; }
};

/// Base class. Authors implement the protected do_* functions; the public ones add what every
/// environment owes its users: legality and size checks, the step counter, the time limit, random
/// streams, and the cached availability mask. After construction the episode counts as done:
/// `reset` comes first.
class Env {
 public:
  virtual ~Env() = default;
  Env& operator=(const Env&) = delete;

  const EnvSpec& spec() const { return *spec_; }

  /// Starts an episode. Everything random in it comes from `stream`.
  void reset(const Stream& stream);

  /// One joint step. actions: [n_agents], each in [0, n_actions) and available.
  /// Errors: Error on an illegal action or a finished episode; the state is then unchanged.
  StepResult step(std::span<const int> actions);

  /// Observations of all agents, row-major [n_agents, obs_dim]. Also valid after the last step.
  void write_obs(std::span<float> out) const;
  /// Global state [state_dim]. Also valid after the last step.
  void write_state(std::span<float> out) const;
  /// 1 = the action may be taken, row-major [n_agents, n_actions]; at least one per agent.
  void write_avail_actions(std::span<std::uint8_t> out) const;
  /// The same without a copy; valid until the next reset, step or load.
  std::span<const std::uint8_t> avail_actions() const { return avail_; }

  int t() const { return t_; }         ///< steps taken in this episode
  bool done() const { return done_; }  ///< terminated or truncated (or never reset)
  /// The time limit ended the episode, whether stored as terminated or as truncated.
  bool timed_out() const { return timed_out_; }
  /// Won or not, for environments that can be won (battles); nullopt elsewhere.
  virtual std::optional<bool> won() const { return std::nullopt; }
  /// The episode ended with neither side left.
  virtual bool drawn() const { return false; }
  /// Actions of the last step if the environment overrides those it is given (some parameters ask
  /// for that); empty otherwise.
  virtual std::vector<int> own_actions() const { return {}; }
  /// Named facts about the episode so far (e.g. {"captures", 2}); logged at the end of episodes.
  virtual std::vector<std::pair<std::string, double>> info() const { return {}; }

  /// An independent copy in the same state; continues bit-identically.
  std::unique_ptr<Env> clone() const { return do_clone(); }
  /// Another future for the same present: from the next step on, chance comes from `stream`.
  /// Observations, state, availability, t and render_text stay as they are. A clone alone repeats
  /// the future of the original; clones branched onto streams of their own are replicates.
  /// Errors: Error when the episode is over.
  void branch(const Stream& stream);
  /// Complete dynamic state; load needs an environment of the same id and parameters.
  void save(ByteWriter& out) const;
  void load(ByteReader& in);

  /// The current situation as text: deterministic, never empty.
  std::string render_text() const { return do_render_text(); }

  /// The layout to draw the environment on (envs/core/scene.hpp); nullopt if it renders as text
  /// only.
  virtual std::optional<Stage> stage() const { return std::nullopt; }
  /// The current state as drawable units; empty without a stage.
  virtual Scene scene() const { return {}; }
  /// Like `step`, but calls `watcher` with stage()->scenes_per_step intermediate scenes. The result
  /// and all later steps have the same bits as with `step`.
  StepResult step_watched(std::span<const int> actions, const SceneWatcher& watcher);

  /// Errors: UserError when the environment has no such policy, or not with these parameters.
  std::unique_ptr<ScriptedPolicy> make_scripted(std::string_view name = "default") const;

 protected:
  explicit Env(EnvSpec spec);
  Env(const Env&) = default;

  struct Outcome {
    double reward = 0.0;
    bool terminated = false;
  };

  virtual void do_reset(Stream& stream) = 0;
  /// `stream` is positioned at this step; actions are legal. Do not handle the time limit.
  virtual Outcome do_step(std::span<const int> actions, Stream& stream) = 0;
  /// For environments that draw at reset what chance decides later: draw it again. `stream` is
  /// positioned at step 0, as in do_reset.
  virtual void do_branch(Stream& stream) { (void)stream; }
  virtual void do_write_obs(std::span<float> out) const = 0;
  virtual void do_write_state(std::span<float> out) const = 0;
  /// `out` holds ones on entry; clear what is unavailable. Nothing to do when all always are.
  virtual void do_write_avail_actions(std::span<std::uint8_t> out) const { (void)out; }
  virtual std::unique_ptr<Env> do_clone() const = 0;
  virtual void do_save(ByteWriter& out) const = 0;
  virtual void do_load(ByteReader& in) = 0;
  virtual std::string do_render_text() const = 0;
  /// For do_step: true during step_watched; then call `show` for every scene but the last.
  bool is_watched() const { return watcher_ != nullptr; }
  void show() const { (*watcher_)(scene()); }
  /// Called only with a name listed in spec().scripted.
  virtual std::unique_ptr<ScriptedPolicy> do_make_scripted(std::string_view name) const;

 private:
  void refresh_avail();
  void check_actions(std::span<const int> actions) const;

  std::shared_ptr<const EnvSpec> spec_;
  std::vector<std::uint8_t> avail_;  // [n_agents, n_actions]
  Stream stream_;
  const SceneWatcher* watcher_ = nullptr;  // during step_watched only
  int t_ = 0;
  bool done_ = true;
  bool timed_out_ = false;
};

/// "won", "lost", "draw" or "time-out"; "" while an episode runs and where nobody can win.
std::string_view outcome_name(const Env& env);

/// The limit parameters every environment has: env.limit and env.limit_is_terminal.
std::vector<ParamSpec> limit_params(int default_limit, bool default_is_terminal);

}  // namespace credo
