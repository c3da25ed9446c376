// run.keep_weights: what is asked for stays, also through kills and extensions, and is certified.
#include "suite/run/kept_weights.hpp"

#include <doctest/doctest.h>
#include <new>

#include "learners/base/safetensors.hpp"
#include "suite/common/files.hpp"
#include "suite/run/extend.hpp"
#include "suite/run/integrity.hpp"
#include "suite/run/run_directory.hpp"
#include "suite/run/runner.hpp"
#include "tests/suite/support.hpp"

using namespace credo::suite;
using namespace credo::suite::testing;

namespace {

namespace fs = std::filesystem;

RunConfig config_of(const std::string& keeps, std::int64_t t_max = 400) {
  RunRequest request;
  request.env = "predator_prey/5x5";
  request.algorithm = "qmix";
  request.t_max = t_max;
  request.sets = {"env.limit=10",          "learner.batch_size=4",   "agent.hidden_dim=8",
                  "run.log_interval=30",   "evaluation.interval=70", "run.checkpoint_interval=100",
                  "evaluation.episodes=3", "run.keep_state=true"};
  if (!keeps.empty()) request.sets.push_back("run.keep_weights=" + keeps);
  return RunConfig::resolve(request);
}

std::vector<std::int64_t> steps_of(const fs::path& run) {
  std::vector<std::int64_t> steps;
  for (const CheckpointName& name : list_checkpoints(run)) steps.push_back(name.t_env);
  return steps;
}

// Ends this process's part of a run at a step, without a checkpoint there.
void run_until(const fs::path& path, const RunConfig& config, std::int64_t at) {
  RunOptions options;
  options.on_progress = [&](const RunProgress& now) {
    if (now.t_env >= at) throw std::bad_alloc();
  };
  CHECK(start_run(config, path, options).end == RunEnd::kFailed);
}

}  // namespace

TEST_CASE("what run.keep_weights may say") {
  const auto rule = [](std::string_view text) { return parse_keep_rule(text, 1001); };
  CHECK(rule("").steps.empty());
  CHECK(!rule("").evaluations);
  CHECK(rule("0, 25%,100% ,7,7").steps == std::vector<std::int64_t>{0, 7, 250, 1001});
  CHECK(rule("evaluations").evaluations);
  for (const char* text : {"a", "5,", "-1", "101%", "1.5", "%", "5%%", "evaluation"}) {
    CAPTURE(text);
    CHECK(contains(user_error([&] { rule(text); }), "run.keep_weights = '"));
    CHECK(contains(user_error([&] { rule(text); }), "allowed, separated by commas: steps (5000)"));
  }
  CHECK(contains(user_error([&] { rule("1002"); }), "step 1002 is beyond run.t_max = 1001"));
  CHECK(contains(user_error([] { config_of("900"); }), "step 900 is beyond run.t_max = 400"));
  // Identity of runs that keep nothing is that of runs from before the setting.
  CHECK(!contains(config_of("").to_toml(), "keep_weights"));
  CHECK(contains(config_of("0").to_toml(), "keep_weights = \"0\""));
}

TEST_CASE("a step is the first moment at which it is reached") {
  const KeepRule rule = parse_keep_rule("0,10,20", 100);
  CHECK(rule.is_due(-1, 0));
  CHECK(!rule.is_due(0, 9));
  CHECK(rule.is_due(0, 10));
  CHECK(rule.is_due(9, 25));
  CHECK(!rule.is_due(20, 100));
}

TEST_CASE("kept weights are those of their step, listed and verified") {
  const ScratchFolder scratch;
  const fs::path plain = scratch / "plain";
  const fs::path kept = scratch / "kept";
  start_run(config_of(""), plain, {});
  start_run(config_of("0,100,50%"), kept, {});
  const auto steps = steps_of(kept);
  REQUIRE(steps.size() == 4);  // 0, first at or after 100 and 200, the last
  CHECK(steps[0] == 0);
  CHECK((steps[1] >= 100 && steps[1] < 110));
  CHECK((steps[2] >= 200 && steps[2] < 210));
  CHECK(steps[3] == steps_of(plain).back());
  const Manifest manifest = read_manifest(kept);
  for (const std::int64_t step : steps) {
    CAPTURE(step);
    CHECK(manifest.sha256.contains(weights_name(step)));
    const WeightsFile weights = load_weights(kept, checkpoint_stem(step));
    CHECK(credo::parse_safetensors(weights.bytes, "").metadata.at("t_env") == std::to_string(step));
  }
  // Training is the same with and without them.
  CHECK(load_weights(kept).bytes == load_weights(plain).bytes);
  CHECK(read_text(kept / "metrics.jsonl") == read_text(plain / "metrics.jsonl"));

  write_raw(kept / weights_name(0), "damaged");
  CHECK(changed_files(kept, manifest).size() == 1);
  CHECK(contains(user_error([&] { load_weights(kept, "step_0"); }), "damaged weights"));
}

TEST_CASE("kept weights survive kills, and the bytes are those of one run") {
  const ScratchFolder scratch;
  for (const std::string keeps : {"0,25%,40%,100%", "evaluations", "0,evaluations,150"}) {
    CAPTURE(keeps);
    const fs::path folder = scratch / keeps.substr(0, 3);
    const RunConfig config = config_of(keeps);
    start_run(config, folder / "straight", {});
    for (const std::int64_t at : {50, 130, 170, 330}) {
      CAPTURE(at);
      const fs::path killed = folder / std::to_string(at);
      run_until(killed, config, at);
      CHECK(resume_run(killed, {}).end == RunEnd::kDone);
      CHECK(read_manifest(killed).sha256 == read_manifest(folder / "straight").sha256);
      CHECK(steps_of(killed) == steps_of(folder / "straight"));
    }
  }
}

TEST_CASE("damaged kept weights are named by a resume and by whoever loads them") {
  const ScratchFolder scratch;
  const fs::path run = scratch / "run";
  run_until(run, config_of("0,30"), 250);
  const auto good = read_bytes(run / weights_name(0));
  write_raw(run / weights_name(0), "damaged");
  CHECK(contains(user_error([&] { resume_run(run, {}); }),
                 "step_0.safetensors: missing, or changed since these weights were kept"));
  CHECK(contains(user_error([&] { load_weights(run, "step_0"); }), "damaged weights"));
  fs::remove(run / weights_name(0));
  CHECK(contains(user_error([&] { resume_run(run, {}); }), "step_0.safetensors: missing"));
  write_file(run / weights_name(0), good);
  CHECK(resume_run(run, {}).end == RunEnd::kDone);
}

TEST_CASE("an extended run has the kept weights of the longer run, or says what is gone") {
  const ScratchFolder scratch;
  const auto extended = [&](const std::string& name, const std::string& keeps) {
    start_run(config_of(keeps, 200), scratch / name, {});
    return extend_run(scratch / name, 400, scratch / (name + "_longer"), {}).end;
  };
  for (const auto& one : {std::pair("steps", "0,100,180"), std::pair("shares", "0,25%,50%,100%"),
                          std::pair("evaluations", "evaluations")}) {
    const std::string name = one.first;
    const std::string keeps = one.second;
    CAPTURE(keeps);
    CHECK(extended(name, keeps) == RunEnd::kDone);
    start_run(config_of(keeps), scratch / (name + "_straight"), {});
    CHECK(read_manifest(scratch / (name + "_longer")).sha256 ==
          read_manifest(scratch / (name + "_straight")).sha256);
  }
  // 30% of the longer run is step 120, which was no part of the shorter one.
  CHECK(contains(user_error([&] { extended("gone", "30%"); }),
                 "asks the longer run for the weights of step 120, which this run did not keep"));
  CHECK(!fs::exists(scratch / "gone_longer"));
}
