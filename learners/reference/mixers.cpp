#include "learners/reference/mixers.hpp"

#include "envs/core/error.hpp"

namespace credo::reference {

Mixed mix(const Weights& weights, const TrainConfig& config, const Step& step) {
  switch (config.mixer.kind) {
    case MixerKind::kNone:
      return mix_iql(weights, config, step);
    case MixerKind::kVdn:
      return mix_vdn(weights, config, step);
    case MixerKind::kQmix:
      return mix_qmix(weights, config, step);
    case MixerKind::kQmixSimple:
      return mix_qmix_simple(weights, config, step);
    case MixerKind::kQtran:
      return mix_qtran(weights, config, step);
    case MixerKind::kQplex:
      return mix_qplex(weights, config, step);
  }
  throw Error("no reference for this mixer");
}

}  // namespace credo::reference
