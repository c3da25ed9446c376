#include <algorithm>
#include <fmt/format.h>

#include "envs/core/error.hpp"
#include "envs/core/registry.hpp"
#include "learners/evaluation.hpp"
#include "suite/cli/cli.hpp"

namespace credo::suite {
namespace {

// Plays one episode of a fixed policy in the open, so that every step can be shown.
class Player {
 public:
  Player(const Env& env, const std::string& policy, std::uint64_t seed)
      : n_agents_(static_cast<std::size_t>(env.spec().n_agents)),
        n_actions_(static_cast<std::size_t>(env.spec().n_actions)),
        policy_(policy),
        stream_(seed, purpose("playthrough policy")) {
    const std::string kScripted = "scripted";
    if (policy.starts_with(kScripted))
      scripted_ = env.make_scripted(
          policy.size() > kScripted.size() ? policy.substr(kScripted.size() + 1) : "default");
    if (scripted_) scripted_->reset();
  }

  void act(const Env& env, std::span<int> actions) {
    stream_.seek(static_cast<std::uint64_t>(env.t()));
    if (scripted_) {
      scripted_->act(env, stream_, actions);
      return;
    }
    for (std::size_t agent = 0; agent < n_agents_; ++agent) {
      const auto avail = env.avail_actions().subspan(agent * n_actions_, n_actions_);
      std::vector<int> choices;
      for (std::size_t action = 0; action < n_actions_; ++action)
        if (avail[action] != 0) choices.push_back(static_cast<int>(action));
      const auto noop = env.spec().noop_action;
      if (policy_ == "random") {
        actions[agent] = choices[stream_.below(static_cast<std::uint32_t>(choices.size()))];
      } else {
        actions[agent] =
            noop && avail[static_cast<std::size_t>(*noop)] != 0 ? *noop : choices.front();
      }
    }
  }

 private:
  std::size_t n_agents_;
  std::size_t n_actions_;
  std::string policy_;
  Stream stream_;
  std::unique_ptr<ScriptedPolicy> scripted_;
};

int run_playthrough(const Arguments& arguments) {
  const std::string& id = arguments.single("ENV");
  const auto env = make_env(id, env_params_with_sets(id, arguments.list("set")));
  const EnvSpec& spec = env->spec();
  const std::string policy = arguments.text("policy").value_or("random");
  const auto policies = fixed_policies(spec);
  if (std::find(policies.begin(), policies.end(), policy) == policies.end())
    throw UserError("--policy: " + unknown_name_message("policy", policy, policies));
  const std::uint64_t seed = arguments.seed().value_or(0);

  Player player(*env, policy, seed);
  env->reset(Stream(seed, purpose("playthrough")));
  std::string text =
      fmt::format("{} policy {} seed {}\n\nt = 0\n{}\n", id, policy, seed, env->render_text());
  std::vector<int> actions(static_cast<std::size_t>(spec.n_agents));
  double total = 0.0;
  while (!env->done()) {
    player.act(*env, actions);
    const StepResult result = env->step(actions);
    total += result.reward;
    text += "actions";
    for (const int action : actions)
      text += fmt::format(" {}", spec.action_names.at(static_cast<std::size_t>(action)));
    text += fmt::format("  reward {}{}\n\nt = {}\n{}\n", result.reward,
                        result.terminated  ? "  terminated"
                        : result.truncated ? "  truncated"
                                           : "",
                        env->t(), env->render_text());
  }
  text += fmt::format("return {} after {} steps\n", total, env->t());
  if (const auto won = env->won()) text += *won ? "won\n" : "lost\n";
  for (const auto& [name, value] : env->info()) text += fmt::format("{} {}\n", name, value);
  print_out(text);
  return kExitOk;
}

}  // namespace

Command playthrough_command() {
  Command command;
  command.name = "playthrough";
  command.arguments = "ENV [--policy random|noop|scripted] [--seed S]";
  command.help = "play one episode and print every step as text";
  command.details = "example:\n  credo playthrough switch/2 --policy scripted --seed 1\n";
  command.options = {{"policy", "NAME", "random (default), noop, scripted or scripted:NAME", false},
                     {"seed", "S", "random seed (default 0)", false},
                     {"set", "env.KEY=VALUE", "one parameter; repeat for more", true}};
  command.most_positional = 1;
  command.run = run_playthrough;
  command.needs_arena = false;
  return command;
}

}  // namespace credo::suite
