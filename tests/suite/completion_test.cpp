// What TAB offers, the help texts and the manual page: all made of the option tables.
#include "suite/cli/completion.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "learners/hyperparameters.hpp"
#include "suite/cli/cli.hpp"
#include "suite/cli/help.hpp"
#include "tests/suite/support.hpp"

using namespace credo::suite;
using credo::suite::testing::contains;

namespace {

std::vector<std::string> offered(const std::vector<std::string>& words) {
  std::vector<std::string> found;
  for (const Completion::Candidate& candidate : complete(words).candidates)
    found.push_back(candidate.word);
  return found;
}

bool offers(const std::vector<std::string>& words, const std::string& word) {
  const auto found = offered(words);
  return std::find(found.begin(), found.end(), word) != found.end();
}

using Words = std::vector<std::string>;
using Paths = Completion::Paths;

}  // namespace

TEST_CASE("commands and options are completed") {
  CHECK(offered({"re"}) == Words{"resume", "report", "replay"});
  CHECK(offered({"help", "resu"}) == Words{"resume"});
  CHECK(offered({"run", "--pro"}) == Words{"--profile", "--progress"});
  CHECK(offered({"run", "--seed", "3", "--see"}).empty());
  CHECK(offered({"run", "--set", "a=b", "--se"}) == Words{"--seed", "--set"});
  CHECK(offers({"suite", "quick", "--"}, "--max-parallel"));
  CHECK(offered({"nonsense", ""}).empty());
  CHECK(offered({}).empty());
}

TEST_CASE("values are completed by what the placeholder stands for") {
  CHECK(offered({"run", "--env", "two"}) == Words{"two_step"});
  CHECK(offered({"run", "--env=two"}) == Words{"--env=two_step"});
  CHECK(offered({"run", "--alg", "qmix"}) ==
        Words{"qmix", "qmix_simple", "qmix_gre", "qmix_gre_exact"});
  CHECK(offered({"describe", "switch/4-full-"}) == Words{"switch/4-full-clock"});
  CHECK(offered({"list", "alg"}) == Words{"algs"});
  CHECK(offered({"report", "--format", "m"}) == Words{"md", "marl-eval"});
  CHECK(offered({"run", "--isa", "sc"}) == Words{"scalar"});
  CHECK(offered({"suite", "qu"}) == Words{"quick"});
  CHECK(offered({"eval", "--env", "skirmish/3m", "--policy", "scripted:k"}) ==
        Words{"scripted:kite"});
  CHECK(offered({"run", "--set", "optimizer.l"}) == Words{"optimizer.lr="});
  CHECK(offered({"run", "--set", "optimizer.type="}) ==
        Words{"optimizer.type=rmsprop", "optimizer.type=adam"});
  CHECK(offered({"run", "--set=learner.double_q=f"}) == Words{"--set=learner.double_q=false"});
  CHECK(offered({"run", "--env", "switch/2", "--set", "env.lim"}) ==
        Words{"env.limit=", "env.limit_is_terminal="});
  CHECK(offered({"describe", "switch/2", "--set", "env.limit_is_terminal=t"}) ==
        Words{"env.limit_is_terminal=true"});
  CHECK(complete({"resume", ""}).paths == Paths::kFolders);
  CHECK(complete({"resume", "a", ""}).paths == Paths::kNone);
  CHECK(complete({"report", "a", "b", ""}).paths == Paths::kFolders);
  CHECK(complete({"eval", "--weights", ""}).paths == Paths::kFiles);
  CHECK(complete({"replay", ""}).paths == Paths::kFiles);
}

TEST_CASE("every option's value is one that completion knows, a choice, or free") {
  const Words free = {"N", "S",      "LIST",      "GLOB",   "I/N",     "P",
                      "A", "Q",      "SIZE",      "LIMIT",  "OPTION",  "N/K",
                      "X", "step_N", "N|PATTERN", "ACTION", "LOW:HIGH"};
  for (const Command& command : commands()) {
    for (const Option& option : all_options(command)) {
      if (option.value.empty() || !choices_of(option.value).empty()) continue;
      const Completion completion =
          complete({command.name, "--env", "switch/2", "--" + option.name, ""});
      const bool is_free = std::find(free.begin(), free.end(), option.value) != free.end();
      CHECK_MESSAGE((is_free || !completion.candidates.empty() || completion.paths != Paths::kNone),
                    command.name << " --" << option.name << " " << option.value);
    }
  }
}

TEST_CASE("help names every option and example, and fits a terminal") {
  for (const Command& command : commands()) {
    const std::string help = help_of(command);
    for (const Option& option : all_options(command))
      CHECK_MESSAGE(contains(help, "--" + option.name), command.name << " " << option.name);
    std::size_t begin = 0;
    while (begin < help.size()) {
      const std::size_t end = std::min(help.find('\n', begin), help.size());
      const std::string line = help.substr(begin, end - begin);
      const bool is_whole = line.starts_with("  credo ") || line.starts_with("usage:");
      CHECK_MESSAGE((is_whole || line.size() <= 80), line);
      begin = end + 1;
    }
    for (const std::string& example : command.examples) CHECK(contains(help, example));
  }
}

TEST_CASE("the manual page has every command, option and setting, and no bare control line") {
  const std::string page = manual_page();
  for (const Command& command : commands()) {
    std::string name;  // roff writes a hyphen as an escape
    for (const char c : command.name) {
      if (c == '-') name.push_back('\\');
      name.push_back(c);
    }
    CHECK_MESSAGE(contains(page, fmt::format(".SS credo {}\n", name)), command.name);
  }
  for (const char* text :
       {"\\-\\-max\\-parallel", "learner.gamma", "run.tensorboard", ".SH EXIT STATUS"})
    CHECK_MESSAGE(contains(page, text), text);
  for (const credo::ParamSpec& spec : credo::train_params())
    CHECK_MESSAGE(contains(page, ".B " + spec.name + "\n"), spec.name);
}
