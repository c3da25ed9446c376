// The learning algorithms by name. Adding one is a row; a new mixer is its file and a row.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "envs/core/params.hpp"
#include "learners/mixers/mixer.hpp"

namespace credo {

/// A value of "mixer.type" and what makes that mixer.
struct MixerType {
  const char* name = "";
  MixerFactory make = nullptr;  ///< null: the algorithm brings no mixer of its own
};

/// A learning algorithm is a set of values of the table in hyperparameters.hpp.
struct Algorithm {
  std::string name;
  std::string family;  ///< "independent", "value decomposition", "actor-critic"
  std::string paper;   ///< author and year
  std::string help;
  MixerType mixer{};  ///< the mixer it brings; sets mixer.type
  std::vector<std::pair<std::string, ParamValue>> values{};
};

const std::vector<Algorithm>& learning_algorithms();
/// Errors: UserError for an unknown name.
const Algorithm& find_algorithm(const std::string& name);

/// The values of "mixer.type", in the order of the table.
std::vector<std::string> mixer_names();
/// The mixer that config.mixer.type names; its parameters are appended to the layout as "mixer.*".
/// Errors: UserError for an unknown name.
std::unique_ptr<Mixer> make_mixer(ParamLayout& layout, const EnvShape& shape,
                                  const TrainConfig& config);

}  // namespace credo
