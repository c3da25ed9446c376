// The fuzz targets: readers of bytes that a user or a stranger may have written. Each is one
// function of an input; credo_fuzz runs the one its option --target names (fuzz.cpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "envs/core/error.hpp"

namespace credo::fuzz {

using Input = std::span<const std::uint8_t>;

struct Target {
  std::string_view name;
  void (*read)(Input input);
};

std::vector<Target> env_targets();
std::vector<Target> learner_targets();
std::vector<Target> suite_targets();

inline std::string text_of(Input input) { return {input.begin(), input.end()}; }

/// Runs a reader that may refuse its input in the way `Refusal` says. Whatever else it throws ends
/// the process and is a finding.
template <class Refusal = UserError, class Reader>
void may_refuse(const Reader& read) {
  try {
    read();
  } catch (const Refusal&) {
  }
}

}  // namespace credo::fuzz
