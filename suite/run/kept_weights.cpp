#include "suite/run/kept_weights.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "envs/core/error.hpp"
#include "suite/common/text.hpp"

namespace credo::suite {
namespace {

constexpr std::string_view kEvaluations = "evaluations";
constexpr std::int64_t kWhole = 100;

// floor(percent * t_max / 100) without overflow.
std::int64_t part_of(std::int64_t t_max, std::int64_t percent) {
  return t_max / kWhole * percent + t_max % kWhole * percent / kWhole;
}

std::int64_t step_of(std::string_view part, std::string_view whole, std::int64_t t_max) {
  const bool is_share = part.ends_with('%');
  const auto number = parse_int(is_share ? part.substr(0, part.size() - 1) : part);
  if (!number || *number < 0 || (is_share && *number > kWhole))
    throw UserError(fmt::format(
        "{} = '{}': allowed, separated by commas: steps (5000), percentages of run.t_max from 0% "
        "to 100% (25%), evaluations",
        kKeepWeightsKey, one_line(whole)));
  if (!is_share && *number > t_max)
    throw UserError(fmt::format("{} = '{}': step {} is beyond run.t_max = {}", kKeepWeightsKey,
                                one_line(whole), *number, t_max));
  return is_share ? part_of(t_max, *number) : *number;
}

}  // namespace

bool KeepRule::is_due(std::int64_t before, std::int64_t now) const {
  const auto next = std::upper_bound(steps.begin(), steps.end(), before);
  return next != steps.end() && *next <= now;
}

KeepRule parse_keep_rule(std::string_view text, std::int64_t t_max) {
  KeepRule rule;
  if (text.empty()) return rule;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    std::string_view part = text.substr(begin, end - begin);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    if (part == kEvaluations)
      rule.evaluations = true;
    else
      rule.steps.push_back(step_of(part, text, t_max));
    begin = end + 1;
  }
  std::sort(rule.steps.begin(), rule.steps.end());
  rule.steps.erase(std::unique(rule.steps.begin(), rule.steps.end()), rule.steps.end());
  return rule;
}

}  // namespace credo::suite
