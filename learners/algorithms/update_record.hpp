// A record of one update: its inputs, random draws, choices and results. Filled only on request
// (Training::watch), for `credo check`.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "learners/replay/plain_episode.hpp"

namespace credo {

struct UpdateRecord {
  std::vector<PlainEpisode> episodes;  ///< the batch
  double epsilon = 0.0;                ///< on-policy: of the policy that played it
  int slots = 0;                       ///< of the longest episode
  /// Choices and draws: greedy_actions [episodes, slots, n_agents]; bootstrap [episodes,
  /// n_agents] (COMA).
  std::map<std::string, std::vector<int>> choices;
  std::map<std::string, double> losses;
  /// Padded with zeros to [episodes, slots or slots - 1, ...].
  std::map<std::string, std::vector<float>> values;
  /// Before clipping, in the order of the optimiser steps; in a parameter layout's order of
  /// storage.
  std::vector<std::vector<float>> gradients;
  std::span<const float> params;  ///< after the update
};

using UpdateWatch = std::function<void(const UpdateRecord&)>;

}  // namespace credo
