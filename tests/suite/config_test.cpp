#include "suite/run/config.hpp"

#include <doctest/doctest.h>

#include "learners/config.hpp"
#include "suite/common/builtin_files.hpp"
#include "suite/plan/plan.hpp"
#include "tests/suite/support.hpp"

using namespace credo::suite;
using namespace credo::suite::testing;

namespace {

RunRequest request(const std::string& env = "two_step", const std::string& algorithm = "qmix") {
  RunRequest made;
  made.env = env;
  made.algorithm = algorithm;
  return made;
}

std::string error_with_set(const std::string& set) {
  RunRequest made = request();
  made.sets = {set};
  return user_error([&] { RunConfig::resolve(made); });
}

}  // namespace

TEST_CASE("later sources win") {
  const ScratchFolder scratch;
  write_raw(scratch / "profile.toml",
            "learner.gamma = 0.1\nlearner.td_lambda = 0.1\n"
            "optimizer.lr = 0.1\nmixer.type = \"vdn\"\n"
            "run.log_interval = 11\n");
  write_raw(scratch / "file.toml",
            "[learner]\ntd_lambda = 0.3\n[optimizer]\nlr = 0.3\n"
            "[run]\nt_max = 33\n");
  RunRequest made = request();
  made.profile = (scratch / "profile.toml").string();
  made.overlays = {
      make_overlay(read_toml("learner.gamma = 0.2\nlearner.td_lambda = 0.2", "suite"))};
  made.config_path = (scratch / "file.toml").string();
  made.t_max = 44;
  made.sets = {"optimizer.lr=0.4", "optimizer.lr=0.5"};
  const RunConfig config = RunConfig::resolve(made);
  const credo::Params& values = config.train_params();
  CHECK(values.integer("run.log_interval") == 11);  // profile over default
  CHECK(values.text("mixer.type") == "qmix");       // algorithm over profile
  CHECK(values.real("learner.gamma") == 0.2);       // suite file over profile
  CHECK(values.real("learner.td_lambda") == 0.3);   // --config over suite file
  CHECK(values.integer("run.t_max") == 44);         // --t-max over --config
  CHECK(values.real("optimizer.lr") == 0.5);        // the last --set over all
  CHECK(config.train_config().t_max == 44);
}

TEST_CASE("sections for environments apply where they match") {
  RunRequest made = request("switch/2");
  made.overlays = {make_overlay(
      read_toml("learner.gamma = 0.5\n[when.\"switch/*\"]\nlearner.gamma = 0.6\nenv.limit = 7\n"
                "[when.\"matrix/*\"]\nlearner.gamma = 0.7\n",
                "suite"))};
  CHECK(RunConfig::resolve(made).train_params().real("learner.gamma") == 0.6);
  CHECK(RunConfig::resolve(made).env_params().integer("limit") == 7);
  made.env = "matrix/qtran";
  CHECK(RunConfig::resolve(made).train_params().real("learner.gamma") == 0.7);
  made.env = "two_step";
  CHECK(RunConfig::resolve(made).train_params().real("learner.gamma") == 0.5);
  CHECK(contains(user_error([] {
                   make_overlay(read_toml("[when.\"mtrix/*\"]\nlearner.gamma = 0.7\n", "suite"));
                 }),
                 "suite:2: when.\"mtrix/*\": no environment matches"));
}

TEST_CASE("the effective configuration reads back to the same bytes") {
  for (const std::string& profile : builtin_names("profiles")) {
    for (const std::string& algorithm : algorithm_names()) {
      RunRequest made = request("predator_prey/5x5", algorithm);
      made.profile = profile;
      made.seed = 9223372036854775807U;
      const RunConfig config = RunConfig::resolve(made);
      const std::string text = config.to_toml();
      const RunConfig again = RunConfig::from_toml(text, "config.toml");
      CHECK(again.to_toml() == text);
      CHECK(again.id() == config.id());
      CHECK(again.seed() == config.seed());

      const ScratchFolder scratch;
      write_raw(scratch / "c.toml", text);
      RunRequest reloaded;
      reloaded.config_path = (scratch / "c.toml").string();
      CHECK(RunConfig::resolve(reloaded).to_toml() == text);
    }
  }
}

TEST_CASE("the identity changes with every value that can change the run") {
  const std::string id = RunConfig::resolve(request()).id();
  RunRequest other = request();
  other.seed = 1;
  CHECK(RunConfig::resolve(other).id() != id);
  for (const char* set : {"learner.gamma=0.98", "env.limit=3", "run.checkpoint_interval=1000"}) {
    RunRequest made = request();
    made.sets = {set};
    CHECK_MESSAGE(RunConfig::resolve(made).id() != id, set);
  }
  // Hyperparameters cannot change a run that does not learn.
  RunRequest random = request("two_step", "random");
  const std::string random_id = RunConfig::resolve(random).id();
  random.overlays = {make_overlay(read_toml("learner.gamma = 0.98", "suite"))};
  CHECK(RunConfig::resolve(random).id() == random_id);
  random.sets = {"evaluation.episodes=7"};
  CHECK(RunConfig::resolve(random).id() != random_id);
}

TEST_CASE("wrong settings name their place, key, value and what is allowed") {
  CHECK(contains(error_with_set("learner.gama=0.9"), "--set: unknown key 'learner.gama'"));
  CHECK(contains(error_with_set("learner.gama=0.9"), "did you mean 'learner.gamma'?"));
  CHECK(contains(error_with_set("env.limt=3"), "limt"));
  CHECK(contains(error_with_set("learner.gamma=1.5"), "[0, 1]"));
  CHECK(contains(error_with_set("learner.gamma=abc"), "not of type float"));
  CHECK(contains(error_with_set("learner.batch_size=1.5"), "not of type int"));
  CHECK(contains(error_with_set("learner.double_q=yes"), "true | false"));
  CHECK(contains(error_with_set("mixer.type=qmx"), "qmix"));
  CHECK(contains(error_with_set("learner.batch_size=9000"), "replay.capacity"));
  CHECK(contains(error_with_set("learner.gamma"), "expected KEY=VALUE"));
  CHECK(contains(error_with_set("=3"), "expected KEY=VALUE"));
  CHECK(contains(error_with_set("run.seed=3"), "use --seed"));
  CHECK(contains(error_with_set("env.limit="), "limit"));
}

TEST_CASE("an option without effect is refused with what it needs") {
  const auto error = [](const std::string& algorithm, const std::string& set) {
    RunRequest made = request("two_step", algorithm);
    made.sets = {set};
    return user_error([&] { RunConfig::resolve(made); });
  };
  CHECK(error("vdn", "gre.lambda=5") ==
        "--set: gre.lambda has no effect here: it needs gre.enabled = true, which needs mixer.type "
        "= qmix, qplex or qatten (it is vdn)");
  CHECK(error("coma", "learner.batch_size=64") ==
        "--set: learner.batch_size has no effect here: it needs learner.type = q_learning (it is "
        "coma)");
  CHECK(contains(error("coma", "replay.capacity=7"), "replay.capacity has no effect here"));
  CHECK(contains(error("coma", "mixer.type=vdn"), "learner.type = q_learning"));
  CHECK(contains(error("qmix", "optimizer.adam_beta1=0.5"), "optimizer.type = adam"));
  CHECK(contains(error("qmix", "qplex.kernels=2"), "mixer.type = qplex"));
  CHECK(contains(error("ow_qmix", "learner.double_q=false"), "wqmix.weighting = none"));
  CHECK(contains(error("qmix", "open_loop.budget=100"), "the algorithm open_loop"));
  for (const char* set : {"learner.gamma=0.5", "run.t_max=5", "run.checkpoint_interval=1000",
                          "run.keep_state=true", "evaluation.interval=7"})
    CHECK(contains(error("random", set), "it needs an algorithm that learns, 'random' does not"));
  for (const char* set : {"evaluation.episodes=7", "run.absolute_factor=1", "run.tensorboard=true"})
    CHECK(error("random", set).empty());
  RunRequest made = request("two_step", "random");
  made.t_max = 100;
  CHECK(contains(user_error([&] { RunConfig::resolve(made); }), "--t-max: run.t_max has no"));
  // A name that would lie.
  CHECK(contains(error("cw_qmix", "mixer.type=qplex"),
                 "wqmix.weighting = cw, which makes the algorithm 'cw_qmix', has no effect here"));
  CHECK(contains(error("qmix_gre", "mixer.type=vdn"), "gre.enabled = true, which makes"));
  // Two options that are of use together.
  made = request("two_step", "qmix");
  made.sets = {"optimizer.adam_beta1=0.5", "optimizer.type=adam"};
  CHECK(user_error([&] { RunConfig::resolve(made); }).empty());
}

TEST_CASE("general settings without effect are passed over, and give no other identity") {
  for (const char* algorithm : {"vdn", "coma", "qmix_gre", "random"}) {
    const RunConfig plain = RunConfig::resolve(request("two_step", algorithm));
    RunRequest made = request("two_step", algorithm);
    made.overlays = {make_overlay(
        read_toml("qtran.opt_loss = 7.0\noptimizer.adam_beta1 = 0.5\nwqmix.weight = 0.7\n"
                  "[alg.\"*\"]\nqplex.layers = 3\n[when.\"*\"]\nopen_loop.budget = 12345\n",
                  "suite"))};
    const RunConfig config = RunConfig::resolve(made);
    CHECK(config.to_toml() == plain.to_toml());
    CHECK(!contains(config.to_toml(), "[qtran]"));
  }
  // COMA has no replay: what is wrong with one is no matter.
  RunRequest made = request("two_step", "coma");
  made.overlays = {make_overlay(read_toml("replay.capacity = 7\nmixer.type = \"vdn\"\n", "suite"))};
  CHECK(RunConfig::resolve(made).train_config().replay_capacity == 5000);
}

TEST_CASE("unknown names come with the nearest known one") {
  CHECK(contains(user_error([] { RunConfig::resolve(request("two_stp")); }), "'two_step'?"));
  CHECK(contains(user_error([] { RunConfig::resolve(request("two_step", "qmx")); }), "'qmix'?"));
  RunRequest made = request();
  made.profile = "pymal";
  CHECK(contains(user_error([&] { RunConfig::resolve(made); }), "'pymarl'?"));
  CHECK(contains(user_error([] { load_suite("quik"); }), "'quick'?"));
  RunRequest empty;
  CHECK(contains(user_error([&] { RunConfig::resolve(empty); }), "--env"));
}

TEST_CASE("complaints about files name the line") {
  const ScratchFolder scratch;
  const auto error_of = [&](const std::string& text) {
    write_raw(scratch / "c.toml", text);
    RunRequest made = request();
    made.config_path = (scratch / "c.toml").string();
    return user_error([&] { RunConfig::resolve(made); });
  };
  CHECK(contains(error_of("\n[learner]\ngama = 0.9\n"), "c.toml:3: unknown key 'learner.gama'"));
  CHECK(contains(error_of("[learner]\ngamma = \"high\"\n"), "c.toml:2: learner.gamma = 'high'"));
  CHECK(contains(error_of("[learner]\n\n\ngamma = 2\n"), "c.toml:4: learner.gamma = '2'"));
  CHECK(contains(error_of("[learner\ngamma = 2\n"), "c.toml:1: "));
  CHECK(contains(error_of("a = 1\na = 2\n"), "c.toml:2: "));
  CHECK(contains(error_of("learner.gamma = \n"), "c.toml:1: "));
  CHECK(contains(error_of("learner.gamma = [1, 2]\n"), "c.toml:1: learner.gamma: a list"));
  CHECK(contains(error_of("learner.gamma = 1979-05-27\n"), "c.toml:1: learner.gamma: allowed"));
  CHECK(contains(error_of("# fine\n# \xFF\n"), "c.toml:2: not valid UTF-8"));
  CHECK(contains(error_of("[run]\nenv = \"switch/2\"\n"), "--env two_step contradicts run.env"));
  CHECK(contains(error_of("[run]\nseed = -1\n"), "c.toml:2: run.seed = '-1'"));
  CHECK(contains(error_of("[run]\nenv = 3\n"), "not of type string"));
  RunRequest missing = request();
  missing.config_path = (scratch / "nowhere.toml").string();
  CHECK(contains(user_error([&] { RunConfig::resolve(missing); }), "nowhere.toml"));
}

TEST_CASE("strings and floats keep their value through TOML") {
  for (const char* text : {"", "plain", "with \"quotes\" and \\", "tab\there\nline", "\x01\x7f"}) {
    const auto read = read_toml("k = " + toml_string(text), "t");
    REQUIRE(read.settings.size() == 1);
    CHECK(std::get<std::string>(read.settings[0].value) == text);
  }
  for (const double value : {0.0, 1.0, -2.0, 0.1, 1e-30, 1e300, 5e-324, 123456789.0}) {
    const auto read = read_toml("k = " + toml_value(value), "t");
    CHECK(std::get<double>(read.settings.at(0).value) == value);
  }
}

TEST_CASE("every profile and suite that comes with the program is sound") {
  for (const std::string& name : builtin_names("profiles")) {
    CHECK(!find_profile(name).help.empty());
    RunRequest made = request();
    made.profile = name;
    CHECK_NOTHROW(RunConfig::resolve(made));
  }
  for (const std::string& name : builtin_names("suites")) {
    const SuiteSpec spec = load_suite(name);
    CHECK(!spec.help.empty());
    CHECK(make_plan(spec, {}).size() == spec.n_cells());
    if (spec.sweeps.empty() && spec.seed_rules.empty() && spec.algorithm_rules.empty())
      CHECK(spec.n_cells() == spec.envs.size() * spec.algorithms.size() * spec.seeds.size());
  }
}

TEST_CASE("the epymarl profile says what EPyMARL's files and the paper's tables say") {
  const auto config = [](const std::string& env, const std::string& algorithm) {
    RunRequest made = request(env, algorithm);
    made.profile = "epymarl";
    return RunConfig::resolve(made).train_config();
  };
  struct Case {
    const char* env;
    const char* algorithm;
    int hidden_dim;
    bool recurrent;
    double lr;
    double tau;
    bool standardised;
    std::int64_t anneal;
  };
  const Case cases[] = {
      {"matrix/climbing", "qmix", 64, false, 5e-4, 0.0, true, 50000},
      {"matrix/climbing", "vdn", 64, false, 5e-4, 0.0, true, 50000},
      {"matrix/climbing", "iql", 128, true, 3e-4, 0.0, true, 200000},
      {"lbf/8x8-2p-2f-coop", "qmix", 64, true, 3e-4, 0.01, true, 200000},
      {"lbf/8x8-2p-2f-coop", "qplex", 64, true, 3e-4, 0.01, true, 200000},
      {"lbf/8x8-2p-2f-coop", "vdn", 128, true, 3e-4, 0.01, true, 200000},
      {"lbf/8x8-2p-2f-coop", "iql", 128, true, 3e-4, 0.0, true, 200000},
      {"skirmish/3m", "qmix", 128, true, 5e-4, 0.0, true, 50000},
      {"skirmish/3m", "iql", 128, true, 5e-4, 0.0, false, 50000},
  };
  for (const Case& want : cases) {
    CAPTURE(want.env);
    CAPTURE(want.algorithm);
    const credo::TrainConfig c = config(want.env, want.algorithm);
    CHECK(c.agent.hidden_dim == want.hidden_dim);
    CHECK(c.agent.recurrent == want.recurrent);
    CHECK(c.agent.obs_agent_id);
    CHECK_FALSE(c.agent.obs_last_action);
    CHECK(c.optimizer.kind == credo::OptimizerKind::kAdam);
    CHECK(c.optimizer.lr == want.lr);
    CHECK(c.optimizer.grad_norm_clip == 10.0);
    CHECK(c.learner.target_tau == want.tau);
    CHECK(c.learner.target_update_interval == 200);
    CHECK(c.learner.standardise_rewards == want.standardised);
    CHECK(c.learner.gamma == 0.99);
    CHECK(c.learner.double_q);
    CHECK(c.learner.batch_size == 32);
    CHECK(c.replay_capacity == 5000);
    CHECK(c.exploration.epsilon_finish == 0.05);
    CHECK(c.exploration.epsilon_anneal_steps == want.anneal);
    CHECK(c.n_envs == 1);
    CHECK(c.updates_per_episode == 1.0);
  }
  const credo::TrainConfig coma = config("skirmish/3m", "coma");
  CHECK_FALSE(coma.agent.recurrent);
  CHECK(coma.learner.target_tau == 0.01);
  CHECK(coma.coma.critic_dim == 128);
  CHECK(config("matrix/climbing", "coma").coma.critic_lr == 3e-4);
}

TEST_CASE("the pymarl profile says what the authors' files say") {
  const credo::TrainConfig c = RunConfig::resolve(request("stag_hunt/8x8")).train_config();
  CHECK(c.n_envs == 1);
  CHECK(c.updates_per_episode == 1.0);
  CHECK(c.replay_capacity == 5000);
  CHECK(c.learner.batch_size == 32);
  CHECK(c.learner.target_update_interval == 200);
  CHECK(c.learner.gamma == 0.99);
  CHECK(c.learner.td_lambda == 0.0);
  CHECK(c.learner.loss_scale == 1.0);
  CHECK(c.optimizer.kind == credo::OptimizerKind::kRmsprop);
  CHECK(c.optimizer.lr == 5e-4);
  CHECK(c.optimizer.rmsprop_alpha == 0.99);
  CHECK(c.optimizer.rmsprop_eps == 1e-5);
  CHECK(c.optimizer.grad_norm_clip == 10.0);
  CHECK(c.exploration.epsilon_anneal_steps == 50000);
  CHECK(c.mixer.embed_dim == 32);
  CHECK(c.mixer.hypernet_layers == 2);
  CHECK(c.t_max == 2050000);
}
