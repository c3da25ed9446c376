// Situations and contributions for tests: the start of an episode, every step of a scripted one.
#pragma once

#include <cmath>
#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <vector>

#include "envs/core/registry.hpp"
#include "learners/contributions/contribution.hpp"
#include "tests/learners/support.hpp"

namespace learner_tests {

using credo::Continuations;
using credo::Contribution;
using credo::ContributionOptions;
using credo::Env;
using credo::env_params;
using credo::episode_lengths;
using credo::estimate_contribution;
using credo::FixedPolicy;
using credo::GameKind;
using credo::make_env;
using credo::Moment;
using credo::Params;
using credo::purpose;
using credo::record_situations;
using credo::Situation;
using credo::Stream;
using credo::Subject;

inline constexpr double kExact = 1e-9;

inline void check_values(const std::vector<double>& got, const std::vector<double>& expected,
                         double tolerance = kExact) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CAPTURE(i);
    CHECK(std::abs(got[i] - expected[i]) <= tolerance);
  }
}

inline std::unique_ptr<Env> env_with(const std::string& id, const std::string& key = "",
                                     const std::string& value = "") {
  Params params = env_params(id);
  if (!key.empty()) params.set_text(key, value);
  return make_env(id, params);
}

// A situation at the beginning of an episode in which the agents are about to do `actions`.
inline Situation start_of(const Env& env, std::vector<int> actions) {
  Situation s;
  s.env = env.clone();
  s.env->reset(Stream(1, purpose("contributions test")));
  s.actions = std::move(actions);
  s.last_actions.assign(s.actions.size(), -1);
  return s;
}

inline ContributionOptions options_of(bool random, int idle = 0, GameKind game = GameKind::kStep,
                                      double gamma = 0.99) {
  ContributionOptions options;
  options.game = game;
  options.choice = {.random = random, .idle = random ? std::nullopt : std::optional(idle)};
  options.gamma = gamma;
  return options;
}

inline Contribution contribution_of(const Situation& s, const Subject& subject,
                                    const ContributionOptions& options) {
  Continuations continuations(subject, options.game, options.choice, options.gamma, options.seed);
  const Contribution c = estimate_contribution(s, continuations, options);
  double sum = 0.0;
  for (const double phi : c.phi) sum += phi;
  CHECK(std::abs(sum - (c.v_all - c.v_none)) <= 1e-9 * (1.0 + std::abs(sum)));
  return c;
}

// Every situation of a scripted episode of these evaluation streams.
inline std::vector<Situation> scripted_situations(const Env& env, const FixedPolicy& policy,
                                                  int episodes, std::uint64_t seed) {
  const Subject subject{.network = nullptr, .params = nullptr, .fixed = &policy};
  const std::vector<int> lengths = episode_lengths(env, subject, episodes, seed);
  std::vector<Moment> moments;
  for (int e = 0; e < episodes; ++e)
    for (int t = 0; t < lengths[sz(e)]; ++t) moments.push_back({e, t});
  return record_situations(env, subject, moments, seed);
}

}  // namespace learner_tests
