// Errors. Two kinds, both exceptions, never a process exit:
//   UserError  bad input (command line, TOML, file, environment id): one line, exit code 2
//   Error      a broken contract or a failed run: a bug or a machine problem, exit code 1
#pragma once

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace credo {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class UserError : public Error {
 public:
  using Error::Error;
};

/// The candidate that `word` most likely means: the same but for case, the same last component
/// ("lr", "learner.lr": optimizer.lr), one it begins, or one a few edits away. "" when none is close.
std::string nearest_match(std::string_view word, std::span<const std::string> candidates);

/// One line naming what is wrong, the allowed values and the nearest matches (up to three), e.g.
///   unknown environment 'matrix/qtan'; did you mean 'matrix/qtran'? allowed: matrix/climbing, ...
/// Long lists of allowed values are cut after a dozen.
std::string unknown_name_message(std::string_view kind, std::string_view word,
                                 std::span<const std::string> allowed);

namespace detail {
[[noreturn]] void check_failed(const char* condition, const char* file, int line,
                               const std::string& message);
}  // namespace detail

}  // namespace credo

/// Checks a contract in every build; throws credo::Error with file and line.
#define CREDO_CHECK(condition, message)                                         \
  do {                                                                          \
    if (!(condition)) [[unlikely]]                                              \
      ::credo::detail::check_failed(#condition, __FILE__, __LINE__, (message)); \
  } while (false)
