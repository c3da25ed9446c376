#include "envs/core/read_file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace credo {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const fs::path& path, std::string_view why) {
  throw FileError(fmt::format("cannot read {}: {}", path.string(), why));
}

[[noreturn]] void fail(const fs::path& path, int error) {
  refuse(path, std::generic_category().message(error));
}

[[noreturn]] void refuse_size(const fs::path& path, std::uint64_t limit) {
  refuse(path, fmt::format("larger than {} MiB", limit >> 20U));
}

const char* kind_name(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

class OpenFile {
 public:
  OpenFile(const fs::path& path, std::uint64_t limit) : path_(path), limit_(limit) {
    // Opening a pipe must not wait for its writer.
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor_ < 0) fail(path, errno);
    struct stat status {};
    const int error = ::fstat(descriptor_, &status) == 0 ? 0 : errno;
    const bool is_regular = error == 0 && S_ISREG(status.st_mode);
    size_ = is_regular ? static_cast<std::uint64_t>(status.st_size) : 0;
    if (is_regular && size_ <= limit) return;
    ::close(descriptor_);
    if (error != 0) fail(path, error);
    if (!is_regular)
      refuse(path, fmt::format("it is {}, not a regular file", kind_name(status.st_mode)));
    refuse_size(path, limit);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() { ::close(descriptor_); }

  /// Size reported when opened; files in /proc report 0 but are not empty.
  std::uint64_t size() const { return size_; }

  /// 0 at end of file.
  std::size_t read(std::span<std::byte> into) {
    for (;;) {
      const ssize_t got = ::read(descriptor_, into.data(), into.size());
      if (got < 0) {
        if (errno == EINTR) continue;
        fail(path_, errno);
      }
      read_ += static_cast<std::uint64_t>(got);
      if (read_ > limit_) refuse_size(path_, limit_);
      return static_cast<std::size_t>(got);
    }
  }

 private:
  const fs::path& path_;
  std::uint64_t limit_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  std::uint64_t read_ = 0;
};

template <typename Container>
Container read_whole(const fs::path& path, std::uint64_t limit) {
  OpenFile file(path, limit);
  Container content;
  content.resize(static_cast<std::size_t>(file.size()) + 1);
  std::size_t used = 0;
  for (;;) {
    const auto free = std::as_writable_bytes(std::span(content)).subspan(used);
    const std::size_t got = file.read(free);
    if (got == 0) break;
    used += got;
    if (used == content.size()) content.resize(2 * used);
  }
  content.resize(used);
  return content;
}

}  // namespace

std::vector<std::byte> read_binary_file(const fs::path& path, std::uint64_t limit) {
  return read_whole<std::vector<std::byte>>(path, limit);
}

std::string read_text_file(const fs::path& path, std::uint64_t limit) {
  return read_whole<std::string>(path, limit);
}

void read_file_pieces(const fs::path& path, std::uint64_t limit,
                      const std::function<void(std::span<const std::byte>)>& use) {
  constexpr std::size_t kPiece = 256 * 1024;
  OpenFile file(path, limit);
  std::vector<std::byte> piece(kPiece);
  while (const std::size_t got = file.read(piece))
    use(std::span<const std::byte>(piece).first(got));
}

}  // namespace credo
