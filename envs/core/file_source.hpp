// A file or folder named by a parameter. Environments read it only through this class, which
// records what was read, so that a run can be repeated from memory after the files are gone.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

namespace credo {

/// File contents by path relative to the folder ("maps/pair.toml"); a single file has the key "".
using FileContents = std::map<std::string, std::string>;

class FileSource {
 public:
  /// A file or folder on disk; "" means none.
  FileSource(std::string path = "");
  FileSource(const char* path) : FileSource(std::string(path)) {}
  /// Contents recorded earlier for `path`; the disk is not read.
  FileSource(std::string path, std::shared_ptr<const FileContents> contents);

  const std::string& path() const { return path_; }
  bool empty() const { return path_.empty(); }
  bool is_folder() const;
  /// The name of a file in messages.
  std::string label(const std::string& name = "") const;

  /// Contents of a file in the folder, or of the path itself; nullopt if it does not exist.
  /// Errors: UserError if it is not a regular file, cannot be read, or exceeds 1 GiB.
  std::optional<std::string> read(const std::string& name = "") const;
  /// Everything that was read so far, by this object and its copies.
  const FileContents& contents_read() const { return *read_; }

 private:
  std::string path_;
  std::shared_ptr<const FileContents> held_;  // null: on disk
  std::shared_ptr<FileContents> read_;
};

}  // namespace credo
