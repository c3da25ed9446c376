// What a parameter needs to have an effect is declared beside it (ParamSpec::matters_when). Here
// every declaration is held against short training runs: with another value for one parameter the
// run must stay the same to the bit where none is declared, and become another where one is.
#include <bit>
#include <doctest/doctest.h>
#include <map>

#include "envs/core/bytes.hpp"
#include "tests/learners/training.hpp"

using namespace credo;

namespace {

// Two values for every parameter of the table; the one that is not in force is tried.
const std::map<std::string, std::pair<std::string, std::string>>& values() {
  static const std::map<std::string, std::pair<std::string, std::string>> kValues = {
      {"run.t_max", {"80", "96"}},
      {"run.log_interval", {"24", "40"}},
      {"rollout.n_envs", {"1", "2"}},
      {"rollout.updates_per_episode", {"1", "0.5"}},
      {"replay.capacity", {"5", "6"}},
      {"evaluation.interval", {"32", "48"}},
      {"evaluation.episodes", {"2", "3"}},
      {"agent.hidden_dim", {"6", "7"}},
      {"agent.obs_last_action", {"true", "false"}},
      {"agent.obs_agent_id", {"true", "false"}},
      {"mixer.type", {"vdn", "qmix"}},
      {"mixer.embed_dim", {"3", "4"}},
      {"mixer.hypernet_layers", {"1", "2"}},
      {"mixer.hypernet_embed", {"5", "6"}},
      {"qtran.embed_dim", {"5", "6"}},
      {"qtran.hidden_layers", {"2", "3"}},
      {"qtran.opt_loss", {"1", "0.5"}},
      {"qtran.nopt_min_loss", {"0.1", "0.3"}},
      {"qplex.kernels", {"2", "3"}},
      {"qplex.layers", {"1", "2"}},
      {"qplex.embed_dim", {"5", "6"}},
      {"qplex.credits", {"coded", "full"}},
      {"qatten.heads", {"2", "3"}},
      {"qatten.weighted_head", {"true", "false"}},
      {"qatten.attention_reg", {"0", "0.1"}},
      {"shaq.sample_size", {"2", "3"}},
      {"shaq.alpha_lr", {"0.01", "0.02"}},
      {"shaq.fixed_alpha", {"0", "1.5"}},
      {"wqmix.weighting", {"cw", "ow"}},
      {"wqmix.weight", {"0.1", "0.4"}},
      {"wqmix.central_embed_dim", {"5", "6"}},
      {"wqmix.qmix_loss", {"1", "0.5"}},
      {"wqmix.central_loss", {"1", "0.5"}},
      {"gre.enabled", {"true", "false"}},
      {"gre.lambda", {"0.1", "0.5"}},
      {"gre.target_entropy", {"0", "0.8"}},
      {"gre.target_lr", {"0.001", "0.1"}},
      {"gre.target_gain", {"1", "3"}},
      {"gre.lambda_max", {"1", "0.001"}},
      {"gre.elu_derivative", {"published", "exact"}},
      {"gre.detach_agents", {"true", "false"}},
      {"coma.critic_dim", {"5", "6"}},
      {"coma.critic_lr", {"0.01", "0.02"}},
      {"ppo.central_critic", {"false", "true"}},
      {"ppo.epochs", {"3", "2"}},
      {"ppo.minibatches", {"1", "2"}},
      {"ppo.gae_lambda", {"0.95", "0.5"}},
      {"ppo.clip", {"0.2", "0.001"}},
      {"ppo.value_clip", {"0.001", "0"}},
      {"ppo.huber_delta", {"10", "0.01"}},
      {"ppo.entropy", {"0.01", "0.1"}},
      {"ppo.value_coef", {"1", "0.5"}},
      {"ppo.critic_lr", {"0.01", "0.02"}},
      {"ppo.value_norm", {"true", "false"}},
      {"ppo.value_norm_beta", {"0.99999", "0.9"}},
      {"ppo.death_masking", {"true", "false"}},
      {"ppo.policy_gain", {"0.01", "1"}},
      {"learner.type", {"q_learning", "coma"}},
      {"learner.gamma", {"0.99", "0.9"}},
      {"learner.double_q", {"true", "false"}},
      {"learner.td_lambda", {"0.3", "0.6"}},
      {"learner.n_step", {"1", "3"}},
      {"learner.loss_scale", {"1", "0.5"}},
      {"learner.batch_size", {"3", "4"}},
      {"learner.target_tau", {"0", "0.1"}},
      {"learner.standardise_rewards", {"false", "true"}},
      {"agent.recurrent", {"true", "false"}},
      {"agent.shared", {"true", "false"}},
      {"learner.target_update_interval", {"3", "12"}},
      {"optimizer.type", {"rmsprop", "adam"}},
      {"optimizer.lr", {"0.01", "0.02"}},
      {"optimizer.rmsprop_alpha", {"0.99", "0.9"}},
      {"optimizer.rmsprop_eps", {"1e-5", "1e-2"}},
      {"optimizer.adam_beta1", {"0.9", "0.8"}},
      {"optimizer.adam_beta2", {"0.999", "0.99"}},
      {"optimizer.adam_eps", {"1e-8", "1e-2"}},
      {"optimizer.grad_norm_clip", {"10", "0.01"}},
      {"exploration.epsilon_start", {"0.9", "0.8"}},
      {"exploration.epsilon_finish", {"0.1", "0.2"}},
      {"exploration.epsilon_anneal_steps", {"30", "60"}},
  };
  return kValues;
}

// Small sizes, so that all parameters can be tried; the algorithm's own values on top.
Params small_params(const Algorithm& algorithm) {
  Params params(train_params());
  for (const char* key : {"run.t_max",
                          "run.log_interval",
                          "replay.capacity",
                          "evaluation.interval",
                          "evaluation.episodes",
                          "agent.hidden_dim",
                          "mixer.embed_dim",
                          "mixer.hypernet_embed",
                          "qtran.embed_dim",
                          "qplex.kernels",
                          "qplex.embed_dim",
                          "qatten.heads",
                          "shaq.sample_size",
                          "shaq.alpha_lr",
                          "wqmix.central_embed_dim",
                          "gre.lambda",
                          "coma.critic_dim",
                          "coma.critic_lr",
                          "ppo.epochs",
                          "ppo.value_clip",
                          "ppo.critic_lr",
                          "learner.td_lambda",
                          "learner.batch_size",
                          "learner.target_update_interval",
                          "optimizer.lr",
                          "exploration.epsilon_start",
                          "exploration.epsilon_finish",
                          "exploration.epsilon_anneal_steps"})
    params.set_text(key, values().at(key).first);
  for (const auto& [key, value] : algorithm.values)
    if (std::holds_alternative<bool>(value) || std::holds_alternative<std::string>(value))
      params.set(key, value);
  if (params.text("learner.type") == "ppo") params.set_text("rollout.n_envs", "2");
  return params;
}

void put(ByteWriter& out, const Evaluation& evaluation) {
  for (const EpisodeResult& episode : evaluation.episodes) {
    out.put(std::bit_cast<std::uint64_t>(episode.episode_return));
    out.put(episode.length);
  }
  out.put(std::bit_cast<std::uint64_t>(evaluation.entropy_mean.value_or(-1.0)));
  for (const double credit : evaluation.credit_mean) out.put(std::bit_cast<std::uint64_t>(credit));
}

// Everything a run shows of itself.
std::vector<std::byte> trace(const Env& env, const Params& params) {
  Trainer trainer(env, make_train_config(params));
  ByteWriter out;
  while (!trainer.finished()) {
    if (trainer.evaluation_due()) put(out, trainer.evaluate());
    trainer.iterate();
    if (!trainer.log_due()) continue;
    for (const auto& [name, value] : trainer.take_train_metrics()) {
      out.put_string(name);
      out.put(std::bit_cast<std::uint64_t>(value));
    }
  }
  put(out, trainer.evaluate());
  out.put(trainer.state_hash());
  return out.take();
}

void check_every_parameter(const Env& env, const Params& base, const std::string& label) {
  const auto usual = trace(env, base);
  for (const ParamSpec& spec : train_params()) {
    const auto pair = values().find(spec.name);
    REQUIRE_MESSAGE(pair != values().end(), "give " << spec.name << " two values to try");
    // Agents of this environment always have a choice; its effect: ppo_test.cpp.
    if (spec.name == "ppo.death_masking") continue;
    Params other = base;
    other.set_text(spec.name, pair->second.first);
    if (other.value(spec.name) == base.value(spec.name))
      other.set_text(spec.name, pair->second.second);
    const bool is_same = trace(env, other) == usual;
    CHECK_MESSAGE(is_same != base.has_effect(spec.name),
                  label << ": " << spec.name << " = " << to_text(other.value(spec.name))
                        << (is_same ? " changes nothing" : " changes the run")
                        << "; needs: " << base.needs(spec.name));
  }
}

}  // namespace

TEST_CASE("every parameter has an effect just where its declaration says so") {
  const auto env = learner_tests::short_env("switch/2", 8);
  for (const Algorithm& algorithm : learning_algorithms())
    check_every_parameter(*env, small_params(algorithm), algorithm.name);
}

TEST_CASE("with the other optimiser, one-layer hypernetworks and one-step targets likewise") {
  const auto env = learner_tests::short_env("switch/2", 8);
  for (const Algorithm& algorithm : learning_algorithms()) {
    Params params = small_params(algorithm);
    params.set_text("optimizer.type", "adam");
    params.set_text("mixer.hypernet_layers", "1");
    params.set_text("qplex.layers", "2");
    params.set_text("gre.target_entropy", "0.8");
    params.set_text("learner.td_lambda", "0");
    params.set_text("exploration.epsilon_finish", "0.9");
    CHECK(params.has_effect("optimizer.adam_eps"));
    CHECK(!params.has_effect("optimizer.rmsprop_eps"));
    check_every_parameter(*env, params, algorithm.name + " (2)");
  }
}

TEST_CASE("what a parameter needs is said to the root") {
  Params params(train_params());
  params.set_text("mixer.type", "vdn");
  CHECK(params.needs("learner.gamma").empty());
  CHECK(params.needs("gre.lambda") ==
        "gre.enabled = true, which needs mixer.type = qmix, qplex or qatten (it is vdn)");
  CHECK(params.needs("optimizer.adam_beta1") == "optimizer.type = adam (it is rmsprop)");
  CHECK(
      params.needs("mixer.hypernet_embed") ==
      "mixer.type = qmix, qmix_simple or shaq (it is vdn), or mixer.type = qplex or qatten (it is "
      "vdn)");
  CHECK(params.needs("learner.n_step").empty());
  params.set_text("learner.td_lambda", "0.6");
  CHECK(params.needs("learner.n_step") == "learner.td_lambda = 0 (it is 0.6)");
  CHECK(params.needs("agent.obs_agent_id").empty());
  params.set_text("agent.shared", "false");
  CHECK(params.needs("agent.obs_agent_id") == "agent.shared = true (it is false)");
  params.set_text("learner.type", "coma");
  CHECK(params.needs("learner.batch_size") == "learner.type = q_learning (it is coma)");
  params.set_text("exploration.epsilon_finish", "1");
  CHECK(params.needs("exploration.epsilon_anneal_steps") ==
        "exploration.epsilon_start other than exploration.epsilon_finish (both are 1)");
}

TEST_CASE("values without effect are neither checked nor kept") {
  Params params(train_params());
  params.set_text("learner.type", "coma");
  params.set_text("exploration.epsilon_finish", "0.1");
  params.set_text("replay.capacity", "7");
  params.set_text("learner.double_q", "false");
  params.set_text("wqmix.weighting", "cw");
  CHECK_NOTHROW(make_train_config(params));
  CHECK(Network({.n_agents = 2, .n_actions = 3, .obs_dim = 1, .state_dim = 1},
                make_train_config(params))
            .mixer == nullptr);
  CHECK(make_train_config(params).mixer.wqmix.weighting == Weighting::kNone);
  CHECK(params.in_force().integer("replay.capacity") == 5000);
  CHECK(params.in_force().real("exploration.epsilon_finish") == 0.1);
  params.set_text("learner.type", "q_learning");
  CHECK_THROWS_AS(make_train_config(params), UserError);
}
