// The folder of credits files, DIR/credits or any other: which measurements are there, whole and
// unchanged. manifest.json in it has the hashes of its files.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "suite/credits/credits_record.hpp"
#include "suite/credits/credits_study.hpp"

namespace credo::suite {

/// Of a run's folder.
inline constexpr std::string_view kCreditsFolder = "credits";

/// Before anything is measured: that files can be written under this folder. Errors: UserError where
/// its manifest belongs to something else (a run, a suite), or where a folder has a file's name.
void check_credits_folder(const std::filesystem::path& folder,
                          const std::vector<CreditsPlan>& plans);

/// Whether the files of this measurement are there, whole and as recorded.
bool has_credits(const std::filesystem::path& folder, const CreditsPlan& plan);

/// Whether writing this measurement replaces one of other weights or options.
bool replaces_credits(const std::filesystem::path& folder, const CreditsPlan& plan);

/// Writes LABEL.GAME.DEFAULT.{agents.csv,states.csv,json} and records their hashes. One writer at a
/// time: hold a DirectoryLock on the folder. Errors: FileError.
void write_credits(const std::filesystem::path& folder, const Env& env,
                   const CreditsSubject& subject, const CreditsPlan& plan,
                   const CreditsResult& result);

/// Every measurement in a folder, by file name; none without the folder. Errors: UserError naming
/// the file; with `verify` ChangedError when one is not as recorded.
std::vector<CreditsRecord> read_credits(const std::filesystem::path& folder, bool verify);

/// "PATH: what is wrong" for each recorded file that is missing or changed; `n_files`: how many are
/// recorded, 0 where this is no such folder. Errors: UserError for a damaged manifest.
std::vector<std::string> changed_credits(const std::filesystem::path& folder, std::size_t& n_files);

}  // namespace credo::suite
