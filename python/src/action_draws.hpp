// sample_actions: random available actions, at little cost beside a step of the fastest environments.
#pragma once

#include <array>
#include <cstdint>

#include "envs/core/env.hpp"

namespace credo::python {

/// Random available actions of one environment, each as likely as the others to within 2^-32: a
/// function of (seed, index, episode, t), whatever was drawn before. Agent a at step t takes number
/// t * n_agents + a of the episode's sequence; steps that follow one another share the block of
/// eight numbers kept here.
class ActionDraws {
 public:
  /// avail [n_agents, n_actions], ones and zeros; actions [n_agents].
  void draw(const EnvSpec& spec, const std::uint8_t* avail, std::uint64_t seed, std::uint64_t index,
            std::uint64_t episode, int t, int* actions);

 private:
  static constexpr std::uint64_t kBlock = 8;
  std::uint64_t seed_ = 0, index_ = 0, episode_ = 0;
  std::uint64_t block_ = ~std::uint64_t{0};  // none
  std::array<std::uint32_t, kBlock> numbers_{};
};

}  // namespace credo::python
