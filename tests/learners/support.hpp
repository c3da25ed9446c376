// What the learner tests share: random numbers from a named stream, comparisons of floats by their
// bits, and the kernel tables this machine can run.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "envs/core/error.hpp"
#include "envs/core/random.hpp"
#include "learners/base/index.hpp"
#include "learners/base/isa.hpp"
#include "learners/kernels/tables.hpp"

namespace learner_tests {

using credo::sz;

/// Every table this machine can run; the first is the scalar one.
inline std::vector<const credo::KernelTable*> tables() {
  std::vector<const credo::KernelTable*> list;
  for (const std::string& isa : credo::available_isas()) {
    if (isa == "scalar") list.push_back(&credo::scalar_kernels());
#if defined(__x86_64__)
    if (isa == "avx2") list.push_back(&credo::avx2_kernels());
    if (isa == "avx512") list.push_back(&credo::avx512_kernels());
#elif defined(__aarch64__)
    if (isa == "neon") list.push_back(&credo::neon_kernels());
#endif
  }
  return list;
}

/// Selects an instruction set and returns to "auto" at the end of the scope.
class UseIsa {
 public:
  explicit UseIsa(const std::string& name) { credo::select_isa(name); }
  ~UseIsa() { credo::select_isa("auto"); }
  UseIsa(const UseIsa&) = delete;
  UseIsa& operator=(const UseIsa&) = delete;
};

/// Random test data; two objects of one name give the same numbers.
class Draw {
 public:
  explicit Draw(std::string_view name, std::uint64_t index = 0)
      : stream_(1, credo::purpose(name), index) {}

  int integer(int low, int high) {  // inclusive
    return low + static_cast<int>(stream_.below(static_cast<std::uint32_t>(high - low + 1)));
  }
  bool chance(double probability) { return stream_.bernoulli(probability); }
  float real(float low, float high) { return low + (high - low) * stream_.uniform_float(); }
  std::vector<float> reals(std::size_t n, float low = -1.0F, float high = 1.0F) {
    std::vector<float> values(n);
    for (float& x : values) x = real(low, high);
    return values;
  }
  /// One of `choices`.
  template <typename T>
  T pick(std::span<const T> choices) {
    return choices[stream_.below(static_cast<std::uint32_t>(choices.size()))];
  }
  credo::Stream& stream() { return stream_; }

 private:
  credo::Stream stream_;
};

/// Byte equality: distinguishes +0 from -0 and compares NaN by its bits.
inline bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

}  // namespace learner_tests
