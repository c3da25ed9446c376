// Movement and collisions of one loop. Every moving unit takes its step, then overlapping units are
// pushed apart; all pushes come from the same snapshot and are multiples of 2^-18, so their order
// does not matter. Priority: a unit that walks into another that does not walk into it yields;
// moving units yield to standing ones, idle units to their own team. A unit blocked by one that
// does not yield slides along it, which is how melee units surround a target.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstring>

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
// The share of an overlap that falls to the first unit, by [same team][its footing][the other's]
// (fixed, idle, moving); -1: decided by which one walks into the other.
constexpr float kShare[2][3][3] = {{{0.5F, 0.5F, 0.0F}, {0.5F, 0.5F, 0.0F}, {1.0F, 1.0F, -1.0F}},
                                   {{0.5F, 0.5F, 0.0F}, {0.5F, 0.5F, 0.5F}, {1.0F, 0.5F, -1.0F}}};
constexpr float kMinColumn = 0.5F;  // cells
constexpr int kFew = 16;
constexpr float kBeyond = 8192.0F;  // beyond every unit, including parked ones

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
  for (PerUnit<float>* array : {&push_x_, &push_y_, &block_x_, &block_y_})
    std::fill_n(array->begin(), slots, 0.0F);
  for (int k = 0; k < n_moving_; ++k)
    pass_[0][u(moving_[u(k)])].along = pass_[1][u(moving_[u(k)])].along = kParked;

  // Both methods find the same pairs; for few movers the first is cheaper.
  if (!rethink_ && n_moving_ * 5 < n) {
    for (int k = 0; k < n_moving_; ++k) look_around(moving_[u(k)]);
    push_apart();
  } else {
    sort_into_columns();
    sweep();
  }

  for (int k = 0; k < n_moving_; ++k) {
    const int i = moving_[u(k)];
    if (s_.side[u(i)] != 0 || block_x_[u(i)] != 0.0F || block_y_[u(i)] != 0.0F) slide(i);
  }
  const F4 cap = F4::splat(kMaxPush);
  const F4 cap2 = F4::splat(kMaxPush * kMaxPush);
  for (std::size_t base = 0; base < slots; base += 4) {
    F4 px = F4::load(&push_x_[base]);
    F4 py = F4::load(&push_y_[base]);
    const F4 length2 = px * px + py * py;
    const F4 far = less(cap2, length2);
    const F4 scale = cap / sqrt4(length2);
    px = select4(far, quantise4(px * scale), px);
    py = select4(far, quantise4(py * scale), py);
    displace4(base, px, py);
  }
}

// Counting sort into columns as wide as the largest contact distance.
void Battle::sort_into_columns() {
  const int n = live_end_[2];
  // For few units a single column is cheaper.
  const float per_cell =
      n <= kFew ? 0.0F : 1.0F / std::max(2.0F * setup_->max_separation, kMinColumn);
  std::uint8_t column[kSlots];
  n_columns_ = static_cast<int>(2.0F * kHalf * per_cell) + 1;
  std::fill_n(column_end_.begin(), n_columns_, std::int16_t{0});
  for (int k = 0; k < n; ++k) {
    // Columns are for speed only: units put beyond the map share the last one.
    const auto c =
        u(std::min(static_cast<int>((s_.x[u(live_[u(k)])] + kHalf) * per_cell), n_columns_ - 1));
    column[k] = static_cast<std::uint8_t>(c);
    ++column_end_[c];
  }
  std::int16_t next[kMaxColumns];
  std::int16_t before = 0;
  for (std::size_t c = 0; c < u(n_columns_); ++c) {
    next[c] = before;
    before = static_cast<std::int16_t>(before + column_end_[c]);
    column_end_[c] = before;
  }
  for (int k = 0; k < n; ++k) {
    const auto i = u(live_[u(k)]);
    const auto p = u(next[column[k]]++);
    sorted_[p] = static_cast<std::int16_t>(i);
    sorted_x_[p] = s_.x[i];
    sorted_y_[p] = s_.y[i];
    sorted_walks_[p] = s_.footing[i] == Footing::kMoving ? 1.0F : 0.0F;
  }
  for (int k = n; k < n + 4; ++k) sorted_x_[u(k)] = kBeyond;
}

// Appends the pairs (a, b + lane) for the lanes of `near`. Branch-free, since the outcome is hard
// to predict.
inline void Battle::note_pairs(int a, int b, unsigned near) {
  // Set lanes first; the rest is overwritten by the next pairs.
  static constexpr std::int16_t kLanes[16][4] = {
      {},  {0},    {1},    {0, 1},    {2},    {0, 2},    {1, 2},    {0, 1, 2},
      {3}, {0, 3}, {1, 3}, {0, 1, 3}, {2, 3}, {0, 2, 3}, {1, 2, 3}, {0, 1, 2, 3}};
  static constexpr std::int8_t kCount[16] = {0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4};
  constexpr std::uint64_t kFourTimes = 0x0001000100010001ULL;
  std::uint64_t lanes;
  std::memcpy(&lanes, kLanes[near], sizeof(lanes));
  const std::uint64_t first = static_cast<std::uint64_t>(a) * kFourTimes;
  const std::uint64_t second = lanes + static_cast<std::uint64_t>(b) * kFourTimes;
  std::memcpy(&contact_a_[u(n_contacts_)], &first, sizeof(first));
  std::memcpy(&contact_b_[u(n_contacts_)], &second, sizeof(second));
  n_contacts_ += kCount[near];
}

// Converts the buffered pairs into pushes.
void Battle::push_apart() {
  struct Contact {
    std::int16_t a, b;
    bool holds_a, holds_b;  // does not move itself
  };
  Contact contact[kMaxContacts];
  alignas(16) float nx[kMaxContacts], ny[kMaxContacts], d2[kMaxContacts];
  alignas(16) float separation[kMaxContacts], share[kMaxContacts];
  alignas(16) float ax[kMaxContacts], ay[kMaxContacts], bx[kMaxContacts], by[kMaxContacts];
  std::size_t n = 0;
  bool stacked = false;
  for (std::size_t c = 0; c < u(n_contacts_); ++c) {
    const auto a = u(contact_a_[c]);
    const auto b = u(contact_b_[c]);
    const PairInfo& p = setup_->pairs[s_.type[a]][s_.type[b]];
    const float dx = s_.x[a] - s_.x[b];
    const float dy = s_.y[a] - s_.y[b];
    const float distance2 = dx * dx + dy * dy;
    const Footing foot_a = s_.footing[a];
    const Footing foot_b = s_.footing[b];
    const bool holds_a = foot_a != Footing::kMoving;
    const bool holds_b = foot_b != Footing::kMoving;
    // Standing crowds separate every fourth loop only, and stop before the last few percent of
    // overlap, which would never settle.
    const float at_rest = rethink_ ? kAtRest * p.separation2 : 0.0F;
    contact[n] = {contact_a_[c], contact_b_[c], holds_a, holds_b};
    nx[n] = dx;
    ny[n] = dy;
    d2[n] = distance2;
    separation[n] = p.separation;
    const bool same_team =
        (contact_a_[c] >= setup_->start[1]) == (contact_b_[c] >= setup_->start[1]);
    share[n] = kShare[same_team ? 1 : 0][static_cast<int>(foot_a)][static_cast<int>(foot_b)];
    if (setup_->any_rooted) {
      if (p.first_rooted) share[n] = 0.0F;
      if (p.second_rooted) share[n] = 1.0F;
    }
    ax[n] = dx_[a];
    ay[n] = dy_[a];
    bx[n] = dx_[b];
    by[n] = dy_[b];
    const bool touch = distance2 < (holds_a && holds_b ? at_rest : p.contact2);
    stacked = stacked || (touch && distance2 == 0.0F);
    n += touch ? 1U : 0U;
  }
  n_contacts_ = 0;
  if (stacked) [[unlikely]] {
    // Exactly on top of each other: part along x, in mirrored ways for the two teams.
    for (std::size_t c = 0; c < n; ++c) {
      if (d2[c] == 0.0F)
        nx[c] =
            (contact[c].a < contact[c].b) == (setup_->team_of(contact[c].a) == 0) ? -1.0F : 1.0F;
    }
  }
  // From here on ax, ay, bx, by are the pushes and d2 is the overlap.
  const F4 zero = F4::splat(0.0F);
  const F4 one = F4::splat(1.0F);
  for (std::size_t c = 0; c < n; c += 4) {
    const F4 distance = sqrt4(F4::load(&d2[c]));
    const F4 inverse = select4(differ(distance, zero), one / distance, one);
    const F4 x = F4::load(&nx[c]) * inverse;
    const F4 y = F4::load(&ny[c]) * inverse;
    const F4 overlap = F4::load(&separation[c]) - distance;
    // The share of the overlap that a is moved by; b is moved by the rest. A walker yields to the
    // unit it walks into, unless that one walks into it as well.
    const F4 into_b = less(x * F4::load(&ax[c]) + y * F4::load(&ay[c]), zero);
    const F4 into_a = less(zero, x * F4::load(&bx[c]) + y * F4::load(&by[c]));
    const F4 walking = select4(into_a ^ into_b, into_b & one, F4::splat(0.5F));
    const F4 fixed = F4::load(&share[c]);
    const F4 mine = select4(less(fixed, zero), walking, fixed);
    const F4 px = x * overlap;
    const F4 py = y * overlap;
    x.store(&nx[c]);
    y.store(&ny[c]);
    overlap.store(&d2[c]);
    mine.store(&share[c]);
    quantise4(px * mine).store(&ax[c]);
    quantise4(py * mine).store(&ay[c]);
    quantise4(px * (one - mine)).store(&bx[c]);
    quantise4(py * (one - mine)).store(&by[c]);
  }
  for (std::size_t c = 0; c < n; ++c) {
    const auto a = u(contact[c].a);
    const auto b = u(contact[c].b);
    push_x_[a] += ax[c];
    push_y_[a] += ay[c];
    push_x_[b] -= bx[c];
    push_y_[b] -= by[c];
    const bool blocks_a = share[c] == 1.0F && contact[c].holds_b;
    const bool blocks_b = share[c] == 0.0F && contact[c].holds_a;
    if (!blocks_a && !blocks_b) continue;
    const auto k = blocks_a ? a : b;
    const float x = quantise(nx[c] * d2[c]);
    const float y = quantise(ny[c] * d2[c]);
    block_x_[k] += blocks_a ? x : -x;
    block_y_[k] += blocks_a ? y : -y;
    note_blocker(k, blocks_a ? nx[c] : -nx[c], blocks_a ? ny[c] : -ny[c]);
  }
}

// Every pair of neighbours once: each unit with the later ones of its own column and all of the
// next. Quads may reach into the column after that, whose units are too far away.
void Battle::sweep() {
  const F4 zero = F4::splat(0.0F);
  const auto work_off = [this] {
    for (std::size_t c = 0; c < u(n_contacts_); ++c) {
      contact_a_[c] = sorted_[u(contact_a_[c])];
      contact_b_[c] = sorted_[u(contact_b_[c])];
    }
    push_apart();
  };
  int p = 0;
  for (int column = 0; column < n_columns_; ++column) {
    const int end = column_end_[u(std::min(column + 1, n_columns_ - 1))];
    for (; p < column_end_[u(column)]; ++p) {
      const float reach =
          setup_->types[s_.type[u(sorted_[u(p)])]].separation + setup_->max_separation;
      const F4 reach2 = F4::splat(kContact * reach * reach);
      const F4 x = F4::splat(sorted_x_[u(p)]);
      const F4 y = F4::splat(sorted_y_[u(p)]);
      // Pairs of standing units matter in every fourth loop only.
      const F4 walks = F4::splat(rethink_ ? 1.0F : sorted_walks_[u(p)]);
      for (int q = p + 1; q < end; q += 4) {
        const F4 dx = x - F4::load(&sorted_x_[u(q)]);
        const F4 dy = y - F4::load(&sorted_y_[u(q)]);
        const F4 near = less(dx * dx + dy * dy, reach2);
        const F4 matters = less(zero, walks + F4::load(&sorted_walks_[u(q)]));
        note_pairs(p, q, bits4(near & matters));
        if (n_contacts_ + 4 > kMaxContacts) [[unlikely]]
          work_off();
      }
    }
  }
  work_off();
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
    note_pairs(i, base, near);
    if (n_contacts_ + 4 > kMaxContacts) [[unlikely]]
      push_apart();
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
  const float bx = block_x_[a];
  const float by = block_y_[a];
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
  push_x_[a] += quantise(pass.x * more);
  push_y_[a] += quantise(pass.y * more);
}

}  // namespace credo::skirmish
