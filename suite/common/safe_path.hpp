// Names read from files (manifests, plans, logs) that become paths. The files may be untrusted, so
// such names are joined to folders here and nowhere else.
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
