#include "suite/run/checkpoint.hpp"

#include <cstring>
#include <fmt/format.h>
#include <utility>

#include "envs/core/bytes.hpp"
#include "envs/core/error.hpp"
#include "suite/common/hashing.hpp"

namespace credo::suite {
namespace {

constexpr std::string_view kMagic = "CREDOCKP";

UserError rejected(const std::string& label, const std::string& why) {
  return UserError(fmt::format("{}: {}", label, why));
}

CheckpointHeader read_header(std::span<const std::byte> bytes) {
  ByteReader in(bytes);
  CheckpointHeader header;
  header.config_id = in.get_string();
  header.t_env = in.get<std::int64_t>();
  header.metrics_bytes = in.get<std::uint64_t>();
  header.eval_bytes = in.get<std::uint64_t>();
  header.metrics_hash = in.get<std::uint64_t>();
  header.eval_hash = in.get<std::uint64_t>();
  header.weights_hash = in.get<std::uint64_t>();
  header.best_t_env = in.get<std::int64_t>();
  header.best_return = in.get<double>();
  header.best = in.get_vector<std::byte>();
  header.parts = in.get_vector<StoredPart>();
  // Absent where nothing is kept, as in states from before weights could be.
  if (!in.at_end()) header.kept = in.get_vector<KeptWeights>();
  CREDO_CHECK(in.at_end(), "sizes do not agree");
  return header;
}

struct Checked {
  CheckpointHeader header;
  std::span<const std::byte> frame;
  std::uint64_t plain = 0;  // size of its content
};

Checked check(std::span<const std::byte> bytes, const std::string& label) {
  constexpr std::size_t kBegin = kMagic.size() + sizeof(kCheckpointFormat);
  if (bytes.size() < kBegin + sizeof(std::uint64_t))
    throw rejected(label, fmt::format("damaged checkpoint: only {} bytes", bytes.size()));
  if (std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0)
    throw rejected(label, "not a Credo checkpoint");
  std::uint64_t recorded = 0;
  const auto content = bytes.first(bytes.size() - sizeof(recorded));
  std::memcpy(&recorded, bytes.data() + content.size(), sizeof(recorded));
  if (xxh64(content) != recorded)
    throw rejected(label, "damaged checkpoint: the checksum does not match");
  std::uint32_t version = 0;
  std::memcpy(&version, bytes.data() + kMagic.size(), sizeof(version));
  if (version != kCheckpointFormat)
    throw rejected(label,
                   fmt::format("checkpoint format {}, this program reads format {}: finish the run "
                               "with the program that began it, or run it again",
                               version, kCheckpointFormat));
  // Header, frame, sizes of the frame.
  ZstdSizes sizes;
  const bool has_sizes = content.size() >= kBegin + sizeof(sizes);
  const auto body = has_sizes ? content.first(content.size() - sizeof(sizes)).subspan(kBegin)
                              : std::span<const std::byte>();
  if (has_sizes) std::memcpy(&sizes, body.data() + body.size(), sizeof(sizes));
  if (!has_sizes || sizes.packed > body.size())
    throw rejected(label, "damaged checkpoint: sizes do not agree");
  const auto frame = body.last(static_cast<std::size_t>(sizes.packed));
  try {
    return {read_header(body.first(body.size() - frame.size())), frame, sizes.plain};
  } catch (const Error& error) {
    throw rejected(label, fmt::format("damaged checkpoint: {}", error.what()));
  }
}

}  // namespace

void write_checkpoint(const CheckpointHeader& header, const ByteSource& trainer,
                      const ByteSink& sink) {
  Xxh64 hash;
  const ByteSink hashed = [&](std::span<const std::byte> piece) {
    hash.add(piece);
    sink(piece);
  };
  ByteWriter out;
  out.put_bytes(kMagic.data(), kMagic.size());
  out.put(kCheckpointFormat);
  out.put_string(header.config_id);
  out.put(header.t_env);
  out.put(header.metrics_bytes);
  out.put(header.eval_bytes);
  out.put(header.metrics_hash);
  out.put(header.eval_hash);
  out.put(header.weights_hash);
  out.put(header.best_t_env);
  out.put(header.best_return);
  out.put_vector(header.best);
  out.put_vector(header.parts);
  if (!header.kept.empty()) out.put_vector(header.kept);
  hashed(out.take());
  out.put(zstd_compress(trainer, hashed));
  hashed(out.take());
  out.put(hash.value());
  sink(out.take());
}

CheckpointHeader decode_checkpoint_header(std::span<const std::byte> bytes,
                                          const std::string& label) {
  return check(bytes, label).header;
}

CheckpointState decode_checkpoint(std::span<const std::byte> bytes, const std::string& label) {
  Checked checked = check(bytes, label);
  CheckpointState state{std::move(checked.header), {}};
  try {
    state.trainer = zstd_decompress(checked.frame, checked.plain);
  } catch (const Error& error) {
    throw rejected(label, fmt::format("damaged checkpoint: {}", error.what()));
  }
  return state;
}

}  // namespace credo::suite
