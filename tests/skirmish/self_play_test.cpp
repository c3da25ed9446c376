// Both sides through the same interface: mirrored actions give mirrored battles and equal views.
#include <algorithm>
#include <doctest/doctest.h>

#include "tests/skirmish/support.hpp"

using namespace credo::skirmish;

namespace {

int mirrored(int action) { return action == kEast ? kWest : action == kWest ? kEast : action; }

}  // namespace

TEST_CASE("self-play: mirrored actions of both sides keep a battle its own mirror image") {
  for (const char* id : {"skirmish/3m", "skirmish/2s3z"}) {
    credo::Params params = credo::env_params(id);
    params.set("opponent", std::string("external"));
    params.set("attack_jitter", false);
    params.set("spawn_jitter", 0.0);
    const auto env = credo::make_env(id, params);
    auto& skirmish = dynamic_cast<SkirmishEnv&>(*env);
    const Battle& battle = skirmish.battle();
    const int n = env->spec().n_agents;
    const auto n_actions = static_cast<std::size_t>(env->spec().n_actions);
    REQUIRE(skirmish.enemy_layout().n_agents() == n);
    REQUIRE(skirmish.enemy_layout().n_actions() == env->spec().n_actions);
    std::vector<int> actions(static_cast<std::size_t>(n)), enemy_actions(actions);
    std::vector<std::uint8_t> enemy_avail(actions.size() * n_actions);
    int strikes = 0;
    for (std::uint64_t battle_index = 0; battle_index < 4; ++battle_index) {
      // Which enemy stands where which agent's mirror image stands: orders of types differ.
      env->reset(credo::Stream(5, credo::purpose("self-play"), battle_index));
      std::vector<int> twin;
      for (int k = 0; k < n; ++k) {
        const int i = battle.setup().slot(0, k);
        for (int m = 0; m < n; ++m) {
          const int j = battle.setup().slot(1, m);
          if (battle.x(j) == -battle.x(i) && battle.y(j) == battle.y(i) &&
              battle.type(j) == battle.type(i))
            twin.push_back(m);
        }
      }
      REQUIRE(twin.size() == actions.size());
      credo::Stream stream(6, credo::purpose("self-play"), battle_index);
      while (!env->done()) {
        skirmish.write_enemy_avail_actions(enemy_avail);
        for (std::size_t k = 0; k < actions.size(); ++k) {
          const auto m = static_cast<std::size_t>(twin[k]);
          const auto image = [&](int a) {
            if (a < kFirstTarget) return mirrored(a);
            const auto at = std::find(twin.begin(), twin.end(), a - kFirstTarget);
            return kFirstTarget + static_cast<int>(at - twin.begin());
          };
          std::vector<int> both;
          for (std::size_t a = 0; a < n_actions; ++a) {
            const auto b = static_cast<std::size_t>(image(static_cast<int>(a)));
            const bool mine = env->avail_actions()[k * n_actions + a] != 0;
            const bool theirs = enemy_avail[m * n_actions + b] != 0;
            // Moves look one cell ahead with truncation towards zero, which has no mirror image.
            if (a >= kFirstTarget) CHECK(mine == theirs);
            if (mine && theirs) both.push_back(static_cast<int>(a));
          }
          REQUIRE_FALSE(both.empty());
          // Towards each other half of the time, so that they meet.
          actions[k] = both[stream.below(static_cast<std::uint32_t>(both.size()))];
          if (stream.bernoulli(0.5) && std::find(both.begin(), both.end(), kEast) != both.end())
            actions[k] = kEast;
          enemy_actions[m] = image(actions[k]);
          if (actions[k] >= kFirstTarget) ++strikes;
        }
        skirmish.set_enemy_actions(enemy_actions);
        env->step(actions);
        for (int k = 0; k < n; ++k) {
          const int i = battle.setup().slot(0, k);
          const int j = battle.setup().slot(1, twin[static_cast<std::size_t>(k)]);
          REQUIRE(battle.alive(i) == battle.alive(j));
          CHECK(battle.hp(i) == battle.hp(j));
          CHECK(battle.shield(i) == battle.shield(j));
          if (!battle.alive(i)) continue;
          REQUIRE(battle.x(j) == -battle.x(i));
          REQUIRE(battle.y(j) == battle.y(i));
        }
      }
    }
    CHECK(strikes > 20);
    std::vector<float> state(static_cast<std::size_t>(skirmish.enemy_layout().state_dim()), -9.0F);
    skirmish.write_enemy_state(state);
    CHECK(std::count(state.begin(), state.end(), -9.0F) == 0);
  }
}
