// Zstandard in one pass: neither side holds a copy of the whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "learners/base/byte_sink.hpp"

namespace credo::suite {

/// Gives its bytes to the sink, piece by piece.
using ByteSource = std::function<void(const ByteSink&)>;

struct ZstdSizes {
  std::uint64_t plain = 0, packed = 0;
};

/// What `source` gives, as one frame. The frame does not depend on how the source cuts its pieces.
ZstdSizes zstd_compress(const ByteSource& source, const ByteSink& sink);

/// The content of one frame of exactly sizes.packed = frame.size() bytes.
/// Errors: Error when it is damaged, holds anything else than sizes.plain bytes, or would not fit
/// into this machine's memory.
std::vector<std::byte> zstd_decompress(std::span<const std::byte> frame, std::uint64_t plain);

}  // namespace credo::suite
