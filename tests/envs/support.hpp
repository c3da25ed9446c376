// What the environment tests share: running episodes with a policy, and placing things by hand.
#pragma once

#include <cmath>
#include <doctest/doctest.h>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "envs/core/registry.hpp"

namespace env_tests {

using Settings = std::vector<std::pair<std::string, std::string>>;

inline std::unique_ptr<credo::Env> make(std::string_view id, const Settings& settings = {}) {
  credo::Params params = credo::env_params(id);
  for (const auto& [key, value] : settings) params.set_text(key, value);
  return credo::make_env(id, params);
}

inline credo::Stream env_stream(std::uint64_t seed, std::uint64_t episode) {
  return {seed, credo::purpose("env"), 0, episode};
}

inline std::vector<float> obs_of(const credo::Env& env) {
  std::vector<float> obs(static_cast<std::size_t>(env.spec().n_agents * env.spec().obs_dim));
  env.write_obs(obs);
  return obs;
}

inline std::vector<float> state_of(const credo::Env& env) {
  std::vector<float> state(static_cast<std::size_t>(env.spec().state_dim));
  env.write_state(state);
  return state;
}

/// Fills `actions` [n_agents] for the environment's current situation.
using Policy = std::function<void(const credo::Env&, credo::Stream&, std::span<int>)>;

inline void random_actions(const credo::Env& env, credo::Stream& stream, std::span<int> actions) {
  const auto avail = env.avail_actions();
  const std::size_t width = avail.size() / actions.size();
  for (std::size_t agent = 0; agent < actions.size(); ++agent) {
    const auto row = avail.subspan(agent * width, width);
    std::uint32_t n_available = 0;
    for (const std::uint8_t bit : row) n_available += bit;
    std::uint32_t pick = stream.below(n_available);
    for (std::size_t action = 0; action < width; ++action)
      if (row[action] != 0 && pick-- == 0) actions[agent] = static_cast<int>(action);
  }
}

inline Policy constant_actions(int action) {
  return [action](const credo::Env&, credo::Stream&, std::span<int> actions) {
    std::fill(actions.begin(), actions.end(), action);
  };
}

inline Policy scripted(const credo::Env& env) {
  std::shared_ptr<credo::ScriptedPolicy> policy = env.make_scripted();
  return [policy](const credo::Env& world, credo::Stream& stream, std::span<int> actions) {
    policy->act(world, stream, actions);
  };
}

/// Digits of one string per agent; `rest` after its end.
inline Policy open_loop(std::vector<std::string> plans, int rest) {
  return [plans, rest](const credo::Env& env, credo::Stream&, std::span<int> actions) {
    const auto t = static_cast<std::size_t>(env.t());
    for (std::size_t agent = 0; agent < actions.size(); ++agent)
      actions[agent] = t < plans[agent].size() ? plans[agent][t] - '0' : rest;
  };
}

/// Plays one episode; returns its return.
inline double play(credo::Env& env, const Policy& policy, std::uint64_t seed = 1,
                   std::uint64_t episode = 0) {
  env.reset(env_stream(seed, episode));
  credo::Stream stream(seed, credo::purpose("policy"), 0, episode);
  std::vector<int> actions(static_cast<std::size_t>(env.spec().n_agents));
  double sum = 0.0;
  while (!env.done()) {
    stream.seek(static_cast<std::uint64_t>(env.t()));
    policy(env, stream, actions);
    sum += env.step(actions).reward;
  }
  return sum;
}

struct Sample {
  double mean = 0.0;
  double standard_error = 0.0;
};

inline Sample sample_returns(credo::Env& env, const Policy& policy, int n_episodes,
                             std::uint64_t seed = 1) {
  double sum = 0.0;
  double sum_of_squares = 0.0;
  for (int episode = 0; episode < n_episodes; ++episode) {
    const double value = play(env, policy, seed, static_cast<std::uint64_t>(episode));
    sum += value;
    sum_of_squares += value * value;
  }
  const double mean = sum / n_episodes;
  const double variance = (sum_of_squares - n_episodes * mean * mean) / (n_episodes - 1);
  return {mean, std::sqrt(std::max(variance, 0.0) / n_episodes)};
}

/// Is the mean within four standard errors of `expected`, which has one of its own?
inline bool agrees(const Sample& sample, double expected, double expected_error = 0.0) {
  const double error =
      std::sqrt(sample.standard_error * sample.standard_error + expected_error * expected_error);
  return std::abs(sample.mean - expected) <= 4.0 * error;
}

/// Puts an environment into a hand-made situation: `write_dynamics` writes what the environment's
/// own save writes. `episode` picks the random stream of what follows.
inline void place(credo::Env& env, int t, std::uint64_t episode,
                  const std::function<void(credo::ByteWriter&)>& write_dynamics) {
  credo::ByteWriter now;
  env.save(now);
  credo::ByteReader head(now.bytes());
  head.expect_tag("env");
  const std::string id = head.get_string();
  const std::string params = head.get_string();

  credo::ByteWriter body;
  body.put<std::int32_t>(t);
  body.put<std::uint8_t>(0);
  for (const std::uint64_t part :
       {std::uint64_t{1}, credo::purpose("placed"), std::uint64_t{0}, episode})
    body.put(part);
  write_dynamics(body);
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const std::byte byte : body.bytes()) {
    hash ^= std::to_integer<std::uint64_t>(byte);
    hash *= 0x100000001b3ULL;
  }
  credo::ByteWriter all;
  all.put_tag("env");
  all.put_string(id);
  all.put_string(params);
  all.put(hash);
  all.put_vector(body.bytes());
  credo::ByteReader in(all.bytes());
  env.load(in);
}

template <typename Function>
std::string user_error(Function&& function) {
  try {
    function();
  } catch (const credo::UserError& error) {
    return error.what();
  }
  return "";
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace env_tests
