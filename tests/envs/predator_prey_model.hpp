// PredatorPrey 5x5 written down a second time, as plain probability: the distribution of one prey
// move by following its up to five draws, and the exact value of the uniformly random
// and of the best policy.
#pragma once

#include <array>
#include <vector>

namespace env_tests::model {

struct Cell {
  int row = 0;
  int col = 0;
  friend bool operator==(const Cell&, const Cell&) = default;
};

inline Cell moved(Cell cell, int action) {
  switch (action) {
    case 0:
      return {cell.row + 1, cell.col};
    case 1:
      return {cell.row, cell.col - 1};
    case 2:
      return {cell.row - 1, cell.col};
    case 3:
      return {cell.row, cell.col + 1};
    default:
      return cell;
  }
}

inline int distance(Cell a, Cell b) {
  return (a.row > b.row ? a.row - b.row : b.row - a.row) +
         (a.col > b.col ? a.col - b.col : b.col - a.col);
}

inline int index(Cell cell) { return cell.row * 5 + cell.col; }
inline Cell cell(int index) { return {index / 5, index % 5}; }
inline bool on_board(Cell cell) {
  return cell.row >= 0 && cell.row < 5 && cell.col >= 0 && cell.col < 5;
}

/// Probability of each of the 25 cells after the prey's move; predators have moved already.
inline std::array<double, 25> prey_moves(const std::array<Cell, 2>& predators, Cell prey) {
  constexpr std::array<double, 5> kDraw = {0.175, 0.175, 0.175, 0.175, 0.3};
  std::array<double, 25> after{};
  double undecided = 1.0;
  for (int attempt = 0; attempt < 5; ++attempt) {
    double rejected = 0.0;
    for (int action = 0; action < 5; ++action) {
      const double p = undecided * kDraw[static_cast<std::size_t>(action)];
      const Cell target = moved(prey, action);
      if (distance(predators[0], target) == 1 || distance(predators[1], target) == 1) {
        rejected += p;
        continue;
      }
      const bool is_free = on_board(target) && target != predators[0] && target != predators[1];
      after[static_cast<std::size_t>(index(is_free ? target : prey))] += p;
    }
    undecided = rejected;
  }
  after[static_cast<std::size_t>(index(prey))] += undecided;
  return after;
}

enum class Play { kRandom, kOptimal };

/// Expected return (summed over both agents) within `limit` steps of uniformly random actions, or
/// of the best policy that sees everything.
inline double policy_value(Play play, bool is_static, int limit) {
  const auto at = [](int first, int second, int prey) {
    return static_cast<std::size_t>((first * 25 + second) * 25 + prey);
  };
  const auto distinct = [](int a, int b, int c) { return a != b && a != c && b != c; };
  // value: before the predators move; after_move: once they have.
  std::vector<double> value(25 * 25 * 25, 0.0);
  std::vector<double> after_move(value.size(), 0.0);
  std::vector<std::array<double, 25>> transitions(value.size());
  for (int a = 0; a < 25; ++a)
    for (int b = 0; b < 25; ++b)
      for (int p = 0; p < 25; ++p)
        if (distinct(a, b, p)) transitions[at(a, b, p)] = prey_moves({cell(a), cell(b)}, cell(p));

  for (int step = 0; step < limit; ++step) {
    for (int a = 0; a < 25; ++a)
      for (int b = 0; b < 25; ++b)
        for (int p = 0; p < 25; ++p) {
          if (!distinct(a, b, p)) continue;
          const int near =
              (distance(cell(a), cell(p)) == 1 ? 1 : 0) + (distance(cell(b), cell(p)) == 1 ? 1 : 0);
          double total = -0.02 + (near == 2 ? 10.0 : near == 1 ? -1.0 : 0.0);
          if (near < 2) {
            if (is_static) {
              total += value[at(a, b, p)];
            } else {
              const auto& to = transitions[at(a, b, p)];
              for (int q = 0; q < 25; ++q)
                if (to[static_cast<std::size_t>(q)] > 0.0)
                  total += to[static_cast<std::size_t>(q)] * value[at(a, b, q)];
            }
          }
          after_move[at(a, b, p)] = total;
        }
    for (int a = 0; a < 25; ++a)
      for (int b = 0; b < 25; ++b)
        for (int p = 0; p < 25; ++p) {
          if (!distinct(a, b, p)) continue;
          double total = 0.0;
          double best = -1e9;
          for (int action_a = 0; action_a < 5; ++action_a) {
            const Cell to_a = moved(cell(a), action_a);
            const bool a_moves = on_board(to_a) && index(to_a) != b && index(to_a) != p;
            const int new_a = a_moves ? index(to_a) : a;
            for (int action_b = 0; action_b < 5; ++action_b) {
              const Cell to_b = moved(cell(b), action_b);
              const bool b_moves = on_board(to_b) && index(to_b) != new_a && index(to_b) != p;
              const double outcome = after_move[at(new_a, b_moves ? index(to_b) : b, p)];
              total += outcome;
              best = outcome > best ? outcome : best;
            }
          }
          value[at(a, b, p)] = play == Play::kRandom ? total / 25.0 : best;
        }
  }

  // Start cells are the 4x4 square at the top left; the prey starts beside no predator.
  double sum = 0.0;
  for (int a = 0; a < 16; ++a)
    for (int b = 0; b < 16; ++b) {
      if (a == b) continue;
      const Cell first{a / 4, a % 4};
      const Cell second{b / 4, b % 4};
      double pair = 0.0;
      int n_cells = 0;
      for (int p = 0; p < 16; ++p) {
        const Cell prey{p / 4, p % 4};
        if (distance(first, prey) < 2 || distance(second, prey) < 2) continue;
        pair += value[at(index(first), index(second), index(prey))];
        ++n_cells;
      }
      sum += pair / n_cells;
    }
  return sum / (16.0 * 15.0);
}

}  // namespace env_tests::model
