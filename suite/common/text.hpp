// Small text tools: whole-string number parsing, seed lists, name patterns.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace credo::suite {

/// The whole text as a decimal integer (a leading minus is fine), or nullopt.
std::optional<std::int64_t> parse_int(std::string_view text);

/// An integer option in [low, high], also written as "1e5".
/// Errors: UserError naming the option, the value and the range.
std::int64_t parse_option_int(std::string_view option, std::string_view text, std::int64_t low,
                              std::int64_t high);

/// "3", "0-4", "0,2,5", "0-2,7": in the order written, no duplicates.
/// Errors: UserError naming `option`.
std::vector<std::uint64_t> parse_seed_list(std::string_view option, std::string_view text);

/// The shortest seed list that parse_seed_list reads back ("0-2,7").
std::string seed_list_text(const std::vector<std::uint64_t>& seeds);

/// Shell-like pattern: '*' any run of characters ('/' included), '?' one character.
bool glob_match(std::string_view pattern, std::string_view text);

/// `text` on one line: control characters become visible escapes, bad UTF-8 bytes become '?'.
std::string one_line(std::string_view text);

/// Index of the first byte that is not part of well-formed UTF-8, or nullopt.
std::optional<std::size_t> find_invalid_utf8(std::string_view text);

/// Paragraphs (separated by empty lines) broken into lines of at most `width` columns where words
/// allow, each line behind `indent` spaces. Lines that begin with a space stay as they are.
std::string wrapped(std::string_view text, std::size_t width, std::size_t indent = 0);

/// A value to `digits` significant digits: what is worth showing, in as few bytes.
double rounded(double value, int digits);

/// "1,234,567".
std::string with_thousands(std::int64_t value);

/// "a, b, c".
std::string joined(const std::vector<std::string>& parts, std::string_view separator = ", ");
/// Appends `text` unless it is empty or already there.
void add_once(std::vector<std::string>& list, const std::string& text);

}  // namespace credo::suite
