// The file or folder a parameter names. An environment reads it through this class alone, so that
// what it read can be recorded, and given to it again from memory where the files are gone.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

namespace credo {

/// Files by their name below a folder ("maps/pair.toml"), with their bytes; a single file is "".
using FileContents = std::map<std::string, std::string>;

class FileSource {
 public:
  /// A file or folder on disk; "" names nothing.
  FileSource(std::string path = "");
  FileSource(const char* path) : FileSource(std::string(path)) {}
  /// What stood at `path` once; the disk is not asked again.
  FileSource(std::string path, std::shared_ptr<const FileContents> contents);

  const std::string& path() const { return path_; }
  bool empty() const { return path_.empty(); }
  bool is_folder() const;
  /// The name of a file in messages.
  std::string label(const std::string& name = "") const;

  /// The bytes of a file of the folder, or of the path itself; nullopt where there is none.
  /// Errors: UserError for what is not a regular file, cannot be read, or exceeds 1 GiB.
  std::optional<std::string> read(const std::string& name = "") const;
  /// Everything that was read so far, by this object and its copies.
  const FileContents& contents_read() const { return *read_; }

 private:
  std::string path_;
  std::shared_ptr<const FileContents> held_;  // null: on disk
  std::shared_ptr<FileContents> read_;
};

}  // namespace credo
