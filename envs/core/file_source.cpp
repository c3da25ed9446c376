#include "envs/core/file_source.hpp"

#include <cstdint>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <system_error>
#include <utility>

#include "envs/core/error.hpp"

namespace credo {
namespace {

namespace fs = std::filesystem;
constexpr std::uintmax_t kLargestFile = 1ULL << 30;

std::optional<std::string> read_from_disk(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return std::nullopt;
  if (!fs::is_regular_file(status))
    throw UserError(fmt::format("{}: not a regular file", path.string()));
  const std::uintmax_t size = fs::file_size(path, error);
  if (!error && size > kLargestFile)
    throw UserError(
        fmt::format("{}: {} bytes; allowed: up to {}", path.string(), size, kLargestFile));
  std::ifstream in(path, std::ios::binary);
  std::string text(error ? 0 : static_cast<std::size_t>(size), '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (error || !in || in.gcount() != static_cast<std::streamsize>(text.size()))
    throw UserError(fmt::format("{}: cannot be read", path.string()));
  return text;
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
