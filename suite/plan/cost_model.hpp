// Time and memory of a cell before it runs: counts (cell_work.hpp) times costs measured on one
// machine. The costs are data, configs/costs/costs.toml; docs/suites.md tells how they were
// measured and how far estimates were off.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "suite/plan/cell_work.hpp"

namespace credo::suite {

struct CellEstimate {
  double seconds = 0.0;  ///< on the machine of the table
  double bytes = 0.0;    ///< most memory at a time, beyond what the program itself takes
};

class CostModel {
 public:
  /// Errors: UserError with file and line.
  static CostModel parse(std::string_view text, const std::string& label);
  /// The table that comes with the program.
  static const CostModel& builtin();

  /// `threads` of the cell: updates and evaluations share them.
  CellEstimate estimate(const CellWork& work, int threads = 1) const;

  /// One step of an environment whose `agents` act by a network (0: by a script).
  double acting_step_seconds(std::string_view env, int agents) const;

  const std::string& machine() const { return machine_; }
  /// Memory of the program without any cell.
  double base_bytes() const { return number("memory.program_bytes"); }
  /// How often the replay counts in CellEstimate::bytes.
  double replay_factor() const { return number("memory.replay_factor"); }

 private:
  struct Row {
    std::string pattern;
    std::vector<std::pair<std::string, double>> values;
  };

  double number(std::string_view key) const;
  /// Of the last row that matches. Errors: Error when none has the value.
  static double of_row(const std::vector<Row>& rows, std::string_view name, std::string_view key);
  void check(const std::string& label) const;
  double learning_seconds(const CellWork& work, int threads) const;

  std::string machine_;
  std::vector<std::pair<std::string, double>> numbers_;
  std::vector<Row> envs_, algorithms_;  // by pattern, in the order of the file
};

/// Time until all jobs are done when each worker always takes the longest remaining one.
double makespan(std::vector<double> seconds, int workers);

/// Sum of the `count` largest.
double largest(std::vector<double> values, int count);

}  // namespace credo::suite
