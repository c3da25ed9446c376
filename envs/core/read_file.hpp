// The one way in which whole files are read. A file may come from a stranger: a name that turns out
// to be a pipe, a device or a folder, or a file beyond the size its kind may have, is refused
// before anything waits for it or holds it in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "envs/core/error.hpp"

namespace credo {

/// A file could not be read or written; the message names it and the reason.
class FileError : public Error {
 public:
  using Error::Error;
};

/// Largest sizes, in bytes.
inline constexpr std::uint64_t kLargestManifest = 1ULL << 20;   ///< manifest.json, locks
inline constexpr std::uint64_t kLargestDocument = 16ULL << 20;  ///< TOML
inline constexpr std::uint64_t kLargestTable = 1ULL << 30;      ///< metrics.jsonl, CSV
inline constexpr std::uint64_t kLargestBinary = 4ULL << 30;     ///< weights, resumable states

/// Errors: FileError (missing, unreadable, no regular file, above `limit` bytes).
std::vector<std::byte> read_binary_file(const std::filesystem::path& path,
                                        std::uint64_t limit = kLargestBinary);
std::string read_text_file(const std::filesystem::path& path, std::uint64_t limit = kLargestTable);

/// The same in pieces, in order, with little memory. Errors: FileError.
void read_file_pieces(const std::filesystem::path& path, std::uint64_t limit,
                      const std::function<void(std::span<const std::byte>)>& use);

}  // namespace credo
