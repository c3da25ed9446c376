#include "suite/run/replay_parts.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <system_error>

#include "suite/common/files.hpp"
#include "suite/common/hashing.hpp"
#include "suite/run/run_files.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;

UserError damaged(const fs::path& path) {
  return UserError(fmt::format("{}: damaged: not as the checkpoint recorded it", path.string()));
}

bool names(std::span<const StoredPart> parts, std::uint64_t first) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](const StoredPart& stored) { return stored.part.first == first; });
}

std::vector<std::uint64_t> part_files(const fs::path& directory) {
  std::vector<std::uint64_t> firsts;
  std::error_code error;
  for (fs::directory_iterator it(run_file(directory, kCheckpoints), error), end;
       !error && it != end; it.increment(error))
    if (const auto first = part_of_file(it->path().filename().string())) firsts.push_back(*first);
  return firsts;
}

}  // namespace

fs::path part_file(const fs::path& directory, const ReplayPart& part) {
  return run_file(directory, part_name(part.first));
}

void check_part(const fs::path& directory, const StoredPart& stored) {
  const fs::path path = part_file(directory, stored.part);
  Xxh64 hash;
  std::uint64_t size = 0;
  as_user_error([&] {
    read_file_pieces(path, kLargestBinary, [&](std::span<const std::byte> piece) {
      hash.add(piece);
      size += piece.size();
    });
  });
  if (size != stored.sizes.packed || hash.value() != stored.hash) throw damaged(path);
}

std::vector<std::byte> read_part(const fs::path& directory, const StoredPart& stored) {
  const fs::path path = part_file(directory, stored.part);
  const std::vector<std::byte> frame = as_user_error([&] { return read_bytes(path); });
  try {
    if (frame.size() != stored.sizes.packed || xxh64(frame) != stored.hash) throw damaged(path);
    return zstd_decompress(frame, stored.sizes.plain);
  } catch (const UserError&) {
    throw;
  } catch (const Error& error) {
    throw UserError(fmt::format("{}: damaged: {}", path.string(), error.what()));
  }
}

StoredPart write_part(const fs::path& directory, const ReplayPart& part, const ByteSource& content,
                      const std::function<void()>& may_replace) {
  StoredPart stored{part, {}, 0};
  write_file(
      part_file(directory, part),
      [&](const ByteSink& sink) {
        Xxh64 hash;
        stored.sizes = zstd_compress(content, [&](std::span<const std::byte> piece) {
          hash.add(piece);
          sink(piece);
        });
        stored.hash = hash.value();
      },
      may_replace);
  return stored;
}

void drop_parts(const fs::path& directory, std::span<const StoredPart> newest,
                const std::function<std::vector<StoredPart>()>& needed) {
  std::vector<std::uint64_t> others = part_files(directory);
  std::erase_if(others, [&](std::uint64_t first) { return names(newest, first); });
  if (others.empty()) return;
  std::vector<StoredPart> also;
  try {
    also = needed();
  } catch (const Error&) {
    return;  // a damaged state does not say what it needs
  }
  std::error_code ignored;
  for (const std::uint64_t first : others)
    if (!names(also, first)) fs::remove(run_file(directory, part_name(first)), ignored);
}

}  // namespace credo::suite
