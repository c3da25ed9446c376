// Numbers from text, the same in every locale: nothing before, between or after them.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <type_traits>
#if !defined(__cpp_lib_to_chars)
#include <locale>
#include <sstream>
#include <string>
#endif

namespace credo {

/// The whole of `text` as a number of type T; nullopt for anything else, also out of T's range.
template <typename T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
#if !defined(__cpp_lib_to_chars)
  // libc++ reads integers this way, and no floats before version 20.
  if constexpr (std::is_floating_point_v<T>) {
    constexpr std::string_view kAllowed = "+-.0123456789eEinfatyINFATY";
    if (text.empty() || text.front() == '+' ||
        text.find_first_not_of(kAllowed) != std::string_view::npos)
      return std::nullopt;
    std::istringstream in{std::string(text)};
    in.imbue(std::locale::classic());
    in >> value;
    if (in.fail() || in.peek() != std::istringstream::traits_type::eof()) return std::nullopt;
    return value;
  } else
#endif
  {
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
    return value;
  }
}

}  // namespace credo
