// QTRAN-base (Son et al. 2019; docs/algorithms/qtran.md). The joint value reads the state and the
// agents' GRU states with their actions,
//   Q(s, h, u) = net([s, sum_i f([h_i, onehot(u_i)])])         V(s) = net'(s)
// and two errors tie the sum of the agents' values to it (g: the greedy actions):
//   opt  = sum_i q_i(g_i) - stop(Q(s, h, g)) + V(s)
//   nopt = min(0, sum_i q_i(u_i) - stop(Q(s, h, u)) + V(s))
#include <algorithm>

#include "learners/base/index.hpp"
#include "learners/mixers/mixer.hpp"

namespace credo {

namespace {

class QtranMixer final : public Mixer {
 public:
  QtranMixer(ParamLayout& layout, const EnvShape& shape, int hidden_dim, const QtranConfig& config)
      : n_(shape.n_agents),
        state_dim_(shape.state_dim),
        hidden_(hidden_dim),
        encoding_(hidden_dim + shape.n_actions),
        q_(layout, "mixer.Q", widths(state_dim_ + encoding_, config), state_dim_ + encoding_),
        v_(layout, "mixer.V", widths(state_dim_, config), state_dim_),
        encode_(layout, "mixer.action_encoding", {encoding_, encoding_, encoding_}, hidden_) {}

  bool has_credits() const override { return false; }
  bool has_constraints() const override { return true; }
  MixerNeeds needs() const override {
    return {.actions = true, .q_max = true, .greedy = true, .hidden = true};
  }

  MixerPass forward(const float* params, const MixerInput& in, bool,
                    Scratch& scratch) const override {
    MixerPass pass;
    pass.networks = scratch.take<Mlp::Pass>(kNetworks);
    const Joint taken = joint_value(params, in, in.actions, scratch);
    pass.networks[kEncode] = taken.encode;
    pass.networks[kJoint] = taken.joint;
    pass.kept[kInput] = taken.x;
    pass.q_tot = taken.joint.out;
    if (in.greedy == nullptr) return pass;

    pass.networks[kState] = v_.forward(params, state_input(in), scratch);
    pass.state_v = pass.networks[kState].out;
    pass.best_q = joint_value(params, in, in.greedy, scratch).joint.out;
    pass.opt_error = scratch.floats(sz(in.rows));
    pass.nopt_error = scratch.floats(sz(in.rows));
    for (std::ptrdiff_t row = 0; row < in.rows; ++row) {
      float sum_max = 0.0F;
      float sum = 0.0F;
      for (std::ptrdiff_t i = row * n_; i < (row + 1) * n_; ++i) {
        sum_max += in.q_max[i];
        sum += in.q[i];
      }
      pass.opt_error[row] = sum_max - pass.best_q[row] + pass.state_v[row];
      pass.nopt_error[row] = std::min(0.0F, sum - pass.q_tot[row] + pass.state_v[row]);
    }
    return pass;
  }

  void prepare_backward(const float* params) override {
    q_.prepare_backward(params);
    v_.prepare_backward(params);
    encode_.prepare_backward(params);
  }

  void backward(const MixerInput& in, const MixerPass& pass, const float*, const MixerGradient& d,
                const MixerInputGradient& to, float* grad, Scratch& scratch) const override {
    float* d_v = scratch.floats(sz(in.rows));
    for (std::ptrdiff_t row = 0; row < in.rows; ++row) {
      d_v[row] = d.opt_error[row] + d.nopt_error[row];
      std::fill_n(to.q + row * n_, n_, d.nopt_error[row]);
      std::fill_n(to.q_max + row * n_, n_, d.opt_error[row]);
    }
    v_.backward(state_input(in), pass.networks[kState], d_v, {}, grad, scratch);

    float* d_sum = scratch.floats(sz(in.rows) * sz(encoding_));
    q_.backward(joint_input(in.rows, pass.kept[kInput]), pass.networks[kJoint], d.q_tot,
                {.d_x = d_sum, .first = state_dim_, .count = encoding_}, grad, scratch);
    float* d_encoded = scratch.floats(sz(in.rows * n_) * sz(encoding_));
    for (std::ptrdiff_t row = 0; row < in.rows; ++row)
      for (int i = 0; i < n_; ++i)
        std::copy_n(d_sum + row * encoding_, encoding_, d_encoded + (row * n_ + i) * encoding_);
    encode_.backward(encode_input(in, in.actions, scratch), pass.networks[kEncode], d_encoded,
                     {.d_x = to.hidden, .first = 0, .count = hidden_}, grad, scratch);
  }

 private:
  enum Networks { kEncode, kJoint, kState, kNetworks };
  enum Kept { kInput };
  struct Joint {
    Mlp::Pass encode, joint;
    float* x = nullptr;
  };

  static std::vector<int> widths(int in, const QtranConfig& config) {
    std::vector<int> list = {in};
    list.insert(list.end(), sz(config.hidden_layers), config.embed_dim);
    list.push_back(1);
    return list;
  }

  MlpInput state_input(const MixerInput& in) const {
    return {.rows = in.rows, .x = in.state, .ld = state_dim_};
  }
  MlpInput joint_input(int rows, const float* x) const {
    return {.rows = rows, .x = x, .ld = state_dim_ + encoding_};
  }
  MlpInput encode_input(const MixerInput& in, const int* actions, Scratch& scratch) const {
    const int rows = in.rows * n_;
    int* hot = scratch.take<int>(sz(rows));
    for (int i = 0; i < rows; ++i) hot[i] = hidden_ + actions[i];
    return {.rows = rows, .x = in.hidden, .ld = hidden_, .hot = hot, .n_hot = 1};
  }

  Joint joint_value(const float* params, const MixerInput& in, const int* actions,
                    Scratch& scratch) const {
    Joint value;
    value.encode = encode_.forward(params, encode_input(in, actions, scratch), scratch);
    const int width = state_dim_ + encoding_;
    value.x = scratch.zeros(sz(in.rows) * sz(width));
    for (std::ptrdiff_t row = 0; row < in.rows; ++row) {
      std::copy_n(in.state + row * state_dim_, state_dim_, value.x + row * width);
      float* sum = value.x + row * width + state_dim_;
      for (int i = 0; i < n_; ++i) {
        const float* encoded = value.encode.out + (row * n_ + i) * encoding_;
        for (int j = 0; j < encoding_; ++j) sum[j] += encoded[j];
      }
    }
    value.joint = q_.forward(params, joint_input(in.rows, value.x), scratch);
    return value;
  }

  int n_;
  int state_dim_;
  int hidden_;
  int encoding_;  // width of an encoded action
  Mlp q_;
  Mlp v_;
  Mlp encode_;
};

}  // namespace

std::unique_ptr<Mixer> make_qtran_mixer(ParamLayout& layout, const EnvShape& shape,
                                        const TrainConfig& config) {
  return std::make_unique<QtranMixer>(layout, shape, config.agent.hidden_dim, config.mixer.qtran);
}

}  // namespace credo
