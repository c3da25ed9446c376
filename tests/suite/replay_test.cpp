#include <doctest/doctest.h>

#include "envs/core/registry.hpp"
#include "learners/rollout/evaluation.hpp"
#include "suite/replay/replay_log.hpp"
#include "suite/replay/replay_page.hpp"
#include "suite/run/replay_record.hpp"
#include "tests/suite/support.hpp"

using namespace credo;
using namespace credo::suite;
using credo::suite::testing::contains;
using credo::suite::testing::user_error;

namespace {

ReplayLog record(const std::string& id, const std::string& policy, int episodes) {
  const auto env = make_env(id);
  return record_fixed_policy(*env, make_fixed_policy(*env, policy, 3), episodes, 3);
}

void replay_all(const ReplayLog& log, const ReplayWatcher& watcher) {
  const auto env = make_replay_env(log, "log");
  for (const LoggedEpisode& episode : log.episodes)
    replay_episode(*env, log, episode, watcher, "log");
}

}  // namespace

TEST_CASE("a log records the episodes of the evaluation and plays them again to the bit") {
  for (const char* id : {"two_step", "lbf/8x8-2p-2f", "skirmish/2s3z", "skirmish/MMM"}) {
    const ReplayLog log = decode_replay(encode_replay(record(id, "random", 3)), "log");
    const auto env = make_env(id);
    const Evaluation evaluation = evaluate_fixed_policy(*env, "random", 3, 3);
    for (std::size_t k = 0; k < 3; ++k) {
      CHECK(log.episodes[k].episode_return == evaluation.episodes[k].episode_return);
      CHECK(log.episodes[k].length == evaluation.episodes[k].length);
      CHECK(log.episodes[k].won == evaluation.episodes[k].won);
    }
    CHECK_NOTHROW(replay_all(log, {}));
  }
}

TEST_CASE("watching changes nothing and shows every scene") {
  const ReplayLog log = record("skirmish/MMM", "scripted", 1);
  std::size_t scenes = 0;
  ReplayWatcher watcher;
  watcher.on_scene = [&](const Scene& scene) {
    ++scenes;
    CHECK(scene.units.size() == 20);
  };
  CHECK_NOTHROW(replay_all(log, watcher));  // would throw if the return differed
  CHECK(scenes == 1 + 8 * static_cast<std::size_t>(log.episodes[0].length));
}

TEST_CASE("every changed, missing or added byte of a log is noticed") {
  const auto bytes = encode_replay(record("switch/2", "random", 1));
  CHECK(bytes.size() < 500);
  for (std::size_t k = 0; k < bytes.size(); ++k) {
    auto damaged = bytes;
    damaged[k] ^= std::byte{4};
    CHECK(contains(user_error([&] { decode_replay(damaged, "x.replay"); }), "x.replay: "));
    CHECK(!user_error([&] { decode_replay(std::span(bytes).first(k), "x"); }).empty());
  }
  auto longer = bytes;
  longer.push_back(std::byte{0});
  CHECK(contains(user_error([&] { decode_replay(longer, "x"); }), "checksum"));
}

TEST_CASE("a log that does not fit the environment says so") {
  ReplayLog log = record("two_step", "scripted", 1);
  log.episodes[0].episode_return = 7.0;
  CHECK_THROWS_AS(replay_all(log, {}), ReplayMismatch);
  log.episodes[0].episode_return = 8.0;
  CHECK_NOTHROW(replay_all(log, {}));
  log.episodes[0].length = 1;
  log.episodes[0].actions.resize(2);
  CHECK_THROWS_AS(replay_all(log, {}), ReplayMismatch);
  log.params.emplace_back("no_such", ParamValue(true));
  CHECK(contains(user_error([&] { make_replay_env(log, "x.replay"); }), "x.replay: "));
  log.env = "two_stp";
  CHECK(contains(user_error([&] { make_replay_env(log, "x"); }), "did you mean"));
}

TEST_CASE("a page holds every episode and nothing that ends its data early") {
  const std::string page = replay_page(record("skirmish/3m", "random", 2), "log");
  CHECK(contains(page, "\"scenes_per_step\":8"));
  CHECK(!contains(page, "@DATA@"));
  CHECK(contains(page, "default-src 'none'"));
  CHECK(contains(replay_page(record("switch/2", "noop", 1), "log"), "\"texts\":[\"switch/2"));
}
