// Independent Q-learning: no mixing; the loss is the mean over steps and agents.
#include <algorithm>

#include "learners/mixers/mixer.hpp"

namespace credo {

namespace {

class IqlMixer final : public Mixer {
 public:
  explicit IqlMixer(const EnvShape& shape) : n_agents_(shape.n_agents) {}

  int outputs() const override { return n_agents_; }
  bool has_credits() const override { return false; }

  MixerPass forward(const float*, const MixerInput& in, bool, Scratch& scratch) const override {
    const auto n = static_cast<std::size_t>(in.rows) * static_cast<std::size_t>(n_agents_);
    MixerPass pass;
    pass.q_tot = scratch.floats(n);
    std::copy(in.q, in.q + n, pass.q_tot);
    return pass;
  }

  void backward(const MixerInput& in, const MixerPass&, const float*, const MixerGradient& d,
                const MixerInputGradient& to, float*, Scratch&) const override {
    const auto n = static_cast<std::size_t>(in.rows) * static_cast<std::size_t>(n_agents_);
    std::copy(d.q_tot, d.q_tot + n, to.q);
  }

 private:
  int n_agents_;
};

}  // namespace

std::unique_ptr<Mixer> make_iql_mixer(ParamLayout&, const EnvShape& shape, const TrainConfig&) {
  return std::make_unique<IqlMixer>(shape);
}

}  // namespace credo
