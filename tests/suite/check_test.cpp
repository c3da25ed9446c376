// `credo check`: every algorithm agrees with its reference on three environments and with every
// option, and a reference that computes something else is caught.
#include <doctest/doctest.h>

#include "learners/algorithm_table.hpp"
#include "suite/check/learner_check.hpp"
#include "suite/run/config.hpp"
#include "suite/run/runner.hpp"

namespace {

using credo::TrainConfig;
using credo::suite::check_learner;
using credo::suite::CheckOptions;
using credo::suite::CheckRow;
using credo::suite::LearnerCheck;
using credo::suite::RunConfig;

RunConfig resolve(const std::string& env, const std::string& algorithm,
                  std::vector<std::string> sets, const std::string& profile = "pymarl") {
  credo::suite::RunRequest request;
  request.env = env;
  request.algorithm = algorithm;
  request.profile = profile;
  request.seed = 3;
  request.are_sets_general = true;
  request.sets = std::move(sets);
  for (const char* set : {"learner.batch_size=4", "agent.hidden_dim=16", "mixer.hypernet_embed=16",
                          "wqmix.central_embed_dim=16", "qtran.embed_dim=16", "coma.critic_dim=16",
                          "learner.target_update_interval=6"})
    request.sets.emplace_back(set);
  return RunConfig::resolve(request);
}

LearnerCheck check(const RunConfig& config, const CheckOptions& options = {.updates = 4}) {
  const LearnerCheck result =
      check_learner(*credo::suite::make_run_env(config), config.train_config(), options);
  CHECK(result.updates == options.updates);
  return result;
}

void check_agreement(const RunConfig& config) {
  CAPTURE(config.env_id());
  CAPTURE(config.algorithm());
  const LearnerCheck result = check(config);
  CHECK_MESSAGE(result.ok(), result.worst().kind << " " << result.worst().name << ": "
                                                 << result.worst().deviation << " of "
                                                 << result.worst().tolerance);
  int gradients = 0;
  for (const CheckRow& row : result.rows) gradients += row.kind == "gradient" ? 1 : 0;
  CHECK(gradients >= 8);
}

/// The most that a row of this kind deviates, as part of its tolerance.
double worst_of(const LearnerCheck& result, const std::string& kind) {
  double worst = 0.0;
  for (const CheckRow& row : result.rows)
    if (row.kind == kind) worst = std::max(worst, row.deviation / row.tolerance);
  return worst;
}

TEST_SUITE("check") {
  TEST_CASE("every algorithm agrees with its reference on three environments") {
    for (const credo::Algorithm& algorithm : credo::learning_algorithms()) {
      check_agreement(resolve("matrix/climbing", algorithm.name, {}));
      check_agreement(resolve("predator_prey/5x5", algorithm.name, {"env.limit=6"}));
      check_agreement(resolve("skirmish/3m", algorithm.name, {"env.limit=12"}));
    }
  }

  TEST_CASE("every option agrees with its reference") {
    const std::vector<std::vector<std::string>> options = {
        {"learner.td_lambda=0.6"},
        {"learner.target_tau=0.1"},
        {"learner.standardise_rewards=true"},
        {"agent.recurrent=false"},
        {"agent.shared=false"},
        {"learner.n_step=3"},
        {"agent.obs_last_action=false", "agent.obs_agent_id=false"},
        {"learner.double_q=false"},
        {"mixer.hypernet_layers=1"},
        {"gre.detach_agents=false", "gre.lambda=0.5"},
        {"qplex.layers=3", "qplex.credits=full"},
        {"optimizer.type=adam"},
        {"optimizer.grad_norm_clip=0.01"}};
    for (const auto& sets : options)
      for (const char* algorithm : {"qmix_gre", "qplex", "ow_qmix", "coma"}) {
        CAPTURE(sets.front());
        std::vector<std::string> all = sets;
        all.emplace_back("env.limit=6");
        check_agreement(resolve("stag_hunt/8x8", algorithm, all));
      }
  }

  TEST_CASE("a reference that computes something else is caught") {
    struct Mistake {
      const char* algorithm;
      const char* kind;
      void (*make)(TrainConfig&);
    };
    const std::vector<Mistake> mistakes = {
        {"vdn", "value", [](TrainConfig& c) { c.learner.gamma = 0.98; }},
        {"qmix", "value", [](TrainConfig& c) { c.learner.td_lambda = 0.5; }},
        {"qmix", "value", [](TrainConfig& c) { c.learner.target_update_interval = 1; }},
        {"qmix", "gradient", [](TrainConfig& c) { c.learner.loss_scale = 1.01; }},
        {"qmix", "weight", [](TrainConfig& c) { c.optimizer.rmsprop_alpha = 0.98; }},
        {"qmix_gre", "gradient",
         [](TrainConfig& c) { c.entropy.elu_derivative = credo::EluDerivative::kExact; }},
        {"qmix_gre", "gradient", [](TrainConfig& c) { c.entropy.detach_agents = false; }},
        {"qtran", "gradient", [](TrainConfig& c) { c.mixer.qtran.opt_loss = 1.1; }},
        {"qplex", "value",
         [](TrainConfig& c) { c.mixer.qplex.credits = credo::QplexCredits::kFull; }},
        {"cw_qmix", "value",
         [](TrainConfig& c) { c.mixer.wqmix.weighting = credo::Weighting::kOptimistic; }},
        {"coma", "value", [](TrainConfig& c) { c.learner.td_lambda = 0.79; }},
        {"coma", "weight", [](TrainConfig& c) { c.coma.critic_lr = 4.9e-4; }}};
    for (const Mistake& mistake : mistakes) {
      CAPTURE(std::string(mistake.algorithm));
      CAPTURE(std::string(mistake.kind));
      const RunConfig config =
          resolve("predator_prey/5x5", mistake.algorithm, {"env.limit=6", "gre.lambda=0.5"});
      TrainConfig wrong = config.train_config();
      mistake.make(wrong);
      const LearnerCheck result = check(config, {.updates = 4, .reference = &wrong});
      CHECK_FALSE(result.ok());
      CHECK(worst_of(result, mistake.kind) > 5.0);
    }
  }
}

}  // namespace
