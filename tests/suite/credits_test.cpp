// Credits measured from runs: every algorithm's, files and their hashes, and the twin of a network that
// plays the same with another H.
#include <cmath>
#include <doctest/doctest.h>
#include <numeric>

#include "envs/core/registry.hpp"
#include "learners/algorithm_table.hpp"
#include "suite/common/files.hpp"
#include "suite/credits/credits_folder.hpp"
#include "suite/credits/subjects.hpp"
#include "suite/run/integrity.hpp"
#include "suite/run/runner.hpp"
#include "tests/suite/support.hpp"

using namespace credo::suite;
using namespace credo::suite::testing;

namespace {

namespace fs = std::filesystem;

RunConfig config_of(const std::string& algorithm, const std::vector<std::string>& more = {}) {
  RunRequest request;
  request.env = "predator_prey/5x5";
  request.algorithm = algorithm;
  request.t_max = 300;
  request.are_sets_general = true;
  request.sets = {"env.limit=10", "learner.batch_size=4", "agent.hidden_dim=6",
                  "evaluation.episodes=2"};
  request.sets.insert(request.sets.end(), more.begin(), more.end());
  return RunConfig::resolve(request);
}

double entropy(const CreditsResult& result, const char* signal) {
  for (const SignalMeasures& one : result.fidelity.learned)
    if (one.signal == signal) return *find_measure(one.measures, "h")->value;
  return -1.0;
}

}  // namespace

TEST_CASE("every algorithm can be measured, and its Shapley values add up") {
  const ScratchFolder scratch;
  for (const credo::Algorithm& algorithm : credo::learning_algorithms()) {
    CAPTURE(algorithm.name);
    const RunConfig config = config_of(algorithm.name, {"run.t_max=60"});
    const fs::path folder = scratch / algorithm.name;
    REQUIRE(start_run(config, folder, {}).end == RunEnd::kDone);
    const auto env = make_run_env(config);
    const CreditsSubject subject = weights_subject(folder, config, *env, "");
    CreditsOptions options;
    options.states = 6;
    options.episodes = 5;
    options.least_branches = 16;
    options.most_branches = 16;
    std::string note;
    const auto result = run_credits(
        *env, subject, plan_credits(*env, config.env_settings(), subject, options), "", note);
    REQUIRE(result.has_value());
    for (const MeasuredState& state : result->states) {
      const credo::LearnedCredits& mixer = state.mixer;
      CHECK((mixer.psi.empty() || mixer.psi.size() == state.truth.phi.size()));
      if (mixer.psi.empty()) continue;
      const double sum = std::accumulate(mixer.psi.begin(), mixer.psi.end(), 0.0);
      CHECK(std::isfinite(sum));
      CHECK(sum == doctest::Approx(*mixer.w_all - *mixer.w_none).epsilon(1e-4).scale(1.0));
    }
  }
}

TEST_CASE("the rescaled twin plays the same and has another H") {
  const ScratchFolder scratch;
  for (const std::string agents : {"agent.recurrent=true", "agent.recurrent=false"}) {
    for (const std::string layers : {"mixer.hypernet_layers=2", "mixer.hypernet_layers=1"}) {
      CAPTURE(agents);
      CAPTURE(layers);
      const RunConfig config = config_of("qmix", {agents, layers});
      const fs::path folder = scratch / (agents + layers);
      REQUIRE(start_run(config, folder, {}).end == RunEnd::kDone);
      const auto env = make_run_env(config);
      const CreditsSubject subject = weights_subject(folder, config, *env, "");
      const CreditsSubject twin = twin_subject(*env, subject, 64.0);
      CreditsOptions options;
      options.states = 24;
      options.episodes = 6;
      options.least_branches = 32;
      options.most_branches = 32;
      const auto measure = [&](const CreditsSubject& of) {
        std::string note;
        return *run_credits(*env, of, plan_credits(*env, config.env_settings(), of, options), "",
                            note);
      };
      const CreditsResult a = measure(subject);
      const CreditsResult b = measure(twin);
      REQUIRE(a.states.size() == b.states.size());
      for (std::size_t i = 0; i < a.states.size(); ++i) {
        // It plays the same, so what the agents are worth is the same to the bit.
        CHECK(a.states[i].truth.actions == b.states[i].truth.actions);
        CHECK(a.states[i].truth.phi == b.states[i].truth.phi);
        CHECK(*b.states[i].mixer.w_all ==
              doctest::Approx(*a.states[i].mixer.w_all).epsilon(1e-4).scale(1.0));
        for (std::size_t k = 0; k < a.states[i].mixer.psi.size(); ++k) {
          CHECK(b.states[i].mixer.psi[k] ==
                doctest::Approx(a.states[i].mixer.psi[k]).epsilon(1e-3).scale(1.0));
          const double factor = a.states[i].truth.players[k] == 0 ? 64.0 : 1.0;
          CHECK(b.states[i].mixer.g[k] ==
                doctest::Approx(factor * a.states[i].mixer.g[k]).epsilon(1e-3));
        }
      }
      CHECK(std::abs(entropy(a, "psi") - entropy(b, "psi")) < 1e-3);
      CHECK(entropy(a, "g") - entropy(b, "g") > 0.2);
    }
  }
  const auto error = [&](const std::string& algorithm, const std::vector<std::string>& more) {
    const RunConfig config = config_of(algorithm, more);
    const fs::path folder = scratch / (algorithm + std::to_string(more.size()));
    start_run(config, folder, {});
    const auto env = make_run_env(config);
    return user_error([&] { twin_subject(*env, weights_subject(folder, config, *env, ""), 2.0); });
  };
  CHECK(contains(error("vdn", {}), "--twin needs the mixer qmix"));
  CHECK(contains(error("ow_qmix", {}), "second network"));
  CHECK(contains(error("qmix", {"agent.obs_agent_id=false"}), "agent.obs_agent_id = true"));
}

TEST_CASE("credits files are recorded, read back, and changes of them found") {
  const ScratchFolder scratch;
  const RunConfig config = config_of("vdn");
  const auto env = make_run_env(config);
  const CreditsSubject subject = fixed_subject(*env, "scripted", 0, 1);
  CreditsOptions options;
  options.states = 8;
  options.episodes = 5;
  options.least_branches = 16;
  options.most_branches = 16;
  const CreditsPlan plan = plan_credits(*env, config.env_settings(), subject, options);
  const fs::path folder = scratch / "credits";
  CHECK(!has_credits(folder, plan));
  std::string note;
  const auto result = run_credits(*env, subject, plan, "", note);
  write_credits(folder, *env, subject, plan, *result);
  CHECK(has_credits(folder, plan));
  const auto records = read_credits(folder, true);
  REQUIRE(records.size() == 1);
  CHECK(records[0].label == "scripted");
  CHECK(records[0].choice == "idle");
  CHECK(records[0].identity == plan.identity);
  CHECK(records[0].learned.empty());
  CHECK(best_account(records[0]) == nullptr);
  const CreditMeasure* decided = find_measure(records[0].truth, "share_decided");
  REQUIRE(decided != nullptr);
  for (const CreditMeasure& m : result->fidelity.truth)
    if (m.name == "share_decided") CHECK(*decided->value == *m.value);
  // Other options are another measurement.
  options.states = 7;
  CHECK(!has_credits(folder, plan_credits(*env, config.env_settings(), subject, options)));

  std::size_t n_files = 0;
  CHECK(changed_credits(folder, n_files).empty());
  CHECK(n_files == 3);
  write_raw(folder / "scripted.step.idle.states.csv", "changed");
  CHECK(changed_credits(folder, n_files).size() == 1);
  CHECK(!has_credits(folder, plan));
  CHECK_THROWS_AS(read_credits(folder, true), ChangedError);
  write_raw(folder / "manifest.json", "{");
  CHECK(contains(user_error([&] { read_credits(folder, false); }), "manifest.json: damaged"));
  CHECK(changed_credits(scratch / "none", n_files).empty());
  CHECK(n_files == 0);
}
