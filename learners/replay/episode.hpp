// One stored episode, packed without loss. Observations are stored once; every distinct float value
// of an episode gets a code of 0, 1, 2, 4, 8 or 16 bits (a grid world needs one bit per flag), a
// state that is the concatenation of the observations is not stored at all, availability takes one
// bit and an action one byte. More than 65536 distinct values: raw floats.
//
// An episode of length L has slots 0..L; slot L (the bootstrap slot) has obs, state and
// availability but no action or reward.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "envs/core/bytes.hpp"
#include "learners/base/env_shape.hpp"

namespace credo {

/// A finished episode as the rollout holds it: arrays with a stride (in elements) between slots.
struct EpisodeView {
  int length = 0;
  bool terminated = false;  ///< false: cut by the time limit
  const float* obs = nullptr;
  std::ptrdiff_t obs_stride = 0;  ///< [n_agents, obs_dim] per slot
  const float* state = nullptr;
  std::ptrdiff_t state_stride = 0;  ///< [state_dim] per slot
  const std::uint8_t* avail = nullptr;
  std::ptrdiff_t avail_stride = 0;  ///< [n_agents, n_actions] per slot
  const int* actions = nullptr;
  std::ptrdiff_t action_stride = 0;  ///< [n_agents] per slot
  const float* rewards = nullptr;
  std::ptrdiff_t reward_stride = 0;
};

/// Arrays that hold the slots of `count` episodes, those of one slot side by side.
struct EpisodeArrays {
  const float* obs = nullptr;           ///< [slots, count, n_agents, obs_dim]
  const float* state = nullptr;         ///< [slots, count, state_dim]
  const std::uint8_t* avail = nullptr;  ///< [slots, count, n_agents, n_actions]
  const int* actions = nullptr;         ///< [slots, count, n_agents]
  const float* rewards = nullptr;       ///< [slots, count]
  int count = 1;

  /// Episode e.
  EpisodeView view(const EnvShape& shape, int length, bool terminated, int e = 0) const;
};

class EpisodeEncoder;

class Episode {
 public:
  int length() const { return length_; }
  int slots() const { return length_ + 1; }
  bool terminated() const { return terminated_; }
  /// Which of its replay's episodes this is, counted from 1; 0 outside a replay.
  std::uint64_t id() const { return id_; }
  void set_id(std::uint64_t id) { id_ = id; }
  std::size_t bytes() const { return data_.size(); }

  void read_obs(int slot, float* out) const;    ///< [n_agents, obs_dim]
  void read_state(int slot, float* out) const;  ///< [state_dim]
  /// Where the observations of slots [first, last) are kept, for fetching them ahead.
  std::span<const std::uint8_t> obs_bytes(int first, int last) const {
    return std::span(data_).subspan(obs_at_ + static_cast<std::size_t>(first) * obs_row_,
                                    static_cast<std::size_t>(last - first) * obs_row_);
  }
  /// Availability of all agents' actions at a slot, one bit each from bit 0 of the first byte on.
  const std::uint8_t* avail_bits(int slot) const {
    return data_.data() + avail_at_ + static_cast<std::size_t>(slot) * avail_row_;
  }
  bool is_available(int slot, int agent, int action) const {
    const auto bit = static_cast<std::size_t>(agent * shape_.n_actions + action);
    return (avail_bits(slot)[bit / 8] >> (bit % 8) & 1U) != 0;
  }
  int action(int slot, int agent) const {
    return data_[actions_at_ + static_cast<std::size_t>(slot * shape_.n_agents + agent)];
  }
  float reward(int slot) const;

  void save(ByteWriter& out) const;
  /// Errors: Error when the bytes are damaged or do not fit the shape.
  void load(const EnvShape& shape, ByteReader& in);

 private:
  friend class EpisodeEncoder;
  void lay_out();               // offsets from length, bits, distinct count
  bool codes_in_range() const;  // every code names an entry of the value table
  std::size_t row_bytes(int values) const {
    return (static_cast<std::size_t>(values) * static_cast<std::size_t>(bits_) + 7) / 8;
  }
  void decode(const std::uint8_t* row, int values, float* out) const;

  EnvShape shape_;
  std::uint64_t id_ = 0;
  std::int32_t length_ = 0;
  std::int32_t distinct_ = 0;  // entries of the value table; 0: raw floats
  std::uint8_t bits_ = 0;
  bool terminated_ = false;
  bool state_is_obs_ = false;
  std::size_t obs_at_ = 0, state_at_ = 0, avail_at_ = 0, actions_at_ = 0, rewards_at_ = 0, end_ = 0;
  std::size_t obs_row_ = 0, state_row_ = 0, avail_row_ = 0;
  std::vector<std::uint8_t> data_;  // value table, obs, state, availability, actions, rewards
};

/// Packs episodes; keeps its tables between calls so that packing allocates nothing in the long
/// run.
class EpisodeEncoder {
 public:
  explicit EpisodeEncoder(const EnvShape& shape);
  void encode(const EpisodeView& view, Episode& out);

 private:
  static constexpr std::size_t kMaxDistinct = 65536;
  static constexpr std::size_t kTableSize = 1U << 18;

  void begin();
  /// Codes of `n` values appended to codes_; false when there are too many distinct values.
  bool add_codes(const float* values, std::size_t n);

  EnvShape shape_;
  std::vector<std::uint32_t> table_key_;
  std::vector<std::uint32_t> table_stamp_;
  std::vector<std::uint16_t> table_code_;
  std::uint32_t stamp_ = 0;
  std::vector<std::uint32_t> values_;  // bit patterns in order of first appearance
  std::vector<std::uint16_t> codes_;
};

}  // namespace credo
