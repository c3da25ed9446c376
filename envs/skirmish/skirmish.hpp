// skirmish/*: battles between a team of agents and a scripted enemy under the contract of SMAC
// (Samvelyan et al. 2019), simulated natively. docs/skirmish.md describes the environment,
// docs/skirmish-fidelity.md what equals SMAC and what approximates it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "envs/core/env.hpp"
#include "envs/skirmish/battle.hpp"
#include "envs/skirmish/layout.hpp"
#include "envs/skirmish/scenario.hpp"

namespace credo::skirmish {

struct RewardOptions {
  bool sparse = false;
  bool only_positive = true;
  bool absolute = true;  ///< SMAC: |damage + kills|; otherwise max(0, ...), as SMACv2
  double death_value = 10.0;
  double win = 200.0;
  double defeat = 0.0;
  double negative_scale = 0.5;
  bool scale = true;
  double scale_rate = 20.0;
};

/// Immutable settings of an environment instance; shared by its clones.
struct Config {
  Scenario scenario;
  ViewOptions view;
  RewardOptions reward;
  int loops_per_step = 8;
  double spawn_jitter = 0.0;
  bool shuffle_enemies = false;
  bool external_enemy = false;
  bool heuristic_ai = false;    ///< agents follow SMAC's heuristic whatever actions they choose
  bool heuristic_rest = false;  ///< ... limited to available actions
};

class SkirmishEnv final : public Env {
 public:
  SkirmishEnv(EnvSpec spec, std::shared_ptr<const Config> config);

  std::optional<bool> won() const override { return won_; }
  bool drawn() const override;
  std::vector<int> own_actions() const override { return own_actions_; }
  std::vector<std::pair<std::string, double>> info() const override;

  std::optional<Stage> stage() const override;
  Scene scene() const override;

  const Config& config() const { return *config_; }
  const Battle& battle() const { return battle_; }
  const Layout& layout() const { return *layouts_[0]; }

  /// Self-play: with `env.opponent=external` the enemies act like agents, through the same action
  /// set, with observations from their own side. Set their actions before `step`; a step without
  /// new actions stops them.
  const Layout& enemy_layout() const { return *layouts_[1]; }
  void write_enemy_obs(std::span<float> out) const;
  void write_enemy_state(std::span<float> out) const;
  void write_enemy_avail_actions(std::span<std::uint8_t> out) const;
  /// Errors: Error on an action that is not available, or without an external opponent.
  void set_enemy_actions(std::span<const int> actions);

 protected:
  void do_reset(Stream& stream) override;
  void do_branch(Stream& stream) override;
  Outcome do_step(std::span<const int> actions, Stream& stream) override;
  void do_write_obs(std::span<float> out) const override;
  void do_write_state(std::span<float> out) const override;
  void do_write_avail_actions(std::span<std::uint8_t> out) const override;
  std::unique_ptr<Env> do_clone() const override;
  void do_save(ByteWriter& out) const override;
  void do_load(ByteReader& in) override;
  std::string do_render_text() const override;
  std::unique_ptr<ScriptedPolicy> do_make_scripted(std::string_view name) const override;

 private:
  void order(int team, int agent, int action);
  void scatter(Stream& stream);
  void order_heuristic(int agent);
  double shaped_reward();
  int result() const;
  Layout::Context context(int team) const;
  std::int64_t vitality(int slot) const {
    return static_cast<std::int64_t>(battle_.hp(slot)) + battle_.shield(slot);
  }

  std::shared_ptr<const Config> config_;
  std::array<std::shared_ptr<const Layout>, 2> layouts_;
  Battle battle_;
  std::array<std::vector<std::int16_t>, 2> last_actions_;
  std::vector<std::int64_t> vitality_;          // [slots] after the last step, 0 when dead
  std::vector<std::int16_t> heuristic_target_;  // [n_agents]
  std::vector<int> enemy_actions_;              // external opponent: for the next step
  std::vector<int> own_actions_;                // heuristic_ai: its last actions, else empty
  double reward_scale_ = 1.0;
  std::optional<bool> won_;
  std::vector<Blast> blasts_;  // of the last loop of a watched step, for its scene
};

/// Scripted policies an agent team can follow; every action is available.
std::vector<ScriptedInfo> scripted_policies();
std::unique_ptr<ScriptedPolicy> make_scripted_policy(std::string_view name);

}  // namespace credo::skirmish
