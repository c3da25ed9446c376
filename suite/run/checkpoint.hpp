// A resumable state as one file: header, zstd frame of what Trainer::save wrote, sizes, checksum
// over all of it. Any changed, missing or added byte is noticed before anything is used. Parts of
// the replay stand in files of their own (replay_parts.hpp); the header names them with their
// checksums.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "learners/replay/replay_buffer.hpp"
#include "suite/common/zstd.hpp"

namespace credo::suite {

/// Of step_<t>.state, as docs/file-formats.md describes it.
inline constexpr std::uint32_t kCheckpointFormat = 5;

/// A part of the replay as a file.
struct StoredPart {
  ReplayPart part;
  ZstdSizes sizes;         ///< the file is one zstd frame
  std::uint64_t hash = 0;  ///< XXH64 of the file
  bool operator==(const StoredPart& other) const {
    return part == other.part && hash == other.hash;
  }
};

/// Weights that stay, as run.keep_weights asks.
struct KeptWeights {
  std::int64_t t_env = 0;
  std::uint64_t hash = 0;  ///< XXH64 of the file
};

struct CheckpointHeader {
  std::string config_id;  ///< RunConfig::id() of the run
  std::int64_t t_env = 0;
  std::uint64_t metrics_bytes = 0;  ///< length of metrics.jsonl at this point
  std::uint64_t eval_bytes = 0;     ///< length of eval_episodes.csv at this point
  std::uint64_t metrics_hash = 0;   ///< XXH64 of those bytes of metrics.jsonl
  std::uint64_t eval_hash = 0;      ///< likewise of eval_episodes.csv
  std::uint64_t weights_hash = 0;   ///< XXH64 of the weights file that belongs to it
  std::int64_t best_t_env = -1;     ///< step of the best evaluation so far; -1 before the first
  double best_return = 0.0;         ///< its mean return
  std::vector<std::byte> best;      ///< best.safetensors as of then; empty before the first
  std::vector<StoredPart> parts;    ///< oldest first
  std::vector<KeptWeights> kept;    ///< up to t_env, oldest first
};

struct CheckpointState : CheckpointHeader {
  std::vector<std::byte> trainer;  ///< Trainer::save, without the parts
};

/// `trainer` gives what Trainer::save gives.
void write_checkpoint(const CheckpointHeader& header, const ByteSource& trainer,
                      const ByteSink& sink);

/// Errors: UserError naming `label` when the bytes are not an undamaged checkpoint of this version,
/// or when the state does not fit into the memory of this machine.
CheckpointState decode_checkpoint(std::span<const std::byte> bytes, const std::string& label);
/// Without the trainer's state.
CheckpointHeader decode_checkpoint_header(std::span<const std::byte> bytes,
                                          const std::string& label);

}  // namespace credo::suite
