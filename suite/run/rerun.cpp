#include "suite/run/rerun.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <system_error>

#include "envs/core/error.hpp"
#include "suite/common/files.hpp"
#include "suite/common/hashing.hpp"
#include "suite/common/text.hpp"
#include "suite/run/run_files.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;

bool matches(const RecordedRun& run, const std::string& pattern) {
  return is_meant(pattern, run.names, {run.env, run.algorithm}, run.seed);
}

// "" when both hold the same bytes.
std::string difference(const fs::path& recorded, const fs::path& again) {
  std::error_code error;
  if (!fs::exists(recorded, error)) return "missing";
  if (!fs::exists(again, error)) return "not written again";
  const std::string old_text = read_text(recorded);
  const std::string new_text = read_text(again);
  if (old_text == new_text) return "";
  const auto [at, other] =
      std::mismatch(old_text.begin(), old_text.end(), new_text.begin(), new_text.end());
  const std::string extension = recorded.extension().string();
  if (extension == ".jsonl" || extension == ".csv" || extension == ".toml")
    return fmt::format("line {} differs", 1 + std::count(old_text.begin(), at, '\n'));
  return fmt::format("differs from byte {} on", at - old_text.begin());
}

std::string difference_from_hash(const std::string& hash, const fs::path& again) {
  std::error_code error;
  if (!fs::exists(again, error)) return "not written again";
  return sha256_hex_of_file(again) == hash ? "" : "differs";
}

}  // namespace

std::vector<RecordedRun> choose_runs(const std::vector<RecordedRun>& runs,
                                     const std::vector<std::string>& choices) {
  std::set<std::size_t> chosen;
  for (const std::string& choice : choices) {
    if (const auto count = parse_int(choice)) {
      if (*count < 1)
        throw UserError(
            fmt::format("--rerun = '{}': allowed: a number of at least 1, or a pattern", choice));
      if (runs.empty())
        throw UserError(fmt::format(
            "--rerun {}: no finished runs here, and no {} of published ones; name a folder that "
            "`credo suite`, `credo run` or `credo report --out` wrote",
            choice, kRunRecords));
      const auto wanted = std::min(static_cast<std::size_t>(*count), runs.size());
      for (std::size_t i = 0; i < wanted; ++i) chosen.insert(i * runs.size() / wanted);
      continue;
    }
    bool is_matched = false;
    for (std::size_t i = 0; i < runs.size(); ++i)
      if (matches(runs[i], choice)) {
        chosen.insert(i);
        is_matched = true;
      }
    if (!is_matched)
      throw UserError(fmt::format("--rerun '{}' matches none of the {} finished runs; {}", choice,
                                  runs.size(), kPatternRule));
  }
  std::vector<RecordedRun> result;
  for (const std::size_t i : chosen) result.push_back(runs[i]);
  return result;
}

RerunOutcome rerun(const RecordedRun& run, const fs::path& scratch, const RunOptions& options) {
  RerunOutcome outcome;
  try {
    const RunConfig config =
        RunConfig::from_toml(run.config, (run.folder / std::string(kConfig)).string());
    RunOptions run_options = options;
    run_options.names = run.names;
    const RunOutcome again = start_run(config, scratch, run_options);
    outcome.end = again.end;
    if (again.end != RunEnd::kDone) {
      outcome.differences.push_back(one_line(again.reason));
      return outcome;
    }
    for (const auto& [name, hash] : run.sha256) {
      ++outcome.n_files;
      const fs::path written = run_file(scratch, name);
      const std::string text = run.has_files ? difference(run_file(run.folder, name), written)
                                             : difference_from_hash(hash, written);
      if (!text.empty()) outcome.differences.push_back(name + ": " + text);
    }
  } catch (const Error& error) {
    outcome.end = RunEnd::kFailed;
    outcome.differences.push_back(one_line(error.what()));
  }
  return outcome;
}

}  // namespace credo::suite
