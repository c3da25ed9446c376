#include "suite/common/files.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace credo::suite {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargestFile = 4ULL << 30;

[[noreturn]] void fail(std::string_view action, const fs::path& path, int error) {
  throw FileError(fmt::format("cannot {} {}: {}", action, path.string(),
                              std::generic_category().message(error)));
}

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }
  int get() const { return value_; }
  int close() {
    const int result = value_ >= 0 ? ::close(value_) : 0;
    value_ = -1;
    return result;
  }

 private:
  int value_;
};

// 0, or the errno of the first failure.
int write_all(int descriptor, const void* data, std::size_t size) {
  const char* next = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::write(descriptor, next, size);
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    next += written;
    size -= static_cast<std::size_t>(written);
  }
  return 0;
}

void sync_directory(const fs::path& directory) {
  const fs::path target = directory.empty() ? fs::path(".") : directory;
  const Descriptor folder(::open(target.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Some file systems cannot sync a folder; the rename is still atomic there.
  if (folder.get() >= 0) ::fsync(folder.get());
}

template <typename Container>
Container read_all(const fs::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) fail("read", path, errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) fail("read", path, errno);
  if (S_ISDIR(status.st_mode)) fail("read", path, EISDIR);
  if (static_cast<std::uint64_t>(status.st_size) > kLargestFile) fail("read", path, EFBIG);
  Container content;
  // Not resize(st_size): pseudo files report size 0 but have content.
  std::size_t used = 0;
  content.resize(static_cast<std::size_t>(status.st_size) + 1);
  for (;;) {
    const ssize_t got = ::read(file.get(), content.data() + used, content.size() - used);
    if (got < 0) {
      if (errno == EINTR) continue;
      fail("read", path, errno);
    }
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
    if (used > kLargestFile) fail("read", path, EFBIG);
    if (used == content.size()) content.resize(2 * used);
  }
  content.resize(used);
  return content;
}

}  // namespace

std::vector<std::byte> read_bytes(const fs::path& path) {
  return read_all<std::vector<std::byte>>(path);
}

std::string read_text(const fs::path& path) { return read_all<std::string>(path); }

void write_file(const fs::path& path, std::span<const std::byte> bytes,
                const std::function<void()>& may_replace) {
  fs::path temporary = path;
  temporary += ".tmp";
  Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file.get() < 0) fail("write", path, errno);
  int error = write_all(file.get(), bytes.data(), bytes.size());
  if (error == 0 && ::fsync(file.get()) != 0) error = errno;
  struct stat ours {};
  if (error == 0 && ::fstat(file.get(), &ours) != 0) error = errno;
  if (file.close() != 0 && error == 0) error = errno;
  if (error == 0 && may_replace) {
    try {
      may_replace();
    } catch (...) {
      // Somebody else may be writing under this name by now.
      struct stat now {};
      if (::stat(temporary.c_str(), &now) == 0 && now.st_ino == ours.st_ino)
        ::unlink(temporary.c_str());
      throw;
    }
  }
  if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(temporary.c_str());
    fail("write", path, error);
  }
  sync_directory(path.parent_path());
}

void write_file(const fs::path& path, std::string_view text,
                const std::function<void()>& may_replace) {
  write_file(path, std::as_bytes(std::span<const char>(text)), may_replace);
}

void make_directories(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (!error && !fs::is_directory(path, error) && !error)
    error.assign(ENOTDIR, std::generic_category());
  if (error) throw FileError(fmt::format("cannot create {}: {}", path.string(), error.message()));
}

AppendFile::AppendFile(const fs::path& path, std::uint64_t keep_bytes) : path_(path) {
  descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor_ < 0) fail("open", path, errno);
  struct stat status {};
  const bool known = ::fstat(descriptor_, &status) == 0;
  const int stat_error = errno;
  int error = known ? 0 : stat_error;
  const bool too_short = known && static_cast<std::uint64_t>(status.st_size) < keep_bytes;
  if (error == 0 && !too_short) {
    if (::ftruncate(descriptor_, static_cast<off_t>(keep_bytes)) != 0 ||
        ::lseek(descriptor_, static_cast<off_t>(keep_bytes), SEEK_SET) < 0)
      error = errno;
  }
  if (error != 0 || too_short) {
    ::close(descriptor_);
    if (too_short)
      throw FileError(fmt::format("{} has {} bytes, fewer than the {} the checkpoint recorded",
                                  path.string(), status.st_size, keep_bytes));
    fail("open", path, error);
  }
  size_ = keep_bytes;
}

AppendFile::~AppendFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void AppendFile::append(std::string_view text) {
  if (const int error = write_all(descriptor_, text.data(), text.size()); error != 0)
    fail("append to", path_, error);
  size_ += text.size();
}

void AppendFile::sync() {
  if (::fsync(descriptor_) != 0 && errno != EINVAL) fail("append to", path_, errno);
}

}  // namespace credo::suite
