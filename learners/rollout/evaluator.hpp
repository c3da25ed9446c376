// Greedy evaluation of a network, episodes in blocks side by side. Keeps its environments and
// storage between calls.
#pragma once

#include <memory>
#include <vector>

#include "learners/rollout/evaluation.hpp"
#include "learners/rollout/rollout.hpp"

namespace credo {

class Evaluator {
 public:
  explicit Evaluator(const Env& prototype);
  ~Evaluator();
  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;

  /// Episodes first .. first + count - 1 of the evaluation streams of `seed`.
  Evaluation run(const Network& network, const float* params, int count, std::uint64_t seed,
                 std::int64_t first);

 private:
  struct Block;
  /// Adds H and the credits of one episode's steps to sums[0] and sums[1 + agent].
  static void measure_credits(const Network& network, const float* params, Block& block,
                              int episode, double* sums);

  std::unique_ptr<Env> prototype_;
  std::vector<std::unique_ptr<Block>> blocks_;  // one per thread of the arena
};

}  // namespace credo
