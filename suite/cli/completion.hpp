// Completion of command lines. The shells' scripts (suite/cli/completion/) ask the program itself,
// `credo complete -- WORDS`, so that they know every environment, algorithm and setting.
#pragma once

#include <string>
#include <vector>

namespace credo::suite {

struct Completion {
  struct Candidate {
    std::string word;
    std::string help;
  };
  enum class Paths { kNone, kFiles, kFolders };
  std::vector<Candidate> candidates;
  Paths paths = Paths::kNone;  ///< also offer files, or folders, of the file system
};

/// What may replace the last of `words`, which follow the program's name; "" where nothing is typed
/// yet. Never throws: nothing is offered for a line that makes no sense.
Completion complete(const std::vector<std::string>& words);

/// One candidate a line, "WORD<tab>HELP"; a last line ":files" or ":folders" asks for paths.
std::string completion_text(const Completion& completion);

}  // namespace credo::suite
