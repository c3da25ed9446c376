// The random streams: the generator is Philox4x64-10, the transforms are unbiased, and streams of
// different names share nothing.
#include <array>
#include <set>

#include "support.hpp"

using credo::Stream;

namespace {

using Words = std::array<std::uint64_t, 4>;
using Key = std::array<std::uint64_t, 2>;

struct Wide {
  std::uint64_t high;
  std::uint64_t low;
};

Wide multiply(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t a_low = a & 0xffffffffU;
  const std::uint64_t a_high = a >> 32;
  const std::uint64_t b_low = b & 0xffffffffU;
  const std::uint64_t b_high = b >> 32;
  const std::uint64_t middle_1 = a_high * b_low;
  const std::uint64_t middle_2 = a_low * b_high;
  const std::uint64_t carry =
      ((a_low * b_low >> 32) + (middle_1 & 0xffffffffU) + (middle_2 & 0xffffffffU)) >> 32;
  return {a_high * b_high + (middle_1 >> 32) + (middle_2 >> 32) + carry, a * b};
}

// Philox4x64-10 written down from the paper (section 4.3), independently of Random123.
Words philox(Words counter, Key key) {
  for (int round = 0; round < 10; ++round) {
    const Wide first = multiply(0xD2E7470EE14C6C93ULL, counter[0]);
    const Wide second = multiply(0xCA5A826395121157ULL, counter[2]);
    counter = {second.high ^ counter[1] ^ key[0], second.low, first.high ^ counter[3] ^ key[1],
               first.low};
    key[0] += 0x9E3779B97F4A7C15ULL;
    key[1] += 0xBB67AE8584CAA73BULL;
  }
  return counter;
}

std::uint64_t next64(Stream& stream) {
  const std::uint64_t low = stream.bits32();
  return low | static_cast<std::uint64_t>(stream.bits32()) << 32;
}

}  // namespace

TEST_CASE("Philox4x64-10 gives the known answers") {
  CHECK(philox({0, 0, 0, 0}, {0, 0}) == Words{0x16554d9eca36314cULL, 0xdb20fe9d672d0fdcULL,
                                              0xd7e772cee186176bULL, 0x7e68b68aec7ba23bULL});
  constexpr std::uint64_t kOnes = ~std::uint64_t{0};
  CHECK(philox({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}) ==
        Words{0x87b092c3013fe90bULL, 0x438c3c67be8d0224ULL, 0x9cc7d7c69cd777b6ULL,
              0xa09caebf594f0ba0ULL});
  CHECK(philox({0x243f6a8885a308d3ULL, 0x13198a2e03707344ULL, 0xa4093822299f31d0ULL,
                0x082efa98ec4e6c89ULL},
               {0x452821e638d01377ULL, 0xbe5466cf34e90c6cULL}) ==
        Words{0xa528f45403e61d95ULL, 0x38c72dbd566e9788ULL, 0xa5a1610e72fd18b5ULL,
              0x57bd43b5e52b7fe6ULL});
}

TEST_CASE("a stream is Philox keyed by seed and purpose, counted by index, episode, step, draw") {
  Stream zero(0, 0, 0, 0);
  CHECK(next64(zero) == 0x16554d9eca36314cULL);
  for (std::uint64_t trial = 0; trial < 200; ++trial) {
    const std::uint64_t seed = trial * 0x9E3779B97F4A7C15ULL;
    const std::uint64_t what = credo::purpose("a purpose") + trial;
    Stream stream(seed, what, trial % 7, trial % 11);
    stream.seek(trial % 5);
    for (std::uint64_t block = 0; block < 3; ++block) {
      const Words expected = philox({trial % 7, trial % 11, trial % 5, block}, {seed, what});
      for (const std::uint64_t word : expected) REQUIRE(next64(stream) == word);
    }
  }
}

TEST_CASE("seek starts a step's draws afresh, whatever was drawn before") {
  Stream stream(5, credo::purpose("test"), 1, 2);
  stream.seek(9);
  std::vector<std::uint32_t> first;
  for (int i = 0; i < 20; ++i) first.push_back(stream.bits32());
  stream.seek(10);
  (void)stream.bits32();
  stream.seek(9);
  for (const std::uint32_t draw : first) CHECK(stream.bits32() == draw);
}

TEST_CASE("streams that differ in seed, purpose, index, episode or step share no draws") {
  std::set<std::uint64_t> seen;
  std::size_t n = 0;
  const auto collect = [&](Stream stream, std::uint64_t step) {
    stream.seek(step);
    for (int i = 0; i < 16; ++i, ++n) seen.insert(next64(stream));
  };
  for (std::uint64_t i = 0; i < 10; ++i) {
    collect(Stream(100 + i, credo::purpose("env"), 0, 0), 0);
    collect(Stream(1, credo::purpose("env"), 100 + i, 0), 0);
    collect(Stream(1, credo::purpose("env"), 0, 100 + i), 0);
    collect(Stream(1, credo::purpose("env"), 0, 0), 100 + i);
  }
  for (const char* name : {"env", "policy", "exploration", "replay", "initialisation"})
    collect(Stream(1, credo::purpose(name), 0, 0), 0);
  CHECK(seen.size() == n);
  static_assert(credo::purpose("env") != credo::purpose("policy"));
}

TEST_CASE("below is unbiased and reaches every value") {
  for (const std::uint32_t n : {1U, 2U, 3U, 5U, 6U, 7U, 10U, 25U}) {
    CAPTURE(n);
    Stream stream(3, credo::purpose("below"), n, 0);
    constexpr int kDraws = 200'000;
    std::vector<int> counts(n, 0);
    for (int i = 0; i < kDraws; ++i) {
      const std::uint32_t value = stream.below(n);
      REQUIRE(value < n);
      ++counts[value];
    }
    const double expected = static_cast<double>(kDraws) / n;
    double chi_squared = 0.0;
    for (const int count : counts)
      chi_squared += (count - expected) * (count - expected) / expected;
    const double freedom = n - 1.0;
    CHECK(chi_squared <= freedom + 4.0 * std::sqrt(2.0 * freedom) + 1e-9);
  }
}

TEST_CASE("below rejects the draws that would favour small values") {
  // With n = 3 * 2^30 a plain product would hit values that are 0 mod 3 twice as often.
  constexpr std::uint32_t kN = 3U << 30;
  Stream stream(4, credo::purpose("below"), 0, 0);
  std::array<int, 3> counts{};
  constexpr int kDraws = 90'000;
  for (int i = 0; i < kDraws; ++i) ++counts[stream.below(kN) % 3];
  for (const int count : counts)
    CHECK(std::abs(count - kDraws / 3) < 4.0 * std::sqrt(kDraws * 2.0 / 9.0));
}

TEST_CASE("uniform, bernoulli, categorical and shuffle have the right frequencies") {
  Stream stream(6, credo::purpose("transforms"), 0, 0);
  constexpr int kDraws = 100'000;
  double sum = 0.0;
  float largest = 0.0F;
  int n_true = 0;
  std::array<int, 4> chosen{};
  const std::array<double, 4> weights = {1.0, 0.0, 2.0, 5.0};
  std::array<int, 6> orders{};
  for (int i = 0; i < kDraws; ++i) {
    const double value = stream.uniform();
    REQUIRE(value >= 0.0);
    REQUIRE(value < 1.0);
    sum += value;
    largest = std::max(largest, stream.uniform_float());
    n_true += stream.bernoulli(0.3) ? 1 : 0;
    ++chosen[static_cast<std::size_t>(stream.categorical(weights))];
    std::array<int, 3> items = {0, 1, 2};
    stream.shuffle(std::span<int>(items));
    ++orders[static_cast<std::size_t>(items[0] * 2 + (items[1] > items[2] ? 1 : 0))];
  }
  CHECK(std::abs(sum / kDraws - 0.5) < 4.0 * std::sqrt(1.0 / 12.0 / kDraws));
  CHECK(largest < 1.0F);
  CHECK(std::abs(n_true - 0.3 * kDraws) < 4.0 * std::sqrt(0.21 * kDraws));
  CHECK(chosen[1] == 0);
  for (const std::size_t i : {0U, 2U, 3U}) {
    const double p = weights[i] / 8.0;
    CHECK(std::abs(chosen[i] - p * kDraws) < 4.0 * std::sqrt(p * (1.0 - p) * kDraws));
  }
  for (const int count : orders)
    CHECK(std::abs(count - kDraws / 6.0) < 4.0 * std::sqrt(kDraws * 5.0 / 36.0));
}
