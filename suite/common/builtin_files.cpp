#include "suite/common/builtin_files.hpp"

namespace credo::suite {

const BuiltinFile* find_builtin(std::string_view folder, std::string_view name) {
  for (const BuiltinFile& file : builtin_files())
    if (file.folder == folder && file.name == name) return &file;
  return nullptr;
}

std::vector<std::string> builtin_names(std::string_view folder) {
  std::vector<std::string> names;
  for (const BuiltinFile& file : builtin_files())
    if (file.folder == folder) names.push_back(file.name);
  return names;
}

}  // namespace credo::suite
