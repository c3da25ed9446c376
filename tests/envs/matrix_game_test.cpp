// Every payoff of the matrix games, the files of custom ones, and the two-step game.
#include <filesystem>
#include <fstream>
#include <map>

#include "support.hpp"

using namespace env_tests;

namespace {

using Matrix = std::vector<std::vector<double>>;

double payoff(credo::Env& env, const std::vector<int>& actions) {
  env.reset(env_stream(1, 0));
  return env.step(actions).reward;
}

Matrix payoffs(credo::Env& env) {
  const int n = env.spec().n_actions;
  Matrix matrix;
  for (int row = 0; row < n; ++row) {
    matrix.emplace_back();
    for (int col = 0; col < n; ++col) matrix.back().push_back(payoff(env, {row, col}));
  }
  return matrix;
}

Matrix penalty(double k) { return {{-k, 0, 10}, {0, 2, 0}, {10, 0, -k}}; }

/// A payoff file that lives as long as this object.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text)
      : path_(std::filesystem::temp_directory_path() /
              ("credo_payoff_" + std::to_string(std::hash<std::string>{}(text)) + ".toml")) {
    std::ofstream(path_) << text;
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { std::filesystem::remove(path_); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

std::unique_ptr<credo::Env> custom(const TemporaryFile& file) {
  return make("matrix/custom", {{"payoff_file", file.path()}});
}

// The message for a file with this content, without the path in front.
std::string file_error(const std::string& text) {
  const TemporaryFile file(text);
  const std::string message = user_error([&file] { custom(file); });
  REQUIRE(message.starts_with(file.path()));
  return message.substr(file.path().size());
}

}  // namespace

TEST_CASE("two-player payoffs are the published ones") {
  const std::map<std::string, Matrix> games = {
      {"qtran", {{8, -12, -12}, {-12, 0, 0}, {-12, 0, 0}}},
      {"qplex3", {{8, -12, -12}, {-12, 6, 0}, {-12, 0, 6}}},
      {"qplex1", {{10.4, 0, 10}, {0, 10, 10}, {10, 10, 10}}},
      {"wqmix", {{12, 0, 10}, {0, 10, 10}, {10, 10, 10}}},
      {"pymarl2", {{12, -0.1, -0.1}, {-0.1, 0, 0}, {-0.1, 0, 0}}},
      {"climbing", {{11, -30, 0}, {-30, 7, 0}, {0, 6, 5}}},
      {"trivial", {{11, 8, 0}, {8, 7, 0}, {0, 0, 0}}},
      {"linear", {{1, 4, 2}, {0, 3, 1}, {2, 5, 3}}},
      {"nonlinear", {{0, 3, 1}, {0, 0, 0}, {0, 6, 2}}},
      {"diagonal", {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}},
      {"penalty", penalty(100)},
      {"penalty-0", penalty(0)},
      {"penalty-25", penalty(25)},
      {"penalty-50", penalty(50)},
      {"penalty-75", penalty(75)},
      {"penalty-100", penalty(100)}};
  for (const auto& game : games) {
    const auto& name = game.first;
    const auto& expected = game.second;
    CAPTURE(name);
    CHECK(payoffs(*make("matrix/" + name)) == expected);
    if (name != "penalty") CHECK(payoffs(*make("matrix/" + name + "-25")) == expected);
  }
  CHECK(payoffs(*make("matrix/penalty", {{"k", "12.5"}})) == penalty(12.5));
}

TEST_CASE("climbing game of three players") {
  const auto env = make("matrix/climbing3");
  const std::vector<Matrix> slices = {{{11, -30, 0}, {-30, 0, 0}, {0, 0, 0}},
                                      {{-30, 0, 0}, {0, 7, 0}, {0, 0, 0}},
                                      {{0, 0, 0}, {0, 0, 0}, {0, 6, 5}}};
  for (int a = 0; a < 3; ++a)
    for (int b = 0; b < 3; ++b)
      for (int c = 0; c < 3; ++c)
        CHECK(payoff(*env, {a, b, c}) ==
              slices[static_cast<std::size_t>(a)][static_cast<std::size_t>(b)]
                    [static_cast<std::size_t>(c)]);
}

TEST_CASE("QTRAN for n agents pays by how many choose action 0") {
  CHECK(payoffs(*make("matrix/qtran-n", {{"n_agents", "2"}})) == payoffs(*make("matrix/qtran")));
  for (const int n_agents : {3, 5}) {
    const auto env = make("matrix/qtran-n", {{"n_agents", std::to_string(n_agents)}});
    CHECK(env->spec().n_agents == n_agents);
    credo::Stream stream(1, credo::purpose("qtran"), 0, 0);
    for (int trial = 0; trial < 500; ++trial) {
      std::vector<int> actions;
      int n_zero = 0;
      for (int agent = 0; agent < n_agents; ++agent) {
        actions.push_back(static_cast<int>(stream.below(3)));
        n_zero += actions.back() == 0 ? 1 : 0;
      }
      const double expected = n_zero == n_agents ? 8.0 : n_zero == 0 ? 0.0 : -12.0;
      REQUIRE(payoff(*env, actions) == expected);
    }
    CHECK(payoff(*env, std::vector<int>(static_cast<std::size_t>(n_agents), 0)) == 8.0);
  }
}

TEST_CASE("the diagonal game takes any number of actions") {
  const auto env = make("matrix/diagonal", {{"n_actions", "7"}});
  CHECK(env->spec().n_actions == 7);
  for (int a = 0; a < 7; ++a)
    for (int b = 0; b < 7; ++b) CHECK(payoff(*env, {a, b}) == (a == b ? 1.0 : 0.0));
}

TEST_CASE("one play is a true end, repeated plays end at a time limit") {
  const auto one = make("matrix/qtran", {{"limit_is_terminal", "false"}, {"limit", "50"}});
  one->reset(env_stream(1, 0));
  const credo::StepResult only = one->step(std::vector<int>{0, 0});
  CHECK(only.terminated);
  CHECK_FALSE(only.truncated);
  for (const bool is_terminal : {true, false}) {
    const auto many =
        make("matrix/qtran-25", {{"limit_is_terminal", is_terminal ? "true" : "false"}});
    CHECK(many->spec().episode_limit == 25);
    CHECK(*many->spec().return_bound == 200.0);
    many->reset(env_stream(1, 0));
    double sum = 0.0;
    credo::StepResult last;
    while (!many->done()) {
      last = many->step(std::vector<int>{0, 0});
      sum += last.reward;
    }
    CHECK(many->t() == 25);
    CHECK(sum == 200.0);
    CHECK(last.terminated == is_terminal);
    CHECK(last.truncated == !is_terminal);
  }
  CHECK(make("matrix/qtran-25")->spec().limit_is_terminal);
  CHECK(make("matrix/climbing", {{"steps", "7"}})->spec().episode_limit == 7);
}

TEST_CASE("observations are one constant, or the last joint action for everybody") {
  const auto constant = make("matrix/climbing-25");
  constant->reset(env_stream(1, 0));
  CHECK(obs_of(*constant) == std::vector<float>{1.0F, 1.0F});
  CHECK(state_of(*constant) == std::vector<float>{1.0F});
  const auto last = make("matrix/climbing-25", {{"obs", "last_actions"}});
  last->reset(env_stream(1, 0));
  CHECK(state_of(*last) == std::vector<float>(6, 0.0F));
  last->step(std::vector<int>{2, 1});
  const std::vector<float> expected = {0, 0, 1, 0, 1, 0};
  CHECK(state_of(*last) == expected);
  CHECK(obs_of(*last) == std::vector<float>{0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 1, 0});
}

TEST_CASE("the scripted policy plays the best joint action of every matrix game") {
  for (const std::string& id : credo::list_envs()) {
    if (!id.starts_with("matrix/")) continue;
    CAPTURE(id);
    const auto env = make(id);
    CHECK(play(*env, scripted(*env)) == doctest::Approx(*env->spec().return_bound));
  }
}

TEST_CASE("the return of random play that the spec declares is the one random play has") {
  for (const char* id : {"matrix/qplex1", "matrix/climbing3", "matrix/custom", "two_step"}) {
    CAPTURE(id);
    const auto env = make(id);
    CHECK(agrees(sample_returns(*env, random_actions, 20000), env->spec().random_return.value()));
  }
  const auto repeated = make("matrix/penalty-25-25", {{"limit", "7"}});
  CHECK(repeated->spec().random_return.value() == doctest::Approx(7.0 * -28.0 / 9.0));
}

TEST_CASE("parameters of one game are refused in another") {
  CHECK(user_error([] {
          make("matrix/qtran", {{"k", "50"}});
        }) == "env.k = '50': only the game 'penalty' has it, this is 'qtran'");
  CHECK(contains(user_error([] { make("matrix/climbing", {{"n_agents", "4"}}); }), "env.n_agents"));
  CHECK(contains(user_error([] {
                   make("matrix/climbing", {{"payoff_file", "x"}});
                 }),
                 "env.payoff_file"));
}

TEST_CASE("custom payoffs come from a file, for any number of agents and actions") {
  const TemporaryFile equal("actions = [2, 2]\npayoff = [[1, -2.5], [3, 4]]\n");
  CHECK(payoffs(*custom(equal)) == Matrix{{1, -2.5}, {3, 4}});

  const TemporaryFile unequal("actions = [2, 3]\npayoff = [[1, 2, 3], [4, 5, 6]]\n");
  const auto env = custom(unequal);
  CHECK(env->spec().n_actions == 3);
  CHECK(env->spec().reward_high == 6.0);
  env->reset(env_stream(1, 0));
  const auto avail = env->avail_actions();
  CHECK(std::vector<std::uint8_t>(avail.begin(), avail.end()) ==
        std::vector<std::uint8_t>{1, 1, 0, 1, 1, 1});
  for (int a = 0; a < 2; ++a)
    for (int b = 0; b < 3; ++b) CHECK(payoff(*env, {a, b}) == 3 * a + b + 1);
  env->reset(env_stream(1, 0));
  CHECK_THROWS_AS(env->step(std::vector<int>{2, 0}), credo::Error);

  const TemporaryFile three("actions = [1, 2, 2]\npayoff = [[[1, 2], [3, 4]]]\n");
  const auto three_env = custom(three);
  CHECK(three_env->spec().n_agents == 3);
  CHECK(payoff(*three_env, {0, 1, 0}) == 3.0);
}

TEST_CASE("bad payoff files are refused with file, line and key") {
  CHECK(file_error("actions = [2, 2\n").starts_with(":"));
  CHECK(file_error("payoff = [[1]]\n") ==
        ": key 'actions' is missing; give the action count of each agent, e.g. actions = [3, 3]");
  CHECK(file_error("actions = [2, 2]\n") ==
        ": key 'payoff' is missing; give a nested array of numbers");
  CHECK(file_error("actions = [2, 2]\npayof = [[1, 2], [3, 4]]\n") ==
        ":2: unknown key 'payof'; did you mean 'payoff'? allowed: actions, payoff");
  CHECK(contains(file_error("actions = 3\npayoff = [1]\n"), ":1: key 'actions' must be an array"));
  CHECK(contains(file_error("actions = []\npayoff = [1]\n"), ":1: key 'actions' must be an array"));
  CHECK(contains(file_error("actions = [2, 0]\npayoff = [[], []]\n"),
                 ":1: key 'actions' holds an action count that is not in [1, 64]"));
  CHECK(contains(file_error("actions = [2, 2.0]\npayoff = [[1, 2], [3, 4]]\n"), "key 'actions'"));
  CHECK(contains(file_error("actions = [64, 64, 64, 64]\npayoff = [1]\n"), "joint actions"));
  CHECK(file_error("actions = [2, 2]\npayoff = [\n  [1, 2],\n  [3]]\n") ==
        ":4: key 'payoff[1]' must be an array of 2 elements, one per action of agent 1; it has 1");
  CHECK(contains(file_error("actions = [2]\npayoff = 5\n"), ":2: key 'payoff' must be an array"));
  CHECK(file_error("actions = [2, 2]\npayoff = [[1, 2],\n [3, \"x\"]]\n") ==
        ":3: key 'payoff[1][1]' must be a finite number");
  CHECK(contains(file_error("actions = [2, 1]\npayoff = [[1], [nan]]\n"), "finite number"));
  CHECK(contains(user_error([] {
                   make("matrix/custom", {{"payoff_file", "no/such/file.toml"}});
                 }),
                 "no/such/file.toml"));
}

TEST_CASE("two-step game") {
  const auto env = make("two_step");
  const std::vector<float> first = {1, 0, 0};
  for (int a0 = 0; a0 < 2; ++a0) {
    for (int a1 = 0; a1 < 2; ++a1) {
      for (int b0 = 0; b0 < 2; ++b0) {
        for (int b1 = 0; b1 < 2; ++b1) {
          env->reset(env_stream(1, 0));
          CHECK(state_of(*env) == first);
          CHECK(obs_of(*env) == std::vector<float>{1, 0, 0, 1, 0, 0});
          const credo::StepResult one = env->step(std::vector<int>{a0, a1});
          CHECK(one.reward == 0.0);
          CHECK_FALSE(env->done());
          // Only agent 0's choice matters.
          CHECK(state_of(*env) ==
                (a0 == 0 ? std::vector<float>{0, 1, 0} : std::vector<float>{0, 0, 1}));
          const credo::StepResult two = env->step(std::vector<int>{b0, b1});
          const double expected = a0 == 0 ? 7.0 : b0 + b1 == 2 ? 8.0 : b0 + b1 == 1 ? 1.0 : 0.0;
          CHECK(two.reward == expected);
          CHECK(two.terminated);
          CHECK_FALSE(two.truncated);
          CHECK(state_of(*env) == std::vector<float>(3, 0.0F));
        }
      }
    }
  }
  CHECK(play(*env, scripted(*env)) == 8.0);
}
