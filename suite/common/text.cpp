#include "suite/common/text.hpp"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>

#include "envs/core/error.hpp"
#include "envs/core/numbers.hpp"
#include "envs/core/parse_number.hpp"

namespace credo::suite {

std::optional<std::int64_t> parse_int(std::string_view text) {
  return parse_number<std::int64_t>(text);
}

std::int64_t parse_option_int(std::string_view option, std::string_view text, std::int64_t low,
                              std::int64_t high) {
  const auto value = parse_integer(text);
  if (!value || *value < low || *value > high)
    throw UserError(fmt::format("{} = '{}': {}; allowed: an integer in [{}, {}]", option, text,
                                value ? "out of range" : "not an integer", low, high));
  return *value;
}

std::vector<std::uint64_t> parse_seed_list(std::string_view option, std::string_view text) {
  constexpr std::size_t kMostSeeds = 10000;
  const auto reject = [&](const std::string& why) -> UserError {
    return UserError(fmt::format("{} = '{}': {}; allowed: seeds and ranges such as 0-4 or 0,2,5",
                                 option, text, why));
  };
  std::vector<std::uint64_t> seeds;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    const std::string_view item = text.substr(begin, comma - begin);
    begin = comma + 1;
    const std::size_t dash = item.find('-');
    const auto first = parse_int(item.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_int(item.substr(dash + 1));
    if (!first || !last || *first < 0 || *last < 0)
      throw reject(fmt::format("'{}' is not a seed or a range of seeds", item));
    if (*last < *first) throw reject(fmt::format("the range '{}' runs backwards", item));
    if (static_cast<std::size_t>(*last - *first) >= kMostSeeds - std::min(kMostSeeds, seeds.size()))
      throw reject(fmt::format("more than {} seeds", kMostSeeds));
    const auto count = static_cast<std::uint64_t>(*last - *first) + 1;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t seed = static_cast<std::uint64_t>(*first) + i;
      if (std::find(seeds.begin(), seeds.end(), seed) != seeds.end())
        throw reject(fmt::format("seed {} appears twice", seed));
      seeds.push_back(seed);
    }
  }
  return seeds;
}

std::string seed_list_text(const std::vector<std::uint64_t>& seeds) {
  std::string text;
  for (std::size_t i = 0; i < seeds.size();) {
    std::size_t end = i + 1;
    while (end < seeds.size() && seeds[end] == seeds[end - 1] + 1) ++end;
    if (!text.empty()) text += ',';
    text +=
        end - i == 1 ? fmt::format("{}", seeds[i]) : fmt::format("{}-{}", seeds[i], seeds[end - 1]);
    i = end;
  }
  return text;
}

bool glob_match(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::optional<std::size_t> find_invalid_utf8(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  for (std::size_t i = 0; i < text.size();) {
    const unsigned char lead = byte(i);
    std::size_t length = 1;
    std::uint32_t point = lead;
    if (lead >= 0x80) {
      if (lead >= 0xC2 && lead <= 0xDF) {
        length = 2;
        point = lead & 0x1FU;
      } else if (lead >= 0xE0 && lead <= 0xEF) {
        length = 3;
        point = lead & 0x0FU;
      } else if (lead >= 0xF0 && lead <= 0xF4) {
        length = 4;
        point = lead & 0x07U;
      } else {
        return i;
      }
      if (length > text.size() - i) return i;
      for (std::size_t k = 1; k < length; ++k) {
        if ((byte(i + k) & 0xC0U) != 0x80U) return i;
        point = (point << 6) | (byte(i + k) & 0x3FU);
      }
      const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
      const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
      if (overlong || surrogate || point > 0x10FFFF) return i;
    }
    i += length;
  }
  return std::nullopt;
}

std::string one_line(std::string_view text) {
  std::string clean(text);
  while (const auto bad = find_invalid_utf8(clean)) clean[*bad] = '?';
  std::string line;
  for (const char c : clean) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '\n') {
      line += "\\n";
    } else if (code < 0x20 || code == 0x7F) {
      line += fmt::format("\\x{:02x}", code);
    } else {
      line += c;
    }
  }
  return line;
}

std::string wrapped(std::string_view text, std::size_t width, std::size_t indent) {
  const std::string margin(indent, ' ');
  std::string out;
  std::string line;
  const auto end_line = [&] {
    if (!line.empty()) out += margin + line + "\n";
    line.clear();
  };
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view words = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (words.empty() || words.front() == ' ') {
      end_line();
      out += words.empty() ? "\n" : fmt::format("{}{}\n", margin, words);
      continue;
    }
    while (!words.empty()) {
      const std::size_t space = std::min(words.find(' '), words.size());
      const std::string_view word = words.substr(0, space);
      words.remove_prefix(std::min(space + 1, words.size()));
      if (!line.empty() && indent + line.size() + 1 + word.size() > width) end_line();
      if (!line.empty() && !word.empty()) line += ' ';
      line += word;
    }
  }
  end_line();
  return out;
}

std::string joined(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (const std::string& part : parts) {
    if (!text.empty()) text += separator;
    text += part;
  }
  return text;
}

void add_once(std::vector<std::string>& list, const std::string& text) {
  if (!text.empty() && std::find(list.begin(), list.end(), text) == list.end())
    list.push_back(text);
}

double rounded(double value, int digits) {
  return std::strtod(fmt::format("{:.{}g}", value, digits).c_str(), nullptr);
}

std::string with_thousands(std::int64_t value) {
  std::string digits = fmt::format("{}", value);
  const std::size_t first = value < 0 ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

}  // namespace credo::suite
