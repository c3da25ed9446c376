#include "learners/rollout/fixed_policy.hpp"

#include <algorithm>

#include "learners/base/index.hpp"

namespace credo {
namespace {

// The script's name in a policy's name; nullopt for other policies.
std::optional<std::string> script_name(const std::string& policy) {
  if (policy == "scripted") return "default";
  if (policy.starts_with("scripted:")) return policy.substr(9);
  return std::nullopt;
}

}  // namespace

int random_action(std::span<const std::uint8_t> avail, Stream& stream) {
  const auto available = static_cast<std::uint32_t>(std::count(avail.begin(), avail.end(), 1));
  std::uint32_t skip = stream.below(available);
  for (std::size_t a = 0;; ++a)
    if (avail[a] != 0 && skip-- == 0) return static_cast<int>(a);
}

int noop_action(std::span<const std::uint8_t> avail, std::optional<int> idle) {
  if (idle.has_value() && avail[sz(*idle)] != 0) return *idle;
  return static_cast<int>(std::find(avail.begin(), avail.end(), 1) - avail.begin());
}

std::vector<std::string> fixed_policies(const EnvSpec& spec) {
  std::vector<std::string> names = {"random", "noop"};
  for (const ScriptedInfo& s : spec.scripted)
    names.push_back(s.name == "default" ? "scripted" : "scripted:" + s.name);
  names.emplace_back("open_loop");
  return names;
}

void check_fixed_policy(const EnvSpec& spec, const std::string& name) {
  if (script_name(name).has_value() && spec.scripted.empty())
    throw UserError("environment '" + spec.id + "' has no scripted policy");
  const auto names = fixed_policies(spec);
  if (std::find(names.begin(), names.end(), name) == names.end())
    throw UserError(unknown_name_message("policy of " + spec.id, name, names));
}

void set_script_params(const EnvSpec& spec, const std::string& policy, Params& params) {
  const auto name = script_name(policy);
  for (const ScriptedInfo& info : spec.scripted)
    if (name == info.name)
      for (const auto& [key, value] : info.params) params.set(key, value);
}

FixedPolicy make_fixed_policy(const Env& prototype, const std::string& name, std::uint64_t seed,
                              const OpenLoopOptions& open_loop) {
  check_fixed_policy(prototype.spec(), name);
  FixedPolicy policy{.name = name, .search = nullptr};
  if (name == "open_loop")
    policy.search =
        std::make_shared<const OpenLoopSearch>(search_open_loop(prototype, seed, open_loop));
  return policy;
}

FixedPlayer::FixedPlayer(const Env& env, const FixedPolicy& policy) : search_(policy.search) {
  if (policy.name == "random") {
    kind_ = Kind::kRandom;
  } else if (policy.name == "noop") {
    kind_ = Kind::kNoop;
  } else if (policy.name == "open_loop") {
    CREDO_CHECK(search_ != nullptr && !search_->stopped, "open_loop needs a finished search");
    kind_ = Kind::kOpenLoop;
  } else {
    scripted_ = env.make_scripted(script_name(policy.name).value_or(policy.name));
  }
}

FixedPlayer::FixedPlayer(const Env& env, const FixedPolicy& policy, const FixedPlayer& other)
    : kind_(other.kind_), search_(other.search_) {
  if (other.scripted_ == nullptr) return;
  scripted_ = other.scripted_->clone();
  if (scripted_ == nullptr)
    scripted_ = env.make_scripted(script_name(policy.name).value_or(policy.name));
}

void FixedPlayer::reset() {
  if (scripted_ != nullptr) scripted_->reset();
}

void FixedPlayer::act(const Env& env, Stream& stream, std::span<int> actions) {
  if (kind_ == Kind::kScripted) {
    scripted_->act(env, stream, actions);
    return;
  }
  if (kind_ == Kind::kOpenLoop) {
    search_->plan.act(env.t(), env.avail_actions(), actions);
    return;
  }
  const EnvSpec& spec = env.spec();
  const auto avail = env.avail_actions();
  for (int i = 0; i < spec.n_agents; ++i) {
    const auto mine = avail.subspan(sz(i) * sz(spec.n_actions), sz(spec.n_actions));
    actions[sz(i)] =
        kind_ == Kind::kRandom ? random_action(mine, stream) : noop_action(mine, spec.noop_action);
  }
}

}  // namespace credo
