#include "suite/run/checkpoint.hpp"

#include <algorithm>
#include <cstring>
#include <doctest/doctest.h>

#include "suite/common/hashing.hpp"
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
  state.best.assign(7, std::byte{3});
  state.parts = {{{1, 40}, {1000, 100}, 5}, {{41, 90}, {2000, 200}, 6}};
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
  CHECK(again.best == state.best);
  CHECK(again.parts == state.parts);
  CHECK(again.parts[1].sizes.plain == 2000);
  CHECK(again.trainer == state.trainer);
  CHECK(encode_checkpoint(again) == encode_checkpoint(state));
  CHECK(decode_checkpoint_header(encode_checkpoint(state), "file").parts == state.parts);
}

TEST_CASE("bytes do not depend on how the trainer cuts its pieces") {
  CheckpointState state = sample();
  for (std::uint32_t i = 0; i < 3'000'000; ++i)
    state.trainer.push_back(static_cast<std::byte>(i * i >> 8));
  const auto whole = encode_checkpoint(state);
  for (const std::size_t piece : {1000U, 131072U, 1U << 20U}) {
    std::vector<std::byte> cut;
    write_checkpoint(
        state,
        [&](const credo::ByteSink& sink) {
          for (std::size_t at = 0; at < state.trainer.size(); at += piece)
            sink(std::span(state.trainer).subspan(at, std::min(piece, state.trainer.size() - at)));
        },
        [&](std::span<const std::byte> bytes) {
          cut.insert(cut.end(), bytes.begin(), bytes.end());
        });
    CHECK(cut == whole);
  }
  CHECK(decode_checkpoint(whole, "file").trainer == state.trainer);
}

TEST_CASE("checkpoints of an older format are named as such") {
  auto old = encode_checkpoint(sample());
  old[8] = std::byte{3};
  const std::uint64_t hash = xxh64(std::span(old).first(old.size() - sizeof(hash)));
  std::memcpy(old.data() + old.size() - sizeof(hash), &hash, sizeof(hash));
  CHECK(contains(decoding_error(old),
                 "step_1.state: checkpoint format 3, this program reads format 5"));
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
