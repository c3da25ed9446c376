#include "envs/core/numbers.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "envs/core/parse_number.hpp"

namespace credo {
namespace {

bool is_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::optional<std::int64_t> parse_integer(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  const std::size_t e = text.find_first_of("eE");
  if (e == std::string_view::npos) return parse_number<std::int64_t>(text);

  // Digits without the point, and the zeros to append (or, below 0, to take off).
  constexpr int kMostDigits = 20;
  std::string_view mantissa = text.substr(0, e);
  std::string_view exponent = text.substr(e + 1);
  const bool is_negative = mantissa.starts_with('-');
  if (is_negative) mantissa.remove_prefix(1);
  if (exponent.starts_with('+')) exponent.remove_prefix(1);
  const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
  const std::string_view whole = mantissa.substr(0, point);
  const std::string_view fraction = mantissa.substr(std::min(point + 1, mantissa.size()));
  if (!is_digits(whole) || (point < mantissa.size() && !is_digits(fraction))) return std::nullopt;
  std::string digits(whole);
  digits += fraction;
  const std::string_view exponent_digits = exponent.substr(exponent.starts_with('-') ? 1 : 0);
  const auto power = parse_number<int>(exponent);
  if (!is_digits(exponent_digits) || !power || std::abs(*power) > kMostDigits) return std::nullopt;
  int zeros = *power - static_cast<int>(fraction.size());
  for (; zeros < 0; ++zeros) {
    if (digits.back() != '0') return std::nullopt;
    if (digits.size() > 1) digits.pop_back();
  }
  digits.append(static_cast<std::size_t>(zeros), '0');
  return parse_number<std::int64_t>(is_negative ? "-" + digits : digits);
}

std::optional<std::int64_t> whole_number(double value) {
  constexpr double kLargest = 9007199254740992.0;  // 2^53
  if (!(std::abs(value) <= kLargest) || std::trunc(value) != value) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

}  // namespace credo
