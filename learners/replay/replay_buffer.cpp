#include "learners/replay/replay_buffer.hpp"

#include <algorithm>
#include <utility>

namespace credo {

ReplayBuffer::ReplayBuffer(const EnvShape& shape, int capacity)
    : shape_(shape), capacity_(capacity), encoder_(shape) {
  episodes_.reserve(static_cast<std::size_t>(capacity));
  order_.reserve(static_cast<std::size_t>(capacity));
}

void ReplayBuffer::add(const EpisodeView& view) {
  const auto place = static_cast<std::size_t>(added_ % capacity_);
  if (place == episodes_.size()) {
    episodes_.emplace_back();
    order_.push_back(static_cast<int>(place));
  }
  encoder_.encode(view, episodes_[place]);
  episodes_[place].set_id(static_cast<std::uint64_t>(++added_));
}

std::size_t ReplayBuffer::bytes() const {
  std::size_t total = 0;
  for (const Episode& e : episodes_) total += e.bytes();
  return total;
}

void ReplayBuffer::sample(Stream& stream, std::span<const Episode*> batch) {
  CREDO_CHECK(batch.size() <= episodes_.size(), "replay holds fewer episodes than a batch");
  if (batch.size() == episodes_.size()) {
    for (std::size_t i = 0; i < batch.size(); ++i) batch[i] = &episodes_[i];
    return;
  }
  // The first steps of a Fisher-Yates shuffle, undone afterwards so that a sample depends on its
  // stream alone.
  swaps_.clear();
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const std::size_t j = i + stream.below(static_cast<std::uint32_t>(episodes_.size() - i));
    std::swap(order_[i], order_[j]);
    swaps_.push_back(j);
    batch[i] = &episodes_[static_cast<std::size_t>(order_[i])];
  }
  for (std::size_t i = batch.size(); i-- > 0;) std::swap(order_[i], order_[swaps_[i]]);
}

void ReplayBuffer::save(ByteWriter& out) const {
  out.put_tag("replay");
  out.put(added_);
  out.put<std::uint64_t>(episodes_.size());
  for (const Episode& e : episodes_) e.save(out);
}

void ReplayBuffer::load(ByteReader& in) {
  in.expect_tag("replay");
  added_ = in.get<std::int64_t>();
  const auto n = in.get<std::uint64_t>();
  CREDO_CHECK(added_ >= 0 && n <= static_cast<std::uint64_t>(capacity_) &&
                  n == static_cast<std::uint64_t>(std::min<std::int64_t>(added_, capacity_)),
              "damaged replay buffer");
  episodes_.clear();
  order_.clear();
  for (std::uint64_t i = 0; i < n; ++i) {
    episodes_.emplace_back();
    episodes_.back().load(shape_, in);
    order_.push_back(static_cast<int>(i));
  }
  for (std::int64_t k = added_ - static_cast<std::int64_t>(n); k < added_; ++k) {
    const auto place = static_cast<std::size_t>(k % capacity_);
    episodes_[place].set_id(static_cast<std::uint64_t>(k + 1));
  }
}

}  // namespace credo
