// Arrays aligned to cache lines, so that no vector load straddles two of them.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace credo {

template <typename T>
struct LineAllocator {
  using value_type = T;
  static constexpr std::align_val_t kLine{64};

  LineAllocator() = default;
  template <typename U>
  LineAllocator(const LineAllocator<U>&) {}

  T* allocate(std::size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), kLine)); }
  void deallocate(T* p, std::size_t) { ::operator delete(p, kLine); }
  friend bool operator==(const LineAllocator&, const LineAllocator&) { return true; }
};

using FloatArray = std::vector<float, LineAllocator<float>>;

}  // namespace credo
