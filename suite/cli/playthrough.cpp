#include <fmt/format.h>

#include "envs/core/error.hpp"
#include "learners/rollout/fixed_policy.hpp"
#include "suite/cli/cli.hpp"
#include "suite/replay/episode_text.hpp"

namespace credo::suite {
namespace {

int run_playthrough(const Arguments& arguments) {
  const std::string& id = arguments.single("ENV");
  const std::string policy = arguments.text("policy").value_or("random");
  const auto env = make_policy_env(id, policy, arguments.list("set"));
  const EnvSpec& spec = env->spec();
  const std::uint64_t seed = arguments.seed().value_or(0);

  FixedPlayer player(*env, make_fixed_policy(*env, policy, seed));
  player.reset();
  Stream stream(seed, purpose("playthrough policy"));
  env->reset(Stream(seed, purpose("playthrough")));
  std::string text =
      fmt::format("{} policy {} seed {}\n{}", id, policy, seed, step_text(*env, {}, {}));
  std::vector<int> actions(static_cast<std::size_t>(spec.n_agents));
  double total = 0.0;
  while (!env->done()) {
    stream.seek(static_cast<std::uint64_t>(env->t()));
    player.act(*env, stream, actions);
    const StepResult result = env->step(actions);
    total += result.reward;
    text += step_text(*env, actions, result);
  }
  text += result_text(total, env->t(), outcome_name(*env)) + "\n";
  for (const auto& [name, value] : env->info()) text += fmt::format("{} {}\n", name, value);
  print_out(text);
  return kExitOk;
}

}  // namespace

Command playthrough_command() {
  Command command;
  command.name = "playthrough";
  command.arguments = "ENV [--policy POLICY] [--seed S]";
  command.help = "play one episode and print every step as text";
  command.examples = {"credo playthrough switch/2 --policy scripted --seed 1"};
  command.positional = {"ENV"};
  command.options = {
      {"policy", "POLICY", "random (default), noop, scripted, scripted:NAME or open_loop"},
      {"seed", "S", "random seed (default 0)"},
      {"set", "env.KEY=VALUE", "one parameter; repeat for more", true}};
  command.run = run_playthrough;
  return command;
}

}  // namespace credo::suite
