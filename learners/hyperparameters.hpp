// Every hyperparameter declared once: name, field of TrainConfig (which holds the default), range,
// help and what it needs to have an effect. TOML files, the command line, --help and the docs all
// come from this table.
#pragma once

#include <vector>

#include "envs/core/params.hpp"
#include "learners/config.hpp"

namespace credo {

/// Declarations with dotted names ("learner.gamma"), in the order they are shown.
std::vector<ParamSpec> train_params();

/// Values that have no effect (ParamSpec::matters_when) play no part.
/// Errors: UserError when values contradict each other (e.g. a batch larger than the replay).
TrainConfig make_train_config(const Params& params);

}  // namespace credo
