#include "learners/algorithms/gradient_groups.hpp"

#include <cstring>
#include <oneapi/tbb/blocked_range.h>

#include "learners/base/index.hpp"
#include "learners/kernels/kernels.hpp"

namespace credo {

void GradientGroups::prepare_scratch() {
  while (static_cast<int>(scratch_.size()) < oneapi::tbb::this_task_arena::max_concurrency())
    scratch_.push_back(std::make_unique<Scratch>());
}

void GradientGroups::prepare(std::size_t count) {
  while (groups_.size() < count) {
    groups_.push_back(std::make_unique<FloatArray>());
    groups_.back()->resize(size_);
  }
  if (!are_zero_)  // an exception left them as they were
    for (const auto& group : groups_) std::fill(group->begin(), group->end(), 0.0F);
  are_zero_ = false;
}

// Pairs of groups, then pairs of pairs: the same tree for any number of threads. Leaves zeros for
// the next update, since the groups are in cache now.
void GradientGroups::reduce(std::size_t count, std::span<float> total) {
  constexpr std::size_t kBlock = 512;  // of all groups: stays in the first-level cache
  const std::size_t blocks = (total.size() + kBlock - 1) / kBlock;
  const auto reduce_block = [&](std::size_t block) {
    const std::size_t begin = block * kBlock;
    const std::size_t n = std::min(kBlock, total.size() - begin);
    const auto part = [&](std::size_t g) { return groups_[g]->data() + begin; };
    for (std::size_t stride = 1; stride < count; stride *= 2)
      for (std::size_t g = 0; g + stride < count; g += 2 * stride)
        kernels().add(part(g), part(g + stride), n);
    if (count > 0)
      std::memcpy(total.data() + begin, part(0), n * sizeof(float));
    else
      std::memset(total.data() + begin, 0, n * sizeof(float));
    for (std::size_t g = 0; g < count; ++g) std::memset(part(g), 0, n * sizeof(float));
  };
  oneapi::tbb::parallel_for(oneapi::tbb::blocked_range<std::size_t>(0, blocks, 16),
                            [&](const oneapi::tbb::blocked_range<std::size_t>& range) {
                              for (std::size_t b = range.begin(); b < range.end(); ++b)
                                reduce_block(b);
                            });
  are_zero_ = true;
}

}  // namespace credo
