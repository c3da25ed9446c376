// The sections [credits] of a suite at work: measures the chosen policies of finished cells, side by
// side, after they have run. What is there already is left alone; what was stopped goes on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "suite/common/progress.hpp"
#include "suite/credits/credits_study.hpp"
#include "suite/plan/plan.hpp"

namespace credo::suite {

/// Errors: UserError naming the cell, before anything runs, for what cannot be measured.
void check_credits(const std::vector<Cell>& cells);

/// What the sections ask of a cell, before it has run.
struct CreditsCost {
  std::int64_t measurements = 0;
  double likely_seconds = 0.0, most_seconds = 0.0;  ///< on one core
};
/// Estimates of cells that differ in their seed alone are made once.
class CreditsCounter {
 public:
  CreditsCost count(const Cell& cell);

 private:
  std::map<std::string, CreditsCost> known_;
};

struct CreditsRunOptions {
  std::filesystem::path out;
  int jobs = 1;
  int threads = 1;  ///< per measurement; used when jobs is 1
};

struct CreditsRunOutcome {
  int n_measured = 0;  ///< by this process
  int n_failed = 0;
  int n_busy = 0;       ///< left to another process
  std::string problem;  ///< of the first that failed
  bool stopped = false;
};

/// Writes runs/TASK/ALG/seed_N/credits/. Cells that are not done are passed over.
CreditsRunOutcome measure_credits(const std::vector<Cell>& cells, const CreditsRunOptions& options,
                                  Progress& progress);

}  // namespace credo::suite
