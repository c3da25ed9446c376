#include "suite/run/checkpoint.hpp"

#include <doctest/doctest.h>

#include "tests/suite/support.hpp"

using namespace credo::suite;
using namespace credo::suite::testing;

namespace {

CheckpointState sample() {
  CheckpointState state;
  state.config_id = std::string(64, 'a');
  state.t_env = 12345;
  state.metrics_bytes = 678;
  state.eval_bytes = 90;
  state.weights_hash = 0x0123456789abcdefULL;
  for (int i = 0; i < 200; ++i) state.trainer.push_back(static_cast<std::byte>(i * i));
  return state;
}

std::string decoding_error(std::span<const std::byte> bytes) {
  return user_error([&] { decode_checkpoint(bytes, "step_1.state"); });
}

}  // namespace

TEST_CASE("a checkpoint reads back") {
  const CheckpointState state = sample();
  const CheckpointState again = decode_checkpoint(encode_checkpoint(state), "file");
  CHECK(again.config_id == state.config_id);
  CHECK(again.t_env == state.t_env);
  CHECK(again.metrics_bytes == state.metrics_bytes);
  CHECK(again.eval_bytes == state.eval_bytes);
  CHECK(again.weights_hash == state.weights_hash);
  CHECK(again.trainer == state.trainer);
  CHECK(encode_checkpoint(again) == encode_checkpoint(state));
}

TEST_CASE("every flipped byte is noticed") {
  const auto good = encode_checkpoint(sample());
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const int mask : {0x01, 0x80, 0xFF}) {
      auto bad = good;
      bad[at] ^= static_cast<std::byte>(mask);
      const std::string message = decoding_error(bad);
      REQUIRE_MESSAGE(contains(message, "step_1.state: "), at);
    }
  }
}

TEST_CASE("every truncation and every longer file is noticed") {
  const auto good = encode_checkpoint(sample());
  for (std::size_t size = 0; size < good.size(); ++size)
    REQUIRE_MESSAGE(contains(decoding_error(std::span(good).first(size)), "step_1.state: "), size);
  auto longer = good;
  longer.push_back(std::byte{0});
  CHECK(contains(decoding_error(longer), "checksum"));
}
