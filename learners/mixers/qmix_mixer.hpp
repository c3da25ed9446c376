// The QMIX mixing network (Rashid et al. 2018; docs/algorithms/qmix.md), shared by qmix and its
// equal-credit control:
//   z = sum_i q_i |A1_i(s)| + b1(s) ;  Q_tot = sum_k ELU(z_k) |a2_k(s)| + V(s)
// A1, b1, a2 and V are hypernetworks of the state; the layers that read the state are one matrix.
#pragma once

#include <vector>

#include "learners/mixers/mixer.hpp"

namespace credo {

class QmixMixer : public Mixer {
 public:
  /// `inputs` values are mixed with `embed` hidden units (qmix: n_agents and embed_dim).
  QmixMixer(ParamLayout& layout, const EnvShape& shape, const MixerConfig& config, int inputs,
            int embed);

  MixerPass forward(const float* params, const MixerInput& in, bool want_published,
                    Scratch& scratch) const override;
  void prepare_backward(const float* params) override;
  void backward(const MixerInput& in, const MixerPass& pass, const float* params,
                const MixerGradient& d, const MixerInputGradient& to, float* grad,
                Scratch& scratch) const override;

 private:
  struct QmixForwardBuffers;
  /// Columns of the matrix that reads the state.
  struct Columns {
    int w1 = 0, w_final = 0, v = 0, b1 = 0;
    int relu = 0;  // the first columns are hidden layers
    int total = 0;
  };
  enum Kept { kFirst, kA1, kA2, kHidden, kSlope, kV };

  bool two_layers() const { return layers_ == 2; }

  int state_dim_;
  int inputs_;
  int embed_;
  int v_hidden_;
  int hyper_hidden_;
  int layers_;
  Columns columns_;
  Linear first_;   // all layers that read the state
  Linear w1_out_;  // two layers only
  Linear w_final_out_;
  Linear v_out_;
  FloatArray w1_out_t_, w_final_out_t_;  // for products with output gradients
};

}  // namespace credo
