// A destination for byte streams too large to hold in memory: a file, a compressor, a hash.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

namespace credo {

/// Called with consecutive pieces of one stream.
using ByteSink = std::function<void(std::span<const std::byte>)>;

}  // namespace credo
