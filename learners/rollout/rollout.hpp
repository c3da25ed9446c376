// Plays batches of episodes in lockstep: acting is batched over environments, environments step in
// parallel, and observations are written once, into the storage the network reads from.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "envs/core/env.hpp"
#include "learners/base/env_shape.hpp"
#include "learners/base/float_array.hpp"
#include "learners/base/scratch.hpp"
#include "learners/network.hpp"
#include "learners/replay/episode.hpp"
#include "learners/rollout/episode_streams.hpp"

namespace credo {

/// How agents act: greedily, with probability epsilon a random available action. With `sample` they
/// draw from the policy: a softmax over available actions, which a positive epsilon floors
/// (policy.hpp).
struct Behaviour {
  double epsilon = 0.0;
  bool sample = false;
};

/// Storage and environments for `count` episodes played side by side.
class Rollout {
 public:
  /// `parallel`: step environments on the threads of the caller's arena.
  Rollout(const Env& prototype, int count, bool parallel);

  const EnvShape& shape() const { return shape_; }
  int count() const { return static_cast<int>(envs_.size()); }

  /// Plays one episode per stream pair (at most count()).
  void play(const Network& network, const float* params, const Behaviour& behaviour,
            std::vector<EpisodeStreams>& streams);

  /// The episode environment e just played. Valid until the next play.
  EpisodeView episode(int e) const;
  double episode_return(int e) const { return returns_[static_cast<std::size_t>(e)]; }
  const Env& env(int e) const { return *envs_[static_cast<std::size_t>(e)]; }

  /// Chosen-action values at every step of episode e, [length, n_agents].
  const float* chosen_q(int e) const;

 private:
  template <typename T>
  T* slot(std::vector<T>& storage, int t, int width) {
    return storage.data() + static_cast<std::ptrdiff_t>(t) * count() * width;
  }
  void observe(int e, int t);
  void choose(int e, int t, const Behaviour& behaviour, Stream& stream);

  EnvShape shape_;
  int limit_;
  bool parallel_;
  std::vector<std::unique_ptr<Env>> envs_;
  // Slot-major: [limit + 1][count][...]; live environments of a slot sit next to each other.
  std::vector<float> obs_, state_;
  std::vector<std::uint8_t> avail_;
  std::vector<int> actions_;
  std::vector<float> rewards_, q_;  // q_: values of the chosen actions, environment-major
  std::vector<int> lengths_;
  std::vector<std::uint8_t> terminated_;
  std::vector<double> returns_;
  // Acting state of the current slot.
  FloatArray hidden_, values_;
  std::vector<float> softmax_, pi_;  // with `sample` only
  std::vector<int> last_action_;
  Scratch scratch_;
};

}  // namespace credo
