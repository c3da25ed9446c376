// Files of runs and suites.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include "suite/batch/slurm_submit.hpp"
#include "suite/common/csv.hpp"
#include "suite/common/hashing.hpp"
#include "suite/plan/bounds.hpp"
#include "suite/plan/suite_file.hpp"
#include "suite/replay/replay_log.hpp"
#include "suite/results/result_set.hpp"
#include "suite/results/suite_folder.hpp"
#include "suite/results/suite_manifest.hpp"
#include "suite/run/checkpoint.hpp"
#include "suite/run/config.hpp"
#include "suite/run/directory_lock.hpp"
#include "suite/run/metrics.hpp"
#include "suite/run/run_directory.hpp"
#include "tests/fuzz/targets.hpp"

namespace credo::fuzz {
namespace {

namespace fs = std::filesystem;

// A checksum no mutation would ever meet is put right, so that what it guards is reached.
std::vector<std::byte> with_checksum(Input input) {
  const auto bytes = std::as_bytes(input);
  std::vector<std::byte> whole(bytes.begin(), bytes.end());
  const std::uint64_t hash = suite::xxh64(whole);
  const auto* begin = reinterpret_cast<const std::byte*>(&hash);
  whole.insert(whole.end(), begin, begin + sizeof hash);
  return whole;
}

/// One folder per process, removed at its end.
const fs::path& scratch() {
  struct Folder {
    fs::path path = fs::temp_directory_path() / ("credo_fuzz_" + std::to_string(::getpid()));
    Folder() { fs::create_directories(path / "checkpoints"); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() {
      std::error_code ignored;
      fs::remove_all(path, ignored);
    }
  };
  static const Folder folder;
  return folder.path;
}

void put(const fs::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

void read_checkpoint(Input input) {
  may_refuse([&] { suite::decode_checkpoint(with_checksum(input), "step_1.state"); });
}

void read_replay(Input input) {
  may_refuse([&] { suite::decode_replay(with_checksum(input), "log.replay"); });
}

void read_run_config(Input input) {
  may_refuse([&] { suite::RunConfig::from_toml(text_of(input), "config.toml"); });
}

void read_suite(Input input) {
  may_refuse([&] { suite::parse_suite(text_of(input), "suite.toml", "suite"); });
}

void read_csv(Input input) {
  may_refuse([&] {
    const suite::CsvTable table(text_of(input), "results.csv");
    for (std::size_t row = 0; row < table.n_rows(); ++row)
      may_refuse([&] { table.number(row, "seed"); });
  });
  may_refuse([&] { suite::parse_plan_csv(text_of(input), "plan.csv"); });
  may_refuse([&] { suite::parse_bounds(text_of(input), "bounds.csv"); });
}

void read_bounds(Input input) {
  may_refuse([&] { suite::parse_given_bounds(text_of(input), "bounds.toml"); });
}

void read_metrics(Input input) {
  may_refuse([&] { suite::parse_metrics(text_of(input), "metrics.jsonl"); });
}

// What other programs leave or print; it is never refused.
void read_owners(Input input) {
  suite::decode_lock(text_of(input));
  suite::parse_queue(text_of(input));
}

void read_manifest(Input input) {
  put(scratch() / "manifest.json", text_of(input));
  may_refuse([&] { suite::read_manifest(scratch()); });
  may_refuse([&] { suite::read_suite_manifest(scratch()); });
}

// The files of a run folder, each behind a line "--- NAME".
void read_results(Input input) {
  constexpr std::string_view kNames[] = {"manifest.json", "config.toml", "metrics.jsonl",
                                         "eval_episodes.csv", "checkpoints/latest"};
  const std::string text = text_of(input);
  for (const std::string_view name : kNames) {
    const std::string line = "--- " + std::string(name) + "\n";
    const std::size_t found = text.find(line);
    const std::size_t begin = found == std::string::npos ? text.size() : found + line.size();
    put(scratch() / name, text.substr(begin, text.find("--- ", begin) - begin));
  }
  may_refuse([&] {
    const suite::ResultSet set = suite::load_results({scratch()}, {.verify = false});
    for (const suite::RunResult& run : set.runs) {
      may_refuse([&] { suite::read_episodes(run); });
      may_refuse([&] { suite::read_train_metrics(run); });
    }
  });
  may_refuse([&] { suite::find_checkpoint(scratch()); });
}

}  // namespace

std::vector<Target> suite_targets() {
  return {
      {"checkpoint", read_checkpoint}, {"replay_log", read_replay}, {"run_config", read_run_config},
      {"suite", read_suite},           {"csv", read_csv},           {"bounds", read_bounds},
      {"metrics", read_metrics},       {"owners", read_owners},     {"manifest", read_manifest},
      {"results", read_results}};
}

}  // namespace credo::fuzz
