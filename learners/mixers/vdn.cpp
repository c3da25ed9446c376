// Value decomposition network (Sunehag et al. 2018; docs/algorithms/vdn.md): Q_tot = sum_i q_i.
// All credits are 1, so H = 1.
#include <algorithm>

#include "learners/mixers/mixer.hpp"

namespace credo {

namespace {

class VdnMixer final : public Mixer {
 public:
  explicit VdnMixer(const EnvShape& shape) : n_agents_(shape.n_agents) {}

  MixerPass forward(const float*, const MixerInput& in, bool want_published,
                    Scratch& scratch) const override {
    const auto n = static_cast<std::size_t>(in.rows) * static_cast<std::size_t>(n_agents_);
    MixerPass pass;
    pass.q_tot = scratch.floats(static_cast<std::size_t>(in.rows));
    for (int row = 0; row < in.rows; ++row) {
      const float* q = in.q + static_cast<std::ptrdiff_t>(row) * n_agents_;
      float sum = 0.0F;
      for (int i = 0; i < n_agents_; ++i) sum += q[i];
      pass.q_tot[row] = sum;
    }
    pass.credits = scratch.floats(n);
    std::fill(pass.credits, pass.credits + n, 1.0F);
    if (want_published) pass.published = pass.credits;
    return pass;
  }

  // The entropy of constant credits has no gradient: `d.credit` changes nothing.
  void backward(const MixerInput& in, const MixerPass&, const float*, const MixerGradient& d,
                const MixerInputGradient& to, float*, Scratch&) const override {
    for (int row = 0; row < in.rows; ++row) {
      float* out = to.q + static_cast<std::ptrdiff_t>(row) * n_agents_;
      std::fill(out, out + n_agents_, d.q_tot[row]);
    }
  }

 private:
  int n_agents_;
};

}  // namespace

std::unique_ptr<Mixer> make_vdn_mixer(ParamLayout&, const EnvShape& shape, const TrainConfig&) {
  return std::make_unique<VdnMixer>(shape);
}

}  // namespace credo
