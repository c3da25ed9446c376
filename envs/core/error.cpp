#include "envs/core/error.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <fmt/format.h>
#include <functional>
#include <utility>

namespace credo {
namespace {

// Levenshtein distance where swapping two neighbouring letters counts as one edit, because that
// is the most common typing slip.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replace, last[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

// Lower case, '-' as '_', no dashes in front: how people vary a name they remember.
std::string plain(std::string_view word) {
  word.remove_prefix(std::min(word.find_first_not_of('-'), word.size()));
  std::string out(word);
  for (char& c : out)
    c = c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// After the last separator of a dotted key, an environment's id or a policy's name.
std::string last_component(const std::string& name) {
  const std::size_t separator = name.find_last_of("./:");
  return separator == std::string::npos ? name : name.substr(separator + 1);
}

// What `word` may mean, the likeliest first. Rules go from sure to vague, and the first one that
// any candidate satisfies decides.
std::vector<std::string> near_matches(std::string_view word,
                                      std::span<const std::string> candidates) {
  constexpr std::size_t kMost = 3;
  constexpr std::size_t kShortestPrefix = 2;
  constexpr std::size_t kShortestTypo = 4;
  const std::string asked = plain(word);
  const std::string asked_last = last_component(asked);
  if (asked.empty()) return {};
  struct Near {
    std::string name, plain, last;
    std::size_t distance;
  };
  std::vector<Near> all;
  for (const std::string& candidate : candidates) {
    const std::string name = plain(candidate);
    all.push_back({candidate, name, last_component(name), edit_distance(asked, name)});
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Near& a, const Near& b) { return a.distance < b.distance; });
  const auto begins = [](const std::string& whole, const std::string& start) {
    return start.size() >= kShortestPrefix && whole.starts_with(start);
  };
  const std::size_t limit = std::max<std::size_t>(2, asked.size() / 3);
  const std::size_t least = all.empty() ? 0 : all.front().distance;
  const std::array<std::function<bool(const Near&)>, 6> rules = {{
      [&](const Near& near) { return near.plain == asked; },
      [&](const Near& near) { return asked.size() >= kShortestTypo && near.distance == 1; },
      [&](const Near& near) { return !asked_last.empty() && near.last == asked_last; },
      [&](const Near& near) { return begins(near.plain, asked); },
      [&](const Near& near) { return begins(near.last, asked_last); },
      [&](const Near& near) {
        // A candidate that shares nothing with a very short word is no help.
        return near.distance == least && near.distance <= limit &&
               near.distance < std::max(asked.size(), near.plain.size());
      },
  }};
  std::vector<std::string> found;
  for (const auto& rule : rules) {
    for (const Near& near : all)
      if (found.size() < kMost && rule(near)) found.push_back(near.name);
    if (!found.empty()) break;
  }
  return found;
}

}  // namespace

std::string nearest_match(std::string_view word, std::span<const std::string> candidates) {
  const std::vector<std::string> near = near_matches(word, candidates);
  return near.empty() ? "" : near.front();
}

std::string unknown_name_message(std::string_view kind, std::string_view word,
                                 std::span<const std::string> allowed) {
  constexpr std::size_t kShown = 12;
  std::string message = fmt::format("unknown {} '{}'", kind, word);
  const std::vector<std::string> near = near_matches(word, allowed);
  for (std::size_t i = 0; i < near.size(); ++i)
    message += fmt::format("{}'{}'",
                           i == 0                 ? "; did you mean "
                           : i + 1 == near.size() ? " or "
                                                  : ", ",
                           near[i]);
  message += near.empty() ? "; allowed: " : "? allowed: ";
  if (allowed.empty()) return message + "none";
  for (std::size_t i = 0; i < std::min(allowed.size(), kShown); ++i)
    message += (i == 0 ? "" : ", ") + allowed[i];
  if (allowed.size() > kShown) message += fmt::format(", ... ({} in all)", allowed.size());
  return message;
}

namespace detail {

void check_failed(const char* condition, const char* file, int line, const std::string& message) {
  std::string_view name = file;
  if (const auto slash = name.find_last_of('/'); slash != std::string_view::npos)
    name.remove_prefix(slash + 1);
  throw Error(fmt::format("{} [{}:{}: {}]", message, name, line, condition));
}

}  // namespace detail
}  // namespace credo
