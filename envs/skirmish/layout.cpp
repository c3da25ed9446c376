#include "envs/skirmish/layout.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <fmt/format.h>

namespace credo::skirmish {
namespace {

// SMAC (Samvelyan et al. 2019): every agent sees up to 9 and targets up to 6 away.
constexpr double kSight = 9.0;
constexpr double kTargetRange = 6.0;
constexpr double kMinTargetRange = 2.0;  // SMACv2's floor for melee units
constexpr double kMaxEnergy = 200.0;

}  // namespace

Layout::Layout(const Scenario& scenario, const ViewOptions& options, int team)
    : setup_(scenario.setup),
      options_(options),
      team_(team),
      bits_(scenario.type_bits),
      healers_(scenario.healers),
      shields_(scenario.shields),
      bit_(scenario.bit),
      n_own_(setup_->count[at(team)]),
      n_other_(setup_->count[at(1 - team)]) {
  if (options_.all_health) options_.own_health = true;
  n_actions_ = kFirstTarget + (healers_ ? std::max(n_own_, n_other_) : n_other_);
  const int shield_own = shields_[at(team)] ? 1 : 0;
  const int shield_other = shields_[at(1 - team)] ? 1 : 0;
  const int health = options_.all_health ? 1 : 0;
  move_width_ = 4 + (options_.obs_pathing_grid ? 8 : 0) + (options_.obs_terrain_height ? 9 : 0);
  enemy_width_ = 4 + bits_ + health * (1 + shield_other);
  ally_width_ = 4 + bits_ + health * (1 + shield_own) + (options_.obs_last_action ? n_actions_ : 0);
  own_width_ = bits_ + (options_.own_health ? 1 + shield_own : 0) + (options_.obs_own_pos ? 2 : 0);
  obs_dim_ = move_width_ + n_other_ * enemy_width_ + (n_own_ - 1) * ally_width_ + own_width_ +
             (options_.obs_timestep ? 1 : 0);
  unit_dim_ = options_.obs_instead_of_state ? 0 : 4 + shield_own + bits_;
  state_dim_ = options_.obs_instead_of_state
                   ? n_own_ * obs_dim_
                   : n_own_ * unit_dim_ + n_other_ * (3 + shield_other + bits_) +
                         (options_.state_last_action ? n_own_ * n_actions_ : 0) +
                         (options_.state_timestep ? 1 : 0);

  for (std::size_t t = 0; t < setup_->types.size(); ++t) {
    const TypeInfo& info = setup_->types[t];
    const double sight = options_.unit_ranges ? info.sight : kSight;
    const double target =
        options_.unit_ranges ? std::max(info.unit_range, kMinTargetRange) : kTargetRange;
    sight_range_[t] = static_cast<float>(sight);
    sight2_[t] = static_cast<float>(sight * sight);
    sight_scale_[t] = static_cast<float>(1.0 / sight);
    target_range_[t] = static_cast<float>(target);
    target2_[t] = static_cast<float>(target * target);
    double divisor = info.cooldown_divisor;
    if (healers_ && info.healer)
      divisor = kMaxEnergy;
    else if (options_.exact_cooldowns)
      divisor = std::max(static_cast<double>(info.period + setup_->jitter_high) / kOne, 1.0);
    cooldown_scale_[t] = static_cast<float>(1.0 / (divisor * kOne));
  }
  for (std::size_t side = 0; side < 2; ++side) {
    type_names_[side].assign(at(bits_), "");
    const auto& order = scenario.map.ally_types;
    for (std::size_t t = 0; t < setup_->types.size() && bits_ > 0; ++t) {
      if (std::find(order.begin(), order.end(), setup_->types[t].name) != order.end())
        type_names_[side][bit_[side][t]] = setup_->types[t].name;
    }
  }
}

std::vector<std::string> Layout::action_names() const {
  std::vector<std::string> names = {"noop", "stop", "north", "south", "east", "west"};
  for (int j = 0; j < n_actions_ - kFirstTarget; ++j)
    names.push_back((healers_ ? "target_" : "attack_") + std::to_string(j));
  return names;
}

std::vector<Feature> Layout::unit_features(const std::string& prefix, int team, bool health) const {
  std::vector<Feature> features;
  if (health) {
    features.push_back({prefix + ".health"});
    if (shields_[at(team)]) features.push_back({prefix + ".shield"});
  }
  for (const std::string& type : type_names_[team]) features.push_back({prefix + ".is_" + type});
  return features;
}

std::vector<Feature> Layout::obs_features() const {
  std::vector<Feature> features;
  const auto append = [&features](const std::vector<Feature>& more) {
    features.insert(features.end(), more.begin(), more.end());
  };
  for (const char* direction : {"north", "south", "east", "west"})
    features.push_back({fmt::format("can_move.{}", direction)});
  static const char* const kPoints[] = {"n", "s", "e", "w", "ne", "sw", "se", "nw", "here"};
  if (options_.obs_pathing_grid) {
    for (int k = 0; k < 8; ++k) features.push_back({fmt::format("pathable.{}", kPoints[k])});
  }
  if (options_.obs_terrain_height) {
    for (const char* point : kPoints) features.push_back({fmt::format("height.{}", point)});
  }
  const auto other = [&](const std::string& prefix, const char* flag, int team) {
    features.push_back({prefix + flag});
    features.push_back({prefix + ".distance"});
    features.push_back({prefix + ".dx", -1.0F, 1.0F});
    features.push_back({prefix + ".dy", -1.0F, 1.0F});
    append(unit_features(prefix, team, options_.all_health));
  };
  for (int j = 0; j < n_other_; ++j)
    other(fmt::format("enemy{}", j), ".can_be_targeted", 1 - team_);
  // Allies are listed by id without the observer, so names count positions in the list.
  for (int j = 0; j + 1 < n_own_; ++j) {
    const std::string prefix = fmt::format("ally{}", j);
    other(prefix, ".seen", team_);
    if (options_.obs_last_action) {
      for (const std::string& action : action_names())
        features.push_back({prefix + ".last_" + action});
    }
  }
  if (options_.own_health) {
    features.push_back({"own.health"});
    if (shields_[at(team_)]) features.push_back({"own.shield"});
  }
  if (options_.obs_own_pos) {
    features.push_back({"own.x"});
    features.push_back({"own.y"});
  }
  append(unit_features("own", team_, false));
  if (options_.obs_timestep) features.push_back({"time"});
  return features;
}

std::vector<Feature> Layout::state_features() const {
  std::vector<Feature> features;
  if (options_.obs_instead_of_state) {
    for (int k = 0; k < n_own_; ++k) {
      for (Feature feature : obs_features()) {
        feature.name = fmt::format("agent{}.{}", k, feature.name);
        features.push_back(feature);
      }
    }
    return features;
  }
  float longest = 1.0F;
  for (std::size_t t = 0; t < setup_->types.size(); ++t) {
    const auto loops = static_cast<float>(setup_->types[t].period + setup_->jitter_high);
    longest = std::max(longest, loops * cooldown_scale_[t]);
  }
  for (int team = 0; team < 2; ++team) {
    const int n = team == 0 ? n_own_ : n_other_;
    for (int k = 0; k < n; ++k) {
      const std::string prefix = fmt::format("{}{}", team == 0 ? "ally" : "enemy", k);
      features.push_back({prefix + ".health"});
      if (team == 0) features.push_back({prefix + ".cooldown", 0.0F, longest});
      features.push_back({prefix + ".x", -0.5F, 0.5F});
      features.push_back({prefix + ".y", -0.5F, 0.5F});
      if (shields_[at(team)]) features.push_back({prefix + ".shield"});
      for (const std::string& type : type_names_[team])
        features.push_back({prefix + ".is_" + type});
    }
  }
  if (options_.state_last_action) {
    for (int k = 0; k < n_own_; ++k) {
      for (const std::string& action : action_names())
        features.push_back({fmt::format("ally{}.last_{}", k, action)});
    }
  }
  if (options_.state_timestep) features.push_back({"time"});
  return features;
}

}  // namespace credo::skirmish
