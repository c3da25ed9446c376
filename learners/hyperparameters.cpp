#include "learners/hyperparameters.hpp"

#include <fmt/format.h>
#include <string>
#include <utility>

#include "envs/core/error.hpp"
#include "learners/algorithm_table.hpp"
#include "learners/kernels/kernels.hpp"

namespace credo {

namespace {

/// The values of a parameter that names one of several things.
template <class Enum>
using Names = std::vector<std::pair<std::string, Enum>>;

/// Walks over the declarations, each bound to its field of a TrainConfig. The field's value is the
/// default of the declaration; then the field is set from `values`, where there are any.
class Table {
 public:
  explicit Table(const Params* values) : values_(values) {}

  Table& add(const char* name, int& field, std::int64_t low, std::int64_t high, const char* help) {
    specs_.push_back(ParamSpec::integer(name, field, low, high, help));
    if (values_ != nullptr) field = values_->integer32(name);
    return *this;
  }
  Table& add(const char* name, std::int64_t& field, std::int64_t low, std::int64_t high,
             const char* help) {
    specs_.push_back(ParamSpec::integer(name, field, low, high, help));
    if (values_ != nullptr) field = values_->integer(name);
    return *this;
  }
  Table& add(const char* name, double& field, double low, double high, const char* help) {
    specs_.push_back(ParamSpec::real(name, field, low, high, help));
    if (values_ != nullptr) field = values_->real(name);
    return *this;
  }
  Table& add(const char* name, bool& field, const char* help) {
    specs_.push_back(ParamSpec::boolean(name, field, help));
    if (values_ != nullptr) field = values_->boolean(name);
    return *this;
  }
  Table& add(const char* name, std::string& field, std::vector<std::string> words,
             const char* help) {
    specs_.push_back(ParamSpec::choice(name, field, std::move(words), help));
    if (values_ != nullptr) field = values_->text(name);
    return *this;
  }
  template <class Enum>
  Table& add(const char* name, Enum& field, const Names<Enum>& names, const char* help) {
    std::vector<std::string> words;
    std::string usual;
    for (const auto& [word, meaning] : names) {
      words.push_back(word);
      if (meaning == field) usual = word;
    }
    specs_.push_back(ParamSpec::choice(name, usual, words, help));
    if (values_ == nullptr) return *this;
    for (const auto& [word, meaning] : names)
      if (word == values_->text(name)) field = meaning;
    return *this;
  }
  /// A condition under which the last declaration has an effect; of several, any one suffices.
  Table& when(std::vector<Requirement> requirements) {
    specs_.back() = std::move(specs_.back()).when(std::move(requirements));
    return *this;
  }

  std::vector<ParamSpec> take() { return std::move(specs_); }

 private:
  const Params* values_;
  std::vector<ParamSpec> specs_;
};

constexpr std::int64_t kHuge = 1'000'000'000'000;
constexpr double kBig = 1e12;

// What a parameter needs to have an effect stands beside it.
const Requirement kQLearning = {"learner.type", {"q_learning"}};
const Requirement kComa = {"learner.type", {"coma"}};
const Requirement kPpo = {"learner.type", {"ppo"}};
const Requirement kNotPpo = {"learner.type", {"q_learning", "coma"}};

void add_run(Table& table, TrainConfig& c) {
  table.add("run.t_max", c.t_max, 1, kHuge, "environment steps to train for")
      .add("run.log_interval", c.log_interval, 1, kHuge,
           "environment steps between training records")
      .add("rollout.n_envs", c.n_envs, 1, 1024, "environments stepped side by side")
      .add("rollout.updates_per_episode", c.updates_per_episode, 0.0, 1000.0,
           "optimiser steps per training episode; with n_envs environments the updates of a "
           "batch of episodes follow it")
      .when({kQLearning})
      .add("replay.capacity", c.replay_capacity, 1, 10'000'000, "episodes kept for replay")
      .when({kQLearning})
      .add("evaluation.interval", c.evaluation_interval, 1, kHuge,
           "environment steps between evaluations")
      .add("evaluation.episodes", c.evaluation_episodes, 1, 1'000'000,
           "greedy episodes per evaluation");
}

void add_agent(Table& table, AgentConfig& c) {
  table.add("agent.hidden_dim", c.hidden_dim, 1, 4096, "width of fc1 and of the GRU")
      .add("agent.recurrent", c.recurrent,
           "a GRU between fc1 and fc2; false: a linear layer and ReLU (EPyMARL's use_rnn)")
      .add("agent.shared", c.shared,
           "all agents share one network; false: each has weights of its own (PPO: and a critic)")
      .add("agent.obs_last_action", c.obs_last_action, "agent input holds its last action")
      .add("agent.obs_agent_id", c.obs_agent_id, "agent input holds its index")
      .when({{"agent.shared", {"true"}}});
}

void add_mixer(Table& table, MixerConfig& c) {
  const Requirement monotone = {"mixer.type", {"qmix", "qmix_simple"}};
  const Requirement hypernet = {"mixer.type", {"qmix", "qmix_simple", "shaq"}};
  const Requirement embedded = {"mixer.type", {"qmix", "qmix_simple", "qatten", "shaq"}};
  const Requirement two_layers = {"mixer.type", {"qplex", "qatten"}};
  const Requirement qatten = {"mixer.type", {"qatten"}};
  const Requirement shaq = {"mixer.type", {"shaq"}};
  const Requirement qplex = {"mixer.type", {"qplex"}};
  const Requirement qtran = {"mixer.type", {"qtran"}};
  const Requirement weighted = {"wqmix.weighting", {"cw", "ow"}};
  table.add("mixer.type", c.type, mixer_names(), "mixing network (none: independent learners)")
      .when({kQLearning})
      .add("mixer.embed_dim", c.embed_dim, 1, kMaxMixingEmbed, "width of the mixing layer and of V")
      .when({kQLearning, embedded})
      .add("mixer.hypernet_layers", c.hypernet_layers, 1, 2, "layers of the weight hypernetworks")
      .when({kQLearning, hypernet})
      .add("mixer.hypernet_embed", c.hypernet_embed, 1, 4096,
           "hidden width of two-layer hypernetworks")
      .when({kQLearning, hypernet, {"mixer.hypernet_layers", {"2"}}})
      .when({kQLearning, two_layers})
      .add("qtran.embed_dim", c.qtran.embed_dim, 1, 4096,
           "QTRAN: width of the joint and state value networks")
      .when({kQLearning, qtran})
      .add("qtran.hidden_layers", c.qtran.hidden_layers, 2, 3,
           "QTRAN: their hidden layers (PyMARL: small 2, big 3)")
      .when({kQLearning, qtran})
      .add("qtran.opt_loss", c.qtran.opt_loss, 0.0, kBig,
           "QTRAN: weight of the loss at the greedy actions")
      .when({kQLearning, qtran})
      .add("qtran.nopt_min_loss", c.qtran.nopt_min_loss, 0.0, kBig,
           "QTRAN: weight of the loss at the taken actions")
      .when({kQLearning, qtran})
      .add("qplex.kernels", c.qplex.kernels, 1, 64, "QPLEX: heads of the attention over advantages")
      .when({kQLearning, qplex})
      .add("qplex.layers", c.qplex.layers, 1, 3, "QPLEX: layers of the attention networks")
      .when({kQLearning, qplex})
      .add("qplex.embed_dim", c.qplex.embed_dim, 1, 4096,
           "QPLEX: hidden width of the attention networks")
      .when({kQLearning, qplex, {"qplex.layers", {"2", "3"}}})
      .add("qplex.credits", c.qplex.credits,
           Names<QplexCredits>{{"coded", QplexCredits::kCoded}, {"full", QplexCredits::kFull}},
           "QPLEX: credits with the advantages detached, as coded, or in full")
      .when({kQLearning, qplex})
      .add("qatten.heads", c.qatten.heads, 1, 64, "Qatten: attention heads")
      .when({kQLearning, qatten})
      .add("qatten.weighted_head", c.qatten.weighted_head, "Qatten: the state weighs the heads")
      .when({kQLearning, qatten})
      .add("qatten.attention_reg", c.qatten.attention_reg, 0.0, kBig,
           "Qatten: weight of the mean square logit in the loss")
      .when({kQLearning, qatten})
      .add("shaq.sample_size", c.shaq.sample_size, 1, 1000,
           "SHAQ: sampled orders of the agents per step")
      .when({kQLearning, shaq, {"shaq.fixed_alpha", {"0"}}})
      .add("shaq.alpha_lr", c.shaq.alpha_lr, 0.0, kBig, "SHAQ: learning rate of the mixer")
      .when({kQLearning, shaq, {"shaq.fixed_alpha", {"0"}}})
      .add("shaq.fixed_alpha", c.shaq.fixed_alpha, 0.0, kBig,
           "SHAQ: above 0, replaces alpha; 1 is VDN")
      .when({kQLearning, shaq})
      .add("wqmix.weighting", c.wqmix.weighting,
           Names<Weighting>{{"none", Weighting::kNone},
                            {"cw", Weighting::kCentral},
                            {"ow", Weighting::kOptimistic}},
           "weighted QMIX: centrally weighted, optimistically weighted, or not at all")
      .when({kQLearning, {"mixer.type", {"vdn", "qmix", "qmix_simple"}}})
      .add("wqmix.weight", c.wqmix.weight, 0.0, 1.0,
           "weighted QMIX: weight of errors not counted in full")
      .when({weighted})
      .add("wqmix.central_embed_dim", c.wqmix.central_embed_dim, 1, 4096,
           "weighted QMIX: width of the unrestricted mixing network")
      .when({weighted})
      .add("wqmix.qmix_loss", c.wqmix.qmix_loss, 0.0, kBig,
           "weighted QMIX: weight of the mixer's loss")
      .when({weighted})
      .add("wqmix.central_loss", c.wqmix.central_loss, 0.0, kBig,
           "weighted QMIX: weight of the unrestricted network's loss")
      .when({weighted});
}

void add_entropy(Table& table, EntropyConfig& c) {
  const Requirement enabled = {"gre.enabled", {"true"}};
  const Requirement held = {.key = "gre.target_entropy", .values = {}, .differs_from = "0"};
  table.add("gre.enabled", c.enabled, "add gradient entropy to the loss")
      .when({kQLearning, {"mixer.type", {"qmix", "qplex", "qatten"}}})
      .add("gre.lambda", c.lambda, -kBig, kBig, "weight of the gradient entropy")
      .when({enabled, {"gre.target_entropy", {"0"}}})
      .add("gre.target_entropy", c.target_entropy, 0.0, 1.0,
           "adjust the weight after every update to hold H of the credits at this value; 0: fixed")
      .when({enabled})
      .add("gre.target_lr", c.target_lr, 1e-12, kBig,
           "change of the accumulated weight per update and unit of H above gre.target_entropy")
      .when({enabled, held})
      .add(
          "gre.target_gain", c.target_gain, 0.0, kBig,
          "weight per unit of the last batch's H above gre.target_entropy, beside the accumulated one")
      .when({enabled, held})
      .add("gre.lambda_max", c.lambda_max, 1e-12, kBig,
           "largest size of the adjusted weight, which may be negative")
      .when({enabled, held})
      .add("gre.elu_derivative", c.elu_derivative,
           Names<EluDerivative>{{"published", EluDerivative::kPublished},
                                {"exact", EluDerivative::kExact}},
           "derivative of ELU in the credits of the entropy term")
      .when({enabled, {"mixer.type", {"qmix"}}})
      .add("gre.detach_agents", c.detach_agents, "the entropy term sends no gradient to the agents")
      .when({enabled});
}

void add_coma(Table& table, ComaConfig& c) {
  table
      .add("coma.critic_dim", c.critic_dim, 1, 4096,
           "COMA: width of the critic's two hidden layers")
      .when({kComa})
      .add("coma.critic_lr", c.critic_lr, 0.0, kBig, "COMA: learning rate of the critic")
      .when({kComa});
}

void add_ppo(Table& table, PpoConfig& c) {
  table
      .add("ppo.central_critic", c.central_critic,
           "PPO: the critic reads the state as well (MAPPO)")
      .when({kPpo})
      .add("ppo.epochs", c.epochs, 1, 1000, "PPO: passes over the episodes of a batch")
      .when({kPpo})
      .add("ppo.minibatches", c.minibatches, 1, 1024,
           "PPO: parts that an epoch's episodes are dealt out to, an optimiser step each")
      .when({kPpo})
      .add("ppo.gae_lambda", c.gae_lambda, 0.0, 1.0, "PPO: lambda of the advantage estimates")
      .when({kPpo})
      .add("ppo.clip", c.clip, 1e-6, kBig, "PPO: clip of the probability ratio around 1")
      .when({kPpo})
      .add("ppo.value_clip", c.value_clip, 0.0, kBig,
           "PPO: clip of the change of a normalised value; 0: none")
      .when({kPpo})
      .add("ppo.huber_delta", c.huber_delta, 1e-12, kBig,
           "PPO: error beyond which the value loss is linear")
      .when({kPpo})
      .add("ppo.entropy", c.entropy, 0.0, kBig, "PPO: coefficient of the policies' entropy")
      .when({kPpo})
      .add("ppo.value_coef", c.value_coef, 1e-12, kBig, "PPO: coefficient of the value loss")
      .when({kPpo})
      .add("ppo.critic_lr", c.critic_lr, 0.0, kBig, "PPO: learning rate of the critic")
      .when({kPpo})
      .add("ppo.value_norm", c.value_norm, "PPO: the critic learns normalised returns")
      .when({kPpo})
      .add("ppo.value_norm_beta", c.value_norm_beta, 0.0, 0.999999999,
           "PPO: decay of the moments of the returns")
      .when({kPpo, {"ppo.value_norm", {"true"}}})
      .add("ppo.death_masking", c.death_masking,
           "PPO: the critic sees no state where an agent has one available action")
      .when({kPpo, {"ppo.central_critic", {"true"}}})
      .add("ppo.policy_gain", c.policy_gain, 1e-12, 1e3,
           "PPO: initial weights of the actors' last layer are uniform within gain / sqrt(width)")
      .when({kPpo});
}

void add_learner(Table& table, LearnerConfig& c) {
  table
      .add("learner.type", c.kind,
           Names<LearnerKind>{{"q_learning", LearnerKind::kQLearning},
                              {"coma", LearnerKind::kComa},
                              {"ppo", LearnerKind::kPpo}},
           "Q-learning from replayed episodes, or an actor and a critic: COMA's or PPO's")
      .add("learner.gamma", c.gamma, 0.0, 1.0, "discount")
      .add("learner.double_q", c.double_q, "the online network chooses the target's actions")
      .when({kQLearning, {"wqmix.weighting", {"none"}}})
      .add("learner.td_lambda", c.td_lambda, 0.0, 1.0,
           "lambda of the TD(lambda) targets; 0: one step")
      .when({kNotPpo})
      .add("learner.n_step", c.n_step, 1, 100'000,
           "rewards that a target sums before it bootstraps")
      .when({kQLearning, {"learner.td_lambda", {"0"}}})
      .add("learner.loss_scale", c.loss_scale, 1e-12, kBig,
           "factor of the TD loss (PyMARL 1, PyMARL2 0.5)")
      .when({kQLearning})
      .add("learner.batch_size", c.batch_size, 1, 65'536, "episodes per update")
      .when({kQLearning})
      .add("learner.target_update_interval", c.target_update_interval, 1, 1'000'000'000,
           "training episodes (COMA: critic steps) between copies into the target networks")
      .when({kNotPpo, {"learner.target_tau", {"0"}}})
      .add("learner.target_tau", c.target_tau, 0.0, 1.0,
           "part of the target networks replaced after every optimiser step (COMA: critic "
           "step); 0: copies at intervals")
      .when({kNotPpo})
      .add("learner.standardise_rewards", c.standardise_rewards,
           "targets see rewards less their running mean, over their running deviation")
      .when({kNotPpo});
}

void add_optimizer(Table& table, OptimizerConfig& c) {
  const Requirement rmsprop = {"optimizer.type", {"rmsprop"}};
  const Requirement adam = {"optimizer.type", {"adam"}};
  table
      .add("optimizer.type", c.kind,
           Names<OptimizerKind>{{"rmsprop", OptimizerKind::kRmsprop},
                                {"adam", OptimizerKind::kAdam}},
           "optimiser")
      .add("optimizer.lr", c.lr, 0.0, kBig, "learning rate")
      .add("optimizer.rmsprop_alpha", c.rmsprop_alpha, 0.0, 1.0,
           "RMSprop: decay of the mean square")
      .when({rmsprop})
      .add("optimizer.rmsprop_eps", c.rmsprop_eps, 1e-30, kBig, "RMSprop: added to the root")
      .when({rmsprop})
      .add("optimizer.adam_beta1", c.adam_beta1, 0.0, 0.999999999,
           "Adam: decay of the first moment")
      .when({adam})
      .add("optimizer.adam_beta2", c.adam_beta2, 0.0, 0.999999999,
           "Adam: decay of the second moment")
      .when({adam})
      .add("optimizer.adam_eps", c.adam_eps, 1e-30, kBig, "Adam: added to the root")
      .when({adam})
      .add("optimizer.grad_norm_clip", c.grad_norm_clip, 1e-12, kBig,
           "largest global gradient norm");
}

void add_exploration(Table& table, ExplorationConfig& c) {
  table
      .add("exploration.epsilon_start", c.epsilon_start, 0.0, 1.0,
           "random-action probability at the start")
      .when({kNotPpo})
      .add("exploration.epsilon_finish", c.epsilon_finish, 0.0, 1.0,
           "random-action probability at the end")
      .when({kNotPpo})
      .add("exploration.epsilon_anneal_steps", c.epsilon_anneal_steps, 1, kHuge,
           "environment steps of the linear decrease")
      .when({kNotPpo, {"exploration.epsilon_start", {}, "exploration.epsilon_finish"}});
}

std::vector<ParamSpec> walk(TrainConfig& c, const Params* values) {
  Table table(values);
  add_run(table, c);
  add_agent(table, c.agent);
  add_mixer(table, c.mixer);
  add_entropy(table, c.entropy);
  add_coma(table, c.coma);
  add_ppo(table, c.ppo);
  add_learner(table, c.learner);
  add_optimizer(table, c.optimizer);
  add_exploration(table, c.exploration);
  return table.take();
}

// A policy that could become exactly 0 where an action is available.
void check_coma(const Params& p) {
  for (const char* key : {"exploration.epsilon_start", "exploration.epsilon_finish"})
    if (p.real(key) < 1e-6)
      throw UserError(
          fmt::format("{} = {} does not go with learner.type = coma; allowed: at least 1e-6", key,
                      p.real(key)));
}

}  // namespace

std::vector<ParamSpec> train_params() {
  TrainConfig defaults;
  return walk(defaults, nullptr);
}

TrainConfig make_train_config(const Params& params) {
  const Params p = params.in_force();
  TrainConfig c;
  walk(c, &p);
  if (c.learner.kind == LearnerKind::kComa) check_coma(p);
  if (c.learner.kind == LearnerKind::kPpo && c.ppo.minibatches > c.n_envs)
    throw UserError(fmt::format(
        "ppo.minibatches = {} is larger than rollout.n_envs = {}: a minibatch would hold "
        "no episode",
        c.ppo.minibatches, c.n_envs));
  if (c.learner.kind == LearnerKind::kQLearning && c.learner.batch_size > c.replay_capacity)
    throw UserError(fmt::format(
        "learner.batch_size = {} is larger than replay.capacity = {}: no update could ever run",
        c.learner.batch_size, c.replay_capacity));
  return c;
}

}  // namespace credo
