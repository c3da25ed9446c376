#include "learners/replay/episode.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "learners/base/index.hpp"

namespace credo {

EpisodeView EpisodeArrays::view(const EnvShape& shape, int length, bool terminated, int e) const {
  const std::ptrdiff_t obs_width = at(shape.n_agents, shape.obs_dim);
  const std::ptrdiff_t avail_width = at(shape.n_agents, shape.n_actions);
  return {.length = length,
          .terminated = terminated,
          .obs = obs + e * obs_width,
          .obs_stride = count * obs_width,
          .state = state + at(e, shape.state_dim),
          .state_stride = at(count, shape.state_dim),
          .avail = avail + e * avail_width,
          .avail_stride = count * avail_width,
          .actions = actions + at(e, shape.n_agents),
          .action_stride = at(count, shape.n_agents),
          .rewards = rewards + e,
          .reward_stride = count};
}

namespace {

/// The narrowest code that tells `distinct` values apart.
std::uint8_t code_bits(std::size_t distinct) {
  if (distinct <= 1) return 0;
  if (distinct <= 2) return 1;
  if (distinct <= 4) return 2;
  if (distinct <= 16) return 4;
  return distinct <= 256 ? 8 : 16;
}

void pack(const std::uint16_t* codes, std::size_t n, int bits, std::uint8_t* row) {
  if (bits == 0) return;
  if (bits == 16) {
    std::memcpy(row, codes, n * sizeof(std::uint16_t));
    return;
  }
  if (bits == 8) {
    for (std::size_t i = 0; i < n; ++i) row[i] = static_cast<std::uint8_t>(codes[i]);
    return;
  }
  const std::size_t per_byte = 8U / static_cast<unsigned>(bits);
  std::memset(row, 0, (n + per_byte - 1) / per_byte);
  for (std::size_t i = 0; i < n; ++i) {
    const unsigned shift = static_cast<unsigned>(i % per_byte) * static_cast<unsigned>(bits);
    row[i / per_byte] = static_cast<std::uint8_t>(row[i / per_byte] | codes[i] << shift);
  }
}

template <int kBits>
void unpack(const std::uint8_t* row, int n, const float* table, float* out) {
  constexpr int kPerByte = 8 / kBits;
  constexpr unsigned kMask = (1U << kBits) - 1U;
  int i = 0;
  for (; i + kPerByte <= n; i += kPerByte) {
    const unsigned byte = *row++;
    for (int j = 0; j < kPerByte; ++j) out[i + j] = table[byte >> (j * kBits) & kMask];
  }
  for (unsigned byte = i < n ? *row : 0U; i < n; ++i, byte >>= kBits) out[i] = table[byte & kMask];
}

}  // namespace

void Episode::lay_out() {
  const std::size_t slots = sz(length_) + 1;
  const int obs_values = shape_.n_agents * shape_.obs_dim;
  obs_row_ = row_bytes(obs_values);
  state_row_ = state_is_obs_ ? 0 : row_bytes(shape_.state_dim);
  avail_row_ = (sz(shape_.n_agents * shape_.n_actions) + 7) / 8;
  obs_at_ = sz(distinct_) * sizeof(float);
  state_at_ = obs_at_ + slots * obs_row_;
  avail_at_ = state_at_ + slots * state_row_;
  actions_at_ = avail_at_ + slots * avail_row_;
  rewards_at_ = actions_at_ + sz(length_) * sz(shape_.n_agents);
  end_ = rewards_at_ + sz(length_) * sizeof(float);
}

void Episode::decode(const std::uint8_t* row, int values, float* out) const {
  if (distinct_ == 0) {
    std::memcpy(out, row, sz(values) * sizeof(float));
    return;
  }
  // The table is a byte array; vectors of bytes from operator new are aligned for any scalar.
  const auto* table = reinterpret_cast<const float*>(data_.data());
  switch (bits_) {
    case 0:
      std::fill(out, out + values, table[0]);
      break;
    case 1:
      unpack<1>(row, values, table, out);
      break;
    case 2:
      unpack<2>(row, values, table, out);
      break;
    case 4:
      unpack<4>(row, values, table, out);
      break;
    case 8:
      for (int i = 0; i < values; ++i) out[i] = table[row[i]];
      break;
    default:
      for (int i = 0; i < values; ++i) {
        std::uint16_t code = 0;
        std::memcpy(&code, row + 2 * i, sizeof(code));
        out[i] = table[code];
      }
  }
}

void Episode::read_obs(int slot, float* out) const {
  decode(data_.data() + obs_at_ + sz(slot) * obs_row_, shape_.n_agents * shape_.obs_dim, out);
}

void Episode::read_state(int slot, float* out) const {
  if (state_is_obs_)
    read_obs(slot, out);
  else
    decode(data_.data() + state_at_ + sz(slot) * state_row_, shape_.state_dim, out);
}

float Episode::reward(int slot) const {
  float value = 0.0F;
  std::memcpy(&value, data_.data() + rewards_at_ + sz(slot) * sizeof(float), sizeof(value));
  return value;
}

void Episode::save(ByteWriter& out) const {
  out.put(length_);
  out.put(distinct_);
  out.put(bits_);
  out.put(terminated_);
  out.put(state_is_obs_);
  out.put_vector(data_);
}

void Episode::load(const EnvShape& shape, ByteReader& in) {
  shape_ = shape;
  id_ = 0;
  length_ = in.get<std::int32_t>();
  distinct_ = in.get<std::int32_t>();
  bits_ = in.get<std::uint8_t>();
  terminated_ = in.get<std::uint8_t>() != 0;
  state_is_obs_ = in.get<std::uint8_t>() != 0;
  data_ = in.get_vector<std::uint8_t>();
  const bool raw = distinct_ == 0 && bits_ == 32;
  const bool coded = distinct_ > 0 && distinct_ <= 65536 && bits_ == code_bits(sz(distinct_));
  CREDO_CHECK(length_ >= 0 && length_ < (1 << 24) && (raw || coded), "damaged episode");
  CREDO_CHECK(!state_is_obs_ || shape.state_dim == shape.n_agents * shape.obs_dim,
              "damaged episode");
  lay_out();
  CREDO_CHECK(end_ == data_.size(), "damaged episode");
  for (std::size_t i = 0; i < sz(length_) * sz(shape_.n_agents); ++i)
    CREDO_CHECK(data_[actions_at_ + i] < shape_.n_actions, "damaged episode");
  CREDO_CHECK(codes_in_range(), "damaged episode");
}

bool Episode::codes_in_range() const {
  if (distinct_ == 0 || sz(distinct_) == (std::size_t{1} << bits_)) return true;
  const auto in_range = [this](std::size_t at, std::size_t row, int values) {
    for (int slot = 0; slot <= length_; ++slot) {
      const std::uint8_t* p = data_.data() + at + sz(slot) * row;
      for (int i = 0; i < values; ++i) {
        const std::size_t bit = sz(i) * bits_;
        unsigned code = p[bit / 8];
        if (bits_ == 16) code |= static_cast<unsigned>(p[bit / 8 + 1]) << 8U;
        if (bits_ < 8) code = code >> (bit % 8) & ((1U << bits_) - 1U);
        if (code >= static_cast<unsigned>(distinct_)) return false;
      }
    }
    return true;
  };
  if (bits_ == 0) return true;
  return in_range(obs_at_, obs_row_, shape_.n_agents * shape_.obs_dim) &&
         (state_is_obs_ || in_range(state_at_, state_row_, shape_.state_dim));
}

EpisodeEncoder::EpisodeEncoder(const EnvShape& shape)
    : shape_(shape), table_key_(kTableSize), table_stamp_(kTableSize), table_code_(kTableSize) {
  CREDO_CHECK(shape.n_actions <= 256, "an action must fit one byte");
}

void EpisodeEncoder::begin() {
  if (++stamp_ == 0) {  // after 2^32 episodes the stamps start over
    std::fill(table_stamp_.begin(), table_stamp_.end(), 0U);
    stamp_ = 1;
  }
  values_.clear();
  codes_.clear();
}

bool EpisodeEncoder::add_codes(const float* values, std::size_t n) {
  std::uint32_t last_key = 0;
  std::uint16_t last_code = 0;
  bool has_last = false;
  for (std::size_t i = 0; i < n; ++i) {
    const auto key = std::bit_cast<std::uint32_t>(values[i]);
    if (!has_last || key != last_key) {               // neighbours are often equal
      std::size_t slot = (key * 0x9E3779B1U) >> 14U;  // top 18 bits
      while (table_stamp_[slot] == stamp_ && table_key_[slot] != key)
        slot = (slot + 1) % kTableSize;
      if (table_stamp_[slot] != stamp_) {
        if (values_.size() == kMaxDistinct) return false;
        table_stamp_[slot] = stamp_;
        table_key_[slot] = key;
        table_code_[slot] = static_cast<std::uint16_t>(values_.size());
        values_.push_back(key);
      }
      last_key = key;
      last_code = table_code_[slot];
      has_last = true;
    }
    codes_.push_back(last_code);
  }
  return true;
}

void EpisodeEncoder::encode(const EpisodeView& view, Episode& out) {
  const std::size_t slots = sz(view.length) + 1;
  const std::size_t obs_values = sz(shape_.n_agents) * sz(shape_.obs_dim);
  const std::size_t state_values = sz(shape_.state_dim);
  const auto obs = [&](std::size_t t) {
    return view.obs + static_cast<std::ptrdiff_t>(t) * view.obs_stride;
  };
  const auto state = [&](std::size_t t) {
    return view.state + static_cast<std::ptrdiff_t>(t) * view.state_stride;
  };

  out.shape_ = shape_;
  out.id_ = 0;
  out.length_ = view.length;
  out.terminated_ = view.terminated;
  out.state_is_obs_ = obs_values == state_values;
  for (std::size_t t = 0; t < slots && out.state_is_obs_; ++t)
    out.state_is_obs_ = std::memcmp(obs(t), state(t), obs_values * sizeof(float)) == 0;

  begin();
  bool coded = true;
  for (std::size_t t = 0; t < slots && coded; ++t) coded = add_codes(obs(t), obs_values);
  if (!out.state_is_obs_)
    for (std::size_t t = 0; t < slots && coded; ++t) coded = add_codes(state(t), state_values);
  // Codes plus their table can exceed the plain values in very short episodes.
  const std::size_t coded_bytes =
      values_.size() * sizeof(float) + codes_.size() * code_bits(values_.size()) / 8;
  if (coded && coded_bytes > codes_.size() * sizeof(float)) coded = false;
  out.bits_ = coded ? code_bits(values_.size()) : 32;
  out.distinct_ = coded ? static_cast<std::int32_t>(values_.size()) : 0;
  out.lay_out();
  out.data_.resize(out.end_);
  std::uint8_t* data = out.data_.data();

  if (coded) {
    std::memcpy(data, values_.data(), values_.size() * sizeof(float));
    const std::uint16_t* codes = codes_.data();
    for (std::size_t t = 0; t < slots; ++t, codes += obs_values)
      pack(codes, obs_values, out.bits_, data + out.obs_at_ + t * out.obs_row_);
    if (!out.state_is_obs_)
      for (std::size_t t = 0; t < slots; ++t, codes += state_values)
        pack(codes, state_values, out.bits_, data + out.state_at_ + t * out.state_row_);
  } else {
    for (std::size_t t = 0; t < slots; ++t) {
      std::memcpy(data + out.obs_at_ + t * out.obs_row_, obs(t), out.obs_row_);
      if (!out.state_is_obs_)
        std::memcpy(data + out.state_at_ + t * out.state_row_, state(t), out.state_row_);
    }
  }

  const std::size_t avail_values = sz(shape_.n_agents * shape_.n_actions);
  std::memset(data + out.avail_at_, 0, slots * out.avail_row_);
  for (std::size_t t = 0; t < slots; ++t) {
    const std::uint8_t* from = view.avail + static_cast<std::ptrdiff_t>(t) * view.avail_stride;
    std::uint8_t* row = data + out.avail_at_ + t * out.avail_row_;
    for (std::size_t i = 0; i < avail_values; ++i)
      row[i / 8] = static_cast<std::uint8_t>(row[i / 8] | (from[i] != 0 ? 1U << (i % 8) : 0U));
  }
  for (int t = 0; t < view.length; ++t) {
    for (int i = 0; i < shape_.n_agents; ++i)
      data[out.actions_at_ + sz(t * shape_.n_agents + i)] =
          static_cast<std::uint8_t>(view.actions[t * view.action_stride + i]);
    const float reward = view.rewards[t * view.reward_stride];
    std::memcpy(data + out.rewards_at_ + sz(t) * sizeof(float), &reward, sizeof(float));
  }
}

}  // namespace credo
