#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <vector>

#include "envs/skirmish/layout.hpp"
#include "envs/skirmish/simd4.hpp"

namespace credo::skirmish {
namespace {

// SMAC truncates towards zero, so the first cell beyond the south or west edge counts as inside.
int truncated_cell(float coordinate) { return static_cast<int>(coordinate + kHalf); }

// A byte for each of four bits.
constexpr std::uint8_t kBytes[16][4] = {{0, 0, 0, 0}, {1, 0, 0, 0}, {0, 1, 0, 0}, {1, 1, 0, 0},
                                        {0, 0, 1, 0}, {1, 0, 1, 0}, {0, 1, 1, 0}, {1, 1, 1, 0},
                                        {0, 0, 0, 1}, {1, 0, 0, 1}, {0, 1, 0, 1}, {1, 1, 0, 1},
                                        {0, 0, 1, 1}, {1, 0, 1, 1}, {0, 1, 1, 1}, {1, 1, 1, 1}};

float share(std::int32_t value, std::int32_t maximum) {
  return maximum > 0 ? static_cast<float>(value) / static_cast<float>(maximum) : 0.0F;
}

}  // namespace

/// Health, shield and type bits of every unit, in the layout of the rows.
struct Layout::Tails {
  alignas(16) float value[static_cast<std::size_t>(kSlots)][kTail];
};

void Layout::fill_tails(const Battle& battle, Tails& tails) const {
  for (int team = 0; team < 2; ++team) {
    for (int k = 0; k < setup_->count[at(team)]; ++k) {
      const int i = setup_->slot(team, k);
      if (!battle.alive(i)) continue;
      float* tail = tails.value[i];
      const TypeInfo& info = battle.info(i);
      std::fill_n(tail, kTail, 0.0F);
      if (options_.all_health) {
        *tail++ = share(battle.hp(i), info.hp);
        if (shields_[at(team)]) *tail++ = share(battle.shield(i), info.shield);
      }
      if (bits_ > 0) tail[bit_[at(team)][battle.type(i)]] = 1.0F;
    }
  }
}

void Layout::write_avail(const Battle& battle, std::span<std::uint8_t> out) const {
  const int other = 1 - team_;
  const float m = static_cast<float>(options_.move_amount / 2.0);
  const Terrain& terrain = *setup_->terrain;
  const float* xs = battle.xs() + setup_->start[at(other)];
  const float* ys = battle.ys() + setup_->start[at(other)];
  for (int k = 0; k < n_own_; ++k) {
    const int i = setup_->slot(team_, k);
    std::uint8_t* avail = out.data() + at(k) * at(n_actions_);
    if (!battle.alive(i)) {
      std::memset(avail, 0, at(n_actions_));
      avail[kNoop] = 1;
      continue;
    }
    const float x = battle.x(i);
    const float y = battle.y(i);
    const auto free = [&terrain](float cx, float cy) {
      return static_cast<std::uint8_t>(terrain.open(truncated_cell(cx), truncated_cell(cy)));
    };
    avail[kNoop] = 0;
    avail[kStop] = 1;
    avail[kNorth] = free(x, y + m);
    avail[kSouth] = free(x, y - m);
    avail[kEast] = free(x + m, y);
    avail[kWest] = free(x - m, y);
    const float range2 = target2_[battle.type(i)];
    std::uint8_t* targets = avail + kFirstTarget;
    if (healers_ && battle.info(i).healer) {
      std::memset(targets, 0, at(n_actions_ - kFirstTarget));
      for (int j = 0; j < n_own_; ++j) {
        const int friend_slot = setup_->slot(team_, j);
        const float dx = battle.x(friend_slot) - x;
        const float dy = battle.y(friend_slot) - y;
        targets[j] =
            static_cast<std::uint8_t>(!battle.info(friend_slot).healer &&
                                      battle.alive(friend_slot) && dx * dx + dy * dy <= range2);
      }
      continue;
    }
    int j = 0;
    for (; j + 4 <= n_other_; j += 4) {
      const F4 dx = F4::load(xs + j) - F4::splat(x);
      const F4 dy = F4::load(ys + j) - F4::splat(y);
      const unsigned near = bits4(less_equal(dx * dx + dy * dy, F4::splat(range2)));
      std::memcpy(targets + j, kBytes[near], 4);  // the dead are parked
    }
    for (; j < n_other_; ++j) {
      const float dx = xs[j] - x;
      const float dy = ys[j] - y;
      targets[j] = static_cast<std::uint8_t>(dx * dx + dy * dy <= range2);
    }
    for (; j < n_actions_ - kFirstTarget; ++j) targets[j] = 0;
  }
}

// Rows are written in whole vectors of four, which overrun into the following data; that is written
// afterwards.
template <int kQuads>
void Layout::write_rows(const Battle& battle, const Tails& tails, int agent, float* enemies,
                        float* allies) const {
  const int self = setup_->slot(team_, agent);
  const std::uint8_t type = battle.type(self);
  const F4 x = F4::splat(battle.x(self));
  const F4 y = F4::splat(battle.y(self));
  const F4 scale = F4::splat(sight_scale_[type]);
  const F4 sight2 = F4::splat(sight2_[type]);
  const F4 target2 = F4::splat(target2_[type]);
  const F4 one = F4::splat(1.0F);
  for (int group = 0; group < 2; ++group) {
    const bool foes = group == 0;
    const int first = setup_->start[at(foes ? 1 - team_ : team_)];
    const int n = foes ? n_other_ : n_own_;
    const int width = foes ? enemy_width_ : ally_width_;
    float* row = foes ? enemies : allies;
    const auto put = [&](int j, F4 head, float seen) {
      head.store(row);
      const F4 mask = F4::splat(seen);
      for (int q = 0; q < kQuads; ++q)
        (F4::load(&tails.value[j][4 * q]) & mask).store(row + 4 + 4 * q);
      row += j == self ? 0 : width;  // nobody is in its own list: the next row goes here
    };
    for (int base = 0; base < n; base += 4) {
      F4 dx = F4::load(battle.xs() + first + base) - x;
      F4 dy = F4::load(battle.ys() + first + base) - y;
      const F4 d2 = dx * dx + dy * dy;
      const F4 seen = less(d2, sight2);
      F4 flag = foes ? less_equal(d2, target2) & one & seen : one & seen;
      F4 distance = sqrt4(d2) * scale & seen;
      dx = dx * scale & seen;
      dy = dy * scale & seen;
      transpose4(flag, distance, dx, dy);
      float lanes[4];
      seen.store(lanes);
      const int j = first + base;
      put(j, flag, lanes[0]);
      if (base + 1 < n) put(j + 1, distance, lanes[1]);
      if (base + 2 < n) put(j + 2, dx, lanes[2]);
      if (base + 3 < n) put(j + 3, dy, lanes[3]);
    }
  }
}

void Layout::write_surroundings(const Battle& battle, int slot, float* out) const {
  const int cx = truncated_cell(battle.x(slot));
  const int cy = truncated_cell(battle.y(slot));
  const int a = static_cast<int>(options_.move_amount);
  const int points[9][2] = {{0, 2 * a}, {0, -2 * a}, {2 * a, 0}, {-2 * a, 0}, {a, a},
                            {-a, -a},   {a, -a},     {-a, a},    {0, 0}};
  const Terrain& terrain = *setup_->terrain;
  if (options_.obs_pathing_grid) {
    for (int k = 0; k < 8; ++k) {
      const int px = cx + points[k][0];
      const int py = cy + points[k][1];
      *out++ = !terrain.in_map(px, py) || terrain.open(px, py) ? 1.0F : 0.0F;
    }
  }
  if (options_.obs_terrain_height) {
    for (const auto& point : points) {
      const int px = cx + point[0];
      const int py = cy + point[1];
      *out++ = terrain.in_map(px, py) ? static_cast<float>(terrain.height(px, py)) * (1.0F / 255.0F)
                                      : 1.0F;
    }
  }
}

void Layout::write_agent(const Battle& battle, const Context& context, const Tails& tails,
                         int agent, const std::uint8_t* avail, float* out) const {
  const int self = setup_->slot(team_, agent);
  if (!battle.alive(self)) {
    std::memset(out, 0, at(obs_dim_) * sizeof(float));
    if (options_.obs_timestep) out[obs_dim_ - 1] = context.time;
    return;
  }
  for (int k = 0; k < 4; ++k) out[k] = static_cast<float>(avail[kNorth + k]);
  if (move_width_ > 4) write_surroundings(battle, self, out + 4);
  float* enemies = out + move_width_;
  float* allies = enemies + n_other_ * enemy_width_;
  const int widest = std::max(enemy_width_, ally_width_) - 4;
  if (widest <= 4)
    write_rows<1>(battle, tails, agent, enemies, allies);
  else if (widest <= 8)
    write_rows<2>(battle, tails, agent, enemies, allies);
  else
    write_rows<5>(battle, tails, agent, enemies, allies);

  if (healers_ && battle.info(self).healer) {
    // SMAC reads the availability of action 6 + e here although healers act on friends.
    for (int e = 0; e < n_other_; ++e) {
      float* row = enemies + e * enemy_width_;
      const bool seen =
          battle.alive(setup_->slot(1 - team_, e)) && (row[1] > 0.0F || row[4] > 0.0F);
      row[0] = seen && avail[kFirstTarget + e] != 0 ? 1.0F : 0.0F;
    }
  }
  if (options_.obs_last_action) {
    float* row = allies;
    for (int j = 0; j < n_own_; ++j) {
      if (j == agent) continue;
      float* actions = row + ally_width_ - n_actions_;
      std::fill_n(actions, n_actions_, 0.0F);
      const int last = context.last_actions[at(j)];
      if (row[0] > 0.0F && last >= 0) actions[last] = 1.0F;
      row += ally_width_;
    }
  }

  float* own = allies + (n_own_ - 1) * ally_width_;
  const TypeInfo& info = battle.info(self);
  if (options_.own_health) {
    *own++ = share(battle.hp(self), info.hp);
    if (shields_[at(team_)]) *own++ = share(battle.shield(self), info.shield);
  }
  if (options_.obs_own_pos) {
    *own++ = (battle.x(self) + kHalf) * (1.0F / kGrid);
    *own++ = (battle.y(self) + kHalf) * (1.0F / kGrid);
  }
  for (int b = 0; b < bits_; ++b) own[b] = b == bit_[at(team_)][battle.type(self)] ? 1.0F : 0.0F;
  own += bits_;
  if (options_.obs_timestep) *own = context.time;
}

void Layout::write_obs(const Battle& battle, const Context& context,
                       std::span<const std::uint8_t> avail, std::span<float> out) const {
  Tails tails;
  fill_tails(battle, tails);
  // The last agent is written to scratch, since its vectors may overrun the end of `out`.
  constexpr std::size_t kScratch = 4096;
  constexpr std::size_t kSpill = kTail + 4;
  float scratch[kScratch];
  const std::size_t dim = at(obs_dim_);
  std::vector<float> large;
  float* last = scratch;
  if (dim + kSpill > kScratch) [[unlikely]] {
    large.resize(dim + kSpill);
    last = large.data();
  }
  for (int k = 0; k < n_own_; ++k) {
    float* target = out.data() + at(k) * dim;
    const std::uint8_t* mask = avail.data() + at(k) * at(n_actions_);
    const bool through_scratch = k + 1 == n_own_ && battle.alive(setup_->slot(team_, k));
    write_agent(battle, context, tails, k, mask, through_scratch ? last : target);
    if (through_scratch) std::memcpy(target, last, dim * sizeof(float));
  }
}

void Layout::write_state(const Battle& battle, const Context& context,
                         std::span<const std::uint8_t> avail, std::span<float> out) const {
  if (options_.obs_instead_of_state) {
    write_obs(battle, context, avail, out);
    return;
  }
  float* p = out.data();
  std::memset(p, 0, out.size_bytes());
  for (int team = 0; team < 2; ++team) {
    const bool shield = shields_[at(team)];
    const int width = (team == 0 ? 4 : 3) + (shield ? 1 : 0) + bits_;
    for (int k = 0; k < setup_->count[at(team)]; ++k, p += width) {
      const int i = setup_->slot(team, k);
      if (!battle.alive(i)) continue;
      const TypeInfo& info = battle.info(i);
      float* row = p;
      *row++ = share(battle.hp(i), info.hp);
      if (team == 0) {
        const std::int32_t charge = healers_ && info.healer ? battle.energy(i) : battle.cooldown(i);
        *row++ = static_cast<float>(charge) * cooldown_scale_[battle.type(i)];
      }
      *row++ = battle.x(i) * (1.0F / kGrid);
      *row++ = battle.y(i) * (1.0F / kGrid);
      if (shield) *row++ = share(battle.shield(i), info.shield);
      if (bits_ > 0) row[bit_[at(team)][battle.type(i)]] = 1.0F;
    }
  }
  if (options_.state_last_action) {
    for (int k = 0; k < n_own_; ++k, p += n_actions_) {
      const int last = context.last_actions[at(k)];
      if (last >= 0) p[last] = 1.0F;
    }
  }
  if (options_.state_timestep) *p = context.time;
}

}  // namespace credo::skirmish
