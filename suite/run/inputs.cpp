#include "suite/run/inputs.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "envs/core/error.hpp"
#include "suite/common/files.hpp"
#include "suite/common/hashing.hpp"
#include "suite/common/safe_path.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;

bool is_plain(std::string_view part) {
  return !part.empty() && part != "." && part != ".." &&
         std::all_of(part.begin(), part.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-' || c == '.';
         });
}

fs::path input_path(const fs::path& folder, const std::string& name) {
  return path_below(folder, fmt::format("{}/{}", kInputsFolder, name), "config.toml");
}

}  // namespace

std::string_view input_key(std::string_view name) { return name.substr(0, name.find('/')); }

std::string_view input_file(std::string_view name) {
  const std::size_t slash = name.find('/');
  return slash == std::string_view::npos ? "" : name.substr(slash + 1);
}

bool is_input_name(std::string_view name) {
  for (;;) {
    const std::size_t slash = name.find('/');
    if (!is_plain(name.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    name.remove_prefix(slash + 1);
  }
}

void collect_inputs(const Params& params, std::string_view prefix, InputFiles& files) {
  for (const ParamSpec& spec : params.specs()) {
    const FileContents* contents = params.held(spec.name);
    if (contents == nullptr) continue;
    const std::string key = std::string(prefix) + spec.name;
    for (const auto& [name, text] : *contents) {
      const std::string whole = name.empty() ? key : key + "/" + name;
      CREDO_CHECK(is_input_name(whole), "not a plain file name: " + whole);
      files[whole] = text;
    }
  }
}

InputHashes hash_inputs(const InputFiles& files) {
  InputHashes hashes;
  for (const auto& [name, text] : files) hashes[name] = sha256_hex(text);
  return hashes;
}

InputHashes inputs_of(const InputHashes& all, std::string_view key) {
  InputHashes found;
  for (const auto& [name, hash] : all)
    if (input_key(name) == key) found[name] = hash;
  return found;
}

void load_inputs(const fs::path& folder, const InputHashes& recorded, std::string_view prefix,
                 Params& params) {
  for (const ParamSpec& spec : std::vector<ParamSpec>(params.specs())) {
    if (!spec.is_path) continue;
    FileContents contents;
    for (const auto& [name, hash] : inputs_of(recorded, std::string(prefix) + spec.name)) {
      const fs::path path = input_path(folder, name);
      std::string text;
      try {
        text = read_text(path);
      } catch (const FileError& error) {
        throw UserError(fmt::format("{}; the run needs this copy of what it read", error.what()));
      }
      if (sha256_hex(text) != hash)
        throw UserError(fmt::format("{}: changed since the run began", path.string()));
      contents[std::string(input_file(name))] = std::move(text);
    }
    if (!contents.empty()) params.hold(spec.name, std::move(contents));
  }
}

void save_inputs(const fs::path& folder, const InputFiles& files) {
  for (const auto& [name, text] : files) {
    const fs::path path = input_path(folder, name);
    make_directories(path.parent_path());
    write_file(path, text);
  }
}

}  // namespace credo::suite
