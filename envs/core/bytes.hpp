// Little-endian byte buffers for saving and loading state. Reading past the end or a wrong tag
// throws Error; callers that read files turn it into a UserError naming the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "envs/core/error.hpp"

namespace credo {

class ByteWriter {
 public:
  template <typename T>
  requires std::is_trivially_copyable_v<T>
  void put(const T& value) { put_bytes(&value, sizeof(T)); }
  template <typename T>
  requires std::is_trivially_copyable_v<T>
  void put_span(std::span<const T> values) {
    put<std::uint64_t>(values.size());
    put_bytes(values.data(), values.size_bytes());
  }
  template <typename T>
  void put_vector(const std::vector<T>& values) {
    put_span(std::span<const T>(values));
  }
  void put_string(std::string_view text) { put_span(std::span<const char>(text)); }
  /// Marks a section; `expect_tag` on the reading side must see the same text.
  void put_tag(std::string_view tag) { put_string(tag); }
  void put_bytes(const void* data, std::size_t size) {
    if (size == 0) return;
    const std::size_t old_size = bytes_.size();
    bytes_.resize(old_size + size);
    std::memcpy(bytes_.data() + old_size, data, size);
  }

  const std::vector<std::byte>& bytes() const { return bytes_; }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <typename T>
  requires std::is_trivially_copyable_v<T> T get() {
    T value;
    get_bytes(&value, sizeof(T));
    return value;
  }
  template <typename T>
  std::vector<T> get_vector() {
    const auto n = get<std::uint64_t>();
    CREDO_CHECK(n <= bytes_.size() / sizeof(T), "saved state is truncated or damaged");
    std::vector<T> values(static_cast<std::size_t>(n));
    get_bytes(values.data(), values.size() * sizeof(T));
    return values;
  }
  /// Reads into storage of the same size as was written.
  template <typename T>
  void get_span(std::span<T> values) {
    const auto n = get<std::uint64_t>();
    CREDO_CHECK(n == values.size(), "saved state has another size");
    get_bytes(values.data(), values.size_bytes());
  }
  std::string get_string() {
    const auto chars = get_vector<char>();
    return {chars.begin(), chars.end()};
  }
  void expect_tag(std::string_view tag) {
    CREDO_CHECK(get_string() == tag, "saved state lacks section '" + std::string(tag) + "'");
  }
  void get_bytes(void* data, std::size_t size) {
    CREDO_CHECK(size <= bytes_.size(), "saved state is truncated or damaged");
    if (size == 0) return;
    std::memcpy(data, bytes_.data(), size);
    bytes_ = bytes_.subspan(size);
  }
  bool at_end() const { return bytes_.empty(); }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace credo
