#include "tests/layering/source_rules.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <regex>
#include <sstream>

namespace credo::layering {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  std::istringstream in{std::string(text)};
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

bool is_below(const std::string& path, std::string_view folder) { return path.starts_with(folder); }

/// The learners in double precision: no result comes from there, so bits may differ.
constexpr std::string_view kReference = "learners/reference/";

bool is_word(char c) { return (std::isalnum(static_cast<unsigned char>(c)) != 0) || c == '_'; }

std::string place(const std::string& path, std::size_t line, const std::string& what) {
  return path + ":" + std::to_string(line + 1) + ": " + what;
}

/// Position of `token` in `line` where it is not part of a longer word.
bool names(const std::string& line, std::string_view token) {
  for (std::size_t at = line.find(token); at != std::string::npos; at = line.find(token, at + 1)) {
    const std::size_t end = at + token.size();
    const bool starts = at == 0 || !is_word(token.front()) || !is_word(line[at - 1]);
    const bool ends = end == line.size() || !is_word(token.back()) || !is_word(line[end]);
    if (starts && ends) return true;
  }
  return false;
}

struct TokenRule {
  std::string_view token;
  std::string_view reason;
};

constexpr std::string_view kNoClock = "clocks belong to suite";
constexpr std::string_view kNoProcess = "libraries throw, they never end or inspect the process";
constexpr std::string_view kNoConsole = "libraries print nothing; suite does";
constexpr std::string_view kNoLibm = "libm's rounding differs between machines";
constexpr std::string_view kNoStdRandom = "all randomness comes from credo::Stream";

// Anywhere in the program, tests included.
constexpr auto kNowhere = std::to_array<TokenRule>({
    {"std::random_device", kNoStdRandom},
    {"std::mt19937", kNoStdRandom},
    {"std::mt19937_64", kNoStdRandom},
    {"std::minstd_rand", kNoStdRandom},
    {"std::default_random_engine", kNoStdRandom},
    {"std::uniform_int_distribution", kNoStdRandom},
    {"std::uniform_real_distribution", kNoStdRandom},
    {"std::normal_distribution", kNoStdRandom},
    {"std::bernoulli_distribution", kNoStdRandom},
    {"std::discrete_distribution", kNoStdRandom},
    {"std::shuffle", kNoStdRandom},
    {"std::rand", kNoStdRandom},
    {"rand()", kNoStdRandom},
    {"srand", kNoStdRandom},
    {"std::async", "threads come from oneTBB's one pool"},
});

constexpr auto kNotBelowSuite = std::to_array<TokenRule>({
    {"getenv", "environment variables belong to suite"},
    {"std::chrono", kNoClock},
    {"clock_gettime", kNoClock},
    {"gettimeofday", kNoClock},
    {"std::time", kNoClock},
    {"time(nullptr)", kNoClock},
    {"std::clock", kNoClock},
    {"__rdtsc", kNoClock},
    {"std::exit", kNoProcess},
    {"exit(", kNoProcess},
    {"std::abort", kNoProcess},
    {"abort()", kNoProcess},
    {"std::terminate", kNoProcess},
    {"std::cout", kNoConsole},
    {"std::cerr", kNoConsole},
    {"std::printf", kNoConsole},
    {"printf(", kNoConsole},
    {"fmt::print", kNoConsole},
    {"std::unordered_map", "iteration order differs between libraries"},
    {"std::unordered_set", "iteration order differs between libraries"},
    {"std::reduce", "the order of the sum is unspecified"},
    {"std::execution", "threads come from oneTBB's one pool"},
    {"std::thread", "threads come from oneTBB's one pool"},
    {"std::jthread", "threads come from oneTBB's one pool"},
    {"hardware_concurrency", "the number of threads belongs to suite"},
    {"std::exp", kNoLibm},
    {"std::expm1", kNoLibm},
    {"std::log", kNoLibm},
    {"std::log1p", kNoLibm},
    {"std::log2", kNoLibm},
    {"std::log10", kNoLibm},
    {"std::pow", kNoLibm},
    {"std::tanh", kNoLibm},
    {"std::sin", kNoLibm},
    {"std::cos", kNoLibm},
    {"std::tan", kNoLibm},
    {"std::atan2", kNoLibm},
    {"std::hypot", kNoLibm},
    {"std::cbrt", kNoLibm},
    {"expf(", kNoLibm},
    {"tanhf(", kNoLibm},
    {"logf(", kNoLibm},
    {"powf(", kNoLibm},
});

// Where a name above is used for a reason that does not touch the bits; each place is listed.
struct Exception {
  std::string_view path;
  std::string_view token;
};
constexpr std::array<Exception, 0> kExceptions = {};

bool is_excepted(const std::string& path, std::string_view token) {
  return std::any_of(kExceptions.begin(), kExceptions.end(), [&](const Exception& exception) {
    return exception.path == path && exception.token == token;
  });
}

/// The path inside #include "..." or <...>, with its quote as first character.
std::optional<std::string> included(const std::string& line) {
  static const std::regex pattern(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  std::smatch match;
  if (!std::regex_search(line, match, pattern)) return std::nullopt;
  return match[1].str() + match[2].str();
}

std::optional<std::string> include_error(const std::string& path, const std::string& include) {
  const bool is_project = include.front() == '"';
  const std::string target = include.substr(1);
  const auto in = [&](std::string_view folder) { return target.starts_with(folder); };
  const bool names_wing =
      in("envs/") || in("learners/") || in("suite/") || in("python/") || in("tests/");

  const bool is_neighbour = is_below(path, "tests/") && target.find('/') == std::string::npos;
  if (is_project && !names_wing && !is_neighbour) return "include by the path from the source root";
  if (!is_project && names_wing) return "include Credo's own headers with quotes";
  if (in("tests/") && !is_below(path, "tests/")) return "only tests include tests";
  if (in("python/") && !is_below(path, "python/")) return "nobody includes python";
  if (is_below(path, "envs/")) {
    if (in("learners/") || in("suite/")) return "envs knows neither learners nor suite";
    if (in("tbb/") || in("oneapi/") || target == "thread" || target == "execution")
      return "an environment is single-threaded";
    if (in("Eigen/")) return "Eigen's bits differ between machines";
  }
  if (is_below(path, "learners/")) {
    if (in("suite/")) return "learners does not know suite";
    if (in("envs/") && !in("envs/core/")) return "learners sees only envs/core, no environment";
    if (!is_below(path, kReference)) {
      if (in(kReference)) return "learners do not know the reference they are checked against";
      if (in("Eigen/")) return "Eigen's bits differ between machines";
    }
  }
  if (is_below(path, "envs/core/") && in("envs/") && !in("envs/core/") &&
      target != "envs/env_list.def")
    return "envs/core knows no environment";
  if (target == "iostream" && !is_below(path, "suite/") && !is_below(path, "tests/"))
    return "libraries print nothing; suite does";
  return std::nullopt;
}

}  // namespace

std::string code_only(std::string_view text) {
  enum class In { kCode, kLine, kBlock, kString, kChar, kRaw };
  std::string out(text);
  In state = In::kCode;
  std::string raw_end;
  const auto at = [&](std::size_t i) { return i < text.size() ? text[i] : '\0'; };
  bool is_include = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') {
      is_include = false;
      if (state == In::kLine) state = In::kCode;
      continue;
    }
    switch (state) {
      case In::kCode:
        if (c == '#') {
          const std::size_t word = text.find_first_not_of(" \t", i + 1);
          is_include = word != std::string_view::npos && text.substr(word).starts_with("include");
        }
        if (c == '/' && at(i + 1) == '/') {
          state = In::kLine;
          out[i] = ' ';
        } else if (c == '/' && at(i + 1) == '*') {
          state = In::kBlock;
          out[i] = ' ';
        } else if (c == '"' && !is_include) {
          const bool is_raw = i > 0 && text[i - 1] == 'R' && (i < 2 || !is_word(text[i - 2]));
          state = is_raw ? In::kRaw : In::kString;
          if (is_raw) {
            const std::size_t open = text.find('(', i);
            raw_end = ")" + std::string(text.substr(i + 1, open - i - 1)) + "\"";
          }
        } else if (c == '\'' && (i == 0 || !is_word(text[i - 1]))) {
          state = In::kChar;  // a quote inside a number (1'000) follows a digit
        }
        break;
      case In::kLine:
        out[i] = ' ';
        break;
      case In::kBlock:
        out[i] = ' ';
        if (c == '*' && at(i + 1) == '/') {
          out[++i] = ' ';
          state = In::kCode;
        }
        break;
      case In::kString:
      case In::kChar:
        if (c == (state == In::kString ? '"' : '\'')) {
          state = In::kCode;
          break;
        }
        out[i] = ' ';
        if (c == '\\' && at(i + 1) != '\n') out[++i] = ' ';
        break;
      case In::kRaw:
        if (text.substr(i).starts_with(raw_end)) {
          i += raw_end.size() - 1;
          state = In::kCode;
        } else {
          out[i] = ' ';
        }
        break;
    }
  }
  return out;
}

Findings check_includes(const std::string& path, std::string_view text) {
  Findings findings;
  const auto lines = lines_of(code_only(text));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto include = included(lines[i]);
    if (!include) continue;
    if (const auto error = include_error(path, *include))
      findings.push_back(place(path, i, include->substr(1) + ": " + *error));
  }
  return findings;
}

Findings check_tokens(const std::string& path, std::string_view text) {
  Findings findings;
  const bool below_suite = is_below(path, "envs/") || is_below(path, "learners/");
  const auto lines = lines_of(code_only(text));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto check = [&](const auto& rules) {
      for (const TokenRule& rule : rules)
        if (names(lines[i], rule.token) && !is_excepted(path, rule.token) &&
            !(rule.reason == kNoLibm && is_below(path, kReference)))
          findings.push_back(
              place(path, i, std::string(rule.token) + ": " + std::string(rule.reason)));
    };
    check(kNowhere);
    if (below_suite) check(kNotBelowSuite);
    if (path.ends_with(".hpp") && names(lines[i], "using namespace"))
      findings.push_back(place(path, i, "using namespace in a header"));
  }
  return findings;
}

Findings check_shape(const std::string& path, std::string_view text) {
  constexpr std::size_t kMaxLines = 600;
  Findings findings;
  const auto lines = lines_of(text);
  if (lines.size() > kMaxLines)
    findings.push_back(path + ": " + std::to_string(lines.size()) + " lines; at most 600");
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!lines[i].empty() && (lines[i].back() == ' ' || lines[i].back() == '\t'))
      findings.push_back(place(path, i, "blank at the end of the line"));
    if (path.ends_with("pp") && lines[i].find('\t') != std::string::npos)
      findings.push_back(place(path, i, "tab"));
  }
  if (!text.empty() && text.back() != '\n') findings.push_back(path + ": no newline at the end");
  if (path.ends_with(".hpp") && code_only(text).find("#pragma once") == std::string::npos)
    findings.push_back(path + ": no #pragma once");
  return findings;
}

Findings check_test_names(const std::string& path, std::string_view text) {
  static const std::regex pattern(
      R"rx((?:TEST_CASE|TEST_CASE_TEMPLATE|TEST_CASE_FIXTURE|SCENARIO)\s*\(\s*(?:\w+\s*,\s*)?"((?:[^"\\]|\\.)*)")rx");
  Findings findings;
  std::set<std::string> seen;
  const std::string whole(text);
  for (std::sregex_iterator it(whole.begin(), whole.end(), pattern), end; it != end; ++it) {
    const std::string name = (*it)[1].str();
    const auto line =
        static_cast<std::size_t>(std::count(whole.begin(), whole.begin() + it->position(), '\n'));
    if (name.find(';') != std::string::npos)
      findings.push_back(place(path, line, "';' in the test name '" + name + "'"));
    if (name.empty()) findings.push_back(place(path, line, "test without a name"));
    if (!seen.insert(name).second)
      findings.push_back(place(path, line, "second test named '" + name + "'"));
  }
  return findings;
}

Findings check_links(const std::string& path, std::string_view text) {
  Findings findings;
  std::vector<std::string_view> banned;
  if (is_below(path, "envs/"))
    banned = {"credo_learners", "credo::learners", "credo_suite", "credo::suite",
              "credo_python",   "TBB::",           "Eigen3::"};
  if (is_below(path, "learners/"))
    banned = {"credo_suite", "credo::suite", "credo_python", "Boost::", "tomlplusplus::"};
  if (is_below(path, "learners/") && !is_below(path, kReference)) banned.push_back("Eigen3::");
  if (is_below(path, "suite/")) banned = {"doctest::", "credo_python"};
  if (is_below(path, "python/")) banned = {"doctest::"};
  const auto lines = lines_of(text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string code = lines[i].substr(0, lines[i].find('#'));
    for (const std::string_view target : banned)
      if (code.find(target) != std::string::npos)
        findings.push_back(place(path, i, std::string(target) + " is not for this wing"));
  }
  return findings;
}

Findings check_page_links(const std::string& root, const std::string& path, std::string_view text) {
  static const std::regex pattern(R"(\]\(([^)\s#]+)(?:#[^)]*)?\))");
  Findings findings;
  const auto lines = lines_of(text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    for (std::sregex_iterator it(lines[i].begin(), lines[i].end(), pattern), end; it != end; ++it) {
      const std::string target = (*it)[1].str();
      if (target.find("://") != std::string::npos || target.starts_with("mailto:")) continue;
      if (!fs::exists(fs::path(root) / fs::path(path).parent_path() / target))
        findings.push_back(place(path, i, "link to '" + target + "', which does not exist"));
    }
  }
  return findings;
}

Findings check_page_names(const std::string& root, const std::string& path, std::string_view text) {
  static const std::regex pattern(R"([\w./-]+\.md\b)");
  constexpr std::string_view kWrittenBySuite = "tables.md";
  Findings findings;
  const auto lines = lines_of(text);
  for (std::size_t i = 0; i < lines.size(); ++i)
    for (std::sregex_iterator it(lines[i].begin(), lines[i].end(), pattern), end; it != end; ++it)
      if (it->str() != kWrittenBySuite && !fs::exists(fs::path(root) / it->str()))
        findings.push_back(place(path, i, "names '" + it->str() + "', which does not exist"));
  return findings;
}

}  // namespace credo::layering
