// Files that survive a crash: whole files appear by rename after an fsync, growing files are cut
// back to a recorded length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "envs/core/error.hpp"
#include "envs/core/read_file.hpp"
#include "learners/base/byte_sink.hpp"
#include "suite/common/hashing.hpp"

namespace credo::suite {

using credo::FileError;

/// What `use` returns. A FileError becomes a UserError with the same text after `prefix`: the file
/// is one that the user named, or that belongs to what the user named.
template <typename Use>
auto as_user_error(const Use& use, std::string_view prefix = "") -> decltype(use()) {
  try {
    return use();
  } catch (const FileError& error) {
    throw UserError(std::string(prefix) + error.what());
  }
}

/// Errors: FileError (missing, unreadable, no regular file, above `limit` bytes).
std::vector<std::byte> read_bytes(const std::filesystem::path& path,
                                  std::uint64_t limit = kLargestBinary);
std::string read_text(const std::filesystem::path& path, std::uint64_t limit = kLargestTable);

/// Replaces the whole file or leaves it as it was: temporary name, fsync, rename, fsync of the
/// folder. `may_replace` is asked right before the rename and refuses by throwing. A symbolic link
/// at `path` is replaced, not followed.
/// Errors: FileError; the temporary file is removed.
void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes,
                const std::function<void()>& may_replace = {});
void write_file(const std::filesystem::path& path, std::string_view text,
                const std::function<void()>& may_replace = {});
/// The same for content that `produce` gives to its sink in pieces. What it throws is passed on.
void write_file(const std::filesystem::path& path,
                const std::function<void(const ByteSink&)>& produce,
                const std::function<void()>& may_replace = {});

/// Creates the folder and its parents. Errors: FileError.
void make_directories(const std::filesystem::path& path);

/// A growing text file with one writer.
class AppendFile {
 public:
  /// Opens (creating if needed) and cuts the file to `keep_bytes`. Errors: FileError, also when the
  /// file is shorter than `keep_bytes`, a symbolic link or no regular file.
  AppendFile(const std::filesystem::path& path, std::uint64_t keep_bytes);
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;
  ~AppendFile();

  void append(std::string_view text);
  void sync();
  std::uint64_t size() const { return size_; }
  /// XXH64 of all the file should hold: what was kept and what was appended.
  std::uint64_t hash() const { return hash_.value(); }
  /// Errors: FileError when the file on disk holds something else.
  void check() const;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  Xxh64 hash_;
};

}  // namespace credo::suite
