// The gradient of a batch as a sum over parts of it that depend on the batch alone: chunks of
// neighbouring episodes, dealt out to at most kMaxGroups groups with a gradient buffer each, summed
// in a fixed tree. So bits do not depend on the number of threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task_arena.h>
#include <span>
#include <vector>

#include "learners/base/float_array.hpp"
#include "learners/base/scratch.hpp"

namespace credo {

/// Positions [first, first + count) of a batch in its order.
struct Chunk {
  int first = 0;
  int count = 0;
};

/// Cuts `count` sequences into chunks, each with about the same number of rows. rows(i): of
/// sequence i.
template <class Rows>
void plan_chunks(int count, const Rows& rows, std::vector<Chunk>& chunks);

class GradientGroups {
 public:
  static constexpr int kMaxGroups = 8;  ///< gradient buffers, and so the parallelism of one update

  /// size: floats of a gradient.
  explicit GradientGroups(std::size_t size) : size_(size) {}

  static std::size_t count(std::size_t chunks) { return std::min<std::size_t>(kMaxGroups, chunks); }

  /// Calls chunk(c, group, grad, scratch) for every chunk c, those of one group in ascending order,
  /// groups on the threads of the caller's arena; it adds its gradient to grad. Then `total` becomes
  /// the sum of all.
  template <class Body>
  void run(std::size_t chunks, const Body& chunk, std::span<float> total) {
    prepare(count(chunks));
    each(chunks, [&](std::size_t c, std::size_t group, Scratch& scratch) {
      chunk(c, group, groups_[group]->data(), scratch);
    });
    reduce(count(chunks), total);
  }
  /// The same without a gradient.
  template <class Body>
  void each(std::size_t chunks, const Body& body) {
    const std::size_t n = count(chunks);
    prepare_scratch();
    const auto run_group = [&](std::size_t group) {
      Scratch& scratch =
          *scratch_[static_cast<std::size_t>(oneapi::tbb::this_task_arena::current_thread_index())];
      for (std::size_t c = group; c < chunks; c += n) body(c, group, scratch);
    };
    oneapi::tbb::parallel_for(std::size_t{0}, n, run_group, oneapi::tbb::simple_partitioner{});
  }

  /// Working memory, one per thread of the arena: what a chunk leaves is warm.
  std::span<const std::unique_ptr<Scratch>> scratch() {
    prepare_scratch();
    return scratch_;
  }

 private:
  void prepare(std::size_t count);
  void prepare_scratch();
  void reduce(std::size_t count, std::span<float> total);

  std::size_t size_;
  std::vector<std::unique_ptr<FloatArray>> groups_;
  bool are_zero_ = true;
  std::vector<std::unique_ptr<Scratch>> scratch_;
};

template <class Rows>
void plan_chunks(int count, const Rows& rows, std::vector<Chunk>& chunks) {
  constexpr int kMaxChunkRows = 768;  // the working set of a chunk stays in cache
  constexpr int kMinChunkRows = 128;
  int total = 0;
  for (int i = 0; i < count; ++i) total += rows(i);
  const int wanted = std::clamp(total / GradientGroups::kMaxGroups, kMinChunkRows, kMaxChunkRows);
  chunks.clear();
  int filled = 0;
  for (int i = 0; i < count; ++i) {
    if (chunks.empty() || filled >= wanted) {
      chunks.push_back({.first = i});
      filled = 0;
    }
    ++chunks.back().count;
    filled += rows(i);
  }
}

}  // namespace credo
