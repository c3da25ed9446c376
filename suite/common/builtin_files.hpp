// The TOML files of suite/configs, the pages of replays and reports and the shells' completion
// scripts, compiled into the library so that the program is one file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace credo::suite {

struct BuiltinFile {
  std::string folder;  ///< "profiles", "suites", ..., "report/page", "cli/completion"
  std::string name;    ///< without .toml
  std::string label;   ///< as shown in messages
  std::string_view text;
};

/// All files, the TOML files first, each part sorted by folder and name.
const std::vector<BuiltinFile>& builtin_files();
/// nullptr when there is none.
const BuiltinFile* find_builtin(std::string_view folder, std::string_view name);
std::vector<std::string> builtin_names(std::string_view folder);

}  // namespace credo::suite
