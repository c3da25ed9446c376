#include "suite/plan/credits_rules.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "envs/core/error.hpp"
#include "suite/common/text.hpp"

namespace credo::suite {
namespace {

struct CheckpointKind {
  std::string_view name;
  bool CellCredits::*asked;
};
constexpr std::array<CheckpointKind, 3> kKinds = {{{"final", &CellCredits::has_final},
                                                   {"best", &CellCredits::has_best},
                                                   {"kept", &CellCredits::has_kept}}};

void read_checkpoints(const std::string& text, CellCredits& credits) {
  for (const CheckpointKind& kind : kKinds) credits.*kind.asked = false;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    std::string name = text.substr(begin, end - begin);
    name.erase(0, std::min(name.find_first_not_of(' '), name.size()));
    while (name.ends_with(' ')) name.pop_back();
    const auto found = std::find_if(kKinds.begin(), kKinds.end(),
                                    [&](const CheckpointKind& kind) { return kind.name == name; });
    if (found == kKinds.end())
      throw UserError(fmt::format(
          "credits.checkpoints = '{}': allowed, separated by commas: final, best, kept; \"\" "
          "measures nothing",
          one_line(text)));
    credits.*found->asked = true;
    begin = end + 1;
  }
}

// Throws a UserError for a value that none may have.
void apply(const Setting& setting, CellCredits& credits) {
  try {
    credits.options.set(setting.key, setting.value);
    if (setting.key == "checkpoints")
      read_checkpoints(credits.options.text("checkpoints"), credits);
    if (setting.key == "branches")
      parse_branches("credits.branches", credits.options.text("branches"));
  } catch (const UserError& error) {
    throw UserError(fmt::format("{}: {}", setting.where, error.what()));
  }
}

CellCredits defaults(const std::string& study) {
  CellCredits credits{.study = study, .options = Params(credits_params(), "credits.")};
  read_checkpoints(credits.options.text("checkpoints"), credits);
  return credits;
}

bool measures(const CellCredits& credits) {
  return credits.has_final || credits.has_best || credits.has_kept;
}

}  // namespace

std::vector<ParamSpec> credits_params() {
  return {
      ParamSpec::text("checkpoints", "final", "policies to measure, by commas: final, best, kept"),
      ParamSpec::choice("game", "step", {"step", "absence"},
                        "held back for one step, or to the end"),
      ParamSpec::text("default", "auto", "what agents held back do: auto, idle, random, an action"),
      ParamSpec::integer("states", 128, 1, kMostCreditStates, "states to sample"),
      ParamSpec::integer("episodes", 32, 1, kMostCreditEpisodes, "episodes to sample them from"),
      ParamSpec::real("gamma", 0.0, 0.0, 1.0, "discount; 0 = the learner's"),
      ParamSpec::integer("exact_up_to", 8, 0, kMostEnumerated,
                         "acting agents whose coalitions are all played"),
      ParamSpec::text("branches", "512:8192", "branches per state, LOW:HIGH"),
      ParamSpec::integer("budget", 0, 0, 1000000000000000,
                         "environment steps per policy that no state may go beyond; 0 = no limit"),
  };
}

std::pair<std::int64_t, std::int64_t> parse_branches(std::string_view option,
                                                     const std::string& text) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  const auto low = parse_int(text.substr(0, colon));
  const auto high = parse_int(text.substr(std::min(colon + 1, text.size())));
  if (!low || !high || *low < 1 || *high < *low || *high > kMostCreditBranches)
    throw UserError(fmt::format("{} '{}'; allowed: LOW:HIGH with 1 <= LOW <= HIGH <= {}", option,
                                one_line(text), kMostCreditBranches));
  return {*low, *high};
}

CreditsRule make_credits_rule(const Condition& condition, Setting setting) {
  CreditsRule rule{.condition = condition, .study = "", .setting = std::move(setting)};
  std::string& key = rule.setting.key;
  key.erase(0, key.find('.') + 1);
  if (const std::size_t dot = key.find('.'); dot != std::string::npos) {
    rule.study = key.substr(0, dot);
    key.erase(0, dot + 1);
  }
  CellCredits scratch = defaults("");
  apply(rule.setting, scratch);
  return rule;
}

std::vector<CellCredits> credits_for(const std::vector<CreditsRule>& rules, const std::string& env,
                                     const std::string& algorithm) {
  std::vector<std::string> studies;
  for (const CreditsRule& rule : rules)
    if (std::find(studies.begin(), studies.end(), rule.study) == studies.end())
      studies.push_back(rule.study);
  std::vector<CellCredits> found;
  for (const std::string& study : studies) {
    CellCredits credits = defaults(study);
    const auto apply_of = [&](std::string_view name) {
      for (const CreditsRule& rule : rules)
        if (rule.study == name && rule.condition.matches(env, algorithm))
          apply(rule.setting, credits);
    };
    apply_of("");
    if (!study.empty()) apply_of(study);
    if (measures(credits)) found.push_back(std::move(credits));
  }
  return found;
}

}  // namespace credo::suite
