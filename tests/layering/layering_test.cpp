// Walks the source tree and holds every file to the rules of source_rules.hpp.
#include <algorithm>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <regex>
#include <string>
#include <vector>

#include "tests/layering/rooms.hpp"
#include "tests/layering/source_rules.hpp"

namespace {

namespace fs = std::filesystem;
using credo::layering::Findings;

const fs::path kRoot = CREDO_SOURCE_DIR;

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  REQUIRE_MESSAGE(in.good(), "cannot read " << path.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Files below the given folders with one of the endings, as sorted paths from the source root.
std::vector<std::string> files(const std::vector<std::string>& folders,
                               const std::vector<std::string>& endings) {
  std::vector<std::string> paths;
  for (const auto& folder : folders) {
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder)) {
      const std::string path = fs::relative(entry.path(), kRoot).generic_string();
      const bool matches = std::any_of(endings.begin(), endings.end(),
                                       [&](const auto& ending) { return path.ends_with(ending); });
      if (entry.is_regular_file() && matches) paths.push_back(path);
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::vector<std::string> sources() {
  return files({"envs", "learners", "suite", "python", "tests"}, {".cpp", ".hpp"});
}

using Rule = std::function<Findings(const std::string& path, const std::string& text)>;

void check_all(const std::vector<std::string>& paths, const Rule& rule) {
  REQUIRE_FALSE(paths.empty());
  for (const auto& path : paths)
    for (const auto& finding : rule(path, read(kRoot / path))) FAIL_CHECK(finding);
}

}  // namespace

TEST_CASE("includes go down the wings, never up") {
  check_all(sources(), credo::layering::check_includes);
}

TEST_CASE("the rooms of a wing form no circle") {
  std::vector<credo::layering::SourceFile> all;
  for (const auto& path : files({"envs", "learners", "suite"}, {".cpp", ".hpp"}))
    all.push_back({path, read(kRoot / path)});
  for (const auto& finding : credo::layering::check_rooms(all)) FAIL_CHECK(finding);
}

TEST_CASE("docs/numerics.md lists every random stream") {
  const std::string page = read(kRoot / "docs/numerics.md");
  const std::regex use(R"rx((?:purpose\(|Purpose = )"([a-z_ ]+)")rx");
  int found = 0;
  for (const auto& path : files({"learners", "suite", "python/src"}, {".cpp", ".hpp"})) {
    const std::string text = read(kRoot / path);
    for (std::sregex_iterator it(text.begin(), text.end(), use), end; it != end; ++it, ++found) {
      const std::string name = (*it)[1].str();
      CHECK_MESSAGE(page.find("`" + name + "`") != std::string::npos, path << " uses " << name);
    }
  }
  CHECK(found >= 15);
}

TEST_CASE("link lines go down the wings, never up") {
  check_all(files({"envs", "learners", "suite", "python"}, {"CMakeLists.txt"}),
            credo::layering::check_links);
}

TEST_CASE("nothing that varies between machines or runs is named below suite") {
  // This folder names the forbidden words in order to find them.
  auto paths = sources();
  std::erase_if(paths, [](const auto& path) { return path.starts_with("tests/layering/"); });
  check_all(paths, credo::layering::check_tokens);
}

TEST_CASE("files are short and tidy") {
  auto paths = sources();
  const auto build =
      files({"cmake", "envs", "learners", "suite", "python", "tests"},
            {".cmake", "CMakeLists.txt", ".sh", ".def", ".in", ".toml", ".py", ".pyi"});
  paths.insert(paths.end(), build.begin(), build.end());
  check_all(paths, credo::layering::check_shape);
}

TEST_CASE("test names survive CTest and are unique") {
  check_all(files({"tests"}, {".cpp"}), credo::layering::check_test_names);
}

TEST_CASE("links between the pages lead somewhere") {
  auto paths = files({"envs", "learners", "suite", "python", "tests", "docs", "results"}, {".md"});
  for (const char* page : {"README.md", "CONTRIBUTING.md", "CHANGELOG.md"})
    paths.emplace_back(page);
  check_all(paths, [](const std::string& path, const std::string& text) {
    return credo::layering::check_page_links(kRoot.string(), path, text);
  });
}

TEST_CASE("pages named in comments exist") {
  check_all(files({"envs", "learners", "suite", "python"},
                  {".cpp", ".hpp", ".py", ".toml", "CMakeLists.txt"}),
            [](const std::string& path, const std::string& text) {
              return credo::layering::check_page_names(kRoot.string(), path, text);
            });
}

TEST_CASE("every wing says what it holds") {
  for (const std::string wing : {"envs", "learners", "suite", "python", "results", "tests"}) {
    CAPTURE(wing);
    CHECK(fs::is_regular_file(kRoot / wing / "README.md"));
  }
}
