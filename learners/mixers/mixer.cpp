#include "learners/mixers/mixer.hpp"

#include "envs/core/error.hpp"

namespace credo {

std::unique_ptr<Mixer> make_mixer(ParamLayout& layout, const EnvShape& shape, int hidden_dim,
                                  const MixerConfig& config) {
  switch (config.kind) {
    case MixerKind::kNone:
      return make_iql_mixer(shape);
    case MixerKind::kVdn:
      return make_vdn_mixer(shape);
    case MixerKind::kQmix:
      return make_qmix_mixer(layout, shape, config);
    case MixerKind::kQmixSimple:
      return make_qmix_simple_mixer(layout, shape, config);
    case MixerKind::kQtran:
      return make_qtran_mixer(layout, shape, hidden_dim, config.qtran);
    case MixerKind::kQplex:
      return make_qplex_mixer(layout, shape, config);
  }
  throw Error("unknown mixer kind");
}

}  // namespace credo
