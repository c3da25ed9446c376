#include "suite/common/zstd.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <memory>
#include <unistd.h>
#include <zstd.h>

#include "envs/core/error.hpp"

namespace credo::suite {
namespace {

constexpr int kLevel = 1;           // higher levels cost more time than the disk they save
constexpr int kLargestWindow = 23;  // 2^23 bytes; level 1 uses 2^19
constexpr std::size_t kUsualRatio = 64;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

std::size_t checked(std::size_t result) {
  if (ZSTD_isError(result) != 0) throw Error(fmt::format("zstd: {}", ZSTD_getErrorName(result)));
  return result;
}

// What a file says of its size is no reason to ask for more than there is.
std::uint64_t machine_memory() {
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page = ::sysconf(_SC_PAGESIZE);
  constexpr std::uint64_t kUnknown = 64ULL << 30;
  if (pages <= 0 || page <= 0) return kUnknown;
  return static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page);
}

}  // namespace

ZstdSizes zstd_compress(const ByteSource& source, const ByteSink& sink) {
  const std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
  CREDO_CHECK(context != nullptr, "zstd: out of memory");
  checked(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kLevel));
  std::vector<std::byte> buffer(ZSTD_CStreamOutSize());
  ZstdSizes sizes;
  const auto feed = [&](ZSTD_inBuffer& in, ZSTD_EndDirective directive) {
    ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
    const std::size_t left = checked(ZSTD_compressStream2(context.get(), &out, &in, directive));
    if (out.pos > 0) sink(std::span<const std::byte>(buffer).first(out.pos));
    sizes.packed += out.pos;
    return left;
  };
  source([&](std::span<const std::byte> piece) {
    ZSTD_inBuffer in{piece.data(), piece.size(), 0};
    sizes.plain += piece.size();
    while (in.pos < in.size) feed(in, ZSTD_e_continue);
  });
  ZSTD_inBuffer nothing{nullptr, 0, 0};
  while (feed(nothing, ZSTD_e_end) != 0) {
  }
  return sizes;
}

std::vector<std::byte> zstd_decompress(std::span<const std::byte> frame, std::uint64_t plain) {
  if (plain > machine_memory())
    throw Error(fmt::format("{} bytes do not fit into this machine's memory", plain));
  const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  CREDO_CHECK(context != nullptr, "zstd: out of memory");
  checked(ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kLargestWindow));
  // Memory is asked for by what the frame gives, not by what is said of it.
  std::vector<std::byte> content;
  content.reserve(static_cast<std::size_t>(
      std::min<std::uint64_t>(plain, std::uint64_t{frame.size()} * kUsualRatio)));
  std::vector<std::byte> buffer(ZSTD_DStreamOutSize());
  ZSTD_inBuffer in{frame.data(), frame.size(), 0};
  std::size_t left = 1;
  while (left != 0) {
    ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
    const std::size_t before = in.pos;
    left = checked(ZSTD_decompressStream(context.get(), &out, &in));
    CREDO_CHECK(out.pos <= plain - content.size(), "zstd: more content than recorded");
    content.insert(content.end(), buffer.begin(),
                   buffer.begin() + static_cast<std::ptrdiff_t>(out.pos));
    CREDO_CHECK(left == 0 || out.pos > 0 || in.pos > before, "zstd: the frame is cut off");
  }
  CREDO_CHECK(in.pos == in.size && content.size() == plain, "zstd: sizes do not agree");
  return content;
}

}  // namespace credo::suite
