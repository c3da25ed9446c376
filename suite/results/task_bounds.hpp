// The bounds that a task of a set of results is normalised by (suite/plan/bounds.hpp).
#pragma once

#include <optional>
#include <string>

#include "suite/plan/bounds.hpp"

namespace credo::suite {

struct ResultSet;

/// Bounds of a task of a set of results, or why there are none.
struct TaskBounds {
  std::optional<Bounds> bounds;
  std::string why_not{};
  bool is_published = false;  ///< both numbers are
};
TaskBounds task_bounds(const ResultSet& set, const std::string& task);

}  // namespace credo::suite
