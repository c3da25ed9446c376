// SHAQ (Wang et al. 2022; docs/algorithms/shaq.md). With M random orders of the agents per step,
//   y_i^m   = F_s( mean of q_j over the agents j before i in order m,  q_i )        mean of none: 0
//   alpha_i = 1 + (1/M) sum_m |y_i^m|
//   delta_i = 1 where u_i is agent i's greedy action, else alpha_i
//   Q_tot   = sum_i delta_i q_i                    in target networks sum_i q_i
//   F_s(a, b) = ELU( a W_0 + b W_1 + b1(s) ) . w2(s) + b2(s),  W = |A(s)|, w2 = |a2(s)|
// F is a QMIX mixing network of two inputs. It is needed where an agent did not act greedily: rows
// without such an agent cost a sum. The hypernetworks run once per remaining row, F once per order
// and agent, all of one row's together.
#include <cmath>

#include "learners/base/index.hpp"
#include "learners/kernels/kernels.hpp"
#include "learners/mixers/mixer.hpp"
#include "learners/nets/products.hpp"

namespace credo {

namespace {

class ShaqMixer final : public Mixer {
 public:
  ShaqMixer(ParamLayout& layout, const EnvShape& shape, const MixerConfig& config)
      : n_(shape.n_agents),
        state_dim_(shape.state_dim),
        embed_(config.embed_dim),
        two_layers_(config.hypernet_layers == 2),
        orders_(config.shaq.sample_size),
        fixed_alpha_(static_cast<float>(config.shaq.fixed_alpha)),
        alpha_lr_(config.shaq.alpha_lr) {
    const int e = embed_;
    if (two_layers_) {
      const int h = config.hypernet_embed;
      first_ = layout.add_fused(
          {"mixer.hyper_w_1.0", "mixer.hyper_w_final.0", "mixer.hyper_b_2.0", "mixer.hyper_b_1"},
          state_dim_, {h, h, e, e});
      columns_ = {.w1 = 0, .w2 = h, .b2 = 2 * h, .b1 = 2 * h + e, .relu = 2 * h + e};
      w1_ = layout.add_linear("mixer.hyper_w_1.2", h, 2 * e);
      w2_ = layout.add_linear("mixer.hyper_w_final.2", h, e);
    } else {
      first_ = layout.add_fused(
          {"mixer.hyper_b_2.0", "mixer.hyper_b_1", "mixer.hyper_w_final", "mixer.hyper_w_1"},
          state_dim_, {e, e, e, 2 * e});
      columns_ = {.w1 = 3 * e, .w2 = 2 * e, .b2 = 0, .b1 = e, .relu = e};
    }
    b2_ = layout.add_linear("mixer.hyper_b_2.2", e, 1);
  }

  MixerNeeds needs() const override {
    return {.actions = true, .greedy = true, .orders = is_learnt() ? orders_ : 0};
  }
  std::optional<double> learning_rate() const override { return alpha_lr_; }

  MixerPass forward(const float* params, const MixerInput& in, bool want_published,
                    Scratch& scratch) const override {
    MixerPass pass;
    const std::size_t values = sz(in.rows) * sz(n_);
    pass.alpha = scratch.floats(values);
    std::fill_n(pass.alpha, values, is_learnt() ? 1.0F : fixed_alpha_);
    if (is_learnt()) evaluate(params, in, want_published, pass, scratch);
    pass.q_tot = scratch.floats(sz(in.rows));
    pass.credits = scratch.floats(values);
    for (int row = 0; row < in.rows; ++row) {
      float sum = 0.0F;
      for (int i = 0; i < n_; ++i) {
        const std::ptrdiff_t k = at(row, n_) + i;
        pass.credits[k] = is_greedy(in, row, i) ? 1.0F : pass.alpha[k];
        sum += pass.credits[k] * in.q[k];
      }
      pass.q_tot[row] = sum;
    }
    if (want_published) through_alpha(in, pass, scratch);
    return pass;
  }

  MixerPass forward_target(const float*, const MixerInput& in, Scratch& scratch) const override {
    MixerPass pass;
    pass.q_tot = scratch.floats(sz(in.rows));
    for (int row = 0; row < in.rows; ++row) {
      float sum = 0.0F;
      for (int i = 0; i < n_; ++i) sum += in.q[at(row, n_) + i];
      pass.q_tot[row] = sum;
    }
    return pass;
  }

  void prepare_backward(const float* params) override {
    const auto transpose = [params](const Linear& layer, FloatArray& to) {
      to.resize(sz(layer.in) * sz(layer.out));
      transpose_weight(layer, params, to.data());
    };
    if (two_layers_) {
      transpose(w1_, w1_t_);
      transpose(w2_, w2_t_);
    }
    transpose(b2_, b2_t_);
  }

  void backward(const MixerInput& in, const MixerPass& pass, const float*, const MixerGradient& d,
                const MixerInputGradient& to, float* grad, Scratch& scratch) const override {
    for (int row = 0; row < in.rows; ++row)
      for (int i = 0; i < n_; ++i)
        to.q[at(row, n_) + i] = d.q_tot[row] * pass.credits[at(row, n_) + i];
    if (!is_learnt() || pass.coalitions.rows == 0) return;
    hypernet_backward(in, pass, d.q_tot, to.q, grad, scratch);
  }

 private:
  using Coalitions = MixerPass::Coalitions;
  enum Kept { kFirst, kA1, kA2, kHidden, kSlope, kValues, kSlopes };

  bool is_learnt() const { return fixed_alpha_ == 0.0F; }
  /// Without greedy actions: the actions are them.
  bool is_greedy(const MixerInput& in, int row, int agent) const {
    const std::ptrdiff_t k = at(row, n_) + agent;
    return in.greedy == nullptr || in.actions[k] == in.greedy[k];
  }

  struct Columns {
    int w1 = 0, w2 = 0, b2 = 0, b1 = 0;
    int relu = 0;  // the first columns are hidden layers
  };

  /// alpha of the agents that need it; everybody's with `all`.
  void evaluate(const float* params, const MixerInput& in, bool all, MixerPass& pass,
                Scratch& scratch) const {
    choose_coalitions(in, all, pass.coalitions, scratch);
    const Coalitions& c = pass.coalitions;
    if (c.rows == 0) return;
    const KernelTable& k = kernels();
    const int width = first_.out;
    const int pairs = c.first[c.rows];
    float* first = pass.kept[kFirst] = scratch.floats(sz(c.rows) * sz(width));
    forward_product(first_, params, c.rows, c.state, state_dim_, first, width, columns_.relu);
    pass.kept[kA1] = first + columns_.w1;
    pass.kept[kA2] = first + columns_.w2;
    if (two_layers_) {
      pass.kept[kA1] = scratch.floats(sz(c.rows) * sz(2 * embed_));
      pass.kept[kA2] = scratch.floats(sz(c.rows) * sz(embed_));
      forward_product(w1_, params, c.rows, first + columns_.w1, width, pass.kept[kA1], 2 * embed_);
      forward_product(w2_, params, c.rows, first + columns_.w2, width, pass.kept[kA2], embed_);
    }
    float* b2 = scratch.floats(sz(c.rows));
    forward_product(b2_, params, c.rows, first + columns_.b2, width, b2, 1);

    pass.kept[kHidden] = scratch.floats(sz(pairs) * sz(embed_));
    pass.kept[kSlope] = scratch.floats(sz(pairs) * sz(embed_));
    pass.kept[kValues] = scratch.floats(sz(pairs));
    pass.kept[kSlopes] = scratch.floats(sz(pairs) * 2);
    float* v = scratch.floats(sz(pairs));
    for (int r = 0; r < c.rows; ++r) {
      std::fill(v + c.first[r], v + c.first[r + 1], b2[r]);
      QmixForward f = mixing(pass, r);  // one row of weights for all of them
      f.a1_ld = f.b1_ld = f.a2_ld = 0;
      f.v = v + c.first[r];
      f.q_tot = pass.kept[kValues] + c.first[r];
      f.credits = pass.kept[kSlopes] + 2 * c.first[r];
      k.qmix_forward(f);
    }
    const float share = 1.0F / static_cast<float>(orders_);
    for (int r = 0; r < c.rows; ++r) {
      for (int p = c.first[r]; p < c.first[r + 1]; ++p)
        pass.alpha[agent(in, c, r, p)] += share * std::abs(pass.kept[kValues][p]);
    }
  }

  /// Which agents' alpha is needed, the coalitions before them in every order, and F's inputs.
  void choose_coalitions(const MixerInput& in, bool all, Coalitions& c, Scratch& scratch) const {
    c.row = scratch.take<int>(sz(in.rows));
    c.first = scratch.take<int>(sz(in.rows) + 1);
    c.first[0] = 0;
    for (int row = 0; row < in.rows; ++row) {
      int needed = 0;
      for (int i = 0; i < n_; ++i)
        if (all || !is_greedy(in, row, i)) ++needed;
      if (needed == 0) continue;
      c.row[c.rows] = row;
      c.first[c.rows + 1] = c.first[c.rows] + needed * orders_;
      ++c.rows;
    }
    const int pairs = c.first[c.rows];
    c.place = scratch.take<int>(sz(pairs));
    c.inputs = scratch.floats(sz(pairs) * 2);
    float* state = scratch.floats(sz(c.rows) * sz(state_dim_));
    c.state = state;
    int p = 0;
    for (int r = 0; r < c.rows; ++r) {
      const int row = c.row[r];
      std::copy_n(in.state + at(row, state_dim_), state_dim_, state + at(r, state_dim_));
      const float* q = in.q + at(row, n_);
      for (int m = 0; m < orders_; ++m) {
        const int* order = in.orders + at(row * orders_ + m, n_);
        float sum = 0.0F;
        for (int k = 0; k < n_; ++k) {
          if (all || !is_greedy(in, row, order[k])) {
            c.place[p] = m * n_ + k;
            c.inputs[2 * p] = k == 0 ? 0.0F : sum / static_cast<float>(k);
            c.inputs[2 * p + 1] = q[order[k]];
            ++p;
          }
          sum += q[order[k]];
        }
      }
    }
  }

  /// Index into [rows, n_agents] of the agent whose alpha pair p is part of.
  std::ptrdiff_t agent(const MixerInput& in, const Coalitions& c, int r, int p) const {
    return at(c.row[r], n_) + in.orders[at(c.row[r], orders_ * n_) + c.place[p]];
  }

  /// F of all coalitions of one row.
  QmixForward mixing(const MixerPass& pass, int r) const {
    const Coalitions& c = pass.coalitions;
    const int first = c.first[r];
    return {.rows = c.first[r + 1] - first,
            .n_agents = 2,
            .embed = embed_,
            .q = c.inputs + 2 * first,
            .a1 = pass.kept[kA1] + at(r, two_layers_ ? 2 * embed_ : first_.out),
            .b1 = pass.kept[kFirst] + at(r, first_.out) + columns_.b1,
            .a2 = pass.kept[kA2] + at(r, two_layers_ ? embed_ : first_.out),
            .hidden = pass.kept[kHidden] + at(first, embed_),
            .slope = pass.kept[kSlope] + at(first, embed_)};
  }

  /// Adds to d_q [rows, n_agents] what row r's alphas send to the agents' values when delta is the
  /// gradient of Q_tot. d_values: out, the gradient of F; or null.
  void spread(const MixerInput& in, const MixerPass& pass, int r, float delta, float* d_q,
              float* d_values) const {
    const Coalitions& c = pass.coalitions;
    const int row = c.row[r];
    const float share = delta / static_cast<float>(orders_);
    for (int p = c.first[r]; p < c.first[r + 1]; ++p) {
      const std::ptrdiff_t i = agent(in, c, r, p);
      const float y = pass.kept[kValues][p];
      const float sign = y > 0.0F ? 1.0F : y < 0.0F ? -1.0F : 0.0F;
      const bool greedy = is_greedy(in, row, static_cast<int>(i - at(row, n_)));
      const float d_y = greedy ? 0.0F : share * in.q[i] * sign;
      if (d_values != nullptr) d_values[p - c.first[r]] = d_y;
      const float* slopes = pass.kept[kSlopes] + 2 * p;
      d_q[i] += d_y * slopes[1];
      const int before = c.place[p] % n_;
      if (before == 0) continue;
      const int* order = in.orders + at(row, orders_ * n_) + (c.place[p] - before);
      const float d_each = d_y * slopes[0] / static_cast<float>(before);
      for (int k = 0; k < before; ++k) d_q[at(row, n_) + order[k]] += d_each;
    }
  }

  /// Credits with the way through alpha: the whole derivative of Q_tot.
  void through_alpha(const MixerInput& in, MixerPass& pass, Scratch& scratch) const {
    const std::size_t values = sz(in.rows) * sz(n_);
    pass.published = scratch.floats(values);
    std::copy_n(pass.credits, values, pass.published);
    for (int r = 0; r < pass.coalitions.rows; ++r)
      spread(in, pass, r, 1.0F, pass.published, nullptr);
  }

  void hypernet_backward(const MixerInput& in, const MixerPass& pass, const float* d_q_tot,
                         float* d_q, float* grad, Scratch& scratch) const {
    const KernelTable& k = kernels();
    const Coalitions& c = pass.coalitions;
    const int e = embed_;
    const int width = first_.out;
    const float* first = pass.kept[kFirst];
    float* d_first = scratch.zeros(sz(c.rows) * sz(width));
    float* d_a1 = d_first + columns_.w1;
    float* d_a2 = d_first + columns_.w2;
    if (two_layers_) {
      d_a1 = scratch.zeros(sz(c.rows) * sz(2 * e));
      d_a2 = scratch.zeros(sz(c.rows) * sz(e));
    }
    const std::ptrdiff_t a1_ld = two_layers_ ? 2 * e : width;
    const std::ptrdiff_t a2_ld = two_layers_ ? e : width;
    float* d_b2 = scratch.floats(sz(c.rows));
    // Of one row: a copy of its weights for every coalition, and their gradients.
    const std::size_t most = sz(n_) * sz(orders_);
    float* d_values = scratch.floats(most);
    float* d_inputs = scratch.floats(most * 2);
    float* a1 = scratch.floats(most * sz(2 * e));
    float* a2 = scratch.floats(most * sz(e));
    float* d_a1_each = scratch.floats(most * sz(2 * e));
    float* d_a2_each = scratch.floats(most * sz(e));
    float* d_b1_each = scratch.floats(most * sz(e));
    for (int r = 0; r < c.rows; ++r) {
      spread(in, pass, r, d_q_tot[c.row[r]], d_q, d_values);
      QmixBackward b;
      b.forward = mixing(pass, r);
      for (int p = 0; p < b.forward.rows; ++p) {
        std::copy_n(b.forward.a1, 2 * e, a1 + at(p, 2 * e));
        std::copy_n(b.forward.a2, e, a2 + at(p, e));
      }
      b.forward.a1 = a1;
      b.forward.a2 = a2;
      b.forward.a1_ld = 2 * e;
      b.forward.b1_ld = b.forward.a2_ld = e;
      b.d_q_tot = d_values;
      b.d_a1 = d_a1_each;
      b.d_b1 = d_b1_each;
      b.d_a2 = d_a2_each;
      b.d_q = d_inputs;
      k.qmix_backward(b);
      const int pairs = b.forward.rows;
      k.column_sum(pairs, 2 * e, d_a1_each, 2 * e, d_a1 + r * a1_ld);
      k.column_sum(pairs, e, d_a2_each, e, d_a2 + r * a2_ld);
      k.column_sum(pairs, e, d_b1_each, e, d_first + at(r, width) + columns_.b1);
      d_b2[r] = 0.0F;
      for (int p = 0; p < pairs; ++p) d_b2[r] += d_values[p];
    }
    hidden_backward(b2_, b2_t_, c.rows, d_b2, 1, first, d_first, columns_.b2, grad);
    if (two_layers_) {
      hidden_backward(w1_, w1_t_, c.rows, d_a1, 2 * e, first, d_first, columns_.w1, grad);
      hidden_backward(w2_, w2_t_, c.rows, d_a2, e, first, d_first, columns_.w2, grad);
    }
    weight_gradient(first_, c.rows, c.state, state_dim_, d_first, width, grad);
  }

  /// Through the second layer of a network whose first one is columns [column, ...) of first_.
  void hidden_backward(const Linear& layer, const FloatArray& transposed, int rows,
                       const float* d_out, int ld, const float* first, float* d_first, int column,
                       float* grad) const {
    const int width = first_.out;
    weight_gradient(layer, rows, first + column, width, d_out, ld, grad);
    input_gradient(rows, layer.in, layer.out, d_out, ld, transposed.data(), d_first + column, width,
                   first + column);
  }

  int n_;
  int state_dim_;
  int embed_;
  bool two_layers_;
  int orders_;
  float fixed_alpha_;  // 0: learnt
  double alpha_lr_;
  Columns columns_;
  Linear first_;    // all layers that read the state
  Linear w1_, w2_;  // two layers only
  Linear b2_;
  FloatArray w1_t_, w2_t_, b2_t_;
};

}  // namespace

std::unique_ptr<Mixer> make_shaq_mixer(ParamLayout& layout, const EnvShape& shape,
                                       const TrainConfig& config) {
  return std::make_unique<ShaqMixer>(layout, shape, config.mixer);
}

}  // namespace credo
