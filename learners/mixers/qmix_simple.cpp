// The equal-credit control of Zhao et al. 2022: QMIX with a single input, the
// sum of the agents' values, and a single hidden unit. All credits are equal, so H = 1.
#include "learners/mixers/qmix_mixer.hpp"

namespace credo {

namespace {

class QmixSimpleMixer final : public QmixMixer {
 public:
  QmixSimpleMixer(ParamLayout& layout, const EnvShape& shape, const MixerConfig& config)
      : QmixMixer(layout, shape, config, 1, 1), n_agents_(shape.n_agents) {}

  MixerPass forward(const float* params, const MixerInput& in, bool want_published,
                    Scratch& scratch) const override {
    const MixerInput summed = sum_agents(in, scratch);
    MixerPass pass = QmixMixer::forward(params, summed, want_published, scratch);
    if (in.want_credits) pass.credits = spread(pass.credits, in.rows, scratch);
    if (want_published) pass.published = spread(pass.published, in.rows, scratch);
    return pass;
  }

  // Equal credits have entropy 1 whatever the parameters: the entropy term has no gradient.
  void backward(const MixerInput& in, const MixerPass& pass, const float* params,
                const MixerGradient& d, const MixerInputGradient& to, float* grad,
                Scratch& scratch) const override {
    const MixerInput summed = sum_agents(in, scratch);
    float* d_sum = scratch.floats(static_cast<std::size_t>(in.rows));
    QmixMixer::backward(summed, pass, params, {.q_tot = d.q_tot}, {.q = d_sum}, grad, scratch);
    for (int row = 0; row < in.rows; ++row)
      for (int i = 0; i < n_agents_; ++i)
        to.q[static_cast<std::ptrdiff_t>(row) * n_agents_ + i] = d_sum[row];
  }

 private:
  MixerInput sum_agents(const MixerInput& in, Scratch& scratch) const {
    float* sum = scratch.floats(static_cast<std::size_t>(in.rows));
    for (int row = 0; row < in.rows; ++row) {
      float total = 0.0F;
      for (int i = 0; i < n_agents_; ++i)
        total += in.q[static_cast<std::ptrdiff_t>(row) * n_agents_ + i];
      sum[row] = total;
    }
    return {.rows = in.rows, .q = sum, .state = in.state, .want_credits = in.want_credits};
  }
  float* spread(const float* per_row, int rows, Scratch& scratch) const {
    float* out =
        scratch.floats(static_cast<std::size_t>(rows) * static_cast<std::size_t>(n_agents_));
    for (int row = 0; row < rows; ++row)
      for (int i = 0; i < n_agents_; ++i)
        out[static_cast<std::ptrdiff_t>(row) * n_agents_ + i] = per_row[row];
    return out;
  }

  int n_agents_;
};

}  // namespace

std::unique_ptr<Mixer> make_qmix_simple_mixer(ParamLayout& layout, const EnvShape& shape,
                                              const TrainConfig& config) {
  return std::make_unique<QmixSimpleMixer>(layout, shape, config.mixer);
}

}  // namespace credo
