// Where bytes go that are too many to be held in one piece: a file, a compressor, a hash.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

namespace credo {

/// Takes the next piece; the pieces put together are what is meant.
using ByteSink = std::function<void(std::span<const std::byte>)>;

}  // namespace credo
