// The content of the files a run reads is part of what the run is: its identity changes with them
// and not with where they are, and the run's folder keeps a copy.
#include "suite/run/inputs.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "learners/rollout/evaluation.hpp"
#include "suite/batch/suite_run.hpp"
#include "suite/common/hashing.hpp"
#include "suite/plan/plan.hpp"
#include "suite/replay/replay_record.hpp"
#include "suite/run/rerun.hpp"
#include "suite/run/runner.hpp"
#include "tests/suite/support.hpp"

using namespace credo::suite;
using namespace credo::suite::testing;

namespace {

namespace fs = std::filesystem;

void write_payoff(const fs::path& path, double best) {
  write_raw(path, fmt::format("actions = [2, 2]\npayoff = [[{}, 0], [0, 2]]\n", best));
}

RunRequest payoff_request(const fs::path& payoff, const std::string& algorithm = "noop") {
  RunRequest request;
  request.env = "matrix/custom";
  request.algorithm = algorithm;
  request.sets = {"env.payoff_file=" + payoff.string(), "evaluation.episodes=2"};
  return request;
}

// A map of marines, so many against one.
void write_map(const fs::path& folder, int allies) {
  fs::create_directories(folder / "maps");
  write_raw(folder / "maps" / "pair.toml",
            fmt::format("limit = 30\nterrain = \"flat\"\nmap_type = \"marines\"\nally_types = []\n"
                        "enemy_types = []\n[[ally]]\nunit = \"marine\"\ncount = {}\n"
                        "at = [10.0, 16.0]\n[[enemy]]\nunit = \"marine\"\ncount = 1\n"
                        "at = [20.0, 16.0]\n[enemy_order]\nkind = \"hunt\"\n",
                        allies));
}

double return_of(const RunOutcome& outcome) { return outcome.final_evaluation->return_mean(); }

}  // namespace

TEST_CASE("the identity follows the content of a file, not its place") {
  const ScratchFolder scratch;
  write_payoff(scratch / "a.toml", 5);
  fs::create_directory(scratch / "elsewhere");
  write_payoff(scratch / "elsewhere" / "b.toml", 5);
  write_payoff(scratch / "c.toml", 9);
  const RunConfig a = RunConfig::resolve(payoff_request(scratch / "a.toml"));
  const RunConfig b = RunConfig::resolve(payoff_request(scratch / "elsewhere" / "b.toml"));
  const RunConfig c = RunConfig::resolve(payoff_request(scratch / "c.toml"));
  CHECK(a.to_toml() == b.to_toml());
  CHECK(a.env_settings() == b.env_settings());
  CHECK(a.id() != c.id());
  CHECK(a.env_settings() != c.env_settings());
  CHECK(contains(a.to_toml(), "payoff_file = \"inputs/env.payoff_file\"\n"));
  CHECK(contains(a.to_toml(), "[inputs]\n\"env.payoff_file\" = \"" +
                                  sha256_hex_of_file(scratch / "a.toml") + "\"\n"));
  // From here on the disk plays no part.
  fs::remove(scratch / "a.toml");
  CHECK(make_run_env(a)->spec().reward_high == 5.0);
  RunRequest plain;
  plain.env = "matrix/custom";
  plain.algorithm = "noop";
  CHECK(!contains(RunConfig::resolve(plain).to_toml(), "inputs"));
}

TEST_CASE("a run plays, replays and repeats what it read, wherever the original went") {
  const ScratchFolder scratch;
  write_payoff(scratch / "payoff.toml", 5);
  const fs::path folder = scratch / "run";
  const RunConfig config = RunConfig::resolve(payoff_request(scratch / "payoff.toml"));
  CHECK(return_of(start_run(config, folder, {})) == 5.0);
  CHECK(read_manifest(folder).sha256.at("inputs/env.payoff_file") ==
        sha256_hex_of_file(folder / "inputs" / "env.payoff_file"));
  write_payoff(scratch / "payoff.toml", 9);
  const fs::path moved = scratch / "moved";
  fs::rename(folder, moved);

  const RunConfig read = read_run_config(moved);
  CHECK(read.id() == config.id());
  CHECK(read.to_toml() == config.to_toml());
  const auto env = make_run_env(read);
  CHECK(env->spec().reward_high == 5.0);
  CHECK(credo::evaluate_fixed_policy(*env, "noop", 2, 0).return_mean() == 5.0);
  CHECK(rerun(finished_runs({moved}).at(0), scratch / "again", {}).differences.empty());
  CHECK(read_text(scratch / "again" / "inputs" / "env.payoff_file") ==
        read_text(moved / "inputs" / "env.payoff_file"));

  RunRequest reloaded;
  reloaded.config_path = (moved / "config.toml").string();
  CHECK(RunConfig::resolve(reloaded).to_toml() == config.to_toml());
  reloaded.sets = {"env.payoff_file=" + (scratch / "payoff.toml").string()};
  CHECK(RunConfig::resolve(reloaded).id() != config.id());

  // A replay log needs no file at all.
  const auto log = decode_replay(
      encode_replay(record_fixed_policy(*env, credo::make_fixed_policy(*env, "noop", 0), 1, 0)),
      "log");
  fs::remove_all(moved);
  const auto again = make_replay_env(log, "log");
  CHECK_NOTHROW(replay_episode(*again, log, log.episodes.at(0), {}, "log"));
  CHECK(log.episodes.at(0).episode_return == 5.0);
}

TEST_CASE("a copy that is missing or was changed is named, and only where it is needed") {
  const ScratchFolder scratch;
  write_payoff(scratch / "payoff.toml", 5);
  const fs::path folder = scratch / "run";
  start_run(RunConfig::resolve(payoff_request(scratch / "payoff.toml")), folder, {});
  const fs::path copy = folder / "inputs" / "env.payoff_file";
  write_payoff(copy, 9);
  const RunConfig changed = read_run_config(folder);
  CHECK(contains(user_error([&] { make_run_env(changed); }),
                 copy.string() + ": changed since the run began"));
  RunRequest reloaded;
  reloaded.config_path = (folder / "config.toml").string();
  CHECK(contains(user_error([&] { RunConfig::resolve(reloaded); }), "changed since"));
  fs::remove(copy);
  CHECK(contains(user_error([&] { make_run_env(read_run_config(folder)); }), copy.string()));
  CHECK(read_run_config(folder).env_settings() == changed.env_settings());
}

TEST_CASE("names of copies stay below their folder") {
  for (const char* good : {"env.payoff_file", "env.data_dir/maps/pair.toml"})
    CHECK(is_input_name(good));
  for (const char* bad :
       {"", "..", "a/..", "a//b", "/etc/passwd", "a/", "a b", "a/../../b", "a\nb"})
    CHECK(!is_input_name(bad));
  const ScratchFolder scratch;
  write_payoff(scratch / "payoff.toml", 5);
  std::string text = RunConfig::resolve(payoff_request(scratch / "payoff.toml")).to_toml();
  text.replace(text.rfind("\"env.payoff_file\""), 17, "\"env.payoff_file/../../secret\"");
  CHECK(contains(user_error([&] { RunConfig::from_toml(text, "config.toml"); }),
                 "not the hash of a file in inputs/"));
}

TEST_CASE("of a folder counts what was read of it") {
  const ScratchFolder scratch;
  const auto config = [&] {
    RunRequest request;
    request.env = "skirmish/3m";
    request.algorithm = "random";
    request.sets = {"env.data_dir=" + (scratch / "data").string(), "env.map=pair"};
    return RunConfig::resolve(request);
  };
  write_map(scratch / "data", 2);
  const RunConfig first = config();
  CHECK(contains(first.to_toml(), "data_dir = \"inputs/env.data_dir\"\n"));
  CHECK(contains(first.to_toml(), "\"env.data_dir/maps/pair.toml\" = \""));
  write_raw(scratch / "data" / "maps" / "other.toml", "nobody asks for this");
  CHECK(config().id() == first.id());
  write_map(scratch / "data", 3);
  CHECK(config().id() != first.id());
  // The folder of a run holds the map, and no more.
  CHECK(first.input_files().size() == 1);
  fs::remove_all(scratch / "data");
  CHECK(make_run_env(first)->spec().n_agents == 2);

  // A folder nothing was read of is none.
  fs::create_directory(scratch / "data");
  RunRequest request;
  request.env = "skirmish/3m";
  request.algorithm = "random";
  const std::string plain = RunConfig::resolve(request).id();
  request.sets = {"env.data_dir=" + (scratch / "data").string()};
  CHECK(RunConfig::resolve(request).id() == plain);
}

TEST_CASE("a suite refuses cells whose files changed, and resume goes on with the copy") {
  const ScratchFolder scratch;
  write_payoff(scratch / "payoff.toml", 5);
  const std::string text =
      "algs = [\"noop\"]\nenvs = [\"matrix/custom\"]\nseeds = \"0\"\n[env]\n"
      "payoff_file = \"" +
      (scratch / "payoff.toml").string() + "\"\n";
  const auto run = [&] {
    const SuiteSpec spec = parse_suite(text, "s.toml", "s");
    Progress progress(ProgressMode::kNone);
    return run_suite(spec, make_plan(spec, {}), {.out = scratch / "suite"}, progress);
  };
  CHECK(run().n_done == 1);
  CHECK(run().n_done == 1);
  write_payoff(scratch / "payoff.toml", 9);
  CHECK(contains(user_error(run), "another configuration (the content of env.payoff_file was"));

  const fs::path folder = scratch / "run";
  const RunConfig config = RunConfig::resolve(payoff_request(scratch / "payoff.toml"));
  RunDirectory::create(folder, config, {"matrix/custom", "noop"}, 1, "scalar");
  write_payoff(scratch / "payoff.toml", 3);
  CHECK(return_of(resume_run(folder, {})) == 9.0);
}

TEST_CASE("training begins with given weights, whose content counts") {
  const ScratchFolder scratch;
  for (const char* algorithm :
       {"iql", "vdn", "qmix", "qmix_simple", "qtran", "qplex", "ow_qmix", "coma"}) {
    CAPTURE(algorithm);
    RunRequest request;
    request.env = "two_step";
    request.algorithm = algorithm;
    request.t_max = 40;
    request.overlays = {make_overlay(read_toml(
        "agent.hidden_dim = 6\nlearner.batch_size = 4\nevaluation.episodes = 2\n", "small"))};
    const fs::path folder = scratch / algorithm;
    start_run(RunConfig::resolve(request), folder / "first", {});
    const WeightsFile weights = load_weights(folder / "first");
    const std::string plain = RunConfig::resolve(request).id();
    request.init_weights = weights.path.string();
    request.seed = 1;
    const RunConfig config = RunConfig::resolve(request);
    request.seed = 0;
    CHECK(RunConfig::resolve(request).id() != plain);
    CHECK(contains(config.to_toml(), "init_weights = \"inputs/run.init_weights\"\n"));

    // No update ever: what ends is what began.
    RunRequest idle = request;
    idle.overlays.push_back(
        make_overlay(read_toml("optimizer.lr = 0.0\ncoma.critic_lr = 0.0\n", "idle")));
    start_run(RunConfig::resolve(idle), folder / "idle", {});
    const WeightsFile idle_weights = load_weights(folder / "idle");
    const auto began = credo::parse_safetensors(weights.bytes, "first");
    const auto ended = credo::parse_safetensors(idle_weights.bytes, "idle");
    REQUIRE(began.tensors.size() == ended.tensors.size());
    for (const auto& entry : began.tensors)
      CHECK_MESSAGE(entry.second.data == ended.tensors.at(entry.first).data, entry.first);

    // From the copy alone: resumed, and repeated.
    fs::copy(folder / "first", folder / "kept", fs::copy_options::recursive);
    RunDirectory::create(folder / "second", config, {"two_step", algorithm}, 1, "scalar");
    fs::remove_all(folder / "first");
    CHECK(resume_run(folder / "second", {}).end == RunEnd::kDone);
    CHECK(
        rerun(finished_runs({folder / "second"}).at(0), folder / "again", {}).differences.empty());
    CHECK(load_weights(folder / "second").bytes != load_weights(folder / "kept").bytes);
  }
}

TEST_CASE("weights that do not fit are refused before anything is written") {
  const ScratchFolder scratch;
  RunRequest request;
  request.env = "two_step";
  request.algorithm = "vdn";
  request.t_max = 20;
  request.sets = {"agent.hidden_dim=6", "learner.batch_size=4"};
  start_run(RunConfig::resolve(request), scratch / "vdn", {});
  const std::string weights = load_weights(scratch / "vdn").path.string();
  request.init_weights = weights;
  const auto error = [&] {
    return user_error([&] { start_run(RunConfig::resolve(request), scratch / "x", {}); });
  };
  request.sets[0] = "agent.hidden_dim=7";
  CHECK(contains(error(), weights + ": tensor 'agent.fc1.weight' is F32 [6, "));
  request.sets[0] = "agent.hidden_dim=6";
  request.algorithm = "qmix";
  CHECK(contains(error(), "no tensor 'mixer."));
  request.algorithm = "vdn";
  request.init_weights = (scratch / "missing").string();
  CHECK(contains(error(), "run.init_weights"));
  CHECK(contains(error(), "there is no such file"));
  write_raw(scratch / "nonsense", "nonsense");
  request.init_weights = (scratch / "nonsense").string();
  CHECK(contains(error(), "not a valid safetensors file"));
  request.init_weights = scratch.path().string();
  CHECK(contains(error(), "not a regular file"));
  request.algorithm = "random";
  request.sets.clear();
  request.t_max.reset();
  CHECK(contains(error(), "--init-weights: run.init_weights has no effect here"));
  CHECK(!fs::exists(scratch / "x"));
}
