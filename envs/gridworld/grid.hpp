// What the gridworlds share: cells, ma-gym's move order, reward sums, action masks, and the ways
// ma-gym and EPyMARL arrange the agents' observations into what each agent and the mixer sees.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <fmt/format.h>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "envs/core/registry.hpp"

namespace credo::grid {

/// Row 0 is the top.
struct Cell {
  int row = 0;
  int col = 0;
  friend bool operator==(const Cell&, const Cell&) = default;
};

inline constexpr int kDown = 0;
inline constexpr int kLeft = 1;
inline constexpr int kUp = 2;
inline constexpr int kRight = 3;
inline constexpr int kNoop = 4;
inline constexpr int kMoves = 5;

/// Row and column change of each action in ma-gym's order.
inline constexpr std::array<Cell, kMoves> kMoveDelta = {{{1, 0}, {0, -1}, {-1, 0}, {0, 1}, {0, 0}}};

inline std::vector<std::string> move_names() { return {"down", "left", "up", "right", "noop"}; }

inline Cell moved(Cell cell, int action) {
  const Cell delta = kMoveDelta[static_cast<std::size_t>(action)];
  return {cell.row + delta.row, cell.col + delta.col};
}

inline int distance(Cell a, Cell b) {
  const int rows = a.row > b.row ? a.row - b.row : b.row - a.row;
  const int cols = a.col > b.col ? a.col - b.col : b.col - a.col;
  return rows + cols;
}

/// Rows of symbols from the top, a line each: `symbol_of(cell)` is a char or a text.
template <typename Symbol>
std::string board_text(int rows, int cols, const Symbol& symbol_of) {
  std::string text;
  for (int row = 0; row < rows; ++row) {
    for (int col = 0; col < cols; ++col) text += symbol_of(Cell{row, col});
    text += '\n';
  }
  return text;
}

/// A board with a border of walls, so that neighbours of any cell can be looked up unchecked.
/// `margin` is how far outside the board lookups may reach.
class Board {
 public:
  static constexpr std::uint8_t kEmpty = 0;
  static constexpr std::uint8_t kWall = 255;

  Board(int rows, int cols, int margin)
      : rows_(rows),
        cols_(cols),
        margin_(margin),
        width_(cols + 2 * margin),
        cells_(static_cast<std::size_t>((rows + 2 * margin) * width_), kWall) {
    clear();
  }

  void clear() {
    for (int row = 0; row < rows_; ++row)
      for (int col = 0; col < cols_; ++col) (*this)[{row, col}] = kEmpty;
  }

  std::uint8_t& operator[](Cell cell) { return cells_[index(cell)]; }
  std::uint8_t operator[](Cell cell) const { return cells_[index(cell)]; }

  int rows() const { return rows_; }
  int cols() const { return cols_; }
  bool holds(Cell cell) const {
    return cell.row >= 0 && cell.row < rows_ && cell.col >= 0 && cell.col < cols_;
  }

  /// Number of the four neighbours that hold `what`.
  int count_neighbours(Cell cell, std::uint8_t what) const {
    const std::size_t i = index(cell);
    const auto width = static_cast<std::size_t>(width_);
    return (cells_[i - width] == what) + (cells_[i + width] == what) + (cells_[i - 1] == what) +
           (cells_[i + 1] == what);
  }

 private:
  std::size_t index(Cell cell) const {
    return static_cast<std::size_t>((cell.row + margin_) * width_ + cell.col + margin_);
  }

  int rows_;
  int cols_;
  int margin_;
  int width_;
  std::vector<std::uint8_t> cells_;
};

/// Parameters of environments with one reward per agent: how they combine to the team reward.
inline ParamSpec reward_param() {
  return ParamSpec::choice("reward", "sum", {"sum", "mean"},
                           "team reward: sum over agents (as the original) or mean");
}

/// Team reward divided by one agent's reward, when all agents' rewards are equal.
inline double reward_scale(const Params& params, int n_agents) {
  return params.text("reward") == "sum" ? static_cast<double>(n_agents) : 1.0;
}

/// How the original treats actions without effect, and the alternative.
inline ParamSpec avail_param() {
  return ParamSpec::choice(
      "avail", "all", {"all", "legal"},
      "available actions: all of them, always (as the original), or only those "
      "that the board or the agent's condition does not rule out");
}

/// Clears the moves of `row` [at least kMoves] that leave the board or run into a wall.
inline void mask_moves(const Board& board, Cell cell, std::span<std::uint8_t> row) {
  for (int move = 0; move < kNoop; ++move)
    if (board[moved(cell, move)] == Board::kWall) row[static_cast<std::size_t>(move)] = 0;
}

/// For scripted policies that ignore masks: unavailable actions become `noop`, which has the same
/// effect.
inline void keep_available(const Env& env, std::span<int> actions, int noop) {
  const auto avail = env.avail_actions();
  const std::size_t width = avail.size() / actions.size();
  for (std::size_t agent = 0; agent < actions.size(); ++agent)
    if (avail[agent * width + static_cast<std::size_t>(actions[agent])] == 0) actions[agent] = noop;
}

/// Plays a fixed action sequence per agent, written as digits; no-ops after its end.
class Replay final : public ScriptedPolicy {
 public:
  explicit Replay(std::span<const std::string_view> plans) : plans_(plans) {}

  void act(const Env& env, Stream& stream, std::span<int> actions) override {
    (void)stream;
    const auto t = static_cast<std::size_t>(env.t());
    for (std::size_t agent = 0; agent < actions.size(); ++agent)
      actions[agent] = t < plans_[agent].size() ? plans_[agent][t] - '0' : kNoop;
    keep_available(env, actions, kNoop);
  }

 private:
  std::span<const std::string_view> plans_;
};

/// `one` repeated for every agent, names prefixed with "agent0.", "agent1.", ...
inline std::vector<Feature> repeat_features(const std::vector<Feature>& one, int n_agents) {
  std::vector<Feature> all;
  all.reserve(one.size() * static_cast<std::size_t>(n_agents));
  for (int agent = 0; agent < n_agents; ++agent)
    for (const Feature& feature : one)
      all.push_back({fmt::format("agent{}.{}", agent, feature.name), feature.low, feature.high});
  return all;
}

enum class StateKind : std::uint8_t { kConcat, kSingle, kTrue };

/// Layout of observations and state. An agent's "own" vector is its local observation; with
/// full_obs every agent observes the concatenation of all own vectors. The state is the
/// concatenation of all observations (kConcat, as in EPyMARL's gymma wrapper; n identical copies
/// with full_obs), one copy of the own vectors (kSingle), or the true state of the game (kTrue).
struct Views {
  bool full_obs = false;
  StateKind state = StateKind::kConcat;
};

/// env.full_obs and env.state, for environments that offer both.
inline std::vector<ParamSpec> view_params() {
  return {ParamSpec::boolean("full_obs", false, "every agent sees the observations of all agents"),
          ParamSpec::choice("state", "concat", {"concat", "single", "true"},
                            "all observations (as the original), one copy of the partial ones, or "
                            "the true situation")};
}

/// env.state of environments without env.full_obs.
inline ParamSpec partial_state_param() {
  return ParamSpec::choice("state", "concat", {"concat", "true"},
                           "all observations (as the original) or the true situation");
}

inline Views read_views(const Params& params) {
  const std::string& state = params.text("state");
  return {.full_obs = params.has("full_obs") && params.boolean("full_obs"),
          .state = state == "concat"   ? StateKind::kConcat
                   : state == "single" ? StateKind::kSingle
                                       : StateKind::kTrue};
}

/// "full" or "partial", for help texts.
inline const char* view_name(const Params& params) {
  return params.boolean("full_obs") ? "full" : "partial";
}

/// Fills in the features and sizes of observations and state; needs spec.n_agents.
inline void set_features(EnvSpec& spec, const Views& views, const std::vector<Feature>& own,
                         std::vector<Feature> true_state) {
  const auto all = repeat_features(own, spec.n_agents);
  spec.obs_features = views.full_obs ? all : own;
  switch (views.state) {
    case StateKind::kConcat:
      spec.state_features = views.full_obs ? repeat_features(all, spec.n_agents) : all;
      break;
    case StateKind::kSingle:
      spec.state_features = all;
      break;
    case StateKind::kTrue:
      spec.state_features = std::move(true_state);
      break;
  }
  spec.obs_dim = static_cast<int>(spec.obs_features.size());
  spec.state_dim = static_cast<int>(spec.state_features.size());
}

/// An environment that writes own vectors and a true state, laid out according to `Views`.
class ViewedEnv : public Env {
 protected:
  ViewedEnv(EnvSpec env_spec, const Views& views)
      : Env(std::move(env_spec)),
        views_(views),
        n_copies_(views.full_obs ? static_cast<std::size_t>(spec().n_agents) : 1),
        n_own_(static_cast<std::size_t>(spec().n_agents) *
               static_cast<std::size_t>(spec().obs_dim) / n_copies_) {}
  ViewedEnv(const ViewedEnv&) = default;

  /// Own vectors of all agents; `out` holds zeros on entry.
  virtual void write_own(std::span<float> out) const = 0;
  /// `out` holds zeros on entry.
  virtual void write_true_state(std::span<float> out) const = 0;

  void do_write_obs(std::span<float> out) const final {
    const auto own = out.first(n_own_);
    std::fill(own.begin(), own.end(), 0.0F);
    write_own(own);
    for (std::size_t copy = 1; copy < n_copies_; ++copy)
      std::copy(own.begin(), own.end(), out.subspan(copy * n_own_).begin());
  }

  void do_write_state(std::span<float> out) const final {
    if (views_.state == StateKind::kConcat) return do_write_obs(out);
    std::fill(out.begin(), out.end(), 0.0F);
    if (views_.state == StateKind::kSingle) {
      write_own(out);
    } else {
      write_true_state(out);
    }
  }

 private:
  Views views_;
  std::size_t n_copies_;
  std::size_t n_own_;  // numbers in all own vectors together
};

}  // namespace credo::grid
