#include <algorithm>
#include <fmt/format.h>

#include "learners/base/index.hpp"
#include "suite/common/build_info.hpp"
#include "suite/common/csv.hpp"
#include "suite/common/hashing.hpp"
#include "suite/credits/credits_study.hpp"

namespace credo::suite {
namespace {

constexpr int kSchemaVersion = 1;

std::string value_at(const std::vector<double>& values, std::size_t i) {
  return i < values.size() ? csv_number(values[i]) : "";
}

Json measures_json(const std::vector<CreditMeasure>& measures) {
  Json list = Json::array();
  for (const CreditMeasure& m : measures) {
    Json entry;
    entry["measure"] = m.name;
    entry["help"] = m.help;
    entry["value"] = json_or_null(m.value);
    entry["low"] = json_or_null(m.low);
    entry["high"] = json_or_null(m.high);
    entry["states"] = m.states;
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace

std::string agents_csv(const Env& env, const CreditsResult& result) {
  const EnvSpec& spec = env.spec();
  std::string text = csv_line({"episode", "t", "agent", "acting", "inert", "action", "default",
                               "phi", "phi_se", "diff", "diff_se", "g", "first", "delta", "psi",
                               "q_action", "q_default", "central_delta", "central_psi"});
  for (const MeasuredState& state : result.states) {
    const Contribution& truth = state.truth;
    std::size_t player = 0;
    for (int agent = 0; agent < spec.n_agents; ++agent) {
      const bool acts = player < truth.players.size() && truth.players[player] == agent;
      std::vector<std::string> row = {fmt::to_string(truth.episode), fmt::to_string(truth.t),
                                      fmt::to_string(agent), acts ? "1" : "0"};
      if (!acts) {
        row.resize(19);
        text += csv_line(row);
        continue;
      }
      const std::size_t i = player++;
      row.emplace_back(truth.inert[i] != 0 ? "1" : "0");
      row.push_back(spec.action_names[sz(truth.actions[sz(agent)])]);
      const std::int64_t draws = static_cast<std::int64_t>(truth.defaults.size()) / spec.n_agents;
      row.push_back(draws == 1 ? spec.action_names[sz(truth.defaults[sz(agent)])] : "random");
      for (const double x : {truth.phi[i], truth.phi_se[i], truth.diff[i], truth.diff_se[i]})
        row.push_back(csv_number(x));
      const LearnedCredits& m = state.mixer;
      for (const auto* list : {&m.g, &m.first, &m.delta, &m.psi, &m.q_action, &m.q_default,
                               &state.central.delta, &state.central.psi})
        row.push_back(value_at(*list, i));
      text += csv_line(row);
    }
  }
  return text;
}

std::string states_csv(const CreditsResult& result, int n_agents) {
  std::string text = csv_line(
      {"episode", "t",         "acting",         "coalitions", "replicates", "capped", "exact",
       "steps",   "v_all",     "v_all_se",       "v_none",     "w_all",      "w_none", "pairs",
       "decided", "agreement", "tau_b",          "spearman",   "top1",       "h_g",    "h_psi",
       "h_phi",   "h_phi_low", "h_phi_positive", "h_phi_all",  "ends"});
  for (const MeasuredState& state : result.states) {
    const Contribution& truth = state.truth;
    const std::size_t k = truth.phi.size();
    const std::vector<std::uint8_t> decided = decided_pairs(truth);
    // The learner's best account: psi, else its first-order contributions.
    const std::vector<double>& learned =
        !state.mixer.psi.empty() ? state.mixer.psi : state.mixer.first;
    std::optional<double> agreement, tau, rho, top;
    if (k >= 2 && learned.size() == k) {
      agreement = count_pairs(truth.phi, learned, decided).agreement();
      tau = kendall_tau_b(truth.phi, learned);
      rho = spearman(truth.phi, learned);
      top = top_one(truth.phi, learned, decided);
    }
    std::vector<double> sure(k, 0.0);
    bool any = false;
    for (std::size_t i = 0; i < k; ++i)
      if (truth.is_nonzero(i)) {
        sure[i] = truth.phi[i];
        any = true;
      }
    // Where no agent acts, nothing was played.
    const auto where_played = [k](double v) { return k > 0 ? std::optional(v) : std::nullopt; };
    const auto where_any = [any](std::optional<double> h) { return any ? h : std::nullopt; };
    text += csv_line({fmt::to_string(truth.episode),
                      fmt::to_string(truth.t),
                      fmt::to_string(k),
                      fmt::to_string(truth.coalitions),
                      fmt::to_string(truth.replicates),
                      truth.capped ? "1" : "0",
                      truth.exact || truth.no_chance ? "1" : "0",
                      fmt::to_string(truth.steps),
                      csv_number(where_played(truth.v_all)),
                      csv_number(where_played(truth.v_all_se)),
                      csv_number(where_played(truth.v_none)),
                      csv_number(state.mixer.w_all),
                      csv_number(state.mixer.w_none),
                      fmt::to_string(k * (k > 0 ? k - 1 : 0) / 2),
                      fmt::to_string(std::count(decided.begin(), decided.end(), 1) / 2),
                      csv_number(agreement),
                      csv_number(tau),
                      csv_number(rho),
                      csv_number(top),
                      csv_number(share_entropy(state.mixer.g, k)),
                      csv_number(share_entropy(state.mixer.psi, k)),
                      csv_number(where_any(share_entropy(truth.phi, k))),
                      csv_number(where_any(share_entropy(sure, k))),
                      csv_number(where_any(positive_entropy(truth.phi, k))),
                      csv_number(where_any(share_entropy(truth.phi, sz(n_agents)))),
                      truth.ends ? "1" : "0"});
  }
  return text;
}

Json credits_json(const Env& env, const CreditsSubject& subject, const CreditsPlan& plan,
                  const CreditsResult& result) {
  const EnvSpec& spec = env.spec();
  Json json;
  json["schema"] = "credo.credits";
  json["schema_version"] = kSchemaVersion;
  json["identity"] = plan.identity;
  json["version"] = build_info().version;
  json["env"] = spec.id;
  json["env_settings"] = plan.env_settings;
  json["algorithm"] = subject.algorithm;
  json["label"] = subject.label;
  json["t_env"] = subject.config ? Json(subject.t_env) : Json(nullptr);
  json["weights_xxh64"] = subject.config ? Json(hex64(subject.weights_hash)) : Json(nullptr);
  json["game"] = plan.options.game == GameKind::kStep ? "step" : "absence";
  json["default"] = plan.choice_name;
  json["gamma"] = plan.options.gamma;
  json["exact_up_to"] = plan.options.exact_up_to;
  json["branches"] = {plan.options.rule.least_branches, plan.options.rule.most_branches};
  json["budget"] = plan.budget ? Json(*plan.budget) : Json(nullptr);
  json["episodes"] = plan.episodes;
  json["states_asked"] = plan.states;
  json["seed"] = plan.options.seed;
  json["states"] = result.fidelity.states;
  json["states_left_out"] = result.left_out;
  json["decided_states"] = result.fidelity.decided_states;
  json["env_steps"] = result.steps;
  json["truth"] = measures_json(result.fidelity.truth);
  json["learned"] = Json::array();
  for (const SignalMeasures& signal : result.fidelity.learned) {
    Json entry;
    entry["learner"] = signal.learner;
    entry["signal"] = signal.signal;
    entry["against"] = signal.signal == "delta" ? "diff" : "phi";
    entry["measures"] = measures_json(signal.measures);
    json["learned"].push_back(std::move(entry));
  }
  json["calibration"] = measures_json(result.fidelity.calibration);
  json["note"] =
      result.fidelity.decided_states > 0
          ? Json(nullptr)
          : Json("no pair of agents was decided in any state, so agreement is undefined");
  return json;
}

}  // namespace credo::suite
