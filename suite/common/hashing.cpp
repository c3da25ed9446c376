#include "suite/common/hashing.hpp"

#include <array>
#include <fmt/format.h>
#include <openssl/evp.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "envs/core/error.hpp"
#include "suite/common/files.hpp"

namespace credo::suite {

std::string sha256_hex(std::span<const std::byte> bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  const int ok =
      EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
  CREDO_CHECK(ok == 1 && size == 32, "SHA-256 is not available");
  std::string text;
  for (unsigned int i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

std::string sha256_hex(std::string_view text) {
  return sha256_hex(std::as_bytes(std::span<const char>(text)));
}

std::string sha256_hex_of_file(const std::filesystem::path& path) {
  return sha256_hex(read_bytes(path));
}

std::uint64_t xxh64(std::span<const std::byte> bytes) {
  return XXH64(bytes.data(), bytes.size(), 0);
}

std::string hex64(std::uint64_t value) { return fmt::format("{:016x}", value); }

}  // namespace credo::suite
