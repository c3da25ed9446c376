#include "envs/core/error.hpp"

#include <algorithm>
#include <cstddef>
#include <fmt/format.h>
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

}  // namespace

std::string nearest_match(std::string_view word, std::span<const std::string> candidates) {
  const std::size_t limit = std::max<std::size_t>(2, word.size() / 3);
  std::string best;
  std::size_t best_distance = limit + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    // For very short words, candidates without a common letter are no help.
    if (distance >= std::max(word.size(), candidate.size())) continue;
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string unknown_name_message(std::string_view kind, std::string_view word,
                                 std::span<const std::string> allowed) {
  constexpr std::size_t kShown = 12;
  std::string message = fmt::format("unknown {} '{}'", kind, word);
  const std::string nearest = nearest_match(word, allowed);
  if (!nearest.empty()) message += fmt::format("; did you mean '{}'?", nearest);
  message += nearest.empty() ? "; allowed: " : " allowed: ";
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
