#include <cmath>
#include <doctest/doctest.h>
#include <set>
#include <vector>

#include "envs/core/registry.hpp"
#include "learners/algorithm_table.hpp"
#include "learners/config.hpp"
#include "learners/rollout/evaluation.hpp"
#include "suite/replay/episode_text.hpp"
#include "suite/replay/replay_log.hpp"
#include "suite/replay/replay_page.hpp"
#include "suite/replay/replay_record.hpp"
#include "suite/run/config.hpp"
#include "suite/run/run_directory.hpp"
#include "suite/run/runner.hpp"
#include "tests/suite/support.hpp"

using namespace credo;
using namespace credo::suite;
using namespace credo::suite::testing;

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

TEST_CASE("the runs of every learning algorithm replay what their evaluation played") {
  for (const Algorithm& algorithm : learning_algorithms()) {
    CAPTURE(algorithm.name);
    const ScratchFolder scratch;
    RunRequest request;
    request.env = "matrix/climbing-25";
    request.algorithm = algorithm.name;
    request.seed = 3;
    request.sets = {"run.t_max=100", "run.absolute_factor=0", "evaluation.episodes=2",
                    "evaluation.interval=100"};
    const RunConfig config = RunConfig::resolve(request);
    REQUIRE(start_run(config, scratch / "run", {}).end == RunEnd::kDone);
    const WeightsFile file = load_weights(scratch / "run", "");
    const TensorFile weights = parse_safetensors(file.bytes, "weights");
    const auto env = make_run_env(config);
    const ReplayLog log =
        decode_replay(encode_replay(record_weights(*env, config, weights, 2, 5)), "log");
    const Evaluation evaluation = evaluate_weights(*env, config.train_config(), weights, 2, 5);
    for (std::size_t k = 0; k < 2; ++k) {
      CHECK(log.episodes[k].episode_return == evaluation.episodes[k].episode_return);
      CHECK(log.episodes[k].length == evaluation.episodes[k].length);
    }
    CHECK_NOTHROW(replay_all(log, {}));
  }
}

TEST_CASE("a replay says won, lost, draw or time-out, and nothing where nobody can win") {
  const auto outcomes = [](const std::string& id, const std::string& policy,
                           const std::vector<std::pair<std::string, std::string>>& sets) {
    Params params = env_params(id);
    for (const auto& [key, value] : sets) params.set_text(key, value);
    const auto prototype = make_env(id, params);
    const ReplayLog log =
        decode_replay(encode_replay(record_fixed_policy(
                          *prototype, make_fixed_policy(*prototype, policy, 3), 8, 3)),
                      "log");
    const auto env = make_replay_env(log, "log");
    std::set<std::string> seen;
    for (const LoggedEpisode& episode : log.episodes)
      seen.insert(std::string(replay_episode(*env, log, episode, {}, "log")));
    return seen;
  };
  using Seen = std::set<std::string>;
  for (const char* terminal : {"true", "false"})
    CHECK(outcomes("skirmish/2s_vs_1sc", "noop",
                   {{"limit", "5"}, {"limit_is_terminal", terminal}}) == Seen{"time-out"});
  CHECK(outcomes("skirmish/3m", "noop", {}) == Seen{"lost"});
  CHECK(outcomes("hallway", "scripted", {}) == Seen{"won"});
  CHECK(outcomes("hallway", "noop", {}) == Seen{"time-out"});
  CHECK(outcomes("switch/2", "noop", {}) == Seen{""});
  CHECK(result_text(19.999999999999996, 25, "draw") == "return 20 after 25 steps, draw");
  CHECK(result_text(-0.30000000000000004, 3, "") == "return -0.3 after 3 steps");
  CHECK(result_text(0.0547945205479452, 3, "won") == "return 0.054794521 after 3 steps, won");
}

TEST_CASE("what an environment does by itself is shown instead of what it was given") {
  Params params = env_params("skirmish/3m");
  params.set_text("heuristic_ai", "true");
  const auto env = make_env("skirmish/3m", params);
  const ReplayLog log =
      record_fixed_policy(*env, make_fixed_policy(*env, "scripted:heuristic_ai", 3), 1, 3);
  std::string text;
  ReplayWatcher watcher;
  watcher.on_step = [&](const Env& now, std::span<const int> actions, const StepResult& result) {
    text += step_text(now, actions, result);
  };
  replay_all(log, watcher);
  CHECK(contains(text, "attack"));
  CHECK(!contains(text, "actions stop stop stop"));
  // The page has the same actions.
  const std::string page = replay_page(log, "log");
  CHECK(contains(page, "\"actions\":["));
  CHECK(!contains(page, "\"actions\":[1,1,1]"));
}

TEST_CASE("pages tell cliffs from walls") {
  const std::string page = replay_page(record("skirmish/2c_vs_64zg", "noop", 1), "log");
  const auto stage = make_env("skirmish/2c_vs_64zg")->stage();
  REQUIRE(stage.has_value());
  CHECK(contains(stage->cells, "^"));
  CHECK(contains(stage->cells, "#"));
  CHECK(contains(page, "cell === '^'"));
  CHECK(!contains(make_env("skirmish/3m")->stage()->cells, "^"));
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

// A burst is a point at its unit's last place; it belongs to one scene only.
TEST_CASE("scenes show bursts where units burst") {
  const ReplayLog log = record("skirmish/bane_vs_bane", "scripted:focus", 1);
  std::size_t bursts = 0;
  std::vector<SceneUnit> before;
  ReplayWatcher watcher;
  watcher.on_scene = [&](const Scene& scene) {
    for (const SceneBlast& blast : scene.blasts) {
      ++bursts;
      const SceneUnit& unit = before[static_cast<std::size_t>(blast.unit)];
      CHECK(unit.kind == "baneling");
      CHECK(unit.is_present);
      CHECK(!scene.units[static_cast<std::size_t>(blast.unit)].is_present);
      CHECK(std::hypot(blast.x - unit.x, blast.y - unit.y) < 0.5F);
      CHECK(blast.to_x == blast.x);
      CHECK(blast.to_y == blast.y);
      CHECK(blast.radius == 2.2F);
    }
    before = scene.units;
  };
  replay_all(log, watcher);
  std::size_t fallen = 0;
  for (const SceneUnit& unit : before)
    fallen += unit.kind == "baneling" && !unit.is_present ? 1 : 0;
  CHECK(bursts > 0);
  CHECK(bursts == fallen);
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
