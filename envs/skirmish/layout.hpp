// What agents see: SMAC's observation, state and availability (Samvelyan et al. 2019, and the
// released environment for the details), for either side of a battle.
//
// Observation of agent i, float32:  move | enemies | allies | own [| time]
//   move     availability of north, south, east, west [, 8 pathing values][, 9 heights]
//   enemy    can be targeted, distance, dx, dy, health [, shield], type bits; zero if not seen
//   ally     seen, distance, dx, dy, health [, shield], type bits [, last action]; self left out
//   own      health [, shield] [, x, y], type bits
// State: ally rows (health, cooldown, x, y [, shield], type) | enemy rows (health, x, y [, shield],
// type) | last joint action [| time]. Rows of the dead are zero.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "envs/core/env.hpp"
#include "envs/skirmish/battle.hpp"
#include "envs/skirmish/scenario.hpp"

namespace credo::skirmish {

/// Action indices; targets follow (an enemy's number, for healers a friend's).
enum Action : int { kNoop = 0, kStop, kNorth, kSouth, kEast, kWest, kFirstTarget };

struct ViewOptions {
  bool all_health = true;
  bool own_health = true;
  bool obs_last_action = false;
  bool obs_pathing_grid = false;
  bool obs_terrain_height = false;
  bool obs_timestep = false;
  bool obs_own_pos = false;
  bool obs_instead_of_state = false;
  bool state_last_action = true;
  bool state_timestep = false;
  bool unit_ranges = false;  ///< SMACv2: sight and target range by type instead of 9 and 6
  bool exact_cooldowns =
      false;  ///< divide by each type's longest cooldown instead of SMAC's numbers
  double move_amount = 2.0;
};

/// Sizes and writers for the view of one team.
class Layout {
 public:
  Layout(const Scenario& scenario, const ViewOptions& options, int team);

  int n_agents() const { return n_own_; }
  int n_others() const { return n_other_; }
  int n_actions() const { return n_actions_; }
  int obs_dim() const { return obs_dim_; }
  int state_dim() const { return state_dim_; }
  /// Width of an ally's row, with which the state begins; 0 where it consists of observations.
  int unit_dim() const { return unit_dim_; }
  int move_width() const { return move_width_; }
  int enemy_width() const { return enemy_width_; }
  int ally_width() const { return ally_width_; }
  int own_width() const { return own_width_; }

  std::vector<std::string> action_names() const;
  std::vector<Feature> obs_features() const;
  std::vector<Feature> state_features() const;

  /// Inputs besides the battle: time in [0, 1] and the last action of each agent of the viewing
  /// team, -1 for none.
  struct Context {
    float time = 0.0F;
    std::span<const std::int16_t> last_actions;
  };

  /// out: [n_agents, n_actions].
  void write_avail(const Battle& battle, std::span<std::uint8_t> out) const;
  /// avail: [n_agents, n_actions] as written above; out: [n_agents, obs_dim].
  void write_obs(const Battle& battle, const Context& context, std::span<const std::uint8_t> avail,
                 std::span<float> out) const;
  /// out: [state_dim]. Only for the view of team 0.
  void write_state(const Battle& battle, const Context& context,
                   std::span<const std::uint8_t> avail, std::span<float> out) const;

  /// An agent may target units up to this centre distance.
  float target_range(std::uint8_t type) const { return target_range_[type]; }
  float sight_range(std::uint8_t type) const { return sight_range_[type]; }

 private:
  static constexpr std::size_t kTail = 20;  // health, shield and type bits of a unit, padded

  struct Tails;
  void fill_tails(const Battle& battle, Tails& tails) const;
  void write_agent(const Battle& battle, const Context& context, const Tails& tails, int agent,
                   const std::uint8_t* avail, float* out) const;
  template <int kQuads>
  void write_rows(const Battle& battle, const Tails& tails, int agent, float* enemies,
                  float* allies) const;
  void write_surroundings(const Battle& battle, int slot, float* out) const;
  std::vector<Feature> unit_features(const std::string& prefix, int team, bool health) const;

  std::shared_ptr<const BattleSetup> setup_;
  ViewOptions options_;
  int team_ = 0;
  int bits_ = 0;
  bool healers_ = false;
  std::array<bool, 2> shields_{};
  std::array<std::array<std::uint8_t, kMaxTypes>, 2> bit_{};
  std::vector<std::string> type_names_[2];
  int n_own_ = 0, n_other_ = 0, n_actions_ = 0;
  int move_width_ = 0, enemy_width_ = 0, ally_width_ = 0, own_width_ = 0;
  int obs_dim_ = 0, state_dim_ = 0, unit_dim_ = 0;
  std::array<float, kMaxTypes> sight_range_{}, sight2_{}, sight_scale_{}, target_range_{},
      target2_{}, cooldown_scale_{};
};

}  // namespace credo::skirmish
