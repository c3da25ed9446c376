// The training configuration as the learners read it, with every default. Names, ranges and help of
// the same values: hyperparameters.hpp.
#pragma once

#include <cstdint>
#include <string>

namespace credo {

/// Which derivative of ELU the credits of the entropy term use (docs/algorithms/qmix_gre.md).
enum class EluDerivative { kExact, kPublished };
enum class OptimizerKind { kRmsprop, kAdam };
/// Q-learning from replayed episodes (every mixer), or an actor and a critic: COMA's or PPO's.
enum class LearnerKind { kQLearning, kComa, kPpo };
/// dQ_tot/dQ_i of QPLEX: of the loss as its authors wrote it, which detaches the advantages, or of
/// the formula (docs/algorithms/qplex.md).
enum class QplexCredits { kCoded, kFull };
/// Which TD errors weighted QMIX counts in full (docs/algorithms/wqmix.md).
enum class Weighting { kNone, kCentral, kOptimistic };

struct AgentConfig {
  int hidden_dim = 64;
  bool recurrent = true;  ///< false: a linear layer and ReLU in place of the GRU (EPyMARL)
  bool shared = true;     ///< false: every agent has weights of its own
  bool obs_last_action = true;
  bool obs_agent_id = true;  ///< shared weights only
};

/// QTRAN-base (Son et al. 2019).
struct QtranConfig {
  int embed_dim = 64;
  int hidden_layers = 2;  ///< of the joint action-value and of the state-value network
  double opt_loss = 1.0;
  double nopt_min_loss = 0.1;
};

/// QPLEX (Wang et al. 2021): the attention that weighs the advantages.
struct QplexConfig {
  int kernels = 4;
  int layers = 1;
  int embed_dim = 64;
  QplexCredits credits = QplexCredits::kCoded;
};

/// Qatten (Yang et al. 2020): attention over agents.
struct QattenConfig {
  int heads = 4;
  bool weighted_head = true;
  double attention_reg = 0.0;
};

/// SHAQ (Wang et al. 2022): sampled coalitions.
struct ShaqConfig {
  int sample_size = 10;      ///< orders of the agents per step
  double alpha_lr = 1e-3;    ///< learning rate of the mixer
  double fixed_alpha = 0.0;  ///< above 0: in place of alpha
};

/// Weighted QMIX (Rashid et al. 2020): a second, unrestricted value function and weighted errors.
struct WqmixConfig {
  Weighting weighting = Weighting::kNone;  ///< kNone: no second value function
  double weight = 0.1;                     ///< of errors that do not count in full
  int central_embed_dim = 256;
  double qmix_loss = 1.0;
  double central_loss = 1.0;
};

struct MixerConfig {
  std::string type = "qmix";  ///< a mixer of algorithm_table.hpp; value-based learners only
  int embed_dim = 32;
  int hypernet_layers = 2;
  int hypernet_embed = 64;
  QtranConfig qtran{};
  QplexConfig qplex{};
  QattenConfig qatten{};
  ShaqConfig shaq{};
  WqmixConfig wqmix{};
};

/// Gradient entropy regularisation (Zhao et al. 2022).
struct EntropyConfig {
  bool enabled = false;
  double lambda = 1e-3;
  /// 0: lambda is fixed. Else it starts at 0 and follows H (docs/algorithms/qmix_gre.md).
  double target_entropy = 0.0;
  double target_lr = 1e-3;
  double target_gain = 1.0;
  double lambda_max = 1.0;
  EluDerivative elu_derivative = EluDerivative::kPublished;
  bool detach_agents = true;
};

struct OptimizerConfig {
  OptimizerKind kind = OptimizerKind::kRmsprop;
  double lr = 5e-4;
  double rmsprop_alpha = 0.99;
  double rmsprop_eps = 1e-5;
  double adam_beta1 = 0.9;
  double adam_beta2 = 0.999;
  double adam_eps = 1e-8;
  double grad_norm_clip = 10.0;
};

/// COMA (Foerster et al. 2018): the centralised critic.
struct ComaConfig {
  int critic_dim = 128;
  double critic_lr = 5e-4;
};

/// IPPO and MAPPO (Yu et al. 2022).
struct PpoConfig {
  bool central_critic = false;  ///< the critic reads the state as well: MAPPO
  int epochs = 10;
  int minibatches = 1;  ///< of an epoch
  double gae_lambda = 0.95;
  double clip = 0.2;        ///< of the probability ratio
  double value_clip = 0.2;  ///< of the change of a normalised value; 0: none
  double huber_delta = 10.0;
  double entropy = 0.01;  ///< coefficient of the bonus
  double value_coef = 1.0;
  double critic_lr = 5e-4;
  bool value_norm = true;
  double value_norm_beta = 0.99999;
  bool death_masking = true;  ///< MAPPO: no state for an agent without a choice
  double policy_gain = 0.01;  ///< of the initial weights of the actors' last layer
};

struct LearnerConfig {
  LearnerKind kind = LearnerKind::kQLearning;
  double gamma = 0.99;
  bool double_q = true;
  double td_lambda = 0.0;
  int n_step = 1;  ///< rewards before the target bootstraps
  double loss_scale = 1.0;
  int batch_size = 32;
  int target_update_interval = 200;  ///< episodes; COMA: critic steps
  double target_tau = 0.0;           ///< 0: copies at that interval; else soft updates
  bool standardise_rewards = false;  ///< by their running moments (reward_scale.hpp)
};

struct ExplorationConfig {
  double epsilon_start = 1.0;
  double epsilon_finish = 0.05;
  std::int64_t epsilon_anneal_steps = 50000;
};

struct TrainConfig {
  std::uint64_t seed = 0;
  std::int64_t t_max = 2050000;
  std::int64_t log_interval = 10000;
  int n_envs = 1;
  double updates_per_episode = 1.0;
  int replay_capacity = 5000;
  std::int64_t evaluation_interval = 10000;
  int evaluation_episodes = 32;
  AgentConfig agent;
  MixerConfig mixer;
  EntropyConfig entropy;
  OptimizerConfig optimizer;
  LearnerConfig learner;
  ComaConfig coma;
  PpoConfig ppo;
  ExplorationConfig exploration;
};

}  // namespace credo
