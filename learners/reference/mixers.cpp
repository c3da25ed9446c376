#include "learners/reference/mixers.hpp"

#include <map>

#include "envs/core/error.hpp"

namespace credo::reference {

namespace {

using Mix = Mixed (*)(const Weights&, const TrainConfig&, const Step&);

/// By the values of "mixer.type".
const std::map<std::string, Mix>& mixers() {
  static const std::map<std::string, Mix> kMixers = {
      {"none", mix_iql},      {"vdn", mix_vdn},
      {"qmix", mix_qmix},     {"qmix_simple", mix_qmix_simple},
      {"qtran", mix_qtran},   {"qplex", mix_qplex},
      {"qatten", mix_qatten}, {"shaq", mix_shaq}};
  return kMixers;
}

}  // namespace

Mixed mix_target(const Weights& weights, const TrainConfig& config, const Step& step) {
  return config.mixer.type == "shaq" ? mix_shaq_target(weights, config, step)
                                     : mix(weights, config, step);
}

Mixed mix(const Weights& weights, const TrainConfig& config, const Step& step) {
  const auto found = mixers().find(config.mixer.type);
  if (found == mixers().end()) throw Error("mixer '" + config.mixer.type + "' has no reference");
  return found->second(weights, config, step);
}

}  // namespace credo::reference
