// Agents with weights of their own (agent.shared = false) beside agents that share them. Gradients:
// the tests of each learner; acting: golden_values_test.cpp; bits: determinism_test.cpp.
#include <algorithm>
#include <doctest/doctest.h>
#include <map>

#include "learners/algorithms/q_learner.hpp"
#include "tests/learners/episodes.hpp"

namespace {

using learner_tests::Batch;
using learner_tests::Draw;

TEST_SUITE("own weights") {
  TEST_CASE("agents with equal weights of their own are agents that share them") {
    const credo::EnvShape shape{.n_agents = 3, .n_actions = 4, .obs_dim = 5, .state_dim = 6};
    for (const std::string kind : {"vdn", "qmix", "qtran"}) {
      for (const bool recurrent : {true, false}) {
        CAPTURE(kind);
        CAPTURE(recurrent);
        credo::TrainConfig c;
        c.agent = {.hidden_dim = 9, .recurrent = recurrent, .obs_agent_id = false};
        c.mixer.type = kind;
        credo::QLearner shared(shape, c);
        c.agent.shared = false;
        credo::QLearner own(shape, c);
        const auto& layout = shared.network().layout;
        std::map<std::string, std::vector<double>> sums;  // of the agents' gradients
        const auto name_of = [](const std::string& name) {
          return name.starts_with("agent.") ? "agent." + name.substr(8) : name;
        };
        for (const auto& entry : own.network().layout.entries())
          for (const auto& from : layout.entries())
            if (from.name == name_of(entry.name)) {
              const auto values = layout.extract(from, shared.params());
              own.network().layout.insert(entry, values, own.params());
              own.network().layout.insert(entry, values, own.target());
              sums[from.name].assign(values.size(), 0.0);
            }
        REQUIRE(sums.size() == layout.entries().size());
        Draw draw("own weights");
        std::vector<learner_tests::PlainEpisode> episodes;
        for (const int length : {3, 8, 1, 5})
          episodes.push_back(learner_tests::random_episode(draw, shape, length, true));
        credo::UpdateTrace of_shared, of_own;
        of_shared.slots = of_own.slots = 9;
        const Batch batch(episodes);
        shared.compute_gradient(batch.pointers, &of_shared);
        own.compute_gradient(batch.pointers, &of_own);
        CHECK(learner_tests::same_bits(of_own.agent_qs, of_shared.agent_qs));
        CHECK(learner_tests::same_bits(of_own.target_agent_qs, of_shared.target_agent_qs));
        CHECK(learner_tests::same_bits(of_own.q_tot, of_shared.q_tot));
        for (const auto& entry : own.network().layout.entries()) {
          std::vector<double>& sum = sums.at(name_of(entry.name));
          const auto values = own.network().layout.extract(entry, own.gradient());
          for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += values[i];
        }
        for (const auto& entry : layout.entries()) {
          const auto want = layout.extract(entry, shared.gradient());
          double largest = 0.0, worst = 0.0;
          for (std::size_t i = 0; i < want.size(); ++i) {
            largest = std::max(largest, std::abs(static_cast<double>(want[i])));
            worst = std::max(worst, std::abs(want[i] - sums.at(entry.name)[i]));
          }
          CAPTURE(entry.name);
          CHECK(worst <= 1e-5 * largest + 1e-7);
        }
      }
    }
  }

  TEST_CASE("every agent begins with weights of its own") {
    const credo::EnvShape shape{.n_agents = 3, .n_actions = 4, .obs_dim = 5, .state_dim = 6};
    credo::TrainConfig c;
    c.agent.shared = false;
    const credo::QLearner learner(shape, c);
    std::vector<std::vector<float>> first;
    for (const auto& entry : learner.network().layout.entries()) {
      if (!entry.name.ends_with("fc1.weight")) continue;
      CHECK(entry.name == "agent." + std::to_string(first.size()) + ".fc1.weight");
      CHECK(entry.in == 5 + 4);  // no index: the weights tell the agents apart
      first.push_back(learner.network().layout.extract(entry, learner.params()));
    }
    REQUIRE(first.size() == 3);
    CHECK(first[0] != first[1]);
    CHECK(first[1] != first[2]);
  }
}

}  // namespace
