// The unrestricted mixer of weighted QMIX (Rashid et al. 2020; docs/algorithms/wqmix.md):
//   Q*_tot = net([s, q_1 .. q_n]) + V(s)
// Nothing makes it monotone: it may represent any joint value, and provides the targets.
#include <algorithm>

#include "learners/mixers/mixer.hpp"

namespace credo {

namespace {

class CentralMixer final : public Mixer {
 public:
  CentralMixer(ParamLayout& layout, const EnvShape& shape, int embed)
      : n_agents_(shape.n_agents),
        state_dim_(shape.state_dim),
        net_(layout, "central_mixer.net", {inputs(), embed, embed, embed, 1}, inputs()),
        v_(layout, "central_mixer.V", {state_dim_, embed, 1}, state_dim_) {}

  bool has_credits() const override { return false; }

  MixerPass forward(const float* params, const MixerInput& in, bool,
                    Scratch& scratch) const override {
    float* x =
        scratch.floats(static_cast<std::size_t>(in.rows) * static_cast<std::size_t>(inputs()));
    for (std::ptrdiff_t row = 0; row < in.rows; ++row) {
      std::copy_n(in.state + row * state_dim_, state_dim_, x + row * inputs());
      std::copy_n(in.q + row * n_agents_, n_agents_, x + row * inputs() + state_dim_);
    }
    MixerPass pass;
    pass.kept[0] = x;
    pass.networks = scratch.take<Mlp::Pass>(2);
    pass.networks[0] = net_.forward(params, net_input(in, pass), scratch);
    pass.networks[1] = v_.forward(params, state_input(in), scratch);
    pass.q_tot = scratch.floats(static_cast<std::size_t>(in.rows));
    for (int row = 0; row < in.rows; ++row)
      pass.q_tot[row] = pass.networks[0].out[row] + pass.networks[1].out[row];
    return pass;
  }

  void prepare_backward(const float* params) override {
    net_.prepare_backward(params);
    v_.prepare_backward(params);
  }

  void backward(const MixerInput& in, const MixerPass& pass, const float*, const MixerGradient& d,
                const MixerInputGradient& to, float* grad, Scratch& scratch) const override {
    net_.backward(net_input(in, pass), pass.networks[0], d.q_tot,
                  {.d_x = to.q, .first = state_dim_, .count = n_agents_}, grad, scratch);
    v_.backward(state_input(in), pass.networks[1], d.q_tot, {}, grad, scratch);
  }

 private:
  int inputs() const { return state_dim_ + n_agents_; }
  MlpInput net_input(const MixerInput& in, const MixerPass& pass) const {
    return {.rows = in.rows, .x = pass.kept[0], .ld = inputs()};
  }
  MlpInput state_input(const MixerInput& in) const {
    return {.rows = in.rows, .x = in.state, .ld = state_dim_};
  }

  int n_agents_;
  int state_dim_;
  Mlp net_;
  Mlp v_;
};

}  // namespace

std::unique_ptr<Mixer> make_central_mixer(ParamLayout& layout, const EnvShape& shape,
                                          const TrainConfig& config) {
  return std::make_unique<CentralMixer>(layout, shape, config.mixer.wqmix.central_embed_dim);
}

}  // namespace credo
