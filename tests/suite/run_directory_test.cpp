#include "suite/run/run_directory.hpp"

#include <algorithm>
#include <doctest/doctest.h>

#include "suite/common/hashing.hpp"
#include "suite/results/result_set.hpp"
#include "suite/run/metrics.hpp"
#include "suite/run/runner.hpp"
#include "tests/suite/support.hpp"

using namespace credo::suite;
using namespace credo::suite::testing;

namespace {

namespace fs = std::filesystem;

RunConfig small_config(const std::string& algorithm = "vdn", std::uint64_t seed = 0) {
  RunRequest request;
  request.env = "two_step";
  request.algorithm = algorithm;
  request.seed = seed;
  request.t_max = 400;
  request.sets = {"learner.batch_size=4",        "run.log_interval=50", "evaluation.interval=100",
                  "run.checkpoint_interval=100", "agent.hidden_dim=8",  "evaluation.episodes=2"};
  request.are_sets_general = true;
  return RunConfig::resolve(request);
}

// A run killed after three checkpoints.
fs::path interrupted_run(const ScratchFolder& scratch) {
  const fs::path path = scratch / "run";
  auto run = RunDirectory::create(path, small_config(), {"two_step", "vdn"}, 1, "scalar");
  run->open_streams(std::nullopt);
  run->append_metrics(
      "{\"t_env\":0,\"event\":\"eval\",\"episode\":0,\"update\":0,"
      "\"metrics\":{\"test_return_mean\":1}}\n");
  for (const std::int64_t t_env : {100, 200, 300}) {
    CheckpointHeader header;
    header.t_env = t_env;
    const std::vector<std::byte> trainer(64, static_cast<std::byte>(t_env));
    const std::vector<std::byte> weights(32, static_cast<std::byte>(t_env + 1));
    run->save_checkpoint(header, weights,
                         {[&](const credo::ByteSink& sink) { sink(trainer); }, {}, {}});
  }
  return path;
}

}  // namespace

TEST_CASE("a finished run holds what it should, and nothing else") {
  const ScratchFolder scratch;
  const fs::path path = scratch / "deep" / "run";
  const RunConfig config = small_config();
  const RunOutcome outcome = start_run(config, path, {});
  CHECK(outcome.end == RunEnd::kDone);
  CHECK(outcome.t_env == 400);
  CHECK(outcome.steps_here == 400);
  for (const RunPart part : {RunPart::kOther, RunPart::kRollout, RunPart::kReplay, RunPart::kUpdate,
                             RunPart::kEvaluation})
    CHECK(outcome.timing.seconds(part) > 0.0);
  const Manifest manifest = read_manifest(path);
  CHECK(manifest.status == RunStatus::kDone);
  CHECK(manifest.run_id == sha256_hex_of_file(path / "config.toml"));
  CHECK(manifest.env_steps == 400);
  CHECK(manifest.sha256.at("metrics.jsonl") == sha256_hex_of_file(path / "metrics.jsonl"));
  CHECK(read_run_config(path).to_toml() == config.to_toml());

  const auto events = parse_metrics(read_text(path / "metrics.jsonl"), "metrics.jsonl");
  CHECK(std::count_if(events.begin(), events.end(),
                      [](const MetricsEvent& e) { return e.event == "eval"; }) == 4);
  CHECK(std::count_if(events.begin(), events.end(),
                      [](const MetricsEvent& e) { return e.event == "train"; }) == 8);
  REQUIRE(events.size() > 2);
  CHECK(events[events.size() - 2].event == "final");
  CHECK(events.back().event == "absolute");
  CHECK(events.back().t_env == 400);
  CHECK(!contains(read_text(path / "metrics.jsonl"), "wall"));
  const std::string episodes = read_text(path / "eval_episodes.csv");
  CHECK(std::count(episodes.begin(), episodes.end(), '\n') == 1 + 5 * 2 + 10 * 2);

  // The absolute metric is of the first of the best evaluations, over other episodes.
  const RunResult result = read_run_result(path);
  double best = -1e300;
  for (const EvaluationPoint& point : result.evaluations)
    best = std::max(best, point.return_mean());
  const auto first = std::find_if(result.evaluations.begin(), result.evaluations.end(),
                                  [&](const auto& point) { return point.return_mean() == best; });
  CHECK(result.absolute->t_env == first->t_env);
  CHECK(result.absolute->episodes == 20);
  const auto played = read_episodes(result);
  REQUIRE(played.size() == result.evaluations.size() + 1);
  CHECK(played.back().size() == 20);
  CHECK(played.back().front().index == played[4].back().index + 1);
  double sum = 0.0;
  for (const EpisodeRow& episode : played.back()) sum += episode.episode_return;
  CHECK(sum / 20 == result.absolute->return_mean());
  // The final policy's episodes and the best one's have the same t_env and another event.
  for (std::size_t k = 0; k < played.size(); ++k)
    for (const EpisodeRow& episode : played[k])
      CHECK(episode.event == (k == 5 ? "absolute" : k == 4 ? "final" : "eval"));
  CHECK(played[4].front().t_env == played[5].front().t_env);
  CHECK(episodes.starts_with(kEpisodesHeader));
  std::string changed = episodes;
  changed.replace(changed.rfind(",final\n"), 7, ",eval\n");
  write_file(path / "eval_episodes.csv", changed);
  CHECK(contains(user_error([&] { read_episodes(result); }), "event = 'eval' at t_env 400"));
  // A file of a version without the column is named.
  write_file(path / "eval_episodes.csv", "t_env,episode,seed,return,length,won\n0,0,3,1,2,\n");
  CHECK(contains(user_error([&] { read_episodes(result); }),
                 "eval_episodes.csv: there is no column 'event'"));
  write_file(path / "eval_episodes.csv", episodes);
  CHECK(manifest.sha256.count("checkpoints/best.safetensors") == 1);
  CHECK(load_weights(path, "best").path == path / "checkpoints" / "best.safetensors");

  // Finished: the final weights stay, resumable states are gone.
  const auto checkpoints = list_checkpoints(path);
  REQUIRE(checkpoints.size() == 1);
  CHECK(checkpoints[0].t_env == 400);
  CHECK(!fs::exists(checkpoints[0].state));
  CHECK(load_weights(path).path == checkpoints[0].weights);
}

TEST_CASE("two runs of one configuration leave equal bytes") {
  const ScratchFolder scratch;
  for (const char* algorithm : {"qmix_gre", "random"}) {
    const fs::path a = scratch / (std::string("a_") + algorithm);
    const fs::path b = scratch / (std::string("b_") + algorithm);
    start_run(small_config(algorithm), a, {});
    start_run(small_config(algorithm), b, {});
    for (const char* name : {"config.toml", "metrics.jsonl", "eval_episodes.csv"})
      CHECK(read_text(a / name) == read_text(b / name));
    const auto names = list_checkpoints(a);
    if (!names.empty())
      CHECK(read_bytes(names[0].weights) == read_bytes(list_checkpoints(b).at(0).weights));
  }
}

TEST_CASE("a folder that holds a run is not used again") {
  const ScratchFolder scratch;
  start_run(small_config("random"), scratch / "run", {});
  const auto again = [&] { start_run(small_config("random"), scratch / "run", {}); };
  CHECK(contains(user_error(again), "already holds a finished run"));
  CHECK(resume_run(scratch / "run", {}).end == RunEnd::kAlreadyDone);
}

TEST_CASE("files of somebody else are not overwritten") {
  for (const char* name : {"config.toml", "metrics.jsonl", "eval_episodes.csv"}) {
    const ScratchFolder scratch;
    write_raw(scratch / name, "precious");
    CHECK(contains(user_error([&] { start_run(small_config(), scratch.path(), {}); }), name));
    CHECK(read_text(scratch / name) == "precious");
  }
}

TEST_CASE("a run killed before its manifest was written can be started again") {
  const ScratchFolder scratch;
  write_file(scratch / "config.toml", small_config("random").to_toml());
  fs::create_directory(scratch / "checkpoints");
  CHECK(start_run(small_config("random"), scratch.path(), {}).end == RunEnd::kDone);
}

TEST_CASE("two processes cannot share a run") {
  const ScratchFolder scratch;
  const fs::path path = interrupted_run(scratch);
  const DirectoryLock other(path);
  CHECK(contains(user_error([&] { resume_run(path, {}); }), "in use"));
  CHECK(contains(user_error([&] { start_run(small_config(), path, {}); }), "in use"));
}

TEST_CASE("the newest two checkpoints are kept") {
  const ScratchFolder scratch;
  const fs::path path = interrupted_run(scratch);
  const auto checkpoints = list_checkpoints(path);
  REQUIRE(checkpoints.size() == 2);
  CHECK(checkpoints[0].t_env == 200);
  CHECK(checkpoints[1].t_env == 300);
  const auto run = RunDirectory::open(path);
  CHECK(run->load_checkpoint()->t_env == 300);
  CHECK(run->load_checkpoint("step_200")->t_env == 200);
  CHECK(contains(user_error([&] { run->load_checkpoint("step_7"); }), "unknown checkpoint"));
}

TEST_CASE("a damaged checkpoint is reported, with the way round it, and nothing is deleted") {
  const ScratchFolder scratch;
  const fs::path path = interrupted_run(scratch);
  const fs::path state = path / "checkpoints" / "step_300.state";
  const auto good = read_bytes(state);
  for (std::size_t at = 0; at < good.size(); ++at) {
    auto bad = good;
    bad[at] ^= std::byte{0x10};
    write_file(state, bad);
    const std::string message = user_error([&] { RunDirectory::open(path)->load_checkpoint(); });
    REQUIRE_MESSAGE(contains(message, "step_300.state"), at);
    REQUIRE(contains(message, "--checkpoint step_200"));
  }
  fs::remove(state);
  CHECK(
      contains(user_error([&] { RunDirectory::open(path)->load_checkpoint(); }), "step_300.state"));
  CHECK(list_checkpoints(path).size() == 2);
  CHECK(RunDirectory::open(path)->load_checkpoint("step_200")->t_env == 200);
}

TEST_CASE("damaged weights are noticed") {
  const ScratchFolder scratch;
  const fs::path path = interrupted_run(scratch);
  const fs::path file = path / "checkpoints" / "step_300.safetensors";
  auto bytes = read_bytes(file);
  CHECK(load_weights(path).bytes == bytes);
  bytes[7] ^= std::byte{1};
  write_file(file, bytes);
  CHECK(contains(user_error([&] { load_weights(path); }), "checksum"));
  CHECK(contains(user_error([&] { load_weights(path, "step_300"); }), "checksum"));
  CHECK_NOTHROW(load_weights(path, "step_200"));
}

TEST_CASE("a checkpoint of another run is refused") {
  const ScratchFolder scratch;
  const fs::path path = interrupted_run(scratch);
  fs::copy(path, scratch / "other", fs::copy_options::recursive);
  const RunConfig other = small_config("vdn", 5);
  write_file(scratch / "other" / "config.toml", other.to_toml());
  std::string manifest = read_text(scratch / "other" / "manifest.json");
  const std::string old_id = small_config().id();
  manifest.replace(manifest.find(old_id), old_id.size(), other.id());
  write_file(scratch / "other" / "manifest.json", manifest);
  CHECK(contains(user_error([&] { RunDirectory::open(scratch / "other")->load_checkpoint(); }),
                 "another configuration"));
}

TEST_CASE("a changed configuration or manifest is noticed") {
  const ScratchFolder scratch;
  const fs::path path = interrupted_run(scratch);
  const std::string config = read_text(path / "config.toml");
  write_file(path / "config.toml", config + "# more\n");
  CHECK(contains(user_error([&] { RunDirectory::open(path); }), "changed since the run began"));
  write_file(path / "config.toml", config);
  CHECK_NOTHROW(RunDirectory::open(path));
  write_file(path / "manifest.json", std::string_view("{\"schema\": \"credo.run\""));
  CHECK(contains(user_error([&] { RunDirectory::open(path); }), "manifest.json"));
  fs::remove(path / "manifest.json");
  CHECK(contains(user_error([&] { RunDirectory::open(path); }), "holds no run"));
}

TEST_CASE("a metrics file shorter than the checkpoint says stops the resume") {
  const ScratchFolder scratch;
  const fs::path path = interrupted_run(scratch);
  write_file(path / "metrics.jsonl", std::string_view(""));
  CHECK(!user_error([&] { resume_run(path, {}); }).empty());
}

TEST_CASE("folders that cannot be written give one clear error") {
  const ScratchFolder scratch;
  write_raw(scratch / "file", "x");
  const std::string below_file =
      user_error([&] { start_run(small_config(), scratch / "file" / "run", {}); });
  CHECK(contains(below_file, "file"));
  CHECK(contains(user_error([] { start_run(small_config(), "/proc/credo_run", {}); }), "/proc"));
}

TEST_CASE("what is wrong is found before anything is written") {
  const ScratchFolder scratch;
  RunRequest request;
  request.env = "matrix/qtran";
  request.algorithm = "scripted:nonsense";
  const RunConfig config = RunConfig::resolve(request);
  CHECK(contains(user_error([&] { start_run(config, scratch / "run", {}); }), "nonsense"));
  CHECK(!fs::exists(scratch / "run"));
}
