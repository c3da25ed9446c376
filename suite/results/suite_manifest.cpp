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

namespace {

constexpr int kSchemaVersion = 2;

template <class M, class Io>
void manifest_fields(M& m, const Io& io) {
  io("status", m.status);
  if (!Io::kReads || m.schema == kSuiteSchema) io.required("suite", m.suite);
  io("command", m.command);
  const bool has_ended = Io::kReads || !m.ended.empty();
  if (has_ended) {
    io("profile", m.profile);
    io("seeds", m.seeds);
    io("cells", m.cells);
    io("cells_done", m.cells_done);
    io("cells_failed", m.cells_failed);
  }
  io("started", m.started);
  if (has_ended) {
    io("ended", m.ended);
    io("wall_s", m.wall_s);
    io("cells_wall_s", m.cells_wall_s);
    io("jobs", m.jobs);
    program_fields(m, io);
    machine_fields(m, io);
  }
  io("sha256", m.sha256);
}

}  // namespace

void write_suite_manifest(const fs::path& folder, const SuiteManifest& m) {
  Json out;
  out["schema"] = m.schema;
  out["schema_version"] = kSchemaVersion;
  manifest_fields(m, FieldWriter{out});
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
    manifest_fields(m, FieldReader{in});
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
