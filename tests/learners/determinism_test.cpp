// The same bits for 1, 2 and 4 threads, for every instruction set, and for a run that was saved and
// loaded in between: every registered environment, every learning algorithm.
#include <doctest/doctest.h>
#include <set>

#include "tests/learners/training.hpp"

namespace {

using credo::Trainer;
using learner_tests::short_env;
using learner_tests::sz;

constexpr int kIterations = 12;

credo::TrainConfig tiny_config(const std::string& algorithm) {
  credo::TrainConfig c = learner_tests::algorithm_config(algorithm);
  c.seed = 5;
  c.n_envs = 3;
  c.updates_per_episode = 0.4;
  c.replay_capacity = 20;
  c.learner.batch_size = 16;
  c.learner.target_update_interval = 10;
  c.agent.hidden_dim = 20;
  c.mixer.embed_dim = 9;
  c.mixer.hypernet_embed = 17;
  c.mixer.qtran.embed_dim = 13;
  c.mixer.qplex.embed_dim = 11;
  c.mixer.wqmix.central_embed_dim = 19;
  c.entropy.lambda = 0.1;
  c.exploration.epsilon_anneal_steps = 150;
  c.evaluation_interval = 60;
  c.evaluation_episodes = 10;
  c.log_interval = 50;
  c.t_max = 1'000'000;
  return c;
}

/// Everything a run reports, and its complete state at the end.
struct Outcome {
  std::vector<std::uint64_t> hashes;
  credo::Metrics metrics;
  std::vector<double> evaluations;
  std::vector<std::byte> weights, state;

  bool operator==(const Outcome&) const = default;
};

void report(const credo::Evaluation& evaluation, Outcome& out) {
  for (const auto& e : evaluation.episodes) {
    out.evaluations.push_back(static_cast<double>(e.index));
    out.evaluations.push_back(e.episode_return);
    out.evaluations.push_back(e.length);
  }
  out.evaluations.push_back(evaluation.entropy_mean.value_or(-1.0));
  for (const double c : evaluation.credit_mean) out.evaluations.push_back(c);
}

void run_until(Trainer& trainer, int first, int last, Outcome& out) {
  for (int i = first; i < last; ++i) {
    if (trainer.evaluation_due()) report(trainer.evaluate(), out);
    trainer.iterate();
    if (trainer.log_due())
      for (auto& m : trainer.take_train_metrics()) out.metrics.push_back(m);
    out.hashes.push_back(trainer.state_hash());
  }
}

void finish(Trainer& trainer, Outcome& out) {
  report(trainer.evaluate(), out);
  for (auto& m : trainer.take_train_metrics()) out.metrics.push_back(m);
  out.weights = credo::serialize_safetensors(trainer.weights());
  out.state = learner_tests::saved(trainer);
}

Outcome straight(const credo::Env& env, const credo::TrainConfig& config, int threads) {
  Outcome out;
  learner_tests::with_threads(threads, [&] {
    Trainer trainer(env, config);
    run_until(trainer, 0, kIterations, out);
    REQUIRE(trainer.updates() > 0);
    finish(trainer, out);
  });
  return out;
}

Outcome resumed(const credo::Env& env, const credo::TrainConfig& config, int at) {
  Outcome out;
  learner_tests::with_threads(2, [&] {
    std::vector<std::byte> state;
    {
      Trainer trainer(env, config);
      run_until(trainer, 0, at, out);
      state = learner_tests::saved(trainer);
    }
    Trainer trainer(env, config);
    credo::ByteReader in(state);
    trainer.load(in);
    run_until(trainer, at, kIterations, out);
    finish(trainer, out);
  });
  return out;
}

/// The first variant of every family, for tests that would take too long on all.
std::vector<std::string> first_variants() {
  std::vector<std::string> ids;
  std::set<std::string> families;
  for (const std::string& id : credo::list_envs())
    if (families.insert(id.substr(0, id.find('/'))).second) ids.push_back(id);
  return ids;
}

std::vector<std::string> algorithm_names() {
  std::vector<std::string> names;
  for (const credo::Algorithm& a : credo::learning_algorithms()) names.push_back(a.name);
  return names;
}

// CTest runs this suite as an entry of its own.
TEST_SUITE("every algorithm") {
  TEST_CASE("1, 2 and 4 threads: every environment with every algorithm") {
    // 2 and 4 in turns: as the number of algorithms is odd, every environment and every algorithm
    // meets both.
    const std::vector<std::string> algorithms = algorithm_names();
    REQUIRE(algorithms.size() % 2 == 1);
    int threads = 4;
    for (const std::string& id : credo::list_envs()) {
      const auto env = short_env(id, 6);
      for (const std::string& algorithm : algorithms) {
        threads = 6 - threads;
        CAPTURE(id);
        CAPTURE(algorithm);
        CAPTURE(threads);
        const credo::TrainConfig config = tiny_config(algorithm);
        CHECK((straight(*env, config, threads) == straight(*env, config, 1)));
      }
    }
  }

  TEST_CASE("instruction sets, save and load: every family with every algorithm") {
    learner_tests::Draw draw("resume");
    for (const std::string& id : first_variants()) {
      const auto env = short_env(id, 7);
      for (const std::string& algorithm : algorithm_names()) {
        CAPTURE(id);
        CAPTURE(algorithm);
        const credo::TrainConfig config = tiny_config(algorithm);
        const Outcome one = straight(*env, config, 1);
        for (const std::string& isa : credo::available_isas()) {
          CAPTURE(isa);
          const learner_tests::UseIsa use(isa);
          CHECK((straight(*env, config, 2) == one));
        }
        for (int trial = 0; trial < 2; ++trial) {
          const int at = draw.integer(0, kIterations);
          CAPTURE(at);
          CHECK((resumed(*env, config, at) == one));
        }
      }
    }
  }

  TEST_CASE("soft targets, standardised rewards, agents without recurrence: every algorithm") {
    const auto env = short_env("checkers", 9);  // rewards in every batch
    for (const std::string& algorithm : algorithm_names()) {
      CAPTURE(algorithm);
      credo::TrainConfig config = tiny_config(algorithm);
      config.agent.recurrent = false;
      config.learner.target_tau = 0.05;
      config.learner.standardise_rewards = true;
      const Outcome one = straight(*env, config, 1);
      for (const std::string& isa : credo::available_isas()) {
        CAPTURE(isa);
        const learner_tests::UseIsa use(isa);
        CHECK((straight(*env, config, 4) == one));
      }
      for (const int at : {0, 5, 9, kIterations}) {
        CAPTURE(at);
        CHECK((resumed(*env, config, at) == one));
      }
      if (config.learner.kind == credo::LearnerKind::kPpo) continue;  // PPO has neither option
      for (const bool without_tau : {true, false}) {                  // each option is one
        credo::TrainConfig other = config;
        if (without_tau)
          other.learner.target_tau = 0.0;
        else
          other.learner.standardise_rewards = false;
        CHECK(straight(*env, other, 1).weights != one.weights);
      }
    }
  }

  TEST_CASE("weights of their own, n-step targets: every algorithm") {
    const auto env = short_env("checkers", 9);
    for (const std::string& algorithm : algorithm_names()) {
      CAPTURE(algorithm);
      credo::TrainConfig config = tiny_config(algorithm);
      config.agent.shared = false;
      config.learner.n_step = 3;
      const Outcome one = straight(*env, config, 1);
      for (const std::string& isa : credo::available_isas()) {
        CAPTURE(isa);
        const learner_tests::UseIsa use(isa);
        CHECK((straight(*env, config, 4) == one));
      }
      for (const int at : {0, 5, 9, kIterations}) {
        CAPTURE(at);
        CHECK((resumed(*env, config, at) == one));
      }
      if (config.learner.kind != credo::LearnerKind::kQLearning) continue;
      credo::TrainConfig one_step = config;
      one_step.learner.n_step = 1;
      CHECK(straight(*env, one_step, 1).weights != one.weights);
    }
  }
}

TEST_SUITE("determinism") {
  TEST_CASE("Adam, TD(lambda) and one-layer hypernetworks resume too") {
    const auto env = short_env("predator_prey/5x5", 9);
    credo::TrainConfig config = tiny_config("qmix_gre_exact");
    config.optimizer.kind = credo::OptimizerKind::kAdam;
    config.learner.td_lambda = 0.6;
    config.mixer.hypernet_layers = 1;
    config.entropy.detach_agents = false;
    config.entropy.target_entropy = 0.9;
    const Outcome one = straight(*env, config, 1);
    for (int at = 0; at <= kIterations; ++at) CHECK((resumed(*env, config, at) == one));
    for (const std::string& isa : credo::available_isas()) {
      const learner_tests::UseIsa use(isa);
      CHECK((straight(*env, config, 4) == one));
    }
  }

  TEST_CASE("another seed gives another run") {
    const auto env = short_env("predator_prey/5x5", 9);
    credo::TrainConfig config = tiny_config("qmix");
    const Outcome one = straight(*env, config, 1);
    config.seed = 6;
    const Outcome other = straight(*env, config, 1);
    CHECK(other.hashes != one.hashes);
    CHECK(other.weights != one.weights);
  }

  TEST_CASE("a saved state is refused by another configuration, and when truncated") {
    const auto env = short_env("two_step", 2);
    const credo::TrainConfig config = tiny_config("qmix");
    Trainer trainer(*env, config);
    Outcome out;
    run_until(trainer, 0, 8, out);
    const std::vector<std::byte> state = learner_tests::saved(trainer);
    credo::TrainConfig wider = config;
    wider.agent.hidden_dim += 1;
    for (const credo::TrainConfig& other : {wider, tiny_config("vdn")}) {
      Trainer fresh(*env, other);
      credo::ByteReader in(state);
      CHECK_THROWS_AS(fresh.load(in), credo::Error);
    }
    for (std::size_t size = 0; size < state.size(); size += size < 400 ? 37 : 997) {
      Trainer fresh(*env, config);
      credo::ByteReader in(std::span<const std::byte>(state).first(size));
      CHECK_THROWS_AS(fresh.load(in), credo::Error);
    }
  }

  TEST_CASE("evaluation depends on weights, seed and episode index only") {
    const auto env = short_env("stag_hunt/8x8", 8);
    const credo::TrainConfig config = tiny_config("qmix");
    Trainer trainer(*env, config);
    Outcome out;
    run_until(trainer, 0, 7, out);
    const credo::TensorFile weights = trainer.weights();
    const auto whole = credo::evaluate_weights(*env, config, weights, 20, 3);
    REQUIRE(whole.episodes.size() == 20);
    for (const int first : {0, 3, 13}) {
      const auto part = credo::evaluate_weights(*env, config, weights, 5, 3, first);
      for (std::size_t i = 0; i < 5; ++i) {
        const auto& want = whole.episodes[sz(first) + i];
        CHECK(part.episodes[i].index == want.index);
        CHECK(part.episodes[i].episode_return == want.episode_return);
        CHECK(part.episodes[i].length == want.length);
      }
    }
  }
}

}  // namespace
