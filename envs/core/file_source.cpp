#include "envs/core/file_source.hpp"

#include <filesystem>
#include <system_error>
#include <utility>

#include "envs/core/error.hpp"
#include "envs/core/read_file.hpp"

namespace credo {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> read_from_disk(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return std::nullopt;
  try {
    return read_text_file(path);
  } catch (const FileError& problem) {
    throw UserError(problem.what());
  }
}

}  // namespace

FileSource::FileSource(std::string path)
    : path_(std::move(path)), read_(std::make_shared<FileContents>()) {}

FileSource::FileSource(std::string path, std::shared_ptr<const FileContents> contents)
    : path_(std::move(path)), held_(std::move(contents)), read_(std::make_shared<FileContents>()) {}

bool FileSource::is_folder() const {
  std::error_code error;
  return held_ != nullptr || fs::is_directory(path_, error);
}

std::string FileSource::label(const std::string& name) const {
  return name.empty() ? path_ : (fs::path(path_) / name).string();
}

std::optional<std::string> FileSource::read(const std::string& name) const {
  std::optional<std::string> text;
  if (held_ != nullptr) {
    if (const auto found = held_->find(name); found != held_->end()) text = found->second;
  } else if (!path_.empty()) {
    text = read_from_disk(label(name));
  }
  if (text) (*read_)[name] = *text;
  return text;
}

}  // namespace credo
