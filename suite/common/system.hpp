// What the operating system is asked beyond POSIX. Linux is tested; the ways of macOS are written
// from its manual pages and untested.
#pragma once

#include <cstdint>
#include <string>

namespace credo::suite {

/// Puts a file's content on the disk; 0, or -1 with errno. On macOS fsync(2) leaves it in the
/// drive's cache.
int sync_descriptor(int descriptor);

/// From the system's entropy; without it, from process and time.
std::uint64_t random_token();

/// The same for all processes of one start of one machine (and PID namespace), another one
/// elsewhere.
std::string system_identity();

/// The processor's name; "unknown" where the system gives none.
std::string cpu_name();

}  // namespace credo::suite
