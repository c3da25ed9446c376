// All reading of whole files goes through here. Files may come from untrusted sources: anything
// that is not a regular file (a pipe, device or folder) or exceeds the size limit of its kind is
// refused before it can block or fill memory.
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

/// A file cannot be read or written; the message names the file and the reason.
class FileError : public Error {
 public:
  using Error::Error;
};

/// Largest sizes, in bytes.
inline constexpr std::uint64_t kLargestManifest = 1ULL << 20;   ///< manifest.json, locks
inline constexpr std::uint64_t kLargestDocument = 16ULL << 20;  ///< TOML
inline constexpr std::uint64_t kLargestTable = 1ULL << 30;      ///< metrics.jsonl, CSV
inline constexpr std::uint64_t kLargestBinary = 4ULL << 30;     ///< weights, resumable states

/// Errors: FileError (missing, unreadable, not a regular file, above `limit` bytes).
std::vector<std::byte> read_binary_file(const std::filesystem::path& path,
                                        std::uint64_t limit = kLargestBinary);
std::string read_text_file(const std::filesystem::path& path, std::uint64_t limit = kLargestTable);

/// Reads in chunks, in order, with bounded memory. Errors: FileError.
void read_file_pieces(const std::filesystem::path& path, std::uint64_t limit,
                      const std::function<void(std::span<const std::byte>)>& use);

}  // namespace credo
