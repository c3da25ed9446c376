// Shortest paths between all open cells of a walled map: the next step from every cell towards
// every goal cell.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "envs/skirmish/data.hpp"

namespace credo::skirmish {

struct Cell {
  int x = 0;
  int y = 0;
  bool operator==(const Cell&) const = default;
};

class FlowField {
 public:
  /// `open(x, y)`: the cell can be walked. Steps go to the eight neighbours; a diagonal needs both
  /// cells beside it open.
  explicit FlowField(const std::function<bool(int, int)>& open);

  /// The next cell from `from` towards `goal`; `from` itself at the goal or without a path. Blocked
  /// cells are replaced by the nearest open one.
  Cell next(Cell from, Cell goal) const;
  /// The nearest open cell.
  Cell snap(Cell cell) const;

 private:
  static constexpr std::uint8_t kNone = 255;

  std::vector<Cell> cells_;                                       // the open cells
  std::array<std::array<std::int16_t, kGrid>, kGrid> nearest_{};  // [y][x] -> index of cells_
  std::vector<std::uint8_t> step_;                                // [goal][from] -> direction
};

}  // namespace credo::skirmish
