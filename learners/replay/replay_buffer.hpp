// A ring of the last `capacity` episodes, sampled uniformly without replacement.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "envs/core/random.hpp"
#include "learners/base/byte_sink.hpp"
#include "learners/replay/episode.hpp"

namespace credo {

/// Consecutive episodes, by their ids, that can be stored apart from the rest: a stored episode
/// never changes, so a part is written once however often the buffer is saved.
struct ReplayPart {
  std::uint64_t first = 0, last = 0;  ///< both included
  bool operator==(const ReplayPart&) const = default;
};

/// Which episodes a saved buffer holds: all, or those outside its parts.
enum class ReplayContent : std::uint8_t { kAll, kOutsideParts };

/// Packed episodes of one part, in bytes: fewer parts would repeat more at every save, more of them
/// would cost more files.
inline constexpr std::size_t kReplayPartBytes = std::size_t{16} << 20;

class ReplayBuffer {
 public:
  ReplayBuffer(const EnvShape& shape, int capacity, std::size_t part_bytes = kReplayPartBytes);

  /// Packs an episode into the oldest place.
  void add(const EpisodeView& view);

  int size() const { return static_cast<int>(episodes_.size()); }
  int capacity() const { return capacity_; }
  std::size_t bytes() const;  ///< packed size of all stored episodes

  /// batch.size() different episodes; all of them in order when the buffer holds just as many
  /// (as PyMARL). Valid until the next add. Needs size() >= batch.size().
  void sample(Stream& stream, std::span<const Episode*> batch);

  /// The complete parts of which no episode has been overwritten, oldest first. Where they begin is
  /// a function of the episodes added, whenever the buffer was saved and loaded in between.
  std::vector<ReplayPart> parts() const;

  /// In pieces of about a megabyte. With kOutsideParts the rest is saved by save_part.
  void save(const ByteSink& sink, ReplayContent content) const;
  void save_part(const ReplayPart& part, const ByteSink& sink) const;

  /// Afterwards every part of missing_parts() has to be loaded before the first sample.
  /// Errors: Error when the bytes are damaged or do not fit this buffer.
  void load(ByteReader& in);
  const std::vector<ReplayPart>& missing_parts() const { return missing_; }
  /// Errors: as load, also for a part that is not missing.
  void load_part(const ReplayPart& part, ByteReader& in);

 private:
  std::uint64_t oldest() const { return static_cast<std::uint64_t>(added_) - episodes_.size() + 1; }
  std::size_t place(std::uint64_t id) const {
    return static_cast<std::size_t>((id - 1) % static_cast<std::uint64_t>(capacity_));
  }

  EnvShape shape_;
  int capacity_;
  std::size_t part_bytes_;
  std::int64_t added_ = 0;
  std::vector<Episode> episodes_;
  // First ids of the parts that still have episodes here; the last part is the one being filled.
  std::vector<std::uint64_t> part_starts_{1};
  std::uint64_t open_bytes_ = 0;  // of the part being filled
  std::vector<ReplayPart> missing_;
  std::vector<int> order_;  // 0, 1, ..., shuffled in part and restored by sample()
  std::vector<std::size_t> swaps_;
  EpisodeEncoder encoder_;
};

}  // namespace credo
