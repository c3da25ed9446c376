// Qatten (Yang et al. 2020; docs/algorithms/qatten.md). With u_i what is known of agent i and heads
// h = 1..H of width E,
//   logit_hi  = query_h(s) . key_h(u_i)
//   lambda_hi = softmax over agents i of logit_hi / sqrt(E)
//   w_h       = |head_h(s)|                        1 where heads are not weighted
//   Q_tot     = sum_h w_h sum_i lambda_hi q_i + V(s)
//   g_i       = sum_h w_h lambda_hi                credits: they depend on the state alone
//   penalty   = sum_h mean_i logit_hi^2            part of the loss with weight attention_reg
// u_i: block i of the state where the environment says so (EnvSpec::unit_dim), else i's observation.
// Keys are linear without bias, so logit_hi = r_h . u_i with r_h = key_h^T query_h(s): agents cost a
// product with r_h instead of one with the key. The layers that read the state are one matrix.
#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "learners/base/index.hpp"
#include "learners/kernels/kernels.hpp"
#include "learners/mixers/mixer.hpp"
#include "learners/nets/products.hpp"

namespace credo {

namespace {

/// Four sums side by side, in a fixed order.
float dot(const float* a, const float* b, int n) {
  float sums[4] = {};
  int k = 0;
  for (; k + 4 <= n; k += 4)
    for (int lane = 0; lane < 4; ++lane) sums[lane] += a[k + lane] * b[k + lane];
  for (int lane = 0; k + lane < n; ++lane) sums[lane] += a[k + lane] * b[k + lane];
  return (sums[0] + sums[2]) + (sums[1] + sums[3]);
}

class QattenMixer final : public Mixer {
 public:
  QattenMixer(ParamLayout& layout, const EnvShape& shape, const MixerConfig& config)
      : n_(shape.n_agents),
        state_dim_(shape.state_dim),
        from_state_(shape.unit_dim > 0),
        unit_(from_state_ ? shape.unit_dim : shape.obs_dim),
        heads_(config.qatten.heads),
        embed_(config.embed_dim),
        hidden_(config.hypernet_embed),
        weighted_(config.qatten.weighted_head),
        penalty_weight_(config.qatten.attention_reg) {
    std::vector<std::string> names;
    std::vector<int> widths;
    for (int h = 0; h < heads_; ++h) {
      names.push_back(fmt::format("mixer.query.{}.0", h));
      widths.push_back(hidden_);
    }
    if (weighted_) {
      names.emplace_back("mixer.head.0");
      widths.push_back(hidden_);
    }
    names.emplace_back("mixer.V.0");
    widths.push_back(embed_);
    first_ = layout.add_fused(names, state_dim_, widths);
    head_column_ = heads_ * hidden_;
    v_column_ = head_column_ + (weighted_ ? hidden_ : 0);
    for (int h = 0; h < heads_; ++h) {
      query_.push_back(layout.add_linear(fmt::format("mixer.query.{}.2", h), hidden_, embed_));
      key_.push_back(layout.add_weight(fmt::format("mixer.key.{}.weight", h), unit_, embed_));
    }
    if (weighted_) head_ = layout.add_linear("mixer.head.2", hidden_, heads_);
    v_ = layout.add_linear("mixer.V.2", embed_, 1);
    query_t_.resize(sz(heads_));
  }

  MixerNeeds needs() const override { return {.obs = !from_state_}; }
  double penalty_weight() const override { return penalty_weight_; }
  int heads() const override { return heads_; }

  MixerPass forward(const float* params, const MixerInput& in, bool want_published,
                    Scratch& scratch) const override {
    const int rows = in.rows;
    const int width = first_.out;
    const std::size_t weights = sz(rows) * sz(heads_ * n_);
    MixerPass pass;
    float* first = pass.kept[kFirst] = scratch.floats(sz(rows) * sz(width));
    forward_product(first_, params, rows, in.state, state_dim_, first, width, width);
    // Row by row the heads' queries, then the heads' r.
    float* query = pass.kept[kQuery] = scratch.floats(sz(rows) * sz(heads_ * embed_));
    float* r = scratch.floats(sz(rows) * sz(heads_ * unit_));
    float* key_t = scratch.floats(sz(unit_) * sz(embed_));
    for (int h = 0; h < heads_; ++h) {
      forward_product(query_[sz(h)], params, rows, first + h * hidden_, width, query + h * embed_,
                      heads_ * embed_);
      transpose_weight(key_[sz(h)], params, key_t);
      kernels().gemm({.m = rows,
                      .n = unit_,
                      .k = embed_,
                      .a = query + h * embed_,
                      .a_row = heads_ * embed_,
                      .b = key_t,
                      .ldb = unit_,
                      .c = r + h * unit_,
                      .ldc = heads_ * unit_});
    }
    float* head = pass.kept[kHead] = scratch.floats(sz(rows) * sz(heads_));
    pass.head_weights = scratch.floats(sz(rows) * sz(heads_));
    if (weighted_)
      forward_product(head_, params, rows, first + head_column_, width, head, heads_);
    else
      std::fill_n(head, rows * heads_, 1.0F);
    float* v = scratch.floats(sz(rows));
    forward_product(v_, params, rows, first + v_column_, width, v, 1);

    float* logits = pass.kept[kLogits] = scratch.floats(weights);
    float* attention = pass.attention = scratch.floats(weights);
    const float scale = 1.0F / std::sqrt(static_cast<float>(embed_));
    for (int row = 0; row < rows; ++row)
      for (int h = 0; h < heads_; ++h) {
        float* logit = logits + at(row * heads_ + h, n_);
        float* lambda = attention + at(row * heads_ + h, n_);
        for (int i = 0; i < n_; ++i)
          logit[i] = dot(r + at(row * heads_ + h, unit_), unit(in, row, i), unit_);
        const float largest = *std::max_element(logit, logit + n_);
        for (int i = 0; i < n_; ++i) lambda[i] = (logit[i] - largest) * scale;
      }
    kernels().exp(attention, attention, weights);

    pass.q_tot = scratch.floats(sz(rows));
    pass.credits = scratch.zeros(sz(rows) * sz(n_));
    pass.penalty = scratch.zeros(sz(rows));
    for (int row = 0; row < rows; ++row) {
      float* credits = pass.credits + at(row, n_);
      for (int h = 0; h < heads_; ++h) {
        const float* logit = logits + at(row * heads_ + h, n_);
        float* lambda = attention + at(row * heads_ + h, n_);
        float total = 0.0F;
        float squares = 0.0F;
        for (int i = 0; i < n_; ++i) {
          total += lambda[i];
          squares += logit[i] * logit[i];
        }
        const float w = std::abs(head[at(row, heads_) + h]);
        pass.head_weights[at(row, heads_) + h] = w;
        for (int i = 0; i < n_; ++i) {
          lambda[i] /= total;
          credits[i] += w * lambda[i];
        }
        pass.penalty[row] += squares / static_cast<float>(n_);
      }
      float value = v[row];
      for (int i = 0; i < n_; ++i) value += credits[i] * in.q[at(row, n_) + i];
      pass.q_tot[row] = value;
    }
    if (want_published) pass.published = pass.credits;  // no ELU, so there is one form
    return pass;
  }

  void prepare_backward(const float* params) override {
    const auto transpose = [params](const Linear& layer, FloatArray& to) {
      to.resize(sz(layer.in) * sz(layer.out));
      transpose_weight(layer, params, to.data());
    };
    for (int h = 0; h < heads_; ++h) transpose(query_[sz(h)], query_t_[sz(h)]);
    if (weighted_) transpose(head_, head_t_);
    transpose(v_, v_t_);
  }

  void backward(const MixerInput& in, const MixerPass& pass, const float* params,
                const MixerGradient& d, const MixerInputGradient& to, float* grad,
                Scratch& scratch) const override {
    const int rows = in.rows;
    const int width = first_.out;
    const float* first = pass.kept[kFirst];
    float* d_first = scratch.floats(sz(rows) * sz(width));
    float* d_head = scratch.floats(sz(rows) * sz(heads_));
    float* d_logits = scratch.floats(sz(rows) * sz(heads_ * n_));
    for (int row = 0; row < rows; ++row) attend_backward(in, pass, d, row, to.q, d_head, d_logits);

    float* d_r = scratch.zeros(sz(rows) * sz(heads_ * unit_));
    for (int row = 0; row < rows; ++row)
      for (int h = 0; h < heads_; ++h)
        for (int i = 0; i < n_; ++i) {
          const float d_logit = d_logits[at(row * heads_ + h, n_) + i];
          const float* u = unit(in, row, i);
          float* out = d_r + at(row * heads_ + h, unit_);
          for (int k = 0; k < unit_; ++k) out[k] += d_logit * u[k];
        }
    float* d_query = scratch.floats(sz(rows) * sz(embed_));
    for (int h = 0; h < heads_; ++h) {
      const float* d_r_h = d_r + h * unit_;
      weight_gradient_only(key_[sz(h)], rows, d_r_h, heads_ * unit_, pass.kept[kQuery] + h * embed_,
                           heads_ * embed_, grad);
      kernels().gemm({.m = rows,
                      .n = embed_,
                      .k = unit_,
                      .a = d_r_h,
                      .a_row = heads_ * unit_,
                      .b = params + key_[sz(h)].weight,
                      .ldb = embed_,
                      .c = d_query,
                      .ldc = embed_});
      hidden_backward(query_[sz(h)], query_t_[sz(h)], rows, d_query, first, d_first, h * hidden_,
                      grad);
    }
    if (weighted_)
      hidden_backward(head_, head_t_, rows, d_head, first, d_first, head_column_, grad);
    hidden_backward(v_, v_t_, rows, d.q_tot, first, d_first, v_column_, grad);
    weight_gradient(first_, rows, in.state, state_dim_, d_first, width, grad);
  }

 private:
  enum Kept { kFirst, kQuery, kHead, kLogits };

  const float* unit(const MixerInput& in, int row, int agent) const {
    return from_state_ ? in.state + at(row, state_dim_) + at(agent, unit_)
                       : in.obs + at(row * n_ + agent, unit_);
  }

  /// Gradients of a row's values, of its heads before |.| and of its logits.
  void attend_backward(const MixerInput& in, const MixerPass& pass, const MixerGradient& d, int row,
                       float* d_q, float* d_head, float* d_logits) const {
    const float delta = d.q_tot[row];
    const float* q = in.q + at(row, n_);
    const float* d_credit = d.credit.d_credit;
    const float scale = 1.0F / std::sqrt(static_cast<float>(embed_));
    const float of_penalty = d.penalty * 2.0F / static_cast<float>(n_);
    for (int i = 0; i < n_; ++i) d_q[at(row, n_) + i] = delta * pass.credits[at(row, n_) + i];
    for (int h = 0; h < heads_; ++h) {
      const float* lambda = pass.attention + at(row * heads_ + h, n_);
      const float* logit = pass.kept[kLogits] + at(row * heads_ + h, n_);
      float* d_logit = d_logits + at(row * heads_ + h, n_);
      const float raw = pass.kept[kHead][at(row, heads_) + h];
      const float w = std::abs(raw);
      float mean = 0.0F;  // of dL / dg_i, which is also dL / dw_h
      for (int i = 0; i < n_; ++i) {
        d_logit[i] = delta * q[i] + (d_credit != nullptr ? d_credit[at(row, n_) + i] : 0.0F);
        mean += lambda[i] * d_logit[i];
      }
      d_head[at(row, heads_) + h] = raw > 0.0F ? mean : raw < 0.0F ? -mean : 0.0F;
      for (int i = 0; i < n_; ++i)
        d_logit[i] = lambda[i] * (w * (d_logit[i] - mean)) * scale + of_penalty * logit[i];
    }
  }

  /// Through the second layer of a network whose first one is columns [column, ...) of first_.
  void hidden_backward(const Linear& layer, const FloatArray& transposed, int rows,
                       const float* d_out, const float* first, float* d_first, int column,
                       float* grad) const {
    const int width = first_.out;
    weight_gradient(layer, rows, first + column, width, d_out, layer.out, grad);
    input_gradient(rows, layer.in, layer.out, d_out, layer.out, transposed.data(), d_first + column,
                   width, first + column);
  }

  int n_;
  int state_dim_;
  bool from_state_;
  int unit_;
  int heads_;
  int embed_;
  int hidden_;
  bool weighted_;
  double penalty_weight_;
  int head_column_ = 0;
  int v_column_ = 0;
  Linear first_;  // all layers that read the state
  std::vector<Linear> query_, key_;
  Linear head_, v_;
  std::vector<FloatArray> query_t_;
  FloatArray head_t_, v_t_;
};

}  // namespace

std::unique_ptr<Mixer> make_qatten_mixer(ParamLayout& layout, const EnvShape& shape,
                                         const TrainConfig& config) {
  return std::make_unique<QattenMixer>(layout, shape, config.mixer);
}

}  // namespace credo
