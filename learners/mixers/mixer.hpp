// Mixers turn the agents' chosen-action values into what the TD error is computed on. One file per
// mixer; the learner knows only this interface.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "learners/config.hpp"
#include "learners/nets/agent.hpp"
#include "learners/nets/parameters.hpp"
#include "learners/scratch.hpp"

namespace credo {

struct MixerInput {
  int rows = 0;                  ///< samples (steps)
  const float* q = nullptr;      ///< [rows, n_agents] chosen-action values
  const float* state = nullptr;  ///< [rows, state_dim]
};

/// Results of a forward pass; storage belongs to the Scratch it was given.
struct MixerPass {
  float* q_tot = nullptr;      ///< [rows, outputs()]
  float* credits = nullptr;    ///< [rows, n_agents] exact dQ_tot/dq_i; null if the mixer has none
  float* published = nullptr;  ///< [rows, n_agents] with the authors' ELU derivative, if asked for
  std::array<float*, 6> kept{};  ///< whatever the mixer's own backward pass needs
};

/// The gradient that the entropy term sends into the credits.
struct CreditGradient {
  const float* d_credit = nullptr;  ///< [rows, n_agents]; null: no entropy term
  EluDerivative elu_derivative = EluDerivative::kExact;
  bool detach_agents = true;
};

class Mixer {
 public:
  Mixer() = default;
  Mixer(const Mixer&) = delete;
  Mixer& operator=(const Mixer&) = delete;
  virtual ~Mixer() = default;

  /// Values per sample: 1, or n_agents when every agent learns on its own.
  virtual int outputs() const { return 1; }
  /// True when dQ_tot/dq_i exists, so that H can be measured.
  virtual bool has_credits() const { return true; }

  virtual MixerPass forward(const float* params, const MixerInput& in, bool want_published,
                            Scratch& scratch) const = 0;

  /// Called once per update, before any backward of that update.
  virtual void prepare_backward(const float* params) { (void)params; }
  /// d_q_tot [rows, outputs()]; writes d_q [rows, n_agents], adds to grad.
  virtual void backward(const MixerInput& in, const MixerPass& pass, const float* params,
                        const float* d_q_tot, const CreditGradient& credit, float* d_q, float* grad,
                        Scratch& scratch) const = 0;
};

/// Independent learners: every agent's value is regressed on the team reward.
std::unique_ptr<Mixer> make_iql_mixer(const EnvShape& shape);
/// Q_tot = sum of the agents' values; credits are 1.
std::unique_ptr<Mixer> make_vdn_mixer(const EnvShape& shape);
/// Monotone mixing with state-dependent weights (Rashid et al. 2018).
std::unique_ptr<Mixer> make_qmix_mixer(ParamLayout& layout, const EnvShape& shape,
                                       const MixerConfig& config);
/// The equal-credit control of Zhao et al. 2022: one scalar weight for all agents.
std::unique_ptr<Mixer> make_qmix_simple_mixer(ParamLayout& layout, const EnvShape& shape,
                                              const MixerConfig& config);

/// The mixer a configuration names; its parameters are appended to the layout as "mixer.*".
std::unique_ptr<Mixer> make_mixer(ParamLayout& layout, const EnvShape& shape,
                                  const MixerConfig& config);

}  // namespace credo
