// One number for "the same bits": short trainings with every algorithm and kind of option, hashed.
#pragma once

#include <cstdint>

namespace credo::suite {

/// XXH64 over learner state hashes and evaluation returns of fixed short runs. Depends on nothing
/// but the code's results; takes a few seconds on one core.
std::uint64_t training_signature();

}  // namespace credo::suite
