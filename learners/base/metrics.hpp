// Named numbers of a training run, in the order in which they are logged.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace credo {

using Metrics = std::vector<std::pair<std::string, double>>;

}  // namespace credo
