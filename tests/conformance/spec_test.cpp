// What an environment says about itself, and how it takes its parameters.
#include <cmath>
#include <fmt/format.h>
#include <set>

#include "support.hpp"

using namespace conformance;
using credo::ParamSpec;

TEST_CASE("conformance: the spec is complete and consistent") {
  std::set<std::string> ids;
  for (const std::string& id : env_ids()) {
    CAPTURE(id);
    CHECK(ids.insert(id).second);
    const auto env = credo::make_env(id);
    const credo::EnvSpec& spec = env->spec();
    CHECK(spec.id == id);
    CHECK_FALSE(spec.help.empty());
    CHECK(spec.n_agents > 0);
    CHECK(spec.n_actions > 0);
    CHECK(spec.obs_dim > 0);
    CHECK(spec.state_dim > 0);
    CHECK(spec.episode_limit > 0);
    CHECK(spec.reward_low <= spec.reward_high);
    CHECK(spec.obs_features.size() == static_cast<std::size_t>(spec.obs_dim));
    CHECK(spec.state_features.size() == static_cast<std::size_t>(spec.state_dim));
    for (const auto* features : {&spec.obs_features, &spec.state_features}) {
      std::set<std::string> names;
      for (const credo::Feature& feature : *features) {
        CHECK_FALSE(feature.name.empty());
        CHECK(names.insert(feature.name).second);
        CHECK(feature.low <= feature.high);
      }
    }
    std::set<std::string> actions(spec.action_names.begin(), spec.action_names.end());
    CHECK(actions.size() == static_cast<std::size_t>(spec.n_actions));
    CHECK_FALSE(actions.contains(""));
    if (spec.noop_action) {
      CHECK(*spec.noop_action >= 0);
      CHECK(*spec.noop_action < spec.n_actions);
    }
  }
}

TEST_CASE("conformance: every parameter has a help text, a range and a default inside it") {
  for (const std::string& id : env_ids()) {
    CAPTURE(id);
    const credo::Params defaults = credo::env_params(id);
    CHECK(defaults.has("limit"));
    CHECK(defaults.has("limit_is_terminal"));
    const auto env = credo::make_env(id);
    CHECK(env->spec().params.size() == defaults.specs().size());
    for (const ParamSpec& param : defaults.specs()) {
      CAPTURE(param.name);
      CHECK_FALSE(param.help.empty());
      CHECK_FALSE(param.range_text().empty());
      credo::Params again = credo::env_params(id);
      again.set_text(param.name, credo::to_text(param.value));
      CHECK(again.value(param.name) == param.value);
    }
  }
}

TEST_CASE("conformance: declared defaults are the ones that follow from what they follow") {
  for (const std::string& id : env_ids()) {
    CAPTURE(id);
    const credo::Params defaults = credo::env_params(id);
    for (const ParamSpec& param : defaults.specs()) {
      CAPTURE(param.name);
      CHECK(static_cast<bool>(param.follow) == !param.follows.empty());
      for (const std::string& other : param.follows) CHECK(defaults.has(other));
      if (!param.follow) continue;
      const auto value = param.follow(defaults);
      REQUIRE(value.has_value());
      CHECK(*value == param.value);
    }
  }
}

TEST_CASE("conformance: returns that tables call 0 and 1 are in order") {
  for (const std::string& id : env_ids()) {
    CAPTURE(id);
    for (const char* limit : {"", "1", "2"}) {
      CAPTURE(limit);
      credo::Params params = credo::env_params(id);
      if (*limit != 0) params.set_text("limit", limit);
      const auto env = credo::make_env(id, params);
      const credo::EnvSpec& spec = env->spec();
      constexpr double kSlack = 1e-6;
      const auto most = spec.best_return ? spec.best_return : spec.return_bound;
      if (spec.random_return && most) CHECK(*spec.random_return <= *most + kSlack);
      if (spec.random_return)
        CHECK(*spec.random_return <= spec.reward_high * spec.episode_limit + kSlack);
      if (spec.best_return && spec.return_bound)
        CHECK(*spec.best_return <= *spec.return_bound * (1.0 + kSlack) + kSlack);
    }
  }
}

TEST_CASE("conformance: bad parameters are refused with key, value and what is allowed") {
  for (const std::string& id : env_ids()) {
    CAPTURE(id);
    credo::Params params = credo::env_params(id);
    const std::string unknown =
        message_of<credo::UserError>([&params] { params.set_text("limti", "3"); });
    CHECK(contains(unknown, "'env.limti'"));
    CHECK(contains(unknown, "did you mean 'env.limit'?"));
    for (const ParamSpec& param : credo::env_params(id).specs()) {
      CAPTURE(param.name);
      std::vector<std::string> bad;
      if (std::holds_alternative<bool>(param.value)) {
        bad = {"maybe", "2"};
      } else if (std::holds_alternative<std::string>(param.value)) {
        if (!param.choices.empty()) bad = {"no such choice"};
      } else {
        bad = {"seven",
               "1x",
               "nan",
               "",
               fmt::format("{}", param.high * 2.0 + 1.0),
               fmt::format("{}", param.low - std::abs(param.low) - 1.0)};
      }
      const credo::ParamValue before = params.value(param.name);
      for (const std::string& value : bad) {
        const std::string message =
            message_of<credo::UserError>([&] { params.set_text(param.name, value); });
        CAPTURE(message);
        CHECK(contains(message, "env." + param.name));
        CHECK(contains(message, fmt::format("'{}'", value)));
        CHECK(contains(message, param.range_text()));
        CHECK(params.value(param.name) == before);
      }
    }
  }
}

TEST_CASE("conformance: every allowed value either works or is refused as a UserError") {
  for (const std::string& id : env_ids()) {
    CAPTURE(id);
    for (const ParamSpec& param : credo::env_params(id).specs()) {
      std::vector<credo::ParamValue> values;
      if (std::holds_alternative<bool>(param.value)) {
        values = {true, false};
      } else if (std::holds_alternative<std::int64_t>(param.value)) {
        values = {static_cast<std::int64_t>(param.low), static_cast<std::int64_t>(param.high)};
      } else if (std::holds_alternative<double>(param.value)) {
        values = {param.low, param.high};
      } else if (param.choices.empty()) {
        values = {std::string("no/such/file.toml")};
      } else {
        values.assign(param.choices.begin(), param.choices.end());
      }
      for (const credo::ParamValue& value : values) {
        CAPTURE(param.name);
        CAPTURE(credo::to_text(value));
        credo::Params params = credo::env_params(id);
        params.set(param.name, value);
        try {
          Walker walker(credo::make_env(id, params), 1);
          walker.advance_steps(5);
        } catch (const credo::UserError& error) {
          // Values that do not fit together: the message must name a parameter.
          CHECK(contains(error.what(), "env."));
        }
      }
    }
  }
}

TEST_CASE("conformance: unknown environments are refused with the nearest id") {
  for (const std::string& id : env_ids()) {
    CAPTURE(id);
    // Doubling a letter keeps the distance at one.
    const std::string wrong = id.substr(0, 2) + id.substr(1);
    const std::string message = message_of<credo::UserError>([&wrong] { credo::make_env(wrong); });
    CHECK(contains(message, "'" + wrong + "'"));
    CHECK(contains(message, "did you mean '" + id + "'?"));
  }
}
