#include "suite/common/safe_path.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <system_error>

#include "envs/core/error.hpp"
#include "suite/common/text.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;

// Both without links and dots.
bool is_inside(const fs::path& folder, const fs::path& path) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first ==
         folder.end();
}

}  // namespace

void check_path_name(std::string_view name, std::string_view where) {
  constexpr std::size_t kLongestName = 1024;
  constexpr std::size_t kLongestPart = 255;
  const auto refuse = [&](std::string_view why) {
    throw UserError(fmt::format("{}: unusable name '{}': {}", where,
                                one_line(name.substr(0, kLongestName)), why));
  };
  if (name.size() > kLongestName) refuse("longer than 1024 bytes");
  for (const char c : name)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) refuse("it has control characters");
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    const std::string_view part = name.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..")
      refuse("allowed: a relative path without empty parts, '.' and '..'");
    if (part.size() > kLongestPart) refuse("a part is longer than 255 bytes");
    begin = end + 1;
  }
}

fs::path path_below(const fs::path& folder, std::string_view name, std::string_view where) {
  check_path_name(name, where);
  const fs::path root = folder.empty() ? "." : folder;
  fs::path path = folder;
  for (const fs::path& part : fs::path(name)) {
    path /= part;
    std::error_code error;
    if (!fs::is_symlink(fs::symlink_status(path, error))) continue;
    const fs::path target = fs::canonical(path, error);
    if (error || !is_inside(fs::canonical(root, error), target))
      throw UserError(fmt::format("{}: {} is a symbolic link that leads out of {}", where,
                                  one_line(path.string()), one_line(root.string())));
  }
  return path;
}

fs::path folder_file(const fs::path& folder, std::string_view name) {
  return path_below(folder, name, folder.empty() ? "." : folder.string());
}

}  // namespace credo::suite
