// Runs another program and reads what it prints.
#pragma once

#include <string>
#include <vector>

namespace credo::suite {

struct CommandOutput {
  bool was_found = true;  ///< false: no such program on PATH
  int code = 0;           ///< exit code; 128 + signal when one ended it
  std::string out, err;
};

/// `words` are the program (searched on PATH) and its arguments; no shell is involved. Standard
/// input is empty. Errors: Error when the system cannot start any process.
CommandOutput run_command_words(const std::vector<std::string>& words);

/// As one would type it in a shell.
std::string shell_quoted(const std::string& word);
std::string shell_line(const std::vector<std::string>& words);

}  // namespace credo::suite
