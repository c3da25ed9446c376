// Sizes and offsets as the types that the standard library indexes with.
#pragma once

#include <cstddef>
#include <cstdint>

namespace credo {

constexpr std::size_t sz(std::int64_t n) { return static_cast<std::size_t>(n); }
/// Offset of a row in a row-major array of this width.
constexpr std::ptrdiff_t at(std::int64_t row, int width) {
  return static_cast<std::ptrdiff_t>(row) * width;
}

}  // namespace credo
