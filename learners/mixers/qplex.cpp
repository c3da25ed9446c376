// QPLEX (Wang et al. 2021; docs/algorithms/qplex.md). With w_i(s) > 0 and v_i(s) per agent,
//   q'_i = w_i q_i + v_i          m'_i = w_i max_a q_i + v_i
//   Q_tot = sum_i q'_i + sum_i (lambda_i(s, u) - 1) stop(q'_i - m'_i)
//   lambda_i = sum_k key_k(s) sigmoid(agents_k(s)_i) sigmoid(action_k(s, u)_i),  key_k > 0
// In value that is sum_i m'_i + sum_i lambda_i (q'_i - m'_i): monotone in the advantages.
#include <cmath>
#include <fmt/format.h>

#include "learners/base/index.hpp"
#include "learners/kernels/kernels.hpp"
#include "learners/mixers/mixer.hpp"

namespace credo {

namespace {

constexpr float kEpsilon = 1e-10F;  // keeps weights positive

float positive(float x) { return std::abs(x) + kEpsilon; }
float sign(float x) { return x > 0.0F ? 1.0F : x < 0.0F ? -1.0F : 0.0F; }

class QplexMixer final : public Mixer {
 public:
  QplexMixer(ParamLayout& layout, const EnvShape& shape, const MixerConfig& config)
      : n_(shape.n_agents),
        n_actions_(shape.n_actions),
        state_dim_(shape.state_dim),
        kernels_(config.qplex.kernels),
        credits_(config.qplex.credits) {
    const std::string prefix = "mixer.";
    const auto add = [&](const std::string& name, std::vector<int> widths) {
      networks_.emplace_back(layout, prefix + name, widths, state_dim_);
    };
    add("hyper_w_final", {state_dim_, config.hypernet_embed, n_});
    add("V", {state_dim_, config.hypernet_embed, n_});
    const auto widths = [&](int in, int out) {
      std::vector<int> list = {in};
      list.insert(list.end(), sz(config.qplex.layers - 1), config.qplex.embed_dim);
      list.push_back(out);
      return list;
    };
    for (int k = 0; k < kernels_; ++k) {
      add(fmt::format("si_weight.key_extractors.{}", k), widths(state_dim_, 1));
      add(fmt::format("si_weight.agents_extractors.{}", k), widths(state_dim_, n_));
      add(fmt::format("si_weight.action_extractors.{}", k),
          widths(state_dim_ + n_ * n_actions_, n_));
    }
  }

  MixerNeeds needs() const override { return {.actions = true, .q_max = true}; }

  MixerPass forward(const float* params, const MixerInput& in, bool want_published,
                    Scratch& scratch) const override {
    MixerPass pass;
    const Inputs inputs = make_inputs(in, scratch);
    const std::size_t values = sz(in.rows) * sz(n_);
    pass.networks = scratch.take<Mlp::Pass>(networks_.size());
    for (std::size_t i = 0; i < networks_.size(); ++i) {
      Mlp::Pass& p = pass.networks[i] =
          networks_[i].forward(params, is_action(i) ? inputs.with_actions : inputs.state, scratch);
      if (is_agents(i) || is_action(i)) credo::kernels().sigmoid(p.out, p.out, values);
    }
    float* lambda = pass.kept[kLambda] = scratch.zeros(values);
    for (int k = 0; k < kernels_; ++k) {
      const float* key = pass.networks[key_of(k)].out;
      const float* agents = pass.networks[key_of(k) + 1].out;
      const float* action = pass.networks[key_of(k) + 2].out;
      for (std::ptrdiff_t row = 0; row < in.rows; ++row)
        for (std::ptrdiff_t i = row * n_; i < (row + 1) * n_; ++i)
          lambda[i] += positive(key[row]) * agents[i] * action[i];
    }
    const float* raw_w = pass.networks[0].out;
    const float* v = pass.networks[1].out;
    pass.q_tot = scratch.floats(sz(in.rows));
    pass.credits = scratch.floats(values);
    for (std::ptrdiff_t row = 0; row < in.rows; ++row) {
      float value = 0.0F;
      float advantage = 0.0F;
      for (std::ptrdiff_t i = row * n_; i < (row + 1) * n_; ++i) {
        const float w = positive(raw_w[i]);
        value += w * in.q[i] + v[i];
        advantage += w * (in.q[i] - in.q_max[i]) * (lambda[i] - 1.0F);
        pass.credits[i] = credits_ == QplexCredits::kFull ? w * lambda[i] : w;
      }
      pass.q_tot[row] = value + advantage;
    }
    if (want_published) pass.published = pass.credits;  // no ELU, so there is one form
    return pass;
  }

  void prepare_backward(const float* params) override {
    for (Mlp& network : networks_) network.prepare_backward(params);
  }

  void backward(const MixerInput& in, const MixerPass& pass, const float*, const MixerGradient& d,
                const MixerInputGradient& to, float* grad, Scratch& scratch) const override {
    const std::size_t values = sz(in.rows) * sz(n_);
    const float* raw_w = pass.networks[0].out;
    const float* lambda = pass.kept[kLambda];
    const bool full = credits_ == QplexCredits::kFull;
    float* d_w = scratch.floats(values);
    float* d_v = scratch.floats(values);
    float* d_lambda = scratch.floats(values);
    for (std::ptrdiff_t row = 0; row < in.rows; ++row) {
      const float delta = d.q_tot[row];
      for (std::ptrdiff_t i = row * n_; i < (row + 1) * n_; ++i) {
        const float w = positive(raw_w[i]);
        const float credit = d.credit.d_credit != nullptr ? d.credit.d_credit[i] : 0.0F;
        to.q[i] = delta * w;
        d_v[i] = delta;
        d_lambda[i] = delta * (w * (in.q[i] - in.q_max[i])) + (full ? credit * w : 0.0F);
        const float d_positive = delta * in.q[i] + (full ? credit * lambda[i] : credit);
        d_w[i] = d_positive * sign(raw_w[i]);
      }
    }
    const Inputs inputs = make_inputs(in, scratch);
    networks_[0].backward(inputs.state, pass.networks[0], d_w, {}, grad, scratch);
    networks_[1].backward(inputs.state, pass.networks[1], d_v, {}, grad, scratch);

    float* d_key = scratch.floats(sz(in.rows));
    float* d_agents = scratch.floats(values);
    float* d_action = scratch.floats(values);
    for (int k = 0; k < kernels_; ++k) {
      const float* raw_key = pass.networks[key_of(k)].out;
      const float* agents = pass.networks[key_of(k) + 1].out;
      const float* action = pass.networks[key_of(k) + 2].out;
      for (std::ptrdiff_t row = 0; row < in.rows; ++row) {
        const float key = positive(raw_key[row]);
        float sum = 0.0F;
        for (std::ptrdiff_t i = row * n_; i < (row + 1) * n_; ++i) {
          sum += d_lambda[i] * agents[i] * action[i];
          const float shared = d_lambda[i] * key * agents[i] * action[i];
          d_agents[i] = shared * (1.0F - agents[i]);
          d_action[i] = shared * (1.0F - action[i]);
        }
        d_key[row] = sum * sign(raw_key[row]);
      }
      const auto backward_head = [&](std::size_t i, const MlpInput& x, const float* d_out) {
        networks_[i].backward(x, pass.networks[i], d_out, {}, grad, scratch);
      };
      backward_head(key_of(k), inputs.state, d_key);
      backward_head(key_of(k) + 1, inputs.state, d_agents);
      backward_head(key_of(k) + 2, inputs.with_actions, d_action);
    }
  }

 private:
  enum Kept { kLambda };
  struct Inputs {
    MlpInput state;
    MlpInput with_actions;  // the state, then every agent's action one-hot
  };

  // networks_: w, v, then key, agents, action of each kernel.
  static std::size_t key_of(int kernel) { return 2 + 3 * sz(kernel); }
  static bool is_agents(std::size_t i) { return i >= 2 && (i - 2) % 3 == 1; }
  static bool is_action(std::size_t i) { return i >= 2 && (i - 2) % 3 == 2; }

  Inputs make_inputs(const MixerInput& in, Scratch& scratch) const {
    int* hot = scratch.take<int>(sz(in.rows) * sz(n_));
    for (std::ptrdiff_t row = 0; row < in.rows; ++row)
      for (int i = 0; i < n_; ++i)
        hot[row * n_ + i] = state_dim_ + i * n_actions_ + in.actions[row * n_ + i];
    Inputs inputs;
    inputs.state = {.rows = in.rows, .x = in.state, .ld = state_dim_};
    inputs.with_actions = inputs.state;
    inputs.with_actions.hot = hot;
    inputs.with_actions.n_hot = n_;
    return inputs;
  }

  int n_;
  int n_actions_;
  int state_dim_;
  int kernels_;
  QplexCredits credits_;
  std::vector<Mlp> networks_;
};

}  // namespace

std::unique_ptr<Mixer> make_qplex_mixer(ParamLayout& layout, const EnvShape& shape,
                                        const TrainConfig& config) {
  return std::make_unique<QplexMixer>(layout, shape, config.mixer);
}

}  // namespace credo
