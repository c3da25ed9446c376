#include "suite/replay/episode_text.hpp"

#include <fmt/format.h>

namespace credo::suite {

std::string shown_number(double value) { return fmt::format("{:.8g}", value); }

std::vector<int> actions_done(const Env& env, std::span<const int> given) {
  std::vector<int> done = env.own_actions();
  if (done.empty()) done.assign(given.begin(), given.end());
  return done;
}

std::string step_text(const Env& env, std::span<const int> given, const StepResult& result) {
  std::string text;
  if (!given.empty()) {
    text += "actions";
    for (const int action : actions_done(env, given))
      text += " " + env.spec().action_names.at(static_cast<std::size_t>(action));
    text += fmt::format("  reward {}{}\n", shown_number(result.reward),
                        result.terminated  ? "  terminated"
                        : result.truncated ? "  truncated"
                                           : "");
  }
  return fmt::format("{}\nt = {}\n{}\n", text, env.t(), env.render_text());
}

std::string result_text(double episode_return, int length, std::string_view outcome) {
  return fmt::format("return {} after {} steps{}{}", shown_number(episode_return), length,
                     outcome.empty() ? "" : ", ", outcome);
}

}  // namespace credo::suite
