#include "envs/core/env.hpp"

#include <algorithm>
#include <cstddef>
#include <fmt/format.h>

namespace credo {
namespace {

constexpr std::uint64_t fnv1a(std::span<const std::byte> bytes) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const std::byte b : bytes) {
    hash ^= std::to_integer<std::uint64_t>(b);
    hash *= 0x100000001b3ULL;
  }
  return hash;
}

// Identifies the parameters a saved state belongs to.
std::string params_text(const EnvSpec& spec) {
  std::string text;
  for (const ParamSpec& param : spec.params) text += param.name + '=' + to_text(param.value) + ' ';
  return text;
}

std::size_t size_product(int a, int b) {
  return static_cast<std::size_t>(a) * static_cast<std::size_t>(b);
}

}  // namespace

Env::Env(EnvSpec spec) {
  CREDO_CHECK(spec.unit_dim >= 0 && spec.unit_dim * spec.n_agents <= spec.state_dim,
              spec.id + ": unit_dim does not fit into the state");
  CREDO_CHECK(spec.n_agents > 0 && spec.n_actions > 0 && spec.obs_dim > 0 && spec.state_dim > 0,
              "environment '" + spec.id + "' has an empty dimension");
  CREDO_CHECK(spec.episode_limit > 0, "environment '" + spec.id + "' has no episode limit");
  if (!spec.idle_action) spec.idle_action = spec.noop_action;
  avail_.assign(size_product(spec.n_agents, spec.n_actions), 1);
  spec_ = std::make_shared<const EnvSpec>(std::move(spec));
}

void Env::reset(const Stream& stream) {
  stream_ = stream;
  stream_.seek(0);
  t_ = 0;
  done_ = false;
  timed_out_ = false;
  do_reset(stream_);
  refresh_avail();
}

void Env::branch(const Stream& stream) {
  CREDO_CHECK(!done_, "branch after the end of an episode of '" + spec_->id + "'");
  stream_ = stream;
  stream_.seek(0);
  do_branch(stream_);
}

StepResult Env::step(std::span<const int> actions) {
  CREDO_CHECK(!done_, "step after the end of an episode of '" + spec_->id + "': reset first");
  check_actions(actions);
  stream_.seek(static_cast<std::uint64_t>(t_) + 1);
  const Outcome outcome = do_step(actions, stream_);
  ++t_;
  StepResult result{.reward = outcome.reward, .terminated = outcome.terminated, .truncated = false};
  // A natural end on the very last step is an end, not a cut.
  timed_out_ = !result.terminated && t_ >= spec_->episode_limit;
  if (timed_out_) {
    result.terminated = spec_->limit_is_terminal;
    result.truncated = !spec_->limit_is_terminal;
  }
  done_ = result.terminated || result.truncated;
  refresh_avail();
  return result;
}

StepResult Env::step_watched(std::span<const int> actions, const SceneWatcher& watcher) {
  struct Watch {
    explicit Watch(const SceneWatcher*& s) : slot(s) {}
    ~Watch() { slot = nullptr; }
    const SceneWatcher*& slot;
  } watch(watcher_);
  watcher_ = &watcher;
  const StepResult result = step(actions);
  show();
  return result;
}

void Env::write_obs(std::span<float> out) const {
  CREDO_CHECK(out.size() == size_product(spec_->n_agents, spec_->obs_dim),
              fmt::format("write_obs of '{}' needs n_agents * obs_dim = {} * {} floats, got {}",
                          spec_->id, spec_->n_agents, spec_->obs_dim, out.size()));
  do_write_obs(out);
}

void Env::write_state(std::span<float> out) const {
  CREDO_CHECK(out.size() == static_cast<std::size_t>(spec_->state_dim),
              fmt::format("write_state of '{}' needs state_dim = {} floats, got {}", spec_->id,
                          spec_->state_dim, out.size()));
  do_write_state(out);
}

void Env::write_avail_actions(std::span<std::uint8_t> out) const {
  CREDO_CHECK(
      out.size() == avail_.size(),
      fmt::format("write_avail_actions of '{}' needs n_agents * n_actions = {} * {} bytes, got {}",
                  spec_->id, spec_->n_agents, spec_->n_actions, out.size()));
  std::copy(avail_.begin(), avail_.end(), out.begin());
}

void Env::refresh_avail() {
  std::fill(avail_.begin(), avail_.end(), std::uint8_t{1});
  do_write_avail_actions(avail_);
}

void Env::check_actions(std::span<const int> actions) const {
  const auto n_agents = static_cast<std::size_t>(spec_->n_agents);
  const auto n_actions = static_cast<std::size_t>(spec_->n_actions);
  CREDO_CHECK(actions.size() == n_agents,
              fmt::format("'{}' needs {} actions, one per agent, got {}", spec_->id, n_agents,
                          actions.size()));
  const std::uint8_t* row = avail_.data();
  for (std::size_t agent = 0; agent < n_agents; ++agent, row += n_actions) {
    // One comparison covers negative actions too.
    const auto action = static_cast<std::size_t>(actions[agent]);
    CREDO_CHECK(action < n_actions, fmt::format("action {} of agent {} is not in [0, {}) of '{}'",
                                                actions[agent], agent, n_actions, spec_->id));
    CREDO_CHECK(row[action] != 0,
                fmt::format("action {} ({}) is not available to agent {} of '{}'", actions[agent],
                            spec_->action_names[action], agent, spec_->id));
  }
}

void Env::save(ByteWriter& out) const {
  ByteWriter body;
  body.put<std::int32_t>(t_);
  body.put<std::uint8_t>(timed_out_ ? 2 : done_ ? 1 : 0);
  body.put(stream_.seed());
  body.put(stream_.stream_purpose());
  body.put(stream_.index());
  body.put(stream_.episode());
  do_save(body);
  out.put_tag("env");
  out.put_string(spec_->id);
  out.put_string(params_text(*spec_));
  // The checksum turns any damage into an error instead of a strange but legal state.
  out.put(fnv1a(body.bytes()));
  out.put_vector(body.bytes());
}

void Env::load(ByteReader& in) {
  in.expect_tag("env");
  const std::string id = in.get_string();
  CREDO_CHECK(id == spec_->id,
              fmt::format("saved state is of '{}', this environment is '{}'", id, spec_->id));
  const std::string params = in.get_string();
  CREDO_CHECK(params == params_text(*spec_),
              fmt::format("saved state of '{}' has other parameters: {}", id, params));
  const auto checksum = in.get<std::uint64_t>();
  const auto bytes = in.get_vector<std::byte>();
  CREDO_CHECK(checksum == fnv1a(bytes), "saved state of '" + id + "' is damaged");

  ByteReader body{std::span<const std::byte>(bytes)};
  const auto t = body.get<std::int32_t>();
  const auto done = body.get<std::uint8_t>();
  const auto seed = body.get<std::uint64_t>();
  const auto stream_purpose = body.get<std::uint64_t>();
  const auto index = body.get<std::uint64_t>();
  const auto episode = body.get<std::uint64_t>();
  CREDO_CHECK(t >= 0 && t <= spec_->episode_limit && done <= 2,
              "saved state of '" + id + "' is damaged");
  do_load(body);
  CREDO_CHECK(body.at_end(), "saved state of '" + id + "' has bytes left over");
  t_ = t;
  done_ = done != 0;
  timed_out_ = done == 2;
  stream_ = Stream(seed, stream_purpose, index, episode);
  refresh_avail();
}

std::unique_ptr<ScriptedPolicy> Env::make_scripted(std::string_view name) const {
  std::vector<std::string> names;
  for (const ScriptedInfo& info : spec_->scripted) names.push_back(info.name);
  if (names.empty())
    throw UserError(fmt::format("environment '{}' has no scripted policy", spec_->id));
  if (std::find(names.begin(), names.end(), name) == names.end())
    throw UserError(unknown_name_message("scripted policy of " + spec_->id, name, names));
  for (const ScriptedInfo& info : spec_->scripted) {
    if (info.name != name) continue;
    for (const auto& [key, value] : info.params)
      for (const ParamSpec& param : spec_->params)
        if (param.name == key && param.value != value)
          throw UserError(fmt::format("scripted:{} of {} needs env.{}={}", name, spec_->id, key,
                                      to_text(value)));
  }
  return do_make_scripted(name);
}

std::string_view outcome_name(const Env& env) {
  const std::optional<bool> won = env.won();
  if (!won || !env.done()) return "";
  return *won ? "won" : env.drawn() ? "draw" : env.timed_out() ? "time-out" : "lost";
}

std::unique_ptr<ScriptedPolicy> Env::do_make_scripted(std::string_view name) const {
  throw Error(fmt::format("environment '{}' lists the scripted policy '{}' but does not make it",
                          spec_->id, name));
}

std::vector<ParamSpec> limit_params(int default_limit, bool default_is_terminal) {
  return {
      ParamSpec::integer("limit", default_limit, 1, 1'000'000,
                         "steps after which the episode is cut"),
      ParamSpec::boolean("limit_is_terminal", default_is_terminal,
                         "report the cut as terminated (no bootstrapping) instead of truncated")};
}

}  // namespace credo
