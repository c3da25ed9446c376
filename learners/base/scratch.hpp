// Working memory for one pass: pointers are handed out one after the other and all given back at
// once, so the steady state of training allocates nothing. Not thread-safe: one per worker.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <vector>

namespace credo {

class Scratch {
 public:
  /// Uninitialised storage for n values, 64-byte aligned, valid until reset().
  template <typename T>
  T* take(std::size_t n) {
    const std::size_t bytes = (n * sizeof(T) + kAlign - 1) / kAlign * kAlign;
    if (used_ + bytes > capacity_) grow(bytes);
    std::byte* p = blocks_.back().get() + used_;
    used_ += bytes;
    total_ += bytes;
    return reinterpret_cast<T*>(p);
  }
  float* floats(std::size_t n) { return take<float>(n); }
  float* zeros(std::size_t n) {
    float* p = take<float>(n);
    std::fill(p, p + n, 0.0F);
    return p;
  }

  /// Takes everything back.
  Scratch& reset() {
    if (blocks_.size() > 1) {  // next time everything fits in one block
      blocks_.clear();
      add_block(total_ + total_ / 4);
    }
    used_ = 0;
    total_ = 0;
    return *this;
  }

 private:
  static constexpr std::size_t kAlign = 64;
  struct Free {
    void operator()(std::byte* p) const { ::operator delete[](p, std::align_val_t{kAlign}); }
  };

  void grow(std::size_t bytes) { add_block(std::max(bytes, 2 * capacity_)); }
  void add_block(std::size_t bytes) {
    bytes = std::max<std::size_t>((bytes + kAlign - 1) / kAlign * kAlign, 1 << 16);
    blocks_.emplace_back(
        static_cast<std::byte*>(::operator new[](bytes, std::align_val_t{kAlign})));
    capacity_ = bytes;
    used_ = 0;
  }

  std::vector<std::unique_ptr<std::byte[], Free>> blocks_;
  std::size_t capacity_ = 0;
  std::size_t used_ = 0;
  std::size_t total_ = 0;
};

}  // namespace credo
