// A ring of the last `capacity` episodes, sampled uniformly without replacement.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "envs/core/random.hpp"
#include "learners/replay/episode.hpp"

namespace credo {

class ReplayBuffer {
 public:
  ReplayBuffer(const EnvShape& shape, int capacity);

  /// Packs an episode into the oldest place.
  void add(const EpisodeView& view);

  int size() const { return static_cast<int>(episodes_.size()); }
  int capacity() const { return capacity_; }
  std::size_t bytes() const;  ///< packed size of all stored episodes

  /// batch.size() different episodes; all of them in order when the buffer holds just as many
  /// (as PyMARL). Valid until the next add. Needs size() >= batch.size().
  void sample(Stream& stream, std::span<const Episode*> batch);

  void save(ByteWriter& out) const;
  void load(ByteReader& in);

 private:
  EnvShape shape_;
  int capacity_;
  std::int64_t added_ = 0;
  std::vector<Episode> episodes_;
  std::vector<int> order_;  // 0, 1, ..., shuffled in part and restored by sample()
  std::vector<std::size_t> swaps_;
  EpisodeEncoder encoder_;
};

}  // namespace credo
