// Caches target-network values per replayed episode until the next target update. The values depend
// on the episode and the target network alone, and each is one fixed chain of operations, so a
// cached value has the bits of a recomputed one.
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

  /// hidden_dim: size of the GRU states, or 0 if they are not needed. episodes: capacity of the
  /// cache.
  TargetValues(const EnvShape& shape, int hidden_dim, int episodes);

  /// The target network has changed.
  void forget();
  /// Computes the values that are not cached; of(p) then holds those of batch position p until the
  /// next call. order: batch positions, longest episode first. keep: false bypasses the cache.
  /// scratch: one per thread.
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
