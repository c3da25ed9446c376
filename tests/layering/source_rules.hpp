// What a source file may include and name, by the wing it belongs to. Checks text, so that the
// rules hold for code no compiler has seen yet.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace credo::layering {

/// One broken rule: "path:line: what is wrong".
using Findings = std::vector<std::string>;

/// The code with comments and the contents of string literals blanked out; lines stay in place.
/// Include paths are kept.
std::string code_only(std::string_view text);

/// envs includes neither learners nor suite; learners includes envs/core and never another part of
/// envs, nor suite; environments know no threads. Includes go by the path from the source root; a
/// test may also name its neighbour.
Findings check_includes(const std::string& path, std::string_view text);

/// No clock, environment variable, process exit, console output, standard random engine or
/// distribution, unordered container, or libm transcendental below suite; some of these nowhere.
Findings check_tokens(const std::string& path, std::string_view text);

/// At most 600 lines; no tabs or trailing blanks; headers start with #pragma once.
Findings check_shape(const std::string& path, std::string_view text);

/// Test names contain no ';' (CTest would split them) and are unique within the file.
Findings check_test_names(const std::string& path, std::string_view text);

/// Link lines of a wing's CMakeLists.txt: no library of a wing above it.
Findings check_links(const std::string& path, std::string_view text);

/// Relative links of a Markdown page lead to files that exist below `root`.
Findings check_page_links(const std::string& root, const std::string& path, std::string_view text);

/// Pages that comments refer to ("docs/numerics.md") exist below `root`.
Findings check_page_names(const std::string& root, const std::string& path, std::string_view text);

}  // namespace credo::layering
