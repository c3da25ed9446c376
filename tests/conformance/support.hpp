// What the conformance tests share: the environments to test, and a walker that plays them and
// condenses everything it sees into one number per step.
#pragma once

#include <bit>
#include <cstdlib>
#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "envs/core/registry.hpp"

namespace conformance {

/// Every registered environment; CREDO_CONFORMANCE_ONLY=prefix narrows the run to some of them.
inline std::vector<std::string> env_ids() {
  const char* only = std::getenv("CREDO_CONFORMANCE_ONLY");
  std::vector<std::string> ids;
  for (const std::string& id : credo::list_envs())
    if (only == nullptr || id.starts_with(only)) ids.push_back(id);
  REQUIRE_MESSAGE(!ids.empty(), "CREDO_CONFORMANCE_ONLY matches no environment");
  return ids;
}

class Hash {
 public:
  template <typename T>
  void add(const T& value) {
    for (const unsigned char byte : std::bit_cast<std::array<unsigned char, sizeof(T)>>(value)) {
      value_ ^= byte;
      value_ *= 0x100000001b3ULL;
    }
  }
  template <typename T>
  void add_all(const std::vector<T>& values) {
    for (const T& value : values) add(value);
  }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325ULL;
};

inline std::size_t product(int a, int b) {
  return static_cast<std::size_t>(a) * static_cast<std::size_t>(b);
}

inline std::vector<std::byte> saved(const credo::Env& env) {
  credo::ByteWriter out;
  env.save(out);
  return out.take();
}

/// Plays an environment: random available actions in even episodes, the scripted policy (where
/// there is one) in odd ones, so that natural ends are reached too.
class Walker {
 public:
  struct Seen {
    credo::StepResult result;
    bool ended = false;
  };

  Walker(std::unique_ptr<credo::Env> env, std::uint64_t seed, std::uint64_t index = 0)
      : env_(std::move(env)), seed_(seed), index_(index) {
    const credo::EnvSpec& spec = env_->spec();
    obs.resize(product(spec.n_agents, spec.obs_dim));
    state.resize(static_cast<std::size_t>(spec.state_dim));
    avail.resize(product(spec.n_agents, spec.n_actions));
    actions.resize(static_cast<std::size_t>(spec.n_agents));
    if (!spec.scripted.empty()) scripted_ = env_->make_scripted(spec.scripted.front().name);
  }

  credo::Env& env() { return *env_; }
  std::uint64_t episode() const { return episode_; }

  void reset() {
    env_->reset(credo::Stream(seed_, credo::purpose("conformance env"), index_, episode_));
    if (scripted_) scripted_->reset();
  }

  void read() {
    env_->write_obs(obs);
    env_->write_state(state);
    env_->write_avail_actions(avail);
  }

  /// Chooses the actions of this step. The choice does not depend on the environment's seed.
  void choose() {
    credo::Stream stream(0, credo::purpose("conformance actions"), index_, episode_);
    stream.seek(static_cast<std::uint64_t>(env_->t()));
    if (scripted_ && episode_ % 2 == 1) {
      scripted_->act(*env_, stream, actions);
      return;
    }
    choose_random(stream);
  }

  void choose_random(credo::Stream& stream) {
    const auto mask = env_->avail_actions();
    const auto width = static_cast<std::size_t>(env_->spec().n_actions);
    for (std::size_t agent = 0; agent < actions.size(); ++agent) {
      std::uint32_t n_available = 0;
      for (std::size_t a = 0; a < width; ++a) n_available += mask[agent * width + a];
      std::uint32_t pick = stream.below(n_available);
      for (std::size_t a = 0; a < width; ++a)
        if (mask[agent * width + a] != 0 && pick-- == 0) actions[agent] = static_cast<int>(a);
    }
  }

  /// One step of an endless walk (a new episode starts when one is over); adds to `log` what was
  /// seen before the step, its result, and at the end of an episode what is seen after it.
  Seen advance() {
    if (env_->done()) reset();
    Hash hash;
    look(hash);
    choose();
    Seen seen;
    seen.result = env_->step(actions);
    hash.add(seen.result.reward);
    hash.add(seen.result.terminated);
    hash.add(seen.result.truncated);
    seen.ended = env_->done();
    if (seen.ended) {
      look(hash);
      ++episode_;
    }
    log.push_back(hash.value());
    return seen;
  }

  void advance_steps(int n) {
    for (int i = 0; i < n; ++i) advance();
  }
  void advance_episodes(std::uint64_t n) {
    for (const std::uint64_t end = episode_ + n; episode_ < end;) advance();
  }

  std::vector<float> obs;
  std::vector<float> state;
  std::vector<std::uint8_t> avail;
  std::vector<int> actions;
  std::vector<std::uint64_t> log;

 private:
  void look(Hash& hash) {
    read();
    hash.add_all(obs);
    hash.add_all(state);
    hash.add_all(avail);
  }

  std::unique_ptr<credo::Env> env_;
  std::unique_ptr<credo::ScriptedPolicy> scripted_;
  std::uint64_t seed_;
  std::uint64_t index_;
  std::uint64_t episode_ = 0;
};

/// The message of the exception that `function` throws; "" when it throws none.
template <typename Exception, typename Function>
std::string message_of(Function&& function) {
  try {
    function();
  } catch (const Exception& error) {
    return error.what();
  }
  return "";
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace conformance
