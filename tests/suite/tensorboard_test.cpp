// Bytes of the TensorBoard sink that are known in advance; tests/cli/tensorboard.sh reads whole
// files back with a parser of its own.
#include "suite/run/tensorboard.hpp"

#include <doctest/doctest.h>
#include <limits>

using namespace credo::suite;

namespace {

std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += kDigits[static_cast<unsigned char>(c) >> 4U];
    text += kDigits[static_cast<unsigned char>(c) & 15U];
  }
  return text;
}

}  // namespace

TEST_CASE("a record is length, payload and their masked checksums") {
  // CRC-32C of "123456789" is e3069283, of eight zero bytes 8c28b28a (RFC 3720 for the polynomial);
  // the mask rotates right by 15 and adds a282ead8.
  const std::string record = tf_record("123456789");
  REQUIRE(record.size() == 8 + 4 + 9 + 4);
  CHECK(hex(record.substr(0, 8)) == "0900000000000000");
  CHECK(record.substr(12, 9) == "123456789");
  const std::uint32_t masked = (0xE3069283U >> 15U | 0xE3069283U << 17U) + 0xA282EAD8U;
  std::string expected;
  for (unsigned shift = 0; shift < 32; shift += 8)
    expected += static_cast<char>(static_cast<unsigned char>(masked >> shift));
  CHECK(hex(record.substr(21)) == hex(expected));
  CHECK(tf_record("").size() == 16);
}

TEST_CASE("the header names the version of the format at time 0") {
  const std::string header = event_file_header();
  CHECK(hex(header.substr(12, header.size() - 16)) ==
        "09"
        "0000000000000000"
        "1a0d" +
            hex("brain.Event:2"));
}

TEST_CASE("an event holds step, time and one scalar per metric") {
  MetricsEvent event;
  event.t_env = 300;
  event.event = "eval";
  event.metrics = {{"a", 1.5}};
  const std::string record = event_record(event);
  // wall_time 300.0, step 300 = ac 02, summary of one value: tag "eval/a", simple_value 1.5.
  CHECK(hex(record.substr(12, record.size() - 16)) ==
        "09"
        "0000000000c07240"
        "10ac02"
        "2a0f"
        "0a0d"
        "0a06" +
            hex("eval/a") +
            "15"
            "0000c03f");
  CHECK(event_record({.t_env = 1, .event = "train", .metrics = {}}).empty());
}
