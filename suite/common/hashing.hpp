// SHA-256 for identities (what `sha256sum` prints), XXH64 for checksums against damage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace credo::suite {

/// 64 lower-case hexadecimal digits.
std::string sha256_hex(std::string_view text);
std::string sha256_hex(std::span<const std::byte> bytes);
std::string sha256_hex_of_file(const std::filesystem::path& path);

std::uint64_t xxh64(std::span<const std::byte> bytes);
/// 16 lower-case hexadecimal digits.
std::string hex64(std::uint64_t value);

}  // namespace credo::suite
