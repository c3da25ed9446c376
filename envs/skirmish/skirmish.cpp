#include "envs/skirmish/skirmish.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <fmt/format.h>
#include <limits>
#include <tuple>

namespace credo::skirmish {
SkirmishEnv::SkirmishEnv(EnvSpec spec, std::shared_ptr<const Config> config)
    : Env(std::move(spec)),
      config_(std::move(config)),
      layouts_{std::make_shared<const Layout>(config_->scenario, config_->view, 0),
               std::make_shared<const Layout>(config_->scenario, config_->view, 1)},
      battle_(config_->scenario.setup),
      vitality_(at(config_->scenario.setup->slots), 0),
      heuristic_target_(at(config_->scenario.n_agents), -1),
      enemy_actions_(at(config_->scenario.n_enemies), kStop),
      own_actions_(config_->heuristic_ai ? at(config_->scenario.n_agents) : 0, kNoop) {
  last_actions_[0].assign(at(config_->scenario.n_agents), -1);
  last_actions_[1].assign(at(config_->scenario.n_enemies), -1);
}

std::vector<std::pair<std::string, double>> SkirmishEnv::info() const {
  const Scenario& scenario = config_->scenario;
  return {{"battle_won", won_.value_or(false) ? 1.0 : 0.0},
          {"dead_allies", static_cast<double>(scenario.n_agents - battle_.n_alive(0))},
          {"dead_enemies", static_cast<double>(scenario.n_enemies - battle_.n_alive(1))}};
}

bool SkirmishEnv::drawn() const {
  return done() && battle_.n_alive(0) == 0 && battle_.n_alive(1) == 0 && result() == 0;
}

namespace {
std::uint64_t draw_key(Stream& stream) {
  const std::uint64_t high = stream.bits32();
  return high << 32U | stream.bits32();
}
}  // namespace

void SkirmishEnv::do_branch(Stream& stream) { battle_.set_key(draw_key(stream)); }

void SkirmishEnv::do_reset(Stream& stream) {
  const Scenario& scenario = config_->scenario;
  const BattleSetup& setup = *scenario.setup;
  battle_.reset(draw_key(stream));
  if (scenario.map.generate) generate_armies(scenario, stream, battle_);
  if (config_->shuffle_enemies) {
    std::array<int, kSlots> slots{};
    const std::span<int> order(slots.data(), at(scenario.n_enemies));
    for (std::size_t k = 0; k < order.size(); ++k) order[k] = setup.start[1] + static_cast<int>(k);
    stream.shuffle(order);
    const Battle before = battle_;
    for (std::size_t k = 0; k < order.size(); ++k)
      battle_.place(setup.start[1] + static_cast<int>(k), before.type(order[k]), before.x(order[k]),
                    before.y(order[k]));
  }
  if (config_->spawn_jitter > 0.0) scatter(stream);
  if (setup.order == EnemyOrder::kSegment) {
    const float share = stream.uniform_float();
    const auto& from = setup.goal[1];
    const auto& to = setup.goal_to[1];
    battle_.set_goal(1, from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1]));
  }
  battle_.muster();

  for (auto& last : last_actions_) std::fill(last.begin(), last.end(), std::int16_t{-1});
  std::fill(heuristic_target_.begin(), heuristic_target_.end(), std::int16_t{-1});
  std::fill(own_actions_.begin(), own_actions_.end(), static_cast<int>(kNoop));
  std::fill(enemy_actions_.begin(), enemy_actions_.end(), static_cast<int>(kStop));
  won_ = false;
  blasts_.clear();
  for (int i = 0; i < setup.slots; ++i) vitality_[at(i)] = vitality(i);
  double max_reward = config_->reward.win + config_->reward.death_value * scenario.n_enemies;
  for (int k = 0; k < scenario.n_enemies; ++k)
    max_reward += static_cast<double>(vitality_[at(setup.slot(1, k))]) / kOne;
  reward_scale_ = config_->reward.scale ? config_->reward.scale_rate / max_reward : 1.0;
}

// Shifts every start, then orders the agents as SMAC does at every reset: by type, x and y.
void SkirmishEnv::scatter(Stream& stream) {
  const BattleSetup& setup = battle_.setup();
  const auto reach = static_cast<float>(config_->spawn_jitter);
  for (int team = 0; team < 2; ++team) {
    for (int k = 0; k < setup.count[at(team)]; ++k) {
      const int i = setup.slot(team, k);
      const float x = battle_.x(i) + (2.0F * stream.uniform_float() - 1.0F) * reach;
      const float y = battle_.y(i) + (2.0F * stream.uniform_float() - 1.0F) * reach;
      if (battle_.info(i).layer == Layer::kStructure) continue;  // structures stay on the grid
      if (setup.terrain->fits(x, y, battle_.info(i).wall_radius))
        battle_.place(i, battle_.type(i), x, y);
    }
  }
  if (config_->scenario.map.generate) return;
  std::array<std::tuple<float, float, std::int16_t>, kSlots> places{};
  for (int first = 0, last = 0; first < setup.count[0]; first = last) {
    const std::uint8_t type = battle_.type(first);
    for (; last < setup.count[0] && battle_.type(last) == type; ++last)
      places[at(last)] = {battle_.x(last), battle_.y(last), battle_.rank(last)};
    std::sort(places.begin() + first, places.begin() + last);
    for (int i = first; i < last; ++i) {
      const auto& [x, y, rank] = places[at(i)];
      battle_.place(i, type, x, y);
      battle_.set_rank(i, rank);
    }
  }
}

void SkirmishEnv::order(int team, int agent, int action) {
  const BattleSetup& setup = *config_->scenario.setup;
  const int i = setup.slot(team, agent);
  if (!battle_.alive(i)) return;
  const auto m = static_cast<float>(config_->view.move_amount);
  switch (action) {
    case kNoop:
      return;
    case kStop:
      battle_.order_idle(i);
      return;
    case kNorth:
      battle_.order_move(i, battle_.x(i), battle_.y(i) + m);
      return;
    case kSouth:
      battle_.order_move(i, battle_.x(i), battle_.y(i) - m);
      return;
    case kEast:
      battle_.order_move(i, battle_.x(i) + m, battle_.y(i));
      return;
    case kWest:
      battle_.order_move(i, battle_.x(i) - m, battle_.y(i));
      return;
    default:
      break;
  }
  const int j = action - kFirstTarget;
  if (config_->scenario.healers && battle_.info(i).healer)
    battle_.order_heal(i, setup.slot(team, j));
  else
    battle_.order_attack(i, setup.slot(1 - team, j));
}

// SMAC's scripted ally: attacks the closest enemy until it dies; healers the closest hurt fighter.
void SkirmishEnv::order_heuristic(int agent) {
  const BattleSetup& setup = *config_->scenario.setup;
  const int i = setup.slot(0, agent);
  own_actions_[at(agent)] = kNoop;
  if (!battle_.alive(i)) return;
  const bool heals = config_->scenario.healers && battle_.info(i).healer;
  const auto suits = [&](int j) {
    if (!battle_.alive(j)) return false;
    if (heals) return !battle_.info(j).healer && battle_.hp(j) < battle_.info(j).hp;
    return setup.pairs[battle_.type(i)][battle_.type(j)].can_attack;
  };
  int target = heuristic_target_[at(agent)];
  if (target < 0 || !suits(target)) {
    target = -1;
    float closest = std::numeric_limits<float>::max();
    const int team = heals ? 0 : 1;
    for (int k = 0; k < setup.count[at(team)]; ++k) {
      const int j = setup.slot(team, k);
      const float dx = battle_.x(j) - battle_.x(i);
      const float dy = battle_.y(j) - battle_.y(i);
      if (!suits(j) || dx * dx + dy * dy >= closest) continue;
      closest = dx * dx + dy * dy;
      target = j;
    }
    heuristic_target_[at(agent)] = static_cast<std::int16_t>(target);
  }
  int& action = own_actions_[at(agent)];
  action =
      target < 0 ? static_cast<int>(kStop) : kFirstTarget + target - setup.start[heals ? 0 : 1];
  if (target < 0) {
    battle_.order_idle(i);
    return;
  }
  if (!config_->heuristic_rest) {
    if (heals)
      battle_.order_heal(i, target);
    else
      battle_.order_attack(i, target);
    return;
  }
  const std::span<const std::uint8_t> avail =
      avail_actions().subspan(at(agent) * at(spec().n_actions), at(spec().n_actions));
  if (avail[at(action)] == 0) {
    const float dx = battle_.x(target) - battle_.x(i);
    const float dy = battle_.y(target) - battle_.y(i);
    if (std::fabs(dx) > std::fabs(dy))
      action = dx < 0.0F ? kWest : kEast;
    else
      action = dy < 0.0F ? kSouth : kNorth;
    if (avail[at(action)] == 0) action = kStop;
  }
  order(0, agent, action);
}

Env::Outcome SkirmishEnv::do_step(std::span<const int> actions, Stream& stream) {
  (void)stream;  // randomness is keyed at reset, so that it does not depend on the order of attacks
  for (std::size_t k = 0; k < actions.size(); ++k) {
    last_actions_[0][k] = static_cast<std::int16_t>(actions[k]);
    if (config_->heuristic_ai)
      order_heuristic(static_cast<int>(k));
    else
      order(0, static_cast<int>(k), actions[k]);
  }
  if (config_->external_enemy) {
    for (std::size_t k = 0; k < enemy_actions_.size(); ++k) {
      last_actions_[1][k] = static_cast<std::int16_t>(enemy_actions_[k]);
      order(1, static_cast<int>(k), enemy_actions_[k]);
      enemy_actions_[k] = kStop;
    }
  }
  battle_.forget_damage();
  blasts_.clear();
  if (is_watched()) {
    for (int k = 0; k < config_->loops_per_step; ++k) {
      blasts_.clear();
      battle_.run_loops(k, k + 1, &blasts_);
      if (k + 1 < config_->loops_per_step) show();
    }
  } else {
    battle_.run_step(config_->loops_per_step);
  }

  Outcome outcome;
  const RewardOptions& options = config_->reward;
  outcome.reward = shaped_reward();
  if (options.sparse) outcome.reward = 0.0;
  const int code = result();
  const bool empty = battle_.n_alive(0) == 0 && battle_.n_alive(1) == 0;
  outcome.terminated = code != 0 || empty;
  if (code > 0) {
    won_ = true;
    outcome.reward += options.sparse ? 1.0 : options.win;
  } else if (code < 0) {
    outcome.reward += options.sparse ? -1.0 : options.defeat;
  }
  outcome.reward *= reward_scale_;
  return outcome;
}

double SkirmishEnv::shaped_reward() {
  const BattleSetup& setup = *config_->scenario.setup;
  const RewardOptions& options = config_->reward;
  std::array<std::int64_t, 2> lost = {0, 0};
  std::array<int, 2> deaths = {0, 0};
  for (int team = 0; team < 2; ++team) {
    for (int k = 0; k < setup.count[at(team)]; ++k) {
      const int i = setup.slot(team, k);
      const std::int64_t before = vitality_[at(i)];
      if (before == 0) continue;  // dead already
      const std::int64_t now = vitality(i);
      lost[at(team)] += before - now;
      if (now == 0) ++deaths[at(team)];
      vitality_[at(i)] = now;
    }
  }
  if (setup.counts_dealt) {
    for (int team = 0; team < 2; ++team) {
      lost[at(team)] = battle_.damage(team);
      deaths[at(team)] = battle_.kills(team);
    }
  }
  const double gained = static_cast<double>(lost[1]) / kOne + options.death_value * deaths[1];
  if (options.only_positive) return options.absolute ? std::fabs(gained) : std::max(gained, 0.0);
  const double paid = static_cast<double>(lost[0]) / kOne + options.death_value * deaths[0];
  return gained - options.negative_scale * paid;
}

// SMAC's game result: 1 won, -1 lost, 0 undecided (or a draw if no unit is left). On maps with
// healers these do not count as fighters, and the loss is tested first.
int SkirmishEnv::result() const {
  const int allies = battle_.n_alive(0);
  const int enemies = battle_.n_alive(1);
  const bool healers = config_->scenario.healers && !config_->scenario.setup->healers_fight;
  if ((allies == 0 && enemies > 0) || (healers && battle_.n_fighters(0) == 0)) return -1;
  if ((enemies == 0 && allies > 0) || (healers && enemies == 1 && battle_.n_fighters(1) == 0))
    return 1;
  return 0;
}

Layout::Context SkirmishEnv::context(int team) const {
  return {.time = static_cast<float>(t()) / static_cast<float>(spec().episode_limit),
          .last_actions = last_actions_[at(team)]};
}

void SkirmishEnv::do_write_obs(std::span<float> out) const {
  layouts_[0]->write_obs(battle_, context(0), avail_actions(), out);
}

void SkirmishEnv::do_write_state(std::span<float> out) const {
  layouts_[0]->write_state(battle_, context(0), avail_actions(), out);
}

void SkirmishEnv::do_write_avail_actions(std::span<std::uint8_t> out) const {
  layouts_[0]->write_avail(battle_, out);
}

void SkirmishEnv::write_enemy_obs(std::span<float> out) const {
  const Layout& layout = *layouts_[1];
  CREDO_CHECK(out.size() == at(layout.n_agents()) * at(layout.obs_dim()),
              "write_enemy_obs needs n_agents * obs_dim floats of the enemy layout");
  std::vector<std::uint8_t> avail(at(layout.n_agents()) * at(layout.n_actions()));
  layout.write_avail(battle_, avail);
  layout.write_obs(battle_, context(1), avail, out);
}

void SkirmishEnv::write_enemy_state(std::span<float> out) const {
  const Layout& layout = *layouts_[1];
  CREDO_CHECK(out.size() == at(layout.state_dim()),
              "write_enemy_state needs state_dim floats of the enemy layout");
  std::vector<std::uint8_t> avail(at(layout.n_agents()) * at(layout.n_actions()));
  layout.write_avail(battle_, avail);
  layout.write_state(battle_, context(1), avail, out);
}

void SkirmishEnv::write_enemy_avail_actions(std::span<std::uint8_t> out) const {
  const Layout& layout = *layouts_[1];
  CREDO_CHECK(out.size() == at(layout.n_agents()) * at(layout.n_actions()),
              "write_enemy_avail_actions needs n_agents * n_actions bytes of the enemy layout");
  layout.write_avail(battle_, out);
}

void SkirmishEnv::set_enemy_actions(std::span<const int> actions) {
  CREDO_CHECK(config_->external_enemy, "set_enemy_actions needs env.opponent=external");
  CREDO_CHECK(actions.size() == enemy_actions_.size(), "one action per enemy is needed");
  const int n_actions = layouts_[1]->n_actions();
  std::vector<std::uint8_t> avail(actions.size() * at(n_actions));
  layouts_[1]->write_avail(battle_, avail);
  for (std::size_t k = 0; k < actions.size(); ++k)
    CREDO_CHECK(
        actions[k] >= 0 && actions[k] < n_actions && avail[k * at(n_actions) + at(actions[k])] != 0,
        fmt::format("enemy {} cannot take action {}", k, actions[k]));
  std::copy(actions.begin(), actions.end(), enemy_actions_.begin());
}

std::unique_ptr<Env> SkirmishEnv::do_clone() const { return std::make_unique<SkirmishEnv>(*this); }

void SkirmishEnv::do_save(ByteWriter& out) const {
  battle_.save(out);
  for (const auto& last : last_actions_) out.put_vector(last);
  out.put_vector(vitality_);
  out.put_vector(heuristic_target_);
  out.put_vector(enemy_actions_);
  out.put_vector(own_actions_);
  out.put(reward_scale_);
  out.put<std::uint8_t>(won_.has_value() ? (*won_ ? 2 : 1) : 0);
}

void SkirmishEnv::do_load(ByteReader& in) {
  battle_.load(in);
  for (auto& last : last_actions_) in.get_span(std::span<std::int16_t>(last));
  in.get_span(std::span<std::int64_t>(vitality_));
  in.get_span(std::span<std::int16_t>(heuristic_target_));
  in.get_span(std::span<int>(enemy_actions_));
  in.get_span(std::span<int>(own_actions_));
  reward_scale_ = in.get<double>();
  const auto won = in.get<std::uint8_t>();
  bool ok = won <= 2 && std::isfinite(reward_scale_);
  for (std::size_t team = 0; team < 2; ++team) {
    for (const std::int16_t last : last_actions_[team])
      ok = ok && last >= -1 && last < layouts_[team]->n_actions();
  }
  for (const std::int16_t target : heuristic_target_)
    ok = ok && target >= -1 && target < config_->scenario.setup->slots;
  for (const int action : own_actions_) ok = ok && action >= 0 && action < layouts_[0]->n_actions();
  for (const int action : enemy_actions_)
    ok = ok && action >= 0 && action < layouts_[1]->n_actions();
  CREDO_CHECK(ok, "saved skirmish is damaged");
  won_ = won == 0 ? std::nullopt : std::optional<bool>(won == 2);
}

std::string SkirmishEnv::do_render_text() const {
  // The map from north to south; agents are digits and letters by id, enemies lower-case by type.
  const BattleSetup& setup = *config_->scenario.setup;
  std::vector<std::string> rows(kGrid, std::string(kGrid, ' '));
  for (int y = 0; y < kGrid; ++y) {
    for (int x = 0; x < kGrid; ++x)
      rows[at(kGrid - 1 - y)][at(x)] = setup.terrain->open(x, y)    ? '.'
                                       : setup.terrain->cliff(x, y) ? '^'
                                                                    : '#';
  }
  std::string list;
  constexpr std::string_view kIds = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (int team = 0; team < 2; ++team) {
    for (int k = 0; k < setup.count[at(team)]; ++k) {
      const int i = setup.slot(team, k);
      const TypeInfo& info = battle_.info(i);
      list += fmt::format("{}{} {}: ", team == 0 ? "ally" : "enemy", k, info.name);
      if (!battle_.alive(i)) {
        list += "dead\n";
        continue;
      }
      const int cx = std::clamp(cell_of(battle_.x(i)), 0, kGrid - 1);
      const int cy = std::clamp(cell_of(battle_.y(i)), 0, kGrid - 1);
      rows[at(kGrid - 1 - cy)][at(cx)] =
          team == 0 ? kIds[std::min(at(k), kIds.size() - 1)] : info.name[0];
      list += fmt::format("health {:.2f}", static_cast<double>(battle_.hp(i)) / kOne);
      if (info.shield > 0)
        list += fmt::format(" shield {:.2f}", static_cast<double>(battle_.shield(i)) / kOne);
      list += fmt::format(" at ({:.3f}, {:.3f}) cooldown {:.2f}\n", battle_.x(i) + kHalf,
                          battle_.y(i) + kHalf, static_cast<double>(battle_.cooldown(i)) / kOne);
    }
  }
  std::string text;
  for (const std::string& row : rows) {
    if (row.find_first_not_of('#') != std::string::npos) text += row + '\n';
  }
  return text + list;
}

std::unique_ptr<ScriptedPolicy> SkirmishEnv::do_make_scripted(std::string_view name) const {
  return make_scripted_policy(name);
}

}  // namespace credo::skirmish
