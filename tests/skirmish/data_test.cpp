// Data files: exact reading, and errors that name file, line and key.
#include "envs/skirmish/data.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>

#include "tests/skirmish/support.hpp"

using namespace credo::skirmish;
using namespace credo::skirmish::test;

namespace {

std::string embedded(const std::string& path) {
  for (const EmbeddedFile& file : embedded_files())
    if (file.path == path) return std::string(file.text);
  return {};
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

template <typename Parse>
std::string message(Parse parse) {
  try {
    parse();
  } catch (const credo::UserError& error) {
    return error.what();
  }
  return "accepted";
}

struct Broken {
  const char* from;
  const char* to;
  const char* expected;
};

}  // namespace

TEST_CASE("every built-in file loads") {
  for (const std::string& name : embedded_names("profiles"))
    CHECK(!load_profile(name, "").units.empty());
  for (const std::string& name : embedded_names("maps")) CHECK(load_map(name, "").limit > 0);
  for (const std::string& name : embedded_names("terrain"))
    CHECK(load_terrain(name, "").name == name);
  CHECK(embedded_names("maps").size() == 23 + 15);
}

TEST_CASE("broken unit files: line and key are named") {
  const std::string good = embedded("profiles/liberty.toml");
  const Broken cases[] = {
      {"hp = 45", "hp = \"many\"", "key 'unit.marine.hp': must be a number"},
      {"hp = 45", "hp = -45", "key 'unit.marine.hp': -45 is outside"},
      {"hp = 45", "hp = nan", "key 'unit.marine.hp': nan is outside"},
      {"hp = 45", "hpp = 45", "key 'unit.marine.hp': is missing"},
      {"hp = 45", "hp = 45\ncolour = 3", "key 'unit.marine.colour'"},
      {"period = 0.8608", "period = 0.0", "key 'unit.marine.weapon.period'"},
      {"\"light\", \"biological\"", "\"lihgt\"", "did you mean 'light'"},
      {"targets = [\"ground\", \"air\"]", "targets = \"ground\"", "must be an array of strings"},
      {"layer = \"air\"", "layer = \"water\"", "key 'unit.medivac.layer'"},
      {"time_scale = 1.0", "", "key 'rules.time_scale': is missing"},
      {"jitter_loops = [-1.0, 2.0]", "jitter_loops = [2.0, -1.0]", "is not ascending"},
      {"hits = 2", "hits = 2.5", "must be an integer"},
      {"[unit.marine]", "[unit.marine", "units.toml:"}};
  for (const Broken& broken : cases) {
    const std::string text = replaced(good, broken.from, broken.to);
    const std::string error = message([&] { (void)parse_profile("liberty", text, "units.toml"); });
    INFO(error);
    CHECK(error.find("units.toml:") == 0);
    CHECK(error.find(broken.expected) != std::string::npos);
    CHECK(error.find('\n') == std::string::npos);
  }
  const std::string error = message(
      [&] { (void)parse_profile("p", replaced(good, "hp = 45", "hp = \"x\""), "units.toml"); });
  const auto line =
      std::count(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(good.find("hp = 45")),
                 '\n') +
      1;
  CHECK(error.find("units.toml:" + std::to_string(line) + ":") == 0);
}

TEST_CASE("broken map and terrain files") {
  const std::string map = embedded("maps/2s3z.toml");
  const Broken cases[] = {{"limit = 120", "limit = 0", "key 'limit'"},
                          {"unit = \"stalker\"", "unit = 7", "key 'ally[0].unit'"},
                          {"count = 2", "count = 2000", "key 'ally[0].count'"},
                          {"at = [9.0, 16.0]", "at = [9.0]", "key 'ally[0].at'"},
                          {"ally_types = [\"stalker\", \"zealot\"]",
                           "ally_types = [\"stalker\", \"marine\"]", "lacks unit 'zealot'"},
                          {"kind = \"point\"", "kind = \"pint\"", "did you mean 'point'"},
                          {"terrain = \"strip\"", "terrain = \"stripe\"", "did you mean 'strip'"}};
  for (const Broken& broken : cases) {
    const std::string text = replaced(map, broken.from, broken.to);
    const std::string error = message([&] { (void)parse_map("m", text, "m.toml", ""); });
    INFO(error);
    CHECK(error.find("m.toml:") == 0);
    CHECK(error.find(broken.expected) != std::string::npos);
  }
  const std::string terrain = embedded("terrain/strip.toml");
  CHECK(message([&] {
          (void)parse_terrain(
              "t", replaced(terrain, "  \"################################\",\n", ""), "t.toml");
        }).find("has 31 rows") != std::string::npos);
  CHECK(message([&] {
          (void)parse_terrain("t", replaced(terrain, "........", "...?...."), "t.toml");
        }).find("uses '?'") != std::string::npos);
}

TEST_CASE("malformed bytes never get through") {
  const std::string good = embedded("profiles/liberty.toml");
  for (const char* bytes : {"\xFF", "\xC3", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xC0\xAF"}) {
    const std::string error = message(
        [&] { (void)parse_profile("p", "# " + std::string(bytes) + "\n" + good, "p.toml"); });
    CHECK(error.find("p.toml:1: not valid UTF-8") == 0);
  }
  CHECK(message([&] { (void)parse_profile("p", std::string("a\0b", 3), "p.toml"); }).find("NUL") !=
        std::string::npos);
  // Cut and bent files are refused or read, but never crash.
  credo::Stream stream = episode(1);
  for (int n = 0; n < 400; ++n) {
    std::string text = good;
    text.resize(stream.below(static_cast<std::uint32_t>(text.size())));
    for (int k = 0; k < 3 && !text.empty(); ++k)
      text[stream.below(static_cast<std::uint32_t>(text.size()))] =
          static_cast<char>(stream.below(256));
    (void)message([&] { (void)parse_profile("p", text, "p.toml"); });
  }
}

TEST_CASE("a folder of files adds maps and overrides units without code") {
  const auto folder = std::filesystem::temp_directory_path() / "credo_skirmish_data_test";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder / "maps");
  std::filesystem::create_directories(folder / "profiles");
  std::ofstream(folder / "maps" / "pair.toml")
      << "limit = 30\nterrain = \"flat\"\nmap_type = \"marines\"\nally_types = []\n"
         "enemy_types = []\n[[ally]]\nunit = \"marine\"\ncount = 2\nat = [10.0, 16.0]\n"
         "[[enemy]]\nunit = \"marine\"\ncount = 1\nat = [20.0, 16.0]\n[enemy_order]\nkind = "
         "\"hunt\"\n";
  std::ofstream(folder / "profiles" / "liberty.toml")
      << replaced(embedded("profiles/liberty.toml"), "hp = 45", "hp = 46.5");
  const auto env = make("skirmish/3m", {{"map", "pair"}, {"data_dir", folder.string()}});
  CHECK(env->spec().n_agents == 2);
  CHECK(env->spec().n_actions == 7);
  CHECK(env->spec().episode_limit == 30);  // the map's own
  CHECK(env->spec().help == "map pair, with the data in " + folder.string());
  CHECK(
      make("skirmish/3m", {{"data_dir", folder.string()}, {"map", "pair"}})->spec().episode_limit ==
      30);
  CHECK(make("skirmish/3m", {{"map", "pair"}, {"limit", "44"}, {"data_dir", folder.string()}})
            ->spec()
            .episode_limit == 44);
  env->reset(episode(1));
  CHECK(hp(as_skirmish(*env).battle(), 0) == 46.5);
  CHECK(message([&] {
          (void)make("skirmish/3m", {{"data_dir", "no/such/folder"}});
        }).find("env.data_dir") == 0);
  CHECK(message([&] { (void)make("skirmish/3m", {{"map", "3n"}}); }).find("env.map") == 0);
  CHECK(message([&] {
          (void)make("skirmish/6h_vs_8z", {{"profile", "smaclite"}});
        }).find("hydralisk") != std::string::npos);
  std::ofstream(folder / "maps" / "pair.toml")
      << replaced(embedded("maps/3m.toml"), "unit = \"marine\"", "unit = \"marin\"");
  const std::string unit = message([&] {
    (void)make("skirmish/3m", {{"map", "pair"}, {"data_dir", folder.string()}});
  });
  INFO(unit);
  CHECK(unit.find("pair.toml:8: key 'ally[0].unit': unknown unit") != std::string::npos);
  CHECK(unit.find("did you mean 'marine'") != std::string::npos);
  std::filesystem::remove_all(folder);
}

TEST_CASE("SMACv2's options go with generated armies, whatever the id") {
  const auto generated = make("skirmish/3m", {{"map", "zerg_5v5"}});
  CHECK(generated->spec().obs_dim == make("skirmish/zerg_5v5")->spec().obs_dim);
  CHECK(make("skirmish/zerg_5v5", {{"map", "3m"}})->spec().obs_dim ==
        make("skirmish/3m")->spec().obs_dim);
  CHECK(make("skirmish/zerg_5v5", {{"map", "3m"}, {"obs_own_pos", "true"}})->spec().obs_dim ==
        make("skirmish/3m")->spec().obs_dim + 2);
}

TEST_CASE("all profiles fight on the maps whose units they know") {
  for (const char* profile : {"liberty", "lotv", "smaclite", "smax"}) {
    const auto env = make("skirmish/3s_vs_5z", {{"profile", profile}});
    std::vector<int> actions(3);
    credo::Stream stream = episode(1);
    env->reset(episode(1));
    while (!env->done()) {
      random_actions(*env, stream, actions);
      env->step(actions);
    }
    INFO(profile);
    CHECK(as_skirmish(*env).battle().n_alive(0) < 3);
  }
}
