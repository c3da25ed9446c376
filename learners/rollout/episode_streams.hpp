// The random numbers of one episode.
#pragma once

#include "envs/core/random.hpp"

namespace credo {

/// Streams of one episode of one environment: independent for playing and for exploring.
struct EpisodeStreams {
  Stream env;
  Stream policy;
};

}  // namespace credo
