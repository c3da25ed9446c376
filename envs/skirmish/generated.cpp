// Generated armies in the manner of SMACv2 (Ellis et al. 2022): types drawn with weights, both
// teams alike, starting places either mirrored or with the allies surrounded.
#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "envs/core/error.hpp"
#include "envs/skirmish/scenario.hpp"

namespace credo::skirmish {
namespace {

using Types = std::array<std::uint8_t, static_cast<std::size_t>(kMaxUnits)>;

void draw_types(const Generate& generate, int never_all, std::span<std::uint8_t> types,
                Stream& stream) {
  const auto is_excluded = [never_all](std::uint8_t t) { return t == never_all; };
  do {
    for (std::uint8_t& type : types)
      type = static_cast<std::uint8_t>(stream.categorical(generate.weights));
  } while (std::all_of(types.begin(), types.end(), is_excluded));
}

// Keeps a drawn position inside the map and off its edge.
float inside(float v, float r) { return std::clamp(v, -kHalf + r, kHalf - r); }

}  // namespace

void generate_armies(const Scenario& scenario, Stream& stream, Battle& battle) {
  CREDO_CHECK(scenario.map.generate.has_value(), "this map has fixed armies");
  const Generate& generate = *scenario.map.generate;
  const BattleSetup& setup = *scenario.setup;
  const auto& names = scenario.map.ally_types;
  const auto never = std::find(names.begin(), names.end(), generate.never_all);
  const int never_all = never == names.end() ? -1 : static_cast<int>(never - names.begin());
  const int n_allies = generate.allies;
  const int n_enemies = generate.enemies;

  // Types are numbered in the order of ally_types (see load_scenario).
  Types allies{};
  Types enemies{};
  draw_types(generate, never_all, std::span(allies).first(at(n_allies)), stream);
  enemies = allies;
  if (n_enemies > n_allies)
    draw_types(generate, never_all,
               std::span(enemies).subspan(at(n_allies), at(n_enemies - n_allies)), stream);

  const auto put = [&](int team, int k, float x, float y) {
    const std::uint8_t type = team == 0 ? allies[at(k)] : enemies[at(k)];
    const float r = setup.types[type].wall_radius;
    battle.place(setup.slot(team, k), type, inside(x, r), inside(y, r));
  };
  const auto uniform = [&stream](float low, float high) {
    return low + stream.uniform_float() * (high - low);
  };
  // Separate statements, since the order of evaluation of arguments is unspecified.
  const auto put_near = [&](int team, int k, float x, float y, float half) {
    const float dx = uniform(-half, half);
    const float dy = uniform(-half, half);
    put(team, k, x + dx, y + dy);
  };

  if (stream.bernoulli(0.5)) {
    std::array<std::array<float, 2>, static_cast<std::size_t>(kMaxUnits)> places{};
    for (int k = 0; k < n_allies; ++k) {
      places[at(k)] = {uniform(-kHalf, -1.0F), uniform(-kHalf, kHalf)};
      put(0, k, places[at(k)][0], places[at(k)][1]);
    }
    for (int k = 0; k < n_enemies; ++k) {
      if (k < n_allies) {
        put(1, k, -places[at(k)][0], places[at(k)][1]);
      } else {
        const float x = uniform(0.0F, kHalf);
        const float y = uniform(-kHalf, kHalf);
        put(1, k, x, y);
      }
    }
    return;
  }

  // Surrounded: the allies at the centre, the enemies in one to four groups on the diagonals. The
  // allies' exact overlap is undone by the first collisions, so they start on a small ring.
  for (int k = 0; k < n_allies; ++k) put_near(0, k, 0.0F, 0.0F, 0.5F);
  std::array<int, 4> diagonals = {0, 1, 2, 3};
  const int n_groups = 1 + static_cast<int>(stream.below(4));
  stream.shuffle(std::span<int>(diagonals));
  std::array<std::array<float, 2>, 4> centres{};
  constexpr float kNear = 2.0F;
  for (int g = 0; g < n_groups; ++g) {
    const float sx = (diagonals[at(g)] & 1) != 0 ? 1.0F : -1.0F;
    const float sy = (diagonals[at(g)] & 2) != 0 ? 1.0F : -1.0F;
    const float t = stream.uniform_float();
    const float distance = t * kNear + (1.0F - t) * kHalf;
    centres[at(g)] = {sx * distance, sy * distance};
  }
  for (int k = 0; k < n_enemies; ++k) {
    const auto& c = centres[stream.below(static_cast<std::uint32_t>(n_groups))];
    put_near(1, k, c[0], c[1], 0.5F);
  }
}

}  // namespace credo::skirmish
