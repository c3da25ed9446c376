#include "python/src/action_draws.hpp"

#include <bit>
#include <cstring>

namespace credo::python {
namespace {

// Eight flags at a time, one per byte: a product with ones sums bytes 0..j into byte j.
static_assert(std::endian::native == std::endian::little);
constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
constexpr std::uint64_t kHighBits = 0x80 * kOnes;

std::uint64_t load_flags(const std::uint8_t* flags, std::size_t n) {
  std::uint64_t word = 0;
  if (n >= 8) {
    std::memcpy(&word, flags, 8);
  } else if (n >= 4) {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    std::memcpy(&first, flags, 4);
    std::memcpy(&last, flags + n - 4, 4);
    word = first | static_cast<std::uint64_t>(last) << (8 * (n - 4));
  } else {
    for (std::size_t i = 0; i < n; ++i) word |= static_cast<std::uint64_t>(flags[i]) << (8 * i);
  }
  return word;
}

// One of the n actions whose flag is 1, chosen by 32 random bits. No branch depends on the flags or
// the bits unless there are more than eight actions: nothing could predict it.
int draw_one(const std::uint8_t* flags, std::size_t n, std::uint32_t bits) {
  std::uint64_t count = 0;
  for (std::size_t a = 0; a < n; a += 8) count += (load_flags(flags + a, n - a) * kOnes) >> 56;
  // How many available actions come before the chosen one.
  std::uint64_t before = (bits * count) >> 32;
  for (std::size_t a = 0;; a += 8) {
    const std::uint64_t sums = load_flags(flags + a, n - a) * kOnes;
    const std::uint64_t sum = sums >> 56;
    if (before >= sum && a + 8 < n) {
      before -= sum;
      continue;
    }
    // As many actions precede the chosen one as have a sum of at most `before`.
    const std::uint64_t not_above = (kHighBits + before * kOnes - sums) & kHighBits;
    return static_cast<int>(a + (((not_above >> 7) * kOnes) >> 56));
  }
}

}  // namespace

void ActionDraws::draw(const EnvSpec& spec, const std::uint8_t* avail, std::uint64_t seed,
                       std::uint64_t index, std::uint64_t episode, int t, int* actions) {
  if (seed != seed_ || index != index_ || episode != episode_) block_ = ~std::uint64_t{0};
  const auto n_agents = static_cast<std::size_t>(spec.n_agents);
  const auto n_actions = static_cast<std::size_t>(spec.n_actions);
  std::uint64_t k = static_cast<std::uint64_t>(t) * n_agents;
  for (std::size_t agent = 0; agent < n_agents; ++agent, ++k, avail += n_actions) {
    if (k / kBlock != block_) {
      seed_ = seed;
      index_ = index;
      episode_ = episode;
      block_ = k / kBlock;
      Stream stream(seed, purpose("sample actions"), index, episode);
      stream.seek(block_);
      for (std::uint32_t& number : numbers_) number = stream.bits32();
    }
    actions[agent] = draw_one(avail, n_actions, numbers_[k % kBlock]);
  }
}

}  // namespace credo::python
