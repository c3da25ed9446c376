#include "suite/common/files.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "suite/common/system.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;

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
  int release() { return std::exchange(value_, -1); }
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
  if (folder.get() >= 0) sync_descriptor(folder.get());
}

// What a killed process left under the temporary name is replaced, whatever it is linked to; a
// symbolic link, folder or device there is somebody else's.
int open_temporary(const fs::path& path) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  const int file = ::open(path.c_str(), kFlags, 0644);
  if (file >= 0 || errno != EEXIST) return file;
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
    errno = EEXIST;
    return -1;
  }
  ::unlink(path.c_str());
  return ::open(path.c_str(), kFlags, 0644);
}

}  // namespace

std::vector<std::byte> read_bytes(const fs::path& path, std::uint64_t limit) {
  return read_binary_file(path, limit);
}

std::string read_text(const fs::path& path, std::uint64_t limit) {
  return read_text_file(path, limit);
}

void write_file(const fs::path& path, const std::function<void(const ByteSink&)>& produce,
                const std::function<void()>& may_replace) {
  fs::path temporary = path;
  temporary += ".tmp";
  Descriptor file(open_temporary(temporary));
  if (file.get() < 0) fail("write", path, errno);
  struct stat ours {};
  int error = ::fstat(file.get(), &ours) == 0 ? 0 : errno;
  try {
    produce([&](std::span<const std::byte> piece) {
      if (error == 0) error = write_all(file.get(), piece.data(), piece.size());
    });
    if (error == 0 && sync_descriptor(file.get()) != 0) error = errno;
    if (file.close() != 0 && error == 0) error = errno;
    if (error == 0 && may_replace) may_replace();
  } catch (...) {
    // Somebody else may be writing under this name by now.
    struct stat now {};
    if (::stat(temporary.c_str(), &now) == 0 && now.st_ino == ours.st_ino)
      ::unlink(temporary.c_str());
    throw;
  }
  if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(temporary.c_str());
    fail("write", path, error);
  }
  sync_directory(path.parent_path());
}

void write_file(const fs::path& path, std::span<const std::byte> bytes,
                const std::function<void()>& may_replace) {
  write_file(
      path, [&](const ByteSink& sink) { sink(bytes); }, may_replace);
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
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode))
    throw FileError(fmt::format("cannot open {}: it is a link or no regular file", path.string()));
  Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (file.get() < 0 || ::fstat(file.get(), &status) != 0) fail("open", path, errno);
  if (static_cast<std::uint64_t>(status.st_size) < keep_bytes)
    throw FileError(fmt::format("{} has {} bytes, fewer than the {} the checkpoint recorded",
                                path.string(), status.st_size, keep_bytes));
  if (::ftruncate(file.get(), static_cast<off_t>(keep_bytes)) != 0 ||
      ::lseek(file.get(), static_cast<off_t>(keep_bytes), SEEK_SET) < 0)
    fail("open", path, errno);
  hash_ = hash_prefix(path, keep_bytes);
  size_ = keep_bytes;
  descriptor_ = file.release();
}

AppendFile::~AppendFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void AppendFile::append(std::string_view text) {
  if (const int error = write_all(descriptor_, text.data(), text.size()); error != 0)
    fail("append to", path_, error);
  size_ += text.size();
  hash_.add(std::as_bytes(std::span<const char>(text)));
}

void AppendFile::check() const {
  std::error_code error;
  if (fs::file_size(path_, error) != size_ || error ||
      hash_prefix(path_, size_).value() != hash_.value())
    throw FileError(fmt::format("{} is not as this process wrote it", path_.string()));
}

void AppendFile::sync() {
  if (sync_descriptor(descriptor_) != 0 && errno != EINVAL) fail("append to", path_, errno);
}

}  // namespace credo::suite
