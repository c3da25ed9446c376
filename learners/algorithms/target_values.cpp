#include "learners/algorithms/target_values.hpp"

#include <algorithm>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task_arena.h>

#include "learners/base/index.hpp"
#include "learners/replay/packed_episodes.hpp"

namespace credo {

namespace {

constexpr std::size_t kBlockFloats = std::size_t{1} << 20U;  // 4 MiB
constexpr std::size_t kMaxBlocks = 32;
constexpr int kSlotRows = 96;  // rows of a time step that one pass takes together

}  // namespace

TargetValues::TargetValues(const EnvShape& shape, int hidden_dim, int episodes)
    : shape_(shape), hidden_dim_(hidden_dim), entries_(sz(std::max(episodes, 1))) {}

void TargetValues::forget() {
  ++version_;
  block_ = 0;
  used_ = 0;
}

/// Null when all blocks are full.
float* TargetValues::take(std::size_t size) {
  if (size > kBlockFloats) return nullptr;
  if (used_ + size > kBlockFloats) {
    if (block_ + 1 == kMaxBlocks) return nullptr;
    ++block_;
    used_ = 0;
  }
  if (block_ == blocks_.size()) blocks_.emplace_back(new float[kBlockFloats]);
  float* values = blocks_[block_].get() + used_;
  used_ += size;
  return values;
}

std::size_t TargetValues::floats(const Episode& episode) const {
  return sz(episode.slots()) * sz(shape_.n_agents) * sz(shape_.n_actions + hidden_dim_);
}

TargetValues::View TargetValues::view(const Episode& episode, const float* values) const {
  View v{.q = values};
  if (hidden_dim_ > 0) v.hidden = values + at(episode.slots() * shape_.n_agents, shape_.n_actions);
  return v;
}

/// Where an episode's values go in the cache; null when there is no place.
float* TargetValues::keep(const Episode& episode) {
  Entry& entry = entries_[episode.id() % entries_.size()];
  if (entry.turn == turn_) return nullptr;  // another episode of the batch is cached there
  const std::size_t size = floats(episode);
  if (entry.version != version_ || entry.size < size) {
    float* values = take(size);
    if (values == nullptr) return nullptr;
    entry = {.version = version_, .values = values, .size = size};
  }
  entry.id = episode.id();
  entry.turn = turn_;
  return entry.values;
}

void TargetValues::prepare(const AgentNetwork& agent, const float* params,
                           std::span<const Episode* const> batch, std::span<const int> order,
                           bool keep_values, std::span<const std::unique_ptr<Scratch>> scratch) {
  ++turn_;
  unkept_.reset();
  views_.resize(batch.size());
  values_.assign(batch.size(), nullptr);
  missing_.clear();
  for (const int place : order) {
    const Episode& episode = *batch[sz(place)];
    const bool known = keep_values && episode.id() != 0;
    Entry& entry = entries_[episode.id() % entries_.size()];
    if (known && entry.id == episode.id() && entry.version == version_) {
      entry.turn = turn_;
      views_[sz(place)] = view(episode, entry.values);
      continue;
    }
    float* values = known ? keep(episode) : nullptr;
    if (values == nullptr) values = unkept_.floats(floats(episode));
    values_[sz(place)] = values;
    views_[sz(place)] = view(episode, values);
    missing_.push_back(place);
  }
  if (missing_.empty()) return;

  // Neighbours in length together, in a multiple of the number of threads if there are as many.
  const int n = static_cast<int>(missing_.size());
  const int threads = oneapi::tbb::this_task_arena::max_concurrency();
  const int wanted = (n * shape_.n_agents + kSlotRows - 1) / kSlotRows;
  const int groups = std::min(n, (wanted + threads - 1) / threads * threads);
  const auto run_group = [&](int g) {
    const int first = static_cast<int>(static_cast<std::int64_t>(n) * g / groups);
    const int last = static_cast<int>(static_cast<std::int64_t>(n) * (g + 1) / groups);
    compute(agent, params, batch, std::span(missing_).subspan(sz(first), sz(last - first)),
            *scratch[sz(oneapi::tbb::this_task_arena::current_thread_index())]);
  };
  try {
    oneapi::tbb::parallel_for(0, groups, run_group, oneapi::tbb::simple_partitioner{});
  } catch (...) {  // some places were handed out and not filled
    forget();
    throw;
  }
}

void TargetValues::compute(const AgentNetwork& agent, const float* params,
                           std::span<const Episode* const> batch, std::span<const int> places,
                           Scratch& scratch) const {
  scratch.reset();
  PackedEpisodes packed(shape_, batch, places, scratch);
  const PackedRows& rows = packed.rows();
  AgentPass pass = agent.begin(rows, false, scratch);
  const int n = shape_.n_agents;
  const auto for_each_slot = [&](int begin, int end, const auto& body) {
    for (int t = begin; t < end; ++t)
      for (int e = 0; e < rows.live[sz(t)]; ++e) body(e, t, values_[sz(packed.place(e))]);
  };
  for (int b = 0; b < rows.n_blocks(); ++b) {
    agent.forward_block(params, rows, pass, b, packed.read_obs(b, b + 1), scratch);
    if (hidden_dim_ == 0) continue;
    const int base = rows.first_row(rows.block_begin(b));
    for_each_slot(rows.block_begin(b), rows.block_begin(b + 1), [&](int e, int t, float* values) {
      float* out =
          values + at(packed.episode(e).slots() * n, shape_.n_actions) + at(t * n, hidden_dim_);
      std::copy_n(pass.h + at(packed.row(e, t) - base, hidden_dim_), n * hidden_dim_, out);
    });
  }
  for_each_slot(0, rows.slots(), [&](int e, int t, float* values) {
    std::copy_n(pass.q + at(packed.row(e, t), shape_.n_actions), n * shape_.n_actions,
                values + at(t * n, shape_.n_actions));
  });
}

}  // namespace credo
