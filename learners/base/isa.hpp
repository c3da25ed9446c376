// Which instruction set the kernels use. All give the same bits; the choice only changes speed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace credo {

/// "scalar", "avx2", "avx512", "neon": those this machine (and build) can run.
std::vector<std::string> available_isas();
/// The one in use; the fastest available until select_isa is called.
std::string current_isa();
/// "auto" or one of available_isas(). Call before any training starts.
/// Errors: UserError for anything else.
void select_isa(std::string_view name);

}  // namespace credo
