// The rules of marl-eval's files (Gorsane et al. 2022).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace credo::suite {

/// What is wrong with a marl-eval file; empty for a good one.
std::vector<std::string> marl_eval_problems(std::string_view json);

}  // namespace credo::suite
