// Short episodes written down as text. A change of rules shows up as a difference from the files in
// tests/golden/playthroughs; CREDO_UPDATE_PLAYTHROUGHS=1 writes them anew.
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <sstream>

#include "support.hpp"

using namespace conformance;

namespace {

constexpr int kSteps = 12;
constexpr std::uint64_t kHashedEpisodes = 20;
constexpr std::size_t kLongest = 150;  // numbers; longer vectors are written as a hash

std::string numbers(std::span<const float> values) {
  std::size_t n_nonzero = 0;
  Hash hash;
  for (const float value : values) {
    n_nonzero += value != 0.0F ? 1 : 0;
    hash.add(value);
  }
  if (values.size() > kLongest)
    return fmt::format("{} numbers, {} not zero, hash {:016x}", values.size(), n_nonzero,
                       hash.value());
  std::string text;
  for (std::size_t i = 0; i < values.size();) {
    std::size_t end = i;
    while (end < values.size() && values[end] == values[i]) ++end;
    const std::size_t run = end - i;
    if (!text.empty()) text += ' ';
    text += run > 2 ? fmt::format("{}*{}", values[i], run) : fmt::format("{}", values[i]);
    i = run > 2 ? end : i + 1;
  }
  return text;
}

void write_situation(Walker& walker, std::string& text) {
  const credo::EnvSpec& spec = walker.env().spec();
  walker.read();
  text += walker.env().render_text();
  const auto dim = static_cast<std::size_t>(spec.obs_dim);
  const auto width = static_cast<std::size_t>(spec.n_actions);
  for (std::size_t agent = 0; agent < walker.actions.size(); ++agent) {
    text += fmt::format("obs {}: {}\n", agent,
                        numbers(std::span<const float>(walker.obs).subspan(agent * dim, dim)));
    text += fmt::format("avail {}: ", agent);
    for (std::size_t a = 0; a < width; ++a)
      text += walker.avail[agent * width + a] != 0 ? '1' : '0';
    text += '\n';
  }
  text += fmt::format("state: {}\n", numbers(walker.state));
}

std::string playthrough(const std::string& id) {
  Walker walker(credo::make_env(id), 2026);
  const credo::EnvSpec& spec = walker.env().spec();
  std::string text = fmt::format("{}: {}\n", id, spec.help);
  text += fmt::format("agents {}, actions {}, obs {}, state {}, limit {} ({})\n", spec.n_agents,
                      spec.n_actions, spec.obs_dim, spec.state_dim, spec.episode_limit,
                      spec.limit_is_terminal ? "terminal" : "truncates");
  text += fmt::format("step reward in [{}, {}]", spec.reward_low, spec.reward_high);
  if (spec.return_bound) text += fmt::format(", return at most {}", *spec.return_bound);
  text += spec.is_stochastic ? ", stochastic\n" : ", deterministic\n";
  for (const credo::ParamSpec& param : spec.params)
    text += fmt::format("env.{} = {}\n", param.name, credo::to_text(param.value));
  bool starts = true;
  for (int step = 0; step < kSteps; ++step) {
    if (starts) {
      text += fmt::format("\n=== episode {}\n", walker.episode());
      walker.reset();
      write_situation(walker, text);
    }
    const Walker::Seen seen = walker.advance();
    text += "\nactions:";
    for (const int action : walker.actions)
      text += ' ' + spec.action_names[static_cast<std::size_t>(action)];
    text += fmt::format("\nreward {}{}{}\n", seen.result.reward,
                        seen.result.terminated ? " terminated" : "",
                        seen.result.truncated ? " truncated" : "");
    write_situation(walker, text);
    starts = seen.ended;
  }
  // Rules that rarely matter show up in longer play only.
  Walker longer(credo::make_env(id), 2027);
  longer.advance_episodes(kHashedEpisodes);
  Hash hash;
  hash.add_all(longer.log);
  text += fmt::format("\n{} episodes, {} steps, hash {:016x}\n", kHashedEpisodes, longer.log.size(),
                      hash.value());
  return text;
}

std::filesystem::path golden_path(std::string id) {
  std::replace(id.begin(), id.end(), '/', '_');
  return std::filesystem::path(CREDO_SOURCE_DIR) / "tests/golden/playthroughs" / (id + ".txt");
}

std::string first_difference(const std::string& now, const std::string& golden) {
  std::istringstream a(now);
  std::istringstream b(golden);
  std::string line_a;
  std::string line_b;
  for (int line = 1;; ++line) {
    const bool has_a = static_cast<bool>(std::getline(a, line_a));
    const bool has_b = static_cast<bool>(std::getline(b, line_b));
    if (!has_a && !has_b) return "";
    if (has_a != has_b || line_a != line_b)
      return fmt::format("line {}: '{}' was '{}'", line, has_a ? line_a : "(end)",
                         has_b ? line_b : "(end)");
  }
}

}  // namespace

TEST_CASE("conformance: playthroughs equal the recorded ones") {
  const bool is_update = std::getenv("CREDO_UPDATE_PLAYTHROUGHS") != nullptr;
  for (const std::string& id : env_ids()) {
    CAPTURE(id);
    const std::string now = playthrough(id);
    CHECK(playthrough(id) == now);
    const auto path = golden_path(id);
    if (is_update) {
      std::filesystem::create_directories(path.parent_path());
      std::ofstream(path, std::ios::binary) << now;
    }
    std::ifstream file(path, std::ios::binary);
    if (!file) {
      MESSAGE("no recorded playthrough yet; CREDO_UPDATE_PLAYTHROUGHS=1 writes it: " << id);
      continue;
    }
    std::ostringstream golden;
    golden << file.rdbuf();
    CHECK(first_difference(now, golden.str()) == "");
  }
}

TEST_CASE("conformance: the text render is there, repeats, and changes nothing") {
  for (const std::string& id : env_ids()) {
    CAPTURE(id);
    Walker walker(credo::make_env(id), 22);
    for (int step = 0; step < 30; ++step) {
      walker.advance();
      const auto before = saved(walker.env());
      const std::string text = walker.env().render_text();
      REQUIRE_FALSE(text.empty());
      REQUIRE(text.back() == '\n');
      REQUIRE(walker.env().render_text() == text);
      REQUIRE(saved(walker.env()) == before);
    }
  }
}
