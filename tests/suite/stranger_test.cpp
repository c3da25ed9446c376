// Folders and files that somebody else made, to do harm: each is refused with a line that names
// it, takes little time and memory, and nothing outside of the folder is read, written or removed.
#include <array>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "envs/core/bytes.hpp"
#include "envs/core/read_file.hpp"
#include "learners/base/safetensors.hpp"
#include "suite/batch/slurm.hpp"
#include "suite/batch/slurm_submit.hpp"
#include "suite/common/hashing.hpp"
#include "suite/common/safe_path.hpp"
#include "suite/replay/replay_log.hpp"
#include "suite/results/suite_folder.hpp"
#include "suite/run/checkpoint.hpp"
#include "suite/run/integrity.hpp"
#include "suite/run/rerun.hpp"
#include "suite/run/runner.hpp"
#include "tests/suite/support.hpp"

using namespace credo;
using namespace credo::suite;
using namespace credo::suite::testing;

namespace {

namespace fs = std::filesystem;

constexpr const char* kHostileNames[] = {"..",   "../x", "a/../../x", "/tmp/x", "/",    "",
                                         "a//b", "a/",   "./a",       "a/.",    "a\nb", "a\x7f"};

RunConfig small_config() {
  RunRequest request;
  request.env = "two_step";
  request.algorithm = "vdn";
  request.t_max = 200;
  request.sets = {"learner.batch_size=4", "evaluation.interval=100", "evaluation.episodes=2",
                  "agent.hidden_dim=5", "run.checkpoint_interval=100"};
  return RunConfig::resolve(request);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

std::string file_error(const fs::path& path, std::uint64_t limit) {
  std::string message;
  try {
    read_text_file(path, limit);
  } catch (const FileError& error) {
    message = error.what();
  }
  std::string other;
  try {
    read_file_pieces(path, limit, [](std::span<const std::byte>) {});
  } catch (const FileError& error) {
    other = error.what();
  }
  CHECK(message == other);
  return message;
}

// A zstd frame that says it holds `size` bytes and holds `body`, uncompressed.
void put_frame(ByteWriter& out, std::uint64_t size, std::span<const std::byte> body) {
  out.put<std::uint32_t>(0xFD2FB528U);
  out.put<std::uint8_t>(0xE0);  // one segment, eight bytes of size
  out.put(size);
  const auto header = static_cast<std::uint32_t>(body.size() << 3U) | 1U;  // the last block, raw
  for (int byte = 0; byte < 3; ++byte)
    out.put<std::uint8_t>(static_cast<std::uint8_t>(header >> (8 * byte)));
  out.put_bytes(body.data(), body.size());
}

std::vector<std::byte> replay_file(std::uint64_t size, const ByteWriter& body) {
  ByteWriter out;
  out.put_bytes("CREDORPL", 8);
  out.put<std::uint32_t>(1);
  out.put(size);
  put_frame(out, size, body.bytes());
  out.put(xxh64(out.bytes()));
  return out.take();
}

ByteWriter replay_head(std::int32_t n_agents, std::int32_t n_actions, std::uint64_t n_episodes) {
  ByteWriter body;
  body.put_string("");  // environment
  body.put<std::uint64_t>(0);
  body.put_string("");  // policy
  body.put<std::uint64_t>(0);
  body.put_string("");  // version
  body.put(n_agents);
  body.put(n_actions);
  body.put(n_episodes);
  return body;
}

std::string replay_error(const ByteWriter& body) {
  return user_error([&] { decode_replay(replay_file(body.bytes().size(), body), "x.replay"); });
}

std::string weights_error(const std::string& header, std::size_t n_data, std::uint64_t size = 0) {
  ByteWriter out;
  out.put<std::uint64_t>(size > 0 ? size : header.size());
  out.put_bytes(header.data(), header.size());
  const std::vector<std::byte> data(n_data);
  out.put_bytes(data.data(), data.size());
  return user_error([&] { parse_safetensors(out.bytes(), "x.safetensors"); });
}

}  // namespace

TEST_CASE("names that lead elsewhere are never joined to a folder") {
  const ScratchFolder scratch;
  for (const std::string name : kHostileNames) {
    CAPTURE(name);
    CHECK(contains(user_error([&] { path_below(scratch.path(), name, "x.json"); }),
                   "x.json: unusable name"));
    CHECK(!user_error([&] { cell_folder({name + "/..", "vdn"}, 0); }).empty());
  }
  CHECK(!user_error([&] { check_path_name(std::string(256, 'a'), "x"); }).empty());
  CHECK(!user_error([&] { check_path_name(std::string("a\0b", 3), "x"); }).empty());
  for (const char* name : {"a", "switch/2@limit=50", "..a/b..", "checkpoints/latest"})
    CHECK(path_below(scratch.path(), name, "x") == scratch.path() / name);
  CHECK(path_below("", "no_such_file", "x") == fs::path("no_such_file"));
}

TEST_CASE("links may not lead out of a folder, links inside may") {
  const ScratchFolder scratch;
  fs::create_directories(scratch / "run/real");
  write_raw(scratch / "outside", "precious");
  const fs::path run = scratch / "run";
  fs::create_symlink("real", run / "inside");
  fs::create_symlink(scratch / "outside", run / "absolute");
  fs::create_symlink("../outside", run / "upward");
  fs::create_symlink("..", run / "parent");
  fs::create_symlink("nowhere", run / "dangling");
  fs::create_symlink("loop", run / "loop");
  CHECK(path_below(run, "inside/x", "x") == run / "inside/x");
  for (const char* name : {"absolute", "upward", "parent/outside", "dangling", "loop"})
    CHECK(contains(user_error([&] { path_below(run, name, "x"); }), "leads out"));
  // The folder itself is the user's choice.
  fs::create_symlink("run", scratch / "alias");
  CHECK(path_below(scratch / "alias", "inside", "x") == scratch / "alias/inside");
}

TEST_CASE("pipes, devices, folders and files beyond their size are refused at once") {
  const ScratchFolder scratch;
  REQUIRE(::mkfifo((scratch / "pipe").c_str(), 0600) == 0);
  CHECK(contains(file_error(scratch / "pipe", 100), "a pipe, not a regular file"));
  CHECK(contains(file_error(scratch.path(), 100), "a folder, not a regular file"));
  CHECK(contains(file_error("/dev/zero", 100), "a device, not a regular file"));
  CHECK(!file_error(scratch / "missing", 100).empty());
  write_raw(scratch / "large", "");
  fs::resize_file(scratch / "large", std::uintmax_t{1} << 40U);  // without a block on the disk
  CHECK(contains(file_error(scratch / "large", kLargestBinary), "larger than 4096 MiB"));
  write_raw(scratch / "exact", std::string(100, 'x'));
  CHECK(file_error(scratch / "exact", 100).empty());
  CHECK(contains(file_error(scratch / "exact", 99), "larger than"));
  CHECK(contains(file_error("/proc/self/status", 10), "larger than"));  // says it is empty
}

TEST_CASE("nothing is written through a link") {
  const ScratchFolder scratch;
  write_raw(scratch / "outside", "precious");
  fs::create_symlink("outside", scratch / "link");
  CHECK_THROWS_AS(AppendFile(scratch / "link", 0), FileError);
  fs::create_symlink("outside", scratch / "file.tmp");
  CHECK_THROWS_AS(write_file(scratch / "file", std::string_view("x")), FileError);
  fs::create_symlink("outside", scratch / "replaced");
  write_file(scratch / "replaced", std::string_view("new"));
  CHECK(!fs::is_symlink(scratch / "replaced"));
  CHECK(read_text(scratch / "outside") == "precious");
  REQUIRE(::mkfifo((scratch / "pipe").c_str(), 0600) == 0);
  CHECK_THROWS_AS(AppendFile(scratch / "pipe", 0), FileError);
}

TEST_CASE("hostile names in the manifest of a run and in the plan of a suite are refused") {
  const ScratchFolder scratch;
  start_run(small_config(), scratch / "run", {});
  const std::string good = read_text(scratch / "run/manifest.json");
  const RecordedRun recorded = finished_runs({scratch / "run"}).at(0);
  for (const std::string bad : {"..", "/tmp/x", "a/../../../x"}) {
    for (const auto& [from, to] :
         {std::pair<std::string, std::string>{R"("task": "two_step")", R"("task": ")" + bad + "\""},
          {R"("label": "vdn")", R"("label": ")" + bad + "\""},
          {R"("metrics.jsonl": )", "\"" + bad + "\": "}}) {
      write_raw(scratch / "run/manifest.json", replaced(good, from, to));
      const auto refused = [&](const auto& action) {
        return contains(user_error(action), "manifest.json: ");
      };
      CHECK(refused([&] { read_manifest(scratch / "run"); }));
      CHECK(refused([&] { finished_runs({scratch / "run"}); }));
      CHECK(refused([&] { read_run_result(scratch / "run"); }));
    }
    const std::string records = run_records_json({&recorded});
    for (const auto& [from, to] :
         {std::pair<std::string, std::string>{R"("task": "two_step")", R"("task": ")" + bad + "\""},
          {R"("algorithm": "vdn",)", R"("algorithm": ")" + bad + "\","},
          {R"("metrics.jsonl": )", "\"" + bad + "\": "}}) {
      write_raw(scratch / "runs.json", replaced(records, from, to));
      CHECK(contains(user_error([&] { read_run_records(scratch.path()); }), "runs.json: damaged"));
    }
    CHECK(contains(user_error([&] {
                     changed_files(scratch.path(), {{bad + "/../dev/zero", "00"}});
                   }),
                   "unusable name"));
    PlannedCell cell;
    cell.names = {bad, "vdn"};
    CHECK(
        contains(user_error([&] { parse_plan_csv(plan_csv({cell}), "plan.csv"); }), "plan.csv:2"));
    cell.names = {"two_step", bad};
    CHECK(
        contains(user_error([&] { parse_plan_csv(plan_csv({cell}), "plan.csv"); }), "plan.csv:2"));
  }
}

TEST_CASE("a run folder whose parts are links elsewhere is left alone, and so is elsewhere") {
  const ScratchFolder scratch;
  start_run(small_config(), scratch / "run", {});
  // Unfinished, so that a resume wants to write.
  const std::string manifest = read_text(scratch / "run/manifest.json");
  const std::string running = replaced(manifest, R"("status": "done")", R"("status": "running")");
  const fs::path outside = scratch / "outside";
  fs::create_directories(outside);
  for (const char* name : {"step_100.state", "step_100.safetensors", "step_300.state", "x.tmp"})
    write_raw(outside / name, "precious");
  write_raw(scratch / "text", "precious");
  for (const char* part : {"checkpoints", "metrics.jsonl", "eval_episodes.csv", "config.toml",
                           "manifest.json", "checkpoints/best.safetensors"}) {
    for (const std::string& content : {manifest, running}) {
      CAPTURE(part);
      const fs::path run = scratch / "copy";
      fs::copy(scratch / "run", run, fs::copy_options::recursive);
      write_raw(run / "manifest.json", content);
      fs::remove_all(run / part);
      const bool is_folder = std::string_view(part) == "checkpoints";
      fs::create_symlink(is_folder ? outside : scratch / "text", run / part);
      const std::string message = user_error([&] {
        changed_files(run, read_manifest(run));
        read_run_result(run);
        RunDirectory::open(run);
        resume_run(run, {});
      });
      CHECK(contains(message, "leads out"));
      RunDirectory::tidy_finished(run);
      CHECK(read_text(scratch / "text") == "precious");
      CHECK(std::distance(fs::directory_iterator(outside), {}) == 4);
      fs::remove_all(run);
    }
  }
}

TEST_CASE("replay logs that say more than they hold") {
  // Episode: index, return, length, terminated, won, then no actions at all.
  const auto episode = [](ByteWriter& body, std::int32_t length) {
    body.put<std::int64_t>(0);
    body.put(0.0);
    body.put(length);
    body.put<std::uint8_t>(0);
    body.put<std::uint8_t>(0);
    body.put<std::uint64_t>(0);
  };
  constexpr std::int32_t kMost = 0x7FFFFFFF;
  for (const auto& [agents, actions, length] : {std::array<std::int32_t, 3>{1 << 30, 16, 1 << 30},
                                                {kMost, kMost, kMost},
                                                {1 << 12, 1 << 16, kMost},
                                                {1, 1, kMost},
                                                {-1, 2, 1},
                                                {2, -1, 1},
                                                {2, 2, -1}}) {
    ByteWriter body = replay_head(agents, actions, 1);
    episode(body, length);
    CHECK(contains(replay_error(body), "x.replay: damaged replay log: "));
  }
  CHECK(contains(replay_error(replay_head(2, 2, ~std::uint64_t{0})), "damaged replay log"));
  // Sizes of the body: of the header, of the frame, of a text.
  for (const std::uint64_t size :
       {std::uint64_t{1} << 30, std::uint64_t{1} << 62, ~std::uint64_t{0}}) {
    const auto file = replay_file(size, replay_head(2, 2, 0));
    CHECK(contains(user_error([&] { decode_replay(file, "x.replay"); }), "sizes do not agree"));
    ByteWriter body;
    body.put(size);
    CHECK(contains(replay_error(body), "damaged replay log"));
  }
  CHECK(replay_error(replay_head(2, 2, 0)).empty());  // the frame made by hand is a good one
}

TEST_CASE("states and weights that say more than they hold") {
  for (const std::uint64_t size : {std::uint64_t{1} << 45, std::uint64_t{1} << 63}) {
    ByteWriter out;
    out.put_bytes("CREDOCKP", 8);
    out.put(kCheckpointFormat);
    out.put_string("id");
    for (int k = 0; k < 7; ++k) out.put<std::uint64_t>(0);  // steps, lengths, hashes, best step
    out.put(0.0);
    out.put<std::uint64_t>(0);  // best weights
    out.put<std::uint64_t>(0);  // parts of the replay
    ByteWriter frame;
    put_frame(frame, size, {});
    out.put_bytes(frame.bytes().data(), frame.bytes().size());
    out.put(size);
    out.put<std::uint64_t>(frame.bytes().size());
    out.put(xxh64(out.bytes()));
    const std::string message = user_error([&] { decode_checkpoint(out.bytes(), "step_1.state"); });
    CHECK(contains(message, "step_1.state: "));
    CHECK(contains(message, "memory"));
  }
  CHECK(contains(weights_error("{}", 8, ~std::uint64_t{0}), "truncated header"));
  CHECK(contains(weights_error(std::string(2U << 20U, '['), 0), "larger than 1 MiB"));
  // Each tensor claims all the bytes there are.
  std::string header = "{";
  for (int k = 0; k < 3; ++k)
    header += fmt::format(R"({}"t{}":{{"dtype":"U8","shape":[64],"data_offsets":[0,64]}})",
                          k == 0 ? "" : ",", k);
  CHECK(contains(weights_error(header + "}", 64), "overlaps another"));
  CHECK(contains(weights_error(R"({"t":{"dtype":"F32","shape":[4294967296,4294967296],)"
                               R"("data_offsets":[0,0]}})",
                               64),
                 "larger than the file"));
}

TEST_CASE("files of submissions that are no files are refused") {
  const ScratchFolder scratch;
  fs::create_directories(scratch / "slurm/1");
  fs::create_symlink("/dev/zero", scratch / "slurm/1/elements.txt");
  CHECK(contains(user_error([&] { read_submissions(scratch.path()); }), "a device"));
  CHECK(contains(user_error([&] { read_element(scratch.path(), "1/0"); }), "a device"));
}
