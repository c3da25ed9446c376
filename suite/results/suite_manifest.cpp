#include "suite/results/suite_manifest.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <system_error>

#include "suite/common/files.hpp"
#include "suite/common/json.hpp"
#include "suite/common/safe_path.hpp"
#include "suite/common/text.hpp"
#include "suite/run/manifest_fields.hpp"
#include "suite/run/run_files.hpp"

namespace credo::suite {

namespace fs = std::filesystem;

void write_suite_manifest(const fs::path& folder, const SuiteManifest& m) {
  Json out;
  out["schema"] = m.schema;
  out["schema_version"] = 2;
  out["status"] = m.status;
  out["suite"] = m.suite;
  out["command"] = m.command;
  if (!m.ended.empty()) {
    out["profile"] = m.profile;
    out["seeds"] = m.seeds;
    out["cells"] = m.cells;
    out["cells_done"] = m.cells_done;
    out["cells_failed"] = m.cells_failed;
  }
  out["started"] = m.started;
  if (!m.ended.empty()) {
    out["ended"] = m.ended;
    out["wall_s"] = m.wall_s;
    out["cells_wall_s"] = m.cells_wall_s;
    out["jobs"] = m.jobs;
    put_program(out, m);
    put_machine(out, m);
  }
  out["sha256"] = Json::object();
  for (const auto& [name, hash] : m.sha256) out["sha256"][name] = hash;
  write_file(folder / kManifest, json_text(out));
}

std::optional<SuiteManifest> read_suite_manifest(const fs::path& folder) {
  const fs::path path = folder_file(folder, kManifest);
  std::error_code error;
  if (!fs::exists(path, error)) return std::nullopt;
  const std::string text = as_user_error([&] { return read_text(path, kLargestManifest); });
  try {
    const auto in = Json::parse(text);
    SuiteManifest m;
    m.schema = in.value("schema", "");
    if (m.schema != kSuiteSchema && m.schema != kMatrixSchema) return std::nullopt;
    m.status = in.value("status", "");
    m.suite = m.schema == kSuiteSchema ? in.at("suite").get<std::string>() : "";
    m.command = in.value("command", "");
    m.started = in.value("started", "");
    m.profile = in.value("profile", "");
    m.seeds = in.value("seeds", std::vector<std::uint64_t>{});
    m.cells = in.value("cells", std::size_t{0});
    m.cells_done = in.value("cells_done", std::size_t{0});
    m.cells_failed = in.value("cells_failed", std::size_t{0});
    m.ended = in.value("ended", "");
    m.wall_s = in.value("wall_s", 0.0);
    m.cells_wall_s = in.value("cells_wall_s", 0.0);
    m.jobs = in.value("jobs", 1);
    get_program_and_machine(in, m);
    m.sha256 = in.value("sha256", std::map<std::string, std::string>{});
    return m;
  } catch (const nlohmann::json::exception& problem) {
    throw UserError(fmt::format("{}: damaged: {}", path.string(), one_line(problem.what())));
  }
}

std::vector<fs::path> find_tables(const fs::path& path) {
  std::vector<fs::path> found;
  const auto is_run = [](const fs::path& folder) {
    std::error_code error;
    return fs::exists(folder / kConfig, error);
  };
  const auto add = [&](const fs::path& folder) {
    if (!is_run(folder) && read_suite_manifest(folder)) found.push_back(folder);
  };
  add(path);
  std::error_code error;
  for (auto it = fs::recursive_directory_iterator(path, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    if (!it->is_directory(error)) continue;
    if (is_run(it->path())) it.disable_recursion_pending();
    add(it->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string suite_of_folder(const fs::path& folder) {
  const auto manifest = read_suite_manifest(folder);
  return manifest ? manifest->suite : "";
}

}  // namespace credo::suite
