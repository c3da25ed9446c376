#include "suite/replay/replay_credits.hpp"

#include <cstdlib>
#include <fmt/format.h>

#include "learners/base/index.hpp"
#include "suite/plan/credits_rules.hpp"

namespace credo::suite {
namespace {

constexpr int kSignificantDigits = 4;  // more than bars can show

double significant(double value) {
  return std::strtod(fmt::format("{:.{}g}", value, kSignificantDigits).c_str(), nullptr);
}

// By agent; null for those that do not act.
Json by_agent(const Contribution& truth, const std::vector<double>& values, int n_agents) {
  Json list = Json::array();
  for (int agent = 0; agent < n_agents; ++agent) list.push_back(nullptr);
  for (std::size_t i = 0; i < truth.players.size() && i < values.size(); ++i)
    list[sz(truth.players[i])] = significant(values[i]);
  return list;
}

}  // namespace

std::optional<ReplayCredits> measure_replay_credits(
    const Env& env, const std::string& env_settings, const CreditsSubject& subject, int episodes,
    std::uint64_t seed, const std::function<void(const CreditsProgress&)>& on_progress) {
  CreditsOptions options;
  options.states = kMostCreditStates;  // every step
  options.episodes = episodes;
  options.seed = seed;
  const CreditsPlan plan = plan_credits(env, env_settings, subject, options);
  std::string note;
  const auto result = run_credits(env, subject, plan, {}, note, on_progress);
  if (!result) return std::nullopt;
  const LearnedCredits* sample = nullptr;
  for (const MeasuredState& state : result->states)
    if (!state.truth.players.empty()) sample = &state.mixer;
  std::vector<double> LearnedCredits::*account = nullptr;
  ReplayCredits credits{.default_name = plan.choice_name, .account = "", .episodes = {}};
  const std::pair<const char*, std::vector<double> LearnedCredits::*> accounts[] = {
      {"psi", &LearnedCredits::psi},
      {"first", &LearnedCredits::first},
      {"delta", &LearnedCredits::delta}};
  for (const auto& [name, values] : accounts)
    if (sample != nullptr && account == nullptr && !(sample->*values).empty()) {
      credits.account = name;
      account = values;
    }
  credits.episodes.assign(sz(episodes), Json::array());
  const int n = env.spec().n_agents;
  for (const MeasuredState& state : result->states) {
    const Contribution& truth = state.truth;
    Json step = {{"phi", by_agent(truth, truth.phi, n)}, {"se", by_agent(truth, truth.phi_se, n)}};
    if (account != nullptr) step["learned"] = by_agent(truth, state.mixer.*account, n);
    if (!state.mixer.g.empty()) step["g"] = by_agent(truth, state.mixer.g, n);
    step["gain"] = significant(truth.v_all - truth.v_none);
    step["decided"] = truth.any_decided();
    credits.episodes[sz(truth.episode)].push_back(std::move(step));
  }
  return credits;
}

}  // namespace credo::suite
