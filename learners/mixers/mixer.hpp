// Mixers turn the agents' chosen-action values into what the TD error is computed on. One file per
// mixer; the learner knows only this interface.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "learners/base/scratch.hpp"
#include "learners/config.hpp"
#include "learners/nets/agent.hpp"
#include "learners/nets/mlp.hpp"
#include "learners/nets/parameters.hpp"

namespace credo {

/// What a mixer reads. The learner gathers the optional arrays only for mixers that ask for them.
struct MixerInput {
  int rows = 0;                   ///< samples (steps)
  const float* q = nullptr;       ///< [rows, n_agents] chosen-action values
  const float* state = nullptr;   ///< [rows, state_dim]
  const int* actions = nullptr;   ///< [rows, n_agents] the chosen actions
  const float* q_max = nullptr;   ///< [rows, n_agents] largest value of an available action
  const int* greedy = nullptr;    ///< [rows, n_agents] that action; null in target networks
  const float* hidden = nullptr;  ///< [rows, n_agents, hidden_dim] GRU states
  const float* obs = nullptr;     ///< [rows, n_agents, obs_dim]
  const int* orders = nullptr;  ///< [rows, MixerNeeds::orders, n_agents] permutations of the agents
  bool want_credits = true;     ///< false: MixerPass::credits may be left out
};

struct MixerNeeds {
  bool actions = false;
  bool q_max = false;
  bool greedy = false;
  bool hidden = false;
  bool obs = false;
  int orders = 0;  ///< random permutations of the agents per step

  /// The loss sends a gradient to the largest values (MixerInputGradient::q_max).
  bool sends_to_greedy() const { return q_max && greedy; }
};

/// Results of a forward pass; storage belongs to the Scratch it was given.
struct MixerPass {
  float* q_tot = nullptr;    ///< [rows, outputs()]
  float* credits = nullptr;  ///< [rows, n_agents] exact dQ_tot/dq_i; null if the mixer has none
  /// [rows, n_agents] credits in their second form, if asked for: with the authors' ELU derivative,
  /// SHAQ's with the way through alpha; the same as `credits` elsewhere.
  float* published = nullptr;
  float* penalty = nullptr;       ///< [rows] a term of the loss (Mixer::penalty_weight); or null
  float* attention = nullptr;     ///< [rows, heads, n_agents] Qatten: lambda
  float* head_weights = nullptr;  ///< [rows, heads] Qatten
  float* alpha = nullptr;         ///< [rows, n_agents] SHAQ: of the agents that need it
  float* opt_error = nullptr;     ///< [rows] QTRAN: error at the greedy actions; null elsewhere
  float* nopt_error = nullptr;    ///< [rows] QTRAN: error at the taken actions, 0 where positive
  float* state_v = nullptr;       ///< [rows] QTRAN: V(s)
  float* best_q = nullptr;        ///< [rows] QTRAN: joint value of the greedy actions
  std::array<float*, 8> kept{};   ///< whatever the mixer's own backward pass needs
  Mlp::Pass* networks = nullptr;  ///< and the passes of networks it is made of
  /// SHAQ: who joins whom, for the rows where an alpha is needed.
  struct Coalitions {
    int rows = 0;
    int* row = nullptr;       ///< [rows] of the input
    int* first = nullptr;     ///< [rows + 1] of each row's coalitions
    int* place = nullptr;     ///< of the agent that joins, in the row's orders one after the other
    float* inputs = nullptr;  ///< [2] the coalition's mean value, the agent's value
    const float* state = nullptr;  ///< [rows, state_dim]
  } coalitions{};
};

/// The gradient that the entropy term sends into the credits.
struct CreditGradient {
  const float* d_credit = nullptr;  ///< [rows, n_agents]; null: no entropy term
  EluDerivative elu_derivative = EluDerivative::kExact;
  bool detach_agents = true;
};

/// Gradient of what a forward pass returned.
struct MixerGradient {
  const float* q_tot = nullptr;  ///< [rows, outputs()]
  CreditGradient credit{};
  const float* opt_error = nullptr;   ///< [rows] where the pass has these errors
  const float* nopt_error = nullptr;  ///< [rows]
  float penalty = 0.0F;               ///< the same for all rows
};

/// Where the gradient of the input goes.
struct MixerInputGradient {
  float* q = nullptr;       ///< [rows, n_agents]
  float* q_max = nullptr;   ///< [rows, n_agents], for mixers that need the greedy actions
  float* hidden = nullptr;  ///< [rows, n_agents, hidden_dim], for mixers that need the states
};

class Mixer {
 public:
  Mixer() = default;
  Mixer(const Mixer&) = delete;
  Mixer& operator=(const Mixer&) = delete;
  virtual ~Mixer() = default;

  /// Values per sample: 1, or n_agents when every agent learns on its own.
  virtual int outputs() const { return 1; }
  virtual MixerNeeds needs() const { return {}; }
  /// True when dQ_tot/dq_i exists, so that H can be measured.
  virtual bool has_credits() const { return true; }
  /// True when a pass has MixerPass::opt_error and nopt_error, which are part of the loss.
  virtual bool has_constraints() const { return false; }

  /// Attention heads (MixerPass::attention); 0: none.
  virtual int heads() const { return 0; }
  /// Weight of MixerPass::penalty's mean in the loss.
  virtual double penalty_weight() const { return 0.0; }
  /// A learning rate of the mixer's own: then its parameters' gradient is clipped by its own norm.
  virtual std::optional<double> learning_rate() const { return std::nullopt; }

  virtual MixerPass forward(const float* params, const MixerInput& in, bool want_published,
                            Scratch& scratch) const = 0;
  /// The target networks' value of the next slot: q_tot alone is needed.
  virtual MixerPass forward_target(const float* params, const MixerInput& in,
                                   Scratch& scratch) const {
    MixerInput next = in;
    next.want_credits = false;
    return forward(params, next, false, scratch);
  }

  /// Called once per update, before any backward of that update.
  virtual void prepare_backward(const float* params) { (void)params; }
  /// Writes the gradient of the input, adds that of the parameters to grad.
  virtual void backward(const MixerInput& in, const MixerPass& pass, const float* params,
                        const MixerGradient& d, const MixerInputGradient& to, float* grad,
                        Scratch& scratch) const = 0;
};

/// Makes a mixer, with its parameters appended to the layout as "mixer.*".
using MixerFactory = std::unique_ptr<Mixer> (*)(ParamLayout& layout, const EnvShape& shape,
                                                const TrainConfig& config);

// Each mixer's file explains it; algorithm_table.cpp names them.
std::unique_ptr<Mixer> make_iql_mixer(ParamLayout&, const EnvShape&, const TrainConfig&);
std::unique_ptr<Mixer> make_vdn_mixer(ParamLayout&, const EnvShape&, const TrainConfig&);
std::unique_ptr<Mixer> make_qmix_mixer(ParamLayout&, const EnvShape&, const TrainConfig&);
std::unique_ptr<Mixer> make_qmix_simple_mixer(ParamLayout&, const EnvShape&, const TrainConfig&);
std::unique_ptr<Mixer> make_qtran_mixer(ParamLayout&, const EnvShape&, const TrainConfig&);
std::unique_ptr<Mixer> make_qatten_mixer(ParamLayout&, const EnvShape&, const TrainConfig&);
std::unique_ptr<Mixer> make_shaq_mixer(ParamLayout&, const EnvShape&, const TrainConfig&);
std::unique_ptr<Mixer> make_qplex_mixer(ParamLayout&, const EnvShape&, const TrainConfig&);
/// The unrestricted mixer of weighted QMIX; parameters "central_mixer.*".
std::unique_ptr<Mixer> make_central_mixer(ParamLayout&, const EnvShape&, const TrainConfig&);

}  // namespace credo
