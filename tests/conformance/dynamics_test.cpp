// Rules every episode obeys: bounds, masks, limits, ends, errors.
#include <cmath>
#include <fmt/format.h>
#include <limits>

#include "support.hpp"

using namespace conformance;

namespace {

constexpr double kTolerance = 1e-9;
constexpr int kEpisodes = 20;

// The first number of `values` outside its declared range, as text; "" when there is none.
std::string out_of_range(const std::vector<float>& values,
                         const std::vector<credo::Feature>& features) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const credo::Feature& feature = features[i % features.size()];
    if (!(values[i] >= feature.low && values[i] <= feature.high))
      return fmt::format("{} = {} not in [{}, {}]", feature.name, values[i], feature.low,
                         feature.high);
  }
  return "";
}

std::string bad_mask(const std::vector<std::uint8_t>& avail, int n_actions) {
  const auto width = static_cast<std::size_t>(n_actions);
  for (std::size_t row = 0; row < avail.size(); row += width) {
    int n_available = 0;
    for (std::size_t a = 0; a < width; ++a) {
      if (avail[row + a] > 1) return fmt::format("mask holds {}", avail[row + a]);
      n_available += avail[row + a];
    }
    if (n_available == 0) return fmt::format("agent {} has no action", row / width);
  }
  return "";
}

}  // namespace

TEST_CASE("conformance: obs, state and masks stay inside what the spec declares") {
  for (const std::string& id : env_ids()) {
    CAPTURE(id);
    Walker walker(credo::make_env(id), 3);
    const credo::EnvSpec& spec = walker.env().spec();
    const float nan = std::numeric_limits<float>::quiet_NaN();
    for (int episode = 0; episode < kEpisodes; ++episode) {
      bool over = false;
      walker.reset();
      while (true) {
        // Stale values must not survive: everything is written every time.
        std::fill(walker.obs.begin(), walker.obs.end(), nan);
        std::fill(walker.state.begin(), walker.state.end(), nan);
        std::fill(walker.avail.begin(), walker.avail.end(), std::uint8_t{77});
        walker.read();
        REQUIRE(out_of_range(walker.obs, spec.obs_features) == "");
        REQUIRE(out_of_range(walker.state, spec.state_features) == "");
        REQUIRE(bad_mask(walker.avail, spec.n_actions) == "");
        const auto view = walker.env().avail_actions();
        REQUIRE(std::equal(view.begin(), view.end(), walker.avail.begin(), walker.avail.end()));
        if (over) break;
        over = walker.advance().ended;
      }
    }
  }
}

TEST_CASE("conformance: writes fill exactly their span and refuse any other size") {
  for (const std::string& id : env_ids()) {
    CAPTURE(id);
    Walker walker(credo::make_env(id), 4);
    credo::Env& env = walker.env();
    walker.advance();
    if (env.done()) walker.reset();
    constexpr float kGuard = -123456.75F;
    constexpr std::size_t kMargin = 16;
    const auto check_floats = [&](std::size_t size, auto write) {
      std::vector<float> buffer(size + 2 * kMargin, kGuard);
      write(std::span<float>(buffer).subspan(kMargin, size));
      for (std::size_t i = 0; i < kMargin; ++i) {
        CHECK(buffer[i] == kGuard);
        CHECK(buffer[kMargin + size + i] == kGuard);
      }
      CHECK_THROWS_AS(write(std::span<float>(buffer).first(size - 1)), credo::Error);
      CHECK_THROWS_AS(write(std::span<float>(buffer).first(size + 1)), credo::Error);
    };
    check_floats(walker.obs.size(), [&env](std::span<float> out) { env.write_obs(out); });
    check_floats(walker.state.size(), [&env](std::span<float> out) { env.write_state(out); });
    std::vector<std::uint8_t> buffer(walker.avail.size() + 2 * kMargin, 99);
    env.write_avail_actions(std::span<std::uint8_t>(buffer).subspan(kMargin, walker.avail.size()));
    for (std::size_t i = 0; i < kMargin; ++i) {
      CHECK(buffer[i] == 99);
      CHECK(buffer[kMargin + walker.avail.size() + i] == 99);
    }
    CHECK_THROWS_AS(env.write_avail_actions(std::span<std::uint8_t>(buffer).first(1)),
                    credo::Error);
  }
}

TEST_CASE("conformance: rewards, returns and lengths stay inside their bounds") {
  for (const std::string& id : env_ids()) {
    CAPTURE(id);
    Walker walker(credo::make_env(id), 5);
    const credo::EnvSpec& spec = walker.env().spec();
    for (int episode = 0; episode < kEpisodes; ++episode) {
      double episode_return = 0.0;
      int length = 0;
      Walker::Seen seen;
      while (!seen.ended) {
        seen = walker.advance();
        ++length;
        episode_return += seen.result.reward;
        REQUIRE(seen.result.reward >= spec.reward_low - kTolerance);
        REQUIRE(seen.result.reward <= spec.reward_high + kTolerance);
        REQUIRE(walker.env().t() == length);
        REQUIRE(length <= spec.episode_limit);
        REQUIRE((seen.result.terminated || seen.result.truncated) == seen.ended);
        REQUIRE_FALSE((seen.result.terminated && seen.result.truncated));
      }
      if (spec.return_bound) REQUIRE(episode_return <= *spec.return_bound + kTolerance);
      for (const auto& [name, value] : walker.env().info()) {
        CHECK_FALSE(name.empty());
        CHECK(std::isfinite(value));
      }
    }
  }
}

TEST_CASE("conformance: the time limit cuts exactly, as truncated or terminated as asked") {
  for (const std::string& id : env_ids()) {
    CAPTURE(id);
    for (const bool is_terminal : {false, true}) {
      CAPTURE(is_terminal);
      credo::Params params = credo::env_params(id);
      params.set("limit", std::int64_t{3});
      params.set("limit_is_terminal", is_terminal);
      const auto cut = credo::make_env(id, params);
      CHECK(cut->spec().limit_is_terminal == is_terminal);
      CHECK(cut->spec().episode_limit <= 3);
      // The same episode with room to spare, where only natural ends count as terminated.
      credo::Params wide = credo::env_params(id);
      wide.set("limit", std::max(wide.integer("limit"), std::int64_t{50}));
      wide.set("limit_is_terminal", false);
      Walker walker(credo::make_env(id, wide), 6);
      for (int episode = 0; episode < 2 * kEpisodes; ++episode) {
        cut->reset(credo::Stream(6, credo::purpose("conformance env"), 0, walker.episode()));
        while (!cut->done()) {
          const Walker::Seen seen = walker.advance();
          const credo::StepResult result = cut->step(walker.actions);
          REQUIRE(result.reward == seen.result.reward);
          const bool at_limit = cut->t() == cut->spec().episode_limit;
          const bool is_cut = at_limit && !seen.result.terminated;
          REQUIRE(result.terminated == (seen.result.terminated || (is_cut && is_terminal)));
          REQUIRE(result.truncated == (is_cut && !is_terminal));
          REQUIRE(cut->done() == (seen.result.terminated || is_cut));
          REQUIRE(cut->timed_out() == is_cut);
          REQUIRE(cut->clone()->timed_out() == is_cut);
          const auto copy = credo::make_env(id, params);
          const auto bytes = saved(*cut);
          credo::ByteReader reader(bytes);
          copy->load(reader);
          REQUIRE(copy->timed_out() == is_cut);
          // Who can win either did, or lost, drew or ran out of time.
          const std::string_view outcome = credo::outcome_name(*cut);
          REQUIRE(outcome.empty() == (!cut->done() || !cut->won()));
          if (!outcome.empty()) {
            REQUIRE((outcome == "won") == cut->won().value());
            if (!*cut->won()) REQUIRE((outcome == "time-out") == (is_cut && !cut->drawn()));
          }
        }
        if (!walker.env().done()) {
          const std::uint64_t now = walker.episode();
          while (walker.episode() == now) walker.advance();
        }
      }
    }
  }
}

TEST_CASE("conformance: illegal actions are refused and change nothing") {
  for (const std::string& id : env_ids()) {
    CAPTURE(id);
    Walker walker(credo::make_env(id), 7);
    credo::Env& env = walker.env();
    const credo::EnvSpec& spec = env.spec();
    for (int step = 0; step < 30; ++step) {
      if (env.done()) walker.reset();
      walker.read();
      walker.choose();
      const auto before = saved(env);
      const auto refuses = [&](std::span<const int> actions) {
        CHECK_THROWS_AS(env.step(actions), credo::Error);
        CHECK(saved(env) == before);
      };
      const std::vector<int> legal = walker.actions;
      for (std::size_t agent = 0; agent < legal.size(); ++agent) {
        for (const int bad : {-1, spec.n_actions, std::numeric_limits<int>::max(),
                              std::numeric_limits<int>::min()}) {
          std::vector<int> actions = legal;
          actions[agent] = bad;
          refuses(actions);
        }
        for (int action = 0; action < spec.n_actions; ++action) {
          if (walker.avail[product(static_cast<int>(agent), spec.n_actions) +
                           static_cast<std::size_t>(action)] != 0)
            continue;
          std::vector<int> actions = legal;
          actions[agent] = action;
          refuses(actions);
        }
      }
      std::vector<int> too_many = legal;
      too_many.push_back(0);
      refuses(too_many);
      refuses(std::span<const int>(legal).first(legal.size() - 1));
      walker.advance();
    }
  }
}

TEST_CASE("conformance: no step before the first reset or after the end") {
  for (const std::string& id : env_ids()) {
    CAPTURE(id);
    Walker walker(credo::make_env(id), 8);
    credo::Env& env = walker.env();
    CHECK(env.done());
    const std::vector<int> zeros(walker.actions.size(), 0);
    CHECK_THROWS_AS(env.step(zeros), credo::Error);
    for (int episode = 0; episode < 3; ++episode) {
      while (!walker.advance().ended) {
      }
      CHECK(env.done());
      const auto before = saved(env);
      CHECK_THROWS_AS(env.step(walker.actions), credo::Error);
      CHECK(saved(env) == before);
    }
  }
}

TEST_CASE("conformance: scripted policies exist by name and choose available actions") {
  for (const std::string& id : env_ids()) {
    CAPTURE(id);
    const auto plain = credo::make_env(id);
    CHECK_THROWS_AS(plain->make_scripted("no such policy"), credo::UserError);
    if (plain->spec().scripted.empty()) CHECK_THROWS_AS(plain->make_scripted(), credo::UserError);
    for (const credo::ScriptedInfo& info : plain->spec().scripted) {
      CHECK_FALSE(info.help.empty());
      credo::Params params = credo::env_params(id);
      for (const auto& [key, value] : info.params) params.set(key, value);
      if (!info.params.empty()) CHECK_THROWS_AS(plain->make_scripted(info.name), credo::UserError);
      const auto env = credo::make_env(id, params);
      const auto policy = env->make_scripted(info.name);
      std::vector<int> actions(static_cast<std::size_t>(env->spec().n_agents));
      for (std::uint64_t episode = 0; episode < 10; ++episode) {
        env->reset(credo::Stream(9, credo::purpose("conformance env"), 0, episode));
        policy->reset();
        credo::Stream stream(9, credo::purpose("scripted"), 0, episode);
        while (!env->done()) {
          std::fill(actions.begin(), actions.end(), -1);
          stream.seek(static_cast<std::uint64_t>(env->t()));
          policy->act(*env, stream, actions);
          REQUIRE_NOTHROW(env->step(actions));  // step refuses what is not available
        }
      }
    }
  }
}

TEST_CASE("conformance: the do-nothing action is available wherever the spec names one") {
  for (const std::string& id : env_ids()) {
    CAPTURE(id);
    Walker walker(credo::make_env(id), 10);
    const auto noop = walker.env().spec().noop_action;
    if (!noop) continue;
    walker.reset();
    std::fill(walker.actions.begin(), walker.actions.end(), *noop);
    REQUIRE_NOTHROW(walker.env().step(walker.actions));
  }
}
