// Matrix games: every agent picks an action, the joint action selects one team payoff. The payoffs
// are those of the papers that introduced them (named below); `payoff_file` loads your own.
//
// One-step form (steps = 1): one play is the whole task and its end a true end. Repeated form
// (steps > 1): the same game played `steps` times; where it stops is a time limit, stored as
// terminal by default as EPyMARL's gymma wrapper stores it.
//
// The team reward is the payoff, counted once. Wrappers that sum one reward per agent report
// n_agents times as much.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <fmt/format.h>
#include <numeric>
#include <toml++/toml.h>

#include "envs/core/registry.hpp"

namespace credo {
namespace {

constexpr int kMaxAgents = 16;
constexpr int kMaxActions = 64;
constexpr std::size_t kMaxCells = 1'000'000;

/// A payoff for every joint action, row-major with agent 0 as the slowest index.
struct Payoff {
  std::vector<int> n_actions;  // per agent
  std::vector<double> cells;

  static Payoff square(std::vector<double> values) {
    const int n = static_cast<int>(std::lround(std::sqrt(static_cast<double>(values.size()))));
    return {{n, n}, std::move(values)};
  }
};

struct NamedPayoff {
  const char* name;
  const char* source;
  std::vector<double> cells;  // two agents, square
};

const std::vector<NamedPayoff>& square_games() {
  static const std::vector<NamedPayoff> games = {
      {"qtran", "QTRAN (Son et al. 2019): non-monotonic", {8, -12, -12, -12, 0, 0, -12, 0, 0}},
      {"qplex1", "QPLEX game 1 (Wang et al. 2021)", {10.4, 0, 10, 0, 10, 10, 10, 10, 10}},
      {"qplex3", "QPLEX game 3 (Wang et al. 2021)", {8, -12, -12, -12, 6, 0, -12, 0, 6}},
      {"wqmix", "Weighted QMIX (Rashid et al. 2020)", {12, 0, 10, 0, 10, 10, 10, 10, 10}},
      {"pymarl2", "PyMARL2's default game", {12, -0.1, -0.1, -0.1, 0, 0, -0.1, 0, 0}},
      {"climbing", "climbing game (Claus and Boutilier 1998)", {11, -30, 0, -30, 7, 0, 0, 6, 5}},
      {"trivial", "solved by greedy independent choices", {11, 8, 0, 8, 7, 0, 0, 0, 0}},
      {"linear", "payoff is a sum of one term per agent", {1, 4, 2, 0, 3, 1, 2, 5, 3}},
      {"nonlinear", "monotonic but not a sum", {0, 3, 1, 0, 0, 0, 0, 6, 2}},
  };
  return games;
}

Payoff penalty_game(double k) { return Payoff::square({-k, 0, 10, 0, 2, 0, 10, 0, -k}); }

Payoff climbing_three_players() {
  return {{3, 3, 3}, {11,  -30, 0, -30, 0, 0, 0, 0, 0,  //
                      -30, 0,   0, 0,   7, 0, 0, 0, 0,  //
                      0,   0,   0, 0,   0, 0, 0, 6, 5}};
}

// All agents on action 0 pay 8, some but not all pay -12, none 0: for two agents the QTRAN game.
Payoff qtran_n_agents(int n_agents) {
  Payoff payoff{std::vector<int>(static_cast<std::size_t>(n_agents), 3), {}};
  std::size_t n_cells = 1;
  for (int agent = 0; agent < n_agents; ++agent) n_cells *= 3;
  payoff.cells.resize(n_cells);
  for (std::size_t cell = 0; cell < n_cells; ++cell) {
    int on_zero = 0;
    for (std::size_t rest = cell, agent = 0; agent < payoff.n_actions.size(); ++agent, rest /= 3)
      on_zero += rest % 3 == 0 ? 1 : 0;
    payoff.cells[cell] = on_zero == n_agents ? 8.0 : on_zero > 0 ? -12.0 : 0.0;
  }
  return payoff;
}

Payoff diagonal_game(int n_actions) {
  const auto n = static_cast<std::size_t>(n_actions);
  Payoff payoff{{n_actions, n_actions}, std::vector<double>(n * n, 0.0)};
  for (std::size_t action = 0; action < n; ++action) payoff.cells[action * (n + 1)] = 1.0;
  return payoff;
}

// ---- payoff files -------------------------------------------------------------------------------

/// Reads `actions = [3, 2]` and a nested `payoff` array from a TOML file.
class PayoffFile {
 public:
  explicit PayoffFile(const FileSource& source) : path_(source.label()) {
    const auto text = source.read();
    if (!text) fail("env.payoff_file", "cannot be read", {});
    text_ = *text;
  }

  Payoff read() {
    toml::table table;
    try {
      table = toml::parse(text_, path_);
    } catch (const toml::parse_error& error) {
      const auto line = error.source().begin.line;
      throw UserError(fmt::format("{}:{}: {}", path_, line, error.description()));
    }
    const std::vector<std::string> allowed = {"actions", "payoff"};
    for (const auto& [key, node] : table)
      if (std::find(allowed.begin(), allowed.end(), key.str()) == allowed.end())
        throw UserError(fmt::format("{}:{}: {}", path_, node.source().begin.line,
                                    unknown_name_message("key", key.str(), allowed)));
    read_actions(table);
    const toml::node* payoff = table.get("payoff");
    if (payoff == nullptr) fail("payoff", "is missing; give a nested array of numbers", {});
    read_cells(*payoff, 0, "payoff");
    return std::move(payoff_);
  }

 private:
  void read_actions(const toml::table& table) {
    const toml::node* node = table.get("actions");
    if (node == nullptr)
      fail("actions", "is missing; give the action count of each agent, e.g. actions = [3, 3]", {});
    const toml::array* counts = node->as_array();
    if (counts == nullptr || counts->empty() || counts->size() > kMaxAgents)
      fail("actions", fmt::format("must be an array of 1 to {} action counts", kMaxAgents),
           node->source());
    std::size_t n_cells = 1;
    for (const toml::node& element : *counts) {
      const auto count = element.value_exact<std::int64_t>();
      if (!count || *count < 1 || *count > kMaxActions)
        fail("actions", fmt::format("holds an action count that is not in [1, {}]", kMaxActions),
             element.source());
      payoff_.n_actions.push_back(static_cast<int>(*count));
      n_cells *= static_cast<std::size_t>(*count);
      if (n_cells > kMaxCells)
        fail("actions", fmt::format("makes more than {} joint actions", kMaxCells), node->source());
    }
  }

  void read_cells(const toml::node& node, std::size_t depth, const std::string& key) {
    if (depth == payoff_.n_actions.size()) {
      const auto value = node.value<double>();
      if (!node.is_number() || !value || !std::isfinite(*value))
        fail(key, "must be a finite number", node.source());
      payoff_.cells.push_back(*value);
      return;
    }
    const auto size = static_cast<std::size_t>(payoff_.n_actions[depth]);
    const toml::array* rows = node.as_array();
    if (rows == nullptr || rows->size() != size)
      fail(key,
           fmt::format("must be an array of {} elements, one per action of agent {}{}", size, depth,
                       rows == nullptr ? "" : fmt::format("; it has {}", rows->size())),
           node.source());
    for (std::size_t i = 0; i < size; ++i)
      read_cells(*rows->get(i), depth + 1, fmt::format("{}[{}]", key, i));
  }

  [[noreturn]] void fail(const std::string& key, const std::string& what,
                         const toml::source_region& where) const {
    const std::string line = where.begin.line == 0 ? "" : fmt::format(":{}", where.begin.line);
    throw UserError(fmt::format("{}{}: key '{}' {}", path_, line, key, what));
  }

  std::string path_;
  std::string text_;
  Payoff payoff_;
};

// Without a payoff file: agents with different numbers of actions, which exercises the mask.
Payoff example_payoff() { return {{2, 3}, {1, 0, 0, 0, 2, 4}}; }

// ---- the environment ----------------------------------------------------------------------------

class MatrixGame final : public Env {
 public:
  MatrixGame(EnvSpec spec, std::shared_ptr<const Payoff> payoff, bool is_one_step,
             bool shows_last_actions)
      : Env(std::move(spec)),
        payoff_(std::move(payoff)),
        is_one_step_(is_one_step),
        shows_last_actions_(shows_last_actions),
        last_actions_(payoff_->n_actions.size(), -1) {}

  /// The first joint action with the highest payoff.
  void best_actions(std::span<int> actions) const {
    const auto best = std::max_element(payoff_->cells.begin(), payoff_->cells.end());
    auto rest = static_cast<int>(best - payoff_->cells.begin());
    for (std::size_t agent = actions.size(); agent-- > 0;) {
      actions[agent] = rest % payoff_->n_actions[agent];
      rest /= payoff_->n_actions[agent];
    }
  }

 protected:
  void do_reset(Stream& stream) override {
    (void)stream;
    std::fill(last_actions_.begin(), last_actions_.end(), -1);
  }

  Outcome do_step(std::span<const int> actions, Stream& stream) override {
    (void)stream;
    std::size_t cell = 0;
    for (std::size_t agent = 0; agent < actions.size(); ++agent) {
      cell = cell * static_cast<std::size_t>(payoff_->n_actions[agent]) +
             static_cast<std::size_t>(actions[agent]);
      last_actions_[agent] = actions[agent];
    }
    return {.reward = payoff_->cells[cell], .terminated = is_one_step_};
  }

  void do_write_obs(std::span<float> out) const override {
    if (!shows_last_actions_) {
      std::fill(out.begin(), out.end(), 1.0F);
      return;
    }
    const std::size_t n_agents = last_actions_.size();
    const std::size_t dim = out.size() / n_agents;
    for (std::size_t agent = 0; agent < n_agents; ++agent)
      write_last_actions(out.subspan(agent * dim, dim));
  }

  void do_write_state(std::span<float> out) const override {
    if (shows_last_actions_) {
      write_last_actions(out);
    } else {
      out[0] = 1.0F;
    }
  }

  void do_write_avail_actions(std::span<std::uint8_t> out) const override {
    const auto width = static_cast<std::size_t>(spec().n_actions);
    for (std::size_t agent = 0; agent < payoff_->n_actions.size(); ++agent)
      for (auto a = static_cast<std::size_t>(payoff_->n_actions[agent]); a < width; ++a)
        out[agent * width + a] = 0;
  }

  std::unique_ptr<Env> do_clone() const override { return std::make_unique<MatrixGame>(*this); }

  void do_save(ByteWriter& out) const override { out.put_vector(last_actions_); }

  void do_load(ByteReader& in) override {
    std::vector<int> actions(last_actions_.size());
    in.get_span(std::span<int>(actions));
    for (std::size_t agent = 0; agent < actions.size(); ++agent)
      CREDO_CHECK(actions[agent] >= -1 && actions[agent] < payoff_->n_actions[agent],
                  "saved state holds an action that does not exist");
    last_actions_ = std::move(actions);
  }

  std::string do_render_text() const override {
    std::string text = fmt::format("{}, play {} of {}\n", spec().id, t(), spec().episode_limit);
    if (payoff_->n_actions.size() == 2) {
      text += "payoff (row: action of agent 0, column: action of agent 1)\n";
      const auto columns = static_cast<std::size_t>(payoff_->n_actions[1]);
      for (std::size_t cell = 0; cell < payoff_->cells.size(); ++cell)
        text += fmt::format("{:>7}{}", payoff_->cells[cell], (cell + 1) % columns == 0 ? "\n" : "");
    } else {
      text += fmt::format("{} agents, {} joint actions\n", payoff_->n_actions.size(),
                          payoff_->cells.size());
    }
    text += "last joint action:";
    for (const int action : last_actions_)
      text += action < 0 ? std::string(" -") : fmt::format(" {}", action);
    return text + "\n";
  }

  std::unique_ptr<ScriptedPolicy> do_make_scripted(std::string_view name) const override;

 private:
  void write_last_actions(std::span<float> out) const {
    std::fill(out.begin(), out.end(), 0.0F);
    const auto width = static_cast<std::size_t>(spec().n_actions);
    for (std::size_t agent = 0; agent < last_actions_.size(); ++agent)
      if (last_actions_[agent] >= 0)
        out[agent * width + static_cast<std::size_t>(last_actions_[agent])] = 1.0F;
  }

  std::shared_ptr<const Payoff> payoff_;
  bool is_one_step_;
  bool shows_last_actions_;
  std::vector<int> last_actions_;  // [n_agents]; -1 before the first play
};

class OptimalPlay final : public ScriptedPolicy {
 public:
  void act(const Env& env, Stream& stream, std::span<int> actions) override {
    (void)stream;
    dynamic_cast<const MatrixGame&>(env).best_actions(actions);
  }
};

std::unique_ptr<ScriptedPolicy> MatrixGame::do_make_scripted(std::string_view name) const {
  (void)name;
  return std::make_unique<OptimalPlay>();
}

// Setting a parameter of one game for another, where it has no effect, is an error.
void check_unused(const Params& params, std::string_view key, const ParamValue& unused,
                  std::string_view game) {
  if (params.text("game") == game || params.value(key) == unused) return;
  throw UserError(fmt::format("env.{} = '{}': only the game '{}' has it, this is '{}'", key,
                              to_text(params.value(key)), game, params.text("game")));
}

constexpr double kDefaultPenalty = 100.0;
constexpr std::int64_t kDefaultAgents = 3;
constexpr std::int64_t kDefaultActions = 3;

Payoff make_payoff(const Params& params, EnvSpec& spec) {
  const std::string& game = params.text("game");
  check_unused(params, "k", kDefaultPenalty, "penalty");
  check_unused(params, "n_agents", kDefaultAgents, "qtran-n");
  check_unused(params, "n_actions", kDefaultActions, "diagonal");
  check_unused(params, "payoff_file", std::string(), "custom");
  for (const NamedPayoff& named : square_games())
    if (game == named.name) return Payoff::square(named.cells);
  if (game == "penalty") return penalty_game(params.real("k"));
  if (game == "climbing3") return climbing_three_players();
  if (game == "qtran-n") return qtran_n_agents(params.integer32("n_agents"));
  if (game == "diagonal") return diagonal_game(params.integer32("n_actions"));
  const FileSource source = params.source("payoff_file");
  if (source.empty()) return example_payoff();
  Payoff payoff = PayoffFile(source).read();
  spec.inputs["payoff_file"] = source.contents_read();
  return payoff;
}

std::unique_ptr<Env> make_matrix_game(EnvSpec spec, const Params& params) {
  auto payoff = std::make_shared<const Payoff>(make_payoff(params, spec));
  const int steps = params.integer32("steps");
  const bool shows_last_actions = params.text("obs") == "last_actions";

  spec.n_agents = static_cast<int>(payoff->n_actions.size());
  spec.n_actions = *std::max_element(payoff->n_actions.begin(), payoff->n_actions.end());
  spec.episode_limit = std::min(steps, spec.episode_limit);
  spec.is_stochastic = false;
  const auto [low, high] = std::minmax_element(payoff->cells.begin(), payoff->cells.end());
  spec.reward_low = *low;
  spec.reward_high = *high;
  // With negative payoffs only, fewer plays than the limit never happen, so this holds for any
  // sign.
  spec.return_bound = *high * spec.episode_limit;
  spec.random_return = std::accumulate(payoff->cells.begin(), payoff->cells.end(), 0.0) /
                       static_cast<double>(payoff->cells.size()) * spec.episode_limit;
  for (int action = 0; action < spec.n_actions; ++action)
    spec.action_names.push_back(fmt::format("action_{}", action));

  if (shows_last_actions) {
    for (int agent = 0; agent < spec.n_agents; ++agent)
      for (int action = 0; action < spec.n_actions; ++action)
        spec.obs_features.push_back(
            {fmt::format("agent{}.last_action_{}", agent, action), 0.0F, 1.0F});
  } else {
    spec.obs_features.push_back({"one", 1.0F, 1.0F});
  }
  spec.state_features = spec.obs_features;
  spec.obs_dim = spec.state_dim = static_cast<int>(spec.obs_features.size());
  spec.scripted.push_back({"default", "plays a joint action with the highest payoff"});
  return std::make_unique<MatrixGame>(std::move(spec), std::move(payoff), steps == 1,
                                      shows_last_actions);
}

std::string game_help(const Params& params) {
  const std::string& game = params.text("game");
  for (const NamedPayoff& named : square_games())
    if (game == named.name) return named.source;
  if (game == "penalty") return fmt::format("penalty game with k = {}", params.real("k"));
  if (game == "climbing3") return "climbing game of three players";
  if (game == "qtran-n") return fmt::format("QTRAN game for {} agents", params.integer("n_agents"));
  if (game == "diagonal")
    return fmt::format("1 if both agents pick the same of {} actions, else 0",
                       params.integer("n_actions"));
  const std::string& file = params.text("payoff_file");
  return file.empty() ? "your own payoff from env.payoff_file (here a small example)"
                      : "your own payoff from " + file;
}

std::string describe(const Params& params) {
  const std::int64_t plays = std::min(params.integer("steps"), params.integer("limit"));
  return game_help(params) + (plays == 1 ? "" : fmt::format(", played {} times", plays));
}

void add_variant(EnvFamily& family, const std::string& name,
                 std::vector<std::pair<std::string, ParamValue>> defaults, bool with_repeated) {
  family.variants.push_back({name, "", defaults});
  if (!with_repeated) return;
  defaults.emplace_back("steps", std::int64_t{25});
  family.variants.push_back({name + "-25", "", std::move(defaults)});
}

}  // namespace

EnvFamily matrix_game_family() {
  EnvFamily family;
  family.name = "matrix";
  family.help = "matrix games: one payoff per joint action";
  std::vector<std::string> games;
  for (const NamedPayoff& named : square_games()) games.emplace_back(named.name);
  for (const char* game : {"penalty", "climbing3", "qtran-n", "diagonal", "custom"})
    games.emplace_back(game);

  family.params = {
      ParamSpec::choice("game", "qtran", games, "which payoff table"),
      ParamSpec::integer("steps", 1, 1, 1000,
                         "plays per episode; 1: the play ends the task, more: a time limit does"),
      ParamSpec::choice("obs", "constant", {"constant", "last_actions"},
                        "observation and state: one constant, or the last joint action one-hot"),
      ParamSpec::real("k", kDefaultPenalty, 0.0, 1e6, "penalty game: minus the two bad corners"),
      ParamSpec::integer("n_agents", kDefaultAgents, 2, 10, "qtran-n: number of agents"),
      ParamSpec::integer("n_actions", kDefaultActions, 2, kMaxActions,
                         "diagonal: number of actions"),
      ParamSpec::path("payoff_file",
                      "custom: TOML file with actions = [3, 2] and a nested payoff array; "
                      "empty: a small example")};
  for (ParamSpec& param : limit_params(1000, true)) family.params.push_back(std::move(param));

  for (const NamedPayoff& named : square_games())
    add_variant(family, named.name, {{"game", std::string(named.name)}}, true);
  // The repeated form of plain "penalty" would be called "penalty-25", which is the game with k 25.
  add_variant(family, "penalty", {{"game", std::string("penalty")}}, false);
  for (const int k : {0, 25, 50, 75, 100})
    add_variant(family, fmt::format("penalty-{}", k),
                {{"game", std::string("penalty")}, {"k", static_cast<double>(k)}}, true);
  for (const char* game : {"climbing3", "qtran-n", "diagonal", "custom"})
    add_variant(family, game, {{"game", std::string(game)}}, true);
  family.describe = describe;
  family.make = make_matrix_game;
  return family;
}

}  // namespace credo
