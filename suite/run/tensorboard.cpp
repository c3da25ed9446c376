#include "suite/run/tensorboard.hpp"

#include <bit>
#include <boost/crc.hpp>
#include <concepts>
#include <cstdint>

namespace credo::suite {
namespace {

// Wire types of protobuf.
constexpr std::uint64_t kVarint = 0;
constexpr std::uint64_t kFixed64 = 1;
constexpr std::uint64_t kBytes = 2;
constexpr std::uint64_t kFixed32 = 5;

// Field numbers of tensorflow.Event, Summary and Summary.Value (event.proto, summary.proto).
constexpr std::uint64_t kEventWallTime = 1;
constexpr std::uint64_t kEventStep = 2;
constexpr std::uint64_t kEventFileVersion = 3;
constexpr std::uint64_t kEventSummary = 5;
constexpr std::uint64_t kSummaryValue = 1;
constexpr std::uint64_t kValueTag = 1;
constexpr std::uint64_t kValueSimple = 2;

template <std::unsigned_integral T>
void put_little_endian(std::string& out, T value) {
  for (std::size_t byte = 0; byte < sizeof(T); ++byte)
    out += static_cast<char>(static_cast<unsigned char>(value >> (8 * byte)));
}

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7U) out += static_cast<char>((value & 0x7FU) | 0x80U);
  out += static_cast<char>(value);
}

void put_key(std::string& out, std::uint64_t field, std::uint64_t wire_type) {
  put_varint(out, field << 3U | wire_type);
}

void put_bytes(std::string& out, std::uint64_t field, std::string_view bytes) {
  put_key(out, field, kBytes);
  put_varint(out, bytes.size());
  out += bytes;
}

void put_double(std::string& out, std::uint64_t field, double value) {
  put_key(out, field, kFixed64);
  put_little_endian(out, std::bit_cast<std::uint64_t>(value));
}

void put_float(std::string& out, std::uint64_t field, float value) {
  put_key(out, field, kFixed32);
  put_little_endian(out, std::bit_cast<std::uint32_t>(value));
}

// TFRecord's guard against checksums of data that hold checksums.
std::uint32_t masked_crc32c(std::string_view bytes) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
  crc.process_bytes(bytes.data(), bytes.size());
  const std::uint32_t value = crc.checksum();
  return (value >> 15U | value << 17U) + 0xA282EAD8U;
}

}  // namespace

std::string tf_record(std::string_view payload) {
  std::string record;
  put_little_endian(record, static_cast<std::uint64_t>(payload.size()));
  put_little_endian(record, masked_crc32c(record));
  record += payload;
  put_little_endian(record, masked_crc32c(payload));
  return record;
}

std::string event_file_header() {
  std::string event;
  put_double(event, kEventWallTime, 0.0);
  put_bytes(event, kEventFileVersion, "brain.Event:2");
  return tf_record(event);
}

std::string event_record(const MetricsEvent& source) {
  std::string summary;
  for (const auto& [name, number] : source.metrics) {
    std::string value;
    put_bytes(value, kValueTag, source.event + "/" + name);
    put_float(value, kValueSimple, static_cast<float>(number));
    put_bytes(summary, kSummaryValue, value);
  }
  if (summary.empty()) return "";
  std::string event;
  put_double(event, kEventWallTime, static_cast<double>(source.t_env));
  put_key(event, kEventStep, kVarint);
  put_varint(event, static_cast<std::uint64_t>(source.t_env));
  put_bytes(event, kEventSummary, summary);
  return tf_record(event);
}

}  // namespace credo::suite
