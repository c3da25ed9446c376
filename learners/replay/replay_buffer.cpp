#include "learners/replay/replay_buffer.hpp"

#include <algorithm>
#include <utility>

namespace credo {

namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 20;

void pass_on(ByteWriter& bytes, const ByteSink& sink) { sink(bytes.take()); }

}  // namespace

ReplayBuffer::ReplayBuffer(const EnvShape& shape, int capacity, std::size_t part_bytes)
    : shape_(shape), capacity_(capacity), part_bytes_(part_bytes), encoder_(shape) {
  episodes_.reserve(static_cast<std::size_t>(capacity));
  order_.reserve(static_cast<std::size_t>(capacity));
}

void ReplayBuffer::add(const EpisodeView& view) {
  const auto place = static_cast<std::size_t>(added_ % capacity_);
  if (place == episodes_.size()) {
    episodes_.emplace_back();
    order_.push_back(static_cast<int>(place));
  }
  Episode& episode = episodes_[place];
  encoder_.encode(view, episode);
  episode.set_id(static_cast<std::uint64_t>(++added_));
  open_bytes_ += episode.bytes();
  if (open_bytes_ >= part_bytes_) {
    part_starts_.push_back(static_cast<std::uint64_t>(added_) + 1);
    open_bytes_ = 0;
  }
  while (part_starts_.size() > 1 && part_starts_[1] <= oldest())
    part_starts_.erase(part_starts_.begin());
}

std::size_t ReplayBuffer::bytes() const {
  std::size_t total = 0;
  for (const Episode& e : episodes_) total += e.bytes();
  return total;
}

void ReplayBuffer::sample(Stream& stream, std::span<const Episode*> batch) {
  CREDO_CHECK(batch.size() <= episodes_.size(), "replay holds fewer episodes than a batch");
  CREDO_CHECK(missing_.empty(), "parts of the replay are missing");
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

std::vector<ReplayPart> ReplayBuffer::parts() const {
  std::vector<ReplayPart> parts;
  for (std::size_t i = 0; i + 1 < part_starts_.size(); ++i)
    if (part_starts_[i] >= oldest()) parts.push_back({part_starts_[i], part_starts_[i + 1] - 1});
  return parts;
}

void ReplayBuffer::save(const ByteSink& sink, ReplayContent content) const {
  ByteWriter out;
  out.put_tag("replay");
  out.put(added_);
  out.put_vector(part_starts_);
  out.put(open_bytes_);
  out.put(content);
  const auto apart = content == ReplayContent::kAll ? std::vector<ReplayPart>{} : parts();
  auto part = apart.begin();
  for (std::uint64_t id = oldest(); id <= static_cast<std::uint64_t>(added_); ++id) {
    if (part != apart.end() && id == part->first) {
      id = part->last;
      ++part;
      continue;
    }
    episodes_[place(id)].save(out);
    if (out.bytes().size() >= kPieceBytes) pass_on(out, sink);
  }
  pass_on(out, sink);
}

void ReplayBuffer::save_part(const ReplayPart& part, const ByteSink& sink) const {
  ByteWriter out;
  out.put_tag("replay_part");
  out.put(part);
  for (std::uint64_t id = part.first; id <= part.last; ++id) {
    episodes_[place(id)].save(out);
    if (out.bytes().size() >= kPieceBytes) pass_on(out, sink);
  }
  pass_on(out, sink);
}

void ReplayBuffer::load(ByteReader& in) {
  in.expect_tag("replay");
  added_ = in.get<std::int64_t>();
  part_starts_ = in.get_vector<std::uint64_t>();
  open_bytes_ = in.get<std::uint64_t>();
  const auto content = in.get<std::uint8_t>();
  CREDO_CHECK(added_ >= 0 && added_ < std::int64_t{1} << 62 && content <= 1,
              "damaged replay buffer");
  const auto added = static_cast<std::uint64_t>(added_);
  episodes_.clear();
  episodes_.resize(static_cast<std::size_t>(std::min<std::int64_t>(added_, capacity_)));
  order_.clear();
  for (std::size_t i = 0; i < episodes_.size(); ++i) order_.push_back(static_cast<int>(i));
  bool is_sound = !part_starts_.empty() && part_starts_.front() >= 1 &&
                  part_starts_.front() <= oldest() && part_starts_.back() <= added + 1;
  for (std::size_t i = 1; is_sound && i < part_starts_.size(); ++i)
    is_sound = part_starts_[i] > std::max(part_starts_[i - 1], oldest());
  CREDO_CHECK(is_sound, "damaged replay buffer");
  missing_.clear();
  if (content != 0) missing_ = parts();
  auto part = missing_.begin();
  for (std::uint64_t id = oldest(); id <= added; ++id) {
    if (part != missing_.end() && id == part->first) {
      id = part->last;
      ++part;
      continue;
    }
    episodes_[place(id)].load(shape_, in);
    episodes_[place(id)].set_id(id);
  }
}

void ReplayBuffer::load_part(const ReplayPart& part, ByteReader& in) {
  const auto found = std::find(missing_.begin(), missing_.end(), part);
  CREDO_CHECK(found != missing_.end(), "this part of the replay is not missing");
  in.expect_tag("replay_part");
  CREDO_CHECK(in.get<ReplayPart>() == part, "another part of the replay");
  for (std::uint64_t id = part.first; id <= part.last; ++id) {
    episodes_[place(id)].load(shape_, in);
    episodes_[place(id)].set_id(id);
  }
  CREDO_CHECK(in.at_end(), "part of the replay has trailing bytes");
  missing_.erase(found);
}

}  // namespace credo
