#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <system_error>

#include "envs/core/error.hpp"
#include "suite/cli/cli.hpp"
#include "suite/files.hpp"
#include "suite/hashing.hpp"
#include "suite/result_set.hpp"
#include "suite/run_directory.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;

struct Tally {
  int checked = 0;
  std::vector<std::string> mismatches;
};

void check_files(const fs::path& directory, const std::map<std::string, std::string>& recorded,
                 Tally& tally) {
  for (const auto& [name, hash] : recorded) {
    const fs::path path = directory / name;
    ++tally.checked;
    std::error_code error;
    if (!fs::exists(path, error)) {
      tally.mismatches.push_back(fmt::format("{}: missing", path.string()));
    } else if (sha256_hex_of_file(path) != hash) {
      tally.mismatches.push_back(fmt::format("{}: changed since it was recorded", path.string()));
    }
  }
}

// The tables of a suite; a folder without a suite manifest has none.
bool check_suite(const fs::path& directory, Tally& tally) {
  const fs::path path = directory / "manifest.json";
  std::error_code error;
  if (!fs::exists(path, error)) return false;
  try {
    const auto json = nlohmann::json::parse(read_text(path));
    if (json.value("schema", "") != "credo.suite") return false;
    check_files(directory, json.at("sha256").get<std::map<std::string, std::string>>(), tally);
    return true;
  } catch (const nlohmann::json::exception& problem) {
    throw UserError(fmt::format("{}: damaged: {}", path.string(), problem.what()));
  }
}

int run_verify(const Arguments& arguments) {
  const fs::path directory = arguments.single("DIR");
  std::error_code error;
  if (!fs::is_directory(directory, error))
    throw UserError(fmt::format("{} is not a folder", directory.string()));
  Tally tally;
  const bool is_suite = check_suite(directory, tally);
  const bool is_run = !is_suite && holds_run(directory);
  const auto runs = is_run ? std::vector<fs::path>{directory} : find_runs(directory);
  if (runs.empty() && !is_suite)
    throw UserError(fmt::format("{} holds no run", directory.string()));
  for (const fs::path& run : runs) {
    const Manifest manifest = read_manifest(run);
    if (manifest.status != RunStatus::kDone) {
      if (is_run)
        throw UserError(fmt::format("{}: the run is {}; only finished runs can be verified",
                                    run.string(), status_name(manifest.status)));
      print_message(arguments,
                    fmt::format("{}: {}, skipped", run.string(), status_name(manifest.status)));
      continue;
    }
    check_files(run, manifest.sha256, tally);
    const auto config = manifest.sha256.find("config.toml");
    if (config == manifest.sha256.end() || config->second != manifest.run_id)
      tally.mismatches.push_back(
          fmt::format("{}: run_id is not the SHA-256 of config.toml", run.string()));
  }
  for (const std::string& mismatch : tally.mismatches) print_out("mismatch " + mismatch + "\n");
  print_out(
      fmt::format("{} files checked, {} mismatches\n", tally.checked, tally.mismatches.size()));
  return tally.mismatches.empty() ? kExitOk : kExitMismatch;
}

}  // namespace

Command verify_command() {
  Command command;
  command.name = "verify";
  command.arguments = "DIR";
  command.help = "re-hash the files of finished runs against their manifests";
  command.details =
      "Exit code 3 when a file changed or is missing.\n\n"
      "examples:\n  credo verify runs/pp\n  credo verify results/quick\n";
  command.most_positional = 1;
  command.run = run_verify;
  command.needs_arena = false;
  return command;
}

}  // namespace credo::suite
