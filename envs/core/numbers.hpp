// Numbers as people write them on a command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace credo {

/// A whole number: decimal digits with an optional sign, or scientific notation whose value is
/// exactly a whole number ("100000", "1e5", "2.5e6"). nullopt for everything else ("1.5e0", "1.0",
/// "1e", values beyond 64 bits).
std::optional<std::int64_t> parse_integer(std::string_view text);

/// The whole number that `value` is exactly; nullopt when it is none, or too large for doubles to
/// tell neighbours apart (2^53).
std::optional<std::int64_t> whole_number(double value);

}  // namespace credo
