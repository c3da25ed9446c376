// Scripted allies. They see the whole battle and pick only available actions.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include "envs/skirmish/skirmish.hpp"

namespace credo::skirmish {
namespace {

// The environment itself gives the orders, since targets may lie beyond the available actions.
class Onlooker final : public ScriptedPolicy {
 public:
  void act(const Env& env, Stream& stream, std::span<int> actions) override {
    (void)stream;
    const auto n_actions = at(env.spec().n_actions);
    for (std::size_t k = 0; k < actions.size(); ++k)
      actions[k] = env.avail_actions()[k * n_actions + kStop] != 0 ? kStop : kNoop;
  }
};

enum class Kind { kSticky, kClosest, kFocus, kKite };

class Script final : public ScriptedPolicy {
 public:
  explicit Script(Kind kind) : kind_(kind) {}

  void reset() override { targets_.clear(); }

  std::unique_ptr<ScriptedPolicy> clone() const override {
    auto copy = std::make_unique<Script>(kind_);
    copy->targets_ = targets_;
    return copy;
  }

  void act(const Env& env, Stream& stream, std::span<int> actions) override {
    (void)stream;
    const auto& skirmish = dynamic_cast<const SkirmishEnv&>(env);
    if (targets_.size() != actions.size()) targets_.assign(actions.size(), -1);
    for (std::size_t k = 0; k < actions.size(); ++k)
      actions[k] = choose(skirmish, static_cast<int>(k));
  }

 private:
  struct View {
    const SkirmishEnv& env;
    const Battle& battle;
    const BattleSetup& setup;
    std::span<const std::uint8_t> avail;
    int slot;
    bool heals;
  };

  static float distance2(const View& view, int other) {
    const float dx = view.battle.x(other) - view.battle.x(view.slot);
    const float dy = view.battle.y(other) - view.battle.y(view.slot);
    return dx * dx + dy * dy;
  }

  static int target_action(const View& view, int other) {
    return kFirstTarget + other - view.setup.start[view.heals ? 0 : 1];
  }

  // A valid target for attacking (or healing).
  static bool suits(const View& view, int other) {
    if (!view.battle.alive(other)) return false;
    if (view.heals)
      return !view.battle.info(other).healer && view.battle.hp(other) < view.battle.info(other).hp;
    return view.setup.pairs[view.battle.type(view.slot)][view.battle.type(other)].can_attack;
  }

  static int walk(const View& view, float dx, float dy) {
    const bool sideways = std::fabs(dx) > std::fabs(dy);
    const int first = sideways ? (dx < 0.0F ? kWest : kEast) : (dy < 0.0F ? kSouth : kNorth);
    const int second = sideways ? (dy < 0.0F ? kSouth : kNorth) : (dx < 0.0F ? kWest : kEast);
    if (view.avail[at(first)] != 0) return first;
    return view.avail[at(second)] != 0 ? second : static_cast<int>(kStop);
  }

  int choose(const SkirmishEnv& env, int agent) {
    const Battle& battle = env.battle();
    const BattleSetup& setup = battle.setup();
    const int slot = setup.slot(0, agent);
    if (!battle.alive(slot)) return kNoop;
    const int n_actions = env.spec().n_actions;
    const View view = {env,   battle,
                       setup, env.avail_actions().subspan(at(agent) * at(n_actions), at(n_actions)),
                       slot,  env.config().scenario.healers && battle.info(slot).healer};
    int& target = targets_[at(agent)];
    const bool keeps = kind_ == Kind::kSticky && target >= 0 && suits(view, target);
    if (!keeps) target = pick(view);
    if (target < 0) return kStop;
    if (kind_ == Kind::kKite && !view.heals) {
      const int away = back_off(view);
      if (away >= 0) return away;
    }
    const int action = target_action(view, target);
    if (view.avail[at(action)] != 0) return action;
    return walk(view, battle.x(target) - battle.x(slot), battle.y(target) - battle.y(slot));
  }

  // The closest, or for focus fire the weakest of those within target range.
  int pick(const View& view) const {
    const int team = view.heals ? 0 : 1;
    int best = -1;
    float best_score = std::numeric_limits<float>::max();
    bool best_near = false;
    for (int k = 0; k < view.setup.count[at(team)]; ++k) {
      const int other = view.setup.slot(team, k);
      if (!suits(view, other)) continue;
      const bool near = kind_ == Kind::kFocus && view.avail[at(target_action(view, other))] != 0;
      const float score =
          near ? static_cast<float>(view.battle.hp(other) + view.battle.shield(other))
               : distance2(view, other);
      if (best >= 0 && (near != best_near ? !near : score >= best_score)) continue;
      best = other;
      best_score = score;
      best_near = near;
    }
    return best;
  }

  // Ranged units keep away from melee units while their weapon reloads, and from slower ones until
  // there is time for a shot, since a chaser gains distance on a unit that stops to shoot. Picks
  // the step that ends farthest from chasers and walls (a sum of inverse squares), so that a chase
  // goes in circles and not into a corner.
  static int back_off(const View& view) {
    constexpr float kReload = 2.0F;  // loops of reloading that are worth a step
    constexpr float kMargin = 1.5F;  // cells: what a chaser gains during a shot
    constexpr float kWalls = 0.5F;   // weight of a wall beside that of a chaser
    const Battle& battle = view.battle;
    const std::uint8_t type = battle.type(view.slot);
    const bool reloading = static_cast<float>(battle.cooldown(view.slot)) >= kReload * kOne;
    std::array<int, kMaxUnits> list;
    std::size_t count = 0;
    bool threatened = false;
    for (int k = 0; k < view.setup.count[1]; ++k) {
      const int other = view.setup.slot(1, k);
      if (!battle.alive(other)) continue;
      const PairInfo& mine = view.setup.pairs[type][battle.type(other)];
      const PairInfo& theirs = view.setup.pairs[battle.type(other)][type];
      if (!theirs.can_attack || mine.range2 <= 1.5F * theirs.range2) continue;
      list[count++] = other;
      const bool outruns = view.battle.info(view.slot).speed > view.battle.info(other).speed;
      if (!reloading && !outruns) continue;
      const float keep =
          reloading ? std::sqrt(mine.range2) - 0.5F : std::sqrt(theirs.range2) + kMargin;
      threatened |= distance2(view, other) < keep * keep;
    }
    if (!threatened) return -1;
    const std::span<const int> chasers(list.data(), count);
    int best = -1;
    float least = std::numeric_limits<float>::max();
    for (const int step : {kNorth, kSouth, kEast, kWest}) {
      if (view.avail[at(step)] == 0) continue;
      const float length = static_cast<float>(view.env.config().view.move_amount);
      const float x = battle.x(view.slot) + (step == kEast ? length : step == kWest ? -length : 0);
      const float y = battle.y(view.slot) + (step == kNorth   ? length
                                             : step == kSouth ? -length
                                                              : 0);
      float crowd = 0.0F;
      for (const int other : chasers) {
        const float dx = x - battle.x(other);
        const float dy = y - battle.y(other);
        crowd += 1.0F / std::max(dx * dx + dy * dy, 0.01F);
      }
      for (const float wall : {kHalf + x, kHalf + y, kHalf - x, kHalf - y})
        crowd += kWalls / std::max(wall * wall, 0.01F);
      if (crowd >= least) continue;
      least = crowd;
      best = step;
    }
    return best;
  }

  Kind kind_;
  std::vector<int> targets_;
};

}  // namespace

std::vector<ScriptedInfo> scripted_policies() {
  return {
      {"default", "the same as heuristic_rest"},
      {"heuristic_rest",
       "SMAC's heuristic within available actions: the closest enemy until it dies; healers the "
       "closest hurt fighter; else a step along the longer axis"},
      {"heuristic_ai",
       "SMAC's heuristic with targets at any distance, which actions cannot express: turns "
       "on env.heuristic_ai",
       {{"heuristic_ai", true}}},
      {"closest", "always the closest enemy"},
      {"focus", "the weakest enemy within target range, else towards the closest"},
      {"kite",
       "the closest enemy, keeping away from shorter-ranged ones: while reloading, and from slower "
       "ones until they are far enough for a shot"}};
}

std::unique_ptr<ScriptedPolicy> make_scripted_policy(std::string_view name) {
  if (name == "heuristic_ai") return std::make_unique<Onlooker>();
  if (name == "closest") return std::make_unique<Script>(Kind::kClosest);
  if (name == "focus") return std::make_unique<Script>(Kind::kFocus);
  if (name == "kite") return std::make_unique<Script>(Kind::kKite);
  return std::make_unique<Script>(Kind::kSticky);
}

}  // namespace credo::skirmish
