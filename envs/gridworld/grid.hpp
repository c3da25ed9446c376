// What the gridworlds share: cells, ma-gym's move order, reward sums, and states that are
// concatenated observations.
#pragma once

#include <array>
#include <cstddef>
#include <fmt/format.h>
#include <string>
#include <string_view>
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

  /// How many of the four neighbours hold `what`.
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

/// Parameters of environments whose agents each earn a reward: how the team reward adds them up.
inline ParamSpec reward_param() {
  return ParamSpec::choice("reward", "sum", {"sum", "mean"},
                           "team reward: sum over agents (as the original) or mean");
}

/// Factor from one agent's reward (all equal) to the team's.
inline double reward_scale(const Params& params, int n_agents) {
  return params.text("reward") == "sum" ? static_cast<double>(n_agents) : 1.0;
}

/// `one` repeated for every agent, names prefixed with "agent0.", "agent1.", ...
inline std::vector<Feature> repeat_features(const std::vector<Feature>& one, int n_agents) {
  std::vector<Feature> all;
  all.reserve(one.size() * static_cast<std::size_t>(n_agents));
  for (int agent = 0; agent < n_agents; ++agent)
    for (const Feature& feature : one)
      all.push_back({fmt::format("agent{}.{}", agent, feature.name), feature.low, feature.high});
  return all;
}

}  // namespace credo::grid
