#include "suite/report/run_origins.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <system_error>

#include "suite/common/files.hpp"
#include "suite/results/suite_manifest.hpp"
#include "suite/run/run_directory.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;

std::string percent_encoded(const std::string& path) {
  std::string encoded;
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("/-._~").find(c) != std::string_view::npos;
    if (plain)
      encoded += c;
    else
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}

Json machine_of(const Manifest& manifest) {
  return {{"version", manifest.version},   {"commit", manifest.commit},
          {"compiler", manifest.compiler}, {"flags", manifest.flags},
          {"isa", manifest.isa},           {"cpu", manifest.cpu},
          {"cores", manifest.cores},       {"threads", manifest.threads}};
}

std::size_t place_in(Json& list, const Json& item) {
  const auto at = std::find(list.begin(), list.end(), item);
  const auto place = static_cast<std::size_t>(at - list.begin());
  if (at == list.end()) list.push_back(item);
  return place;
}

}  // namespace

void RunOrigins::describe(const std::vector<const RunResult*>& runs, Json& cell) {
  Json base;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    Json& json = cell["runs"][i];
    if (runs[i]->folder.empty() || !holds_run(runs[i]->folder)) continue;
    const Manifest manifest = read_manifest(runs[i]->folder);
    json["machine"] = place_in(machines_, machine_of(manifest));
    if (manifest.resumes > 0) json["resumes"] = manifest.resumes;
    if (Json files = replays(*runs[i]); !files.empty()) json["files"] = std::move(files);
    Json lines = config_lines(*runs[i]);
    if (base.is_null()) {
      cell["config"] = lines;
      base = std::move(lines);
      continue;
    }
    // Seeds differ in a line or two; only a configuration of another length is kept whole.
    if (lines.size() != base.size()) {
      json["lines"] = std::move(lines);
      continue;
    }
    Json own = Json::array();
    for (std::size_t k = 0; k < lines.size(); ++k)
      if (lines[k] != base[k]) own.push_back(Json::array({k, lines[k]}));
    json["config"] = std::move(own);
  }
}

Json RunOrigins::config_lines(const RunResult& run) {
  const std::string text =
      as_user_error([&] { return read_text(run_file(run.folder, kConfig), kLargestDocument); });
  Json ids = Json::array();
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const auto [at, is_new] = line_ids_.emplace(text.substr(begin, end - begin), line_ids_.size());
    if (is_new) lines_.push_back(at->first);
    ids.push_back(at->second);
    begin = end + 1;
  }
  return ids;
}

// [[name, link], ...]: files of the folder "replays", and those whose name starts with "replay".
Json RunOrigins::replays(const RunResult& run) const {
  std::vector<fs::path> found;
  std::error_code error;
  for (const fs::path& folder : {run.folder, run.folder / "replays"})
    for (auto it = fs::directory_iterator(folder, error); !error && it != fs::directory_iterator();
         it.increment(error)) {
      const bool is_replay =
          folder != run.folder || it->path().filename().string().starts_with("replay");
      std::error_code problem;
      if (is_replay && it->is_regular_file(problem)) found.push_back(it->path());
    }
  std::sort(found.begin(), found.end());
  Json files = Json::array();
  for (const fs::path& file : found) {
    const fs::path link = fs::absolute(file).lexically_normal().lexically_relative(
        fs::absolute(options_.folder).lexically_normal());
    files.push_back(
        Json::array({file.filename().string(), percent_encoded(link.generic_string())}));
  }
  return files;
}

std::vector<std::string> RunOrigins::facts(const char* key) const {
  std::vector<std::string> texts;
  const auto add = [&](const Json& machine) {
    if (!machine.is_object() || !machine.contains(key) || !machine[key].is_string()) return;
    std::string text = machine[key].get<std::string>();
    if (std::string_view(key) == "cpu" && machine.contains("cores"))
      text += fmt::format(", {} cores", machine["cores"].dump());
    if (std::find(texts.begin(), texts.end(), text) == texts.end()) texts.push_back(text);
  };
  for (const Json& machine : machines_) add(machine);
  if (!machines_.empty()) return texts;
  for (const fs::path& source : options_.sources)
    if (const auto suite = read_suite_manifest(source))
      add({{"compiler", suite->compiler}, {"cpu", suite->cpu}, {"cores", suite->cores}});
  return texts;
}

std::vector<std::string> RunOrigins::processors() const { return facts("cpu"); }
std::vector<std::string> RunOrigins::compilers() const { return facts("compiler"); }

}  // namespace credo::suite
