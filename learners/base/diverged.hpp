// The error that ends a run whose numbers are no longer finite.
#pragma once

#include "envs/core/error.hpp"

namespace credo {

/// Thrown when a loss, gradient or value becomes NaN or infinite.
class DivergedError : public Error {
 public:
  using Error::Error;
};

}  // namespace credo
