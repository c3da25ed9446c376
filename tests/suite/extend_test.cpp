// A finished run that goes on: to the bit what a longer run would have been.
#include "suite/run/extend.hpp"

#include <doctest/doctest.h>

#include "tests/suite/support.hpp"

using namespace credo::suite;
using namespace credo::suite::testing;

namespace {

namespace fs = std::filesystem;

RunConfig config_of(const std::string& algorithm, std::int64_t t_max, bool keeps_state = true) {
  RunRequest request;
  request.env = "predator_prey/5x5";
  request.algorithm = algorithm;
  request.t_max = t_max;
  request.are_sets_general = true;
  request.sets = {"env.limit=10",          "learner.batch_size=4",   "agent.hidden_dim=8",
                  "run.log_interval=30",   "evaluation.interval=70", "run.checkpoint_interval=100",
                  "evaluation.episodes=3", "coma.critic_dim=8",      "optimizer.lr=0.01",
                  "rollout.n_envs=2",      "run.tensorboard=true",   "learner.td_lambda=0.5"};
  request.sets.push_back(keeps_state ? "run.keep_state=true" : "run.keep_state=false");
  return RunConfig::resolve(request);
}

void check_same(const fs::path& a, const fs::path& b) {
  const Manifest one = read_manifest(a);
  const Manifest other = read_manifest(b);
  CHECK(one.run_id == other.run_id);
  CHECK(one.sha256 == other.sha256);
  CHECK(one.env_steps == other.env_steps);
  CHECK(one.updates == other.updates);
  const auto state = list_checkpoints(a).back().state;
  CHECK(read_bytes(state) == read_bytes(b / fs::relative(state, a)));
}

}  // namespace

TEST_CASE("an extended run is the longer run, and names its parent") {
  const ScratchFolder scratch;
  for (const char* algorithm : {"vdn", "qmix_gre", "coma"}) {
    CAPTURE(algorithm);
    const fs::path folder = scratch / algorithm;
    start_run(config_of(algorithm, 400), folder / "straight", {});
    // Ends between two evaluations, at one, and twice in a row.
    for (const std::int64_t first : {110, 140, 200, 333}) {
      CAPTURE(first);
      const fs::path parent = folder / ("first" + std::to_string(first));
      const fs::path longer = folder / ("longer" + std::to_string(first));
      start_run(config_of(algorithm, first), parent, {});
      const std::string before = read_text(parent / "manifest.json");
      const RunOutcome outcome = extend_run(parent, 400, longer, {});
      CHECK(outcome.end == RunEnd::kDone);
      const std::int64_t steps = read_manifest(folder / "straight").env_steps;
      CHECK(outcome.t_env == steps);
      check_same(longer, folder / "straight");
      const Manifest manifest = read_manifest(longer);
      CHECK(manifest.parent == read_manifest(parent).run_id);
      CHECK(manifest.parent_steps == read_manifest(parent).env_steps);
      CHECK(outcome.steps_here == steps - manifest.parent_steps);
      CHECK(read_text(parent / "manifest.json") == before);
    }
    extend_run(folder / "first110", 260, folder / "middle", {});
    extend_run(folder / "middle", 400, folder / "last", {});
    check_same(folder / "last", folder / "straight");
  }
}

TEST_CASE("the best weights are those a straight run would have") {
  // The final evaluation of a parent, which a straight run does not make, may be its best: some
  // seeds of these are.
  const ScratchFolder scratch;
  int n_final_best = 0;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    const auto config = [&](std::int64_t t_max) {
      RunRequest request;
      request.env = "predator_prey/5x5";
      request.algorithm = "vdn";
      request.seed = seed;
      request.t_max = t_max;
      request.sets = {"env.limit=10",           "learner.batch_size=4",  "agent.hidden_dim=8",
                      "evaluation.interval=45", "evaluation.episodes=2", "run.keep_state=true"};
      return RunConfig::resolve(request);
    };
    const fs::path folder = scratch / std::to_string(seed);
    start_run(config(60), folder / "first", {});
    const auto state = list_checkpoints(folder / "first").back().state;
    if (decode_checkpoint(read_bytes(state), "state").best !=
        load_weights(folder / "first", "best").bytes)
      ++n_final_best;
    extend_run(folder / "first", 100, folder / "longer", {});
    start_run(config(100), folder / "straight", {});
    check_same(folder / "longer", folder / "straight");
  }
  CHECK(n_final_best > 0);
}

TEST_CASE("an extension that was killed early is resumed to the same bytes") {
  const ScratchFolder scratch;
  start_run(config_of("vdn", 200), scratch / "parent", {});
  start_run(config_of("vdn", 400), scratch / "straight", {});
  extend_run(scratch / "parent", 400, scratch / "longer", {});
  // As if nothing but the manifest had been written yet.
  fs::remove_all(scratch / "longer" / "checkpoints");
  fs::create_directory(scratch / "longer" / "checkpoints");
  std::string manifest = read_text(scratch / "longer" / "manifest.json");
  manifest.replace(manifest.find("\"done\""), 6, "\"running\"");
  write_file(scratch / "longer" / "manifest.json", manifest);
  CHECK(resume_run(scratch / "longer", {}).end == RunEnd::kDone);
  check_same(scratch / "longer", scratch / "straight");
}

TEST_CASE("runs that cannot go on say why and what to do") {
  const ScratchFolder scratch;
  const auto error = [&](const char* name, std::int64_t t_max) {
    return user_error([&] { extend_run(scratch / name, t_max, scratch / "x", {}); });
  };
  start_run(config_of("vdn", 200, false), scratch / "stateless", {});
  CHECK(contains(error("stateless", 400), "kept no state to continue from"));
  CHECK(contains(error("stateless", 400), "--set run.keep_state=true"));
  CHECK(contains(error("stateless", 400), "--init-weights"));
  start_run(config_of("random", 200), scratch / "random", {});
  CHECK(contains(error("random", 400), "does not learn"));
  start_run(config_of("vdn", 200), scratch / "done", {});
  CHECK(contains(error("done", 200), "--t-max 200"));
  CHECK(contains(error("done", 150), "allowed: more"));
  CHECK(contains(error("nowhere", 400), "holds no run"));
  RunDirectory::create(scratch / "running", config_of("vdn", 200), {"t", "a"}, 1, "scalar");
  CHECK(contains(error("running", 400), "only a finished run can be extended, `credo resume"));
  CHECK(!fs::exists(scratch / "x"));
  fs::create_directory(scratch / "x");
  write_raw(scratch / "x" / "metrics.jsonl", "precious");
  CHECK(contains(error("done", 400), "use an empty folder"));
  fs::remove_all(scratch / "x");
  write_raw(scratch / "done" / "metrics.jsonl", "changed");
  CHECK(contains(error("done", 400), "metrics.jsonl: missing or changed since the run ended"));
}
