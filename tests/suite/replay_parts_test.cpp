// A replay of many megabytes in its parts: each is written once, a resume ends in the same bytes,
// and what is damaged is named.
#include "suite/run/replay_parts.hpp"

#include <doctest/doctest.h>
#include <set>

#include "suite/common/files.hpp"
#include "suite/run/extend.hpp"
#include "suite/run/run_directory.hpp"
#include "tests/suite/support.hpp"

using namespace credo::suite;
using credo::suite::testing::contains;
using credo::suite::testing::ScratchFolder;
using credo::suite::testing::user_error;

namespace {

namespace fs = std::filesystem;

// A step has 18 kB here, a part about 950 steps, and the ring drops the oldest from step 6000 on.
RunConfig large_config(std::int64_t t_max, bool keeps_state) {
  RunRequest request;
  request.env = "skirmish/27m_vs_30m";
  request.algorithm = "vdn";
  request.t_max = t_max;
  request.are_sets_general = true;
  request.sets = {"agent.hidden_dim=4",
                  "learner.batch_size=2",
                  "replay.capacity=150",
                  "rollout.updates_per_episode=0.02",
                  "evaluation.interval=1000000",
                  "evaluation.episodes=1",
                  "run.checkpoint_interval=1000",
                  "run.absolute_factor=0",
                  keeps_state ? "run.keep_state=true" : "run.keep_state=false"};
  return RunConfig::resolve(request);
}

std::set<std::string> part_names(const fs::path& run) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(run / "checkpoints"))
    if (const std::string name = entry.path().filename().string(); part_of_file(name))
      names.insert(name);
  return names;
}

/// Stops the process's part of a run at a step, without a checkpoint there.
fs::path killed_run(const fs::path& path, const RunConfig& config, std::int64_t at) {
  RunOptions options;
  options.on_progress = [&](const RunProgress& now) {
    if (now.t_env >= at) throw std::bad_alloc();
  };
  CHECK(start_run(config, path, options).end == RunEnd::kFailed);
  return path;
}

}  // namespace

TEST_CASE("names of parts") {
  CHECK(part_of_file("replay_1.part") == std::uint64_t{1});
  CHECK(part_of_file("replay_120.part") == std::uint64_t{120});
  for (const char* name : {"replay_0.part", "replay_-3.part", "replay_.part", "replay_1.part.tmp",
                           "replay_1x.part", "step_1.part", "replay_part", "replay_.par"})
    CHECK_MESSAGE(!part_of_file(name), name);
  CHECK(is_checkpoint_file("replay_7.part"));
}

TEST_CASE("a replay in parts: killed and resumed, or extended, the bytes are those of one run") {
  const ScratchFolder scratch;
  const fs::path straight = scratch / "straight";
  start_run(large_config(9000, true), straight, {});
  const auto parts = part_names(straight);
  REQUIRE(parts.size() >= 3);
  // What the ring has overwritten goes with the last state that needed it.
  const CheckpointName last = list_checkpoints(straight).back();
  std::set<std::string> named;
  for (const StoredPart& stored :
       decode_checkpoint_header(read_bytes(last.state), last.state.string()).parts)
    named.insert(part_file(straight, stored.part).filename().string());
  CHECK(parts == named);
  const auto same = [&](const fs::path& run) {
    CHECK(read_manifest(run).sha256 == read_manifest(straight).sha256);
    const auto state = list_checkpoints(straight).back().state;
    CHECK(read_bytes(state) == read_bytes(list_checkpoints(run).back().state));
    CHECK(part_names(run) == parts);
    for (const std::string& name : parts)
      CHECK(read_bytes(run / "checkpoints" / name) == read_bytes(straight / "checkpoints" / name));
  };

  const fs::path killed = killed_run(scratch / "killed", large_config(9000, true), 7600);
  const auto first_state = decode_checkpoint_header(read_bytes(find_checkpoint(killed)->state),
                                                    find_checkpoint(killed)->state.string());
  REQUIRE(first_state.parts.size() >= 3);
  // What both kept checkpoints need is there, and nothing older.
  const CheckpointName before = list_checkpoints(killed).front();
  std::set<std::string> needed;
  for (const auto& state :
       {first_state, decode_checkpoint_header(read_bytes(before.state), before.state.string())})
    for (const StoredPart& stored : state.parts)
      needed.insert(part_file(killed, stored.part).filename().string());
  CHECK(part_names(killed) == needed);

  // A damaged part is named, with the way round it where there is one; a missing one too.
  const fs::path oldest = part_file(killed, first_state.parts.front().part);
  const fs::path newest = part_file(killed, first_state.parts.back().part);
  for (const auto& [path, hint] : {std::pair(oldest, "there is no other sound checkpoint"),
                                   std::pair(newest, "--checkpoint step_")}) {
    const auto good = read_bytes(path);
    auto bad = good;
    bad[bad.size() / 2] ^= std::byte{1};
    write_file(path, std::span<const std::byte>(bad));
    std::string error = user_error([&] { RunDirectory::open(killed)->load_checkpoint(); });
    CHECK(contains(error, path.filename().string() + ": damaged"));
    CHECK(contains(error, hint));
    fs::remove(path);
    error = user_error([&] { RunDirectory::open(killed)->load_checkpoint(); });
    CHECK(contains(error, path.filename().string()));
    CHECK(contains(error, hint));
    write_file(path, std::span<const std::byte>(good));
  }
  CHECK(resume_run(killed, {}).end == RunEnd::kDone);
  same(killed);

  start_run(large_config(4000, true), scratch / "first", {});
  extend_run(scratch / "first", 9000, scratch / "longer", {});
  same(scratch / "longer");

  // Without run.keep_state nothing but the final weights stays.
  const fs::path plain = killed_run(scratch / "plain", large_config(5000, false), 3500);
  REQUIRE(!part_names(plain).empty());
  CHECK(resume_run(plain, {}).end == RunEnd::kDone);
  CHECK(part_names(plain).empty());
  const auto left = list_checkpoints(plain);
  REQUIRE(left.size() == 1);
  CHECK(!fs::exists(left[0].state));
}

TEST_CASE("a process killed in its last evaluation goes on from the checkpoint before") {
  const ScratchFolder scratch;
  const RunConfig config = large_config(3000, false);
  start_run(config, scratch / "straight", {});
  const fs::path killed = killed_run(scratch / "killed", config, 2500);
  // As it would have left them: the final weights without a state, `latest` as it was.
  const CheckpointName final_weights =
      checkpoint_at(killed, list_checkpoints(scratch / "straight").back().t_env);
  write_file(final_weights.weights, std::string_view("not the weights yet"));
  CHECK(find_checkpoint(killed)->t_env < final_weights.t_env);
  CHECK(resume_run(killed, {}).end == RunEnd::kDone);
  CHECK(read_manifest(killed).sha256 == read_manifest(scratch / "straight").sha256);
  CHECK(read_text(killed / "checkpoints" / "latest") ==
        read_text(scratch / "straight" / "checkpoints" / "latest"));
  CHECK(find_checkpoint(killed)->t_env == final_weights.t_env);
}
