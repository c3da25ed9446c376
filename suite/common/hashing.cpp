#include "suite/common/hashing.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <openssl/evp.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "envs/core/error.hpp"
#include "envs/core/read_file.hpp"
#include "suite/common/files.hpp"

namespace credo::suite {

namespace {

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new()) {
    require(context_ != nullptr && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
  }
  void add(std::span<const std::byte> bytes) {
    require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
  }
  std::string hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    require(EVP_DigestFinal_ex(context_.get(), digest.data(), &size) == 1 && size == 32);
    std::string text;
    for (unsigned int i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
    return text;
  }

 private:
  static void require(bool ok) { CREDO_CHECK(ok, "SHA-256 is not available"); }
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

}  // namespace

std::string sha256_hex(std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.add(bytes);
  return hash.hex();
}

std::string sha256_hex(std::string_view text) {
  return sha256_hex(std::as_bytes(std::span<const char>(text)));
}

std::string sha256_hex_of_file(const std::filesystem::path& path) {
  Sha256 hash;
  read_file_pieces(path, kLargestBinary,
                   [&](std::span<const std::byte> piece) { hash.add(piece); });
  return hash.hex();
}

std::uint64_t xxh64(std::span<const std::byte> bytes) {
  return XXH64(bytes.data(), bytes.size(), 0);
}

struct Xxh64::State {
  XXH64_state_t hash;
};

Xxh64::Xxh64() : state_(std::make_unique<State>()) { XXH64_reset(&state_->hash, 0); }
Xxh64::Xxh64(Xxh64&& other) noexcept = default;
Xxh64& Xxh64::operator=(Xxh64&& other) noexcept = default;
Xxh64::~Xxh64() = default;

void Xxh64::add(std::span<const std::byte> bytes) {
  XXH64_update(&state_->hash, bytes.data(), bytes.size());
}

std::uint64_t Xxh64::value() const { return XXH64_digest(&state_->hash); }

Xxh64 hash_prefix(const std::filesystem::path& path, std::uint64_t size) {
  Xxh64 hash;
  std::uint64_t left = size;
  if (size > 0)
    read_file_pieces(path, kLargestBinary, [&](std::span<const std::byte> piece) {
      const auto used = std::min<std::uint64_t>(left, piece.size());
      hash.add(piece.first(static_cast<std::size_t>(used)));
      left -= used;
    });
  if (left > 0)
    throw FileError(fmt::format("{} has {} bytes, fewer than the {} the checkpoint recorded",
                                path.string(), size - left, size));
  return hash;
}

std::string hex64(std::uint64_t value) { return fmt::format("{:016x}", value); }

}  // namespace credo::suite
