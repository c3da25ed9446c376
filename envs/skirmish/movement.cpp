// Movement and collisions of one loop. Every moving unit takes its step, then overlapping units are
// pushed apart; all pushes come from the same snapshot and are multiples of 2^-18, so their order
// does not matter. Priority: a unit that walks into another that does not walk into it yields;
// moving units yield to standing ones, idle units to their own team. A unit blocked by one that
// does not yield slides along it, which is how melee units surround a target.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "envs/skirmish/battle.hpp"
#include "envs/skirmish/simd4.hpp"

namespace credo::skirmish {
namespace {

constexpr float kMaxPush = 0.25F;    // cells per loop
constexpr float kSlideShare = 0.9F;  // of its speed that a blocked unit keeps while sliding
// How far a detour may lead backwards, as a share of the speed: enough to leave the gap between two
// units of a line (a half where they touch), not more.
constexpr float kWayBack = -0.75F;
constexpr float kHeadOn = 0.05F;  // sine below which a contact is head-on
constexpr int kSideMemory = 8;    // loops for which a unit keeps its side of a blocker
constexpr float kAtRest = 0.9F;   // squared share of the separation
// By the roles of two units, footing (fixed, idle, moving) + 3 * team: the share of an overlap that
// moves the first (-1: decided by which one walks into the other), and as masks whether the first
// and the second do not move themselves.
struct alignas(16) Roles {
  float share, holds_a, holds_b, unused;
};
constexpr std::array<std::array<Roles, 8>, 6> make_roles() {
  constexpr float kShare[2][3][3] = {
      {{0.5F, 0.5F, 0.0F}, {0.5F, 0.5F, 0.0F}, {1.0F, 1.0F, -1.0F}},
      {{0.5F, 0.5F, 0.0F}, {0.5F, 0.5F, 0.5F}, {1.0F, 0.5F, -1.0F}}};  // [same team]
  const auto mask = [](bool on) { return std::bit_cast<float>(on ? 0xFFFFFFFFU : 0U); };
  std::array<std::array<Roles, 8>, 6> roles{};
  for (std::size_t a = 0; a < 6; ++a) {
    for (std::size_t b = 0; b < 6; ++b)
      roles[a][b] = {kShare[a / 3 == b / 3 ? 1 : 0][a % 3][b % 3], mask(a % 3 != 2),
                     mask(b % 3 != 2), 0.0F};
  }
  return roles;
}
constexpr std::array<std::array<Roles, 8>, 6> kRoles = make_roles();
constexpr float kNotRooted = 2.0F;
constexpr float kLaneNumbers[4] = {0.0F, 1.0F, 2.0F, 3.0F};
constexpr float kMinColumn = 0.5F;  // cells
constexpr int kFew = 16;
constexpr int kFewSlots = 8;
constexpr float kMoves[3] = {0.0F, 0.0F, 1.0F};  // by footing
constexpr float kBeyond = 8192.0F;               // beyond every unit, including parked ones

constexpr std::uint64_t kFourTimes = 0x0001000100010001ULL;
std::uint64_t four_pairs(int a, int b) {
  return static_cast<std::uint64_t>(a << 8 | b) * kFourTimes;
}

// Appends the pairs (a, b + lane) for the lanes of `near` at position n, `from` being
// four_pairs(a, b). Branch-free, since the outcome is hard to predict. Returns the number of pairs.
inline int append_pairs(std::uint16_t* pairs, int n, std::uint64_t from, unsigned near) {
  // Set lanes first; the rest is overwritten by the next pairs.
  static constexpr std::uint16_t kLanes[16][4] = {
      {},  {0},    {1},    {0, 1},    {2},    {0, 2},    {1, 2},    {0, 1, 2},
      {3}, {0, 3}, {1, 3}, {0, 1, 3}, {2, 3}, {0, 2, 3}, {1, 2, 3}, {0, 1, 2, 3}};
  static constexpr std::int8_t kCount[16] = {0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4};
  std::uint64_t four;
  std::memcpy(&four, kLanes[near], sizeof(four));
  four += from;
  std::memcpy(pairs + n, &four, sizeof(four));
  return n + kCount[near];
}

// Every slot by its own number.
constexpr std::array<std::int16_t, static_cast<std::size_t>(kSlots)> make_identity() {
  std::array<std::int16_t, static_cast<std::size_t>(kSlots)> slots{};
  for (std::size_t i = 0; i < slots.size(); ++i) slots[i] = static_cast<std::int16_t>(i);
  return slots;
}
constexpr auto kIdentity = make_identity();
static_assert(kSlots + 4 <= 256, "two of them are packed into 16 bits");

// The first n lanes.
F4 first4(int n) { return less(F4::load(kLaneNumbers), F4::splat(static_cast<float>(n))); }

F4 quantise4(F4 d) {
  const F4 magic = F4::splat(kQuantum);
  return (d + magic) - magic;
}

}  // namespace

inline void Battle::displace(int i, float dx, float dy) {
  const auto k = u(i);
  const TypeInfo& info = setup_->types[s_.type[k]];
  const Terrain& terrain = *setup_->terrain;
  if (info.layer == Layer::kAir)
    Terrain::move_air(s_.x[k], s_.y[k], dx, dy);
  else if (info.layer == Layer::kColossus)
    terrain.move_cliff(s_.x[k], s_.y[k], dx, dy, info.wall_radius);
  else
    terrain.move_ground(s_.x[k], s_.y[k], dx, dy, info.wall_radius);
}

// Moves four units by (dx, dy): vectorised where no wall is near, one by one elsewhere.
inline void Battle::displace4(std::size_t base, F4 dx, F4 dy) {
  const F4 zero = F4::splat(0.0F);
  const unsigned moves = bits4(differ(dx, zero) | differ(dy, zero));
  if (moves == 0) return;
  const Terrain::Rectangle& clear = setup_->terrain->clear();
  const F4 x = F4::load(&s_.x[base]);
  const F4 y = F4::load(&s_.y[base]);
  const F4 nx = x + dx;
  const F4 ny = y + dy;
  const F4 inside = less_equal(F4::splat(clear.x_low), nx) & less(nx, F4::splat(clear.x_high)) &
                    less_equal(F4::splat(clear.y_low), ny) & less(ny, F4::splat(clear.y_high));
  select4(inside, nx, x).store(&s_.x[base]);
  select4(inside, ny, y).store(&s_.y[base]);
  unsigned outside = (bits4(inside) ^ 15U) & moves;
  if (outside == 0) return;
  float lanes[2][4];
  dx.store(lanes[0]);
  dy.store(lanes[1]);
  for (; outside != 0; outside &= outside - 1) {
    const int lane = std::countr_zero(outside);
    displace(static_cast<int>(base) + lane, lanes[0][lane], lanes[1][lane]);
  }
}

void Battle::move() {
  if (n_moving_ == 0) return;
  const int n = live_end_[2];
  const auto slots = u(setup_->slots);
  for (std::size_t base = 0; base < slots; base += 4)
    displace4(base, F4::load(&dx_[base]), F4::load(&dy_[base]));
  touched_ = false;
  // All methods find the same pairs; for few movers the first is cheaper.
  if (!rethink_ && n_moving_ * 5 < n) {
    for (int k = 0; k < n_moving_; ++k) look_around(moving_[u(k)]);
    push_apart(kIdentity.data());
  } else if (setup_->slots <= kFewSlots) {
    meet_all();
  } else {
    sort_into_columns();
    sweep();
  }

  if (!touched_) {
    for (int k = 0; k < n_moving_; ++k) {
      std::int8_t& side = s_.side[u(moving_[u(k)])];
      side = static_cast<std::int8_t>(side - (side > 0) + (side < 0));
    }
    return;
  }
  std::int16_t sliding[kSlots];
  int n_sliding = 0;
  for (int k = 0; k < n_moving_; ++k) {
    const std::int16_t i = moving_[u(k)];
    const Push& push = push_[u(i)];
    sliding[n_sliding] = i;
    const bool blocked = (push.block_x != 0.0F) | (push.block_y != 0.0F);
    n_sliding += (blocked | (s_.side[u(i)] != 0)) ? 1 : 0;
  }
  for (int k = 0; k < n_sliding; ++k) slide(sliding[k]);
  const F4 cap = F4::splat(kMaxPush);
  const F4 cap2 = F4::splat(kMaxPush * kMaxPush);
  for (std::size_t base = 0; base < slots; base += 4) {
    F4 px = F4::load(&push_[base].x);
    F4 py = F4::load(&push_[base + 1].x);
    F4 unused = F4::load(&push_[base + 2].x);
    F4 last = F4::load(&push_[base + 3].x);
    transpose4(px, py, unused, last);
    const F4 length2 = px * px + py * py;
    const F4 far = less(cap2, length2);
    if (bits4(far) != 0) [[unlikely]] {
      const F4 scale = cap / sqrt4(length2);
      px = select4(far, quantise4(px * scale), px);
      py = select4(far, quantise4(py * scale), py);
    }
    displace4(base, px, py);
  }
}

// Sorts the units by column, as wide as the largest contact distance, and by slot within it. Between
// two loops few units change columns, so the last order is mended by insertion. For few units a
// single column is cheaper.
void Battle::sort_into_columns() {
  const int n = live_end_[2];
  std::uint16_t* const keys = keys_.data() + 1;  // the one before the first is the lowest
  if (n <= kFew) {
    std::copy_n(live_.begin(), n, sorted_.begin());
    std::fill_n(keys, n, std::uint16_t{0});
  } else {
    const F4 half = F4::splat(kHalf);
    const F4 per_cell = F4::splat(1.0F / std::max(2.0F * setup_->max_separation, kMinColumn));
    // Columns are for speed only: units put beyond the map, and the dead, share the last one.
    const F4 last = F4::splat(2.0F * kHalf) * per_cell;
    std::int32_t column[kSlots];
    for (int base = 0; base < setup_->slots; base += 4)
      truncate4(min4((F4::load(&s_.x[u(base)]) + half) * per_cell, last), column + base);
    if (n_sorted_ != n) std::copy_n(live_.begin(), n, sorted_.begin());
    for (int k = 0; k < n; ++k) {
      const auto i = u(sorted_[u(k)]);
      const auto key = static_cast<std::uint16_t>(u(column[i]) << 8U | i);
      std::uint16_t* place = keys + k;
      for (; place[-1] > key; --place) place[0] = place[-1];
      place[0] = key;
    }
    for (int k = 0; k < n; ++k) sorted_[u(k)] = static_cast<std::int16_t>(keys[k] & 255);
  }
  n_sorted_ = n;
  for (int k = 0; k < n; ++k) {
    const auto i = u(sorted_[u(k)]);
    sorted_x_[u(k)] = s_.x[i];
    sorted_y_[u(k)] = s_.y[i];
    sorted_walks_[u(k)] = kMoves[static_cast<std::size_t>(s_.footing[i])];
  }
  std::fill_n(&sorted_x_[u(n)], 8, kBeyond);
  std::fill_n(keys + n, 9, std::uint16_t{0xFFFF});
}

void Battle::prepare_contacts() {
  touched_ = true;
  const auto slots = u(setup_->slots);
  for (std::size_t base = 0; base < slots; base += 4) {
    F4 x = F4::load(&s_.x[base]);
    F4 y = F4::load(&s_.y[base]);
    F4 dx = F4::load(&dx_[base]);
    F4 dy = F4::load(&dy_[base]);
    transpose4(x, y, dx, dy);
    x.store(&body_[base].x);
    y.store(&body_[base + 1].x);
    dx.store(&body_[base + 2].x);
    dy.store(&body_[base + 3].x);
    std::uint32_t roles;
    std::memcpy(&roles, &s_.footing[base], sizeof(roles));
    if (base >= u(setup_->start[1])) roles += 0x03030303U;
    std::memcpy(&role_[base], &roles, sizeof(roles));
    for (std::size_t lane = 0; lane < 4; ++lane) F4::splat(0.0F).store(&push_[base + lane].x);
  }
  for (int k = 0; k < n_moving_; ++k)
    pass_[0][u(moving_[u(k)])].along = pass_[1][u(moving_[u(k)])].along = kParked;
}

// Converts the buffered pairs into pushes, four at a time.
void Battle::push_apart(const std::int16_t* slot_of) {
  const int n = std::exchange(n_contacts_, 0);
  if (n == 0) return;
  if (!touched_) prepare_contacts();
  const F4 zero = F4::splat(0.0F);
  const F4 half = F4::splat(0.5F);
  const F4 one = F4::splat(1.0F);
  const PairInfo& only = setup_->pairs[0][0];
  const bool one_pair = setup_->types.size() == 1 && !setup_->any_rooted;
  // Standing crowds separate every fourth loop only, and stop before the last few percent of
  // overlap, which would never settle.
  const F4 rest = F4::splat(rethink_ ? kAtRest : 0.0F);
  F4 separation = F4::splat(only.separation);
  F4 at_rest = rest * F4::splat(only.separation2);
  F4 contact2 = F4::splat(only.contact2);
  for (int c = n; c % 4 != 0; ++c) contacts_[u(c)] = 0;
  for (int c = 0; c < n; c += 4) {
    std::size_t a[4], b[4];
    for (std::size_t lane = 0; lane < 4; ++lane) {
      const unsigned code = contacts_[u(c) + lane];
      a[lane] = u(slot_of[code >> 8U]);
      b[lane] = u(slot_of[code & 255U]);
    }
    F4 ax = F4::load(&body_[a[0]].x);
    F4 ay = F4::load(&body_[a[1]].x);
    F4 adx = F4::load(&body_[a[2]].x);
    F4 ady = F4::load(&body_[a[3]].x);
    transpose4(ax, ay, adx, ady);
    F4 bx = F4::load(&body_[b[0]].x);
    F4 by = F4::load(&body_[b[1]].x);
    F4 bdx = F4::load(&body_[b[2]].x);
    F4 bdy = F4::load(&body_[b[3]].x);
    transpose4(bx, by, bdx, bdy);
    F4 nx = ax - bx;
    const F4 ny = ay - by;
    const F4 d2 = nx * nx + ny * ny;

    F4 share = F4::load(&kRoles[role_[a[0]]][role_[b[0]]].share);
    F4 holds_a = F4::load(&kRoles[role_[a[1]]][role_[b[1]]].share);
    F4 holds_b = F4::load(&kRoles[role_[a[2]]][role_[b[2]]].share);
    F4 unused = F4::load(&kRoles[role_[a[3]]][role_[b[3]]].share);
    transpose4(share, holds_a, holds_b, unused);
    if (!one_pair) {
      alignas(16) float lanes[4][4];
      for (std::size_t lane = 0; lane < 4; ++lane) {
        const PairInfo& p = setup_->pairs[s_.type[a[lane]]][s_.type[b[lane]]];
        lanes[0][lane] = p.separation;
        lanes[1][lane] = p.separation2;
        lanes[2][lane] = p.contact2;
        lanes[3][lane] = p.second_rooted ? 1.0F : p.first_rooted ? 0.0F : kNotRooted;
      }
      separation = F4::load(lanes[0]);
      at_rest = rest * F4::load(lanes[1]);
      contact2 = F4::load(lanes[2]);
      if (setup_->any_rooted) {
        const F4 rooted = F4::load(lanes[3]);
        share = select4(less(rooted, F4::splat(kNotRooted)), rooted, share);
      }
    }
    F4 touch = less(d2, select4(holds_a & holds_b, at_rest, contact2));
    if (n - c < 4) touch = touch & first4(n - c);
    const unsigned touching = bits4(touch);
    if (touching == 0) continue;
    const unsigned stacked = touching & ~bits4(differ(d2, zero));
    if (stacked != 0) [[unlikely]] {
      // Exactly on top of each other: part along x, in mirrored ways for the two teams.
      float lanes[4];
      nx.store(lanes);
      for (std::size_t lane = 0; lane < 4; ++lane) {
        const bool first_west = setup_->team_of(static_cast<int>(a[lane])) == 0;
        if (((stacked >> lane) & 1U) != 0)
          lanes[lane] = (a[lane] < b[lane]) == first_west ? -1.0F : 1.0F;
      }
      nx = F4::load(lanes);
    }
    const F4 distance = sqrt4(d2);
    const F4 inverse = select4(differ(distance, zero), one / distance, one);
    const F4 x = nx * inverse;
    const F4 y = ny * inverse;
    const F4 overlap = (separation - distance) & touch;
    // The share of the overlap that a is moved by; b is moved by the rest. A walker yields to the
    // unit it walks into, unless that one walks into it as well.
    const F4 into_b = less(x * adx + y * ady, zero);
    const F4 into_a = less(zero, x * bdx + y * bdy);
    const F4 walking = select4(into_a ^ into_b, into_b & one, half);
    const F4 mine = select4(less(share, zero), walking, share);
    const F4 px = x * overlap;
    const F4 py = y * overlap;
    const F4 blocks_a = less_equal(one, mine) & holds_b & touch;
    const F4 blocks_b = less_equal(mine, zero) & holds_a & touch;
    const F4 block_x = quantise4(px);
    const F4 block_y = quantise4(py);
    const F4 theirs = one - mine;
    F4 of_a[4] = {quantise4(px * mine), quantise4(py * mine), block_x & blocks_a,
                  block_y & blocks_a};
    F4 of_b[4] = {quantise4(px * theirs), quantise4(py * theirs), block_x & blocks_b,
                  block_y & blocks_b};
    transpose4(of_a[0], of_a[1], of_a[2], of_a[3]);
    transpose4(of_b[0], of_b[1], of_b[2], of_b[3]);
    for (std::size_t lane = 0; lane < 4; ++lane) {
      float* const push_a = &push_[a[lane]].x;
      (F4::load(push_a) + of_a[lane]).store(push_a);
      float* const push_b = &push_[b[lane]].x;
      (F4::load(push_b) - of_b[lane]).store(push_b);
    }
    unsigned blocked = bits4(blocks_a | blocks_b);
    if (blocked == 0) continue;
    const unsigned first = bits4(blocks_a);
    float lanes[2][4];
    x.store(lanes[0]);
    y.store(lanes[1]);
    for (; blocked != 0; blocked &= blocked - 1) {
      const auto lane = static_cast<std::size_t>(std::countr_zero(blocked));
      if (((first >> lane) & 1U) != 0)
        note_blocker(a[lane], lanes[0][lane], lanes[1][lane]);
      else
        note_blocker(b[lane], -lanes[0][lane], -lanes[1][lane]);
    }
  }
}

// Every pair of neighbours once: each unit with the later ones of its own column and all of the
// next. Quads may reach into the columns after that, whose units are too far away; the first two
// are therefore looked at in any case, which is cheaper than to find out.
void Battle::sweep() {
  const F4 zero = F4::splat(0.0F);
  float reach2[kMaxTypes];
  for (std::size_t t = 0; t < setup_->types.size(); ++t) {
    const float reach = setup_->types[t].separation + setup_->max_separation;
    reach2[t] = kContact * reach * reach;
  }
  const float* const xs = sorted_x_.data();
  const float* const ys = sorted_y_.data();
  const float* const walk = sorted_walks_.data();
  const std::uint16_t* const keys = keys_.data() + 1;
  std::uint16_t* const pairs = contacts_.data();
  const int end = live_end_[2];
  int n = 0;
  std::uint64_t first = four_pairs(0, 1);
  for (int p = 0; p < end; ++p, first += four_pairs(1, 1)) {
    if (n > kMaxContacts - kSlots - 4) [[unlikely]] {
      n_contacts_ = std::exchange(n, 0);
      push_apart(sorted_.data());
    }
    const F4 reach = F4::splat(reach2[s_.type[u(sorted_[u(p)])]]);
    const F4 x = F4::splat(xs[p]);
    const F4 y = F4::splat(ys[p]);
    // Pairs of standing units matter in every fourth loop only.
    const F4 walks = F4::splat(rethink_ ? 1.0F : walk[p]);
    const auto four = [&](int q, std::uint64_t from) {
      const F4 dx = x - F4::load(xs + q);
      const F4 dy = y - F4::load(ys + q);
      const F4 near = less(dx * dx + dy * dy, reach);
      const F4 matters = less(zero, walks + F4::load(walk + q));
      n = append_pairs(pairs, n, from, bits4(near & matters));
    };
    four(p + 1, first);
    four(p + 5, first + 4 * kFourTimes);
    const auto beyond = (unsigned{keys[p]} | 255U) + 256U;
    std::uint64_t from = first + 8 * kFourTimes;
    for (int q = p + 9; keys[q] <= beyond; q += 4, from += 4 * kFourTimes) four(q, from);
  }
  n_contacts_ = n;
  push_apart(sorted_.data());
}

// The same for so few slots that sorting them does not pay.
void Battle::meet_all() {
  static_assert(kFewSlots <= 32, "one bit per slot");
  static_assert(kFewSlots * (kFewSlots - 1) / 2 + 4 <= kMaxContacts);
  unsigned movers = rethink_ ? ~0U : 0U;
  for (int k = 0; k < n_moving_; ++k) movers |= 1U << u(moving_[u(k)]);
  for (int k = 0; k < live_end_[2]; ++k) {
    const int i = live_[u(k)];
    const auto a = u(i);
    const float reach = setup_->types[s_.type[a]].separation + setup_->max_separation;
    const F4 reach2 = F4::splat(kContact * reach * reach);
    const F4 x = F4::splat(s_.x[a]);
    const F4 y = F4::splat(s_.y[a]);
    const unsigned others = (movers >> a & 1U) != 0 ? ~0U : movers;
    const unsigned later = others & ~1U << a;
    for (int base = i & ~3; base < setup_->slots; base += 4) {
      const F4 dx = x - F4::load(&s_.x[u(base)]);
      const F4 dy = y - F4::load(&s_.y[u(base)]);
      const unsigned near = bits4(less(dx * dx + dy * dy, reach2)) & later >> u(base);
      n_contacts_ = append_pairs(contacts_.data(), n_contacts_, four_pairs(i, base), near);
    }
  }
  push_apart(kIdentity.data());
}

// The neighbours of one moving unit; pairs of moving units once.
void Battle::look_around(int i) {
  const auto a = u(i);
  const float reach = setup_->types[s_.type[a]].separation + setup_->max_separation;
  const F4 reach2 = F4::splat(kContact * reach * reach);
  const F4 x = F4::splat(s_.x[a]);
  const F4 y = F4::splat(s_.y[a]);
  for (int base = 0; base < setup_->slots; base += 4) {
    const F4 dx = x - F4::load(&s_.x[u(base)]);
    const F4 dy = y - F4::load(&s_.y[u(base)]);
    unsigned near = bits4(less(dx * dx + dy * dy, reach2));
    if (near == 0) continue;
    for (int lane = 0; lane < 4; ++lane) {
      const bool seen = base + lane < i && s_.footing[u(base + lane)] == Footing::kMoving;
      if (base + lane == i || seen) near &= ~(1U << static_cast<unsigned>(lane));
    }
    n_contacts_ = append_pairs(contacts_.data(), n_contacts_, four_pairs(i, base), near);
    if (n_contacts_ + 4 > kMaxContacts) [[unlikely]]
      push_apart(kIdentity.data());
  }
}

// For each passing side, the blocker that deflects the unit most: between two blockers it has to go
// around the farther one, or it would be caught in the gap.
inline void Battle::note_blocker(std::size_t k, float nx, float ny) {
  const float lean = nx * dy_[k] - ny * dx_[k];
  if (lean < pass_[0][k].along) pass_[0][k] = {.along = lean, .x = -ny, .y = nx};
  if (-lean < pass_[1][k].along) pass_[1][k] = {.along = -lean, .x = ny, .y = -nx};
}

// A unit blocked by standing ones passes them on the side towards which it already leans, at nearly
// full speed, and keeps that side while it is blocked repeatedly. It changes sides only if that
// side leads backwards, and waits if both do, so that units in the rear do not circle.
void Battle::slide(int i) {
  const auto a = u(i);
  const float bx = push_[a].block_x;
  const float by = push_[a].block_y;
  const bool blocked = bx * dx_[a] + by * dy_[a] < 0.0F;
  if (!blocked) {
    s_.side[a] = static_cast<std::int8_t>(s_.side[a] - (s_.side[a] > 0) + (s_.side[a] < 0));
    return;
  }
  if (s_.side[a] == 0) {
    const float lean = bx * dy_[a] - by * dx_[a];
    const float into = -(bx * dx_[a] + by * dy_[a]);
    const bool left = std::fabs(lean) > kHeadOn * into ? lean > 0.0F : setup_->team_of(i) == 0;
    s_.side[a] = left ? 1 : -1;
  }
  s_.side[a] = static_cast<std::int8_t>(s_.side[a] > 0 ? kSideMemory : -kSideMemory);
  const float speed = std::sqrt(dx_[a] * dx_[a] + dy_[a] * dy_[a]);
  const auto leads_back = [&](int side) {
    return pass_[side > 0 ? 0 : 1][a].along < kWayBack * speed;
  };
  if (leads_back(s_.side[a])) {
    if (leads_back(-s_.side[a])) return;
    s_.side[a] = static_cast<std::int8_t>(-s_.side[a]);
  }
  const Pass& pass = pass_[s_.side[a] > 0 ? 0 : 1][a];
  const float more = std::max(kSlideShare * speed - pass.along, 0.0F);
  push_[a].x += quantise(pass.x * more);
  push_[a].y += quantise(pass.y * more);
}

}  // namespace credo::skirmish
