#include "learners/config.hpp"

#include <fmt/format.h>
#include <limits>

#include "envs/core/error.hpp"
#include "learners/kernels/kernels.hpp"

namespace credo {

std::vector<ParamSpec> train_params() {
  using P = ParamSpec;
  constexpr std::int64_t kHuge = 1'000'000'000'000;
  constexpr double kBig = 1e12;
  return {
      P::integer("run.t_max", 2'050'000, 1, kHuge, "environment steps to train for"),
      P::integer("run.log_interval", 10'000, 1, kHuge,
                 "environment steps between training records"),
      P::integer("rollout.n_envs", 1, 1, 1024, "environments stepped side by side"),
      P::real("rollout.updates_per_episode", 1.0, 0.0, 1000.0,
              "optimiser steps per training episode; with n_envs environments the updates of a "
              "batch of episodes follow it"),
      P::integer("replay.capacity", 5000, 1, 10'000'000, "episodes kept for replay"),
      P::integer("evaluation.interval", 10'000, 1, kHuge, "environment steps between evaluations"),
      P::integer("evaluation.episodes", 32, 1, 1'000'000, "greedy episodes per evaluation"),
      P::integer("agent.hidden_dim", 64, 1, 4096, "width of fc1 and of the GRU"),
      P::boolean("agent.obs_last_action", true, "agent input holds its last action"),
      P::boolean("agent.obs_agent_id", true, "agent input holds its index"),
      P::choice("mixer.type", "qmix", {"none", "vdn", "qmix", "qmix_simple"},
                "mixing network (none: independent learners)"),
      P::integer("mixer.embed_dim", 32, 1, kMaxMixingEmbed, "width of the mixing layer and of V"),
      P::integer("mixer.hypernet_layers", 2, 1, 2, "layers of the weight hypernetworks"),
      P::integer("mixer.hypernet_embed", 64, 1, 4096, "hidden width of two-layer hypernetworks"),
      P::boolean("gre.enabled", false, "add gradient entropy to the loss"),
      P::real("gre.lambda", 1e-3, -kBig, kBig, "weight of the gradient entropy"),
      P::choice("gre.elu_derivative", "published", {"published", "exact"},
                "derivative of ELU in the credits of the entropy term"),
      P::boolean("gre.detach_agents", true, "the entropy term sends no gradient to the agents"),
      P::real("learner.gamma", 0.99, 0.0, 1.0, "discount"),
      P::boolean("learner.double_q", true, "the online network chooses the target's actions"),
      P::real("learner.td_lambda", 0.0, 0.0, 1.0, "lambda of the TD(lambda) targets; 0: one step"),
      P::real("learner.loss_scale", 1.0, 1e-12, kBig,
              "factor of the TD loss (PyMARL 1, PyMARL2 0.5)"),
      P::integer("learner.batch_size", 32, 1, 65'536, "episodes per update"),
      P::integer("learner.target_update_interval", 200, 1, kHuge,
                 "training episodes between copies into the target networks"),
      P::choice("optimizer.type", "rmsprop", {"rmsprop", "adam"}, "optimiser"),
      P::real("optimizer.lr", 5e-4, 0.0, kBig, "learning rate"),
      P::real("optimizer.rmsprop_alpha", 0.99, 0.0, 1.0, "RMSprop: decay of the mean square"),
      P::real("optimizer.rmsprop_eps", 1e-5, 1e-30, kBig, "RMSprop: added to the root"),
      P::real("optimizer.adam_beta1", 0.9, 0.0, 0.999999999, "Adam: decay of the first moment"),
      P::real("optimizer.adam_beta2", 0.999, 0.0, 0.999999999, "Adam: decay of the second moment"),
      P::real("optimizer.adam_eps", 1e-8, 1e-30, kBig, "Adam: added to the root"),
      P::real("optimizer.grad_norm_clip", 10.0, 1e-12, kBig, "largest global gradient norm"),
      P::real("exploration.epsilon_start", 1.0, 0.0, 1.0, "random-action probability at the start"),
      P::real("exploration.epsilon_finish", 0.05, 0.0, 1.0, "random-action probability at the end"),
      P::integer("exploration.epsilon_anneal_steps", 50'000, 1, kHuge,
                 "environment steps of the linear decrease"),
  };
}

TrainConfig make_train_config(const Params& p) {
  TrainConfig c;
  c.t_max = p.integer("run.t_max");
  c.log_interval = p.integer("run.log_interval");
  c.n_envs = p.integer32("rollout.n_envs");
  c.updates_per_episode = p.real("rollout.updates_per_episode");
  c.replay_capacity = p.integer32("replay.capacity");
  c.evaluation_interval = p.integer("evaluation.interval");
  c.evaluation_episodes = p.integer32("evaluation.episodes");
  c.agent = {.hidden_dim = p.integer32("agent.hidden_dim"),
             .obs_last_action = p.boolean("agent.obs_last_action"),
             .obs_agent_id = p.boolean("agent.obs_agent_id")};
  const std::string& mixer = p.text("mixer.type");
  c.mixer = {.kind = mixer == "none"   ? MixerKind::kNone
                     : mixer == "vdn"  ? MixerKind::kVdn
                     : mixer == "qmix" ? MixerKind::kQmix
                                       : MixerKind::kQmixSimple,
             .embed_dim = p.integer32("mixer.embed_dim"),
             .hypernet_layers = p.integer32("mixer.hypernet_layers"),
             .hypernet_embed = p.integer32("mixer.hypernet_embed")};
  c.entropy = {.enabled = p.boolean("gre.enabled"),
               .lambda = p.real("gre.lambda"),
               .elu_derivative = p.text("gre.elu_derivative") == "exact"
                                     ? EluDerivative::kExact
                                     : EluDerivative::kPublished,
               .detach_agents = p.boolean("gre.detach_agents")};
  c.optimizer = {
      .kind = p.text("optimizer.type") == "adam" ? OptimizerKind::kAdam : OptimizerKind::kRmsprop,
      .lr = p.real("optimizer.lr"),
      .rmsprop_alpha = p.real("optimizer.rmsprop_alpha"),
      .rmsprop_eps = p.real("optimizer.rmsprop_eps"),
      .adam_beta1 = p.real("optimizer.adam_beta1"),
      .adam_beta2 = p.real("optimizer.adam_beta2"),
      .adam_eps = p.real("optimizer.adam_eps"),
      .grad_norm_clip = p.real("optimizer.grad_norm_clip")};
  c.learner = {.gamma = p.real("learner.gamma"),
               .double_q = p.boolean("learner.double_q"),
               .td_lambda = p.real("learner.td_lambda"),
               .loss_scale = p.real("learner.loss_scale"),
               .batch_size = p.integer32("learner.batch_size"),
               .target_update_interval = p.integer32("learner.target_update_interval")};
  c.exploration = {.epsilon_start = p.real("exploration.epsilon_start"),
                   .epsilon_finish = p.real("exploration.epsilon_finish"),
                   .epsilon_anneal_steps = p.integer("exploration.epsilon_anneal_steps")};
  if (c.learner.batch_size > c.replay_capacity)
    throw UserError(fmt::format(
        "learner.batch_size = {} is larger than replay.capacity = {}: no update could ever run",
        c.learner.batch_size, c.replay_capacity));
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
