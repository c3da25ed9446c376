#include "learners/mixers/qmix_mixer.hpp"

#include <fmt/format.h>

#include "learners/base/index.hpp"
#include "learners/kernels/kernels.hpp"
#include "learners/nets/products.hpp"

namespace credo {

QmixMixer::QmixMixer(ParamLayout& layout, const EnvShape& shape, const MixerConfig& config,
                     int inputs, int embed)
    : state_dim_(shape.state_dim),
      inputs_(inputs),
      embed_(embed),
      v_hidden_(config.embed_dim),
      hyper_hidden_(config.hypernet_embed),
      layers_(config.hypernet_layers) {
  const std::string prefix = "mixer.";
  if (two_layers()) {
    const int h = hyper_hidden_;
    columns_ = {
        .w1 = 0, .w_final = h, .v = 2 * h, .b1 = 2 * h + v_hidden_, .relu = 2 * h + v_hidden_};
    first_ = layout.add_fused(
        {prefix + "hyper_w_1.0", prefix + "hyper_w_final.0", prefix + "V.0", prefix + "hyper_b_1"},
        state_dim_, {h, h, v_hidden_, embed_});
    w1_out_ = layout.add_linear(prefix + "hyper_w_1.2", h, inputs_ * embed_);
    w_final_out_ = layout.add_linear(prefix + "hyper_w_final.2", h, embed_);
  } else {
    columns_ = {.w1 = v_hidden_ + 2 * embed_,
                .w_final = v_hidden_ + embed_,
                .v = 0,
                .b1 = v_hidden_,
                .relu = v_hidden_};
    first_ = layout.add_fused(
        {prefix + "V.0", prefix + "hyper_b_1", prefix + "hyper_w_final", prefix + "hyper_w_1"},
        state_dim_, {v_hidden_, embed_, embed_, inputs_ * embed_});
  }
  columns_.total = first_.out;
  v_out_ = layout.add_linear(prefix + "V.2", v_hidden_, 1);
}

MixerPass QmixMixer::forward(const float* params, const MixerInput& in, bool want_published,
                             Scratch& scratch) const {
  const KernelTable& k = kernels();
  const int rows = in.rows;
  const int width = columns_.total;
  float* first = scratch.floats(sz(rows) * sz(width));
  forward_product(first_, params, rows, in.state, state_dim_, first, width, columns_.relu);

  MixerPass pass;
  pass.kept[kFirst] = first;
  QmixForward f{.rows = rows, .n_agents = inputs_, .embed = embed_};
  if (two_layers()) {
    pass.kept[kA1] = scratch.floats(sz(rows) * sz(inputs_ * embed_));
    pass.kept[kA2] = scratch.floats(sz(rows) * sz(embed_));
    forward_product(w1_out_, params, rows, first + columns_.w1, width, pass.kept[kA1],
                    inputs_ * embed_);
    forward_product(w_final_out_, params, rows, first + columns_.w_final, width, pass.kept[kA2],
                    embed_);
    f.a1_ld = inputs_ * embed_;
    f.a2_ld = embed_;
  } else {
    pass.kept[kA1] = first + columns_.w1;
    pass.kept[kA2] = first + columns_.w_final;
    f.a1_ld = width;
    f.a2_ld = width;
  }
  pass.kept[kV] = scratch.floats(sz(rows));
  forward_product(v_out_, params, rows, first + columns_.v, width, pass.kept[kV], 1);
  pass.kept[kHidden] = scratch.floats(sz(rows) * sz(embed_));
  pass.kept[kSlope] = scratch.floats(sz(rows) * sz(embed_));
  pass.q_tot = scratch.floats(sz(rows));
  if (in.want_credits) pass.credits = scratch.floats(sz(rows) * sz(inputs_));
  if (want_published) pass.published = scratch.floats(sz(rows) * sz(inputs_));

  f.b1_ld = width;
  f.q = in.q;
  f.a1 = pass.kept[kA1];
  f.b1 = first + columns_.b1;
  f.a2 = pass.kept[kA2];
  f.v = pass.kept[kV];
  f.hidden = pass.kept[kHidden];
  f.slope = pass.kept[kSlope];
  f.q_tot = pass.q_tot;
  f.credits = pass.credits;
  f.published = pass.published;
  k.qmix_forward(f);
  return pass;
}

void QmixMixer::prepare_backward(const float* params) {
  if (!two_layers()) return;
  w1_out_t_.resize(sz(w1_out_.in) * sz(w1_out_.out));
  w_final_out_t_.resize(sz(w_final_out_.in) * sz(w_final_out_.out));
  transpose_weight(w1_out_, params, w1_out_t_.data());
  transpose_weight(w_final_out_, params, w_final_out_t_.data());
}

void QmixMixer::backward(const MixerInput& in, const MixerPass& pass, const float* params,
                         const MixerGradient& d, const MixerInputGradient& to, float* grad,
                         Scratch& scratch) const {
  const KernelTable& k = kernels();
  const int rows = in.rows;
  const int width = columns_.total;
  const float* first = pass.kept[kFirst];
  float* d_first = scratch.floats(sz(rows) * sz(width));

  QmixBackward b;
  b.forward = {.rows = rows, .n_agents = inputs_, .embed = embed_};
  b.forward.a1_ld = two_layers() ? inputs_ * embed_ : width;
  b.forward.b1_ld = width;
  b.forward.a2_ld = two_layers() ? embed_ : width;
  b.forward.q = in.q;
  b.forward.a1 = pass.kept[kA1];
  b.forward.a2 = pass.kept[kA2];
  b.forward.hidden = pass.kept[kHidden];
  b.forward.slope = pass.kept[kSlope];
  b.d_q_tot = d.q_tot;
  b.d_credit = d.credit.d_credit;
  b.published_slope = d.credit.elu_derivative == EluDerivative::kPublished;
  b.detach_agents = d.credit.detach_agents;
  b.d_a1 = two_layers() ? scratch.floats(sz(rows) * sz(inputs_ * embed_)) : d_first + columns_.w1;
  b.d_a2 = two_layers() ? scratch.floats(sz(rows) * sz(embed_)) : d_first + columns_.w_final;
  b.d_b1 = d_first + columns_.b1;
  b.d_q = to.q;
  k.qmix_backward(b);

  // V(s): one output, so its input gradient is an outer product with the weight row.
  weight_gradient(v_out_, rows, first + columns_.v, width, d.q_tot, 1, grad);
  k.gemm({.m = rows,
          .n = v_hidden_,
          .k = 1,
          .a = d.q_tot,
          .a_row = 1,
          .b = params + v_out_.weight,
          .ldb = v_hidden_,
          .c = d_first + columns_.v,
          .ldc = width,
          .positive = first + columns_.v,
          .ld_positive = width});

  if (two_layers()) {
    weight_gradient(w1_out_, rows, first + columns_.w1, width, b.d_a1, inputs_ * embed_, grad);
    weight_gradient(w_final_out_, rows, first + columns_.w_final, width, b.d_a2, embed_, grad);
    input_gradient(rows, hyper_hidden_, inputs_ * embed_, b.d_a1, inputs_ * embed_,
                   w1_out_t_.data(), d_first + columns_.w1, width, first + columns_.w1);
    input_gradient(rows, hyper_hidden_, embed_, b.d_a2, embed_, w_final_out_t_.data(),
                   d_first + columns_.w_final, width, first + columns_.w_final);
  }
  weight_gradient(first_, rows, in.state, state_dim_, d_first, width, grad);
}

std::unique_ptr<Mixer> make_qmix_mixer(ParamLayout& layout, const EnvShape& shape,
                                       const TrainConfig& config) {
  return std::make_unique<QmixMixer>(layout, shape, config.mixer, shape.n_agents,
                                     config.mixer.embed_dim);
}

}  // namespace credo
