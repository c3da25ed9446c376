// Names that a file gives (a manifest, a plan, a log) and that become paths. Whoever wrote the file
// may be a stranger, so no such name is joined to a folder but here.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace credo::suite {

/// Allowed: parts between '/', none empty, "." or "..", none above 255 bytes, no control character;
/// 1024 bytes in all. Errors: UserError naming `where` and the name.
void check_path_name(std::string_view name, std::string_view where);

/// `folder` / `name`. Neither the name nor a symbolic link on the way below `folder` may lead out
/// of it; `folder` itself is the caller's choice. Errors: UserError naming `where` and the name.
std::filesystem::path path_below(const std::filesystem::path& folder, std::string_view name,
                                 std::string_view where);

/// A file of a suite's or run's folder. Errors: UserError for a link that leads out of it.
std::filesystem::path folder_file(const std::filesystem::path& folder, std::string_view name);

}  // namespace credo::suite
