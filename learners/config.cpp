#include "learners/config.hpp"

#include <fmt/format.h>
#include <limits>

#include "envs/core/error.hpp"
#include "learners/kernels/kernels.hpp"

namespace credo {

namespace {

/// The values of a parameter that names one of several things: what is declared is what is read.
template <class Enum>
using Names = std::vector<std::pair<std::string, Enum>>;

const Names<LearnerKind> kLearners = {{"q_learning", LearnerKind::kQLearning},
                                      {"coma", LearnerKind::kComa}};
const Names<MixerKind> kMixers = {
    {"none", MixerKind::kNone},   {"vdn", MixerKind::kVdn},
    {"qmix", MixerKind::kQmix},   {"qmix_simple", MixerKind::kQmixSimple},
    {"qtran", MixerKind::kQtran}, {"qplex", MixerKind::kQplex}};
const Names<QplexCredits> kQplexCredits = {{"coded", QplexCredits::kCoded},
                                           {"full", QplexCredits::kFull}};
const Names<Weighting> kWeightings = {
    {"none", Weighting::kNone}, {"cw", Weighting::kCentral}, {"ow", Weighting::kOptimistic}};
const Names<EluDerivative> kEluDerivatives = {{"published", EluDerivative::kPublished},
                                              {"exact", EluDerivative::kExact}};
const Names<OptimizerKind> kOptimizers = {{"rmsprop", OptimizerKind::kRmsprop},
                                          {"adam", OptimizerKind::kAdam}};

template <class Enum>
std::vector<std::string> words(const Names<Enum>& names) {
  std::vector<std::string> list;
  for (const auto& entry : names) list.push_back(entry.first);
  return list;
}

template <class Enum>
Enum meaning(const Names<Enum>& names, const std::string& key, const std::string& word) {
  for (const auto& entry : names)
    if (entry.first == word) return entry.second;
  throw UserError(unknown_name_message(key, word, words(names)));
}

template <class Enum>
Enum choice(const Params& p, const std::string& key, const Names<Enum>& names) {
  return meaning(names, key, p.text(key));
}

}  // namespace

MixerKind mixer_kind(const std::string& name) { return meaning(kMixers, "mixer.type", name); }

std::vector<ParamSpec> train_params() {
  using P = ParamSpec;
  constexpr std::int64_t kHuge = 1'000'000'000'000;
  constexpr double kBig = 1e12;
  // What a parameter needs to have an effect stands beside it.
  const Requirement q_learning = {"learner.type", {"q_learning"}};
  const Requirement monotone = {"mixer.type", {"qmix", "qmix_simple"}};
  const Requirement qplex = {"mixer.type", {"qplex"}};
  const Requirement weighted = {"wqmix.weighting", {"cw", "ow"}};
  const Requirement entropy = {"gre.enabled", {"true"}};
  return {
      P::integer("run.t_max", 2'050'000, 1, kHuge, "environment steps to train for"),
      P::integer("run.log_interval", 10'000, 1, kHuge,
                 "environment steps between training records"),
      P::integer("rollout.n_envs", 1, 1, 1024, "environments stepped side by side"),
      P::real("rollout.updates_per_episode", 1.0, 0.0, 1000.0,
              "optimiser steps per training episode; with n_envs environments the updates of a "
              "batch of episodes follow it")
          .when({q_learning}),
      P::integer("replay.capacity", 5000, 1, 10'000'000, "episodes kept for replay")
          .when({q_learning}),
      P::integer("evaluation.interval", 10'000, 1, kHuge, "environment steps between evaluations"),
      P::integer("evaluation.episodes", 32, 1, 1'000'000, "greedy episodes per evaluation"),
      P::integer("agent.hidden_dim", 64, 1, 4096, "width of fc1 and of the GRU"),
      P::boolean("agent.recurrent", true,
                 "a GRU between fc1 and fc2; false: a linear layer and ReLU (EPyMARL's use_rnn)"),
      P::boolean("agent.obs_last_action", true, "agent input holds its last action"),
      P::boolean("agent.obs_agent_id", true, "agent input holds its index"),
      P::choice("mixer.type", "qmix", words(kMixers), "mixing network (none: independent learners)")
          .when({q_learning}),
      P::integer("mixer.embed_dim", 32, 1, kMaxMixingEmbed, "width of the mixing layer and of V")
          .when({q_learning, monotone}),
      P::integer("mixer.hypernet_layers", 2, 1, 2, "layers of the weight hypernetworks")
          .when({q_learning, monotone}),
      P::integer("mixer.hypernet_embed", 64, 1, 4096, "hidden width of two-layer hypernetworks")
          .when({q_learning, monotone, {"mixer.hypernet_layers", {"2"}}})
          .when({q_learning, qplex}),
      P::integer("qtran.embed_dim", 64, 1, 4096,
                 "QTRAN: width of the joint and state value networks")
          .when({q_learning, {"mixer.type", {"qtran"}}}),
      P::integer("qtran.hidden_layers", 2, 2, 3,
                 "QTRAN: their hidden layers (PyMARL: small 2, big 3)")
          .when({q_learning, {"mixer.type", {"qtran"}}}),
      P::real("qtran.opt_loss", 1.0, 0.0, kBig, "QTRAN: weight of the loss at the greedy actions")
          .when({q_learning, {"mixer.type", {"qtran"}}}),
      P::real("qtran.nopt_min_loss", 0.1, 0.0, kBig,
              "QTRAN: weight of the loss at the taken actions")
          .when({q_learning, {"mixer.type", {"qtran"}}}),
      P::integer("qplex.kernels", 4, 1, 64, "QPLEX: heads of the attention over advantages")
          .when({q_learning, qplex}),
      P::integer("qplex.layers", 1, 1, 3, "QPLEX: layers of the attention networks")
          .when({q_learning, qplex}),
      P::integer("qplex.embed_dim", 64, 1, 4096, "QPLEX: hidden width of the attention networks")
          .when({q_learning, qplex, {"qplex.layers", {"2", "3"}}}),
      P::choice("qplex.credits", "coded", words(kQplexCredits),
                "QPLEX: credits with the advantages detached, as coded, or in full")
          .when({q_learning, qplex}),
      P::choice("wqmix.weighting", "none", words(kWeightings),
                "weighted QMIX: centrally weighted, optimistically weighted, or not at all")
          .when({q_learning, {"mixer.type", {"vdn", "qmix", "qmix_simple"}}}),
      P::real("wqmix.weight", 0.1, 0.0, 1.0, "weighted QMIX: weight of errors not counted in full")
          .when({weighted}),
      P::integer("wqmix.central_embed_dim", 256, 1, 4096,
                 "weighted QMIX: width of the unrestricted mixing network")
          .when({weighted}),
      P::real("wqmix.qmix_loss", 1.0, 0.0, kBig, "weighted QMIX: weight of the mixer's loss")
          .when({weighted}),
      P::real("wqmix.central_loss", 1.0, 0.0, kBig,
              "weighted QMIX: weight of the unrestricted network's loss")
          .when({weighted}),
      P::boolean("gre.enabled", false, "add gradient entropy to the loss")
          .when({q_learning, {"mixer.type", {"qmix", "qplex"}}}),
      P::real("gre.lambda", 1e-3, -kBig, kBig, "weight of the gradient entropy").when({entropy}),
      P::choice("gre.elu_derivative", "published", words(kEluDerivatives),
                "derivative of ELU in the credits of the entropy term")
          .when({entropy, {"mixer.type", {"qmix"}}}),
      P::boolean("gre.detach_agents", true, "the entropy term sends no gradient to the agents")
          .when({entropy}),
      P::integer("coma.critic_dim", 128, 1, 4096, "COMA: width of the critic's two hidden layers")
          .when({{"learner.type", {"coma"}}}),
      P::real("coma.critic_lr", 5e-4, 0.0, kBig, "COMA: learning rate of the critic")
          .when({{"learner.type", {"coma"}}}),
      P::choice("learner.type", "q_learning", words(kLearners),
                "Q-learning from replayed episodes, or COMA's actor and critic"),
      P::real("learner.gamma", 0.99, 0.0, 1.0, "discount"),
      P::boolean("learner.double_q", true, "the online network chooses the target's actions")
          .when({q_learning, {"wqmix.weighting", {"none"}}}),
      P::real("learner.td_lambda", 0.0, 0.0, 1.0, "lambda of the TD(lambda) targets; 0: one step"),
      P::real("learner.loss_scale", 1.0, 1e-12, kBig,
              "factor of the TD loss (PyMARL 1, PyMARL2 0.5)")
          .when({q_learning}),
      P::integer("learner.batch_size", 32, 1, 65'536, "episodes per update").when({q_learning}),
      P::integer("learner.target_update_interval", 200, 1, 1'000'000'000,
                 "training episodes (COMA: critic steps) between copies into the target networks")
          .when({{"learner.target_tau", {"0"}}}),
      P::real("learner.target_tau", 0.0, 0.0, 1.0,
              "part of the target networks replaced after every optimiser step (COMA: critic "
              "step); 0: copies at intervals"),
      P::boolean("learner.standardise_rewards", false,
                 "targets see rewards less their running mean, over their running deviation"),
      P::choice("optimizer.type", "rmsprop", words(kOptimizers), "optimiser"),
      P::real("optimizer.lr", 5e-4, 0.0, kBig, "learning rate"),
      P::real("optimizer.rmsprop_alpha", 0.99, 0.0, 1.0, "RMSprop: decay of the mean square")
          .when({{"optimizer.type", {"rmsprop"}}}),
      P::real("optimizer.rmsprop_eps", 1e-5, 1e-30, kBig, "RMSprop: added to the root")
          .when({{"optimizer.type", {"rmsprop"}}}),
      P::real("optimizer.adam_beta1", 0.9, 0.0, 0.999999999, "Adam: decay of the first moment")
          .when({{"optimizer.type", {"adam"}}}),
      P::real("optimizer.adam_beta2", 0.999, 0.0, 0.999999999, "Adam: decay of the second moment")
          .when({{"optimizer.type", {"adam"}}}),
      P::real("optimizer.adam_eps", 1e-8, 1e-30, kBig, "Adam: added to the root")
          .when({{"optimizer.type", {"adam"}}}),
      P::real("optimizer.grad_norm_clip", 10.0, 1e-12, kBig, "largest global gradient norm"),
      P::real("exploration.epsilon_start", 1.0, 0.0, 1.0, "random-action probability at the start"),
      P::real("exploration.epsilon_finish", 0.05, 0.0, 1.0, "random-action probability at the end"),
      P::integer("exploration.epsilon_anneal_steps", 50'000, 1, kHuge,
                 "environment steps of the linear decrease")
          .when({{"exploration.epsilon_start", {}, "exploration.epsilon_finish"}}),
  };
}

namespace {

MixerConfig mixer_config(const Params& p) {
  MixerConfig c;
  c.kind = choice(p, "mixer.type", kMixers);
  c.embed_dim = p.integer32("mixer.embed_dim");
  c.hypernet_layers = p.integer32("mixer.hypernet_layers");
  c.hypernet_embed = p.integer32("mixer.hypernet_embed");
  c.qtran = {.embed_dim = p.integer32("qtran.embed_dim"),
             .hidden_layers = p.integer32("qtran.hidden_layers"),
             .opt_loss = p.real("qtran.opt_loss"),
             .nopt_min_loss = p.real("qtran.nopt_min_loss")};
  c.qplex = {.kernels = p.integer32("qplex.kernels"),
             .layers = p.integer32("qplex.layers"),
             .embed_dim = p.integer32("qplex.embed_dim"),
             .credits = choice(p, "qplex.credits", kQplexCredits)};
  c.wqmix = {.weighting = choice(p, "wqmix.weighting", kWeightings),
             .weight = p.real("wqmix.weight"),
             .central_embed_dim = p.integer32("wqmix.central_embed_dim"),
             .qmix_loss = p.real("wqmix.qmix_loss"),
             .central_loss = p.real("wqmix.central_loss")};
  return c;
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

TrainConfig make_train_config(const Params& params) {
  const Params p = params.in_force();
  TrainConfig c;
  c.t_max = p.integer("run.t_max");
  c.log_interval = p.integer("run.log_interval");
  c.n_envs = p.integer32("rollout.n_envs");
  c.updates_per_episode = p.real("rollout.updates_per_episode");
  c.replay_capacity = p.integer32("replay.capacity");
  c.evaluation_interval = p.integer("evaluation.interval");
  c.evaluation_episodes = p.integer32("evaluation.episodes");
  c.agent = {.hidden_dim = p.integer32("agent.hidden_dim"),
             .recurrent = p.boolean("agent.recurrent"),
             .obs_last_action = p.boolean("agent.obs_last_action"),
             .obs_agent_id = p.boolean("agent.obs_agent_id")};
  c.mixer = mixer_config(p);
  c.entropy = {.enabled = p.boolean("gre.enabled"),
               .lambda = p.real("gre.lambda"),
               .elu_derivative = choice(p, "gre.elu_derivative", kEluDerivatives),
               .detach_agents = p.boolean("gre.detach_agents")};
  c.optimizer = {.kind = choice(p, "optimizer.type", kOptimizers),
                 .lr = p.real("optimizer.lr"),
                 .rmsprop_alpha = p.real("optimizer.rmsprop_alpha"),
                 .rmsprop_eps = p.real("optimizer.rmsprop_eps"),
                 .adam_beta1 = p.real("optimizer.adam_beta1"),
                 .adam_beta2 = p.real("optimizer.adam_beta2"),
                 .adam_eps = p.real("optimizer.adam_eps"),
                 .grad_norm_clip = p.real("optimizer.grad_norm_clip")};
  c.learner = {.kind = choice(p, "learner.type", kLearners),
               .gamma = p.real("learner.gamma"),
               .double_q = p.boolean("learner.double_q"),
               .td_lambda = p.real("learner.td_lambda"),
               .loss_scale = p.real("learner.loss_scale"),
               .batch_size = p.integer32("learner.batch_size"),
               .target_update_interval = p.integer32("learner.target_update_interval"),
               .target_tau = p.real("learner.target_tau"),
               .standardise_rewards = p.boolean("learner.standardise_rewards")};
  c.exploration = {.epsilon_start = p.real("exploration.epsilon_start"),
                   .epsilon_finish = p.real("exploration.epsilon_finish"),
                   .epsilon_anneal_steps = p.integer("exploration.epsilon_anneal_steps")};
  c.coma = {.critic = c.learner.kind == LearnerKind::kComa,
            .critic_dim = p.integer32("coma.critic_dim"),
            .critic_lr = p.real("coma.critic_lr")};
  if (c.coma.critic) {
    c.mixer.kind = MixerKind::kNone;
    check_coma(p);
  } else if (c.learner.batch_size > c.replay_capacity) {
    throw UserError(fmt::format(
        "learner.batch_size = {} is larger than replay.capacity = {}: no update could ever run",
        c.learner.batch_size, c.replay_capacity));
  }
  return c;
}

const std::vector<Algorithm>& learning_algorithms() {
  static const std::vector<Algorithm> kAlgorithms = {
      {"iql", "independent Q-learning", {{"mixer.type", std::string("none")}}},
      {"vdn",
       "value decomposition: Q_tot is the sum of the agents' values",
       {{"mixer.type", std::string("vdn")}}},
      {"qmix",
       "monotone mixing with state-dependent weights",
       {{"mixer.type", std::string("qmix")}}},
      {"qmix_simple",
       "equal-credit control: one scalar weight for all agents",
       {{"mixer.type", std::string("qmix_simple")}}},
      {"qmix_gre",
       "QMIX with gradient entropy regularisation, as published",
       {{"mixer.type", std::string("qmix")},
        {"gre.enabled", true},
        {"gre.elu_derivative", std::string("published")}}},
      {"qmix_gre_exact",
       "the same with the exact derivative of ELU in the credits",
       {{"mixer.type", std::string("qmix")},
        {"gre.enabled", true},
        {"gre.elu_derivative", std::string("exact")}}},
      {"qtran",
       "QTRAN-base: a free joint value that the sum of the agents' values is tied to",
       {{"mixer.type", std::string("qtran")}}},
      {"qplex",
       "duplex dueling: monotone values plus attention over advantages",
       {{"mixer.type", std::string("qplex")}}},
      {"cw_qmix",
       "QMIX with centrally weighted errors and an unrestricted target",
       {{"mixer.type", std::string("qmix")}, {"wqmix.weighting", std::string("cw")}}},
      {"ow_qmix",
       "QMIX with optimistically weighted errors and an unrestricted target",
       {{"mixer.type", std::string("qmix")}, {"wqmix.weighting", std::string("ow")}}},
      {"coma",
       "actor-critic with counterfactual advantages, on-policy",
       {{"learner.type", std::string("coma")},
        {"learner.td_lambda", 0.8},
        {"learner.target_update_interval", std::int64_t{200}},
        {"rollout.n_envs", std::int64_t{8}},
        {"exploration.epsilon_start", 0.5},
        {"exploration.epsilon_finish", 0.01},
        {"exploration.epsilon_anneal_steps", std::int64_t{100'000}}}},
  };
  return kAlgorithms;
}

const Algorithm& find_algorithm(const std::string& name) {
  std::vector<std::string> names;
  for (const Algorithm& a : learning_algorithms()) {
    if (a.name == name) return a;
    names.push_back(a.name);
  }
  throw UserError(unknown_name_message("algorithm", name, names));
}

}  // namespace credo
