// Readers of files meet thousands of damaged inputs: they may refuse them with a UserError, never
// crash, hang or throw anything else. Seeded, so a failure repeats.
#include <algorithm>
#include <doctest/doctest.h>

#include "envs/core/random.hpp"
#include "learners/base/safetensors.hpp"
#include "suite/common/builtin_files.hpp"
#include "suite/common/text.hpp"
#include "suite/plan/plan.hpp"
#include "suite/run/checkpoint.hpp"
#include "suite/run/config.hpp"
#include "suite/run/metrics.hpp"
#include "tests/suite/support.hpp"

using namespace credo::suite;

namespace {

// A few random edits: flipped, inserted, removed and repeated pieces.
std::string mutate(std::string text, credo::Stream& stream) {
  const std::uint32_t edits = 1 + stream.below(4);
  for (std::uint32_t edit = 0; edit < edits && !text.empty(); ++edit) {
    const std::size_t at = stream.below(static_cast<std::uint32_t>(text.size()));
    const std::size_t length = std::min<std::size_t>(1 + stream.below(12), text.size() - at);
    switch (stream.below(6)) {
      case 0:
        text[at] = static_cast<char>(stream.below(256));
        break;
      case 1:
        text.insert(at, 1, static_cast<char>(stream.below(256)));
        break;
      case 2:
        text.erase(at, length);
        break;
      case 3:
        text.insert(at, text.substr(at, length));
        break;
      case 4:
        text.resize(at);
        break;
      default: {
        const std::string tokens[] = {"[", "]", "\"", "=", "\n", "-", "1e999", "nan", "{", "'''"};
        text.insert(at, tokens[stream.below(10)]);
      }
    }
  }
  return text;
}

template <typename Reader>
int survive(std::uint64_t seed, const std::string& original, int rounds, const Reader& read) {
  credo::Stream stream(seed, credo::purpose("mutation test"));
  int refused = 0;
  for (int round = 0; round < rounds; ++round) {
    const std::string text = mutate(original, stream);
    try {
      read(text);
    } catch (const credo::UserError& error) {
      ++refused;
      const std::string message = one_line(error.what());
      CHECK(!message.empty());
    }
  }
  return refused;
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span<const char>(text));
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

TEST_CASE("damaged TOML is refused or read, never worse") {
  RunRequest request;
  request.env = "switch/2";
  request.algorithm = "qmix";
  const std::string config = RunConfig::resolve(request).to_toml();
  CHECK(survive(1, config, 3000,
                [](const std::string& text) { RunConfig::from_toml(text, "config.toml"); }) > 100);
  const std::string suite(find_builtin("suites", "smoke")->text);
  CHECK(survive(2, suite, 1000,
                [](const std::string& text) { parse_suite(text, "suite.toml", "suite"); }) > 100);
}

TEST_CASE("damaged weights are refused or read, never worse") {
  credo::TensorFile file;
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  file.tensors["agent.fc1.weight"] = credo::Tensor::f32({2, 3}, values);
  file.tensors["agent.fc1.bias"] = credo::Tensor::f32({6}, values);
  file.metadata["format"] = "test";
  const std::string original = text_of(credo::serialize_safetensors(file));
  CHECK(survive(3, original, 5000, [](const std::string& text) {
          credo::parse_safetensors(bytes_of(text), "weights");
        }) > 100);
}

TEST_CASE("damaged checkpoints are refused") {
  CheckpointState state;
  state.config_id = "id";
  state.trainer.assign(500, std::byte{42});
  const std::string original = text_of(testing::encode_checkpoint(state));
  int unchanged = 0;
  const int rounds = 3000;
  const int refused = survive(4, original, rounds, [&](const std::string& text) {
    if (text == original) ++unchanged;
    decode_checkpoint(bytes_of(text), "state");
  });
  CHECK(refused + unchanged == rounds);
}

TEST_CASE("damaged metrics are refused or read, never worse") {
  const std::string original = metrics_line(1, "eval", 2, 3, {{"test_return_mean", 1.5}}) +
                               metrics_line(9, "final", 2, 3, {{"entropy_mean", 0.5}});
  CHECK(survive(5, original, 3000,
                [](const std::string& text) { parse_metrics(text, "metrics.jsonl"); }) > 100);
}
