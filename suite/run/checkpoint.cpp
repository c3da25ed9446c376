#include "suite/run/checkpoint.hpp"

#include <cstring>
#include <fmt/format.h>
#include <unistd.h>
#include <zstd.h>

#include "envs/core/bytes.hpp"
#include "envs/core/error.hpp"
#include "suite/common/hashing.hpp"

namespace credo::suite {
namespace {

constexpr std::string_view kMagic = "CREDOCKP";
constexpr std::uint32_t kVersion = 3;
constexpr int kCompressionLevel = 1;  // higher levels cost more time than the disk they save

// What a state says of its size is no reason to ask for more than there is.
std::uint64_t machine_memory() {
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page = ::sysconf(_SC_PAGESIZE);
  constexpr std::uint64_t kUnknown = 64ULL << 30;
  if (pages <= 0 || page <= 0) return kUnknown;
  return static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page);
}

}  // namespace

std::vector<std::byte> encode_checkpoint(const CheckpointState& state) {
  std::vector<std::byte> frame(ZSTD_compressBound(state.trainer.size()));
  const std::size_t size = ZSTD_compress(frame.data(), frame.size(), state.trainer.data(),
                                         state.trainer.size(), kCompressionLevel);
  CREDO_CHECK(ZSTD_isError(size) == 0, "zstd could not compress a checkpoint");
  frame.resize(size);

  ByteWriter out;
  out.put_bytes(kMagic.data(), kMagic.size());
  out.put(kVersion);
  out.put_string(state.config_id);
  out.put(state.t_env);
  out.put(state.metrics_bytes);
  out.put(state.eval_bytes);
  out.put(state.metrics_hash);
  out.put(state.eval_hash);
  out.put(state.weights_hash);
  out.put(state.best_t_env);
  out.put(state.best_return);
  out.put_vector(state.best);
  out.put(static_cast<std::uint64_t>(state.trainer.size()));
  out.put_vector(frame);
  out.put(xxh64(out.bytes()));
  return out.take();
}

CheckpointState decode_checkpoint(std::span<const std::byte> bytes, const std::string& label) {
  const auto reject = [&](const std::string& why) {
    return UserError(fmt::format("{}: {}", label, why));
  };
  if (bytes.size() < kMagic.size() + sizeof(kVersion) + sizeof(std::uint64_t))
    throw reject(fmt::format("damaged checkpoint: only {} bytes", bytes.size()));
  if (std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0)
    throw reject("not a Credo checkpoint");
  std::uint64_t recorded = 0;
  const auto content = bytes.first(bytes.size() - sizeof(recorded));
  std::memcpy(&recorded, bytes.data() + content.size(), sizeof(recorded));
  if (xxh64(content) != recorded) throw reject("damaged checkpoint: the checksum does not match");

  try {
    ByteReader in(content.subspan(kMagic.size()));
    const auto version = in.get<std::uint32_t>();
    if (version != kVersion)
      throw reject(
          fmt::format("checkpoint format {}, this program reads format {}: finish the run with the "
                      "program that began it, or run it again",
                      version, kVersion));
    CheckpointState state;
    state.config_id = in.get_string();
    state.t_env = in.get<std::int64_t>();
    state.metrics_bytes = in.get<std::uint64_t>();
    state.eval_bytes = in.get<std::uint64_t>();
    state.metrics_hash = in.get<std::uint64_t>();
    state.eval_hash = in.get<std::uint64_t>();
    state.weights_hash = in.get<std::uint64_t>();
    state.best_t_env = in.get<std::int64_t>();
    state.best_return = in.get<double>();
    state.best = in.get_vector<std::byte>();
    const auto size = in.get<std::uint64_t>();
    const auto frame = in.get_vector<std::byte>();
    if (!in.at_end() || ZSTD_getFrameContentSize(frame.data(), frame.size()) != size)
      throw reject("damaged checkpoint: sizes do not agree");
    if (size > machine_memory())
      throw reject(
          fmt::format("a state of {} bytes does not fit into this machine's memory", size));
    state.trainer.resize(static_cast<std::size_t>(size));
    const std::size_t got =
        ZSTD_decompress(state.trainer.data(), state.trainer.size(), frame.data(), frame.size());
    if (ZSTD_isError(got) != 0 || got != size)
      throw reject("damaged checkpoint: the compressed state cannot be read");
    return state;
  } catch (const UserError&) {
    throw;
  } catch (const Error& error) {
    throw reject(fmt::format("damaged checkpoint: {}", error.what()));
  }
}

}  // namespace credo::suite
