// Parameters, messages, byte buffers and the registry.
#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include "envs/core/numbers.hpp"
#include "support.hpp"

using namespace env_tests;
using credo::Params;
using credo::ParamSpec;

namespace {

Params example() {
  return Params({ParamSpec::integer("steps", 25, 1, 100, "how many"),
                 ParamSpec::real("penalty", -0.5, -10.0, 0.0, "how bad"),
                 ParamSpec::boolean("full_obs", false, "see all"),
                 ParamSpec::choice("state", "concat", {"concat", "true"}, "which state"),
                 ParamSpec::text("file", "", "a file")},
                "env.");
}

std::string set_error(const char* key, const char* text) {
  Params params = example();
  return user_error([&] { params.set_text(key, text); });
}

}  // namespace

TEST_CASE("nearest_match finds slips of the finger and nothing else") {
  const std::vector<std::string> names = {"qmix", "vdn", "qmix_gre", "predator_prey/5x5", "limit"};
  CHECK(credo::nearest_match("qmx", names) == "qmix");
  CHECK(credo::nearest_match("qimx", names) == "qmix");
  CHECK(credo::nearest_match("limti", names) == "limit");
  CHECK(credo::nearest_match("predatorprey/55", names) == "predator_prey/5x5");
  CHECK(credo::nearest_match("qmix", names) == "qmix");
  CHECK(credo::nearest_match("zebra", names) == "");
  CHECK(credo::nearest_match("xy", names) == "");
  CHECK(credo::nearest_match("", names) == "");
  CHECK(credo::nearest_match("anything", {}) == "");
}

TEST_CASE("nearest_match knows a name by its last component, its beginning and in any case") {
  const std::vector<std::string> keys = {"mixer.embed_dim", "qplex.embed_dim",    "coma.critic_lr",
                                         "optimizer.lr",    "learner.batch_size", "gre.lambda"};
  CHECK(credo::nearest_match("lr", keys) == "optimizer.lr");
  CHECK(credo::nearest_match("learner.lr", keys) == "optimizer.lr");
  CHECK(credo::nearest_match("mixer.embed", keys) == "mixer.embed_dim");
  CHECK(credo::nearest_match("batch", keys) == "learner.batch_size");
  CHECK(credo::nearest_match("GRE.Lambda", keys) == "gre.lambda");
  CHECK(credo::nearest_match("qplx.embed_dim", keys) == "qplex.embed_dim");
  const std::vector<std::string> names = {"qmix_gre", "qmix", "ow_qmix", "skirmish/3m"};
  CHECK(credo::nearest_match("QMIX", names) == "qmix");
  CHECK(credo::nearest_match("OW-QMIX", names) == "ow_qmix");
  CHECK(credo::nearest_match("3m", names) == "skirmish/3m");
  CHECK(credo::nearest_match("tmax", std::vector<std::string>{"--env", "--t-max"}) == "--t-max");
  CHECK(credo::unknown_name_message("key", "embed_dim", keys) ==
        "unknown key 'embed_dim'; did you mean 'mixer.embed_dim' or 'qplex.embed_dim'? allowed: "
        "mixer.embed_dim, qplex.embed_dim, coma.critic_lr, optimizer.lr, learner.batch_size, "
        "gre.lambda");
}

TEST_CASE("whole numbers may be written with an exponent, and only when they are exact") {
  using credo::parse_integer;
  CHECK(parse_integer("100000") == 100000);
  CHECK(parse_integer("+7") == 7);
  CHECK(parse_integer("1e5") == 100000);
  CHECK(parse_integer("1E+5") == 100000);
  CHECK(parse_integer("2.5e6") == 2500000);
  CHECK(parse_integer("1.50e1") == 15);
  CHECK(parse_integer("-3e2") == -300);
  CHECK(parse_integer("1200e-2") == 12);
  CHECK(parse_integer("0e-3") == 0);
  CHECK(parse_integer("9.223372036854775807e18") == INT64_MAX);
  for (const char* bad : {"",      "e5",   "1e",    "1e+",   "1.5e0", "1.5",
                          "1.0",   "1.e5", ".5e1",  "1e-1",  "1e19",  "9.223372036854775808e18",
                          "1e999", "1e5 ", " 1e5",  "1e5.0", "0x1e5", "--1e5",
                          "1e--5", "+-1",  "1,000", "1_000", "inf",   "nan"})
    CHECK_MESSAGE(!parse_integer(bad), bad);
  Params params = example();
  params.set_text("steps", "1e1");
  CHECK(params.integer("steps") == 10);
  params.set("steps", 1e2);
  CHECK(params.integer("steps") == 100);
  CHECK(set_error("steps", "1.5e0") ==
        "env.steps = '1.5e0': not of type int; allowed: int [1, 100]");
  CHECK(user_error([&] { params.set("steps", 2.5); }) ==
        "env.steps = '2.5': not of type int; allowed: int [1, 100]");
}

TEST_CASE("unknown names are reported in one line with the allowed ones, long lists cut") {
  const std::vector<std::string> few = {"qmix", "vdn"};
  CHECK(credo::unknown_name_message("algorithm", "qmx", few) ==
        "unknown algorithm 'qmx'; did you mean 'qmix'? allowed: qmix, vdn");
  CHECK(credo::unknown_name_message("algorithm", "zebra", few) ==
        "unknown algorithm 'zebra'; allowed: qmix, vdn");
  std::vector<std::string> many;
  for (int i = 0; i < 30; ++i) many.push_back("name_" + std::to_string(100 + i));
  const std::string message = credo::unknown_name_message("thing", "zebra", many);
  CHECK(contains(message, "name_111, ... (30 in all)"));
  CHECK_FALSE(contains(message, "name_112"));
  CHECK_FALSE(contains(message, "\n"));
}

TEST_CASE("parameters parse by their declared type and print so that they read back") {
  Params params = example();
  params.set_text("steps", "7");
  params.set_text("penalty", "-1.25e0");
  params.set_text("full_obs", "true");
  params.set_text("state", "true");
  params.set_text("file", "some where.toml");
  CHECK(params.integer("steps") == 7);
  CHECK(params.integer32("steps") == 7);
  CHECK(params.real("penalty") == -1.25);
  CHECK(params.boolean("full_obs"));
  CHECK(params.text("state") == "true");
  CHECK(params.text("file") == "some where.toml");
  params.set("penalty", std::int64_t{-2});  // TOML writes -2 where it means -2.0
  CHECK(params.real("penalty") == -2.0);
  for (const double value : {0.1, -0.5, 1e-7, 1.0 / 3.0}) {
    Params other({ParamSpec::real("x", 0.0, -1e9, 1e9, "x")});
    other.set_text("x", credo::to_text(value));
    CHECK(other.real("x") == value);
  }
  CHECK(credo::to_text(true) == "true");
  CHECK(credo::to_text(std::int64_t{25}) == "25");
  CHECK(credo::to_text(-0.5) == "-0.5");
}

TEST_CASE("bad parameters are refused in one line that names key, value and what is allowed") {
  CHECK(set_error("steps", "0") == "env.steps = '0': out of range; allowed: int [1, 100]");
  CHECK(set_error("steps", "101") == "env.steps = '101': out of range; allowed: int [1, 100]");
  CHECK(set_error("steps", "2.5") == "env.steps = '2.5': not of type int; allowed: int [1, 100]");
  CHECK(set_error("steps", "99999999999999999999") ==
        "env.steps = '99999999999999999999': not of type int; allowed: int [1, 100]");
  CHECK(set_error("penalty", "1") == "env.penalty = '1': out of range; allowed: float [-10, 0]");
  CHECK(contains(set_error("penalty", "nan"), "not a finite number"));
  CHECK(contains(set_error("penalty", "-inf"), "not a finite number"));
  CHECK(set_error("full_obs", "yes") ==
        "env.full_obs = 'yes': not of type bool; allowed: bool true | false");
  CHECK(set_error("state", "concta") ==
        "env.state = 'concta': did you mean 'concat'?; allowed: string concat | true");
  CHECK(set_error("stpes", "3") ==
        "unknown parameter 'env.stpes'; did you mean 'env.steps'? allowed: env.steps, env.penalty, "
        "env.full_obs, env.state, env.file");
  Params params = example();
  CHECK_THROWS_AS(params.set("steps", 2.5), credo::UserError);
  CHECK_THROWS_AS(params.set("full_obs", std::int64_t{1}), credo::UserError);
  CHECK_THROWS_AS((void)params.real("steps"), credo::Error);
  CHECK_THROWS_AS((void)params.text("nothing"), credo::UserError);
}

TEST_CASE("a default follows other parameters until somebody chooses a value") {
  const auto declared = [] {
    ParamSpec limit = ParamSpec::integer("limit", 35, 1, 1000, "when it ends");
    limit.follows = {"steps", "file"};
    limit.follow = [](const Params& params) -> std::optional<credo::ParamValue> {
      if (params.text("file") == "bad") return std::nullopt;
      return params.integer("steps") + 10;
    };
    ParamSpec twice = ParamSpec::integer("twice", 70, 1, 2000, "follows what follows");
    twice.follows = {"limit"};
    twice.follow = [](const Params& params) {
      return credo::ParamValue(2 * params.integer("limit"));
    };
    return Params({ParamSpec::integer("steps", 25, 1, 100, "how many"),
                   ParamSpec::text("file", "", "a file"), limit, twice},
                  "env.");
  };
  Params params = declared();
  CHECK(params.integer("limit") == 35);
  params.set_text("steps", "5");
  CHECK(params.integer("limit") == 15);
  CHECK(params.integer("twice") == 30);
  params.set_default("steps", std::int64_t{7});
  CHECK(params.integer("limit") == 17);
  params.set_default("limit", std::int64_t{20});  // still follows
  CHECK(params.integer("twice") == 40);
  params.set_text("file", "bad");  // makes no sense: nothing changes
  params.set_text("steps", "9");
  CHECK(params.integer("limit") == 20);
  params.set_text("file", "good");
  CHECK(params.integer("limit") == 19);
  // Chosen values stay, whatever comes before or after them.
  params.set("limit", std::int64_t{3});
  params.set_text("steps", "50");
  CHECK(params.integer("limit") == 3);
  CHECK(params.integer("twice") == 6);
  Params other = declared();
  CHECK_THROWS_AS(other.set_text("limit", "0"), credo::UserError);
  other.set_text("steps", "50");
  CHECK(other.integer("limit") == 60);
}

TEST_CASE("limits, bounds and help texts follow the parameters of every family") {
  struct Row {
    const char* id;
    Settings settings;
    int limit;
    const char* help;
  };
  const std::vector<Row> rows = {
      {"hallway", {}, 16, "2 agents in corridors of length 6, 6"},
      {"hallway", {{"lengths", "4,30,2"}}, 40, "3 agents in corridors of length 4, 30, 2"},
      {"hallway/2-6-10", {}, 20, "3 agents in corridors of length 2, 6, 10"},
      {"hallway/2-6-10", {{"lengths", "3"}}, 13, "1 agent in corridors of length 3"},
      {"hallway",
       {{"limit", "9"}, {"lengths", "30,30"}},
       9,
       "2 agents in corridors of length 30, 30"},
      {"switch_riddle", {}, 6, "3 prisoners, 6 steps"},
      {"switch_riddle", {{"n_agents", "10"}}, 34, "10 prisoners, 34 steps"},
      {"switch_riddle/4", {{"n_agents", "32"}}, 122, "32 prisoners, 122 steps"},
      {"switch_riddle/4", {{"n_agents", "32"}, {"limit", "40"}}, 40, "32 prisoners, 40 steps"},
      {"predator_prey/5x5",
       {{"size", "9"}, {"static_prey", "true"}},
       100,
       "PredatorPrey 9x9, static prey, partial observation"},
      {"switch/2",
       {{"n_agents", "3"}, {"clock", "true"}},
       50,
       "Switch with 3 agents, partial observation and clock"},
      {"checkers", {{"full_obs", "true"}}, 100, "Checkers, full observation"},
      {"lumberjacks", {{"full_obs", "true"}}, 100, "Lumberjacks, full observation"},
      {"traffic_junction/4",
       {{"n_agents", "7"}},
       100,
       "TrafficJunction with 7 cars, partial observation"},
      {"stag_hunt/8x8",
       {{"n_agents", "4"}, {"size", "6"}, {"n_hares", "2"}},
       200,
       "4 agents hunt 8 stags and 2 hares on a 6x6 board"},
      {"lbf/8x8-2p-2f",
       {{"n_agents", "4"}, {"coop", "true"}, {"sight", "3"}},
       50,
       "foraging on 8x8, 4 players, 2 food, three needed for each, sight 3"},
      {"matrix/qtran", {{"game", "climbing"}}, 1, "climbing game (Claus and Boutilier 1998)"},
      {"matrix/penalty-25-25",
       {{"k", "3.5"}, {"limit", "4"}},
       4,
       "penalty game with k = 3.5, played 4 times"},
      {"matrix/qtran-n", {{"n_agents", "5"}}, 1, "QTRAN game for 5 agents"},
      {"skirmish/3m", {}, 60, "SMAC's map 3m"},
      {"skirmish/3m", {{"map", "MMM2"}}, 180, "SMAC's map MMM2"},
      {"skirmish/8m", {{"map", "terran_5v5"}}, 200, "SMACv2-style random terran armies 5v5"},
      {"skirmish/8m",
       {{"limit", "5"}, {"map", "terran_5v5"}},
       5,
       "SMACv2-style random terran armies 5v5"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.id);
    CAPTURE(row.help);
    const auto env = make(row.id, row.settings);
    CHECK(env->spec().episode_limit == row.limit);
    CHECK(env->spec().help == row.help);
  }
  // Bounds: what cannot be reached in time is not promised.
  CHECK(make("hallway", {{"lengths", "30,30"}, {"limit", "15"}})->spec().best_return == 2.5);
  CHECK(make("hallway", {{"lengths", "30,30"}})->spec().best_return == 10.0);
  CHECK(make("switch_riddle", {{"limit", "2"}})->spec().return_bound == 0.0);
  CHECK(make("lumberjacks", {{"limit", "3"}})->spec().return_bound == 2.0 * (6 * 10 - 3));
  CHECK(make("two_step", {{"limit", "1"}})->spec().return_bound == 0.0);
  // What the defaults would be beside other values.
  credo::Params params = credo::env_params("hallway");
  params.set_text("lengths", "30,30");
  CHECK(credo::env_defaults("hallway", params).integer("limit") == 40);
  CHECK(credo::env_defaults("hallway", params).text("lengths") == "6,6");
}

TEST_CASE("at the limit every family ends as the code of its literature does") {
  // docs/environments.md, "Time limits", with sources.
  const std::map<std::string, bool> terminal = {
      {"matrix", true},      {"two_step", true},   {"predator_prey", true},
      {"switch", true},      {"stag_hunt", false}, {"checkers", true},
      {"lumberjacks", true}, {"combat", true},     {"traffic_junction", true},
      {"lbf", true},         {"hallway", true},    {"switch_riddle", true}};
  for (const std::string& id : credo::list_envs()) {
    const auto family = terminal.find(id.substr(0, id.find('/')));
    if (family == terminal.end()) continue;  // skirmish: tests/skirmish
    CAPTURE(id);
    CHECK(make(id)->spec().limit_is_terminal == family->second);
  }
}

TEST_CASE("ill-formed declarations are errors of the author") {
  CHECK_THROWS_AS(Params({ParamSpec::integer("n", 5, 1, 4, "help")}), credo::Error);
  CHECK_THROWS_AS(Params({ParamSpec::integer("n", 2, 1, 4, "")}), credo::Error);
  CHECK_THROWS_AS(Params({ParamSpec::choice("c", "x", {"y"}, "help")}), credo::Error);
  CHECK_THROWS_AS(
      Params({ParamSpec::boolean("b", true, "one"), ParamSpec::boolean("b", true, "two")}),
      credo::Error);
}

TEST_CASE("byte buffers return what was put in and refuse to read past their end") {
  credo::ByteWriter out;
  out.put_tag("head");
  out.put<std::int32_t>(-7);
  out.put_vector(std::vector<double>{1.5, -2.5});
  out.put_string("");
  credo::ByteReader in(out.bytes());
  in.expect_tag("head");
  CHECK(in.get<std::int32_t>() == -7);
  CHECK(in.get_vector<double>() == std::vector<double>{1.5, -2.5});
  CHECK(in.get_string().empty());
  CHECK(in.at_end());
  CHECK_THROWS_AS(in.get<char>(), credo::Error);
  credo::ByteReader again(out.bytes());
  CHECK_THROWS_AS(again.expect_tag("tail"), credo::Error);
  // A length that promises more than there is must not be believed.
  credo::ByteWriter lie;
  lie.put<std::uint64_t>(~std::uint64_t{0});
  credo::ByteReader liar(lie.bytes());
  CHECK_THROWS_AS(liar.get_vector<int>(), credo::Error);
}

TEST_CASE("the registry lists every id once and makes each of them") {
  const auto ids = credo::list_envs();
  CHECK(std::set<std::string>(ids.begin(), ids.end()).size() == ids.size());
  for (const char* id : {"matrix/qtran",
                         "matrix/climbing",
                         "matrix/penalty-25",
                         "matrix/climbing-25",
                         "matrix/penalty-100-25",
                         "matrix/qtran-n",
                         "matrix/custom",
                         "two_step",
                         "predator_prey/5x5",
                         "predator_prey/5x5-full",
                         "predator_prey/5x5-static",
                         "predator_prey/5x5-static-full",
                         "predator_prey/7x7",
                         "predator_prey/7x7-static-full",
                         "switch/2",
                         "switch/2-full",
                         "switch/2-clock",
                         "switch/2-full-clock",
                         "switch/4",
                         "switch/4-full-clock",
                         "stag_hunt/8x8"}) {
    CAPTURE(id);
    CHECK(std::find(ids.begin(), ids.end(), id) != ids.end());
    CHECK(credo::make_env(id)->spec().id == id);
  }
  CHECK(
      contains(user_error([] { credo::make_env("matrix/qtan"); }), "did you mean 'matrix/qtran'?"));
  // Parameters of another family do not fit.
  CHECK_THROWS_AS(credo::make_env("two_step", credo::env_params("switch/2")), credo::Error);
}

TEST_CASE("dimensions are those of the original environments") {
  struct Row {
    const char* id;
    int n_agents, n_actions, obs_dim, state_dim, limit;
  };
  const std::vector<Row> rows = {{"predator_prey/5x5", 2, 5, 28, 56, 100},
                                 {"predator_prey/5x5-full", 2, 5, 56, 112, 100},
                                 {"predator_prey/7x7", 4, 5, 28, 112, 100},
                                 {"predator_prey/7x7-full", 4, 5, 112, 448, 100},
                                 {"predator_prey/5x5-static", 2, 5, 28, 56, 100},
                                 {"switch/2", 2, 5, 2, 4, 50},
                                 {"switch/2-full", 2, 5, 4, 8, 50},
                                 {"switch/2-clock", 2, 5, 3, 6, 50},
                                 {"switch/2-full-clock", 2, 5, 6, 12, 50},
                                 {"switch/4", 4, 5, 2, 8, 50},
                                 {"switch/4-full", 4, 5, 8, 32, 50},
                                 {"switch/4-clock", 4, 5, 3, 12, 50},
                                 {"switch/4-full-clock", 4, 5, 12, 48, 50},
                                 {"stag_hunt/8x8", 8, 6, 75, 300, 200},
                                 {"two_step", 2, 2, 3, 3, 2}};
  for (const Row& row : rows) {
    CAPTURE(row.id);
    const auto env = make(row.id);
    const credo::EnvSpec& spec = env->spec();
    CHECK(spec.n_agents == row.n_agents);
    CHECK(spec.n_actions == row.n_actions);
    CHECK(spec.obs_dim == row.obs_dim);
    CHECK(spec.state_dim == row.state_dim);
    CHECK(spec.episode_limit == row.limit);
  }
}

TEST_CASE("every registered environment has a recorded playthrough and no record is an orphan") {
  const std::filesystem::path folder =
      std::filesystem::path(CREDO_SOURCE_DIR) / "tests/golden/playthroughs";
  std::set<std::string> expected;
  for (std::string id : credo::list_envs()) {
    std::replace(id.begin(), id.end(), '/', '_');
    expected.insert(id + ".txt");
  }
  std::set<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    found.insert(entry.path().filename().string());
  for (const std::string& name : expected) CHECK_MESSAGE(found.contains(name), "missing: " << name);
  for (const std::string& name : found) CHECK_MESSAGE(expected.contains(name), "orphan: " << name);
}
