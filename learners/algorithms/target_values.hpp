// What the target agents make of the episodes of a batch. Their values change with the target
// network only, which is copied at long intervals, so those of episodes that are drawn again before
// the next copy are kept. A value is the same chain of operations whatever is computed beside it:
// keeping it changes no bit.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "learners/base/scratch.hpp"
#include "learners/nets/agent.hpp"
#include "learners/replay/episode.hpp"

namespace credo {

class TargetValues {
 public:
  /// Of one episode, slot by slot.
  struct View {
    const float* q = nullptr;       ///< [slots, n_agents, n_actions]
    const float* hidden = nullptr;  ///< [slots, n_agents, hidden_dim]; null unless asked for
  };

  /// hidden_dim: size of the GRU states, 0 where nobody asks for them. episodes: how many to keep
  /// at most.
  TargetValues(const EnvShape& shape, int hidden_dim, int episodes);

  /// The target network has changed.
  void forget();
  /// Computes what is not kept; batch position p is then of(p) until the next call. order: batch
  /// positions, longest episode first. keep: false keeps and uses nothing. scratch: one per thread.
  void prepare(const AgentNetwork& agent, const float* params,
               std::span<const Episode* const> batch, std::span<const int> order, bool keep,
               std::span<const std::unique_ptr<Scratch>> scratch);
  View of(int place) const { return views_[static_cast<std::size_t>(place)]; }

  /// Episodes that the last prepare() had to compute.
  std::size_t computed() const { return missing_.size(); }

 private:
  struct Entry {
    std::uint64_t id = 0;       // 0: none
    std::uint64_t version = 0;  // of the target network
    float* values = nullptr;
    std::size_t size = 0;
    std::uint64_t turn = 0;  // the last call of prepare() that handed it out
  };

  std::size_t floats(const Episode& episode) const;
  float* take(std::size_t size);
  float* keep(const Episode& episode);
  void compute(const AgentNetwork& agent, const float* params,
               std::span<const Episode* const> batch, std::span<const int> places,
               Scratch& scratch) const;
  View view(const Episode& episode, const float* values) const;

  EnvShape shape_;
  int hidden_dim_;
  std::uint64_t version_ = 1;
  std::uint64_t turn_ = 0;
  std::vector<Entry> entries_;  // by id modulo their number
  // Handed out from the front until forget(); the number of blocks bounds the memory.
  std::vector<std::unique_ptr<float[]>> blocks_;
  std::size_t block_ = 0;
  std::size_t used_ = 0;  // of blocks_[block_]
  Scratch unkept_;
  std::vector<View> views_;
  std::vector<float*> values_;  // by batch position; null where kept ones are used
  std::vector<int> missing_;
};

}  // namespace credo
