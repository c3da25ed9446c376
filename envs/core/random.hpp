// Counter-based random streams (Philox4x64-10 of Random123; Salmon et al., "Parallel random
// numbers: as easy as 1, 2, 3", SC 2011). A draw is a pure function of
//   key (seed, purpose) and counter (index, episode, step, draw),
// so results never depend on which thread draws first or on how many environments run side by side.
#pragma once

#include <Random123/philox.h>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

namespace credo {

/// Names the use a stream is put to; streams of different purposes are independent.
/// FNV-1a of the name, so new purposes need no central list: purpose("exploration").
constexpr std::uint64_t purpose(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : name) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3ULL;
  }
  return hash;
}

/// A stream of random numbers for one (seed, purpose, index, episode); `seek` moves it to a step.
/// `index` is the environment (or layer, or evaluation slot) the stream belongs to.
class Stream {
 public:
  Stream() = default;
  Stream(std::uint64_t seed, std::uint64_t stream_purpose, std::uint64_t index = 0,
         std::uint64_t episode = 0)
      : key_{seed, stream_purpose}, counter_{index, episode, 0, 0} {}

  /// Starts the draws of `step` from the first one, whatever was drawn before.
  void seek(std::uint64_t step) {
    counter_[2] = step;
    counter_[3] = 0;
    used_ = kBlock;
  }

  /// Whether anything was drawn since the last `seek`.
  bool drawn() const { return counter_[3] != 0; }

  /// 32 uniform bits.
  std::uint32_t bits32() {
    if (used_ == kBlock) refill();
    return block_[used_++];
  }

  /// Uniform integer in [0, n), unbiased (Lemire 2019). n in [1, 2^32).
  std::uint32_t below(std::uint32_t n) {
    std::uint64_t product = static_cast<std::uint64_t>(bits32()) * n;
    if (static_cast<std::uint32_t>(product) < n) [[unlikely]] {
      const std::uint32_t reject_below = (0U - n) % n;
      while (static_cast<std::uint32_t>(product) < reject_below)
        product = static_cast<std::uint64_t>(bits32()) * n;
    }
    return static_cast<std::uint32_t>(product >> 32);
  }

  /// Uniform in [0, 1), a multiple of 2^-32.
  double uniform() { return bits32() * 0x1p-32; }

  /// Uniform float in [0, 1), a multiple of 2^-24.
  float uniform_float() { return static_cast<float>(bits32() >> 8) * 0x1p-24F; }

  bool bernoulli(double probability) { return uniform() < probability; }

  /// Index drawn with the given weights (not necessarily summing to 1; at least one positive).
  int categorical(std::span<const double> weights) {
    double total = 0.0;
    for (const double w : weights) total += w;
    double target = uniform() * total;
    int last_positive = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (weights[i] <= 0.0) continue;
      last_positive = static_cast<int>(i);
      if (target < weights[i]) return last_positive;
      target -= weights[i];
    }
    return last_positive;
  }

  /// Fisher-Yates; a uniformly random permutation of `items`.
  template <typename T>
  void shuffle(std::span<T> items) {
    for (std::size_t i = items.size(); i > 1; --i)
      std::swap(items[i - 1], items[below(static_cast<std::uint32_t>(i))]);
  }

  std::uint64_t seed() const { return key_[0]; }
  std::uint64_t stream_purpose() const { return key_[1]; }
  std::uint64_t index() const { return counter_[0]; }
  std::uint64_t episode() const { return counter_[1]; }

 private:
  static constexpr std::size_t kBlock = 8;  // one Philox4x64 block is eight 32-bit draws

  void refill() {
    using Philox = r123::Philox4x64;
    const Philox::ctr_type counter = {{counter_[0], counter_[1], counter_[2], counter_[3]}};
    const Philox::key_type key = {{key_[0], key_[1]}};
    const Philox::ctr_type out = Philox{}(counter, key);
    for (std::size_t i = 0; i < 4; ++i) {
      block_[2 * i] = static_cast<std::uint32_t>(out[i]);
      block_[2 * i + 1] = static_cast<std::uint32_t>(out[i] >> 32);
    }
    ++counter_[3];
    used_ = 0;
  }

  std::array<std::uint64_t, 2> key_{};
  std::array<std::uint64_t, 4> counter_{};
  std::array<std::uint32_t, kBlock> block_{};
  std::size_t used_ = kBlock;
};

}  // namespace credo
