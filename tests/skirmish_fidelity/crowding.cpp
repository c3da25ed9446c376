#include "tests/skirmish_fidelity/crowding.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <fmt/format.h>

#include "envs/core/scene.hpp"
#include "tests/skirmish/support.hpp"

namespace credo::skirmish::test {
namespace {

// Half a second of a unit that walks to a target.
struct Walk {
  int loops = 0;
  float gx = 0.0F, gy = 0.0F;  // from where it began to its target
  float dx = 0.0F, dy = 0.0F;  // walked since
  int backwards = 0;           // such stretches in a row
  int side = 0;                // of the way to its target on which it last went
};

constexpr int kStretch = 8;
constexpr float kClearly = 0.25F;  // share of what it could have walked

struct Tally {
  double loops = 0.0;  // of living enemies after first contact
  double idle = 0.0;
  double in_range = 0.0;
  double walking = 0.0;
  double stretches = 0.0;
  double backwards = 0.0;
  double flips = 0.0;
  int longest = 0;
};

class Observer {
 public:
  explicit Observer(const Battle& battle) : battle_(battle) { remember(); }

  void look(Tally& tally) {
    const BattleSetup& setup = battle_.setup();
    contact_ = contact_ || vitality() < before_vitality_;
    for (int k = 0; contact_ && k < setup.count[1]; ++k) {
      const int i = setup.slot(1, k);
      const auto u = static_cast<std::size_t>(i);
      if (!battle_.alive(i)) continue;
      tally.loops += 1.0;
      const int t = battle_.target(i);
      Walk& walk = walk_[u];
      if (t < 0 || t != target_[u] || !battle_.alive(t)) {
        tally.idle += t < 0 ? 1.0 : 0.0;
        walk = {};
        continue;
      }
      const float gx = battle_.x(t) - x_[u];
      const float gy = battle_.y(t) - y_[u];
      if (gx * gx + gy * gy <= setup.pairs[battle_.type(i)][battle_.type(t)].range2) {
        tally.in_range += 1.0;
        walk = {};
        continue;
      }
      if (battle_.footing(i) != Footing::kMoving) continue;
      tally.walking += 1.0;
      if (walk.loops++ == 0) {
        walk.gx = gx;
        walk.gy = gy;
        walk.dx = walk.dy = 0.0F;
      }
      walk.dx += battle_.x(i) - x_[u];
      walk.dy += battle_.y(i) - y_[u];
      if (walk.loops < kStretch) continue;
      walk.loops = 0;
      judge(walk, battle_.info(i).speed * static_cast<float>(kStretch), tally);
    }
    remember();
  }

 private:
  static void judge(Walk& walk, float full, Tally& tally) {
    const float length = std::sqrt(walk.gx * walk.gx + walk.gy * walk.gy);
    const float along = (walk.gx * walk.dx + walk.gy * walk.dy) / length;
    const float across = (walk.gx * walk.dy - walk.gy * walk.dx) / length;
    tally.stretches += 1.0;
    const bool back = along < -kClearly * full;
    tally.backwards += back ? 1.0 : 0.0;
    walk.backwards = back ? walk.backwards + 1 : 0;
    tally.longest = std::max(tally.longest, walk.backwards);
    if (std::fabs(across) <= kClearly * full) return;
    const int side = across > 0.0F ? 1 : -1;
    tally.flips += walk.side == -side ? 1.0 : 0.0;
    walk.side = side;
  }

  std::int64_t vitality() const {
    std::int64_t sum = 0;
    for (int i = 0; i < battle_.setup().slots; ++i)
      if (battle_.alive(i)) sum += battle_.hp(i) + battle_.shield(i);
    return sum;
  }

  void remember() {
    before_vitality_ = vitality();
    for (int i = 0; i < battle_.setup().slots; ++i) {
      const auto u = static_cast<std::size_t>(i);
      x_[u] = battle_.x(i);
      y_[u] = battle_.y(i);
      target_[u] = battle_.target(i);
    }
  }

  const Battle& battle_;
  bool contact_ = false;
  std::int64_t before_vitality_ = 0;
  std::array<float, kSlots> x_{}, y_{};
  std::array<int, kSlots> target_{};
  std::array<Walk, kSlots> walk_{};
};

}  // namespace

void crowding(int episodes, const std::vector<std::pair<std::string, std::string>>& values) {
  fmt::print(
      "| map | without a target % | in range % | walking to a target % | of that backwards % | "
      "longest way backwards, loops | changes of side per 100 loops "
      "|\n|---|---|---|---|---|---|---|\n");
  for (const char* map : {"5m_vs_6m", "8m", "10m_vs_11m", "25m", "27m_vs_30m", "MMM", "3s5z"}) {
    const auto env = make(std::string("skirmish/") + map, values);
    const auto policy = env->make_scripted("closest");
    std::vector<int> actions(static_cast<std::size_t>(env->spec().n_agents));
    credo::Stream stream(1, credo::purpose("policy"));
    Tally tally;
    for (int n = 0; n < episodes; ++n) {
      env->reset({1, credo::purpose("fidelity"), 0, static_cast<std::uint64_t>(n)});
      Observer observer(as_skirmish(*env).battle());
      while (!env->done()) {
        policy->act(*env, stream, actions);
        env->step_watched(actions, [&](const credo::Scene&) { observer.look(tally); });
      }
    }
    fmt::print("| {} | {:.0f} | {:.0f} | {:.0f} | {:.0f} | {} | {:.1f} |\n", map,
               100.0 * tally.idle / tally.loops, 100.0 * tally.in_range / tally.loops,
               100.0 * tally.walking / tally.loops,
               100.0 * tally.backwards / std::max(tally.stretches, 1.0), kStretch * tally.longest,
               100.0 * tally.flips / std::max(kStretch * tally.stretches, 1.0));
    std::fflush(stdout);
  }
}

}  // namespace credo::skirmish::test
