// Parts of a run's replay as files, checkpoints/replay_<first>.part: each is written once and named
// by every checkpoint that needs it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <vector>

#include "suite/run/checkpoint.hpp"

namespace credo::suite {

std::filesystem::path part_file(const std::filesystem::path& directory, const ReplayPart& part);

/// Errors: UserError naming the file when it is missing or not as the checkpoint recorded it.
void check_part(const std::filesystem::path& directory, const StoredPart& stored);
/// What Trainer::save_part gave. Errors: as check_part, or when it does not fit into memory.
std::vector<std::byte> read_part(const std::filesystem::path& directory, const StoredPart& stored);

/// Errors: FileError, and what `may_replace` throws (write_file).
StoredPart write_part(const std::filesystem::path& directory, const ReplayPart& part,
                      const ByteSource& content, const std::function<void()>& may_replace);

/// Removes the files of parts that `needed` gives none of. It is called only where there are such
/// besides those of `newest`.
void drop_parts(const std::filesystem::path& directory, std::span<const StoredPart> newest,
                const std::function<std::vector<StoredPart>()>& needed);

}  // namespace credo::suite
