// SHA-256 for identities (what `sha256sum` prints), XXH64 for checksums against damage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace credo::suite {

/// 64 lower-case hexadecimal digits.
std::string sha256_hex(std::string_view text);
std::string sha256_hex(std::span<const std::byte> bytes);
/// Errors: FileError (missing, no regular file, above kLargestBinary).
std::string sha256_hex_of_file(const std::filesystem::path& path);

std::uint64_t xxh64(std::span<const std::byte> bytes);

/// The same, computed incrementally.
class Xxh64 {
 public:
  Xxh64();
  Xxh64(Xxh64&& other) noexcept;
  Xxh64& operator=(Xxh64&& other) noexcept;
  ~Xxh64();
  void add(std::span<const std::byte> bytes);
  std::uint64_t value() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Of the first `size` bytes of a file. Errors: FileError, also when it has fewer.
Xxh64 hash_prefix(const std::filesystem::path& path, std::uint64_t size);

/// 16 lower-case hexadecimal digits.
std::string hex64(std::uint64_t value);

}  // namespace credo::suite
